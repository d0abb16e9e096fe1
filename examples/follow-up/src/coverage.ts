import type { TumourTruth } from '@trocar/core/testing';
import { lesionChange } from './change.js';
import { drawnRegistration, middleOf, type SimulatedCase, simulateFollowUp } from './simulated.js';
import { type LesionTrack, trackLesions } from './track.js';

/** How right the tracks of simulated patients are. */
export interface Coverage {
  patients: number;
  /** Tracks whose kind and lesions are those of the truth, others, and those left to a person. */
  right: number;
  readonly wrong: string[];
  ambiguous: number;
  matched: number;
  /** Matches whose 95 % bounds hold the true change of volume, its ratio, and the change of diameter. */
  volumes: number;
  ratios: number;
  diameters: number;
  /** Lesions that did not change (below 1 % of the volume), and how many of them seem to have. */
  still: number;
  alarms: number;
  /** Lesions whose volume changed by more than 60 %, and how many of them are seen to have. */
  changed: number;
  seen: number;
  /** Sum of the squared distances to the expected place in standard deviations: 3 in the mean where the covariance is right. */
  squares: number;
}

type Tracks = readonly LesionTrack<'earlier', 'later'>[];

interface Place {
  readonly xyz: ArrayLike<number>;
}

/** The size of a true tumour. */
type TrueSize = Pick<TumourTruth<string>, 'volumeMl' | 'diameterMm'>;

/** Which true tumour a lesion is: the nearest. */
function nearest(lesion: { readonly centroid: Place }, truths: readonly { readonly centroid: Place }[]): number {
  const apart = truths.map(({ centroid: { xyz } }) =>
    Math.hypot(...[0, 1, 2].map((r) => (xyz[r] as number) - (lesion.centroid.xyz[r] as number))),
  );
  return apart.indexOf(Math.min(...apart));
}

export function nothingCounted(): Coverage {
  const numbers = { patients: 0, right: 0, ambiguous: 0, matched: 0, volumes: 0, ratios: 0, diameters: 0 };
  return { ...numbers, wrong: [], still: 0, alarms: 0, changed: 0, seen: 0, squares: 0 };
}

/** Adds one patient's tracks, held against the truth. */
export function countTracks(into: Coverage, { truth }: SimulatedCase, tracks: Tracks): void {
  into.patients += 1;
  for (const track of tracks) {
    if (track.kind === 'ambiguous') {
      into.ambiguous += 1;
      continue;
    }
    const before = 'before' in track ? nearest(track.before, truth.before) : -1;
    const after = 'after' in track ? nearest(track.after, truth.after) : -1;
    const fits =
      (track.kind === 'matched' && truth.same.some(([b, a]) => b === before && a === after)) ||
      (track.kind === 'gone' && truth.gone.includes(before)) ||
      (track.kind === 'new' && truth.fresh.includes(after));
    if (!fits) into.wrong.push(`${track.kind} ${before} ${after}`);
    else into.right += 1;
    if (fits && track.kind === 'matched') {
      into.squares += track.mahalanobis2;
      countChange(
        into,
        lesionChange(track.before, track.after),
        truth.before[before] as TrueSize,
        truth.after[after] as TrueSize,
      );
    }
  }
}

function countChange(
  into: Coverage,
  { volumeMl, diameterMm }: ReturnType<typeof lesionChange>,
  before: TrueSize,
  after: TrueSize,
): void {
  const within = (x: number, { low, high }: { readonly low: number; readonly high: number }): number =>
    x >= low && x <= high ? 1 : 0;
  const ratio = after.volumeMl / before.volumeMl;
  into.matched += 1;
  into.volumes += within(after.volumeMl - before.volumeMl, volumeMl);
  into.ratios += within(ratio, volumeMl.ratio);
  into.diameters += within(after.diameterMm - before.diameterMm, diameterMm);
  if (Math.abs(ratio - 1) < 0.01) {
    into.still += 1;
    into.alarms += volumeMl.beyondError ? 1 : 0;
  } else if (Math.abs(ratio - 1) > 0.6) {
    into.changed += 1;
    into.seen += volumeMl.beyondError ? 1 : 0;
  }
}

/** Simulated patients without images: the registration is the truth with an error drawn from the covariance that it states. */
export function coverageOver(patients: number, seed: number): Coverage {
  const counted = nothingCounted();
  for (let n = 0; n < patients; n += 1) {
    const given = simulateFollowUp({ seed: seed + n, images: false });
    const laterFromEarlier = drawnRegistration(given.truth.laterFromEarlier, middleOf(given), seed + n);
    countTracks(counted, given, trackLesions({ earlier: given.earlier, later: given.later, laterFromEarlier }));
  }
  return counted;
}
