import { NavError } from '../base/index.js';

/** Digits that numbers can be written in. */
const DIGITS = {
  latin: '0123456789',
  bengali: '০১২৩৪৫৬৭৮৯',
  devanagari: '०१२३४५६७८९',
} as const;

/**
 * How numbers are written. It is set by the application, for all readings alike, and never taken from the machine's locale: a
 * reading that changes its look with a setting of the operating system is misread.
 */
export interface NumberStyle {
  /** Between whole and parts. Default a point. There is never a mark between thousands. */
  readonly decimalMark?: '.' | ',';
  /** Default `latin`, in every locale. */
  readonly digits?: keyof typeof DIGITS;
}

/** Between a number and its unit: narrow, and no line breaks there. */
export const GAP = '\u202f';
/** A true minus, as wide as a digit. */
export const MINUS = '\u2212';
/** As wide as a digit, and empty. */
export const FIGURE_SPACE = '\u2007';

const PLAIN: NumberStyle = {};

/** A number's plain digits and point, in a style. */
export function styled(plain: string, style: NumberStyle = PLAIN): string {
  const { decimalMark = '.', digits = 'latin' } = style;
  if (decimalMark === '.' && digits === 'latin') return plain;
  const set = DIGITS[digits];
  return plain.replace(/[0-9.]/g, (c) => (c === '.' ? decimalMark : (set[Number(c)] as string)));
}

/** The plain digits and point of a text in a style; undefined for anything that is not of that style. */
export function unstyled(text: string, style: NumberStyle = PLAIN): string | undefined {
  const { decimalMark = '.', digits = 'latin' } = style;
  const set = DIGITS[digits];
  let plain = '';
  for (const c of text) {
    const digit = set.indexOf(c);
    if (digit >= 0) plain += digit;
    else if (c === decimalMark) plain += '.';
    else return undefined;
  }
  return plain;
}

/** @throws NavError `guidance/bad-option` */
export function requireDecimals(decimals: number): void {
  if (Number.isInteger(decimals) && decimals >= 0 && decimals <= 6) return;
  throw new NavError('guidance/bad-option', `A number is shown with 0 to 6 decimals, not ${decimals}.`);
}
