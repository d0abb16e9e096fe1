import { NavError } from '../../base/index.js';

/**
 * Largest outer diameters of needle tubing by gauge, mm: ISO 9626:2016, table 1 (designated metric sizes 0.18 … 3.4 mm). The largest that
 * the standard allows and not the designated size: a clearance computed with it holds for every needle of that gauge. Not yet compared with
 * the standard's own print, only some gauges with public charts; {@link NeedleInit.outerDiameterMm} takes a measured one.
 */
const LARGEST_OUTER_MM: Readonly<Record<number, number>> = {
  10: 3.5,
  11: 3.15,
  12: 2.85,
  13: 2.5,
  14: 2.15,
  15: 1.9,
  16: 1.69,
  17: 1.51,
  18: 1.3,
  19: 1.1,
  20: 0.92,
  21: 0.83,
  22: 0.73,
  23: 0.673,
  24: 0.58,
  25: 0.53,
  26: 0.47,
  27: 0.42,
  28: 0.37,
  29: 0.351,
  30: 0.32,
  31: 0.267,
  32: 0.241,
  33: 0.216,
  34: 0.191,
};

/** What {@link needle} is made from. */
export interface NeedleInit {
  readonly name: string;
  /** From the hub to the tip, mm: the shaft that can go in. */
  readonly lengthMm: number;
  /** By ISO 9626, 10 … 34: gives the diameter. Either this or {@link outerDiameterMm}. */
  readonly gauge?: number;
  /** Of the shaft, mm. */
  readonly outerDiameterMm?: number;
  /**
   * From the point that is to lie on the target to the tip, mm: the tip goes this much deeper than the target. 0 (default) for a tip that is
   * to lie there; 15 for an electrode whose active middle is 15 mm behind its tip.
   */
  readonly tipOffsetMm?: number;
  /** How much of the shaft stays outside the skin, in a guide or between skin and hub, mm. Default 0. */
  readonly guideOffsetMm?: number;
}

/** A straight needle. Immutable. */
export interface Needle {
  readonly name: string;
  readonly lengthMm: number;
  readonly gauge: number | undefined;
  readonly outerDiameterMm: number;
  readonly tipOffsetMm: number;
  readonly guideOffsetMm: number;
}

/**
 * A needle, checked.
 * @throws NavError `guidance/bad-plan` for lengths that make no sense, a gauge that ISO 9626 does not have, or not exactly one of gauge
 * and diameter
 */
export function needle(init: NeedleInit): Needle {
  const { name, lengthMm, gauge, tipOffsetMm = 0, guideOffsetMm = 0 } = init;
  if (typeof name !== 'string' || name === '') throw bad('A needle needs a name that a person can read on its package.');
  if ((gauge === undefined) === (init.outerDiameterMm === undefined)) {
    throw bad(`${name} needs either a gauge or an outer diameter, and not both.`);
  }
  const outerDiameterMm = gauge === undefined ? (init.outerDiameterMm as number) : LARGEST_OUTER_MM[gauge];
  if (outerDiameterMm === undefined) throw bad(`${name}: ISO 9626 has no gauge ${gauge}, only 10 … 34. Give the outer diameter.`);
  if (!(outerDiameterMm > 0 && outerDiameterMm <= 20)) throw bad(`${name}: a diameter of ${outerDiameterMm} mm is none.`);
  if (!(lengthMm > 0 && lengthMm <= 1000)) throw bad(`${name}: a length of ${lengthMm} mm is none.`);
  if (!(tipOffsetMm >= 0 && guideOffsetMm >= 0 && tipOffsetMm + guideOffsetMm < lengthMm)) {
    throw bad(`${name}: offsets of ${tipOffsetMm} mm (tip) and ${guideOffsetMm} mm (guide) leave nothing of ${lengthMm} mm.`);
  }
  return Object.freeze({ name, lengthMm, gauge, outerDiameterMm, tipOffsetMm, guideOffsetMm });
}

/** The deepest target below the skin that a needle reaches, mm. */
export function reachOf(of: Needle): number {
  return of.lengthMm - of.guideOffsetMm - of.tipOffsetMm;
}

/**
 * Refuses a way that is deeper than a needle reaches.
 * @param depthMm from the entry to the target
 * @throws NavError `guidance/out-of-reach` naming the needle, its reach and the depth
 */
export function requireReach(of: Needle, depthMm: number, trajectory: string): void {
  const reachMm = reachOf(of);
  if (depthMm <= reachMm) return;
  throw new NavError(
    'guidance/out-of-reach',
    `${trajectory} is ${depthMm.toFixed(1)} mm deep, but ${of.name} reaches ${reachMm.toFixed(1)} mm ` +
      `(${of.lengthMm} mm less ${of.guideOffsetMm} mm in the guide and ${of.tipOffsetMm} mm beyond the target). ` +
      'Choose a longer needle or a nearer entry.',
    { detail: { needle: of.name, depthMm, reachMm } },
  );
}

function bad(message: string): NavError<'guidance/bad-plan'> {
  return new NavError('guidance/bad-plan', message);
}
