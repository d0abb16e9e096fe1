import { NavError } from '../../base/index.js';

/** One instant in DICOM's words, at its own offset from UTC. */
export interface DicomTime {
  /** DA: YYYYMMDD. */
  readonly date: string;
  /** TM: HHMMSS with a fraction where there is one. */
  readonly time: string;
  /** DT with its offset. */
  readonly dateTime: string;
  /** `+0530`, `-0300`, `+0000`. */
  readonly offset: string;
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:?\d\d)$/;

/**
 * An ISO 8601 instant as DICOM writes it, at the offset it is given with: `2026-11-27T16:02:39.25+05:30`. A time without an
 * offset could be any of 26 hours, so it is refused.
 * @param what for the error: `createdAt`
 * @throws NavError `dicom/bad-object`
 */
export function dicomTime(iso: string, what: string): DicomTime {
  const parts = ISO.exec(iso);
  if (parts === null || !Number.isFinite(Date.parse(iso)) || !sameDay(iso, parts)) {
    throw new NavError(
      'dicom/bad-object',
      `${what} must be an ISO 8601 time with seconds and its offset from UTC, such as 2026-11-27T16:02:39+05:30, got "${iso}".`,
      { detail: { what, value: iso } },
    );
  }
  const [year, month, day, hour, minute, second, fraction, zone] = parts.slice(1) as [string, ...string[]];
  const date = `${year}${month}${day}`;
  const time = `${hour}${minute}${second}${fraction === undefined ? '' : `.${fraction}`}`;
  const offset = zone === 'Z' ? '+0000' : (zone as string).replace(':', '').replace('-0000', '+0000');
  return { date, time, offset, dateTime: `${date}${time}${offset}` };
}

/** `Date` rolls 30 February over into March: told apart by asking for the day again. */
function sameDay(iso: string, parts: readonly (string | undefined)[]): boolean {
  const day = new Date(`${iso.slice(0, 10)}T00:00:00Z`);
  return day.getUTCDate() === Number(parts[3]);
}

const OFFSET = /^([+-])(\d\d)(\d\d)$/;

/** The same instant at another offset (`+0530`). @throws NavError `dicom/bad-object` */
export function atOffset(iso: string, offset: string, what: string): DicomTime {
  const given = dicomTime(iso, what);
  const parts = OFFSET.exec(offset);
  if (parts === null) {
    throw new NavError('dicom/bad-object', `An offset from UTC is written like +0530, got "${offset}".`, { detail: { offset } });
  }
  const minutes = (parts[1] === '-' ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3]));
  const [date, clock] = new Date(Date.parse(iso) + minutes * 60_000).toISOString().split('T') as [string, string];
  // The fraction is copied: a Date holds milliseconds only.
  const fraction = given.time.slice(6);
  return dicomTime(`${date}T${clock.slice(0, 8)}${fraction}${offset === '+0000' ? 'Z' : offset}`, what);
}
