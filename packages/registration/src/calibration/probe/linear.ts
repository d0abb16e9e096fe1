import { cholesky, choleskySolve } from '@trocar/core/math';
import { at } from '../../points/rigid-fit.js';
import type { ProbeTrack, WireObservation } from './observations.js';
import type { WirePattern } from './phantom.js';

/** How the dots of an image are numbered: whether its left is the phantom's last wire, and its top the last N-wire. */
export interface Labelling {
  readonly mirrored: boolean;
  readonly upsideDown: boolean;
}

/** Column and row of wire w of pattern p, by a labelling, in an image of `count` patterns: where it stands in the dots. */
export function dotOf(labelling: Labelling, count: number, pattern: number, wire: number): number {
  const p = labelling.upsideDown ? count - 1 - pattern : pattern;
  return 2 * (3 * p + (labelling.mirrored ? 2 - wire : wire));
}

/** A linear map from pixels to the probe, and how well it fits. */
export interface LinearProbe {
  /** 16 doubles, column-major. */
  readonly probeFromImage: Float64Array;
  /** Root mean square distance of the middle wires' points, mm, over the equations that were used. */
  readonly rmsMm: number;
}

/**
 * The closed-form solution: how far along it the image cuts a middle wire follows from where its dot lies between the outer two, α = |p₂ − p₁| / |p₃ − p₁|;
 * so each N-wire gives a point of the probe's frame for a pixel, and the map is linear (as in PLUS's fCal; Chen 2009,
 * Ultrasound Med. Biol. 35:468). Each coordinate by itself, least squares, without what is more than three standard deviations off.
 */
export function linearProbe(
  observations: readonly WireObservation[],
  track: ProbeTrack,
  patterns: readonly WirePattern[],
  labelling: Labelling,
  lagMs: number = 0,
  every: number = 1,
): LinearProbe | undefined {
  const points = middlePoints(observations, track, patterns, labelling, lagMs, every);
  const count = points.length / 5;
  const m = new Float64Array(16);
  let squares = 0;
  for (let r = 0; r < 3; r += 1) {
    const fit = robustPlane(points, count, r);
    if (fit === undefined) return undefined;
    [m[r], m[4 + r], m[12 + r]] = [at(fit.x, 0), at(fit.x, 1), at(fit.x, 2)];
    squares += fit.variance;
  }
  const [xLength, yLength] = [0, 4].map((c) => Math.hypot(at(m, c), at(m, c + 1), at(m, c + 2))) as [number, number];
  const z = [1, 2, 0].map((a, r) => {
    const b = (r + 2) % 3;
    return at(m, a) * at(m, 4 + b) - at(m, b) * at(m, 4 + a);
  });
  const scale = (xLength + yLength) / 2 / Math.hypot(...z);
  for (let r = 0; r < 3; r += 1) m[8 + r] = (z[r] as number) * scale;
  m[15] = 1;
  return { probeFromImage: m, rmsMm: Math.sqrt(squares) };
}

/** Of every so many images: column, row and the point in the probe's frame, mm, for each middle wire of each image; NaN where there is no pose at that lag. */
export function middlePoints(
  observations: readonly WireObservation[],
  track: ProbeTrack,
  patterns: readonly WirePattern[],
  labelling: Labelling,
  lagMs: number,
  every: number = 1,
): Float64Array {
  const points = new Float64Array(5 * Math.ceil(observations.length / every) * patterns.length);
  const m = new Float64Array(16);
  let to = 0;
  const wires = patterns.map((_, p) => [0, 1, 2].map((w) => dotOf(labelling, patterns.length, p, w)) as [number, number, number]);
  observations.forEach(({ dots }, n) => {
    if (n % every !== 0) return;
    if (track.covers(n, lagMs)) track.probeFromPhantom(m, n, lagMs);
    else m.fill(Number.NaN);
    patterns.forEach(({ meets: [a, b] }, p) => {
      const [i, j, k] = wires[p] as [number, number, number];
      const share = apart(dots, i, j) / apart(dots, i, k);
      points[to] = at(dots, j);
      points[to + 1] = at(dots, j + 1);
      for (let r = 0; r < 3; r += 1) {
        let sum = at(m, 12 + r);
        for (let c = 0; c < 3; c += 1) sum += at(m, 4 * c + r) * (at(a, c) + share * (at(b, c) - at(a, c)));
        points[to + 2 + r] = sum;
      }
      to += 5;
    });
  });
  return points;
}

function apart(dots: ArrayLike<number>, i: number, j: number): number {
  const [x, y] = [at(dots, j) - at(dots, i), at(dots, j + 1) - at(dots, i + 1)];
  return Math.sqrt(x * x + y * y);
}

/** One coordinate as a linear function of column and row. */
function robustPlane(points: Float64Array, count: number, r: number): { x: Float64Array; variance: number } | undefined {
  const used = Uint8Array.from({ length: count }, (_, n) => (Number.isNaN(at(points, 5 * n + 2)) ? 0 : 1));
  for (let round = 0; ; round += 1) {
    const fit = plane(points, used, r);
    if (fit === undefined) return undefined;
    const limit = 3 * Math.sqrt(fit.variance);
    let removed = 0;
    for (let n = 0; n < count; n += 1) {
      const off = Math.abs(misfit(points, n, r, fit.x));
      if (used[n] === 1 && off > limit && off > 1e-9) {
        used[n] = 0;
        removed += 1;
      }
    }
    if (removed === 0 || round > 100) return fit;
  }
}

const misfit = (points: Float64Array, n: number, r: number, x: ArrayLike<number>): number =>
  at(points, 5 * n + 2 + r) - at(x, 0) * at(points, 5 * n) - at(x, 1) * at(points, 5 * n + 1) - at(x, 2);

function plane(points: Float64Array, used: Uint8Array, r: number): { x: Float64Array; variance: number } | undefined {
  let [uu, uv, vv, u1, v1, count, up, vp, p1] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  // Pixels in hundreds keep the normal equations well conditioned.
  for (let n = 0; n < used.length; n += 1) {
    if (used[n] === 0) continue;
    const u = (points[5 * n] as number) / 100;
    const v = (points[5 * n + 1] as number) / 100;
    const p = points[5 * n + 2 + r] as number;
    count += 1;
    uu += u * u;
    uv += u * v;
    vv += v * v;
    u1 += u;
    v1 += v;
    up += u * p;
    vp += v * p;
    p1 += p;
  }
  const normal = Float64Array.of(uu, uv, u1, uv, vv, v1, u1, v1, count);
  if (count < 4 || !cholesky(normal, normal, 3)) return undefined;
  const x = choleskySolve(new Float64Array(3), normal, Float64Array.of(up, vp, p1), 3);
  x[0] = at(x, 0) / 100;
  x[1] = at(x, 1) / 100;
  let squares = 0;
  for (let n = 0; n < used.length; n += 1) if (used[n] === 1) squares += misfit(points, n, r, x) ** 2;
  return { x, variance: squares / count };
}
