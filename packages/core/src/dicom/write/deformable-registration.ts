import { identity4, transformPoint } from '../../math/index.js';
import { type Code, codeItem } from './codes.js';
import {
  badObject,
  commonModules,
  commonReferences,
  contentModule,
  type EncodedObject,
  idsOf,
  type ObjectInit,
  referenceItem,
  requireUid,
  UNKNOWN_LATERALITY,
} from './object.js';
import { type Dataset, encodePart10 } from './part10.js';
import {
  frameOfReferenceModule,
  type MatrixKind,
  matrixItem,
  type RegisteredImages,
  requireKind,
} from './spatial-registration.js';
import { SOP_CLASS } from './uid.js';

/**
 * Displacements on a grid of right angles in the fixed frame of reference. A point p at a node goes to
 * post · (pre · p + displacement) in the moving frame (PS3.3, C.20.3.1.1).
 */
export interface DisplacementGrid {
  /** Nodes along i, j, k. */
  readonly size: readonly [number, number, number];
  /** Fixed frame from node index: 16 numbers, column-major, LPS mm. At right angles; may be left-handed. */
  readonly frameFromIndex: ArrayLike<number>;
  /** x, y, z in mm of each node, i fastest: three numbers a node. */
  readonly displacements: ArrayLike<number>;
}

/** A matrix before or after the deformation. */
export interface GridMatrix {
  readonly matrix: ArrayLike<number>;
  readonly kind: MatrixKind;
}

/** A deformable registration to write. */
export interface DeformableRegistrationInit extends ObjectInit {
  /** The frame of reference that the grid lies in: the object's own (Registered RCS). */
  readonly fixed: RegisteredImages;
  /** The frame of reference that points are carried into (Source RCS). */
  readonly moving: RegisteredImages;
  /** Fixed to moving, as image registration resamples. */
  readonly grid: DisplacementGrid;
  /** Default the identity. */
  readonly pre?: GridMatrix | undefined;
  readonly post?: GridMatrix | undefined;
  readonly method?: Code | undefined;
  /** At most 64 characters. */
  readonly comment?: string | undefined;
}

/**
 * A Deformable Spatial Registration (PS3.3, A.39.2, C.20.3). It maps from the fixed frame into the moving one, the other way
 * round than a Spatial Registration does. Displacements are stored in single precision: 100 mm are right to 4e-6 mm.
 * @throws NavError `dicom/bad-object` for a grid that is sheared or not finite, or a matrix that is not of its kind;
 *   `dicom/bad-value`
 */
export function encodeDeformableRegistration(init: DeformableRegistrationInit): EncodedObject {
  const ids = idsOf(init, SOP_CLASS.deformableSpatialRegistration);
  const references = [...(init.fixed.references ?? []), ...(init.moving.references ?? [])];
  const images = init.moving.references ?? [];
  const dataset: Dataset = {
    ...commonModules(init, ids, 'REG'),
    ...UNKNOWN_LATERALITY,
    ...contentModule(init, 'DEFORMATION', init.comment),
    ...frameOfReferenceModule(init.fixed.frameOfReferenceUid),
    ...commonReferences(ids, references),
    DeformableRegistrationSequence: [
      {
        SourceFrameOfReferenceUID: requireUid(init.moving.frameOfReferenceUid, 'a frame of reference'),
        ReferencedImageSequence: images.length === 0 ? undefined : images.map(referenceItem),
        DeformableRegistrationGridSequence: [gridItem(init.grid)],
        PreDeformationMatrixRegistrationSequence: [stepItem(init.pre)],
        PostDeformationMatrixRegistrationSequence: [stepItem(init.post)],
        RegistrationTypeCodeSequence: init.method === undefined ? [] : [codeItem(init.method)],
      },
    ],
  };
  return { ...ids, bytes: encodePart10(dataset) };
}

function stepItem(step: GridMatrix | undefined): Dataset {
  if (step === undefined) return matrixItem(identity4(), 'RIGID');
  requireKind(step.matrix, step.kind);
  return matrixItem(step.matrix, step.kind);
}

/** How far grid axes may miss a right angle (their cosine): rounding. */
const SQUARE_TOLERANCE = 1e-6;

function gridItem(grid: DisplacementGrid): Dataset {
  const [ni, nj, nk] = grid.size;
  const nodes = ni * nj * nk;
  if (![ni, nj, nk].every((n) => Number.isInteger(n) && n >= 1) || grid.displacements.length !== 3 * nodes) {
    throw badObject(`a grid of ${ni}×${nj}×${nk} nodes needs ${3 * nodes} numbers, got ${grid.displacements.length}`, {});
  }
  const { position, along, down, spacing, flipped } = gridFrame(grid);
  const vectors = new Float32Array(3 * nodes);
  const slab = 3 * ni * nj;
  for (let k = 0; k < nk; k += 1) {
    const from = slab * (flipped ? nk - 1 - k : k);
    for (let n = 0; n < slab; n += 1) vectors[slab * k + n] = grid.displacements[from + n] as number;
  }
  if (!vectors.every(Number.isFinite))
    throw badObject('a displacement is no finite number: crop the grid to where the map is known', {});
  return {
    ImagePositionPatient: position,
    ImageOrientationPatient: [...along, ...down],
    GridDimensions: [ni, nj, nk],
    GridResolution: spacing,
    VectorGridData: vectors,
  };
}

/** The grid as DICOM has it: its third axis is the cross product of the others, so a left-handed grid is turned over. */
function gridFrame({ size, frameFromIndex: m }: DisplacementGrid): {
  readonly position: readonly number[];
  readonly along: readonly number[];
  readonly down: readonly number[];
  readonly spacing: readonly number[];
  readonly flipped: boolean;
} {
  const column = (c: number): [number, number, number] => [m[4 * c] as number, m[4 * c + 1] as number, m[4 * c + 2] as number];
  const axes = [0, 1, 2].map(column);
  const spacing = axes.map((axis) => Math.hypot(...axis));
  const [u, v, w] = axes.map((axis, n) => axis.map((x) => x / (spacing[n] as number))) as [number[], number[], number[]];
  const skew = Math.max(
    ...[
      [u, v],
      [u, w],
      [v, w],
    ].map(([a, b]) => Math.abs(dot3(a as number[], b as number[]))),
  );
  if (m.length !== 16 || !(skew <= SQUARE_TOLERANCE) || !spacing.every((s) => s > 0 && Number.isFinite(s))) {
    throw badObject('a displacement grid needs a geometry of 16 finite numbers with axes at right angles: resample it first', {});
  }
  const flipped = dot3(cross(u, v), w) < 0;
  const position = transformPoint(new Float64Array(3), m, [0, 0, flipped ? size[2] - 1 : 0]);
  return { position: Array.from(position), along: u, down: v, spacing, flipped };
}

/** Dot product. */
export function dot3(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return (a[0] as number) * (b[0] as number) + (a[1] as number) * (b[1] as number) + (a[2] as number) * (b[2] as number);
}

/** Cross product. */
export function cross(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  const [ax, ay, az, bx, by, bz] = [a[0], a[1], a[2], b[0], b[1], b[2]] as number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}

/**
 * The displacements of a map at a grid's nodes: map(p) − p in mm, for a grid without matrices.
 * @param map fixed to moving, mm, into `out`; the `map` of registration's `Deformation` is one
 */
export function sampleDisplacements(
  grid: Pick<DisplacementGrid, 'size' | 'frameFromIndex'>,
  map: (out: Float64Array, p: ArrayLike<number>) => ArrayLike<number>,
): DisplacementGrid {
  const [ni, nj, nk] = grid.size;
  const displacements = new Float64Array(3 * ni * nj * nk);
  const [p, q] = [new Float64Array(3), new Float64Array(3)];
  let at = 0;
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1) {
        transformPoint(p, grid.frameFromIndex, [i, j, k]);
        const there = map(q, p);
        for (let c = 0; c < 3; c += 1) displacements[at++] = (there[c] as number) - (p[c] as number);
      }
    }
  }
  return { size: grid.size, frameFromIndex: Float64Array.from(grid.frameFromIndex), displacements };
}
