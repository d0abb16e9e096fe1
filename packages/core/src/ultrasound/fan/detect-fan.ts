import { NavError } from '../../base/index.js';
import { type ClipFan, type ClipRectangle, type ImageClip, rowSpans } from '../clip.js';
import {
  type Circle,
  concentric,
  consensusArc,
  consensusLine,
  onArc,
  onLine,
  type Points,
  pointsWhere,
  type Side,
  type SideLine,
} from './arcs.js';
import { type Boundary, boundaryOf } from './boundary.js';

/** What images show: a sector, a rectangle, or nothing that could be told. */
export type FanDetection =
  | {
      readonly kind: 'fan';
      readonly clip: { readonly fan: ClipFan };
      /** 255 inside, 0 outside: an `importance` for reconstruction. */
      readonly mask: Uint8Array;
    }
  | { readonly kind: 'rectangle'; readonly clip: { readonly rectangle: ClipRectangle }; readonly mask: Uint8Array }
  /** `reason` says what was missing. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** How {@link detectFan} looks. */
export interface FanDetectionOptions {
  /** Grey levels that ultrasound is at least brighter than the margins. Default 3. */
  readonly above?: number;
}

const ABOVE = 3;
/** An edge may stray so far, pixels. */
const TOLERANCE = 1.6;
/** A centre that arcs alone give may be so far off, pixels. */
const ROUGHLY = 12;
/** Less of the image than this says nothing. */
const LEAST_LIT = 0.03;
/** So much of the near arc must be seen; of the far one, which lies in the dark; of each side where there is no near arc. */
const LEAST_SEEN = { near: 0.6, far: 0.12, side: 0.3 } as const;
/** So much of what is lit must lie inside. */
const LEAST_INSIDE = 0.96;
/** A rectangle that leaves less of the image's width and height free is no rectangle in it. */
const LEAST_MARGIN = 0.02;
/** Angles are counted in bins of this, degrees. */
const BIN_DEG = 0.25;

/**
 * Finds where in its pictures a machine shows ultrasound. From one image or, much better, several of one recording: what is lit in
 * any of them counts. A fan is found by its near and far arcs, which share a centre, or by its two sides; pixels are taken as square.
 *
 * What cannot be told is `unknown`: too dark an image, no arc or sides to go by, lit pixels elsewhere.
 * @param images grey values row by row, all of one size
 * @throws NavError `ultrasound/bad-image`
 */
export function detectFan(
  images: readonly Uint8Array[],
  size: readonly [number, number],
  { above = ABOVE }: FanDetectionOptions = {},
): FanDetection {
  if (images.length === 0 || images.some((image) => image.length !== size[0] * size[1])) {
    throw new NavError('ultrasound/bad-image', `A fan is looked for in one image or more of ${size[0]} × ${size[1]} pixels.`);
  }
  const boundary = boundaryOf(images, size, above);
  if (boundary.count < LEAST_LIT * size[0] * size[1]) return unknown('too little of the image is brighter than its margins');
  const rectangle = rectangleOf(boundary);
  if (rectangle !== undefined) {
    const fills = rectangle.size[0] > (1 - LEAST_MARGIN) * size[0] && rectangle.origin[1] < LEAST_MARGIN * size[1];
    return fills ? unknown('the image is lit all over, without a margin to go by') : checked(boundary, { rectangle });
  }
  const fan = fanByArcs(boundary) ?? fanBySides(boundary);
  if (typeof fan === 'string') return unknown(fan);
  return checked(boundary, { fan });
}

const unknown = (reason: string): FanDetection => ({ kind: 'unknown', reason });

/** Whether nearly all that is lit lies inside. */
function checked({ lit, size, count }: Boundary, clip: { fan: ClipFan } | { rectangle: ClipRectangle }): FanDetection {
  const mask = maskOf(size, clip);
  let inside = 0;
  for (let n = 0; n < lit.length; n += 1) if (mask[n] === 255) inside += lit[n] as number;
  if (inside < LEAST_INSIDE * count) {
    return unknown(`only ${Math.round((100 * inside) / count)} % of what is lit lies in one fan or rectangle`);
  }
  return 'fan' in clip ? { kind: 'fan', clip, mask } : { kind: 'rectangle', clip, mask };
}

function maskOf(size: readonly [number, number], clip: ImageClip): Uint8Array {
  const spans = rowSpans(size, clip);
  const mask = new Uint8Array(size[0] * size[1]);
  for (let n = 0; n < spans.length; n += 2) {
    const row = (n >> 2) * size[0];
    mask.fill(255, row + (spans[n] as number), row + (spans[n + 1] as number));
  }
  return mask;
}

/** A straight top and straight sides: what a linear array shows. */
function rectangleOf({ top, bottom, left, right }: Boundary): ClipRectangle | undefined {
  const [x0, x1] = [commonest(left, 0), commonest(right, 0)];
  if (x0.share < LEAST_SEEN.side || x1.share < LEAST_SEEN.side || x1.at <= x0.at) return undefined;
  const within = (points: Points): Points => pointsWhere(points, (x) => x >= x0.at && x <= x1.at);
  const y0 = commonest(within(top), 1);
  if (y0.share < LEAST_SEEN.near) return undefined;
  let last = y0.at;
  const below = within(bottom);
  for (let n = 1; n < below.length; n += 2) last = Math.max(last, below[n] as number);
  return { origin: [x0.at, y0.at], size: [x1.at - x0.at + 1, last - y0.at + 1] };
}

/** The commonest column (0) or row (1) of points, and how many of them lie within one pixel of it. */
function commonest(points: Points, which: 0 | 1): { at: number; share: number } {
  const counts = new Map<number, number>();
  for (let n = which; n < points.length; n += 2) counts.set(points[n] as number, (counts.get(points[n] as number) ?? 0) + 1);
  let [at, most] = [0, 0];
  for (const [value, count] of counts) if (count > most) [at, most] = [value, count];
  const near = [at - 1, at, at + 1].reduce((sum, value) => sum + (counts.get(value) ?? 0), 0);
  return { at, share: points.length === 0 ? 0 : near / (points.length / 2) };
}

/** By the arc of the probe's surface, which is always lit, and the far one. A reason where there is a near arc and no more; undefined without. */
function fanByArcs(boundary: Boundary): ClipFan | string | undefined {
  const { top, bottom, size } = boundary;
  const first = consensusArc(top, Math.max(...size), TOLERANCE);
  if (first === undefined) return undefined;
  let near = first;
  let far: Circle | undefined;
  const sides = sidesOf(boundary);
  for (let round = 0; round < 5; round += 1) {
    const radius = farRadius(bottom, near, size);
    const arcs = [
      onArc(top, near, TOLERANCE),
      radius === undefined ? new Float64Array(0) : onArc(bottom, { ...near, radius }, 2 * TOLERANCE),
    ];
    const found = concentric(
      radius === undefined ? arcs.slice(0, 1) : arcs,
      sides.filter(({ line }) => passes(line, near)),
    );
    if (found?.[0] === undefined) return undefined;
    near = found[0];
    far = found[1];
  }
  const angles = anglesOf(boundary, near, near.radius - TOLERANCE, (far?.radius ?? Number.POSITIVE_INFINITY) + TOLERANCE);
  if (angles === undefined || seenOf(onArc(top, near, TOLERANCE), near, angles) < LEAST_SEEN.near) return undefined;
  return finished(boundary, near, near.radius, far?.radius, angles);
}

/** Straight edges on the left and on the right, away from the image's frame. */
function sidesOf({ left, right, size }: Boundary): Side[] {
  return [left, right].flatMap((points) => {
    const inner = pointsWhere(points, (x) => x > 0 && x < size[0] - 1);
    const line = consensusLine(inner, TOLERANCE);
    if (line === undefined) return [];
    const weight = onLine(inner, line, TOLERANCE).length / 2;
    return weight < LEAST_SEEN.side * (points.length / 2) ? [] : [{ line, weight }];
  });
}

/** Whether a side passes by a centre, as near as arcs alone can find one. */
const passes = ({ at, slope }: SideLine, { x, y }: Circle): boolean =>
  Math.abs(x - at - slope * y) < ROUGHLY * Math.hypot(1, slope);

/** By the two sides, for a phased array, whose near arc is a point or nearly one. */
function fanBySides(boundary: Boundary): ClipFan | string {
  const { left, right, top, bottom, size } = boundary;
  const inner = (points: Points): Points => pointsWhere(points, (x) => x > 0 && x < size[0] - 1);
  const lines = [left, right].map((points) => consensusLine(inner(points), TOLERANCE));
  const [a, b] = lines;
  const none = 'neither the arc of the probe nor two straight sides can be seen';
  if (a === undefined || b === undefined || b.slope - a.slope < 0.1) return none;
  const seen = Math.min(onLine(left, a, TOLERANCE).length / left.length, onLine(right, b, TOLERANCE).length / right.length);
  if (seen < LEAST_SEEN.side) return none;
  const y = (a.at - b.at) / (b.slope - a.slope);
  const apex = { x: a.at + a.slope * y, y, radius: 0 };
  const angles = [a.slope, b.slope].map((slope) => degrees(Math.atan(slope))) as [number, number];
  let nearest = Number.POSITIVE_INFINITY;
  for (let n = 0; n < top.length; n += 2) {
    nearest = Math.min(nearest, Math.hypot((top[n] as number) - apex.x, (top[n + 1] as number) - apex.y));
  }
  return finished(boundary, apex, nearest > 2 * TOLERANCE ? nearest : 0, farRadius(bottom, apex, size), angles);
}

function finished(
  { bottom, size }: Boundary,
  apex: Circle,
  inner: number,
  outer: number | undefined,
  angles: readonly [number, number],
): ClipFan | string {
  const dark = 'the far end of the fan lies in the dark: show it more images, or brighter ones';
  if (outer === undefined || outer < inner + 20) return dark;
  const far = { ...apex, radius: outer };
  // What of the far arc the image's frame cuts off cannot be seen.
  const visible = (degree: number): boolean => {
    const [s, c] = [Math.sin((degree * Math.PI) / 180), Math.cos((degree * Math.PI) / 180)];
    const [x, y] = [apex.x + outer * s, apex.y + outer * c];
    return x >= 1 && x <= size[0] - 2 && y <= size[1] - 2;
  };
  if (seenOf(onArc(bottom, far, 2 * TOLERANCE), far, angles, visible) < LEAST_SEEN.far) return dark;
  if (!(angles[1] - angles[0] > 10 && angles[0] > -90 && angles[1] < 90))
    return 'the fan is narrower than 10° or wider than 180°';
  return { apex: [apex.x, apex.y], anglesDeg: angles, radii: [inner, outer] };
}

const degrees = (radians: number): number => (radians * 180) / Math.PI;

/** The farthest radius at which many columns end: those that end at the image's lower edge do not count. */
function farRadius(bottom: Points, apex: Circle, size: readonly [number, number]): number | undefined {
  const counts = new Map<number, number>();
  let total = 0;
  for (let n = 0; n < bottom.length; n += 2) {
    const [x, y] = [bottom[n] as number, bottom[n + 1] as number];
    if (y >= size[1] - 2 || x < 1 || x > size[0] - 2 || y <= apex.y) continue;
    const radius = Math.round(Math.hypot(x - apex.x, y - apex.y));
    counts.set(radius, (counts.get(radius) ?? 0) + 1);
    total += 1;
  }
  let farthest: number | undefined;
  for (const radius of counts.keys()) {
    const near = [-1, 0, 1].reduce((sum, d) => sum + (counts.get(radius + d) ?? 0), 0);
    if (near >= Math.max(8, 0.04 * total) && radius > (farthest ?? 0)) farthest = radius;
  }
  return farthest;
}

/** The least and the greatest angle of lit pixels between two radii; a few strays beyond do not count. */
function anglesOf({ lit, size, count }: Boundary, apex: Circle, inner: number, outer: number): [number, number] | undefined {
  const bins = new Float64Array(Math.round(360 / BIN_DEG));
  lit.forEach((isLit, n) => {
    if (isLit === 0) return;
    const [x, y] = [(n % size[0]) - apex.x, Math.floor(n / size[0]) - apex.y];
    const radius = Math.hypot(x, y);
    if (radius < inner || radius > outer) return;
    const bin = Math.floor((degrees(Math.atan2(x, y)) + 180) / BIN_DEG);
    bins[bin] = (bins[bin] as number) + 1;
  });
  const strays = Math.max(4, 2e-4 * count);
  const edge = (from: number, step: number): number => {
    let sum = 0;
    let bin = from;
    for (; bin >= 0 && bin < bins.length; bin += step) {
      sum += bins[bin] as number;
      if (sum > strays) break;
    }
    return bin * BIN_DEG - 180 + (step < 0 ? BIN_DEG : 0);
  };
  const found: [number, number] = [edge(0, 1), edge(bins.length - 1, -1)];
  return found[0] < found[1] ? found : undefined;
}

/** How much of an arc between two angles has points on it. */
function seenOf(
  points: Points,
  { x, y }: Circle,
  [from, to]: readonly [number, number],
  counts: (degree: number) => boolean = () => true,
): number {
  const bins = new Set<number>();
  for (let n = 0; n < points.length; n += 2) {
    bins.add(Math.floor(degrees(Math.atan2((points[n] as number) - x, (points[n + 1] as number) - y))));
  }
  let [seen, total] = [0, 0];
  for (let degree = Math.floor(from); degree <= to; degree += 1) {
    if (!counts(degree + 0.5)) continue;
    total += 1;
    if (bins.has(degree)) seen += 1;
  }
  return total === 0 ? 0 : seen / total;
}
