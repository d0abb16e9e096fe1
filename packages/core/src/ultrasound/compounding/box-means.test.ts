import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Random } from '../../math/index.js';
import { rowSpans } from '../clip.js';
import { BoxMeans } from './box-means.js';

const SIZE = [13, 9] as const;

/** How much of pixel n lies between two edges along an axis. */
const overlap = (n: number, centre: number, width: number): number =>
  Math.max(0, Math.min(n + 0.5, centre + width / 2) - Math.max(n - 0.5, centre - width / 2));

it('the mean over a rectangle is that of every pixel by its share of it', () => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.nat(1e6),
        column: fc.double({ min: -2, max: 14, noNaN: true }),
        row: fc.double({ min: -2, max: 10, noNaN: true }),
        width: fc.double({ min: 1, max: 8, noNaN: true }),
        height: fc.double({ min: 1, max: 8, noNaN: true }),
        clipped: fc.boolean(),
        masked: fc.boolean(),
      }),
      ({ seed, column, row, width, height, clipped, masked }) => {
        const random = new Random(seed);
        const pixels = Uint8Array.from({ length: SIZE[0] * SIZE[1] }, () => random.below(256));
        const importance = masked ? pixels.map(() => random.below(256)) : undefined;
        const clip = clipped ? { rectangle: { origin: [2, 1], size: [7, 6] } as const } : {};
        const spans = rowSpans(SIZE, clip);
        const grid = { size: [2, 2, 2], frameFromIndex: new Float64Array(16) } as const;
        const means = new BoxMeans({
          grid,
          first: 0,
          end: 1,
          interpolation: 'linear',
          compounding: 'mean',
          columns: 13,
          spans,
          importance,
        });
        means.load(pixels);
        means.at(column, row, width, height);
        let [sum, weight] = [0, 0];
        pixels.forEach((value, n) => {
          const [x, y] = [n % SIZE[0], Math.floor(n / SIZE[0])];
          if (clipped && !(x >= 2 && x < 9 && y >= 1 && y < 7)) return;
          const w = (overlap(x, column, width) * overlap(y, row, height) * (importance?.[n] ?? 255)) / 255;
          sum += w * value;
          weight += w;
        });
        expect(means.share).toBeCloseTo(weight / (width * height), 9);
        if (weight > 1e-3) expect(means.mean).toBeCloseTo(sum / weight, 6);
      },
    ),
  );
});
