import { cholesky, choleskySolve, Random } from '../../math/index.js';

/** Points: column, row, column, row … */
export type Points = Float64Array;

/** A circle in an image, pixels. */
export interface Circle {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** Tries of consensus; with a quarter of the points on the arc, none in a million fails. */
const TRIES = 900;

/** Those points that a test keeps. */
export function pointsWhere(points: Points, keep: (x: number, y: number) => boolean): Points {
  const kept: number[] = [];
  for (let n = 0; n < points.length; n += 2) {
    const [x, y] = [points[n] as number, points[n + 1] as number];
    if (keep(x, y)) kept.push(x, y);
  }
  return Float64Array.from(kept);
}

/** Those points that lie on the lower half of a circle, within a tolerance. */
export const onArc = (points: Points, { x, y, radius }: Circle, tolerance: number): Points =>
  pointsWhere(points, (px, py) => py > y && Math.abs(Math.hypot(px - x, py - y) - radius) <= tolerance);

/** The circle whose lower half has the most points near it (Fischler and Bolles 1981, CACM 24:381). @param largest no radius beyond */
export function consensusArc(points: Points, largest: number, tolerance: number): Circle | undefined {
  const count = points.length / 2;
  if (count < 10) return undefined;
  const random = new Random(1);
  let best: Circle | undefined;
  let most = 0;
  for (let n = 0; n < TRIES; n += 1) {
    const circle = throughThree(points, random.below(count), random.below(count), random.below(count));
    if (circle === undefined || circle.radius > largest) continue;
    const on = onArc(points, circle, tolerance).length / 2;
    if (on > most) [most, best] = [on, circle];
  }
  return best;
}

function throughThree(points: Points, a: number, b: number, c: number): Circle | undefined {
  const [ax, ay] = [points[2 * a] as number, points[2 * a + 1] as number];
  const [bx, by] = [(points[2 * b] as number) - ax, (points[2 * b + 1] as number) - ay];
  const [cx, cy] = [(points[2 * c] as number) - ax, (points[2 * c + 1] as number) - ay];
  const d = 2 * (bx * cy - by * cx);
  if (Math.abs(d) < 1e-6) return undefined;
  const [b2, c2] = [bx * bx + by * by, cx * cx + cy * cy];
  const [ux, uy] = [(cy * b2 - by * c2) / d, (bx * c2 - cx * b2) / d];
  return { x: ax + ux, y: ay + uy, radius: Math.hypot(ux, uy) };
}

/** A side of a fan, which passes through the centre; it counts as so many points. */
export interface Side {
  readonly line: SideLine;
  readonly weight: number;
}

/** A point on an arc of this radius, pixels, and one on a side count alike. */
const SIDE_RADIUS = 200;

/**
 * One centre and a radius for each list of points, by least squares of x² + y² − 2 x x₀ − 2 y y₀ − c = 0 (Kåsa 1976, IEEE Trans. Instrum.
 * Meas. 25:8), together with the distances of the centre from sides.
 */
export function concentric(arcs: readonly Points[], sides: readonly Side[] = []): readonly Circle[] | undefined {
  const size = 2 + arcs.length;
  const a = new Float64Array(size * size);
  const b = new Float64Array(size);
  // Lengths of about one keep the equations well conditioned.
  const unit = 1 / 400;
  arcs.forEach((points, arc) => {
    for (let n = 0; n < points.length; n += 2) {
      const [x, y] = [(points[n] as number) * unit, (points[n + 1] as number) * unit];
      const row = [2 * x, 2 * y, ...arcs.map((_, k) => (k === arc ? 1 : 0))];
      for (let r = 0; r < size; r += 1) {
        b[r] = (b[r] as number) + (row[r] as number) * (x * x + y * y);
        for (let c = 0; c < size; c += 1) a[r * size + c] = (a[r * size + c] as number) + (row[r] as number) * (row[c] as number);
      }
    }
  });
  for (const { line, weight } of sides) {
    const length = Math.hypot(1, line.slope);
    const row = [1 / length, -line.slope / length];
    const far = weight * (2 * SIDE_RADIUS * unit) ** 2;
    for (let r = 0; r < 2; r += 1) {
      b[r] = (b[r] as number) + (far * (row[r] as number) * line.at * unit) / length;
      for (let c = 0; c < 2; c += 1)
        a[r * size + c] = (a[r * size + c] as number) + far * (row[r] as number) * (row[c] as number);
    }
  }
  const l = new Float64Array(size * size);
  if (!cholesky(l, a, size)) return undefined;
  const found = choleskySolve(new Float64Array(size), l, b, size);
  const [x, y] = [found[0] as number, found[1] as number];
  return arcs.map((_, k) => ({
    x: x / unit,
    y: y / unit,
    radius: Math.sqrt(Math.max(0, (found[2 + k] as number) + x * x + y * y)) / unit,
  }));
}

/** A line x = at + slope · y. */
export interface SideLine {
  readonly at: number;
  readonly slope: number;
}

/** Those points that lie near a line. */
export const onLine = (points: Points, { at, slope }: SideLine, tolerance: number): Points =>
  pointsWhere(points, (x, y) => Math.abs(x - at - slope * y) <= tolerance * Math.hypot(1, slope));

/** The line down a side that has the most points near it, fitted to them. */
export function consensusLine(points: Points, tolerance: number): SideLine | undefined {
  const count = points.length / 2;
  if (count < 10) return undefined;
  const random = new Random(2);
  let best: SideLine | undefined;
  let most = 0;
  for (let n = 0; n < TRIES; n += 1) {
    const [p, q] = [2 * random.below(count), 2 * random.below(count)];
    const dy = (points[q + 1] as number) - (points[p + 1] as number);
    if (Math.abs(dy) < 5) continue;
    const slope = ((points[q] as number) - (points[p] as number)) / dy;
    const line = { slope, at: (points[p] as number) - slope * (points[p + 1] as number) };
    const on = onLine(points, line, tolerance).length / 2;
    if (on > most) [most, best] = [on, line];
  }
  return best && fitted(onLine(points, best, tolerance), best);
}

function fitted(points: Points, otherwise: SideLine): SideLine {
  const count = points.length / 2;
  let [sx, sy, syy, sxy] = [0, 0, 0, 0];
  for (let n = 0; n < points.length; n += 2) {
    const [x, y] = [points[n] as number, points[n + 1] as number];
    sx += x;
    sy += y;
    syy += y * y;
    sxy += x * y;
  }
  const spread = count * syy - sy * sy;
  if (!(spread > 0)) return otherwise;
  const slope = (count * sxy - sx * sy) / spread;
  return { slope, at: (sx - slope * sy) / count };
}
