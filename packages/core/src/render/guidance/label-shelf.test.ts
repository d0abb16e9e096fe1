import { expect, it } from 'vitest';
import { Shelf } from './label-shelf.js';

const HEIGHT = 100;

/** Puts a box in; where its top comes to be. */
function put(shelf: Shelf, [left, top, right, bottom]: readonly [number, number, number, number], stays = false): number {
  shelf.box.set([left, top, right, bottom]);
  if (stays) shelf.stay();
  else shelf.place(HEIGHT);
  return shelf.box[1] as number;
}

it('leaves a text where nothing is, and moves a later one as little as clears it, up or down, within the view', () => {
  const shelf = new Shelf();
  put(shelf, [0, 45, 20, 55], true);
  expect(put(shelf, [30, 45, 60, 55])).toBe(45);
  // Nearer to clear below, nearer above, and above where there is no room below.
  expect(put(shelf, [5, 50, 25, 60])).toBe(57);
  expect(put(shelf, [5, 38, 25, 48])).toBe(33);
  shelf.clear();
  put(shelf, [0, 80, 20, 95], true);
  expect(put(shelf, [0, 90, 20, 99])).toBe(69);
  put(shelf, [0, 55, 20, 68], true);
  expect(put(shelf, [0, 90, 20, 99])).toBe(44);
});

it('forgets what was, and takes in no more than it has room for', () => {
  const shelf = new Shelf();
  put(shelf, [0, 0, 10, 10]);
  shelf.clear();
  expect(put(shelf, [0, 0, 10, 10])).toBe(0);
  for (let n = 0; n < 200; n += 1) put(shelf, [20 * n, 0, 20 * n + 10, 10]);
  expect(shelf.full).toBe(true);
});
