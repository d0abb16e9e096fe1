import { identity4 } from '@trocar/core/math';
import { at, fitRigid } from '../../points/rigid-fit.js';
import { CHANNELS, type Descriptors } from './mind.js';
import type { MindPair } from './mind-profile.js';

/** Cubes from one node to the next, and from one displacement to the next. */
const GRID = 6;
const STEP = 2;
/** The places of a node: so far from it, along each axis. */
const OFFSETS = [-2, 0, 2];
const MOST_NODES = 160;
const MOST_STEPS = 6;
const ROUNDS = 15;

interface Nodes {
  /** i, j, k of each node, cubes of the fixed side. */
  readonly places: Int32Array;
  readonly count: number;
  /** For each node, its neighbours on the grid. */
  readonly neighbours: readonly number[][];
}

/**
 * A start from far: where blocks of the ultrasound are most alike by MIND, over a lattice of displacements, neighbours having
 * a say, and the rigid motion that the better half of the blocks agrees on (Heinrich 2013, MICCAI 8149:187, and convexAdam's
 * trimmed fit, here with one lattice and no second direction).
 * @returns moving from fixed, 16 doubles, column-major, mm; undefined where too few blocks are seen
 */
export function mindStart(pair: MindPair, searchMm: number): Float64Array | undefined {
  const nodes = nodesOf(pair.fixed);
  if (nodes.count < 8) return undefined;
  const h = pair.fixed.spacingMm;
  const steps = Math.max(1, Math.min(MOST_STEPS, Math.ceil(searchMm / (STEP * h))));
  const labels = (2 * steps + 1) ** 3;
  let costs = costsOf(pair, nodes, steps);
  for (let round = 0; round < 2; round += 1) costs = shared(costs, nodes, labels);
  const from = new Float64Array(3 * nodes.count);
  const to = new Float64Array(3 * nodes.count);
  const side = 2 * steps + 1;
  for (let n = 0; n < nodes.count; n += 1) {
    let best = 0;
    for (let l = 1; l < labels; l += 1) if (at(costs, n * labels + l) < at(costs, n * labels + best)) best = l;
    const label = [best % side, Math.floor(best / side) % side, Math.floor(best / (side * side))];
    for (let r = 0; r < 3; r += 1) {
      from[3 * n + r] = (pair.fixed.origin[r] as number) + h * at(nodes.places, 3 * n + r);
      to[3 * n + r] = at(from, 3 * n + r) + STEP * h * ((label[r] as number) - steps);
    }
  }
  return trimmedFit(to, from);
}

function nodesOf(fixed: Descriptors): Nodes {
  const [ni, nj, nk] = fixed.size;
  const all: Array<{ readonly place: readonly [number, number, number]; readonly seen: number }> = [];
  for (let k = GRID >> 1; k < nk; k += GRID) {
    for (let j = GRID >> 1; j < nj; j += GRID) {
      for (let i = GRID >> 1; i < ni; i += GRID) {
        let seen = 0;
        forPlaces((a, b, c) => {
          const n = indexIn(fixed, i + a, j + b, k + c);
          if (n >= 0 && !Number.isNaN(at(fixed.values, CHANNELS * n))) seen += 1;
        });
        if (seen >= 14) all.push({ place: [i, j, k], seen });
      }
    }
  }
  // Evenly thinned where there are too many.
  const every = Math.max(1, all.length / MOST_NODES);
  const kept = all.filter((_, n) => Math.floor(n / every) !== Math.floor((n - 1) / every));
  const key = (p: readonly number[]): string => p.join();
  const numbers = new Map(kept.map(({ place }, n) => [key(place), n]));
  return {
    places: Int32Array.from(kept.flatMap(({ place }) => place)),
    count: kept.length,
    neighbours: kept.map(({ place: [i, j, k] }) =>
      [
        [i - GRID, j, k],
        [i + GRID, j, k],
        [i, j - GRID, k],
        [i, j + GRID, k],
        [i, j, k - GRID],
        [i, j, k + GRID],
      ].flatMap((p) => numbers.get(key(p)) ?? []),
    ),
  };
}

function forPlaces(visit: (a: number, b: number, c: number) => void): void {
  for (const c of OFFSETS) for (const b of OFFSETS) for (const a of OFFSETS) visit(a, b, c);
}

function indexIn({ size }: Pick<Descriptors, 'size'>, i: number, j: number, k: number): number {
  const inside = i >= 0 && j >= 0 && k >= 0 && i < size[0] && j < size[1] && k < size[2];
  return inside ? i + size[0] * (j + size[1] * k) : -1;
}

/** Mean squared difference of each node's places at each displacement; the node's mean where they lie off the images. */
function costsOf(pair: MindPair, nodes: Nodes, steps: number): Float32Array {
  const { fixed, moving } = pair;
  const [first] = moving as readonly [Descriptors];
  const side = 2 * steps + 1;
  const labels = side ** 3;
  const out = new Float32Array(nodes.count * labels);
  // The moving grid's index of the fixed grid's cube 0.
  const shift = [0, 1, 2].map((r) =>
    Math.round(((fixed.origin[r] as number) - (first.origin[r] as number)) / fixed.spacingMm),
  ) as [number, number, number];
  for (let n = 0; n < nodes.count; n += 1) {
    const [i, j, k] = [0, 1, 2].map((r) => at(nodes.places, 3 * n + r)) as [number, number, number];
    let sum = 0;
    let count = 0;
    for (let l = 0; l < labels; l += 1) {
      const di = STEP * ((l % side) - steps);
      const dj = STEP * ((Math.floor(l / side) % side) - steps);
      const dk = STEP * (Math.floor(l / (side * side)) - steps);
      const cost = difference(pair, [i, j, k], [i + di + shift[0], j + dj + shift[1], k + dk + shift[2]]);
      out[n * labels + l] = cost;
      if (Number.isNaN(cost)) continue;
      sum += cost;
      count += 1;
    }
    const mean = count > 0 ? sum / count : 0;
    // Less the mean, so that no node counts more for being unlike everything.
    for (let l = n * labels; l < (n + 1) * labels; l += 1) out[l] = Number.isNaN(at(out, l)) ? 0 : at(out, l) - mean;
  }
  return out;
}

function difference(
  { fixed, moving }: MindPair,
  here: readonly [number, number, number],
  there: readonly [number, number, number],
): number {
  const [first] = moving as readonly [Descriptors];
  let sum = 0;
  let count = 0;
  for (const c of OFFSETS) {
    for (const b of OFFSETS) {
      for (const a of OFFSETS) {
        const f = CHANNELS * indexIn(fixed, here[0] + a, here[1] + b, here[2] + c);
        const m = CHANNELS * indexIn(first, there[0] + a, there[1] + b, there[2] + c);
        if (f < 0 || m < 0) continue;
        let own = 0;
        for (const { values } of moving) {
          for (let e = 0; e < CHANNELS; e += 1) {
            const d = (fixed.values[f + e] as number) - (values[m + e] as number);
            own += d * d;
          }
        }
        if (Number.isNaN(own)) continue;
        sum += own;
        count += 1;
      }
    }
  }
  return count >= 10 ? sum / count : Number.NaN;
}

/** Each node's costs with half of its neighbours'. */
function shared(costs: Float32Array, nodes: Nodes, labels: number): Float32Array {
  const out = Float32Array.from(costs);
  nodes.neighbours.forEach((others, n) => {
    for (const other of others) {
      for (let l = 0; l < labels; l += 1) out[n * labels + l] = at(out, n * labels + l) + 0.5 * at(costs, other * labels + l);
    }
  });
  return out;
}

/** Least trimmed squares by concentration steps (Rousseeuw & Van Driessen 2006): the better half decides. */
function trimmedFit(to: Float64Array, from: Float64Array): Float64Array {
  const count = to.length / 3;
  let weights = new Float64Array(count).fill(1);
  let matrix: Float64Array = identity4();
  for (let round = 0; round < ROUNDS; round += 1) {
    matrix = Float64Array.from(fitRigid(to, from, weights).matrix);
    const errors = Float64Array.from({ length: count }, (_, n) => {
      let sum = 0;
      for (let r = 0; r < 3; r += 1) {
        const x = [0, 1, 2].reduce((s, c) => s + at(matrix, 4 * c + r) * at(from, 3 * n + c), at(matrix, 12 + r));
        sum += (x - at(to, 3 * n + r)) ** 2;
      }
      return sum;
    });
    const half = at(Float64Array.from(errors).sort(), count >> 1);
    weights = errors.map((e) => (e <= half ? 1 : 0));
  }
  return matrix;
}
