import { NavError } from '../../base/index.js';

/** An object of JSON. */
export type Dictionary = Readonly<Record<string, unknown>>;

export function isDictionary(value: unknown): value is Dictionary {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `n` finite numbers, flat or in rows. @throws NavError `points/bad-row` */
export function numbersIn(value: unknown, n: number, file: string, what: string): Float64Array {
  const flat: readonly unknown[] = Array.isArray(value) ? value.flat() : [];
  if (flat.length === n && flat.every((x) => typeof x === 'number' && Number.isFinite(x)))
    return Float64Array.from(flat as number[]);
  throw notAPoint(file, what, `${(JSON.stringify(value) ?? 'nothing').slice(0, 60)} is not ${n} finite numbers`);
}

/** A refusal of JSON, which has no lines: it names the point. */
export function notAPoint(file: string, where: string, what: string): NavError<'points/bad-row'> {
  return new NavError('points/bad-row', `"${file}", ${where}: ${what}.`, { detail: { file, where } });
}
