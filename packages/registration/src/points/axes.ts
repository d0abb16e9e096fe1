import { NavError } from '@trocar/core';
import { at } from './rigid-fit.js';

/** A turn within this of the half-turn about z may be a mix-up, rad (15°). */
const HALF_TURN = Math.PI / 12;

/** The same where the places say little, because both centroids lie near the z axis, rad (10°). */
const HALF_TURN_ALONE = Math.PI / 18;

/** Where a tracker may have its origin: anywhere within this of where the flip would put it, mm. */
const REACH_MM = 500;

/** A pose is taken for a mix-up where an arbitrary one has less than this probability to come as near to it. */
const CHANCE = 1e-7;

/** Maps of the coordinates that a confusion of axes makes, as (source axis, sign) for x, y and z. */
const CONFUSIONS = [
  ['x negated', [0, -1, 1, 1, 2, 1]],
  ['y negated', [0, 1, 1, -1, 2, 1]],
  ['z negated', [0, 1, 1, 1, 2, -1]],
  ['x and y exchanged', [1, 1, 0, 1, 2, 1]],
  ['x and z exchanged', [2, 1, 1, 1, 0, 1]],
  ['y and z exchanged', [0, 1, 2, 1, 1, 1]],
] as const;

const FLIP = [0, -1, 1, -1, 2, 1] as const;
const AS_IS = [0, 1, 1, 1, 2, 1] as const;

/**
 * Refuses a registration that only undoes a mix-up of RAS and LPS: a half-turn about z within 15°, and the points twice as
 * near or nearer once x and y of one side are negated.
 *
 * It must be too near for an accident. Uniformly random rotations come within θ of a given one with probability
 * (θ − sin θ)/π, and an origin anywhere within 500 mm brings the centroids within d of each other with (d / 500 mm)³; the
 * product must be below 10⁻⁷, so that about one arbitrary pose in a million is refused in error. Where both centroids lie near
 * the z axis, so that the places say nothing, the rotation must be within 10° (an arbitrary one is with 0.03 %). A prone patient against a supine scan is a true
 * half-turn: hence `allow: ['half-turn']`.
 * @throws NavError `registration/ras-lps` (detail: `angleRad`, from the half-turn; `offsetMm`, after the flip)
 */
export function requireNoFlip(
  matrix: ArrayLike<number>,
  to: ArrayLike<number>,
  from: ArrayLike<number>,
  used: readonly number[],
): void {
  // trace(Dᵀ R) = 1 + 2 cos θ for D = diag(−1, −1, 1).
  const cosine = (-at(matrix, 0) - at(matrix, 5) + at(matrix, 10) - 1) / 2;
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  const flipped = apart(to, from, used, FLIP);
  const plain = apart(to, from, used, AS_IS);
  const placed = flipped.centroids < plain.centroids / 1.5;
  if (angle > (placed ? HALF_TURN : HALF_TURN_ALONE) || flipped.rms > plain.rms / 2) return;
  if (((angle - Math.sin(angle)) / Math.PI) * (flipped.centroids / REACH_MM) ** 3 > CHANCE) return;
  throw new NavError(
    'registration/ras-lps',
    `One side seems to be in RAS, the other in LPS coordinates: the registration is a half-turn about z (within ` +
      `${((angle * 180) / Math.PI).toFixed(1)}°), and with x and y of one side negated the points are ${flipped.rms.toFixed(1)} mm apart ` +
      `before any registration, as given ${plain.rms.toFixed(0)} mm. Negate x and y of the RAS side. If the patient was truly turned ` +
      "over, allow it with allow: ['half-turn'].",
    { detail: { angleRad: angle, offsetMm: flipped.centroids } },
  );
}

/**
 * Which confusion of one side's axes brings mirrored points together without any registration: for frames that are
 * nearly aligned, such as two readings of one image. Undefined where none does.
 */
export function confusedAxes(to: ArrayLike<number>, from: ArrayLike<number>, used: readonly number[]): string | undefined {
  const plain = apart(to, from, used, AS_IS).rms;
  let best: { name: string; rms: number } | undefined;
  for (const [name, map] of CONFUSIONS) {
    const { rms } = apart(to, from, used, map);
    if (rms < plain / 3 && !(best !== undefined && best.rms <= rms)) best = { name, rms };
  }
  return best?.name;
}

/** Distances between the sides once a map is applied to the `from` points: of the centroids, and rms over all pairs, mm. */
function apart(
  to: ArrayLike<number>,
  from: ArrayLike<number>,
  used: readonly number[],
  map: ArrayLike<number>,
): { readonly centroids: number; readonly rms: number } {
  const mean = [0, 0, 0];
  let squares = 0;
  for (const k of used) {
    for (let i = 0; i < 3; i += 1) {
      const d = at(to, 3 * k + i) - at(map, 2 * i + 1) * at(from, 3 * k + at(map, 2 * i));
      mean[i] = at(mean, i) + d / used.length;
      squares += d * d;
    }
  }
  return { centroids: Math.hypot(at(mean, 0), at(mean, 1), at(mean, 2)), rms: Math.sqrt(squares / used.length) };
}
