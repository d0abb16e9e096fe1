import type { CalibrationPose } from '@trocar/registration';
import type { AccuracyPhantom, Divot } from './phantom.js';

/** What the person is asked for: to hold or turn the pointer in a divot while it is recorded. */
export interface Prompt {
  /** Unique; the key of its poses in a file of recordings. */
  readonly name: string;
  readonly divot: Divot;
  /** How the shaft leans from the way out of the divot, degrees, and in which direction, degrees about it. */
  readonly leanDeg: number;
  readonly azimuthDeg: number;
  /** `turn`: about the tip, to all sides; `still`: in a clamp; `hold`: by hand. */
  readonly how: 'turn' | 'still' | 'hold';
  readonly poses: number;
}

/** Poses of the pointer in the reference for each prompt: a simulation, or a file recorded with a real tracker. */
export type Recordings = (prompt: Prompt) => readonly CalibrationPose[];

/** Leans that the test divots are touched with, degrees, and the directions of those above 0. */
export const LEANS_DEG = [0, 20, 40] as const;
const AZIMUTHS_DEG = [0, 90, 180, 270] as const;

/** The whole protocol, in order. */
export function promptsFor(phantom: AccuracyPhantom): readonly Prompt[] {
  const hold = (name: string, divot: Divot, leanDeg: number, azimuthDeg: number): Prompt => {
    return { name, divot, leanDeg, azimuthDeg, how: 'hold', poses: 30 };
  };
  return [
    { name: 'static', divot: phantom.pivot, leanDeg: 0, azimuthDeg: 0, how: 'still', poses: 600 },
    { name: 'pivot', divot: phantom.pivot, leanDeg: 0, azimuthDeg: 0, how: 'turn', poses: 600 },
    ...phantom.registration.map((d) => hold(`register ${d.name}`, d, 5, 0)),
    ...phantom.test.flatMap((d) =>
      LEANS_DEG.flatMap((lean) =>
        (lean === 0 ? [0] : AZIMUTHS_DEG).map((azimuth) =>
          hold(`test ${d.name} at ${lean}° towards ${azimuth}°`, d, lean, azimuth),
        ),
      ),
    ),
  ];
}
