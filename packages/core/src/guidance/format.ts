import { isLive } from '../frames/index.js';
import type { Deviation } from './deviation.js';

/** What stands where a number is not known: never 0, never an empty place. */
export const UNKNOWN = '–';

/** Between a number and its unit: narrow, and no line breaks there. */
const GAP = '\u202f';
const MINUS = '\u2212';
/** Above this a fixed number of decimals is no longer exact. */
const LARGEST = 1e12;

/**
 * A number with a fixed count of decimals, a point in every locale, a true minus sign and no "−0"; {@link UNKNOWN} for NaN
 * and for what is not finite. {@link parseReading} gives it back to half a unit of the last decimal.
 * @param decimals 0 … 6
 */
export function formatNumber(value: number, decimals: number): string {
  if (!Number.isFinite(value) || Math.abs(value) >= LARGEST) return UNKNOWN;
  const digits = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(digits) !== 0 ? MINUS + digits : digits;
}

/** Millimetres as `8.5 mm`. */
export function formatMm(valueMm: number, decimals = 1): string {
  return withUnit(formatNumber(valueMm, decimals), `${GAP}mm`);
}

/** Degrees as `4.2°`. @param valueDeg degrees, not radians */
export function formatDegrees(valueDeg: number, decimals = 1): string {
  return withUnit(formatNumber(valueDeg, decimals), '°');
}

/** An age as `17 ms`, or from a second on as `1.2 s`. */
export function formatAge(valueMs: number): string {
  if (Math.abs(valueMs) < 999.5) return withUnit(formatNumber(valueMs, 0), `${GAP}ms`);
  return withUnit(formatNumber(valueMs / 1000, 1), `${GAP}s`);
}

/** An error bound as `≤ 1.4 mm`, rounded up: a bound may not shrink on its way to the screen. */
export function formatBound(valueMm: number, decimals = 1): string {
  const unit = 10 ** decimals;
  // 1e-9 of a unit is rounding of the product, not part of the bound.
  const text = formatNumber(Math.ceil(valueMm * unit - 1e-9) / unit, decimals);
  return text === UNKNOWN ? UNKNOWN : `≤${GAP}${text}${GAP}mm`;
}

function withUnit(text: string, unit: string): string {
  return text === UNKNOWN ? UNKNOWN : text + unit;
}

/** The number in a formatted text, without its unit (`1.2 s` gives 1.2); NaN for {@link UNKNOWN} and for anything torn. */
export function parseReading(text: string): number {
  const match = /^(?:≤\u202f)?(\u2212?)(\d+(?:\.\d+)?)(?:\u202f(?:mm|ms|s)|°)?$/.exec(text);
  if (match === null) return Number.NaN;
  return match[1] === MINUS ? -Number(match[2]) : Number(match[2]);
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
export function readout<F extends string>(deviation: Deviation<F>): Readout {
  const live = isLive(deviation.status);
  const shown = (text: string): string => (live ? text : UNKNOWN);
  return {
    distance: shown(formatMm(deviation.distanceToTargetMm)),
    depth: shown(formatMm(deviation.depthRemainingMm)),
    lateral: shown(formatMm(deviation.lateralMm)),
    angle: shown(formatDegrees(deviation.angleDeg)),
    age: formatAge(deviation.ageMs),
    error: live ? formatBound(deviation.tipError95Mm) : UNKNOWN,
  };
}
