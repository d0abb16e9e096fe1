import { join } from 'node:path';
import { writeVolume } from '@trocar/core/io';
import { identity4, multiply4, Random, transformPoint } from '@trocar/core/math';
import { headPhantom } from '@trocar/core/testing';
import { Sampler, type Volume, volume } from '@trocar/core/volume';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { poseOf } from '../testing/intensity.js';
import { ct } from '../testing/phantoms.js';
import { UsageError } from './arguments.js';
import { chooseMetric, type ImageAbout } from './image-command-choice.js';
import { ProgressLine } from './image-command-watch.js';
import { ask, Folder, matrixOf } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());
const at = (name: string): string => join(folder.path, name);

const image = (path: string, modality = 'OT', saidUltrasound = false): ImageAbout => ({ path, modality, saidUltrasound });

describe('which metric', () => {
  it.each([
    [image('a.nii', 'CT'), [image('b.nii', 'MR')], 'mi', undefined],
    [image('a', 'US'), [image('b', 'MR')], 'lc2', 'fixed'],
    [image('a', 'CT'), [image('b', 'US')], 'lc2', 'moving'],
    [image('a.nii', 'OT', true), [image('us.nii')], 'lc2', 'fixed'],
    [image('a.nii'), [image('b.nii', 'OT', true)], 'lc2', 'moving'],
    [image('/us/case_3/t1.nii'), [image('/us/t2.nii')], 'mi', undefined],
    [image('Case3-US-before.nii.gz'), [image('Case3-T1.nii.gz')], 'lc2', 'fixed'],
    [image('case_us_0p5.nii'), [image('T1_on_US_grid.nii')], 'lc2', 'fixed'],
    [image('T1_on_US_grid.nii'), [image('case_us_0p5.nii')], 'lc2', 'moving'],
    [image('focus.nii'), [image('thus.nii')], 'mi', undefined],
    [image('us.nii', 'CT'), [image('b.nii')], 'mi', undefined],
    [image('a', 'US'), [image('b', 'US')], 'mi', undefined],
    [image('a.nii'), [image('t1.nii'), image('flair.nii')], 'lc2', 'fixed'],
  ] as const)('%o with %o: %s, ultrasound %s', (fixed, moving, metric, ultrasound) => {
    const choice = chooseMetric('auto', 'rigid', fixed, moving);
    expect([choice.metric, choice.ultrasound]).toEqual([metric, ultrasound]);
    expect(choice.reason.length).toBeGreaterThan(10);
  });

  it('what does not go together is wrong usage', () => {
    const [us, mrs] = [image('a', 'US'), [image('b', 'MR'), image('c', 'MR')] as const];
    expect(chooseMetric('auto', 'rigid', us, mrs).metric).toBe('lc2');
    expect(chooseMetric('auto', 'bspline', us, mrs).metric).toBe('lc2');
    expect(chooseMetric('mind', 'bspline', us, mrs)).toMatchObject({ metric: 'mind', ultrasound: 'fixed' });
    expect(chooseMetric('mind', 'bspline', image('a', 'MR'), [image('b', 'CT')]).ultrasound).toBeUndefined();
    for (const metric of ['lc2', 'mind'] as const)
      expect(chooseMetric(metric, 'rigid', image('a'), [us]).ultrasound).toBe('moving');
    expect(chooseMetric('mind', 'rigid', us, mrs)).toMatchObject({ metric: 'mind', ultrasound: 'fixed' });
    for (const wrong of [
      () => chooseMetric('auto', 'affine', us, mrs),
      () => chooseMetric('mind', 'affine', us, mrs),
      () => chooseMetric('auto', 'bspline', image('a', 'MR'), [us]),
      () => chooseMetric('mind', 'bspline', image('a', 'MR'), [us]),
      () => chooseMetric('mi', 'bspline', us, mrs),
      () => chooseMetric('mi', 'rigid', us, mrs),
      () => chooseMetric('auto', 'rigid', image('a', 'CT'), mrs),
      () => chooseMetric('auto', 'rigid', image('a', 'MR'), [image('b', 'MR'), us]),
      () => chooseMetric('elastix', 'similarity', us, [us]),
    ])
      expect(wrong).toThrow(UsageError);
  });
});

describe('the line of progress', () => {
  it('is drawn on terminals only, and wiped', () => {
    for (const [isTTY, lines] of [
      [true, ['\r\x1b[Ksearching 50 %', '\r\x1b[K']],
      [false, []],
    ] as const) {
      const written: string[] = [];
      const line = new ProgressLine({ isTTY, write: (s) => written.push(s) });
      line.draw(0.5, 'searching');
      line.draw(0.51, 'searching');
      line.clear();
      expect(written).toEqual(lines);
    }
  });
});

/**
 * What an ultrasound might show of an MR that lies at `pose`: borders and, less so, tissue, with speckle, in a cone.
 * @param pose moving from fixed
 */
function echoes(mri: Volume<'mr'>, middle: ArrayLike<number>, pose: ArrayLike<number>, random: Random): Volume<'ct'> {
  const [size, step] = [28, 2.5];
  const sampler = new Sampler(mri);
  const m = identity4();
  for (let r = 0; r < 3; r += 1) {
    m[5 * r] = step;
    m[12 + r] = (middle[r] as number) - (step * (size - 1)) / 2;
  }
  const value = (x: number, y: number, z: number): number => {
    const p = transformPoint(new Float64Array(3), pose, [x, y, z]);
    const v = sampler.at(p[0] as number, p[1] as number, p[2] as number);
    return Number.isNaN(v) ? 0 : v;
  };
  const voxels = new Float32Array(size ** 3);
  for (let k = 0, n = 0; k < size; k += 1) {
    for (let j = 0; j < size; j += 1) {
      for (let i = 0; i < size; i += 1, n += 1) {
        if (Math.hypot(i - size / 2, j - size / 2) > 6 + 0.5 * k) continue;
        const [x, y, z] = transformPoint(new Float64Array(3), m, [i, j, k]) as unknown as [number, number, number];
        const slope = Math.hypot(
          value(x + 1, y, z) - value(x - 1, y, z),
          value(x, y + 1, z) - value(x, y - 1, z),
          value(x, y, z + 1) - value(x, y, z - 1),
        );
        voxels[n] = Math.max(1, 40 + 0.25 * slope + 0.03 * value(x, y, z) + 6 * random.normal());
      }
    }
  }
  return volume({ frame: ct, voxels, size: [size, size, size], frameFromIndex: m, modality: 'US' });
}

describe('to ultrasound', () => {
  const pose = poseOf([0.25, -0.2, 0.3], [12, -16, 9]);
  const middle = [10, 0, 60];
  /** Fixed from moving, a little off at the middle of the ultrasound. */
  let start = '';
  beforeAll(async () => {
    const random = new Random(inject('seed'));
    const mri = headPhantom({ spacingMm: 2, contrast: 'mr', seed: 2, frameFromBody: pose, noise: 5 })
      .volume as unknown as Volume<'mr'>;
    await writeVolume(mri, at('mr.nii.gz'));
    await writeVolume(echoes(mri, middle, pose, random), at('us.mha'));
    const off = poseOf([0.02, 0.01, -0.02], [2, -2, 1]);
    const m = multiply4(identity4(), pose, off);
    const rows = [0, 1, 2].flatMap((r) => [0, 4, 8].map((c) => m[c + r])).join(' ');
    start = folder.write(
      'start.tfm',
      `#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\nParameters: ${rows} ${m[12]} ${m[13]} ${m[14]}\nFixedParameters: 0 0 0\n`,
    );
  });

  it('takes LC2 by itself, because the file says ultrasound, and tells why', async () => {
    const targets = folder.points('t.csv', [middle]);
    const args = ['--initial', start, '--search-mm', '6', '--search-deg', '6', '--targets', targets];
    const { json } = await ask('image', '--fixed', at('us.mha'), '--moving', at('mr.nii.gz'), ...args);
    expect([json['metric'], json['ultrasound']]).toEqual(['lc2', 'fixed']);
    expect(json['metricReason']).toContain('us.mha');
    const back = transformPoint(
      new Float64Array(3),
      matrixOf(json.fixedFromMoving),
      transformPoint(new Float64Array(3), pose, middle),
    );
    expect(Math.hypot(...middle.map((x, r) => x - (back[r] as number)))).toBeLessThan(1.5);
    expect(['ok', 'failed']).toContain(json.outcome);
    expect(json.tre95Mm[0]).toBeGreaterThan(0.1);
    expect(json['starts']).toBeGreaterThan(10);
    const alone = await ask('image', '--fixed', at('us.mha'), '--moving', at('mr.nii.gz'), ...args, '--threads', '0');
    expect([json['threads'], alone.json['threads']]).toEqual([expect.toSatisfy((n: number) => n > 0), 0]);
    expect(alone.json.fixedFromMoving).toEqual(json.fixedFromMoving);
  });
});
