import { NavError } from '../../base/index.js';
import { type Point, requireSameFrame } from '../../frames/index.js';
import { gammaP, identity4, invert4, transformPoint } from '../../math/index.js';
import { type AnyVolume, requireNoShear, spacingOf, type Volume } from '../../volume/index.js';

/** Where an applicator puts its heat. Every shape gives `watts` in all. */
export type HeatShape<F extends string> =
  /** All of it in one place, shared by the eight cells around it. */
  | { readonly kind: 'point'; readonly at: Point<F>; readonly watts: number }
  /** A Gaussian ball of that standard deviation per axis, mm. */
  | { readonly kind: 'gaussian'; readonly at: Point<F>; readonly sdMm: number; readonly watts: number }
  /** An applicator's active length, smeared across by a Gaussian of that standard deviation, mm. */
  | { readonly kind: 'line'; readonly from: Point<F>; readonly to: Point<F>; readonly sdMm: number; readonly watts: number }
  /** Even within a ball. */
  | { readonly kind: 'ball'; readonly at: Point<F>; readonly radiusMm: number; readonly watts: number };

/** How many standard deviations of a Gaussian are put on the grid. */
const REACH_SD = 4.5;
/** A cell that the rim of a ball goes through is cut into this many parts along each axis. */
const BALL_PARTS = 6;

/**
 * The heat of applicators on the grid of a label map, W/m³, for {@link BioheatProblem.source}: mean values of the cells. What a shape
 * puts out in all is kept exactly, so a source that does not lie on the grid with all its heat is refused, not cut off.
 * @throws NavError `thermal/bad-problem` where a source leaves the grid or is no source, `frame/mismatch`, `volume/sheared`
 */
export function heatSource<F extends string>(labels: Volume<F>, shapes: readonly HeatShape<NoInfer<F>>[]): Float32Array {
  requireNoShear(labels, 'A heat source');
  const sum = new Float64Array(labels.voxels.length);
  for (const shape of shapes) addShape(sum, labels, shape);
  return Float32Array.from(sum);
}

/** A density in cell indices, not yet scaled, and the box of cells it fills. */
interface Spread {
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** At an offset in cells from a cell's centre. */
  readonly density: (i: number, j: number, k: number) => number;
  readonly parts: number;
}

function addShape<F extends string>(sum: Float64Array, labels: Volume<F>, shape: HeatShape<F>): void {
  const ends = shape.kind === 'line' ? [shape.from, shape.to] : [shape.at];
  for (const p of ends) requireSameFrame(labels.frame, p.frame, 'A heat source');
  if (!Number.isFinite(shape.watts)) throw bad(`A heat source of ${shape.watts} W is none.`);
  const spread = spreadOf(
    labels,
    shape,
    ends.map((p) => indexOf(labels, p)),
  );
  const inGrid = spread.low.every((v, k) => v >= 0 && (spread.high[k] as number) <= (labels.size[k] as number) - 1);
  if (!inGrid) {
    throw bad(
      `A heat source of kind "${shape.kind}" reaches from cell ${spread.low.join(', ')} to ${spread.high.join(', ')}, but the grid ` +
        `has ${labels.size.join('×')}. Take a larger region.`,
    );
  }
  deposit(sum, labels, spread, shape.watts);
}

function deposit(sum: Float64Array, labels: AnyVolume, spread: Spread, watts: number): void {
  const [ni, nj] = labels.size;
  const found: [number, number][] = [];
  let total = 0;
  const [low, high] = [spread.low as [number, number, number], spread.high as [number, number, number]];
  for (let k = low[2]; k <= high[2]; k += 1) {
    for (let j = low[1]; j <= high[1]; j += 1) {
      for (let i = low[0]; i <= high[0]; i += 1) {
        const value = meanOf(spread, i, j, k);
        if (value === 0) continue;
        found.push([i + ni * (j + nj * k), value]);
        total += value;
      }
    }
  }
  if (!(total > 0)) throw bad('A heat source is so thin that no cell holds any of it. Use one of kind "point".');
  const cell = spacingOf(labels).reduce((a, b) => a * b, 1e-9);
  for (const [n, value] of found) sum[n] = (sum[n] as number) + (value * watts) / (total * cell);
}

function meanOf({ density, parts }: Spread, i: number, j: number, k: number): number {
  let mean = 0;
  const at = (m: number, part: number): number => m + (part + 0.5) / parts - 0.5;
  for (let c = 0; c < parts; c += 1) {
    for (let b = 0; b < parts; b += 1) for (let a = 0; a < parts; a += 1) mean += density(at(i, a), at(j, b), at(k, c));
  }
  return mean / parts ** 3;
}

function spreadOf<F extends string>(labels: Volume<F>, shape: HeatShape<F>, ends: readonly Float64Array[]): Spread {
  const s = spacingOf(labels);
  const p = ends[0] as Float64Array;
  if (shape.kind === 'point') {
    return {
      ...boxAround(ends, [0, 0, 0], Math.floor, Math.ceil),
      density: (i, j, k) => [i, j, k].reduce((w, v, a) => w * Math.max(0, 1 - Math.abs(v - (p[a] as number))), 1),
      parts: 1,
    };
  }
  const size = shape.kind === 'ball' ? shape.radiusMm : shape.sdMm;
  if (!(size > 0 && Number.isFinite(size))) throw bad(`A heat source of kind "${shape.kind}" cannot have a size of ${size} mm.`);
  const reach = s.map((mm) => (shape.kind === 'ball' ? size : REACH_SD * size) / mm);
  const box = boxAround(ends, reach, Math.round, Math.round);
  const mm = (v: readonly number[], from: Float64Array): number[] =>
    v.map((x, a) => (x - (from[a] as number)) * (s[a] as number));
  if (shape.kind === 'ball') {
    return { ...box, density: (i, j, k) => (Math.hypot(...mm([i, j, k], p)) <= size ? 1 : 0), parts: BALL_PARTS };
  }
  // Midpoints no more than a third of a standard deviation apart.
  const parts = Math.max(1, Math.min(9, Math.ceil((3 * Math.max(...s)) / size)));
  const gauss = (square: number): number => Math.exp(-square / (2 * size * size));
  if (shape.kind === 'gaussian') {
    return { ...box, density: (i, j, k) => gauss(mm([i, j, k], p).reduce((q, x) => q + x * x, 0)), parts };
  }
  const way = mm(Array.from(ends[1] as Float64Array), p);
  const length = Math.hypot(...way);
  if (!(length > 0)) throw bad('A line source needs two different ends.');
  const density = (i: number, j: number, k: number): number => {
    const at = mm([i, j, k], p);
    const along = at.reduce((q, x, a) => q + (x * (way[a] as number)) / length, 0);
    const across = Math.max(0, at.reduce((q, x) => q + x * x, 0) - along * along);
    return gauss(across) * (erf(along / (Math.SQRT2 * size)) - erf((along - length) / (Math.SQRT2 * size)));
  };
  return { ...box, density, parts };
}

function boxAround(
  ends: readonly Float64Array[],
  reach: readonly number[],
  down: (v: number) => number,
  up: (v: number) => number,
): { low: number[]; high: number[] } {
  const of = (a: number): number[] => ends.map((p) => p[a] as number);
  return {
    low: [0, 1, 2].map((a) => down(Math.min(...of(a)) - (reach[a] as number))),
    high: [0, 1, 2].map((a) => up(Math.max(...of(a)) + (reach[a] as number))),
  };
}

function indexOf<F extends string>(labels: Volume<F>, p: Point<F>): Float64Array {
  const inverse = identity4();
  invert4(inverse, labels.frameFromIndex);
  return transformPoint(new Float64Array(3), inverse, p.xyz);
}

function erf(x: number): number {
  return x < 0 ? -gammaP(0.5, x * x) : gammaP(0.5, x * x);
}

function bad(message: string): NavError<'thermal/bad-problem'> {
  return new NavError('thermal/bad-problem', message);
}
