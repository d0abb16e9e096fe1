import { affineTransform, type Frame, frame, point } from '@trocar/core';
import { identity4, Random, transformPoint } from '@trocar/core/math';
import { type Volume, volume } from '@trocar/core/volume';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerVolumes } from '../intensity/index.js';
import { blurred } from '../intensity/ultrasound/cube-image.js';
import { deformedPair } from '../testing/deformations.js';
import { type DeformedBrain, deformedImage } from '../testing/deformed-brain.js';
import { determinant9 } from './deformation.js';
import { type DeformableRegistration, registerDeformable } from './register-deformable.js';

const seed = Number(process.env['TROCAR_SEED'] === 'random' ? Date.now() % 1e6 : (process.env['TROCAR_SEED'] ?? 1));
const mr: Frame<'mr'> = frame('mr');
const us: Frame<'us'> = frame('us');

/** Enough blocks to be held out, and enough where none are asked for. */
const SIDE = 46;
const SMALL = 34;
const SPACING_MM = 1.5;

/** Texture with structures of a few millimetres. */
function textured<F extends string>(inFrame: Frame<F>, texture: number, side = SMALL): Volume<F> {
  const random = new Random(texture);
  const noise = Float32Array.from({ length: side ** 3 }, () => random.normal());
  const { values } = blurred({ size: [side, side, side], spacingMm: SPACING_MM, origin: [0, 0, 0], values: noise }, 1.6);
  const voxels = Int16Array.from(values, (x) => Math.round(500 + 3000 * x));
  const half = (-SPACING_MM * (side - 1)) / 2;
  const frameFromIndex = Float64Array.of(SPACING_MM, 0, 0, 0, 0, SPACING_MM, 0, 0, 0, 0, SPACING_MM, 0, half, half, half, 1);
  return volume({ frame: inFrame, voxels, size: [side, side, side], frameFromIndex, modality: 'MR' });
}

/** @param drawn some remaps fold in the middle of the greys and leave nothing to see: what must be found names its seed */
function pairOf(shiftMm: number, drawn = seed, side = SMALL): DeformedBrain {
  const before = textured(mr, 17 * drawn + 5, side);
  return deformedImage(before, before, textured(us, 1), { seed: drawn, shiftMm, resected: shiftMm > 0 });
}

/** Some of a volume's slices. */
function layersOf<F extends string>(v: Volume<F>, from: number, to: number): Volume<F> {
  const [ni, nj] = v.size;
  const frameFromIndex = Float64Array.from(v.frameFromIndex);
  for (let r = 0; r < 3; r += 1)
    frameFromIndex[12 + r] = (frameFromIndex[12 + r] as number) + from * (frameFromIndex[8 + r] as number);
  return { ...v, voxels: v.voxels.slice(ni * nj * from, ni * nj * to), size: [ni, nj, to - from], frameFromIndex };
}

const mean = (x: Float64Array): number => x.reduce((a, b) => a + b, 0) / x.length;

describe('registerDeformable on a body that has moved', () => {
  let pair: DeformedBrain;
  let found: DeformableRegistration<'us', 'mr'>;
  let heard: number[];

  beforeAll(async () => {
    pair = pairOf(6, 3, SIDE);
    heard = [];
    found = await registerDeformable(pair.fixed, pair.moving, {
      initial: pair.bestRigid,
      progress: (share) => heard.push(share),
    });
  }, 60_000);

  it('leaves at most half of the error of the best rigid motion', () => {
    const rigid = pair.errorsOf((out, p) => transformPoint(out, pair.bestRigid.matrix, p));
    expect(found.outcome).toBe('ok');
    expect(found.deformed).toBe(true);
    expect(mean(pair.errorsOf(found.movingFromFixed.map))).toBeLessThan(0.5 * mean(rigid));
  });

  it('is sure of it, and expects about the errors that there are', () => {
    expect(found.confidence).toBeGreaterThan(0.5);
    const errors = pair.errorsOf(found.movingFromFixed.map);
    const units = Array.from(errors, (e, n) => e / found.expectedError(point(us, pair.fixedPlaces.slice(3 * n, 3 * n + 3))));
    const known = units.filter((u) => !Number.isNaN(u));
    expect(known.length).toBeGreaterThan(0.9 * errors.length);
    expect(known.filter((u) => u <= 2).length).toBeGreaterThan(0.85 * known.length);
    expect(() => found.expectedError(point(mr, [0, 0, 0]) as never)).toThrow();
  });

  it('does not fold, and its inverse brings every place back', () => {
    const { map, jacobian } = found.movingFromFixed;
    const [p, q, j] = [new Float64Array(3), new Float64Array(3), new Float64Array(9)];
    const random = new Random(3);
    for (let n = 0; n < 500; n += 1) {
      // Far beyond the image as well.
      for (let r = 0; r < 3; r += 1) p[r] = random.between(-90, 90);
      expect(determinant9(jacobian(j, p))).toBeGreaterThan(0);
      found.fixedFromMoving.map(q, map(q, p));
      expect(Math.hypot(...p.map((x, r) => x - (q[r] as number)))).toBeLessThan(1e-5);
    }
    expect(found.shape.leastVolumeRatio).toBeGreaterThan(0);
  });

  it('tells how far it is, and gives the same bits again', async () => {
    expect(heard[0]).toBe(0);
    expect(heard.at(-1)).toBe(1);
    expect(heard.every((x, n) => n === 0 || x >= (heard[n - 1] as number) - 1e-9)).toBe(true);
    const again = await registerDeformable(pair.fixed, pair.moving, { initial: pair.bestRigid });
    expect(again.movingFromFixed.grid.coefficients).toEqual(found.movingFromFixed.grid.coefficients);
  }, 60_000);
});

describe('registerDeformable where there is nothing to find', () => {
  it('moves a body that has kept its shape by no more than 0.3 mm', async () => {
    const pair = pairOf(0);
    const found = await registerDeformable(pair.fixed, pair.moving, { initial: pair.bestRigid });
    expect(found.outcome).toBe('ok');
    expect(mean(pair.errorsOf(found.movingFromFixed.map))).toBeLessThan(0.3);
  }, 60_000);

  it('gives back the rigid motion of a smooth body that only its surfaces show, which a band of its edges would bend', async () => {
    const { fixed, moving, errorsOf } = deformedPair('head', 'none', 2);
    const { movingFromFixed } = await registerVolumes(fixed, moving);
    // The middle of the head, six centimetres of it.
    const found = await registerDeformable(layersOf(fixed, 25, 40), moving, { initial: movingFromFixed });
    expect(found.deformed).toBe(false);
    expect(errorsOf((p) => found.movingFromFixed.map(new Float64Array(3), p)).worst).toBeLessThan(0.8);
  });

  it('calls images of different bodies not alike, and returns a rigid map', async () => {
    const found = await registerDeformable(textured(us, 101 + seed), textured(mr, 202 + seed));
    expect(found.outcome).toBe('failed');
    expect(found.findings.map((f) => f.code)).toContain('not-alike');
    expect(found.confidence).toBeLessThan(0.5);
    expect(found.deformed).toBe(false);
    expect(found.shape.largestMm).toBe(0);
  }, 60_000);
});

describe('registerDeformable refuses', () => {
  const fixed = textured(us, 1);
  const moving = textured(mr, 2);
  const expectCode = (promise: Promise<unknown>, code: string): Promise<void> =>
    expect(promise).rejects.toMatchObject({ name: 'NavError', code });

  it('no image, a mirrored start, and limits that are none', async () => {
    await expectCode(registerDeformable(fixed, []), 'registration/bad-option');
    const mirrored = affineTransform(
      mr,
      us,
      identity4().map((x, n) => (n === 0 ? -x : x)),
    );
    await expectCode(registerDeformable(fixed, moving, { initial: mirrored }), 'registration/bad-option');
    for (const maxDisplacementMm of [0, -1, Number.NaN, 1000]) {
      await expectCode(registerDeformable(fixed, moving, { maxDisplacementMm }), 'registration/bad-option');
    }
  });

  it('an image that shows nothing, and images that do not meet', async () => {
    const empty = { ...fixed, voxels: new Int16Array(SMALL ** 3) };
    await expectCode(registerDeformable(empty, moving), 'registration/failed');
    const away = affineTransform(
      mr,
      us,
      identity4().map((x, n) => (n === 12 ? 500 : x)),
    );
    await expectCode(registerDeformable(fixed, moving, { initial: away }), 'registration/no-overlap');
  });

  it('stops when told', async () => {
    const stop = new AbortController();
    const running = registerDeformable(fixed, moving, { signal: stop.signal, progress: (x) => x > 0.1 && stop.abort() });
    await expectCode(running, 'registration/aborted');
  });
});
