/** A local moment of a scanner: seconds since an arbitrary day, and its DICOM text (YYYYMMDDHHMMSS.F). */
export interface Moment {
  readonly seconds: number;
  readonly text: string;
}

/** DT without or with its offset (PS3.5, 6.2): both moments of a delay come from one scanner, so the offset must not differ. */
const WHOLE = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{2})?(\.\d{1,6})?([+-]\d{4})?$/;

/**
 * A moment from DA and TM, or from DT alone where `date` is undefined.
 * @returns undefined where one is absent, or no date or time
 */
export function dayTime(date: string | undefined, time: string | undefined): Moment | undefined {
  if (time === undefined) return undefined;
  const text = `${date ?? ''}${time}`.trim();
  const found = WHOLE.exec(text);
  if (found === null) return undefined;
  const [, y, mo, d, h, mi = '00', s = '00', fraction = '0'] = found;
  const [year, month, day] = [Number(y), Number(mo), Number(d)];
  const at = new Date(Date.UTC(year, month - 1, day));
  if (at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day) return undefined;
  if (Number(h) > 23 || Number(mi) > 59 || Number(s) > 60) return undefined;
  return { seconds: at.getTime() / 1000 + 3600 * Number(h) + 60 * Number(mi) + Number(s) + Number(fraction), text };
}
