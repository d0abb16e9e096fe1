import { transformPoint } from '../math/index.js';
import type { SweepFrame } from './sweep.js';
import type { SweepFinding } from './sweep-checks-findings.js';

/** A frame with a pose, and its number in the list that is checked. */
export interface PlacedFrame {
  readonly frame: SweepFrame;
  readonly index: number;
}

/** Speeds are told over at least this long, ms: over less, a tracker's noise looks like speed. */
const LEAST_SPAN_MS = 100;
/** The outermost pixels of a sector are looked for in so many directions. */
const DIRECTIONS = 16;

/**
 * Outermost pixels of what a picture shows, (column, row, 0): distances from a plane are greatest at one of them.
 * @param mask not 0 in the sector; undefined: the corners of the picture
 */
export function outermost([columns, rows]: readonly [number, number], mask: ArrayLike<number> | undefined): Float64Array[] {
  if (mask === undefined) {
    return [0, rows - 1].flatMap((row) => [0, columns - 1].map((column) => Float64Array.of(column, row, 0)));
  }
  return Array.from({ length: DIRECTIONS }, (_, d) => {
    const angle = (2 * Math.PI * d) / DIRECTIONS;
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    let [best, far] = [0, Number.NEGATIVE_INFINITY];
    for (let n = 0; n < mask.length; n += 1) {
      const out = x * (n % columns) + y * Math.floor(n / columns);
      if (mask[n] !== 0 && out > far) [best, far] = [n, out];
    }
    return Float64Array.of(best % columns, Math.floor(best / columns), 0);
  });
}

/** The widest gap between neighbouring images: how far a place of the later one lies from the plane of the earlier. */
export function gapFinding(placed: readonly PlacedFrame[], points: readonly Float64Array[], gapMm: number): SweepFinding[] {
  let [widest, index, count] = [0, -1, 0];
  for (let k = 1; k < placed.length; k += 1) {
    const [before, here] = [placed[k - 1] as PlacedFrame, placed[k] as PlacedFrame];
    const mm = offPlaneMm(before.frame.frameFromImage, here.frame.frameFromImage, points);
    if (mm > gapMm) count += 1;
    if (mm > widest) [widest, index] = [mm, here.index];
  }
  if (count === 0) return [];
  const many = count === 1 ? 'one gap' : `${count} gaps`;
  const message = `The sweep has ${many} of more than ${gapMm} mm; the widest, ${widest.toFixed(1)} mm, lies before picture ${index}: nothing was seen there. Sweep more slowly, or go over it again.`;
  return [{ code: 'gap', message, index }];
}

function offPlaneMm(plane: ArrayLike<number>, image: ArrayLike<number>, points: readonly Float64Array[]): number {
  const normal = [0, 1, 2].map((r) => {
    const [a, b] = [(r + 1) % 3, (r + 2) % 3];
    return (plane[a] as number) * (plane[4 + b] as number) - (plane[b] as number) * (plane[4 + a] as number);
  });
  const length = Math.hypot(...normal);
  const p = new Float64Array(3);
  return points.reduce((most, point) => {
    transformPoint(p, image, point);
    const out = normal.reduce((sum, x, r) => sum + x * ((p[r] as number) - (plane[12 + r] as number)), 0);
    return Math.max(most, Math.abs(out) / length);
  }, 0);
}

/** The fastest place of the images, over a tenth of a second or more. Frames without times say nothing. */
export function speedFinding(
  placed: readonly PlacedFrame[],
  points: readonly Float64Array[],
  mostMmPerS: number,
): SweepFinding[] {
  let [fastest, index, count] = [0, -1, 0];
  const [p, q] = [new Float64Array(3), new Float64Array(3)];
  for (let a = 0, b = 1; b < placed.length; b += 1) {
    const later = placed[b] as PlacedFrame;
    const span = (k: number): number => (later.frame.timeMs as number) - ((placed[k] as PlacedFrame).frame.timeMs as number);
    while (a + 1 < b && span(a + 1) >= LEAST_SPAN_MS) a += 1;
    const ms = span(a);
    if (!(ms >= LEAST_SPAN_MS)) continue;
    const mm = points.reduce((most, point) => {
      transformPoint(p, (placed[a] as PlacedFrame).frame.frameFromImage, point);
      transformPoint(q, later.frame.frameFromImage, point);
      return Math.max(most, Math.hypot(...[0, 1, 2].map((r) => (p[r] as number) - (q[r] as number))));
    }, 0);
    const speed = (1000 * mm) / ms;
    if (speed > mostMmPerS) count += 1;
    if (speed > fastest) [fastest, index] = [speed, later.index];
  }
  if (count === 0) return [];
  const message = `The probe was faster than ${mostMmPerS} mm/s before ${count} of the pictures, ${fastest.toFixed(0)} mm/s before picture ${index}: 10 ms of error in the lag are ${(fastest / 100).toFixed(1)} mm there. Sweep more slowly.`;
  return [{ code: 'too-fast', message, index }];
}
