/** Dates and times of DICOM (PS3.5, 6.2: DA, TM, DT), checked and moved by whole days. */

const DATE = /^(\d{4})\.?(\d{2})\.?(\d{2})$/;
const TIME = /^([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?$/;
const DATETIME = /^(\d{4})(\d{2})?(\d{2})?(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?([+-]\d{4})?$/;
const DAY_MS = 86_400_000;

/** Whether the text is a value of the VR `DA`, `TM` or `DT`. */
export function isDateValue(vr: string, text: string): boolean {
  if (vr === 'TM') return TIME.test(text);
  return shifted(vr, text, 0) !== undefined;
}

/**
 * A date (`DA`) or date with time (`DT`) moved by whole days; a time (`TM`) as it is. A `DT` without its day or month is taken at
 * its beginning, and keeps its precision. Undefined where the text is no value of the VR, or leaves the years 0001 to 9999.
 */
export function shifted(vr: string, text: string, days: number): string | undefined {
  if (vr === 'TM') return TIME.test(text) ? text : undefined;
  const [, year = '', month, day, ...rest] = (vr === 'DA' ? DATE : DATETIME).exec(text) ?? [];
  if (year === '' || (day === undefined && rest[0] !== undefined)) return undefined;
  const at = utc(Number(year), Number(month ?? 1), Number(day ?? 1));
  if (at === undefined) return undefined;
  const moved = new Date(at + days * DAY_MS);
  if (moved.getUTCFullYear() < 1 || moved.getUTCFullYear() > 9999) return undefined;
  const digits = `${String(moved.getUTCFullYear()).padStart(4, '0')}${two(moved.getUTCMonth() + 1)}${two(moved.getUTCDate())}`;
  if (vr === 'DA') return digits;
  const precision = day !== undefined ? 8 : month !== undefined ? 6 : 4;
  return `${digits.slice(0, precision)}${rest[0] ?? ''}${rest[4] ?? ''}`;
}

/** A day of the calendar, ms; undefined where it does not exist. */
function utc(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
