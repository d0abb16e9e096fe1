import { isNavError, point, transform } from '@trocar/core';
import { invert4, multiply4, Random, svd3 } from '@trocar/core/math';
import { abdomenPhantom, headPhantom } from '@trocar/core/testing';
import { type Volume, volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { expectedTreOf } from '../accuracy/expected-tre.js';
import { BITS, bitsOf, pairForBits, poseOf } from '../testing/intensity.js';
import { ct, ctHead, errorsOf, headPlaces, mr, mrHead, through } from '../testing/phantoms.js';
import { registerVolumes } from './register-volumes.js';

const fixed = ctHead(3);
const places = headPlaces(fixed);

function errorOf(found: { matrix: ArrayLike<number> }, pose: Float64Array): { readonly mean: number; readonly worst: number } {
  return errorsOf(
    places,
    (p) => through(found, p),
    (p) => through({ matrix: pose }, p),
  );
}

async function codeOf(doing: Promise<unknown>): Promise<string> {
  return doing.then(
    () => 'nothing thrown',
    (e: unknown) => (isNavError(e) ? e.code : String(e)),
  );
}

describe('registerVolumes', () => {
  it('finds a CT-like and an MR-like head, on an oblique mirrored grid, from far starts and half-turns', async () => {
    const random = new Random(inject('seed'));
    const near = (most: number): number[] => [0, 1, 2].map(() => random.between(-most, most));
    const poses = [poseOf(near(0.5), near(30)), poseOf([Math.PI, 0, 0], near(10)), poseOf([0, 0, Math.PI], near(10))];
    for (const pose of poses) {
      const found = await registerVolumes(fixed.volume, mrHead(3, pose).volume);
      expect(found.outcome).toBe('ok');
      expect(found.confidence).toBeGreaterThan(0.9);
      expect(errorOf(found.movingFromFixed, pose).worst).toBeLessThan(0.8);
      const [there, back] = [found.movingFromFixed.matrix, found.fixedFromMoving.matrix];
      const round = multiply4(new Float64Array(16), there, back);
      expect(errorOf({ matrix: round }, poseOf([0, 0, 0], [0, 0, 0])).worst).toBeLessThan(1e-9);
    }
  });

  it('is the same with fixed and moving exchanged, and NMI agrees with MI', async () => {
    const pose = poseOf([0.1, 0.2, -0.1], [5, 10, -8]);
    const moving = mrHead(3, pose).volume;
    const back = await registerVolumes(moving, fixed.volume);
    expect(errorOf(back.fixedFromMoving, pose).worst).toBeLessThan(0.8);
    const normalised = await registerVolumes(fixed.volume, moving, { metric: 'nmi' });
    expect(normalised.metric).toBe('nmi');
    expect(errorOf(normalised.movingFromFixed, pose).worst).toBeLessThan(0.8);
  });

  it('recovers a growth and a stretch where it may', async () => {
    const pose = poseOf([0.05, -0.1, 0.08], [4, 3, -6]);
    const moving = mrHead(3, pose).volume;
    for (const [kind, stretch] of [
      ['similarity', [1.09, 1.09, 1.09]],
      ['similarity', [0.92, 0.92, 0.92]],
      ['affine', [1.06, 0.97, 1.02]],
    ] as const) {
      // The image stretched along its own axes about its first voxel: spacings that its file has wrong.
      const m = moving.frameFromIndex;
      const frameFromIndex = Float64Array.from(m, (x, n) =>
        n < 12 && n % 4 < 3 ? x * (stretch[Math.floor(n / 4)] as number) : x,
      );
      const home = new Float64Array(16);
      invert4(home, m);
      const truth = multiply4(new Float64Array(16), multiply4(new Float64Array(16), frameFromIndex, home), pose);
      const grown = volume({ frame: mr, voxels: moving.voxels, size: moving.size, frameFromIndex });
      const result = await registerVolumes(fixed.volume, grown, { transform: kind });
      expect(result.kind).toBe(kind);
      // Judged as what it is: its rigid part alone would not do.
      expect(result.outcome).toBe('ok');
      expect(result.evidence.affineGapMm).toBeLessThan(kind === 'similarity' ? 1 : 10);
      expect(errorOf(result.movingFromFixed, truth).worst).toBeLessThan(1);
      const found = result.movingFromFixed.matrix;
      const { s } = svd3([0, 1, 2].flatMap((r) => [0, 1, 2].map((c) => found[4 * c + r] as number)));
      if (kind === 'similarity') expect(Math.abs((s[0] as number) - (s[2] as number))).toBeLessThan(1e-9);
      else expect((s[0] as number) - (s[2] as number)).toBeGreaterThan(0.06);
    }
  });

  it('says where it expects an error, and keeps its word', async () => {
    const random = new Random(inject('seed') + 3);
    let inside = 0;
    const tries = 4;
    for (let n = 0; n < tries; n += 1) {
      const pose = poseOf([random.between(-0.3, 0.3), 0.1, 0], [10, random.between(-10, 10), 0]);
      const found = await registerVolumes(fixed.volume, mrHead(3, pose).volume, { seed: n + 1 });
      const p = [40, 38, 78];
      const target = point(mr, through({ matrix: pose }, p));
      const expected = expectedTreOf(found.movingFromFixed, target);
      expect(expected.p95Mm).toBeLessThan(1.5);
      const reached = through(found.movingFromFixed, p);
      if (Math.hypot(...reached.map((x, i) => x - (target.xyz[i] as number))) <= expected.p95Mm) inside += 1;
    }
    expect(inside).toBeGreaterThanOrEqual(tries - 1);
  });

  it('looks only within limits where it is told to, and says when the answer is outside', async () => {
    const pose = poseOf([0.1, 0, 0.1], [6, 0, -4]);
    const moving = mrHead(4, pose).volume;
    const near = transform(mr, ct, poseOf([0.15, 0.05, 0.05], [10, 4, -8]));
    const found = await registerVolumes(ctHead(4).volume, moving, { initial: near, searchMm: 15, searchDeg: 15 });
    expect(found.outcome).toBe('ok');
    expect(errorOf(found.movingFromFixed, pose).worst).toBeLessThan(1);
    const far = transform(mr, ct, poseOf([1.2, 0, 0], [60, 0, 60]));
    const misled = await registerVolumes(ctHead(4).volume, moving, { initial: far, searchMm: 10, searchDeg: 10 });
    expect(misled.outcome).toBe('failed');
    expect(misled.findings.map(({ code }) => code)).toContain('outside-search');
  });

  it('does not call an answer ok for two images that have nothing to do with each other', async () => {
    const other = abdomenPhantom({ frame: mr, spacingMm: 5, contrast: 'mr', seed: 3 }).volume;
    for (const transform of ['rigid', 'similarity', 'affine'] as const) {
      expect((await registerVolumes(ctHead(4).volume, other, { transform })).outcome).not.toBe('ok');
    }
    const random = new Random(inject('seed'));
    const noise = Int16Array.from(other.voxels, () => 100 + 30 * random.normal());
    expect((await registerVolumes(ctHead(4).volume, { ...other, voxels: noise })).outcome).not.toBe('ok');
  });

  it('does not call an answer ok where left and right of one image are exchanged, and says so', async () => {
    for (const [make, spacingMm] of [
      [headPhantom, 4],
      [abdomenPhantom, 5],
    ] as const) {
      const home = make({ frame: ct, spacingMm, contrast: 'ct', seed: 1 }).volume;
      const pose = poseOf([0.1, -0.15, 0.2], [8, -6, 4]);
      const moving = make({ frame: mr, spacingMm, contrast: 'mr', seed: 2, frameFromBody: pose }).volume;
      const right = await registerVolumes(home, moving);
      expect(right.outcome).toBe('ok');
      expect(right.evidence.mirrorSigmas).toBeGreaterThan(3);
      // A file whose columns were read from the wrong end: whatever the axis, one reflection is all of them but for a rotation.
      for (const axis of [0, 1, 2]) {
        const frameFromIndex = Float64Array.from(moving.frameFromIndex, (x, n) => (n % 4 === axis ? -x : x));
        for (const transform of ['rigid', 'affine'] as const) {
          const wrong = await registerVolumes(home, { ...moving, frameFromIndex }, { transform });
          expect(wrong.outcome).toBe('failed');
          expect(wrong.findings.map(({ code }) => code)).toContain('mirrored');
          expect(wrong.confidence).toBe(0);
        }
      }
    }
  });

  it('does not call an answer ok where noise hides whether left and right are exchanged', async () => {
    // Heads are symmetric: at 250 HU what differs between the halves is gone, and all else says that the pose is sure.
    for (const seed of [1, 2, 3, 4]) {
      const grid = { spacingMm: 3, noise: 250 };
      const home = headPhantom({ ...grid, frame: ct, contrast: 'ct', seed }).volume;
      const frameFromBody = poseOf([0.1, -0.15, 0.2], [8, -6, 4]);
      const moving = headPhantom({ ...grid, frame: mr, contrast: 'mr', seed: seed + 10, frameFromBody }).volume;
      const frameFromIndex = Float64Array.from(moving.frameFromIndex, (x, n) => (n % 4 === 0 ? -x : x));
      const wrong = await registerVolumes(home, { ...moving, frameFromIndex });
      expect(wrong.outcome).not.toBe('ok');
      expect(wrong.findings.map(({ message }) => message).join(' ')).toContain('left and right');
    }
  });

  it('leaves out what is masked or has no value', async () => {
    const pose = poseOf([0.1, -0.1, 0], [5, 5, 5]);
    const moving = mrHead(4, pose).volume;
    const head = ctHead(4).volume;
    // Something in the fixed image that is not in the moving one, under a mask.
    const [ni, nj] = head.size;
    const beside = (n: number): boolean => n % ni < ni / 3 && Math.floor(n / (ni * nj)) > 30;
    const spoilt = Float32Array.from(head.voxels, (v, n) => (beside(n) ? 3000 * ((n * 7919) % 2) : v));
    const mask = Uint8Array.from(spoilt, (_, n) => (beside(n) ? 0 : 1));
    const fixedMask: Volume<'ct'> = { ...head, voxels: mask };
    const masked = await registerVolumes({ ...head, voxels: spoilt }, moving, { fixedMask });
    expect(errorOf(masked.movingFromFixed, pose).worst).toBeLessThan(1);
    const holes = Float32Array.from(spoilt, (v, n) => (beside(n) ? Number.NaN : v));
    const holed = await registerVolumes({ ...head, voxels: holes }, moving);
    expect(errorOf(holed.movingFromFixed, pose).worst).toBeLessThan(1);
    const movingHoles = Float32Array.from(moving.voxels, (v, n) => (n % 97 === 0 ? Number.NaN : v));
    const both = await registerVolumes(head, { ...moving, voxels: movingHoles });
    expect(errorOf(both.movingFromFixed, pose).worst).toBeLessThan(1);
    expect(await codeOf(registerVolumes(head, moving, { fixedMask: { ...fixedMask, voxels: mask.map(() => 0) } }))).toBe(
      'registration/no-overlap',
    );
  });

  it('is bit for bit the same with 0, 1, 2 and 4 workers, and everywhere', { timeout: 120_000 }, async () => {
    const pair = pairForBits();
    for (const threads of [0, 1, 2, 4]) {
      const found = await registerVolumes(pair.fixed.volume, pair.moving, { seed: 7, threads });
      expect(bitsOf(found.movingFromFixed.matrix)).toBe(BITS);
    }
  });

  it('tells of its progress, and stops at once', async () => {
    const pair = pairForBits();
    const fractions: number[] = [];
    const previews: Float64Array[] = [];
    await registerVolumes(pair.fixed.volume, pair.moving, {
      progress: (f) => fractions.push(f),
      preview: (m) => previews.push(m),
    });
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    expect(errorOf({ matrix: previews.at(-1) as Float64Array }, pair.pose).worst).toBeLessThan(1.5);
    for (const threads of [0, 2]) {
      const controller = new AbortController();
      const work = registerVolumes(pair.fixed.volume, pair.moving, {
        threads,
        signal: controller.signal,
        progress: () => controller.abort(),
      });
      expect(await codeOf(work)).toBe('registration/aborted');
    }
    expect(await codeOf(registerVolumes(pair.fixed.volume, pair.moving, { signal: AbortSignal.abort() }))).toBe(
      'registration/aborted',
    );
  });

  it('refuses what it cannot register, and says why', async () => {
    const head = ctHead(6).volume;
    const moving = mrHead(6, poseOf([0, 0, 0], [0, 0, 0])).volume;
    const flat = { ...moving, voxels: moving.voxels.map(() => 5) };
    expect(await codeOf(registerVolumes(head, flat))).toBe('registration/failed');
    const thin = volume({
      frame: mr,
      voxels: new Int16Array(900).map((_, n) => n),
      size: [30, 30, 1],
      frameFromIndex: moving.frameFromIndex,
    });
    expect(await codeOf(registerVolumes(head, thin))).toBe('registration/failed');
    const scaled = Float64Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1);
    const inverse = new Float64Array(16);
    invert4(inverse, scaled);
    const bad = { to: mr, from: ct, matrix: scaled } as unknown as ReturnType<typeof transform<'mr', 'ct'>>;
    expect(await codeOf(registerVolumes(head, moving, { initial: bad }))).toBe('registration/bad-parameters');
    expect(await codeOf(registerVolumes(head, moving, { searchMm: -1 }))).toBe('registration/bad-option');
    expect(await codeOf(registerVolumes(head, moving, { threads: 1.5 }))).toBe('registration/bad-option');
    const wrongWay = transform(ct, mr, poseOf([0, 0, 0], [0, 0, 0])) as unknown as ReturnType<typeof transform<'mr', 'ct'>>;
    expect(await codeOf(registerVolumes(head, moving, { initial: wrongWay }))).toBe('frame/mismatch');
  });
});
