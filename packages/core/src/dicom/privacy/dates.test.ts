import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDateValue, shifted } from './dates.js';

describe('shifted dates', () => {
  it.each([
    ['DA', '20240228', 1, '20240229'],
    ['DA', '20230228', 1, '20230301'],
    ['DA', '2024.03.01', -1, '20240229'],
    ['DA', '00010101', -1, undefined],
    ['DA', '20230229', 0, undefined],
    ['DA', '2023', 0, undefined],
    ['DA', 'Okonkwo', 0, undefined],
    ['DT', '20240229133015.250+0530', -366, '20230228133015.250+0530'],
    ['DT', '202403', -31, '202401'],
    ['DT', '2024', 400, '2025'],
    ['DT', '20240101-0800', 1, '20240102-0800'],
    ['TM', '235960', 5, '235960'],
    ['TM', '13', 5, '13'],
    ['TM', '130', 5, undefined],
    ['TM', '13:30', 5, undefined],
  ] as const)('%s %s by %d days is %s', (vr, text, days, expected) => {
    expect(shifted(vr, text, days)).toBe(expected);
  });

  it('keep all intervals, and come back', () => {
    const day = fc.date({ min: new Date('1900-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
    const text = (date: Date): string => date.toISOString().slice(0, 10).replaceAll('-', '');
    const at = (t: string): number => Date.UTC(+t.slice(0, 4), +t.slice(4, 6) - 1, +t.slice(6)) / 86_400_000;
    fc.assert(
      fc.property(day, day, fc.integer({ min: -3650, max: 3650 }), (a, b, days) => {
        const [x, y] = [shifted('DA', text(a), days) as string, shifted('DA', text(b), days) as string];
        expect(at(x) - at(y)).toBe(at(text(a)) - at(text(b)));
        expect(shifted('DA', x, -days)).toBe(text(a));
        expect(isDateValue('DA', x)).toBe(true);
      }),
    );
  });
});
