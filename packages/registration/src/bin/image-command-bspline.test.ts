import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { point } from '@trocar/core';
import { readVolume, writeVolume } from '@trocar/core/io';
import { identity4, invertRigid, transformPoint } from '@trocar/core/math';
import { Sampler } from '@trocar/core/volume';
import { afterAll, describe, expect, it } from 'vitest';
import { readTransformFile } from '../itk/index.js';
import { deformedPair } from '../testing/deformations.js';
import { deformedBrain } from '../testing/deformed-brain.js';
import { through } from '../testing/phantoms.js';
import { FIXED, MOVING } from './files.js';
import { ask, Folder, matrixOf } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());
const at = (name: string): string => join(folder.path, name);
const mean = (x: Float64Array): number => x.reduce((a, b) => a + b, 0) / x.length;

describe('trocar-register image --transform bspline', { timeout: 240_000 }, () => {
  it('finds how a brain was deformed, from nowhere, writes it as text, and draws it on the fixed grid', async () => {
    const brain = deformedBrain({ kind: 'remap', seed: 4, shiftMm: 8, spacingMm: 1.5 });
    const [source] = brain.moving as readonly [(typeof brain.moving)[number]];
    await writeVolume(brain.fixed, at('fixed.nrrd'));
    await writeVolume(source, at('moving.nrrd'));
    const target = folder.points('t.csv', [Array.from(brain.fixedPlaces.subarray(0, 3))]);
    const files = ['--out', at('bend.tfm'), '--resampled', at('bend.nii.gz'), '--targets', target];
    const images = ['--fixed', at('fixed.nrrd'), '--moving', at('moving.nrrd')];
    const { json } = await ask('image', ...images, '--transform', 'bspline', ...files);
    expect([json.outcome, json['metric'], json['deformed']]).toEqual(['ok', 'lc2', true]);
    const start = json['start'] as { metric: string; confidence: number };
    expect([start.metric, start.confidence > 0.5, json.tre95Mm]).toEqual(['mi', true, [null]]);
    expect((json['shape'] as { leastVolumeRatio: number }).leastVolumeRatio).toBeGreaterThan(0.1);

    const file = { name: 'bend.tfm', bytes: readFileSync(at('bend.tfm')) };
    const stored = await readTransformFile(file, { to: MOVING, from: FIXED });
    if (stored.kind !== 'deformable') throw new Error('The file holds no deformation.');
    const { deformation } = stored;
    const linear = invertRigid(identity4(), matrixOf(json.fixedFromMoving));
    const before = mean(brain.errorsOf((out, p) => transformPoint(out, linear, p)));
    const after = mean(brain.errorsOf((out, p) => deformation.map(out, p)));
    expect(after).toBeLessThan(0.5 * before);

    const [drawn, seen] = [new Sampler(await readVolume(at('bend.nii.gz'), { frame: FIXED })), new Sampler(source)];
    const m = brain.fixed.frameFromIndex;
    for (const index of [
      [20, 20, 20],
      [30, 25, 15],
      [18, 33, 23],
    ] as Array<[number, number, number]>) {
      const q = deformation.apply(point(FIXED, transformPoint(new Float64Array(3), m, index))).xyz;
      const want = seen.at(q[0] as number, q[1] as number, q[2] as number);
      // The files' single precision moves the grid by micrometres.
      expect(Math.abs(drawn.atIndex(...index) - want)).toBeLessThan(2);
    }
  });

  it('finds a bend with elastix, where that is asked for', async () => {
    const pair = deformedPair('head', 'bend', 3);
    await writeVolume(pair.fixed, at('head.nrrd'));
    await writeVolume(pair.moving, at('bent.nrrd'));
    const images = ['--fixed', at('head.nrrd'), '--moving', at('bent.nrrd'), '--metric', 'elastix'];
    const { json } = await ask('image', ...images, '--transform', 'bspline', '--out', at('elastix.tfm'));
    expect([json.outcome, json['metric'], json['deformed'], json['confidence']]).toEqual(['ok', 'elastix', true, null]);
    const file = { name: 'elastix.tfm', bytes: readFileSync(at('elastix.tfm')) };
    const stored = await readTransformFile(file, { to: MOVING, from: FIXED });
    if (stored.kind !== 'deformable') throw new Error('The file holds no deformation.');
    const linear = invertRigid(identity4(), matrixOf(json.fixedFromMoving));
    const before = pair.errorsOf((p) => through({ matrix: linear }, p)).mean;
    expect(pair.errorsOf((p) => stored.deformation.apply(point(FIXED, p)).xyz).mean).toBeLessThan(0.8 * before);
  });
});
