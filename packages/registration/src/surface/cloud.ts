import { type Frame, NavError, type Point } from '@trocar/core';
import { Random, symmetricEigen } from '@trocar/core/math';
import { coordinatesOf, widthsOf } from '../points/checks.js';
import { at } from '../points/rigid-fit.js';
import type { PreparedSurface } from './prepare-surface.js';

/** A cloud ready to be moved. */
export interface Cloud {
  /** About the centroid, mm, shuffled so that any first part is spread over all. */
  readonly centred: Float64Array;
  /** In the `from` frame, mm. */
  readonly centroid: Float64Array;
  /** Which given point stands at each place. */
  readonly order: Uint32Array;
  /** Standard deviations relative to their root mean square, in the shuffled order. */
  readonly relative: Float64Array;
  /** Root mean square of the given standard deviations, mm, where they were given as known. */
  readonly known: number | undefined;
}

/** Fewer points than this cannot fix six unknowns and show that they do. */
export const FEWEST_POINTS = 10;

/** A second width below this share of the first is a line. */
const LINE_RATIO = 0.02;

/**
 * Reads and checks a cloud.
 * @throws NavError `registration/too-few-points`, `registration/not-finite`, `registration/bad-weights`,
 * `registration/duplicate-points`, `registration/collinear`, `frame/mismatch`
 */
export function cloudOf<F extends string>(
  from: Frame<F>,
  points: readonly Point<F>[],
  sdMm: number | ArrayLike<number> | undefined,
  scale: 'known' | 'estimated',
): Cloud {
  if (points.length < FEWEST_POINTS) {
    throw new NavError(
      'registration/too-few-points',
      `A surface registration needs at least ${FEWEST_POINTS} points and has ${points.length}. Collect more: 50 to 200, well spread.`,
      { detail: { given: points.length, needed: FEWEST_POINTS } },
    );
  }
  const xyz = coordinatesOf('from', from, points);
  requireShape(xyz);
  const order = shuffled(points.length);
  const centroid = Float64Array.from([0, 1, 2], (k) => {
    let sum = 0;
    for (let n = k; n < xyz.length; n += 3) sum += at(xyz, n);
    return sum / points.length;
  });
  const centred = new Float64Array(xyz.length);
  order.forEach((from, to) => {
    for (let k = 0; k < 3; k += 1) centred[3 * to + k] = at(xyz, 3 * from + k) - at(centroid, k);
  });
  return { centred, centroid, order, ...noiseOf(points.length, order, sdMm, scale) };
}

/** The same order for the same count, always. */
function shuffled(count: number): Uint32Array {
  const random = new Random(count);
  const order = Uint32Array.from({ length: count }, (_, n) => n);
  for (let n = count - 1; n > 0; n -= 1) {
    const other = random.below(n + 1);
    const swap = at(order, n);
    order[n] = at(order, other);
    order[other] = swap;
  }
  return order;
}

function noiseOf(
  count: number,
  order: Uint32Array,
  sdMm: number | ArrayLike<number> | undefined,
  scale: 'known' | 'estimated',
): Pick<Cloud, 'relative' | 'known'> {
  if (sdMm === undefined) return { relative: new Float64Array(count).fill(1), known: undefined };
  const given = typeof sdMm === 'number' ? new Float64Array(count).fill(sdMm) : Float64Array.from(sdMm);
  const wild = given.findIndex((sd) => !(sd > 0 && Number.isFinite(sd)));
  if (given.length !== count || wild >= 0) {
    const what = wild >= 0 ? `that of point ${wild + 1} is ${at(given, wild)}` : `there are ${given.length} for ${count} points`;
    throw new NavError('registration/bad-weights', `Each point needs a standard deviation above 0 mm, but ${what}.`, {
      detail: { given: given.length, points: count, ...(wild >= 0 && { index: wild }) },
    });
  }
  const level = Math.sqrt(given.reduce((sum, sd) => sum + sd * sd, 0) / count);
  return { relative: Float64Array.from(order, (n) => at(given, n) / level), known: scale === 'known' ? level : undefined };
}

function requireShape(xyz: Float64Array): void {
  const all = Array.from({ length: xyz.length / 3 }, (_, n) => n);
  const [first, second] = widthsOf(xyz, all);
  const far = xyz.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (!(first > 1e-9 * far) || first === 0) {
    throw new NavError(
      'registration/duplicate-points',
      'All points are in one place. Move the pointer over the surface while points are collected.',
      { detail: { widthMm: first } },
    );
  }
  if (!(second > LINE_RATIO * first)) {
    throw new NavError(
      'registration/collinear',
      `The points lie on a line: ${first.toPrecision(3)} mm wide along it and only ${second.toPrecision(2)} mm across. ` +
        'Add points well to either side of it.',
      { detail: { widthsMm: [first, second] } },
    );
  }
}

/** Units that are taken for millimetres by mistake: how many millimetres one is. */
const UNITS = [
  ['metres', 1000],
  ['centimetres', 10],
  ['inches', 25.4],
  ['micrometres', 0.001],
] as const;

/**
 * Refuses a cloud that is too large for the surface, or so small that it can only be in other units, by a factor that a
 * unit explains.
 * @throws NavError `registration/units`, `registration/duplicate-points`, `registration/no-overlap`
 */
export function requireUnits(cloud: Cloud, surface: PreparedSurface<string>): void {
  const extent = extentOf(cloud.centred);
  const ratio = extent / surface.diagonalMm;
  if (ratio > 0.03 && ratio <= 1.1) return;
  const plausible = (factor: number): boolean => ratio * factor > 0.1 && ratio * factor <= 1.1;
  // Ten times is no proof: a small patch may be that small. Such a cloud must be tiny or far too large.
  const cloudUnit = UNITS.find(([, mm]) => plausible(mm) && (ratio < 0.005 || ratio > 1.1));
  const surfaceUnit = UNITS.find(([, mm]) => plausible(1 / mm) && (ratio < 0.005 || ratio > 1.1));
  const unit = cloudUnit ?? surfaceUnit;
  if (unit !== undefined) {
    const whose = cloudUnit === undefined ? 'the surface is' : 'the points are';
    throw new NavError(
      'registration/units',
      `The points span ${extent.toPrecision(3)} and the surface ${surface.diagonalMm.toPrecision(3)}: it seems that ${whose} in ${unit[0]}. ` +
        'Everything must be in millimetres.',
      { detail: { pointsMm: extent, surfaceMm: surface.diagonalMm, unit: unit[0] } },
    );
  }
  if (ratio > 1.1) {
    throw new NavError(
      'registration/no-overlap',
      `The points span ${extent.toPrecision(3)} mm, more than the surface (${surface.diagonalMm.toPrecision(3)} mm): they were not touched on it. ` +
        'Check that the surface is the right one and complete.',
      { detail: { pointsMm: extent, surfaceMm: surface.diagonalMm } },
    );
  }
  if (ratio < 0.01) {
    throw new NavError(
      'registration/duplicate-points',
      `All points are within ${extent.toPrecision(3)} mm, on a surface of ${surface.diagonalMm.toPrecision(3)} mm: that is one place. ` +
        'Move the pointer over the surface while points are collected.',
      { detail: { pointsMm: extent, surfaceMm: surface.diagonalMm } },
    );
  }
}

/** How wide a cloud is, outliers aside: twice the 90th percentile of the distances from its centroid, mm. */
function extentOf(centred: Float64Array): number {
  const radii = new Float64Array(centred.length / 3);
  for (let n = 0; n < radii.length; n += 1)
    radii[n] = Math.hypot(at(centred, 3 * n), at(centred, 3 * n + 1), at(centred, 3 * n + 2));
  radii.sort();
  return 2 * at(radii, Math.floor(0.9 * (radii.length - 1)));
}

/**
 * Unit normals estimated from each point's twelve nearest (the plane of least squares), zero where these are no plane: too
 * noisy, or along one stroke. The side is unknown.
 */
export function estimatedNormals(centred: Float64Array): Float64Array {
  const count = centred.length / 3;
  const wanted = Math.min(12, count - 1);
  const out = new Float64Array(centred.length);
  const distances = new Float64Array(count);
  for (let n = 0; n < count; n += 1) {
    for (let m = 0; m < count; m += 1) {
      const [x, y, z] = [0, 1, 2].map((k) => at(centred, 3 * m + k) - at(centred, 3 * n + k)) as [number, number, number];
      distances[m] = x * x + y * y + z * z;
    }
    const limit = at(distances.slice().sort(), wanted);
    const near = Array.from({ length: count }, (_, m) => m).filter((m) => at(distances, m) <= limit);
    const scatter = scatterOf(centred, near);
    const { values, vectors } = symmetricEigen(scatter, 3);
    if (at(values, 1) < 9 * at(values, 2) || at(values, 1) < 0.05 * at(values, 0)) continue;
    for (let k = 0; k < 3; k += 1) out[3 * n + k] = at(vectors, 3 * k + 2);
  }
  return out;
}

function scatterOf(xyz: Float64Array, use: readonly number[]): Float64Array {
  const mean = [0, 1, 2].map((k) => use.reduce((sum, m) => sum + at(xyz, 3 * m + k), 0) / use.length);
  const scatter = new Float64Array(9);
  for (const m of use) {
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < 3; j += 1) {
        scatter[3 * i + j] =
          at(scatter, 3 * i + j) + (at(xyz, 3 * m + i) - (mean[i] as number)) * (at(xyz, 3 * m + j) - (mean[j] as number));
      }
    }
  }
  return scatter;
}
