import { isCovariance } from '../../frames/covariance.js';
import { determinant3, identity4, rigidityError } from '../../math/index.js';
import { type Code, codeItem } from './codes.js';
import {
  badObject,
  commonModules,
  commonReferences,
  contentModule,
  type EncodedObject,
  type InstanceReference,
  idsOf,
  type ObjectInit,
  referenceItem,
  requireUid,
  UNKNOWN_LATERALITY,
} from './object.js';
import { type Dataset, encodePart10 } from './part10.js';
import { PRIVATE, privateBlock } from './provenance.js';
import { SOP_CLASS } from './uid.js';

/** What a matrix may be (PS3.3, C.20.2.1.2). */
export type MatrixKind = 'RIGID' | 'RIGID_SCALE' | 'AFFINE';

/** One side of a registration. */
export interface RegisteredImages {
  readonly frameOfReferenceUid: string;
  /** The images it was found on, where it was found on images. */
  readonly references?: readonly InstanceReference[] | undefined;
}

/** A bound on the error at a target: with `probability` the target is not further off than `boundMm`. */
export interface TreBound {
  /** In the fixed frame of reference, LPS mm. */
  readonly target: ArrayLike<number>;
  readonly boundMm: number;
  /** Such as 0.95. */
  readonly probability: number;
}

/** A registration to write. */
export interface SpatialRegistrationInit extends ObjectInit {
  /** The frame of reference mapped into: the object's own. */
  readonly fixed: RegisteredImages;
  readonly moving: RegisteredImages;
  /** p_fixed = matrix · p_moving: 16 numbers, column-major, LPS mm. */
  readonly fixedFromMoving: {
    readonly matrix: ArrayLike<number>;
    /** 36 numbers as in `Transform.covariance`; absent is unknown. */
    readonly covariance?: ArrayLike<number> | undefined;
    readonly degreesOfFreedom?: number | undefined;
  };
  /** What the matrix is to be: it is refused where it is not. Default RIGID. */
  readonly kind?: MatrixKind | undefined;
  /** How it was found: one of `REGISTRATION_METHOD`. */
  readonly method?: Code | undefined;
  readonly treBound?: TreBound | undefined;
  /** At most 64 characters; default the TRE's bound in words, where there is one. */
  readonly comment?: string | undefined;
}

/**
 * A Spatial Registration (PS3.3, A.39.1, C.20.2): the fixed frame of reference by the identity, the moving one by its matrix.
 *
 * The matrix is written as decimal strings of 16 characters: points within 1 m of the origin move by less than 1e-9 mm.
 * Covariance and TRE bound have no attribute in the standard: they go into a private block of the matrix's item, and the bound
 * also into the comment, in words.
 * @throws NavError `dicom/bad-object` for a matrix that is not of its kind, mirrors or is not finite; `dicom/bad-value`
 */
export function encodeSpatialRegistration(init: SpatialRegistrationInit): EncodedObject {
  const kind = init.kind ?? 'RIGID';
  const { matrix } = init.fixedFromMoving;
  requireKind(matrix, kind);
  const ids = idsOf(init, SOP_CLASS.spatialRegistration);
  if (init.fixed.frameOfReferenceUid === init.moving.frameOfReferenceUid) {
    throw badObject('fixed and moving are in one frame of reference already', { uid: init.fixed.frameOfReferenceUid });
  }
  const references = [...(init.fixed.references ?? []), ...(init.moving.references ?? [])];
  const dataset: Dataset = {
    ...commonModules(init, ids, 'REG'),
    ...UNKNOWN_LATERALITY,
    ...contentModule(init, 'REGISTRATION', init.comment ?? boundInWords(init.treBound)),
    ...frameOfReferenceModule(init.fixed.frameOfReferenceUid),
    ...commonReferences(ids, references),
    RegistrationSequence: [
      registrationItem(init.fixed, matrixItem(identity4(), 'RIGID'), {}),
      registrationItem(init.moving, { ...matrixItem(matrix, kind), ...uncertaintyBlock(init) }, init),
    ],
  };
  return { ...ids, bytes: encodePart10(dataset) };
}

/** Frame of Reference module (PS3.3, C.7.4.1). */
export function frameOfReferenceModule(uid: string): Dataset {
  return { FrameOfReferenceUID: requireUid(uid, 'a frame of reference'), PositionReferenceIndicator: null };
}

type Told = Pick<SpatialRegistrationInit, 'method' | 'comment' | 'treBound'>;

function registrationItem(images: RegisteredImages, matrix: Dataset, told: Partial<Told>): Dataset {
  const references = images.references ?? [];
  return {
    FrameOfReferenceUID: requireUid(images.frameOfReferenceUid, 'a frame of reference'),
    ReferencedImageSequence: references.length === 0 ? undefined : references.map(referenceItem),
    MatrixRegistrationSequence: [
      {
        FrameOfReferenceTransformationComment: told.comment ?? boundInWords(told.treBound),
        RegistrationTypeCodeSequence: told.method === undefined ? [] : [codeItem(told.method)],
        MatrixSequence: [matrix],
      },
    ],
  };
}

/** The item of a Matrix Sequence: 16 numbers, row-major, as the standard has them. */
export function matrixItem(matrix: ArrayLike<number>, kind: MatrixKind): Dataset {
  return { FrameOfReferenceTransformationMatrix: rowMajor(matrix), FrameOfReferenceTransformationMatrixType: kind };
}

/** Column-major to row-major, and back: it is its own inverse. */
export function rowMajor(m: ArrayLike<number>): number[] {
  return Array.from({ length: 16 }, (_, n) => m[(n % 4) * 4 + Math.floor(n / 4)] as number);
}

function uncertaintyBlock({ fixedFromMoving, treBound }: SpatialRegistrationInit): Dataset {
  const { covariance, degreesOfFreedom } = fixedFromMoving;
  if (covariance !== undefined && !isCovariance(covariance)) {
    throw badObject('a covariance is 36 finite numbers, symmetric, with no negative variance', {});
  }
  return privateBlock({
    [PRIVATE.covariance]: covariance && { vr: 'FD', value: Array.from(covariance) },
    [PRIVATE.degreesOfFreedom]:
      degreesOfFreedom === undefined || !Number.isFinite(degreesOfFreedom) ? undefined : { vr: 'FD', value: [degreesOfFreedom] },
    [PRIVATE.treBound]: treBound && { vr: 'FD', value: boundNumbers(treBound) },
  });
}

function boundNumbers({ target, boundMm, probability }: TreBound): number[] {
  if (target.length !== 3 || !(boundMm >= 0) || !(probability > 0 && probability < 1)) {
    throw badObject('a TRE bound needs a target of three numbers, a bound of at least 0 mm and a probability in (0, 1)', {});
  }
  return [...Array.from(target), boundMm, probability];
}

/** `TRE 95 % bound 2.13 mm at (12.3, -45.6, 78.9) mm`, rounded up: a bound never shrinks on its way to a reader. */
function boundInWords(bound: TreBound | undefined): string | undefined {
  if (bound === undefined) return undefined;
  const at = Array.from(bound.target, (x) => x.toFixed(1)).join(', ');
  return `TRE ${+(100 * bound.probability).toFixed(2)} % bound ${(Math.ceil(100 * bound.boundMm) / 100).toFixed(2)} mm at (${at})`;
}

/** The largest |RᵀR − I| that is still rigid, and the largest cosine between columns that are still at right angles. */
const KIND_TOLERANCE = 1e-6;

/** @throws NavError `dicom/bad-object` */
export function requireKind(m: ArrayLike<number>, kind: MatrixKind): void {
  const values = Array.from(m);
  const affine = m.length === 16 && values.every(Number.isFinite) && m[3] === 0 && m[7] === 0 && m[11] === 0 && m[15] === 1;
  if (!affine) throw badObject('a registration needs 16 finite numbers, column-major, with a last row of 0 0 0 1', {});
  if (!(determinant3(m) > 0)) throw badObject('the matrix mirrors or flattens space, which no patient does', { kind });
  if (kind === 'RIGID' && rigidityError(m) > KIND_TOLERANCE) {
    throw badObject(`the matrix is called RIGID but scales or shears by ${rigidityError(m).toPrecision(2)}`, { kind });
  }
  if (kind === 'RIGID_SCALE' && skewOf(m) > KIND_TOLERANCE) {
    throw badObject(`the matrix is called RIGID_SCALE but its axes miss a right angle by ${skewOf(m).toPrecision(2)}`, { kind });
  }
}

/** The largest cosine between two columns. */
export function skewOf(m: ArrayLike<number>): number {
  const column = (c: number): number[] => [m[4 * c] as number, m[4 * c + 1] as number, m[4 * c + 2] as number];
  const cosine = (a: number[], b: number[]): number =>
    a.reduce((sum, x, k) => sum + x * (b[k] as number), 0) / (Math.hypot(...a) * Math.hypot(...b));
  return Math.max(
    ...(
      [
        [0, 1],
        [0, 2],
        [1, 2],
      ] as const
    ).map(([a, b]) => Math.abs(cosine(column(a), column(b)))),
  );
}
