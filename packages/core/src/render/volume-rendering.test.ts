import { describe, expect, it } from 'vitest';
import { frame } from '../frames/index.js';
import { Random } from '../math/index.js';
import { Sampler, type VoxelArray, volume } from '../volume/index.js';
import {
  mostExtinction,
  requireTransfer,
  TABLE_SIZE,
  TRANSFER_PRESETS,
  type TransferFunction,
  type TransferPresetName,
  transferAt,
  transferPreset,
  transferTable,
} from './transfer-function.js';
import { BLOCK_EDGE, BlockSurvey, emptyDistances, type VolumeBlocks } from './volume-blocks.js';

const CT = frame('ct');
const IDENTITY = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);

function made(voxels: VoxelArray, size: [number, number, number], slope = 1, intercept = 0) {
  return volume({ frame: CT, voxels, size, frameFromIndex: IDENTITY, rescale: { slope, intercept } });
}

/** All blocks of a volume, found in so many steps as it takes. */
function volumeBlocks(v: ConstructorParameters<typeof BlockSurvey>[0]): VolumeBlocks {
  const survey = new BlockSurvey(v);
  for (;;) {
    const blocks = survey.advance(0);
    if (blocks !== undefined) return blocks;
  }
}

/** Mostly −1000, with some blobs of values up to 900. */
function blobs(size: [number, number, number], seed: number): Float32Array {
  const random = new Random(seed);
  const voxels = new Float32Array(size[0] * size[1] * size[2]).fill(-1000);
  for (let b = 0; b < 3; b += 1) {
    const c = size.map((n) => n * random.uniform());
    const r = 1 + 4 * random.uniform();
    voxels.forEach((_, n) => {
      const at = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))];
      if (Math.hypot(...at.map((x, k) => x - (c[k] as number))) < r) voxels[n] = 900 * random.uniform();
    });
  }
  return voxels;
}

const POINTS: TransferFunction = [
  { value: -50, colour: '#000000', perMm: 0 },
  { value: 100, colour: '#ff8000', perMm: 0.5 },
  { value: 200, colour: '#00ff40', perMm: 0 },
  { value: 400, colour: '#ffffff', perMm: 2 },
];

describe('a transfer function', () => {
  it('is straight between its points and level beyond them, and its table is the same', () => {
    const at = new Float64Array(4);
    expect(Array.from(transferAt(at, POINTS, -999))).toEqual([0, 0, 0, 0]);
    expect(Array.from(transferAt(at, POINTS, 25))).toEqual([0.5, 128 / 510, 0, 0.25]);
    expect(Array.from(transferAt(at, POINTS, 100))).toEqual([1, 128 / 255, 0, 0.5]);
    expect(Array.from(transferAt(at, POINTS, 5000))).toEqual([1, 1, 1, 2]);
    const table = transferTable(POINTS);
    const n = 700;
    const value = -50 + (450 * n) / (TABLE_SIZE - 1);
    expect(Array.from(table.subarray(4 * n, 4 * n + 4))).toEqual(
      Array.from(transferAt(at, POINTS, value), (x) => Math.fround(x)),
    );
  });

  it('has its most extinction between two values where a point lies between them', () => {
    expect(mostExtinction(POINTS, -900, -60)).toBe(0);
    expect(mostExtinction(POINTS, 0, 150)).toBe(0.5);
    expect(mostExtinction(POINTS, 0, 50)).toBeCloseTo(1 / 3, 12);
    expect(mostExtinction(POINTS, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)).toBe(0);
  });

  it('has presets that can be drawn, for CT and for an MR of any range', () => {
    const mr = made(blobs([20, 20, 20], 4), [20, 20, 20], 0.01, 300);
    for (const name of TRANSFER_PRESETS) {
      const points = transferPreset(name, mr);
      requireTransfer(points);
      expect(points[0]?.perMm, 'begins clear').toBe(0);
    }
    const flat = made(new Uint8Array(8).fill(7), [2, 2, 2]);
    expect(() => transferPreset('mr', flat)).toThrow(expect.objectContaining({ code: 'math/out-of-range' }));
    const wrong = 'ctTeeth' as TransferPresetName;
    expect(() => transferPreset(wrong, flat)).toThrow(/ctBone, ctSoftTissue, ctVessels, mr, got "ctTeeth"/);
  });

  const [a, b] = POINTS as [TransferFunction[number], TransferFunction[number]];
  const refused: readonly (readonly [string, TransferFunction])[] = [
    ['one point', [a]],
    ['values that fall', [b, a]],
    ['a value that is no number', [a, { ...b, value: Number.NaN }]],
    ['a colour by its name', [a, { ...b, colour: 'red' }]],
    ['an extinction below 0', [a, { ...b, perMm: -1 }]],
  ];
  for (const [name, points] of refused) {
    it(`is refused with ${name}`, () => {
      expect(() => requireTransfer(points)).toThrow(expect.objectContaining({ code: 'math/out-of-range' }));
    });
  }
});

describe('blocks of a volume', () => {
  const sizes: [number, number, number][] = [
    [8, 8, 8],
    [9, 17, 25],
    [23, 7, 40],
    [1, 33, 16],
  ];
  for (const size of sizes) {
    it(`hold every interpolated value and no more than their voxels: ${size.join('×')}`, () => {
      const v = made(blobs(size, 11), size);
      const blocks = volumeBlocks(v);
      const sampler = new Sampler(v);
      const random = new Random(5);
      const [bi, bj] = blocks.size;
      for (let n = 0; n < 20_000; n += 1) {
        const at = size.map((s) => s * random.uniform() - 0.5) as [number, number, number];
        const value = sampler.atIndex(...at);
        const [i, j, k] = at.map((x) => Math.floor((x + 0.5) / BLOCK_EDGE)) as [number, number, number];
        const b = i + bi * (j + bj * k);
        expect(value).toBeGreaterThanOrEqual((blocks.low[b] as number) - 1e-3);
        expect(value).toBeLessThanOrEqual((blocks.high[b] as number) + 1e-3);
      }
      const near = (x: number, b: number): boolean => x >= BLOCK_EDGE * b - 1 && x <= BLOCK_EDGE * b + BLOCK_EDGE;
      blocks.high.forEach((high, n) => {
        const [a, b, c] = [n % bi, Math.floor(n / bi) % bj, Math.floor(n / (bi * bj))];
        let most = Number.NEGATIVE_INFINITY;
        v.voxels.forEach((x, m) => {
          const [i, j, k] = [m % size[0], Math.floor(m / size[0]) % size[1], Math.floor(m / (size[0] * size[1]))];
          if (near(i, a) && near(j, b) && near(k, c)) most = Math.max(most, x);
        });
        expect(high).toBe(most);
      });
    });
  }

  it('are as far from the nearest that is not clear as counting finds, with a falling rescale and with NaN', () => {
    const size: [number, number, number] = [70, 60, 90];
    const voxels = blobs(size, 2);
    voxels.fill(Number.NaN, 0, 70 * 60 * 9);
    const v = made(voxels, size, -0.5, 30);
    const blocks = volumeBlocks(v);
    // Voxels of −1000 become 530: drawn by nothing, where the last point is clear.
    const points: TransferFunction = [...POINTS, { value: 450, colour: '#ffffff', perMm: 0 }];
    const d = emptyDistances(blocks, points, v.rescale);
    const [bi, bj] = blocks.size;
    const where = (n: number): number[] => [n % bi, Math.floor(n / bi) % bj, Math.floor(n / (bi * bj))];
    const full = Array.from(d.keys()).filter((n) => {
      const [low, high] = [30 - 0.5 * (blocks.high[n] as number), 30 - 0.5 * (blocks.low[n] as number)];
      return mostExtinction(points, low, high) > 0;
    });
    expect(full.length).toBeGreaterThan(5);
    expect(full.length).toBeLessThan(d.length / 2);
    d.forEach((got, n) => {
      const away = full.map((m) => Math.max(...where(m).map((x, k) => Math.abs(x - (where(n)[k] as number)))));
      expect(got).toBe(Math.min(255, ...away));
    });
  });
});
