import { NavError } from '../../base/index.js';

/** A side-notch biopsy needle with its gun: its maker states these lengths. */
export interface BiopsyGun {
  /** What it is called in the record. */
  readonly name: string;
  /** From the tip back to the near end of the notch: the dead end of the needle, mm. */
  readonly deadEndMm: number;
  /** Length of the sample notch, mm. */
  readonly notchMm: number;
  /** How far the tip goes forward when it is fired, mm; 0 for one that is pushed by hand. */
  readonly throwMm: number;
  /** From the tip to the hub, before firing, mm: no depth stop can be set beyond it. */
  readonly needleMm: number;
}

/**
 * A gun, checked and frozen.
 * @throws NavError `biopsy/bad-instrument` for lengths that are no needle's
 */
export function biopsyGun(init: BiopsyGun): BiopsyGun {
  const { deadEndMm, notchMm, throwMm, needleMm } = init;
  const finite = [deadEndMm, notchMm, throwMm, needleMm].every((v) => Number.isFinite(v) && v >= 0);
  if (!finite || !(notchMm > 0) || deadEndMm + notchMm > needleMm || throwMm > needleMm) {
    throw new NavError(
      'biopsy/bad-instrument',
      `A needle of ${needleMm} mm cannot have a notch of ${notchMm} mm, ${deadEndMm} mm behind its tip, and a throw of ${throwMm} mm. ` +
        'Take the lengths from its data sheet.',
      { detail: { deadEndMm, notchMm, throwMm, needleMm } },
    );
  }
  return Object.freeze({ name: init.name, deadEndMm, notchMm, throwMm, needleMm });
}

/** How a depth stop is asked for. */
export interface DepthStopOptions {
  /** From where the stop comes to rest (the outer end of the guide, or the skin) along the needle to the target's centre, mm. */
  readonly targetDepthMm: number;
  /** The distance between the marks the stop can be set to, counted from the tip, mm. Default 5. */
  readonly marksMm?: number;
  /** `nearest` mark (the default; half way between two, the shallower), or the next that is `shallower`, where something lies behind the target. */
  readonly rounding?: 'nearest' | 'shallower';
}

/** Where a depth stop is set. */
export interface DepthStop {
  /** Needle beyond the stop before firing, mm: a mark. */
  readonly settingMm: number;
  /** What it would be without marks, so that the middle of the notch comes to lie on the target's centre, mm. */
  readonly exactMm: number;
  /** How far beyond the target's centre the middle of the notch ends by the rounding, mm; negative: short of it. */
  readonly missMm: number;
  /** How deep the tip ends after firing, from where the stop rests, mm. */
  readonly tipAfterMm: number;
}

/**
 * The setting of the depth stop that brings the middle of the notch, after firing, to the target's centre.
 * @throws NavError `guidance/out-of-reach` where that is beyond the needle, or nearer than the throw allows;
 * `guidance/bad-option` for marks or a depth that are none
 */
export function depthStop(gun: BiopsyGun, options: DepthStopOptions): DepthStop {
  const { targetDepthMm, marksMm = 5, rounding = 'nearest' } = options;
  if (!(marksMm > 0 && Number.isFinite(marksMm) && targetDepthMm >= 0 && Number.isFinite(targetDepthMm))) {
    throw new NavError(
      'guidance/bad-option',
      `A depth stop needs a target depth of 0 mm or more and marks above 0 mm apart, got ${targetDepthMm} and ${marksMm}.`,
    );
  }
  const exactMm = targetDepthMm + gun.notchMm / 2 + gun.deadEndMm - gun.throwMm;
  // 1e-9 of a mark is rounding of the sum, not a reason for the next one. The sum with 0 makes a plain 0 of −0.
  const marks = exactMm / marksMm;
  const settingMm = marksMm * (rounding === 'nearest' ? Math.ceil(marks - 0.5 - 1e-9) : Math.floor(marks + 1e-9)) + 0;
  if (settingMm < 0 || settingMm > gun.needleMm) {
    const why =
      settingMm < 0
        ? `is nearer than the throw of ${gun.throwMm} mm allows: the notch would fire past it. Draw the guide back`
        : `needs ${settingMm} mm of needle, and ${gun.name} has ${gun.needleMm} mm. Take a longer needle or another way`;
    throw new NavError('guidance/out-of-reach', `A target at ${targetDepthMm} mm ${why}.`, {
      detail: { targetDepthMm, settingMm, needleMm: gun.needleMm },
    });
  }
  return { settingMm, exactMm, missMm: settingMm - exactMm, tipAfterMm: settingMm + gun.throwMm };
}
