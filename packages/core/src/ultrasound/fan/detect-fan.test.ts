import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { Random } from '../../math/index.js';
import { smoothNoise } from '../../testing/ultrasound/noise.js';
import { type ClipFan, type ImageClip, rowSpans } from '../clip.js';
import { havePlusData, plusImages } from '../test-support/plus-data.js';
import { detectFan, type FanDetection } from './detect-fan.js';

const SIZE = [480, 400] as const;

/** Images as a machine shows them: speckle that is dark in places, bright beside the probe; noise of a frame grabber and writing beside. */
function pictures(clip: ImageClip, near: (x: number, y: number) => number, seed: number, count: number): Uint8Array[] {
  const random = new Random(seed);
  const spans = rowSpans(SIZE, clip);
  return Array.from({ length: count }, (_, image) => {
    const structure = smoothNoise(seed + 100 * image, 40);
    return Uint8Array.from({ length: SIZE[0] * SIZE[1] }, (_x, n) => {
      const [x, y] = [n % SIZE[0], Math.floor(n / SIZE[0])];
      const isIn = [0, 2].some((s) => x >= (spans[4 * y + s] as number) && x < (spans[4 * y + s + 1] as number));
      const written = x > 5 && x < 60 && y > 375 && y < 390 && (x + y) % 7 < 3 ? 220 : 0;
      if (!isIn) return written + random.below(3);
      const level = Math.max(0, 14 + 22 * structure(x, y, 0)) + 120 * Math.exp(-near(x, y) / 6);
      return Math.min(255, Math.round(level * (0.3 + random.uniform()) + random.below(3)));
    });
  });
}

const fanPictures = (fan: ClipFan, seed: number, count: number): Uint8Array[] =>
  pictures({ fan }, (x, y) => Math.hypot(x - fan.apex[0], y - fan.apex[1]) - fan.radii[0], seed, count);

const fanOf = (found: FanDetection): ClipFan => {
  if (found.kind !== 'fan') throw new Error(`no fan but ${JSON.stringify({ ...found, mask: undefined })}`);
  return found.clip.fan;
};

/** How far the corners of a fan are off, pixels. */
function cornersOff(a: ClipFan, b: ClipFan): number {
  const corner = (fan: ClipFan, radius: 0 | 1, angle: 0 | 1): [number, number] => {
    const radians = (fan.anglesDeg[angle] * Math.PI) / 180;
    return [fan.apex[0] + fan.radii[radius] * Math.sin(radians), fan.apex[1] + fan.radii[radius] * Math.cos(radians)];
  };
  return Math.max(
    ...([0, 1] as const).flatMap((r) =>
      ([0, 1] as const).map((s) => {
        const [p, q] = [corner(a, r, s), corner(b, r, s)];
        return Math.hypot(p[0] - q[0], p[1] - q[1]);
      }),
    ),
  );
}

describe('a fan is found', () => {
  it('of a curved array, wherever it lies, one side wider than the other', () => {
    for (let seed = 1; seed <= 3 * inject('effort'); seed += 1) {
      const random = new Random(seed);
      const inner = random.between(40, 110);
      const fan: ClipFan = {
        apex: [240 + random.between(-20, 20), 30 - 0.8 * inner + random.between(-10, 10)],
        anglesDeg: [-random.between(22, 42), random.between(22, 42)],
        radii: [inner, inner + random.between(220, 270)],
      };
      const found = detectFan(fanPictures(fan, seed, 2), SIZE);
      expect(cornersOff(fanOf(found), fan)).toBeLessThan(2.5);
    }
  });

  it('of a phased array, whose sides meet in the image', () => {
    for (let seed = 1; seed <= 2 * inject('effort'); seed += 1) {
      const random = new Random(50 + seed);
      const fan: ClipFan = {
        apex: [240 + random.between(-20, 20), random.between(8, 20)],
        anglesDeg: [-random.between(30, 40), random.between(30, 40)],
        radii: [0, random.between(280, 360)],
      };
      expect(cornersOff(fanOf(detectFan(fanPictures(fan, seed, 2), SIZE)), fan)).toBeLessThan(5);
    }
  });

  it('with the mask of the clip', () => {
    const fan: ClipFan = { apex: [240, -40], anglesDeg: [-30, 30], radii: [70, 330] };
    const found = detectFan(fanPictures(fan, 7, 2), SIZE);
    const spans = rowSpans(SIZE, { fan: fanOf(found) });
    let inside = 0;
    for (let n = 0; n < spans.length; n += 2) inside += (spans[n + 1] as number) - (spans[n] as number);
    expect(found.kind === 'fan' && found.mask.filter((m) => m === 255)).toHaveLength(inside);
  });

  it('of a straight array as a rectangle', () => {
    const rectangle = { origin: [90, 12], size: [301, 370] } as const;
    const found = detectFan(
      pictures({ rectangle }, (_, y) => y - 12, 3, 2),
      SIZE,
    );
    expect(found.kind).toBe('rectangle');
    if (found.kind !== 'rectangle') return;
    const { origin, size } = found.clip.rectangle;
    expect(Math.max(Math.abs(origin[0] - 90), Math.abs(origin[1] - 12), Math.abs(size[0] - 301))).toBeLessThanOrEqual(1);
    expect(Math.abs(size[1] - 370)).toBeLessThanOrEqual(4);
  });
});

describe('a fan is unknown', () => {
  it.each<[string, () => Uint8Array[], RegExp]>([
    ['in the dark', () => [new Uint8Array(SIZE[0] * SIZE[1])], /too little/],
    [
      'where only some spots shine',
      () => {
        const spots = new Uint8Array(SIZE[0] * SIZE[1]);
        for (const [x, y] of [
          [100, 100],
          [300, 120],
          [200, 250],
          [330, 300],
        ] as const) {
          for (let n = 0; n < 60 * 60; n += 1) spots[(y + Math.floor(n / 60)) * SIZE[0] + x + (n % 60)] = 200;
        }
        return [spots];
      },
      /arc|sides|lit/,
    ],
    [
      'where the depth lies in the dark',
      () => {
        const fan: ClipFan = { apex: [240, -40], anglesDeg: [-30, 30], radii: [70, 330] };
        return fanPictures(fan, 5, 2).map((image) =>
          image.map((v, n) => (Math.floor(n / SIZE[0]) > 90 + 30 * Math.sin(n) ? 0 : v)),
        );
      },
      /dark|lit/,
    ],
    [
      'in a picture that is lit all over',
      () => {
        const random = new Random(4);
        // Corners are a little darker, as pictures' are.
        const dim = (n: number): number => (Math.hypot((n % SIZE[0]) - 240, n / SIZE[0] - 200) > 300 ? 40 : 0);
        return [new Uint8Array(SIZE[0] * SIZE[1]).map((_, n) => 100 - dim(n) + random.below(60))];
      },
      /all over|arc|lit/,
    ],
  ])('%s', (_, images, reason) => {
    const found = detectFan(images(), SIZE);
    expect(found.kind).toBe('unknown');
    expect(found.kind === 'unknown' && found.reason).toMatch(reason);
  });

  it('of images of another size it is refused to be looked for', () => {
    for (const images of [[], [new Uint8Array(7)]]) {
      try {
        detectFan(images, SIZE);
        expect.unreachable();
      } catch (error) {
        expect(isNavError(error, 'ultrasound/bad-image')).toBe(true);
      }
    }
  });
});

describe.runIf(havePlusData)('in recordings of PLUS', () => {
  const size = [820, 616] as const;

  it('a curved array, cut off by the image on both sides', async () => {
    const found = detectFan(await plusImages('UltrasonixCurvilinearScanConvertedDataGroundTruth.igs.mha', 3), size);
    const { apex, radii, anglesDeg } = fanOf(found);
    // Read off the picture: the arcs' lowest rows, and the corners of the near one.
    expect(Math.abs(apex[1] + radii[0] - 95.5)).toBeLessThan(1.5);
    expect(Math.abs(apex[1] + radii[1] - 568)).toBeLessThan(1.5);
    const corner = (side: 0 | 1): number => apex[0] + radii[0] * Math.sin((anglesDeg[side] * Math.PI) / 180);
    expect(Math.abs(corner(0) - 341)).toBeLessThan(5);
    expect(Math.abs(corner(1) - 479)).toBeLessThan(5);
  });

  it('a straight one', async () => {
    const found = detectFan(await plusImages('SpinePhantomFreehand.igs.mha'), size);
    expect(found.kind === 'rectangle' && found.clip.rectangle).toEqual({ origin: [187, 12], size: [445, 590] });
  });

  it('wires in water tell nothing', async () => {
    expect(detectFan(await plusImages('NwirePhantomFreehand.igs.mha'), size).kind).toBe('unknown');
  });
});
