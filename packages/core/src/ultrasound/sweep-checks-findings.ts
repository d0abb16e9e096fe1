/**
 * Something about a sweep that a person must look at before anything is made of it.
 * - `bad-times`: a time twice, one that goes backwards, times for some pictures only: makeSweep() refuses such a sweep.
 * - `missing-poses`: too many pictures without one.
 * - `sector-changed`: pictures are lit beside the sector: another depth, zoom or probe.
 * - `sector-dark`: a part of the sector's rim is dark from some picture on: another depth or zoom, or no contact there.
 * - `gap`: neighbouring images lie too far apart; somewhere else in the sweep another image may have seen what lies between.
 * - `too-fast`: what an error of the lag is multiplied by.
 * - `no-times`: the speed was to be checked, and there are no times.
 */
export interface SweepFinding {
  readonly code: 'bad-times' | 'missing-poses' | 'sector-changed' | 'sector-dark' | 'gap' | 'too-fast' | 'no-times';
  /** What was found, where, and what to do: for a person. */
  readonly message: string;
  /** The picture concerned, in the list that was checked, from 0. */
  readonly index?: number;
}
