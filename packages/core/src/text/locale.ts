import { NavError } from '../base/index.js';
import type { MessageRules } from './message.js';

/** Digits that numbers of a language can be written in. */
export type TextDigits = 'latin' | 'native';

/** Unicode's names of the digits that belong to a language, where these are not Latin. */
const NATIVE: Readonly<Record<string, string>> = { hi: 'deva', bn: 'beng', gu: 'gujr' };

/**
 * The region that is meant where none is said: it decides how a date is written. English without a region is that of the United
 * Kingdom, whose dates begin with the day: a date of a procedure must not be read with day and month exchanged.
 */
const REGION: Readonly<Record<string, string>> = { en: 'GB', hi: 'IN', bn: 'IN', gu: 'IN' };

/** How numbers and dates of a language are written. */
export interface TextLocale extends MessageRules {
  /** As HTML's `lang` has it: `hi`. */
  readonly language: string;
  /** What `Intl` was asked for: `hi-IN-u-nu-latn`. */
  readonly tag: string;
  /** A number with a fixed count of decimals, 0 … 6, a point and no mark between thousands; `–` where it is not finite. */
  decimal(value: number, decimals: number): string;
  /** A day, as `27 November 2026`, in a time zone that is named: `UTC`, `Asia/Kolkata`. `–` for a date that is none. */
  day(date: Date, timeZone: string): string;
  /** A day and a time, to the minute and by 24 hours, with the zone. */
  moment(date: Date, timeZone: string): string;
  /** Texts after one another, as `a, b and c`. */
  list(texts: readonly string[]): string;
}

const UNKNOWN = '–';

/**
 * How a language writes numbers and dates.
 *
 * Digits are Latin in every language unless `native` is asked for: instruments, scanners and alarms write Latin ones, and a reading is
 * compared with theirs; ৪ (Bengali 4) beside 8 and ૬ (Gujarati 6) beside 5 are mistaken for one another in a hurry. Units are symbols
 * (mm, °, ms; ISO 80000-1, 7.2) and are never translated. All languages here are written from left to right.
 * @param language a BCP 47 tag, as `hi` or `bn-BD`
 * @throws NavError `text/bad-language` for a tag that is none, or that is written from right to left
 */
export function textLocale(language: string, digits: TextDigits = 'latin'): TextLocale {
  const locale = parsed(language);
  const base = locale.language;
  if (RIGHT_TO_LEFT.has(base)) {
    throw new NavError(
      'text/bad-language',
      `"${language}" is written from right to left, which the pages' layout does not know.`,
    );
  }
  const region = locale.region ?? REGION[base];
  const numbers = digits === 'native' ? NATIVE[base] : 'latn';
  const tag = `${region === undefined ? base : `${base}-${region}`}${numbers === undefined ? '' : `-u-nu-${numbers}`}`;
  const rules = new Intl.PluralRules(tag);
  const plain = new Intl.NumberFormat(tag, { useGrouping: false, maximumFractionDigits: 6 });
  const fixed = new Map<number, Intl.NumberFormat>();
  const dated = (date: Date, options: Intl.DateTimeFormatOptions): string =>
    Number.isFinite(date.getTime()) ? new Intl.DateTimeFormat(tag, options).format(date) : UNKNOWN;
  return {
    language,
    tag,
    plural: (n) => rules.select(n),
    number: (n) => (Number.isFinite(n) ? plain.format(n) : UNKNOWN),
    decimal: (value, decimals) => {
      if (!Number.isFinite(value)) return UNKNOWN;
      let format = fixed.get(decimals);
      if (format === undefined) {
        const least = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
        format = new Intl.NumberFormat(tag, { useGrouping: false, signDisplay: 'negative', ...least });
        fixed.set(decimals, format);
      }
      return format.format(value).replace('-', '\u2212');
    },
    day: (date, timeZone) => dated(date, { timeZone, day: 'numeric', month: 'long', year: 'numeric' }),
    moment: (date, timeZone) => {
      const text = dated(date, { timeZone, dateStyle: 'long', timeStyle: 'short', hourCycle: 'h23' });
      return text === UNKNOWN ? text : `${text} ${timeZone === 'UTC' ? 'UTC' : `(${timeZone})`}`;
    },
    list: (texts) => new Intl.ListFormat(tag, { type: 'conjunction' }).format(texts),
  };
}

const RIGHT_TO_LEFT = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ks', 'ps', 'sd', 'ug', 'ur', 'yi']);

function parsed(language: string): Intl.Locale {
  try {
    return new Intl.Locale(language);
  } catch (cause) {
    throw new NavError('text/bad-language', `"${language}" is no language tag. Write it as in HTML: "hi", "bn-BD".`, { cause });
  }
}

/**
 * The first language asked for that there is, by its tag or by the language alone (`hi-IN` takes `hi`). What is not understood is passed
 * over: the wish may come from an address line.
 * @param asked in order of preference; undefined where nothing was said
 * @param available at least one; the first is taken where none was asked for that there is
 */
export function chooseLanguage(asked: readonly (string | null | undefined)[], available: readonly [string, ...string[]]): string {
  for (const wish of asked) {
    const lower = wish?.toLowerCase() ?? '';
    const exact = available.find((a) => a.toLowerCase() === lower);
    if (exact !== undefined) return exact;
    const base = lower.split('-')[0];
    const near = available.find((a) => a.toLowerCase() === base);
    if (near !== undefined) return near;
  }
  return available[0];
}
