import fc from 'fast-check';
import { describe, expect, inject, it, vi } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame, PoseView, point } from '../frames/index.js';
import {
  Deviation,
  formatAge,
  formatBound,
  formatDegrees,
  formatMm,
  formatMmWithin,
  formatNumber,
  type NumberStyle,
  parseReading,
  readout,
  straightPlan,
  UNKNOWN,
} from './index.js';

/** Numbers that people read, over all that a double can be: what a digit, a sign or a unit does to a hand is not undone. */

const numRuns = 1000 * inject('effort');
/** Every double there is, by its bits; everyday numbers; halves of units, and what lies one bit beside them. */
const doubles = fc.oneof(
  fc.tuple(fc.integer(), fc.integer()).map(([a, b]) => new Float64Array(Int32Array.of(a, b).buffer)[0] as number),
  fc.double(),
  fc.double({ min: -1000, max: 1000, noNaN: true }),
  fc.integer({ min: -100_000, max: 100_000 }).map((n) => n / 20),
  fc
    .tuple(fc.integer({ min: -100_000, max: 100_000 }), fc.constantFrom(-1, 1))
    .map(([n, way]) => (n / 20) * (1 + way * 2 ** -52)),
  fc.constantFrom(0, -0, -0.04, -0.05, 0.05, 999.4, 999.5, -999.5, 1e12, 999_999_999_999.9, 5e-324, Number.MAX_VALUE),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);
const decimals = fc.integer({ min: 0, max: 6 });
const styles = fc.record(
  {
    decimalMark: fc.constantFrom('.' as const, ',' as const),
    digits: fc.constantFrom('latin' as const, 'bengali' as const, 'devanagari' as const),
  },
  { requiredKeys: [] },
);
const SETS = { latin: '0-9', bengali: '০-৯', devanagari: '०-९' } as const;
const known = (v: number, below = 1e12): boolean => Number.isFinite(v) && Math.abs(v) < below;
/** Half a unit of the last decimal, and the rounding of a double that large. */
const half = (v: number, n: number): number => 0.5 * 10 ** -n * (1 + 1e-9) + Math.abs(v) * 2 ** -52;
const grammar = (n: number, { decimalMark = '.', digits = 'latin' }: NumberStyle, before: string, unit: string): RegExp =>
  new RegExp(`^${before}\u2212?[${SETS[digits]}]+${n === 0 ? '' : `\\${decimalMark}[${SETS[digits]}]{${n}}`}${unit}$`);

describe('every number that is shown', () => {
  const kinds = [
    ['a number', (v: number, n: number, s: NumberStyle) => formatNumber(v, n, s), ''],
    ['millimetres', (v: number, n: number, s: NumberStyle) => formatMm(v, n, s), '\u202fmm'],
    ['degrees', (v: number, n: number, s: NumberStyle) => formatDegrees(v, n, s), '°'],
  ] as const;

  it.each(kinds)('%s: all digits, its unit, the right sign, and back to half a unit; or unknown', (_, format, unit) => {
    fc.assert(
      fc.property(doubles, decimals, styles, (v, n, style) => {
        const text = format(v, n, style);
        const back = parseReading(text, style);
        if (!known(v)) {
          expect([text, back]).toEqual([UNKNOWN, Number.NaN]);
          return;
        }
        expect(text).toMatch(grammar(n, style, '', unit));
        expect(Math.abs(back - v)).toBeLessThanOrEqual(half(v, n));
        // A minus where the number shown is below zero, and nowhere else: no "−0.0".
        expect(text.startsWith('\u2212')).toBe(back < 0);
        expect(Object.is(back, -0)).toBe(false);
        if (back !== 0) expect(Math.sign(back)).toBe(Math.sign(v));
        expect(format(-v, n, style)).toBe(back < 0 ? text.slice(1) : back > 0 ? `\u2212${text}` : text);
      }),
      { numRuns },
    );
  });

  it('an age: milliseconds below a second, seconds from there on, nothing lost between', () => {
    fc.assert(
      fc.property(doubles, styles, (v, style) => {
        const text = formatAge(v, style);
        const back = parseReading(text, style);
        if (!known(v, 1e15)) {
          expect(text).toBe(UNKNOWN);
          return;
        }
        const inMs = text.endsWith('\u202fms');
        expect(inMs).toBe(Math.abs(v) < 999.5);
        expect(text).toMatch(grammar(inMs ? 0 : 1, style, '', inMs ? '\u202fms' : '\u202fs'));
        expect(Math.abs(back * (inMs ? 1 : 1000) - v)).toBeLessThanOrEqual(
          inMs ? half(v, 0) : 50 * (1 + 1e-9) + Math.abs(v) * 2 ** -51,
        );
      }),
      { numRuns },
    );
  });

  it('a bound: never smaller than it is, never a unit larger; unknown where it is none', () => {
    fc.assert(
      fc.property(doubles, decimals, styles, (v, n, style) => {
        const text = formatBound(v, n, style);
        const back = parseReading(text, style);
        if (!known(v) || v < 0) {
          // A bound just below the largest number may round up to it.
          expect(text).toBe(UNKNOWN);
          return;
        }
        if (text === UNKNOWN) {
          expect(v).toBeGreaterThan(1e12 - 1);
          return;
        }
        expect(text).toMatch(grammar(n, style, '≤\u202f', '\u202fmm'));
        expect(back).toBeGreaterThanOrEqual(v - 1.01e-9 * 10 ** -n - Math.abs(v) * 2 ** -52);
        expect(back).toBeLessThanOrEqual(v + 10 ** -n + Math.abs(v) * 2 ** -51);
      }),
      { numRuns },
    );
  });

  it('keeps its order: of two values the larger is never shown as the smaller', () => {
    fc.assert(
      fc.property(doubles, doubles, decimals, (a, b, n) => {
        fc.pre(known(a) && known(b));
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(parseReading(formatMm(low, n))).toBeLessThanOrEqual(parseReading(formatMm(high, n)));
      }),
      { numRuns },
    );
  });

  it('refuses decimals that are none', () => {
    for (const n of [-1, 7, 0.5, Number.NaN]) {
      try {
        expect(formatMm(1, n)).toBe('never');
      } catch (error) {
        expect(isNavError(error, 'guidance/bad-option')).toBe(true);
      }
    }
  });
});

describe('a field of fixed width', () => {
  it('is always as wide as it is, and holds a whole reading or none', () => {
    fc.assert(
      fc.property(doubles, fc.integer({ min: 1, max: 24 }), decimals, styles, (v, width, n, style) => {
        const text = formatMmWithin(v, width, n, style);
        expect(text).toHaveLength(width);
        const bare = text.replace(/^\u2007+/, '');
        if (bare === UNKNOWN) {
          // Nothing shorter would have been a reading.
          if (known(v)) expect(formatMm(v, 0, style).length).toBeGreaterThan(width);
          return;
        }
        const d = [6, 5, 4, 3, 2, 1, 0].find((m) => m <= n && formatMm(v, m, style).length <= width) as number;
        expect(bare).toBe(formatMm(v, d, style));
        expect(Math.abs(parseReading(text, style) - v)).toBeLessThanOrEqual(half(v, d));
      }),
      { numRuns },
    );
  });
});

describe('styles', () => {
  it('are the known ones', () => {
    expect(formatMm(-12.34, 1, { decimalMark: ',' })).toBe('\u221212,3\u202fmm');
    expect(formatMm(1234.5, 1, { decimalMark: ',' })).toBe('1234,5\u202fmm');
    expect(formatMm(8.5, 1, { digits: 'bengali' })).toBe('৮.৫\u202fmm');
    expect(formatAge(17, { digits: 'devanagari' })).toBe('१७\u202fms');
    expect(parseReading('8,5\u202fmm')).toBeNaN();
    expect(parseReading('8.5\u202fmm', { decimalMark: ',' })).toBeNaN();
    expect(parseReading('৮.৫\u202fmm')).toBeNaN();
  });

  it('are for all readings of a deviation alike', () => {
    const ct = frame('ct');
    const d = new Deviation(straightPlan({ entry: point(ct, [0, 0, 100]), target: point(ct, [0, 0, 0]) }));
    const view = new PoseView();
    view.status = 'ok';
    view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 3, 0, -4.25, 1]);
    view.times.set([2000, 500, 505, Number.NaN, 0]);
    d.measure(view);
    expect(readout(d, { decimalMark: ',' })).toMatchObject({
      distance: '5,2\u202fmm',
      depth: '\u22124,3\u202fmm',
      angle: '0,0°',
      age: '1,5\u202fs',
    });
    expect(readout(d).depth).toBe('\u22124.3\u202fmm');
  });

  it("are never asked of the machine's locale", () => {
    const asked = vi.spyOn(Number.prototype, 'toLocaleString').mockReturnValue('৮,৫');
    const format = vi.spyOn(Intl, 'NumberFormat').mockImplementation(() => {
      throw new Error('asked the locale');
    });
    try {
      expect([formatMm(8.5), formatDegrees(4.2), formatAge(17), formatBound(1.2)]).toEqual([
        '8.5\u202fmm',
        '4.2°',
        '17\u202fms',
        '≤\u202f1.2\u202fmm',
      ]);
      expect(asked).not.toHaveBeenCalled();
    } finally {
      asked.mockRestore();
      format.mockRestore();
    }
  });
});
