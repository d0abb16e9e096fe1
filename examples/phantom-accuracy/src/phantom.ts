import { type Frame, frame } from '@trocar/core';

export const PHANTOM: Frame<'phantom'> = frame('phantom');
export const REFERENCE: Frame<'reference'> = frame('reference');
export const STYLUS: Frame<'stylus'> = frame('stylus');
export const TIP: Frame<'tip'> = frame('tip');

export type V3 = readonly [number, number, number];

/** One conical divot of the phantom: its place and the way out of it, phantom frame, mm. */
export interface Divot {
  readonly name: string;
  readonly at: V3;
  readonly out: V3;
}

/** A measured block with divots, as a coordinate measuring machine knows it. */
export interface AccuracyPhantom {
  /** Error of the places themselves, mm (standard deviation per axis). */
  readonly placeSdMm: number;
  readonly pivot: Divot;
  readonly registration: readonly Divot[];
  /** None of them is used to register. */
  readonly test: readonly Divot[];
}

/**
 * A stepped block of 150 × 150 × 100 mm: registration divots at its rim, test divots on four levels within, as in ASTM F2554, whose phantom
 * has its divots at several heights and on inclined faces.
 */
export function blockPhantom(): AccuracyPhantom {
  const up: V3 = [0, 0, 1];
  const tilted = (ax: number, ay: number): V3 => {
    const length = Math.hypot(ax, ay, 1);
    return [ax / length, ay / length, 1 / length];
  };
  const registration = (
    [
      [-70, -70, 0],
      [70, -66, 20],
      [66, 70, 0],
      [-68, 62, 40],
      [0, -72, 60],
      [72, 4, 80],
      [-74, 0, 30],
      [8, 74, 90],
    ] as const
  ).map((at, k) => ({ name: `R${k + 1}`, at, out: up }));
  const test = [0, 30, 60, 90].flatMap((z, level) =>
    [0, 1, 2].map((k): Divot => {
      const angle = 2.1 * k + 0.7 * level;
      const radius = 18 + 14 * k;
      const out = level % 2 === 0 ? up : tilted(0.4 * Math.cos(angle), 0.4 * Math.sin(angle));
      return { name: `T${3 * level + k + 1}`, at: [radius * Math.cos(angle), radius * Math.sin(angle), z], out };
    }),
  );
  return { placeSdMm: 0.01, pivot: { name: 'P', at: [-40, -40, 10], out: up }, registration, test };
}
