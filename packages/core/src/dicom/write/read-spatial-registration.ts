import { NavError } from '../../base/index.js';
import { type AffineTransform, affineTransform, type Frame, type Transform, transform } from '../../frames/index.js';
import { codeOf, type DataSet, textOf } from '../../io/dicom/dataset.js';
import type { VolumeFile } from '../../io/index.js';
import { determinant3, identity4, invert4, multiply4, rigidityError } from '../../math/index.js';
import type { Code } from './codes.js';
import type { InstanceReference, ObjectIds } from './object.js';
import { PRIVATE, privateDoubles, provenanceOf, type ResultProvenance } from './provenance.js';
import { corrupt, itemsOf, openRegistration, type ReadObject, readCode, readReferences, requiredNumbers } from './read.js';
import { type MatrixKind, rowMajor, skewOf, type TreBound } from './spatial-registration.js';
import { SOP_CLASS } from './uid.js';

/** How one frame of reference, or one set of images, lies in the object's own. */
export interface ReadRegistration {
  /** Where the points come from; undefined where the object names images only. */
  readonly frameOfReferenceUid: string | undefined;
  readonly references: readonly InstanceReference[];
  /** p_registered = matrix · p_source: 16 doubles, column-major, LPS mm. The product, where the object has several matrices. */
  readonly matrix: Float64Array;
  /** As the object calls it; of several matrices the freest. */
  readonly kind: MatrixKind;
  /** How many matrices the product is of. Viewers disagree on their order; here the first item is applied first (C.20.2.1.1). */
  readonly factors: number;
  readonly method: Code | undefined;
  readonly comment: string | undefined;
  /** Of objects of ours: as in `Transform.covariance`, in the registered frame; undefined is unknown. */
  readonly covariance: Float64Array | undefined;
  readonly degreesOfFreedom: number | undefined;
  readonly treBound: TreBound | undefined;
}

/** A Spatial Registration as it was read. */
export interface ReadSpatialRegistration extends ObjectIds {
  /** The frame that all are mapped into. */
  readonly frameOfReferenceUid: string;
  readonly registrations: readonly ReadRegistration[];
  readonly provenance: ResultProvenance | undefined;
}

/**
 * Reads a Spatial Registration (PS3.3, C.20.2), ours or another's.
 * @throws NavError `dicom/unsupported-object` for another object, `io/corrupt` for what is absent, a matrix that mirrors, or one that
 *   is not what its type says by more than rounding; and as parsing throws
 */
export async function decodeSpatialRegistration(source: Uint8Array | VolumeFile): Promise<ReadSpatialRegistration> {
  const { from, frameOfReferenceUid, items } = await openRegistration(source, {
    sopClass: SOP_CLASS.spatialRegistration,
    what: 'Spatial Registration',
    sequence: 'x00700308',
    sequenceName: 'Registration Sequence',
    maps: 'into',
  });
  const registrations = items.map((item, n) => registrationOf(from, item, n));
  return { ...from.ids, frameOfReferenceUid, registrations, provenance: provenanceOf(from.dataset) };
}

function registrationOf(from: ReadObject, item: DataSet, n: number): ReadRegistration {
  const steps = itemsOf(item, 'x00700309');
  const [step] = steps;
  if (step === undefined || steps.length > 1) {
    throw corrupt(
      from,
      `registration ${n + 1} has ${steps.length} Matrix Registration items (0070,0309) where there is to be one`,
    );
  }
  const { matrix, kind, factors, last } = matricesOf(from, step, `registration ${n + 1}`);
  const bound = privateDoubles(last, PRIVATE.treBound, 5);
  return {
    frameOfReferenceUid: codeOf(item, 'x00200052'),
    references: readReferences(from, itemsOf(item, 'x00081140')),
    matrix,
    kind,
    factors,
    method: readCode(step, 'x0070030d', from.charset),
    comment: textOf(step, 'x300600c8', from.charset),
    covariance: privateDoubles(last, PRIVATE.covariance, 36),
    degreesOfFreedom: privateDoubles(last, PRIVATE.degreesOfFreedom, 1)?.[0],
    treBound: bound && { target: bound.slice(0, 3), boundMm: bound[3] as number, probability: bound[4] as number },
  };
}

/** What a Matrix Sequence amounts to. */
export interface ReadMatrices {
  readonly matrix: Float64Array;
  readonly kind: MatrixKind;
  readonly factors: number;
  /** The last item, which carries our private block. */
  readonly last: DataSet;
}

const KINDS: readonly MatrixKind[] = ['RIGID', 'RIGID_SCALE', 'AFFINE'];
/** Others write matrices with few decimals: rounding beyond this is no rounding. */
const ROUNDING = 1e-3;

/** The product M_n · … · M_1 of a Matrix Sequence (0070,030A). @throws NavError `io/corrupt` */
export function matricesOf(from: ReadObject, step: DataSet, where: string): ReadMatrices {
  const items = itemsOf(step, 'x0070030a');
  const last = items.at(-1);
  if (last === undefined) throw corrupt(from, `${where} has no matrix (0070,030A)`);
  let product = identity4();
  let kind = 0;
  for (const item of items) {
    const step = matrixOf(from, item, `the matrix of ${where}`);
    kind = Math.max(kind, KINDS.indexOf(step.kind));
    product = multiply4(identity4(), step.matrix, product);
  }
  return { matrix: Float64Array.from(product), kind: KINDS[kind] as MatrixKind, factors: items.length, last };
}

/** One matrix with its type, column-major. @throws NavError `io/corrupt` */
export function matrixOf(
  from: ReadObject,
  item: DataSet,
  what: string,
): { readonly matrix: Float64Array; readonly kind: MatrixKind } {
  const type = codeOf(item, 'x0070030c');
  const kind = KINDS.find((known) => known === type);
  if (kind === undefined) throw corrupt(from, `${what} is of type "${type ?? 'none'}"; RIGID, RIGID_SCALE and AFFINE are known`);
  const matrix = Float64Array.from(rowMajor(requiredNumbers(from, item, 'x300600c6', 16, what)));
  requireUsable(from, matrix, kind, what);
  return { matrix, kind };
}

function requireUsable(from: ReadObject, m: ArrayLike<number>, kind: MatrixKind, what: string): void {
  if (m[3] !== 0 || m[7] !== 0 || m[11] !== 0 || m[15] !== 1) throw corrupt(from, `the last row of ${what} is not 0 0 0 1`);
  if (!(determinant3(m) > 0)) throw corrupt(from, `${what} mirrors or flattens space, which no patient does`);
  const off = kind === 'RIGID' ? rigidityError(m) : kind === 'RIGID_SCALE' ? skewOf(m) : 0;
  if (off > ROUNDING) throw corrupt(from, `${what} is called ${kind} but is not, by ${off.toPrecision(2)}`);
}

/** A frame of ours and the UID that a DICOM object knows it by. */
export interface NamedFrame<F extends string> {
  readonly frame: Frame<F>;
  readonly frameOfReferenceUid: string;
}

/**
 * The affine map between two frames of reference that the object relates, by way of its own.
 * @throws NavError `frame/unknown` for a UID that it does not name or names twice
 */
export function affineBetween<To extends string, From extends string>(
  read: ReadSpatialRegistration,
  to: NamedFrame<To>,
  from: NamedFrame<From>,
): AffineTransform<To, From> {
  const out = matrixInto(read, to.frameOfReferenceUid);
  const into = matrixInto(read, from.frameOfReferenceUid);
  const inverse = identity4();
  invert4(inverse, out.matrix);
  const matrix = out.entry === undefined ? into.matrix : multiply4(identity4(), inverse, into.matrix);
  matrix[3] = matrix[7] = matrix[11] = 0;
  matrix[15] = 1;
  return affineTransform(to.frame, from.frame, matrix, transformProvenance(read));
}

/**
 * The rigid transform between two frames of reference that the object relates. Its covariance comes along where the object is
 * ours and maps into its own frame; else it is unknown.
 * @throws NavError `frame/unknown`; `frame/not-rigid` for a scaled or affine registration, and for a rigid one written with so few
 *   decimals that it is off by more than 1e-6
 */
export function transformBetween<To extends string, From extends string>(
  read: ReadSpatialRegistration,
  to: NamedFrame<To>,
  from: NamedFrame<From>,
): Transform<To, From> {
  const { matrix } = affineBetween(read, to, from);
  const entry =
    matrixInto(read, to.frameOfReferenceUid).entry === undefined ? matrixInto(read, from.frameOfReferenceUid).entry : undefined;
  return transform(to.frame, from.frame, matrix, {
    ...(entry?.covariance && { covariance: entry.covariance }),
    ...(entry?.degreesOfFreedom !== undefined && { degreesOfFreedom: entry.degreesOfFreedom }),
    provenance: transformProvenance(read),
  });
}

function transformProvenance(read: ReadSpatialRegistration): NonNullable<AffineTransform<string, string>['provenance']> {
  const { provenance } = read;
  if (provenance === undefined) return { method: 'dicom-spatial-registration', inputs: read.sopInstanceUid };
  return {
    method: provenance.method,
    version: provenance.version,
    createdAt: provenance.createdAt,
    inputs: provenance.inputs ?? read.sopInstanceUid,
  };
}

/** The map from a frame of reference into the object's own; no entry for that itself, unless it was moved. */
function matrixInto(
  read: ReadSpatialRegistration,
  uid: string,
): { readonly matrix: Float64Array; readonly entry: ReadRegistration | undefined } {
  const entries = read.registrations.filter((r) => r.frameOfReferenceUid === uid);
  const [entry] = entries;
  if (entries.length > 1) throw unknownFrame(`names the frame of reference ${uid} ${entries.length} times`, read, uid);
  const own = uid === read.frameOfReferenceUid;
  if (entry === undefined && !own) throw unknownFrame(`does not name the frame of reference ${uid}`, read, uid);
  if (entry === undefined || (own && isIdentity(entry.matrix)))
    return { matrix: Float64Array.from(identity4()), entry: undefined };
  return { matrix: Float64Array.from(entry.matrix), entry };
}

function isIdentity(m: ArrayLike<number>): boolean {
  return Array.from(identity4()).every((x, n) => x === m[n]);
}

function unknownFrame(what: string, read: ReadSpatialRegistration, uid: string): NavError {
  return new NavError('frame/unknown', `The registration ${read.sopInstanceUid} ${what}.`, {
    detail: { uid, known: read.registrations.map((r) => r.frameOfReferenceUid) },
  });
}
