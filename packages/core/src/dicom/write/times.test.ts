import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { atOffset, dicomTime } from './times.js';

/** A DT back as milliseconds since 1970, by arithmetic alone. */
function instantOf(dt: string): number {
  const [, y, mo, d, h, mi, s, f, sign, oh, om] = /^(\d{4})(..)(..)(..)(..)(..)(?:\.(\d+))?([+-])(..)(..)$/.exec(dt) ?? [];
  const offset = (sign === '-' ? -1 : 1) * (Number(oh) * 60 + Number(om));
  return Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi) - offset, Number(s)) + 1000 * Number(`0.${f ?? 0}`);
}

describe('times', () => {
  it('keep the offset that they are given with', () => {
    expect(dicomTime('2026-11-27T16:02:39.25+05:30', 'x')).toEqual({
      date: '20261127',
      time: '160239.25',
      dateTime: '20261127160239.25+0530',
      offset: '+0530',
    });
    expect(dicomTime('2026-11-27T10:32:39Z', 'x').dateTime).toBe('20261127103239+0000');
  });

  it('are the same instant at any other offset, over midnight too', () => {
    const offsets = fc.constantFrom('+0000', '+0530', '-0300', '+1345', '-1200');
    const instants = fc.date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(instants, offsets, (date, offset) => {
        const there = atOffset(date.toISOString(), offset, 'x');
        expect(there.offset).toBe(offset);
        expect(instantOf(there.dateTime)).toBeCloseTo(date.getTime(), 3);
      }),
    );
  });

  it('without an offset, or of no calendar, are refused', () => {
    for (const wrong of [
      '2026-11-27T16:02:39',
      '2026-11-27',
      '2026-02-29T00:00:00Z',
      '2026-13-01T00:00:00Z',
      'now',
      '2026-11-27T16:02Z',
    ]) {
      expect(() => dicomTime(wrong, 'x'), wrong).toThrow(expect.toSatisfy((e: unknown) => isNavError(e, 'dicom/bad-object')));
    }
    expect(() => atOffset('2026-11-27T16:02:39Z', '5:30', 'x')).toThrow(/\+0530/);
  });
});
