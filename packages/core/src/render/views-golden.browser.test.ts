import { afterAll, describe, expect, it } from 'vitest';
import { hasPose, STATUSES } from '../frames/index.js';
import { differing, golden, MOST_OTHER, VIEWS_FOLDER } from './guidance/test-support/golden.js';
import type { Picture } from './guidance/test-support/rig.js';
import { Bench, type GoldenView, toolView, VIEWS } from './test-support/golden-views.js';

const bench = new Bench();
afterAll(() => bench.dispose());

const drawn = new Map<string, Picture>();
function pictureOf(view: GoldenView): Picture {
  const known = drawn.get(view.name) ?? bench.picture(view);
  drawn.set(view.name, known);
  return known;
}

/** The same picture with left and right exchanged. */
function mirrored({ width, height, data }: Picture): Picture {
  const out = new Uint8ClampedArray(data.length);
  for (let n = 0; n < width * height; n += 1) {
    const x = n % width;
    out.set(data.subarray(4 * n, 4 * n + 4), 4 * (n - x + width - 1 - x));
  }
  return { width, height, data: out };
}

describe('the kept picture of a view', () => {
  it.each(VIEWS)('$name is drawn again, and is neither its mirror image nor another view', async (view) => {
    const picture = pictureOf(view);
    const kept = await golden(`view-${view.name}`, picture, VIEWS_FOLDER);
    expect(differing(picture, kept)).toBeLessThanOrEqual(MOST_OTHER);
    expect(differing(mirrored(picture), kept), 'mirrored').toBeGreaterThan(5 * MOST_OTHER);
    for (const other of VIEWS) {
      if (other !== view) expect(differing(pictureOf(other), kept), other.name).toBeGreaterThan(MOST_OTHER);
    }
  });

  it.each(VIEWS.filter(({ name }) => ['axial', 'coronal', 'volume'].includes(name)))(
    '$name is not that of a head whose left is its right',
    async (view) => {
      const kept = await golden(`view-${view.name}`, pictureOf(view), VIEWS_FOLDER);
      expect(differing(bench.picture(view, true), kept)).toBeGreaterThan(MOST_OTHER);
    },
  );
});

describe.each(['coronal', '3d'] as const)('the kept picture of a tool in the %s view', (view) => {
  it.each(STATUSES)('%s is drawn again, and is that of no other status', async (status) => {
    const picture = pictureOf(toolView(view, status));
    // Without a pose nothing is drawn: one picture holds for both.
    const name = hasPose(status) ? status : 'missing';
    const kept = await golden(`tool-${view}-${name}`, picture, VIEWS_FOLDER);
    expect(differing(picture, kept)).toBeLessThanOrEqual(MOST_OTHER);
    for (const other of STATUSES) {
      if (other === status || (!hasPose(other) && !hasPose(status))) continue;
      expect(differing(pictureOf(toolView(view, other)), kept), other).toBeGreaterThan(MOST_OTHER);
    }
  });
});
