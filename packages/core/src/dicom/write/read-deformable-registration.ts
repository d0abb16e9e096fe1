import { codeOf, type DataSet } from '../../io/dicom/dataset.js';
import type { VolumeFile } from '../../io/index.js';
import { identity4, invert4, transformPoint } from '../../math/index.js';
import type { Code } from './codes.js';
import { cross, type DisplacementGrid, dot3, type GridMatrix } from './deformable-registration.js';
import type { InstanceReference, ObjectIds } from './object.js';
import { provenanceOf, type ResultProvenance } from './provenance.js';
import { corrupt, itemsOf, openRegistration, type ReadObject, readCode, readReferences, requiredNumbers } from './read.js';
import { matrixOf } from './read-spatial-registration.js';
import { SOP_CLASS } from './uid.js';

/** One deformation of a Deformable Spatial Registration. */
export interface ReadDeformation {
  /** The frame of reference that points are carried into. */
  readonly sourceFrameOfReferenceUid: string;
  readonly references: readonly InstanceReference[];
  /** Undefined where the object has matrices only. */
  readonly grid: (DisplacementGrid & { readonly displacements: Float32Array }) | undefined;
  readonly pre: GridMatrix;
  readonly post: GridMatrix;
  readonly method: Code | undefined;
}

/** A Deformable Spatial Registration as it was read. */
export interface ReadDeformableRegistration extends ObjectIds {
  /** The frame that points come from, and that grids lie in. */
  readonly frameOfReferenceUid: string;
  readonly deformations: readonly ReadDeformation[];
  readonly provenance: ResultProvenance | undefined;
}

/**
 * Reads a Deformable Spatial Registration (PS3.3, C.20.3), ours or another's.
 * @throws NavError `dicom/unsupported-object` for another object; `io/corrupt` for a grid or a matrix that is absent, of another
 *   size than it says, or impossible; and as parsing throws
 */
export async function decodeDeformableRegistration(source: Uint8Array | VolumeFile): Promise<ReadDeformableRegistration> {
  const { from, frameOfReferenceUid, items } = await openRegistration(source, {
    sopClass: SOP_CLASS.deformableSpatialRegistration,
    what: 'Deformable Spatial Registration',
    sequence: 'x00640002',
    sequenceName: 'Deformable Registration Sequence',
    maps: 'from',
  });
  return {
    ...from.ids,
    frameOfReferenceUid,
    deformations: items.map((item, n) => deformationOf(from, item, `deformation ${n + 1}`)),
    provenance: provenanceOf(from.dataset),
  };
}

function deformationOf(from: ReadObject, item: DataSet, where: string): ReadDeformation {
  const sourceFrameOfReferenceUid = codeOf(item, 'x00640003');
  if (sourceFrameOfReferenceUid === undefined)
    throw corrupt(from, `${where} does not name the frame of reference that it maps into`);
  const step = (tag: string, name: string): GridMatrix => {
    const matrix = itemsOf(item, tag)[0];
    return matrix === undefined
      ? { matrix: identity4(), kind: 'RIGID' }
      : matrixOf(from, matrix, `the ${name} matrix of ${where}`);
  };
  const grid = itemsOf(item, 'x00640005')[0];
  return {
    sourceFrameOfReferenceUid,
    references: readReferences(from, itemsOf(item, 'x00081140')),
    grid: grid && gridOf(from, grid, where),
    pre: step('x0064000f', 'pre-deformation'),
    post: step('x00640010', 'post-deformation'),
    method: readCode(item, 'x0070030d', from.charset),
  };
}

function gridOf(from: ReadObject, item: DataSet, where: string): NonNullable<ReadDeformation['grid']> {
  const position = requiredNumbers(from, item, 'x00200032', 3, `the grid position of ${where}`);
  const cosines = requiredNumbers(from, item, 'x00200037', 6, `the grid orientation of ${where}`);
  const [element, resolution, data] = ['x00640007', 'x00640008', 'x00640009'].map((tag) => item.elements[tag]);
  if (element?.length !== 12 || resolution?.length !== 24 || data === undefined) {
    throw corrupt(from, `the grid of ${where} lacks its dimensions (0064,0007), resolution (0064,0008) or vectors (0064,0009)`);
  }
  const size = [0, 1, 2].map((n) => item.uint32('x00640007', n) as number) as [number, number, number];
  const spacing = [0, 1, 2].map((n) => item.double('x00640008', n) as number);
  const nodes = size[0] * size[1] * size[2];
  if (nodes < 1 || data.length !== 12 * nodes) {
    throw corrupt(from, `the grid of ${where} says ${size.join('×')} nodes but holds ${data.length} bytes, not 12 a node`);
  }
  const [u, v] = [cosines.slice(0, 3), cosines.slice(3)];
  const square = Math.abs(dot3(u, v)) < 1e-3 && Math.abs(dot3(u, u) - 1) < 2e-3 && Math.abs(dot3(v, v) - 1) < 2e-3;
  if (!square || !spacing.every((s) => s > 0 && Number.isFinite(s))) throw corrupt(from, `the grid of ${where} is impossible`);
  const axes = [u, v, cross(u, v)];
  const frameFromIndex = identity4();
  for (let c = 0; c < 3; c += 1) {
    for (let r = 0; r < 3; r += 1) frameFromIndex[4 * c + r] = (axes[c]?.[r] as number) * (spacing[c] as number);
    frameFromIndex[12 + c] = position[c] as number;
  }
  // By the parser, which knows the file's byte order.
  const displacements = Float32Array.from({ length: 3 * nodes }, (_, n) => item.float('x00640009', n) as number);
  if (!displacements.every(Number.isFinite))
    throw corrupt(from, `the grid of ${where} has a displacement that is no finite number`);
  return { size, frameFromIndex, displacements };
}

/**
 * Where a point of the registered (fixed) frame lies in the source (moving) one: post · (pre · p + d(p)), d trilinear between
 * nodes; mm. Undefined beyond the outermost nodes, where the object says nothing.
 */
export function deformPoint({ grid, pre, post }: ReadDeformation, p: ArrayLike<number>): Float64Array | undefined {
  const there = transformPoint(new Float64Array(3), pre.matrix, p);
  if (grid !== undefined) {
    const d = displacementAt(grid, p);
    if (d === undefined) return undefined;
    for (let c = 0; c < 3; c += 1) there[c] = (there[c] as number) + (d[c] as number);
  }
  return transformPoint(there, post.matrix, there);
}

/** A node's worth of rounding beyond the grid still belongs to it. */
const EDGE = 1e-6;

function displacementAt(grid: DisplacementGrid, p: ArrayLike<number>): number[] | undefined {
  const inverse = identity4();
  invert4(inverse, grid.frameFromIndex);
  const index = transformPoint(new Float64Array(3), inverse, p);
  const cells = [0, 1, 2].map((axis) => {
    const [x, last] = [index[axis] as number, (grid.size[axis] as number) - 1];
    if (!(x >= -EDGE && x <= last + EDGE)) return undefined;
    const low = Math.max(0, Math.min(Math.floor(x), last - 1));
    return { low, high: Math.min(low + 1, last), t: Math.max(0, Math.min(1, x - low)) };
  });
  const [i, j, k] = cells;
  if (i === undefined || j === undefined || k === undefined) return undefined;
  const sum = [0, 0, 0];
  for (let n = 0; n < 8; n += 1) {
    const at = [i, j, k].map((cell, axis) => ((n >> axis) & 1 ? cell.high : cell.low)) as [number, number, number];
    const weight = [i, j, k].reduce((w, cell, axis) => w * ((n >> axis) & 1 ? cell.t : 1 - cell.t), 1);
    const node = 3 * ((at[2] * grid.size[1] + at[1]) * grid.size[0] + at[0]);
    for (let c = 0; c < 3; c += 1) sum[c] = (sum[c] as number) + weight * (grid.displacements[node + c] as number);
  }
  return sum;
}
