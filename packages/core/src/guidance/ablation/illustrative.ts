import type { Applicator, ApplicatorLibrary, ApplicatorRow } from './applicators.js';

/**
 * Applicators that do not exist, for trying the software and for its tests. Their zones have the order of size of microwave and radiofrequency
 * zones and are nobody's: a real library is typed in from the tables of the makers whose applicators are used.
 */
export const ILLUSTRATIVE_APPLICATORS: ApplicatorLibrary = Object.freeze({
  applicators: Object.freeze([
    invented('example-microwave', 'Example microwave antenna', [
      [40, 3, 30, 20, 14],
      [40, 5, 34, 25, 15],
      [40, 10, 40, 32, 17],
      [60, 3, 34, 25, 15],
      [60, 5, 39, 30, 16],
      [60, 10, 46, 38, 18],
      [100, 3, 40, 31, 16],
      [100, 5, 46, 37, 18],
      [100, 10, 55, 46, 21],
    ]),
    invented('example-radiofrequency', 'Example radiofrequency needle, 30 mm active tip', [
      [150, 6, 33, 24, 15],
      [150, 12, 38, 30, 16],
    ]),
  ]),
});

/** @param rows power W, minutes, length mm, width mm, centre mm */
function invented(id: string, name: string, rows: readonly (readonly [number, number, number, number, number])[]): Applicator {
  return Object.freeze({
    id,
    name,
    source: 'Illustrative: invented numbers, no maker’s table, never for a patient.',
    illustrative: true,
    rows: Object.freeze(
      rows.map(
        ([powerW, minutes, lengthMm, widthMm, centreMm]): ApplicatorRow =>
          Object.freeze({ powerW, minutes, lengthMm, widthMm, heightMm: widthMm, centreMm }),
      ),
    ),
  });
}
