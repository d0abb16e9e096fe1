import { NavError } from '@trocar/core';
import { cholesky, choleskySolve, rotationVectorOf } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import { misfits } from './hand-eye-closed.js';
import { axisDiversity, inverted, type Motions, motionsOf, type PosePairs, poseAt, selected } from './hand-eye-motions.js';
import { type HandEyeStart, leverOf, robustStart } from './hand-eye-start.js';
import { type AnyPoseList, type PoseRules, usablePoses } from './poses.js';
import { requireMillimetres, requireMotion } from './poses-spread.js';

/** Three independent motions. */
const LEAST_POSES = 4;
/** Two lists turn about one axis where theirs spread less than this, degrees. */
const PARALLEL_BELOW_DEG = 4;
/** No motion turning more than this fixes nothing, degrees. */
const NARROW_BELOW_DEG = 10;

/** The poses measured in both lists, and where they stand in them. */
export interface PairedPoses {
  readonly pairs: PosePairs;
  /** Places in the lists given. */
  readonly indices: Int32Array;
  /** Of list A, ms; NaN where it has none. */
  readonly times: Float64Array;
}

/**
 * The poses that both lists measured, as they stand beside each other.
 * @throws NavError `calibration/unpaired`, and what {@link usablePoses}, {@link requireMillimetres} and {@link requireMotion} do
 */
export function pairedPoses(a: AnyPoseList, b: AnyPoseList, purpose: string, acceptUnknown: boolean): PairedPoses {
  if (a.poses.length !== b.poses.length) {
    throw new NavError(
      'calibration/unpaired',
      `${purpose}: ${a.poses.length} poses of "${a.from.name}" stand beside ${b.poses.length} of "${b.from.name}". Pair each pose with ` +
        'the other measured at the same time: pairInTime() does it by their times.',
      { detail: { first: a.poses.length, second: b.poses.length } },
    );
  }
  const [fromA, fromB] = [a, b].map((list) => {
    const rules: PoseRules = { purpose, atLeast: LEAST_POSES, acceptUnknown };
    const usable = usablePoses(list, rules);
    requireMillimetres(usable, rules);
    requireMotion(list, usable, rules);
    return spread(list, usable.indices, usable.matrices);
  }) as [Float64Array, Float64Array];
  const kept: number[] = [];
  for (let k = 0; k < a.poses.length; k += 1) if (at(fromA, 16 * k + 15) === 1 && at(fromB, 16 * k + 15) === 1) kept.push(k);
  const all = { count: a.poses.length, a: fromA, b: fromB };
  const distinct = kept.filter((k, n) => n === 0 || !isCopy(all, k, kept[n - 1] as number));
  if (distinct.length < LEAST_POSES) {
    throw new NavError(
      'calibration/too-few-poses',
      `${purpose} needs at least ${LEAST_POSES} pairs of measured poses and has ${distinct.length}. Record more, turned about different axes.`,
      { detail: { pairs: distinct.length, given: a.poses.length } },
    );
  }
  return {
    pairs: selected(all, distinct),
    indices: Int32Array.from(distinct),
    times: Float64Array.from(distinct, (k) => a.poses[k]?.timeMs ?? Number.NaN),
  };
}

/**
 * The usable poses at their places in the list. An exact copy of the pose before is kept here: a robot at rest repeats
 * its pose while the camera measures anew.
 */
function spread(list: AnyPoseList, indices: readonly number[], matrices: Float64Array): Float64Array {
  const out = new Float64Array(16 * list.poses.length);
  indices.forEach((k, n) => {
    out.set(matrices.subarray(16 * n, 16 * n + 16), 16 * k);
  });
  let last = -1;
  let next = 0;
  list.poses.forEach((pose, k) => {
    if (indices[next] === k) {
      last = k;
      next += 1;
      return;
    }
    const before = list.poses[last];
    if (before === undefined || (pose.status ?? 'ok') !== (before.status ?? 'ok')) return;
    for (let i = 0; i < 16; i += 1) if (pose.matrix[i] !== before.matrix[i]) return;
    out.copyWithin(16 * k, 16 * last, 16 * last + 16);
  });
  return out;
}

function isCopy(pairs: PosePairs, i: number, j: number): boolean {
  const [a, b] = [poseAt(pairs.a, i), poseAt(pairs.b, i)];
  const [p, q] = [poseAt(pairs.a, j), poseAt(pairs.b, j)];
  return a.every((x, k) => x === at(p, k)) && b.every((x, k) => x === at(q, k));
}

/**
 * Refuses motions that cannot fix X: too little rotation, or all about one direction.
 * @throws NavError `calibration/narrow`, `calibration/parallel-axes`
 */
export function requireAxes(pairs: PosePairs, purpose: string, seed: number): Motions {
  const motions = motionsOf(pairs, seed);
  const { largestTurnDeg } = axisDiversity(motions.alpha);
  if (motions.count < 2 || !(largestTurnDeg >= NARROW_BELOW_DEG)) {
    throw new NavError(
      'calibration/narrow',
      `${purpose}: hardly any two poses differ by ${NARROW_BELOW_DEG}° in both lists. Turn by 30° and more, about at least two different axes.`,
      { detail: { motions: motions.count, largestTurnDeg } },
    );
  }
  const spreadDeg = Math.min(axisDiversity(motions.alpha).axisSpreadDeg, axisDiversity(motions.beta).axisSpreadDeg);
  if (spreadDeg < PARALLEL_BELOW_DEG) {
    throw new NavError(
      'calibration/parallel-axes',
      `${purpose}: all rotations are about one direction (they spread by ${spreadDeg.toFixed(1)}°), so the position along it stays ` +
        'unknown. Add poses turned about another axis, at best 90° away.',
      { detail: { axisSpreadDeg: spreadDeg } },
    );
  }
  return motions;
}

/** Fits this bad, as a share of the distance to the target, are worth a second look at what the lists are. */
const SUSPICIOUS = 0.01;
/** Another reading of the lists is taken for the right one where it fits this much better. */
const BETTER = 4;
/** Fits this bad say that the lists do not belong together. */
const HOPELESS = 0.2;

/** How the lists could have been meant, and what to say then. */
interface Reading {
  readonly code: 'calibration/inverted' | 'calibration/mirrored' | 'calibration/unpaired';
  readonly pairs: PosePairs;
  readonly advice: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/**
 * Refuses lists that do not belong together as they stand: judged by how much better another reading of them fits.
 * @throws NavError `calibration/units`, `calibration/inverted`, `calibration/mirrored`, `calibration/unpaired`, `calibration/failed`
 */
export function requireConsistent(
  pairs: PosePairs,
  start: HandEyeStart,
  names: readonly [string, string],
  purpose: string,
  seed: number,
): void {
  const lever = leverOf(pairs);
  if (start.medianMm < SUSPICIOUS * lever) return;
  requireSameUnit(pairs, start, names, purpose, seed);
  for (const { code, pairs: other, advice, detail } of readings(pairs, names)) {
    if (other.count < LEAST_POSES) continue;
    if (robustStart(other, seed).medianMm * BETTER < start.medianMm) {
      throw new NavError(code, `${purpose}: ${advice}`, { detail });
    }
  }
  if (start.medianMm < HOPELESS * lever) return;
  throw new NavError(
    'calibration/failed',
    `${purpose}: the two lists do not belong together: the best fit leaves half of the poses more than ${start.medianMm.toPrecision(2)} mm ` +
      'off. Check that both were recorded at the same time, in this order, and that nothing between them moved.',
    { detail: { medianMm: start.medianMm, leverMm: lever } },
  );
}

function* readings(pairs: PosePairs, [nameA, nameB]: readonly [string, string]): Generator<Reading> {
  const turned = (list: string, which: string, a: boolean, b: boolean): Reading => ({
    code: 'calibration/inverted',
    pairs: inverted(pairs, { a, b }),
    advice: `the poses fit far better with ${list} turned round. Invert ${which}, or name the frames the other way round.`,
    detail: { inverted: [...(a ? [nameA] : []), ...(b ? [nameB] : [])] },
  });
  yield turned(`the list "${nameB}"`, 'each of its poses', false, true);
  yield turned(`the list "${nameA}"`, 'each of its poses', true, false);
  yield {
    code: 'calibration/mirrored',
    pairs: { ...pairs, a: mirrored(pairs.a) },
    advice:
      'the poses fit far better with one list mirrored: one of the two is left-handed. Negate one axis of it on both sides.',
    detail: {},
  };
  for (const shift of [1, -1, 2, -2, 3, -3]) {
    const n = pairs.count - Math.abs(shift);
    const [i, j] = [Math.max(0, shift), Math.max(0, -shift)];
    yield {
      code: 'calibration/unpaired',
      pairs: { count: n, a: pairs.a.subarray(16 * i, 16 * (i + n)), b: pairs.b.subarray(16 * j, 16 * (j + n)) },
      advice: `the poses fit far better with the lists shifted by ${shift} against each other. Pair them by their times.`,
      detail: { shift },
    };
  }
}

/** M A M with M = diag(1, 1, −1): the same motions told in left-handed frames. */
function mirrored(stack: Float64Array): Float64Array {
  const flipped = new Set([2, 6, 8, 9, 14]);
  return stack.map((x, i) => (flipped.has(i % 16) ? -x : x));
}

/** Lengths of one list that are more than this times the other's are another unit. */
const UNIT_FACTOR = 1.3;

/**
 * Refuses lists in different units: the rotations tell the factor, and with it the poses must fit.
 * @throws NavError `calibration/units`
 */
function requireSameUnit(
  pairs: PosePairs,
  start: HandEyeStart,
  [nameA, nameB]: readonly [string, string],
  purpose: string,
  seed: number,
): void {
  const s = scaleBetween(pairs, start);
  // Below zero a list is mirrored: the rotations of M A M are those of a half-turn of A, its translations the opposite.
  if (!(s > UNIT_FACTOR || (s > 0 && s < 1 / UNIT_FACTOR))) return;
  const b = pairs.b.map((x, i) => (i % 16 >= 12 && i % 16 < 15 ? x * s : x));
  if (!(robustStart({ ...pairs, b }, seed).medianMm * BETTER < start.medianMm)) return;
  throw new NavError(
    'calibration/units',
    `${purpose}: lengths of "${nameB}" must be multiplied by ${s.toPrecision(3)} to fit those of "${nameA}". Give both lists in millimetres.`,
    { detail: { factor: s } },
  );
}

/**
 * The factor that lengths of list B need to fit those of list A, from poses whose rotations agree: rotations do not depend
 * on the unit. NaN where it cannot be told.
 */
export function scaleBetween(pairs: PosePairs, start: HandEyeStart): number {
  const v = new Float64Array(3);
  const e = misfits(pairs, start.state.x, start.state.y);
  const angle = (i: number): number => Math.hypot(...rotationVectorOf(v, poseAt(e, i)));
  const angles = Float64Array.from({ length: pairs.count }, (_, i) => angle(i));
  const best = Array.from({ length: pairs.count }, (_, i) => i)
    .sort((i, j) => at(angles, i) - at(angles, j))
    .slice(0, Math.max(LEAST_POSES, Math.ceil(0.6 * pairs.count)));
  if (at(angles, best[best.length - 1] as number) > 0.2) return Number.NaN;
  const some = selected(pairs, best);
  const motions = motionsOf(some, 1);
  return motions.count < 2 ? Number.NaN : factorOf(motions, start.state.x);
}

/** s of (R_A − I) t_X − s R_X t_B = −t_A in least squares over (t_X, s). */
function factorOf(motions: Motions, x: ArrayLike<number>): number {
  const sizeOf = (stack: Float64Array): number => {
    let sum = 0;
    for (let k = 0; k < motions.count; k += 1) for (let i = 12; i < 15; i += 1) sum += at(stack, 16 * k + i) ** 2;
    return Math.sqrt(sum / motions.count);
  };
  const [sizeA, sizeB] = [sizeOf(motions.a), sizeOf(motions.b)];
  if (!(sizeA > 0 && sizeB > 0)) return Number.NaN;
  const normal = new Float64Array(16);
  const right = new Float64Array(4);
  for (let k = 0; k < motions.count; k += 1) {
    const a = poseAt(motions.a, k);
    const b = poseAt(motions.b, k);
    for (let i = 0; i < 3; i += 1) {
      const turned = (at(x, i) * at(b, 12) + at(x, 4 + i) * at(b, 13) + at(x, 8 + i) * at(b, 14)) / sizeB;
      const row = [0, 1, 2].map((j) => at(a, 4 * j + i) - (i === j ? 1 : 0)).concat(-turned);
      for (let p = 0; p < 4; p += 1) {
        right[p] = at(right, p) - ((row[p] as number) * at(a, 12 + i)) / sizeA;
        for (let q = 0; q < 4; q += 1) normal[4 * p + q] = at(normal, 4 * p + q) + (row[p] as number) * (row[q] as number);
      }
    }
  }
  if (!cholesky(normal, normal, 4)) return Number.NaN;
  return (at(choleskySolve(right, normal, right, 4), 3) * sizeA) / sizeB;
}
