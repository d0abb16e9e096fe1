import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { point } from '@trocar/core';
import { readVolume, writeVolume } from '@trocar/core/io';
import { identity4, invertRigid } from '@trocar/core/math';
import { Sampler } from '@trocar/core/volume';
import { afterAll, describe, expect, it } from 'vitest';
import { readTransformFile } from '../itk/index.js';
import { deformedPair } from '../testing/deformations.js';
import { through } from '../testing/phantoms.js';
import { FIXED, MOVING } from './files.js';
import { ask, Folder, matrixOf } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());
const at = (name: string): string => join(folder.path, name);

describe('trocar-register image --transform bspline', { timeout: 240_000 }, () => {
  it('finds a bend with elastix from a rigid start, writes it as text, and draws it on the fixed grid', async () => {
    const pair = deformedPair('head', 'bend', 3);
    await writeVolume(pair.fixed, at('fixed.nrrd'));
    await writeVolume(pair.moving, at('moving.nrrd'));
    const files = [
      '--out',
      at('bend.tfm'),
      '--resampled',
      at('bend.nii.gz'),
      '--targets',
      folder.points('t.csv', [[40, 38, 78]]),
    ];
    const images = ['--fixed', at('fixed.nrrd'), '--moving', at('moving.nrrd')];
    const { json } = await ask('image', ...images, '--transform', 'bspline', ...files);
    expect([json.outcome, json['metric'], json['deformed']]).toEqual(['ok', 'elastix', true]);
    const start = json['start'] as { metric: string; confidence: number };
    expect([start.metric, start.confidence > 0.5, json['confidence'], json.tre95Mm]).toEqual(['mi', true, null, [null]]);
    expect(json['resampled']).toEqual([at('bend.nii.gz')]);

    const file = { name: 'bend.tfm', bytes: readFileSync(at('bend.tfm')) };
    const stored = await readTransformFile(file, { to: MOVING, from: FIXED });
    if (stored.kind !== 'deformable') throw new Error('The file holds no deformation.');
    const { deformation } = stored;
    const linear = invertRigid(identity4(), matrixOf(json.fixedFromMoving));
    const before = pair.errorsOf((p) => through({ matrix: linear }, p)).mean;
    const after = pair.errorsOf((p) => deformation.apply(point(FIXED, p)).xyz).mean;
    expect(after).toBeLessThan(0.8 * before);

    const [drawn, source] = [new Sampler(await readVolume(at('bend.nii.gz'), { frame: FIXED })), new Sampler(pair.moving)];
    const m = pair.fixed.frameFromIndex;
    for (const [i, j, k] of [
      [30, 30, 30],
      [20, 35, 25],
      [28, 20, 33],
    ] as const) {
      const p = [0, 1, 2].map(
        (r) => (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number),
      );
      const q = deformation.apply(point(FIXED, p)).xyz;
      const want = source.at(q[0] as number, q[1] as number, q[2] as number);
      // The files' single precision moves the grid by micrometres.
      expect(Math.abs(drawn.atIndex(i, j, k) - want)).toBeLessThan(2);
    }
  });
});
