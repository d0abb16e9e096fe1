import { NavError } from '@trocar/core';
import { at } from '../points/rigid-fit.js';
import type { UsablePoses } from './poses.js';
import type { OrientationSpread } from './poses-spread.js';

/** Below this half-angle of the cone a recording is refused: PLUS asks for 15° between the two farthest poses. */
const LEAST_CONE = (8 * Math.PI) / 180;
/** A single axis: turned this much farther about it than across. */
const SINGLE = 4;

/** The refusal of too little tilting. */
export function narrow(spread: OrientationSpread, detail: { readonly axisMm?: number; readonly axis?: number[] } = {}): NavError {
  const cone = degrees(spread.coneRad);
  const single = spread.secondConeRad > SINGLE * spread.coneRad && spread.coneRad < LEAST_CONE;
  const what = single
    ? `the tool was only turned about one axis, by up to ${degrees(spread.widestRad).toFixed(0)}°, which leaves the tip unknown along that axis (${cone.toFixed(1)}° across it)`
    : `the tool was tilted within a cone of only ${cone.toFixed(1)}°`;
  const axis =
    detail.axisMm === undefined ? '' : `, so that the tip is only known to ${detail.axisMm.toFixed(0)} mm along one direction`;
  return new NavError(
    'calibration/narrow',
    `A pivot calibration: ${what}${axis}. Keep the tip in its divot and tilt the tool 30° or more forward, back, left and right.`,
    { detail: { coneDeg: cone, singleAxis: single, leastTurned: Array.from(spread.leastTurned), ...detail } },
  );
}

/**
 * Refuses poses that do not turn enough.
 * @throws NavError `calibration/narrow`
 */
export function requireCone(spread: OrientationSpread, poses: UsablePoses): void {
  if (spread.coneRad >= LEAST_CONE) return;
  // Angles that are 57 times too small make a tool of metres: positions that travel far while orientations hardly change.
  const travel = travelOf(poses);
  if (spread.widestRad < LEAST_CONE && spread.widestRad > 0 && travel / spread.widestRad > 3000) {
    throw new NavError(
      'calibration/narrow',
      `A pivot calibration: the marker travels ${travel.toFixed(0)} mm while the tool turns by only ${degrees(spread.widestRad).toFixed(1)}°: the tip ` +
        'did not stay in one place, or angles in radians were read as degrees. Check the units of the rotation, and record again.',
      { detail: { coneDeg: degrees(spread.coneRad), travelMm: travel } },
    );
  }
  throw narrow(spread);
}

const degrees = (rad: number): number => (rad * 180) / Math.PI;

/** The diagonal of the box that holds all positions, mm. */
function travelOf(poses: UsablePoses): number {
  const sides = [0, 1, 2].map((i) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let k = 0; k < poses.count; k += 1) {
      const x = at(poses.matrices, 16 * k + 12 + i);
      low = Math.min(low, x);
      high = Math.max(high, x);
    }
    return high - low;
  });
  return Math.hypot(...sides);
}

/**
 * Refuses a limit or a standard deviation that is none.
 * @throws NavError `calibration/bad-option`
 */
export function requireOption(name: string, value: number, zero = false): void {
  if (Number.isFinite(value) && (value > 0 || (zero && value === 0))) return;
  throw new NavError(
    'calibration/bad-option',
    `"${name}" is ${value}. Give a finite number ${zero ? 'of at least' : 'above'} 0.`,
    {
      detail: { name, value },
    },
  );
}
