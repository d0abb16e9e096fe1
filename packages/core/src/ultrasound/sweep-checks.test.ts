import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { fromRotationVector, identity4, Random } from '../math/index.js';
import { checkSweep, makeSweep, mirrorSweep, type SweepCheckOptions, type SweepFrame } from './index.js';
import { havePlusData, plusImages } from './test-support/plus-data.js';
import { SCENE } from './test-support/scenes.js';

const SIZE = [160, 120] as const;
const COUNT = 24;
const SEEDS = Array.from({ length: 4 * inject('effort') }, (_, n) => n + 1);

/** Whether a pixel is in a fan whose pixels are drawn larger by a factor, about the middle of its face. */
function inFan(column: number, row: number, zoom: number): boolean {
  const [x, y] = [(column - 80) / zoom, row / zoom + 18];
  const r = Math.hypot(x, y);
  return r > 24 && r < 112 && Math.abs(Math.atan2(x, y)) < 0.6;
}

const MASK = Uint8Array.from({ length: SIZE[0] * SIZE[1] }, (_, n) => (inFan(n % SIZE[0], Math.floor(n / SIZE[0]), 1) ? 255 : 0));

/** Speckle with some black in it, a shadow that wanders, and beside the fan next to nothing. */
function tissue(random: Random, n: number, zoom: number): Uint8Array {
  const shadow = 0.5 * Math.sin(n / 2);
  return Uint8Array.from({ length: SIZE[0] * SIZE[1] }, (_, i) => {
    const [column, row] = [i % SIZE[0], Math.floor(i / SIZE[0])];
    if (!inFan(column, row, zoom)) return random.below(3);
    const inShadow = row > 50 && Math.abs(Math.atan2(column - 80, row + 18) - shadow) < 0.08;
    return inShadow || random.between(0, 1) < 0.05 ? 0 : 5 + random.below(200);
  });
}

/** Dots in the dark. */
function water(random: Random): Uint8Array {
  const pixels = new Uint8Array(SIZE[0] * SIZE[1]);
  for (let k = 0; k < 40; k += 1) {
    const [column, row] = [40 + random.below(80), 30 + random.below(60)];
    if (inFan(column, row, 1)) pixels[row * SIZE[0] + column] = 200;
  }
  return pixels;
}

const at = (mm: number): Float64Array => Float64Array.of(0.3, 0, 0, 0, 0, 0.3, 0, 0, 0, 0, 1, 0, 0, 0, mm, 1);

/** Pictures half a millimetre and 80 ms apart. */
const sweepOf = (pictures: readonly Uint8Array[], change: (n: number) => Partial<SweepFrame> = () => ({})) => ({
  size: SIZE,
  frames: pictures.map((pixels, n): SweepFrame => ({ pixels, frameFromImage: at(0.5 * n), timeMs: 80 * n, ...change(n) })),
});

const range = (count = COUNT): number[] => Array.from({ length: count }, (_, n) => n);
const found = (sweep: Parameters<typeof checkSweep>[0], options: SweepCheckOptions = {}) =>
  checkSweep(sweep, options).map(({ code, index }) => [code, index]);

const BLACK = new Uint8Array(SIZE[0] * SIZE[1]);
const EMPTY = range().map(() => BLACK);
/** Any sector would be dark in these: what moves is looked at without one. */
const moved = (change: (n: number) => Partial<SweepFrame>, options: SweepCheckOptions = {}) =>
  found(sweepOf(EMPTY, change), options);

describe('the sector of the pictures', () => {
  it.each(SEEDS)(
    'seed %i: nothing is found where nothing was changed, and a larger or smaller one is, with its picture',
    (seed) => {
      const random = new Random(seed);
      const changedAt = 12 + random.below(6);
      const good = range().map((n) => tissue(random, n, 1));
      expect(found(sweepOf(good), { sector: MASK })).toEqual([]);
      expect(found(sweepOf(good))).toEqual([]);
      const larger = good.map((pixels, n) => (n < changedAt ? pixels : tissue(random, n, 1.02)));
      expect(found(sweepOf(larger), { sector: MASK })).toEqual([['sector-changed', changedAt]]);
      expect(found(sweepOf(larger))).toEqual([['sector-changed', changedAt]]);
      const smaller = good.map((pixels, n) => (n < changedAt ? pixels : tissue(random, n, 0.97)));
      expect(found(sweepOf(smaller), { sector: MASK })).toEqual([['sector-dark', changedAt]]);
      expect(found(sweepOf(smaller))).toEqual([['sector-dark', changedAt]]);
    },
  );

  it('changed before the sweep, only the calibration can tell', () => {
    const random = new Random(20);
    for (const [zoom, code] of [
      [1.02, 'sector-changed'],
      [0.97, 'sector-dark'],
    ] as const) {
      const pictures = range().map((n) => tissue(random, n, zoom));
      expect(found(sweepOf(pictures), { sector: MASK })).toEqual([[code, 0]]);
      expect(found(sweepOf(pictures))).toEqual([]);
    }
  });

  it('a probe that is lifted before the end is named, one that loses contact for four pictures is not', () => {
    const random = new Random(21);
    const lost = (from: number, to: number) => range().map((n) => (n >= from && n < to ? BLACK : tissue(random, n, 1)));
    expect(found(sweepOf(lost(17, COUNT)), { sector: MASK })).toEqual([['sector-dark', 17]]);
    expect(found(sweepOf(lost(10, 14)), { sector: MASK })).toEqual([]);
  });

  it('of water nothing is claimed without a calibration, and with one that most of it is dark', () => {
    const random = new Random(22);
    const pictures = range().map(() => water(random));
    expect(found(sweepOf(pictures))).toEqual([]);
    expect(found(sweepOf(pictures), { sector: MASK })).toEqual([['sector-dark', 0]]);
  });

  it.runIf(havePlusData).each([
    ['SpinePhantomFreehand.igs.mha', true],
    ['NwirePhantomFreehand.igs.mha', false],
  ])('%s: nothing where nothing was changed; drawn 2 %% larger from picture 14 on, that', async (file, isFilled) => {
    const size = [820, 616] as const;
    const pictures = await plusImages(file, 21);
    const sweep = (list: readonly Uint8Array[]) => ({
      size,
      frames: list.map((pixels, n) => ({ pixels, frameFromImage: at(n) })),
    });
    expect(found(sweep(pictures))).toEqual([]);
    const drawn = pictures.map((pixels, n) => (n < 14 ? pixels : enlarged(pixels, size, 1.02)));
    expect(found(sweep(drawn))).toEqual(isFilled ? [['sector-changed', 14]] : []);
  });
});

/** A picture drawn larger about its middle. */
function enlarged(pixels: Uint8Array, [columns, rows]: readonly [number, number], factor: number): Uint8Array {
  const from = (x: number, count: number): number => Math.round((x - (count - 1) / 2) / factor + (count - 1) / 2);
  return Uint8Array.from(pixels, (_, n) => {
    const [column, row] = [from(n % columns, columns), from(Math.floor(n / columns), rows)];
    return pixels[row * columns + column] as number;
  });
}

describe('poses and times', () => {
  it('too many lost poses are named, before makeSweep() and behind it', () => {
    const lose = (count: number) => (n: number) => (n < count ? { status: 'missing' as const } : {});
    expect(moved(lose(2))).toEqual([]);
    expect(moved(lose(3))).toEqual([['missing-poses', undefined]]);
    expect(moved(lose(2), { mostLost: 0.05 })).toEqual([['missing-poses', undefined]]);
    const { message } = checkSweep(makeSweep({ frame: SCENE, ...sweepOf(EMPTY, lose(6)) }))[0] ?? {};
    expect(message).toMatch(/^25 % /);
    expect(moved(() => ({ status: 'missing', frameFromImage: new Float64Array(16) }), { gapMm: 1, mostMmPerS: 1 })).toEqual([
      ['missing-poses', undefined],
    ]);
  });

  it('times that makeSweep() refuses are named with their picture', () => {
    expect(moved((n) => (n === 5 ? { timeMs: 320 } : {}))).toEqual([['bad-times', 5]]);
    expect(moved((n) => (n === 5 ? { timeMs: 310 } : {}), { mostMmPerS: 1 })).toEqual([['bad-times', 5]]);
    const { timeMs: _, ...timeless } = sweepOf(EMPTY).frames[7] as SweepFrame;
    const frames = sweepOf(EMPTY).frames.map((f, n) => (n === 7 ? timeless : f));
    expect(found({ size: SIZE, frames })).toEqual([['bad-times', 7]]);
    const none = frames.map(({ pixels, frameFromImage }) => ({ pixels, frameFromImage }));
    expect(found({ size: SIZE, frames: none })).toEqual([]);
    expect(found({ size: SIZE, frames: none }, { mostMmPerS: 10 })).toEqual([['no-times', undefined]]);
  });
});

describe('the way of the probe', () => {
  it('a gap is as wide as it is, and lies before its picture; sliding within the plane makes none', () => {
    const jump = (n: number) => ({ frameFromImage: at(0.5 * n + (n >= 9 ? 2.5 : 0)) });
    expect(moved(jump, { gapMm: 2.99 })).toEqual([['gap', 9]]);
    expect(moved(jump, { gapMm: 3.01 })).toEqual([]);
    const slide = (n: number) => {
      const m = at(0);
      m[12] = 7 * n;
      return { frameFromImage: m };
    };
    expect(moved(slide, { gapMm: 0.01 })).toEqual([]);
    // What lies between two pictures one of which has no pose counts as well.
    expect(moved((n) => (n === 4 ? { status: 'missing' } : {}), { gapMm: 0.9 })).toEqual([['gap', 5]]);
  });

  it('a probe that tilts about its face leaves gaps in the deep: of the sector, not of the corners', () => {
    const step = 0.03;
    const tilted = (n: number) => {
      const m = fromRotationVector(identity4(), [step * n, 0, 0]);
      for (let k = 0; k < 8; k += 1) m[k] = 0.3 * (m[k] as number);
      return { frameFromImage: m };
    };
    const deepest = MASK.findLastIndex((x) => x > 0);
    const mm = 0.3 * Math.floor(deepest / SIZE[0]) * Math.sin(step);
    const lit = range().map(() => MASK);
    const gapOf = (gapMm: number) => found(sweepOf(lit, tilted), { sector: MASK, gapMm }).map(([code]) => code);
    expect(gapOf(mm + 0.001)).toEqual([]);
    expect(gapOf(mm - 0.001)).toEqual(['gap']);
    // The picture's corners lie deeper than the sector.
    expect(moved(tilted, { gapMm: mm + 0.1 }).map(([code]) => code)).toEqual(['gap']);
  });

  it('a speed is that of the fastest place, and not that of noise', () => {
    const swift = (n: number) => ({ frameFromImage: at(n < 12 ? 4 * n : 48 + 2 * (n - 12)) });
    expect(moved(swift, { mostMmPerS: 49 })).toEqual([['too-fast', 2]]);
    expect(moved(swift, { mostMmPerS: 51 })).toEqual([]);
    const random = new Random(3);
    const noisy = (n: number) => ({ timeMs: 10 * n, frameFromImage: at(0.02 * n + 0.1 * random.normal()) });
    expect(moved(noisy, { mostMmPerS: 12 })).toEqual([]);
    const turning = (n: number) => {
      const m = fromRotationVector(identity4(), [0, 0, 0.02 * n]);
      for (let k = 0; k < 8; k += 1) m[k] = 0.3 * (m[k] as number);
      return { frameFromImage: m };
    };
    // The farthest corner goes along a circle: 0.25 rad a second.
    const speed = 0.25 * 0.3 * Math.hypot(SIZE[0] - 1, SIZE[1] - 1);
    expect(moved(turning, { mostMmPerS: 0.99 * speed }).map(([code]) => code)).toEqual(['too-fast']);
    expect(moved(turning, { mostMmPerS: 1.01 * speed })).toEqual([]);
  });
});

describe('refused by name', () => {
  it.each<[string, SweepCheckOptions, (n: number) => Partial<SweepFrame>]>([
    ['ultrasound/bad-option', { sector: new Uint8Array(5).fill(1) }, () => ({})],
    ['ultrasound/bad-option', { sector: BLACK }, () => ({})],
    ['ultrasound/bad-option', { gapMm: 0 }, () => ({})],
    ['ultrasound/bad-option', { mostMmPerS: Number.NaN }, () => ({})],
    ['ultrasound/bad-option', { mostLost: 2 }, () => ({})],
    ['ultrasound/bad-option', { background: 255 }, () => ({})],
    ['ultrasound/bad-image', {}, (n) => (n === 3 ? { pixels: new Uint8Array(7), status: 'missing' } : {})],
    ['ultrasound/bad-geometry', {}, (n) => (n === 3 ? { frameFromImage: new Float64Array(16) } : {})],
  ])('%s', (code, options, change) => {
    expect(() => moved(change, options)).toThrow(expect.toSatisfy((e: unknown) => isNavError(e) && e.code === code));
  });

  it('no pictures', () => {
    expect(() => checkSweep({ size: SIZE, frames: [] })).toThrow(/no pictures/);
  });
});

describe('a sweep with its sides exchanged', () => {
  it('shows in each row what stood at its other end, and is itself when turned twice', () => {
    const random = new Random(5);
    const sweep = makeSweep({ frame: SCENE, ...sweepOf([tissue(random, 0, 1), tissue(random, 1, 1)]) });
    const turned = mirrorSweep(sweep);
    const own = sweep.frames[1]?.pixels as Uint8Array;
    const other = turned.frames[1]?.pixels as Uint8Array;
    for (const [column, row] of [
      [0, 0],
      [60, 70],
      [159, 119],
    ] as const) {
      expect(other[row * SIZE[0] + (SIZE[0] - 1 - column)]).toBe(own[row * SIZE[0] + column]);
    }
    expect(Buffer.compare(other, own)).not.toBe(0);
    expect(Buffer.compare(mirrorSweep(turned).frames[1]?.pixels as Uint8Array, own)).toBe(0);
  });
});
