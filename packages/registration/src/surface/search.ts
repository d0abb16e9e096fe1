import type { Random } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import type { Aligner, CloudPose } from './aligner.js';
import { anneal } from './anneal.js';

/** A pose that a start led to. */
export interface Candidate {
  readonly pose: CloudPose;
  /** Mean over the points of the distance, capped: only to rank by, mm. */
  readonly score: number;
  /** How many starts led here. */
  starts: number;
}

/** Rotations tried: about 20° apart. */
const ROTATIONS = 480;

/** Points that a first look takes. */
const GLANCE = 24;

/**
 * A unit quaternion of an even spread over all rotations, as a rotation matrix (column-major 3×3) into `out` (the
 * super-Fibonacci spiral of Alexa 2022, CVPR, 8291).
 */
export function spreadRotation(out: Float64Array, k: number, of: number): void {
  const s = (k + 0.5) / of;
  const a = (2 * Math.PI * (k + 0.5)) / Math.SQRT2;
  // The positive root of ψ⁴ = ψ + 4.
  const b = (2 * Math.PI * (k + 0.5)) / 1.5337511687552043;
  rotationOf(
    out,
    Math.sqrt(s) * Math.sin(a),
    Math.sqrt(s) * Math.cos(a),
    Math.sqrt(1 - s) * Math.sin(b),
    Math.sqrt(1 - s) * Math.cos(b),
  );
}

function rotationOf(out: Float64Array, x: number, y: number, z: number, w: number): void {
  out[0] = 1 - 2 * (y * y + z * z);
  out[1] = 2 * (x * y + w * z);
  out[2] = 2 * (x * z - w * y);
  out[3] = 2 * (x * y - w * z);
  out[4] = 1 - 2 * (x * x + z * z);
  out[5] = 2 * (y * z + w * x);
  out[6] = 2 * (x * z + w * y);
  out[7] = 2 * (y * z - w * x);
  out[8] = 1 - 2 * (x * x + y * y);
}

/**
 * Poses that explain the cloud, best first, from everywhere: each of 480 rotations with a point of the cloud laid on each of
 * the surface's anchors is glanced at (a look-up for each of 24 points); the best few of each rotation are annealed briefly,
 * the best of those for longer, and poses that agree are joined.
 */
export function searchEverywhere(aligner: Aligner, random: Random, keep: number): Candidate[] {
  const glances = glanceEverywhere(aligner, random);
  glances.sort((a, b) => a.score - b.score);
  const size = aligner.size;
  const brief = improved(aligner, glances.slice(0, 600), { count: 50, fromMm: 0.35 * size, rate: 0.7, steps: 8 });
  const longer = improved(aligner, joined(aligner, brief, 0.05 * size).slice(0, 120), {
    count: 100,
    fromMm: 0.15 * size,
    rate: 0.75,
    steps: 14,
  });
  return joined(aligner, longer, 0.03 * size).slice(0, keep);
}

function improved(aligner: Aligner, from: readonly Candidate[], how: Parameters<typeof anneal>[2]): Candidate[] {
  const out = from.map(({ pose, starts }) => {
    const next = pose.slice();
    anneal(aligner, next, how);
    return { pose: next, score: scoreOf(aligner, next, how.count), starts };
  });
  return out.sort((a, b) => a.score - b.score);
}

/** The mean distance, each capped at a tenth of the cloud's size, mm. */
export function scoreOf(aligner: Aligner, pose: CloudPose, count: number): number {
  const used = Math.min(count, aligner.count);
  aligner.measure(pose, used, 'grid');
  const cap = 0.1 * aligner.size;
  let sum = 0;
  for (let n = 0; n < used; n += 1) sum += Math.min(cap, Math.abs(at(aligner.distance, n)) / at(aligner.relative, n));
  return sum / used;
}

/** Candidates, the best of each group that agrees to `apartMm`; given best first, returned best first. */
export function joined(aligner: Aligner, candidates: readonly Candidate[], apartMm: number): Candidate[] {
  const out: Candidate[] = [];
  for (const candidate of candidates) {
    const same = out.find((other) => apart(aligner, other.pose, candidate.pose) < apartMm);
    if (same === undefined) out.push({ ...candidate });
    else same.starts += candidate.starts;
  }
  return out;
}

/**
 * Root mean square over the cloud of how far apart two poses put a point, mm: √(|Δt|² + tr(ΔR C ΔRᵀ)) with C the cloud's
 * mean square about its centroid.
 */
export function apart({ scatter }: Aligner, a: CloudPose, b: CloudPose): number {
  let squares = 0;
  for (let k = 0; k < 3; k += 1) {
    const x = (a[k] as number) - (b[k] as number);
    const y = (a[3 + k] as number) - (b[3 + k] as number);
    const z = (a[6 + k] as number) - (b[6 + k] as number);
    const t = (a[9 + k] as number) - (b[9 + k] as number);
    squares +=
      t * t +
      x * x * (scatter[0] as number) +
      y * y * (scatter[4] as number) +
      z * z * (scatter[8] as number) +
      2 * (x * y * (scatter[1] as number) + x * z * (scatter[2] as number) + y * z * (scatter[5] as number));
  }
  return Math.sqrt(Math.max(0, squares));
}

/** The best three of each rotation, by a first look. */
function glanceEverywhere(aligner: Aligner, random: Random): Candidate[] {
  const { surface, cloud, size } = aligner;
  const { grid } = surface;
  const used = Math.min(GLANCE, aligner.count);
  const anchors = anchorsFor(aligner);
  const own = cloudAnchors(aligner, random);
  const turned = new Float64Array(3 * used);
  const r = new Float64Array(9);
  const cap = 0.5 * size;
  const best: Candidate[] = [];
  const scores = new Float64Array(3);
  const shifts = new Float64Array(9);
  for (let k = 0; k < ROTATIONS; k += 1) {
    spreadRotation(r, k, ROTATIONS);
    turn(turned, r, cloud, used);
    scores.fill(Number.POSITIVE_INFINITY);
    for (let a = 0; a < own.length; a += 3) {
      const ax = at(r, 0) * at(own, a) + at(r, 3) * at(own, a + 1) + at(r, 6) * at(own, a + 2);
      const ay = at(r, 1) * at(own, a) + at(r, 4) * at(own, a + 1) + at(r, 7) * at(own, a + 2);
      const az = at(r, 2) * at(own, a) + at(r, 5) * at(own, a + 1) + at(r, 8) * at(own, a + 2);
      for (let m = 0; m < anchors.length; m += 3) {
        const tx = (anchors[m] as number) - ax;
        const ty = (anchors[m + 1] as number) - ay;
        const tz = (anchors[m + 2] as number) - az;
        const limit = scores[2] as number;
        let sum = 0;
        for (let o = 0; o < 3 * used && sum < limit; o += 3) {
          const entry = grid.entryAt((turned[o] as number) + tx, (turned[o + 1] as number) + ty, (turned[o + 2] as number) + tz);
          const d = grid.distanceOf(entry);
          sum += Math.min(d, cap);
        }
        if (sum < limit) insert(scores, shifts, sum, tx, ty, tz);
      }
    }
    for (let n = 0; n < 3; n += 1) {
      if (!(at(scores, n) < Number.POSITIVE_INFINITY)) continue;
      const pose = new Float64Array(12);
      pose.set(r);
      pose.set(shifts.subarray(3 * n, 3 * n + 3), 9);
      best.push({ pose, score: at(scores, n) / used, starts: 1 });
    }
  }
  return best;
}

function turn(out: Float64Array, r: Float64Array, cloud: Float64Array, used: number): void {
  for (let o = 0; o < 3 * used; o += 3) {
    for (let i = 0; i < 3; i += 1)
      out[o + i] = at(r, i) * at(cloud, o) + at(r, 3 + i) * at(cloud, o + 1) + at(r, 6 + i) * at(cloud, o + 2);
  }
}

/** Keeps three sums in order, smallest first, and their shifts. */
function insert(scores: Float64Array, shifts: Float64Array, sum: number, x: number, y: number, z: number): void {
  let n = 2;
  for (; n > 0 && sum < at(scores, n - 1); n -= 1) {
    scores[n] = at(scores, n - 1);
    shifts.copyWithin(3 * n, 3 * n - 3, 3 * n);
  }
  scores[n] = sum;
  shifts[3 * n] = x;
  shifts[3 * n + 1] = y;
  shifts[3 * n + 2] = z;
}

/** As many of the surface's anchors as stand half the cloud's size apart. */
function anchorsFor({ surface, size }: Aligner): Float64Array {
  let count = 24;
  while (count < surface.anchorRadii.length && at(surface.anchorRadii, count - 1) > 0.45 * size) count += 1;
  return surface.anchors.subarray(0, 3 * count);
}

/** Three points of the cloud: the one nearest its centroid, and two far from it and each other. */
function cloudAnchors({ cloud, count }: Aligner, random: Random): Float64Array {
  const used = Math.min(count, 100);
  const chosen = [random.below(used)];
  const far = (n: number, others: readonly number[]): number =>
    Math.min(...others.map((o) => Math.hypot(...[0, 1, 2].map((k) => at(cloud, 3 * n + k) - at(cloud, 3 * o + k)))));
  let middle = 0;
  const radius = (n: number): number => Math.hypot(at(cloud, 3 * n), at(cloud, 3 * n + 1), at(cloud, 3 * n + 2));
  for (let n = 1; n < used; n += 1) if (radius(n) < radius(middle)) middle = n;
  chosen[0] = middle;
  while (chosen.length < 2) {
    // Far, but not the furthest, which may be an outlier.
    const order = Array.from({ length: used }, (_, n) => n).sort((a, b) => far(b, chosen) - far(a, chosen));
    chosen.push(order[Math.floor(used / 4)] as number);
  }
  return Float64Array.from(chosen.flatMap((n) => [0, 1, 2].map((k) => at(cloud, 3 * n + k))));
}
