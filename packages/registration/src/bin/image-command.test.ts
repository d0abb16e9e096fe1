import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { readVolume, writeVolume } from '@trocar/core/io';
import { identity4, invertRigid, multiply4, Random } from '@trocar/core/math';
import { abdomenPhantom, headPhantom } from '@trocar/core/testing';
import type { AnyVolume } from '@trocar/core/volume';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { readTransformFile } from '../itk/index.js';
import { poseOf } from '../testing/intensity.js';
import { ct, ctHead, errorsOf, headPlaces, mr, mrHead, through } from '../testing/phantoms.js';
import { FIXED, MOVING } from './files.js';
import { ask, Folder, matrixOf, run } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());

const random = new Random(inject('seed'));
const near = (most: number): number[] => [0, 1, 2].map(() => random.between(-most, most));
/** Moving from fixed: far from its own inverse, so that a direction that is taken for the other shows. */
const pose = poseOf(
  [0.25, -0.2, 0.3].map((x, i) => x + (near(0.05)[i] as number)),
  [12, -16, 9],
);
const head = ctHead(4);
const places = headPlaces(head);
const moving = mrHead(4, pose).volume;
const at = (name: string): string => join(folder.path, name);
const F = at('fixed.nii.gz');
const M = at('moving.mha');
beforeAll(async () => {
  await writeVolume(head.volume, F);
  await writeVolume(moving, M);
});

/** Largest error over the head of four rows, which are fixed from moving, mm in the fixed space. */
function worst(rows: readonly (readonly number[])[] | undefined, truth: ArrayLike<number> = pose): number {
  const back = matrixOf(rows ?? []);
  return errorsOf(
    places,
    (p) => through({ matrix: back }, through({ matrix: truth }, p)),
    (p) => p,
  ).worst;
}

const tfm = (m: ArrayLike<number>): string =>
  `#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\nParameters: ${[0, 1, 2].flatMap((r) => [0, 4, 8].map((c) => m[c + r])).join(' ')} ${m[12]} ${m[13]} ${m[14]}\nFixedParameters: 0 0 0\n`;

async function refused(code: string, ...args: readonly string[]): Promise<string> {
  const { code: exit, json } = await ask('image', ...args);
  expect([exit, json.outcome, json.code]).toEqual([1, 'refused', code]);
  return json['message'] as string;
}

function correlation(a: AnyVolume, b: AnyVolume): number {
  const [x, y] = [a.voxels, b.voxels].map((v) => {
    const mean = Array.from(v).reduce((s, q) => s + q, 0) / v.length;
    return Array.from(v, (q) => q - mean);
  }) as [number[], number[]];
  const dot = (p: number[], q: number[]): number => p.reduce((s, u, n) => s + u * (q[n] as number), 0);
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
}

describe('trocar-register image', () => {
  it('finds two heads from nowhere, says how sure it is, and writes both files', async () => {
    const targets = folder.points('t.csv', [[40, 38, 78]], ['deep']);
    const [out, resampled] = [at('out.tfm'), at('resampled.nii.gz')];
    const files = ['--out', out, '--resampled', resampled, '--targets', targets];
    const { code, json } = await ask('image', '--fixed', F, '--moving', M, '--threads', '2', ...files);
    expect([code, json.outcome, json.code, json['metric'], json['threads']]).toEqual([0, 'ok', null, 'mi', 2]);
    expect(worst(json.fixedFromMoving)).toBeLessThan(1);
    expect(json['confidence']).toBeGreaterThan(0.9);
    expect(json['starts']).toBeGreaterThan(100);
    expect(json['seconds']).toBeGreaterThan(0);
    expect(json.tre95Mm[0]).toBeGreaterThan(0.05);
    expect(json.tre95Mm[0]).toBeLessThan(2);
    expect(json['metricReason']).toContain('ultrasound');

    const name = 'out.tfm';
    const stored = await readTransformFile({ name, bytes: readFileSync(out) }, { to: MOVING, from: FIXED });
    const round = multiply4(identity4(), matrixOf(json.fixedFromMoving), 'edge' in stored ? stored.edge.matrix : []);
    for (const [n, x] of identity4().entries()) expect(Math.abs((round[n] as number) - x)).toBeLessThan(1e-9);

    // What an MR of the body on the fixed grid, with nothing moved, shows.
    const there = headPhantom({ frame: mr, spacingMm: 4, contrast: 'mr', seed: 5 }).volume;
    expect(there.size).toEqual(head.volume.size);
    const drawn = await readVolume(resampled, { frame: ct });
    expect(drawn.size).toEqual(head.volume.size);
    for (let n = 0; n < 16; n += 1) expect(drawn.frameFromIndex[n]).toBeCloseTo(head.volume.frameFromIndex[n] as number, 3);
    expect(correlation(drawn, there)).toBeGreaterThan(0.95);
  });

  it('gives the same bits whatever the number of threads, and people the same facts', async () => {
    const args = ['--fixed', F, '--moving', M, '--seed', '4'];
    const one = await ask('image', ...args, '--threads', '0');
    const two = await ask('image', ...args, '--threads', '2');
    expect(two.json.fixedFromMoving).toEqual(one.json.fixedFromMoving);
    const { out } = await run('image', ...args, '--threads', '0');
    for (const words of ['image: ok', 'By mi', 'fixed from moving (LPS, mm; rigid)', 'starts']) expect(out).toContain(words);
  });

  it('starts from an ITK file, which maps fixed to moving; the other direction fails', async () => {
    const start = multiply4(identity4(), pose, poseOf([0.03, -0.04, 0.02], [3, -2, 2]));
    const inverse = invertRigid(identity4(), start);
    const limits = ['--search-mm', '8', '--search-deg', '8', '--threads', '2'];
    const initial = folder.write('start.tfm', tfm(start));
    const found = await ask('image', '--fixed', F, '--moving', M, '--initial', initial, ...limits);
    expect(found.json.outcome).toBe('ok');
    expect(worst(found.json.fixedFromMoving)).toBeLessThan(1);
    const flipped = folder.write('flipped.tfm', tfm(inverse));
    const out = at('never.tfm');
    const { code, json } = await ask('image', '--fixed', F, '--moving', M, '--initial', flipped, '--out', out, ...limits);
    expect([code, json.outcome, json.code, json['out']]).toEqual([1, 'failed', 'outside-search', null]);
    expect(existsSync(out)).toBe(false);
    expect(json.warnings.map((w) => w.code)).toContain('not-written');
  });

  it('reads RAS files as LPS, and targets too', async () => {
    const nifti = at('moving.nii.gz');
    await writeVolume(moving, nifti);
    const ras = folder.write('ras.csv', 'label,r,a,s\ndeep,-40,-38,78\n');
    const { json } = await ask('image', '--fixed', F, '--moving', nifti, '--targets', ras, '--threads', '0');
    expect(worst(json.fixedFromMoving)).toBeLessThan(1);
    const [target] = json['targets'] as { atMm: number[] }[];
    expect(target?.atMm).toEqual([40, 38, 78]);
    expect(json.warnings.map((w) => w.code)).toContain('ras-converted');
  });

  it('is not ok with an image that was mirrored, and does not write it', async () => {
    const m = Float64Array.from(moving.frameFromIndex, (x, n) => (n % 4 === 0 ? -x : x));
    const path = at('mirrored.mha');
    await writeVolume({ ...moving, frameFromIndex: m }, path);
    const [out, resampled] = [at('mirror.tfm'), at('mirror.nii.gz')];
    const files = ['--out', out, '--resampled', resampled];
    const { code, json } = await ask('image', '--fixed', F, '--moving', path, '--threads', '0', ...files);
    expect([code, json.outcome, json.code, json['confidence']]).toEqual([1, 'failed', 'mirrored', 0]);
    expect(existsSync(out) || existsSync(resampled)).toBe(false);
  });

  it('is not ok with another body; --force writes all the same', async () => {
    const path = at('abdomen.nrrd');
    await writeVolume(abdomenPhantom({ frame: mr, spacingMm: 5, contrast: 'mr', seed: 3 }).volume, path);
    const [out, resampled] = [at('forced.txt'), at('forced.nrrd')];
    const files = ['--transform', 'bspline', '--out', out, '--resampled', resampled, '--force'];
    const { code, json } = await ask('image', '--fixed', F, '--moving', path, '--threads', '0', ...files);
    expect(code).toBe(1);
    expect(json.outcome).not.toBe('ok');
    expect(json.code).not.toBeNull();
    expect(existsSync(out) && existsSync(resampled)).toBe(true);
    const warned = json.warnings.map((w) => w.code);
    expect([warned.includes('modality-unknown'), warned.includes('not-deformed')]).toEqual([true, true]);
  });

  it('finds a growth, has no expected error for it, and straightens a tilted image', async () => {
    const grown = at('grown.mha');
    const scaled = Float64Array.from(moving.frameFromIndex, (x, n) => (n % 4 < 3 ? 1.05 * x : x));
    await writeVolume({ ...moving, frameFromIndex: scaled }, grown);
    const truth = pose.map((x, n) => (n % 4 < 3 ? 1.05 * x : x));
    const tilted = at('tilted.nrrd');
    await writeVolume(headPhantom({ spacingMm: 4, contrast: 'ct', seed: 1, tiltDegrees: 15 }).volume, tilted);
    const targets = folder.points('t2.csv', [[40, 38, 78]]);
    const args = ['--transform', 'similarity', '--targets', targets, '--threads', '0'];
    const { json } = await ask('image', '--fixed', tilted, '--moving', grown, ...args);
    expect(worst(json.fixedFromMoving, truth)).toBeLessThan(1.5);
    expect(json.tre95Mm).toEqual([null]);
    expect(json.warnings.map((w) => w.code)).toContain('resampled');
  });

  it('minds masks', async () => {
    const [ni, nj] = head.volume.size;
    const [spoilt, mask] = [at('spoilt.nii.gz'), at('mask.nii.gz')];
    const beside = (n: number): boolean => n % ni < ni / 3 && Math.floor(n / (ni * nj)) > 30;
    const voxels = Int16Array.from(head.volume.voxels, (v, n) => (beside(n) ? 3000 * ((n * 7919) % 2) : v));
    await writeVolume({ ...head.volume, voxels }, spoilt);
    await writeVolume({ ...head.volume, voxels: Uint8Array.from(voxels, (_, n) => (beside(n) ? 0 : 1)) }, mask);
    const found = await ask('image', '--fixed', spoilt, '--moving', M, '--fixed-mask', mask, '--threads', '0');
    expect(worst(found.json.fixedFromMoving)).toBeLessThan(1);
    await writeVolume({ ...head.volume, voxels: new Uint8Array(voxels.length) }, mask);
    await refused('registration/no-overlap', '--fixed', F, '--moving', M, '--fixed-mask', mask, '--threads', '0');
  });

  it('stops when it is interrupted, and leaves no listener behind', async () => {
    const before = process.listeners('SIGINT');
    const work = ask('image', '--fixed', F, '--moving', M, '--threads', '1');
    // The command is loaded first, which takes as long as it takes.
    const added = await vi.waitFor(
      () => {
        const listeners = process.listeners('SIGINT').filter((l) => !before.includes(l));
        expect(listeners).toHaveLength(1);
        return listeners;
      },
      { timeout: 60_000, interval: 5 },
    );
    setTimeout(() => added[0]?.('SIGINT'), 10);
    const { code, json } = await work;
    expect([code, json.outcome]).toEqual([1, 'refused']);
    expect(['registration/aborted', 'io/aborted']).toContain(json.code);
    expect(process.listeners('SIGINT')).toEqual(before);
  });
});

describe('what cannot be registered', () => {
  it('is refused by name', async () => {
    expect(await refused('io/not-found', '--fixed', at('no.nii'), '--moving', M)).toContain('no.nii');
    const noise = folder.write(
      'noise.nii.gz',
      Uint8Array.from({ length: 500 }, () => random.below(256)),
    );
    const { code, json } = await ask('image', '--fixed', F, '--moving', noise);
    expect([code, json.outcome]).toEqual([1, 'refused']);
    const cut = folder.write('cut.mha', readFileSync(M).subarray(0, 5000));
    const short = await ask('image', '--fixed', F, '--moving', cut);
    expect([short.code, short.json.outcome]).toEqual([1, 'refused']);
    await refused('transform/unsupported', '--fixed', F, '--moving', M, '--out', 'x.nii');
    await refused('transform/unsupported', '--fixed', F, '--moving', M, '--transform', 'bspline', '--out', 'x.h5');
    await refused('io/unsupported-format', '--fixed', F, '--moving', M, '--resampled', 'x.png');
    await refused('io/not-found', '--fixed', F, '--moving', M, '--initial', at('no.tfm'));
    const flat = at('flat.nrrd');
    await writeVolume({ ...head.volume, voxels: new Int16Array(head.volume.voxels.length) }, flat);
    await refused('registration/failed', '--fixed', flat, '--moving', M, '--threads', '0');
    const far = folder.write('far.tfm', tfm(poseOf([0, 0, 0], [900, 0, 0])));
    await refused('registration/no-overlap', '--fixed', F, '--moving', M, '--metric', 'elastix', '--initial', far);
    const centres = ['--initial', 'centres', '--search-mm', '30', '--search-deg', '30', '--threads', '2'];
    const away = at('away.mha');
    const frameFromIndex = Float64Array.from(moving.frameFromIndex, (x, n) => (n === 12 ? x + 900 : x));
    await writeVolume({ ...moving, frameFromIndex }, away);
    const found = await ask('image', '--fixed', F, '--moving', away, ...centres);
    expect(worst(found.json.fixedFromMoving, multiply4(identity4(), poseOf([0, 0, 0], [900, 0, 0]), pose))).toBeLessThan(1);
  });

  it.each([
    [['--metric', 'ncc'], 'one of auto, mi, nmi, lc2, mind, elastix'],
    [['--metric', 'lc2', '--transform', 'affine'], 'rigid and bspline'],
    [['--metric', 'elastix', '--transform', 'similarity'], 'elastix'],
    [['--metric', 'elastix', '--search-mm', '5'], '--search-mm'],
    [['--transform', 'tps'], '--transform'],
    [['--search-mm', '0'], 'above 0'],
    [['--threads', '65'], 'at most 64'],
    [['--threads', '-1'], 'above'],
    [['--seed', '0.5'], 'whole'],
    [['--resampled', 'a.nii,b.nii', '--metric', 'mi', '--moving', `${M},${M}`], 'lc2'],
  ])('%j is wrong usage', async (args, words) => {
    const { code, error } = await run('image', '--fixed', F, '--moving', M, ...args);
    expect([code, error.includes(words), error]).toEqual([2, true, error]);
  });
});
