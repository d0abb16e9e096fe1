import { isLive } from '../frames/index.js';
import type { Deviation } from './deviation.js';
import { FIGURE_SPACE, GAP, MINUS, type NumberStyle, requireDecimals, styled, unstyled } from './format-style.js';

/** What stands where a number is not known: never 0, never an empty place. */
export const UNKNOWN = '–';

/** Above this a fixed number of decimals is no longer exact. */
const LARGEST = 1e12;

/**
 * A number with a fixed count of decimals, rounded to the nearest (ties away from zero, by the value's exact digits), a true minus
 * sign and no "−0"; {@link UNKNOWN} for NaN, for what is not finite, and from 10¹² on. {@link parseReading} gives it back to half a
 * unit of the last decimal. It looks the same in every locale.
 * @param decimals 0 … 6
 * @throws NavError `guidance/bad-option` for other decimals
 */
export function formatNumber(value: number, decimals: number, style?: NumberStyle): string {
  requireDecimals(decimals);
  if (!Number.isFinite(value) || Math.abs(value) >= LARGEST) return UNKNOWN;
  const digits = Math.abs(value).toFixed(decimals);
  const text = styled(digits, style);
  return value < 0 && Number(digits) !== 0 ? MINUS + text : text;
}

/** Millimetres as `8.5 mm`. */
export function formatMm(valueMm: number, decimals = 1, style?: NumberStyle): string {
  return withUnit(formatNumber(valueMm, decimals, style), `${GAP}mm`);
}

/**
 * Millimetres in a field of so many characters, filled up with empty digits at the left: with fewer decimals where they do not fit,
 * and {@link UNKNOWN} where not even the whole number does. A reading is never cut.
 * @param characters the unit's included
 */
export function formatMmWithin(valueMm: number, characters: number, decimals = 1, style?: NumberStyle): string {
  for (let d = decimals; d >= 0; d -= 1) {
    const text = formatMm(valueMm, d, style);
    if (text.length <= characters) return text.padStart(characters, FIGURE_SPACE);
  }
  return UNKNOWN.padStart(characters, FIGURE_SPACE);
}

/** Degrees as `4.2°`. @param valueDeg degrees, not radians */
export function formatDegrees(valueDeg: number, decimals = 1, style?: NumberStyle): string {
  return withUnit(formatNumber(valueDeg, decimals, style), '°');
}

/** An age as `17 ms`, or from a second on as `1.2 s`. */
export function formatAge(valueMs: number, style?: NumberStyle): string {
  if (Math.abs(valueMs) < 999.5) return withUnit(formatNumber(valueMs, 0, style), `${GAP}ms`);
  return withUnit(formatNumber(valueMs / 1000, 1, style), `${GAP}s`);
}

/** An error bound as `≤ 1.4 mm`, rounded up: a bound may not shrink on its way to the screen. {@link UNKNOWN} for one below 0. */
export function formatBound(valueMm: number, decimals = 1, style?: NumberStyle): string {
  if (valueMm < 0) return UNKNOWN;
  const unit = 10 ** decimals;
  // 1e-9 of a unit is rounding of the product, not part of the bound.
  const text = formatNumber(Math.ceil(valueMm * unit - 1e-9) / unit, decimals, style);
  return text === UNKNOWN ? UNKNOWN : `≤${GAP}${text}${GAP}mm`;
}

function withUnit(text: string, unit: string): string {
  return text === UNKNOWN ? UNKNOWN : text + unit;
}

/**
 * The number in a formatted text, without its unit (`1.2 s` gives 1.2); NaN for {@link UNKNOWN}, for anything torn, and for a text
 * of another style.
 */
export function parseReading(text: string, style?: NumberStyle): number {
  const match = /^\u2007*(?:≤\u202f)?(\u2212?)([^\s\u2212°a-z]+)(?:\u202f(?:mm|ms|s)|°)?$/.exec(text);
  const plain = match === null ? undefined : unstyled(match[2] as string, style);
  if (match === null || plain === undefined || !/^\d+(?:\.\d+)?$/.test(plain)) return Number.NaN;
  return match[1] === MINUS ? -Number(plain) : Number(plain);
}

/** The texts of one frame, ready to be drawn. */
export interface Readout {
  readonly distance: string;
  /** Signed: with a minus once past the target. */
  readonly depth: string;
  readonly lateral: string;
  readonly angle: string;
  readonly age: string;
  /** The bound of the tip's error. */
  readonly error: string;
}

/**
 * What the screen says of a deviation. Unless the pose is live, every number but the age is {@link UNKNOWN}: where a tool
 * was is not shown as where it is.
 */
export function readout<F extends string>(deviation: Deviation<F>, style?: NumberStyle): Readout {
  const live = isLive(deviation.status);
  const shown = (text: string): string => (live ? text : UNKNOWN);
  return {
    distance: shown(formatMm(deviation.distanceToTargetMm, 1, style)),
    depth: shown(formatMm(deviation.depthRemainingMm, 1, style)),
    lateral: shown(formatMm(deviation.lateralMm, 1, style)),
    angle: shown(formatDegrees(deviation.angleDeg, 1, style)),
    age: formatAge(deviation.ageMs, style),
    error: live ? formatBound(deviation.tipError95Mm, 1, style) : UNKNOWN,
  };
}
