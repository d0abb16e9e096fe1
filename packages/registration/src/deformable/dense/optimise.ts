import { CosinePreconditioner } from './cosine-preconditioner.js';
import { type Level, look, lossSlope, meanDifference, meanLoss } from './level.js';
import { SplineLattice } from './spline-lattice.js';
import { addStiffness, type Stiffness } from './stiffness.js';

/** Cubes from one control point to the next. */
export const CUBES_PER_NODE = 4;
/** Cubes along the edge of the blocks whose curvature is taken together: a step's direction only, which stiffness smooths. */
const BLOCK = 4;

/** How tissue is taken to deform before any image is seen. */
export interface Smoothness {
  /** Strains of this size, rms, are ordinary. */
  readonly strain: number;
  /** Over this distance they are alike, mm. */
  readonly alikeMm: number;
  /** Change of volume against stretching. */
  readonly bulk: number;
  readonly iterations: number;
}

/** Control points around a fixed image's cubes: node 1 lies at cube 0. */
export function nodesFor(size: readonly [number, number, number]): [number, number, number] {
  const along = (n: number): number => Math.ceil((n - 1) / CUBES_PER_NODE) + 4;
  return [along(size[0]), along(size[1]), along(size[2])];
}

/**
 * Images tell something of their own every 5 mm, in four independent ways: of h³ mm³ that counts 4 h³ / 5³, in units of the mean
 * difference that is left, which is their noise.
 */
const TOLD_PER_MM3 = 4 / 5 ** 3;

interface Problem {
  readonly level: Level;
  readonly matrix: ArrayLike<number>;
  readonly nodes: readonly [number, number, number];
  readonly fine: SplineLattice;
  readonly blocks: SplineLattice;
  readonly stiffness: Stiffness;
  readonly scale: number;
  readonly away: number;
  /** Sum of the weights. */
  readonly total: number;
}

/** Steps are taken at most so many times as long as Gauss and Newton would, and no shorter than this. */
const LONGEST = 4;
const SHORTEST = 0.2;
/** Done where a step gains less than this share. */
const ENOUGH = 2e-4;

/**
 * Gauss–Newton on the control points: least mean loss of the descriptors plus stiffness. The slope is exact, the curvature is
 * Gauss and Newton's, taken together over blocks of cubes; its equations are solved by preconditioned conjugate gradients. That
 * curvature is too great where mixtures follow the images, by up to three times: what the last step gained against what it was
 * to gain says by how much, and the next one is made longer. One that does not help is halved.
 * @param start coefficients, mm, 3 a node
 * @returns the best coefficients
 */
export async function optimise(
  level: Level,
  matrix: ArrayLike<number>,
  start: Float32Array,
  smoothness: Smoothness,
  breathe: (share: number) => Promise<void>,
): Promise<Float32Array> {
  const nodes = nodesFor(level.size);
  const fine = new SplineLattice(nodes, level.size, 1, 1 / CUBES_PER_NODE);
  const u = new Float32Array(level.places.length);
  const see = (c: Float32Array): void => {
    fine.evaluate(c, u);
    look(level, matrix, u);
  };
  see(start);
  const problem = problemOf(level, matrix, nodes, fine, smoothness);
  let c = start;
  let energy = energyOf(problem, c);
  let length = 1;
  for (let n = 0; n < smoothness.iterations; n += 1) {
    await breathe(n / smoothness.iterations);
    const step = newtonStep(problem, c);
    let next = c;
    let reached = Number.POSITIVE_INFINITY;
    for (; length >= SHORTEST && !(reached < energy); length /= 2) {
      next = c.map((x, i) => x + length * (step.by[i] as number));
      see(next);
      reached = energyOf(problem, next);
    }
    if (!(reached < energy)) break;
    const gained = energy - reached;
    length = lengthAfter(2 * length, gained / step.promised);
    [c, energy] = [next, reached];
    if (gained < ENOUGH * energy) break;
  }
  return c;
}

/** The next step's length, from the true curvature along the last: a step of length t gains (2 t − κ t²) of what t = 1 promised. */
function lengthAfter(t: number, gain: number): number {
  const curvature = (2 * t - gain) / (t * t);
  return curvature > 0 ? Math.min(LONGEST, Math.max(1, 1 / curvature)) : LONGEST;
}

function problemOf(
  level: Level,
  matrix: ArrayLike<number>,
  nodes: readonly [number, number, number],
  fine: SplineLattice,
  { strain, alikeMm, bulk }: Smoothness,
): Problem {
  const usual = meanDifference(level);
  const scale = 2 * usual;
  const size = level.size.map((n) => Math.ceil(n / BLOCK)) as [number, number, number];
  // The middle of the first block, in steps of nodes.
  const blocks = new SplineLattice(nodes, size, 1 + (BLOCK - 1) / 2 / CUBES_PER_NODE, BLOCK / CUBES_PER_NODE);
  const total = level.weights.reduce((a, b) => a + b, 0);
  // A field with strains ε alike over L costs ½ ∫ (|∇u|² + L² |∇∇u|²) / (ε² L³). A node stands for its cubes.
  const stretch = ((CUBES_PER_NODE ** 3 / TOLD_PER_MM3 / (strain ** 2 * alikeMm ** 3)) * usual) / total;
  const stiffness = { stretch, bulk: bulk * stretch, bend: stretch * alikeMm ** 2 };
  return { level, matrix, nodes, fine, blocks, stiffness, scale, away: usual, total };
}

function energyOf(p: Problem, c: Float32Array): number {
  const force = new Float32Array(c.length);
  addStiffness(force, c, p.nodes, CUBES_PER_NODE * p.level.spacingMm, p.stiffness);
  let elastic = 0;
  for (let n = 0; n < c.length; n += 1) elastic += (c[n] as number) * (force[n] as number);
  return 0.5 * (meanLoss(p.level, p.scale, p.away) + elastic);
}

/** Gauss and Newton's step, and how much energy it would gain were they right. */
interface Step {
  readonly by: Float32Array;
  readonly promised: number;
}

function newtonStep(p: Problem, c: Float32Array): Step {
  const gradient = gradientOf(p, c);
  const curvature = curvatureOf(p);
  const u = new Float32Array((3 * curvature.length) / 6);
  const pulled = new Float32Array(c.length);
  const apply = (v: Float32Array): Float32Array => {
    p.blocks.evaluate(v, u);
    for (let n = 0, m = 0; n < u.length; n += 3, m += 6) {
      const x = u[n] as number;
      const y = u[n + 1] as number;
      const z = u[n + 2] as number;
      const xy = curvature[m + 1] as number;
      const xz = curvature[m + 2] as number;
      const yz = curvature[m + 4] as number;
      u[n] = (curvature[m] as number) * x + xy * y + xz * z;
      u[n + 1] = xy * x + (curvature[m + 3] as number) * y + yz * z;
      u[n + 2] = xz * x + yz * y + (curvature[m + 5] as number) * z;
    }
    p.blocks.gather(u, pulled);
    addStiffness(pulled, v, p.nodes, CUBES_PER_NODE * p.level.spacingMm, p.stiffness);
    return pulled;
  };
  const right = gradient.map((g) => -g);
  const preconditioner = new CosinePreconditioner(p.nodes, CUBES_PER_NODE * p.level.spacingMm, p.stiffness, meanOf(curvature));
  const by = solved(apply, preconditioner, right, SOLVING);
  // ½ ⟨step, right⟩ were it solved exactly.
  return { by, promised: dot(by, right) - 0.5 * dot(by, apply(by)) };
}

/** Iterations of the conjugate gradients, and the share of the first residual that is left, in the preconditioner's norm. */
const SOLVING = 10;
const SOLVED = 1e-4;

/** Of all blocks and directions. */
function meanOf(curvature: Float32Array): number {
  let trace = 0;
  for (let n = 0; n < curvature.length; n += 6) {
    trace += (curvature[n] as number) + (curvature[n + 3] as number) + (curvature[n + 5] as number);
  }
  return (2 * trace) / curvature.length;
}

/** Conjugate gradients, preconditioned. */
function solved(
  apply: (v: Float32Array) => Float32Array,
  preconditioner: CosinePreconditioner,
  right: Float32Array,
  iterations: number,
): Float32Array {
  const x = new Float32Array(right.length);
  const r = right.slice();
  const z = new Float32Array(right.length);
  preconditioner.apply(r, z);
  const d = z.slice();
  let rz = dot(r, z);
  const enough = SOLVED * rz;
  for (let n = 0; n < iterations && rz > enough; n += 1) {
    const a = apply(d);
    const curvature = dot(d, a);
    if (!(curvature > 0)) break;
    const alpha = rz / curvature;
    for (let i = 0; i < x.length; i += 1) {
      x[i] = (x[i] as number) + alpha * (d[i] as number);
      r[i] = (r[i] as number) - alpha * (a[i] as number);
    }
    preconditioner.apply(r, z);
    const next = dot(r, z);
    const beta = next / rz;
    for (let i = 0; i < d.length; i += 1) d[i] = (z[i] as number) + beta * (d[i] as number);
    rz = next;
  }
  return x;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function gradientOf(p: Problem, c: Float32Array): Float32Array {
  const { compared, weights, spacingMm: h } = p.level;
  const pull = new Float32Array(3 * weights.length);
  const m = p.matrix;
  for (let n = 0; n < weights.length; n += 1) {
    const e = compared.difference[n] as number;
    const w = weights[n] as number;
    if (w === 0 || Number.isNaN(e)) continue;
    const factor = (w * lossSlope(e, p.scale)) / (p.total * h);
    const x = factor * (compared.slope[3 * n] as number);
    const y = factor * (compared.slope[3 * n + 1] as number);
    const z = factor * (compared.slope[3 * n + 2] as number);
    for (let r = 0; r < 3; r += 1) {
      pull[3 * n + r] = (m[4 * r] as number) * x + (m[4 * r + 1] as number) * y + (m[4 * r + 2] as number) * z;
    }
  }
  const out = new Float32Array(c.length);
  p.fine.gather(pull, out);
  addStiffness(out, c, p.nodes, CUBES_PER_NODE * h, p.stiffness);
  return out;
}

/** Sums of the curvature over blocks, per mm²; the linear map's own turn is left out, which costs steps, not accuracy. */
function curvatureOf(p: Problem): Float32Array {
  const { compared, weights, size, spacingMm: h } = p.level;
  const [ni, nj, nk] = size;
  const [bi, bj, bk] = p.blocks.places;
  const out = new Float32Array(6 * bi * bj * bk);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      const row = bi * (Math.floor(j / BLOCK) + bj * Math.floor(k / BLOCK));
      for (let i = 0; i < ni; i += 1, n += 1) {
        const e = compared.difference[n] as number;
        const w = weights[n] as number;
        if (w === 0 || Number.isNaN(e)) continue;
        const factor = (w * lossSlope(e, p.scale)) / (p.total * h * h);
        const at = 6 * (row + Math.floor(i / BLOCK));
        for (let s = 0; s < 6; s += 1) out[at + s] = (out[at + s] as number) + factor * (compared.square[6 * n + s] as number);
      }
    }
  }
  return out;
}

/** The displacement of each cube, mm. */
export function displacementsOf(size: readonly [number, number, number], coefficients: Float32Array): Float32Array {
  const u = new Float32Array(3 * size[0] * size[1] * size[2]);
  new SplineLattice(nodesFor(size), size, 1, 1 / CUBES_PER_NODE).evaluate(coefficients, u);
  return u;
}
