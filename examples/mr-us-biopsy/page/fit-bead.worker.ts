import type { PointObservation } from '@trocar/registration';
import type { Refusal } from '../../suite/src/refusal.js';
import { type BeadFit, fitBead } from '../src/bead-fit.js';

/** What the worker is asked. */
export interface FitBeadOrder {
  readonly seen: readonly PointObservation[];
  readonly row: number;
}

/** What it says, once. */
export type FitBeadAnswer = BeadFit | Refusal;

addEventListener('message', ({ data: { seen, row } }: MessageEvent<FitBeadOrder>) => {
  postMessage(fitBead(seen, row) satisfies FitBeadAnswer);
});
