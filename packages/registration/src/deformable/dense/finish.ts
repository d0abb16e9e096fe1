import { determinant9 } from '../deformation.js';
import { ControlGrid } from '../displacement-grid.js';

/** Displacements on control points in the fixed image's frame: what a spline deformation is made of. */
export interface Displacements {
  readonly gridFrameFromIndex: Float64Array;
  readonly gridSize: readonly [number, number, number];
  readonly coefficients: Float32Array;
}

/** Beyond the image displacements fade over so many times their own greatest length: the map cannot fold there. */
const FADE = 4;

/**
 * A lattice's coefficients with a margin in which they fade to zero, on a grid in the fixed frame.
 * @param coefficients 3 a node
 * @param nodes along each axis; node 1 lies at `origin`
 * @param spacingMm of the nodes
 */
export function faded(
  coefficients: Float32Array,
  nodes: readonly [number, number, number],
  origin: readonly [number, number, number],
  spacingMm: number,
): Displacements {
  let longest = 0;
  for (const x of coefficients) longest = Math.max(longest, Math.abs(x));
  const pad = Math.max(2, Math.ceil((FADE * longest) / spacingMm));
  const gridSize = nodes.map((n) => n + 2 * pad) as [number, number, number];
  const out = new Float32Array(3 * gridSize[0] * gridSize[1] * gridSize[2]);
  const inside = (x: number, n: number): number => Math.min(n - 1, Math.max(0, x - pad));
  for (let k = 0, m = 0; k < gridSize[2]; k += 1) {
    const c = inside(k, nodes[2]);
    for (let j = 0; j < gridSize[1]; j += 1) {
      const b = inside(j, nodes[1]);
      for (let i = 0; i < gridSize[0]; i += 1, m += 3) {
        const a = inside(i, nodes[0]);
        const far = Math.hypot(i - pad - a, j - pad - b, k - pad - c) / (pad + 1);
        const t = Math.max(0, 1 - far);
        const share = t * t * (3 - 2 * t);
        const n = 3 * (a + nodes[0] * (b + nodes[1] * c));
        for (let r = 0; r < 3; r += 1) out[m + r] = share * (coefficients[n + r] as number);
      }
    }
  }
  const s = spacingMm;
  const at = origin.map((x) => x - s * (1 + pad));
  const gridFrameFromIndex = Float64Array.of(s, 0, 0, 0, 0, s, 0, 0, 0, 0, s, 0, ...at, 1);
  return { gridFrameFromIndex, gridSize, coefficients: out };
}

/** Places looked at between neighbouring control points, along each axis. */
const FINENESS = 2;

/** What displacements do to volume, and how far they go. */
export interface LocalVolume {
  /** Least and greatest det(I + ∇u). */
  readonly least: number;
  readonly greatest: number;
  readonly largestMm: number;
}

/** Looks at det(I + ∇u), exact at each place, twice a control point along each axis, over all of the grid. */
export function localVolume(displacements: Displacements): LocalVolume {
  const grid = new ControlGrid(displacements);
  const { gridSize, gridFrameFromIndex: m } = displacements;
  const j = new Float64Array(9);
  const u = new Float64Array(3);
  let [least, greatest, largestMm] = [1, 1, 0];
  const places = gridSize.map((n) => FINENESS * (n - 1) + 1) as [number, number, number];
  const at = (r: 0 | 1 | 2, n: number): number => (m[12 + r] as number) + ((m[5 * r] as number) * n) / FINENESS;
  for (let c = 0; c < places[2]; c += 1) {
    for (let b = 0; b < places[1]; b += 1) {
      for (let a = 0; a < places[0]; a += 1) {
        const [x, y, z] = [at(0, a), at(1, b), at(2, c)];
        grid.gradient(j, x, y, z);
        for (let r = 0; r < 9; r += 4) j[r] = (j[r] as number) + 1;
        const det = determinant9(j);
        if (det < least) least = det;
        if (det > greatest) greatest = det;
        grid.displacement(u, x, y, z);
        largestMm = Math.max(largestMm, Math.hypot(u[0] as number, u[1] as number, u[2] as number));
      }
    }
  }
  return { least, greatest, largestMm };
}
