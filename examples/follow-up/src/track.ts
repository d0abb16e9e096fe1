import { apply, NavError, type Point, pointCovariance, type Transform } from '@trocar/core';
import type { Lesion } from '@trocar/core/analysis';
import { chiSquareQuantile, invertSymmetric } from '@trocar/core/math';
import { type AnyVolume, Sampler } from '@trocar/core/volume';
import type { StudyDeformation } from './study.js';

/** How lesions are told apart. */
export interface TrackOptions {
  /** How far tissue moves beside the registration, mm, standard deviation along each axis: breathing, another posture. Default 2. */
  readonly motionSdMm?: number;
  /** The true partner of a lesion lies within the gate with this probability. Default 0.999. */
  readonly gate?: number;
}

/** A lesion seen in both studies. */
export interface MatchedLesion<E extends string, L extends string> {
  readonly kind: 'matched';
  readonly before: Lesion<E>;
  readonly after: Lesion<L>;
  /** Where the earlier centroid is expected in the later image, and how far off the found one lies, mm. */
  readonly expected: Point<L>;
  readonly apartMm: number;
  /** Squared, in standard deviations: χ² with three degrees of freedom where the two are one. */
  readonly mahalanobis2: number;
}

/** What became of every lesion. */
export type LesionTrack<E extends string, L extends string> =
  | MatchedLesion<E, L>
  /** Its place is in the later image, and nothing is there. */
  | { readonly kind: 'gone'; readonly before: Lesion<E>; readonly expected: Point<L> }
  /** Its place was in the earlier image, and nothing was there. */
  | { readonly kind: 'new'; readonly after: Lesion<L> }
  /** Its place is not in the other image: nothing is known. */
  | { readonly kind: 'not-seen-later'; readonly before: Lesion<E>; readonly expected: Point<L> }
  | { readonly kind: 'not-seen-earlier'; readonly after: Lesion<L> }
  /** Several may belong together: they met, parted, or lie closer than the registration is sure. A person must say. */
  | { readonly kind: 'ambiguous'; readonly before: readonly Lesion<E>[]; readonly after: readonly Lesion<L>[] };

/** Everything that lesions are tracked by. */
export interface TrackInput<E extends string, L extends string> {
  readonly earlier: { readonly volume: AnyVolume; readonly lesions: readonly Lesion<E>[] };
  readonly later: { readonly volume: AnyVolume; readonly lesions: readonly Lesion<L>[] };
  readonly laterFromEarlier: Transform<L, E>;
  readonly deformation?: StudyDeformation<E, L> | undefined;
}

/**
 * Lesions of two studies that are one, by place alone.
 *
 * An earlier centroid goes through the registration; the later ones within the gate are its candidates. The covariance is that of the
 * registration there, of both centroids, of motion beside it, and of growth to one side: a lesion that grew by Δd of its diameter may have moved its
 * centroid by up to Δd / 2, taken for two standard deviations. One candidate that is nobody else's is a match; where several belong to several, all of them are
 * ambiguous.
 * @throws NavError `follow-up/unregistered` (no covariance), `follow-up/bad-option`
 */
export function trackLesions<E extends string, L extends string>(
  input: TrackInput<E, L>,
  options: TrackOptions = {},
): LesionTrack<E, L>[] {
  const { motionSdMm = 2, gate = 0.999 } = options;
  if (!(motionSdMm >= 0 && gate > 0 && gate < 1)) {
    throw new NavError('follow-up/bad-option', 'motionSdMm must be 0 or more and gate between 0 and 1.', {
      detail: { motionSdMm, gate },
    });
  }
  const { earlier, later } = input;
  const limit = chiSquareQuantile(gate, 3);
  const expected = earlier.lesions.map((lesion) => expectedAt(input, lesion));
  const pairs = earlier.lesions.map((before, e) =>
    later.lesions.map((after) => distanceOf(before, after, expected[e] as Expected<L>, motionSdMm)),
  );
  const near = (e: number, l: number): boolean => ((pairs[e] as Apart[])[l] as Apart).mahalanobis2 <= limit;
  return groupsOf(earlier.lesions.length, later.lesions.length, near).map(({ befores, afters }): LesionTrack<E, L> => {
    const [e, l] = [befores[0], afters[0]];
    if (befores.length === 1 && afters.length === 0) return lostOf(input, e as number, (expected[e as number] as Expected<L>).at);
    if (befores.length === 0 && afters.length === 1) return foundOf(input, later.lesions[l as number] as Lesion<L>);
    if (befores.length === 1 && afters.length === 1) {
      return {
        kind: 'matched',
        before: earlier.lesions[e as number] as Lesion<E>,
        after: later.lesions[l as number] as Lesion<L>,
        expected: (expected[e as number] as Expected<L>).at,
        ...((pairs[e as number] as Apart[])[l as number] as Apart),
      };
    }
    return {
      kind: 'ambiguous',
      before: befores.map((n) => earlier.lesions[n] as Lesion<E>),
      after: afters.map((n) => later.lesions[n] as Lesion<L>),
    };
  });
}

interface Expected<L extends string> {
  readonly at: Point<L>;
  /** 3×3, mm². */
  readonly covariance: Float64Array;
}

interface Apart {
  readonly apartMm: number;
  readonly mahalanobis2: number;
}

function expectedAt<E extends string, L extends string>(
  { laterFromEarlier: t, deformation }: TrackInput<E, L>,
  { centroid }: Lesion<E>,
): Expected<L> {
  if (t.covariance === undefined) {
    throw new NavError(
      'follow-up/unregistered',
      'Lesions are matched by the covariance of the registration, and this one has none.',
    );
  }
  const rigid = apply(t, centroid);
  const covariance = pointCovariance(new Float64Array(9), t.covariance, rigid.xyz);
  const bent = deformation?.laterFromEarlier(centroid);
  const error = deformation?.expectedError(centroid);
  if (bent === undefined || error === undefined || Number.isNaN(error)) return { at: rigid, covariance };
  for (const n of [0, 4, 8]) covariance[n] = (covariance[n] as number) + (error * error) / 3;
  return { at: bent, covariance };
}

function distanceOf<E extends string, L extends string>(
  before: Lesion<E>,
  after: Lesion<L>,
  { at, covariance }: Expected<L>,
  motionSdMm: number,
): Apart {
  const d = [0, 1, 2].map((r) => (after.centroid.xyz[r] as number) - (at.xyz[r] as number));
  const growth = Math.abs(after.diameterMm - before.diameterMm) / 4;
  const more = before.centroidSdMm ** 2 + after.centroidSdMm ** 2 + motionSdMm ** 2 + growth ** 2;
  const c = Float64Array.from(covariance, (x, n) => (n % 4 === 0 ? x + more : x));
  const inverse = invertSymmetric(c, 3);
  let square = 0;
  for (let a = 0; a < 3; a += 1) {
    for (let b = 0; b < 3; b += 1) square += (d[a] as number) * (inverse[3 * a + b] as number) * (d[b] as number);
  }
  return { apartMm: Math.hypot(...d), mahalanobis2: square };
}

/** Connected groups of the graph between earlier and later lesions; lone ones too. */
function groupsOf(
  befores: number,
  afters: number,
  near: (e: number, l: number) => boolean,
): { readonly befores: number[]; readonly afters: number[] }[] {
  const freeBefore = new Set(Array.from({ length: befores }, (_, e) => e));
  const freeAfter = new Set(Array.from({ length: afters }, (_, l) => l));
  const groups: { befores: number[]; afters: number[] }[] = [];
  while (freeBefore.size + freeAfter.size > 0) {
    const [e] = freeBefore;
    const [l] = freeAfter;
    const group = e === undefined ? { befores: [], afters: [l as number] } : { befores: [e], afters: [] as number[] };
    if (e === undefined) freeAfter.delete(l as number);
    else freeBefore.delete(e);
    // Whoever is near one of the group belongs to it; the lists grow while they are gone through.
    for (let grown = true; grown; ) {
      const [b, a] = [group.befores.length, group.afters.length];
      for (const other of freeAfter)
        if (group.befores.some((x) => near(x, other)) && freeAfter.delete(other)) group.afters.push(other);
      for (const other of freeBefore)
        if (group.afters.some((x) => near(other, x)) && freeBefore.delete(other)) group.befores.push(other);
      grown = group.befores.length > b || group.afters.length > a;
    }
    groups.push(group);
  }
  return groups;
}

function lostOf<E extends string, L extends string>(
  { earlier, later }: TrackInput<E, L>,
  e: number,
  expected: Point<L>,
): LesionTrack<E, L> {
  const before = earlier.lesions[e] as Lesion<E>;
  return { kind: isIn(later.volume, expected.xyz) ? 'gone' : 'not-seen-later', before, expected };
}

function foundOf<E extends string, L extends string>(
  { earlier, laterFromEarlier: t }: TrackInput<E, L>,
  after: Lesion<L>,
): LesionTrack<E, L> {
  const m = t.matrix;
  const d = [0, 1, 2].map((r) => (after.centroid.xyz[r] as number) - (m[12 + r] as number));
  const back = [0, 1, 2].map((c) => [0, 1, 2].reduce((sum, r) => sum + (m[4 * c + r] as number) * (d[r] as number), 0));
  return { kind: isIn(earlier.volume, back) ? 'new' : 'not-seen-earlier', after };
}

function isIn(v: AnyVolume, p: ArrayLike<number>): boolean {
  return !Number.isNaN(new Sampler(v).at(p[0] as number, p[1] as number, p[2] as number));
}
