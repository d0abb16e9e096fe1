import { describe, expect, it } from 'vitest';
import { applicatorOf, readApplicators, writeApplicators, zoneShapeOf } from './applicators.js';
import { ILLUSTRATIVE_APPLICATORS } from './illustrative.js';

/** A file as a person would type it. */
function file(
  change: (rows: Record<string, unknown>[], applicator: Record<string, unknown>, all: Record<string, unknown>) => void,
): string {
  const rows: Record<string, unknown>[] = [
    { powerW: 40, minutes: 4, lengthMm: 30, widthMm: 20, centreMm: 10 },
    { powerW: 40, minutes: 8, lengthMm: 38, widthMm: 28, centreMm: 14 },
    { powerW: 60, minutes: 6, lengthMm: 40, widthMm: 32, heightMm: 30, centreMm: 16 },
    { powerW: 60, minutes: 10, lengthMm: 48, widthMm: 40, heightMm: 36, centreMm: 18 },
  ];
  const applicator = { id: 'one', name: 'One', source: 'its leaflet, 2nd edition', rows };
  const all = { format: 'trocar-applicators', version: 1, applicators: [applicator] };
  change(rows, applicator, all);
  return JSON.stringify(all);
}

const one = applicatorOf(readApplicators(file(() => {})), 'one');

describe('an applicator library', () => {
  it('is the same again after it was written, and says which numbers are invented', () => {
    expect(readApplicators(writeApplicators(ILLUSTRATIVE_APPLICATORS))).toEqual(ILLUSTRATIVE_APPLICATORS);
    expect(ILLUSTRATIVE_APPLICATORS.applicators.every((a) => a.illustrative && /illustrative/i.test(a.source))).toBe(true);
    expect(one.illustrative).toBe(false);
  });

  it('has its rows as zones: halves of the lengths', () => {
    expect(zoneShapeOf(one, 40, 4)).toEqual({ radiiMm: [10, 10, 15], centreMm: 10 });
    expect(zoneShapeOf(one, 60, 10)).toEqual({ radiiMm: [20, 18, 24], centreMm: 18 });
  });

  it('is linear between rows in time, then in power', () => {
    expect(zoneShapeOf(one, 40, 6)).toEqual({ radiiMm: [12, 12, 17], centreMm: 12 });
    // 40 W for 7 min is 36 × 26 × 26; 60 W for 7 min is 42 × 34 × 31.5; half of each.
    expect(zoneShapeOf(one, 50, 7)).toEqual({ radiiMm: [15, 14.375, 19.5], centreMm: 14.75 });
  });

  it.each([
    [30, 5],
    [70, 8],
    [40, 3.9],
    [40, 8.1],
    [50, 5],
    [50, 9],
    [Number.NaN, 5],
    [40, Number.NaN],
  ])('extrapolates nothing: %d W for %d min is refused', (powerW, minutes) => {
    expect(() => zoneShapeOf(one, powerW, minutes)).toThrow(expect.objectContaining({ code: 'ablation/outside-table' }));
  });

  it.each<[string, string]>([
    ['no JSON', '{"format": '],
    ['an unknown field', file((rows) => Object.assign(rows[1] as object, { widhtMm: 3 }))],
    ['a missing field', file((rows) => delete (rows[2] as { lengthMm?: number }).lengthMm)],
    ['a length in metres… of nothing', file((rows) => Object.assign(rows[0] as object, { lengthMm: 0 }))],
    ['a text for a number', file((rows) => Object.assign(rows[0] as object, { minutes: '4' }))],
    ['seconds for minutes', file((rows) => Object.assign(rows[0] as object, { minutes: 240 }))],
    ['a setting twice', file((rows) => rows.push({ ...rows[0] }))],
    ['a zone that shrinks with time', file((rows) => Object.assign(rows[1] as object, { widthMm: 10 }))],
    ['no rows', file((rows) => rows.splice(0))],
    ['no source', file((_, applicator) => Object.assign(applicator, { source: '' }))],
    ['an id twice', file((_, applicator, all) => Object.assign(all, { applicators: [applicator, applicator] }))],
    ['another version', file((_, __, all) => Object.assign(all, { version: 2 }))],
  ])('is refused with %s, and says where', (_, text) => {
    expect(() => readApplicators(text)).toThrow(expect.objectContaining({ code: 'ablation/bad-library' }));
  });

  it('names the place of what it refuses, and the applicators it has', () => {
    expect(() => readApplicators(file((rows) => Object.assign(rows[1] as object, { widthMm: -1 })))).toThrow(
      /applicators\[0\]\.rows\[1\].*widthMm/,
    );
    expect(() => applicatorOf(ILLUSTRATIVE_APPLICATORS, 'other')).toThrow(/"other".*"example-microwave"/);
  });
});
