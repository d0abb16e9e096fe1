import { frame, PoseView, point } from '@trocar/core';
import {
  Deviation,
  formatAge,
  formatBound,
  formatDegrees,
  formatMm,
  formatMmWithin,
  parseReading,
  readout,
  straightPlan,
  UNKNOWN,
} from '@trocar/core/guidance';
import { expect, it } from 'vitest';

/**
 * A cranial navigation display showed "Distance To Target: 8_.5 mm", with a digit dropped, 28 complaints, 876 systems (recall, class I).
 * Every tenth of a millimetre that an operating room holds is shown and read back; what is torn is read as nothing; a field too
 * narrow for a reading shows none.
 */

const ct = frame('ct');
const plan = straightPlan({ entry: point(ct, [0, 0, 400]), target: point(ct, [0, 0, 0]) });

it('shows every tenth of a millimetre from −300 to 300 mm with all of its digits', () => {
  const deviation = new Deviation(plan);
  const view = new PoseView();
  view.status = 'ok';
  view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  for (let tenths = -3000; tenths <= 3000; tenths += 1) {
    view.matrix[14] = tenths / 10;
    deviation.measure(view);
    const { depth, distance } = readout(deviation);
    const whole = `${Math.floor(Math.abs(tenths) / 10)}.${Math.abs(tenths) % 10}\u202fmm`;
    expect(distance).toBe(whole);
    expect(depth).toBe(tenths < 0 ? `\u2212${whole}` : whole);
  }
});

it('reads a text in which any character was lost to a blank or a mark as nothing', () => {
  for (const text of [formatMm(85.5), formatMm(-8.5), formatDegrees(12.34, 2), formatAge(1234), formatBound(1.21), formatMm(8)]) {
    expect(parseReading(text)).not.toBeNaN();
    const digits = [...text].flatMap((c, n) => (/[0-9.]/.test(c) ? [n] : []));
    for (const n of digits) {
      for (const mark of ['_', ' ', '\u2007', '\ufffd', '?', '–']) {
        const torn = text.slice(0, n) + mark + text.slice(n + 1);
        // Lost at the very left it is an empty place before a number, which nothing can tell from a narrower reading.
        if (mark === '\u2007' && n === 0) continue;
        expect(parseReading(torn)).toBeNaN();
      }
    }
  }
  expect(parseReading('8_.5\u202fmm')).toBeNaN();
});

it('never cuts a reading to the width of its field', () => {
  for (const [mm, width, expected] of [
    [85.5, 7, '85.5\u202fmm'],
    [85.5, 8, '\u200785.5\u202fmm'],
    [85.4, 6, '\u200785\u202fmm'],
    [85.4, 5, '85\u202fmm'],
    [85.4, 4, `\u2007\u2007\u2007${UNKNOWN}`],
    [-112.5, 7, '\u2212113\u202fmm'],
  ] as const) {
    expect(formatMmWithin(mm, width)).toBe(expected);
  }
});
