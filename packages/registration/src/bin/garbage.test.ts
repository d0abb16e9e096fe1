import { Random } from '@trocar/core/math';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { headLayout } from '../testing/layouts.js';
import { Folder, run } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());

const random = new Random(inject('seed'));
const good = folder.points('good.csv', headLayout(random, 6));

/** Files that are damaged in many ways: noise, and beginnings of every format followed by noise. */
const STARTS = [
  '',
  'label,x,y,z\n',
  '{"points":[',
  '{"markups":[{"controlPoints":[{}]}]}',
  '{"fixedFromMoving":[[1]]}',
  'MNI Tag Point File\nVolumes = 2;\nPoints =\n',
  '# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n',
  'ply\nformat binary_little_endian 1.0\nelement vertex 9\nproperty float x\nproperty float y\nproperty float z\nend_header\n',
  'solid x\nfacet normal 0 0 1\n',
  '# vtk DataFile Version 5.1\nx\nBINARY\nDATASET POLYDATA\nPOINTS 9 double\n',
  'OFF\n3 1 0\n',
  'ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\n',
  '\x89MCAP0\r\n',
  't_ms,x,y,z,qx,qy,qz,qw\n',
  '#Insight Transform File V1.0\n',
  'NRRD0004\n',
  '\x89HDF\r\n\x1a\n',
];

function damaged(start: string): Uint8Array {
  const noise = Uint8Array.from({ length: random.below(600) }, () =>
    random.uniform() < 0.5 ? random.below(256) : 32 + random.below(90),
  );
  return Uint8Array.from([...Uint8Array.from(start, (c) => c.charCodeAt(0)), ...noise]);
}

describe('whatever the files hold', () => {
  it('every command answers with an object and an exit code, in bounded time', async () => {
    const started = performance.now();
    const names = ['a.csv', 'a.json', 'a.tfm', 'a.h5', 'a.stl', 'a.nii', 'a.igs.mha', 'a.bin'];
    for (const start of STARTS) {
      for (let round = 0; round < 2 * inject('effort'); round += 1) {
        const bad = folder.write(names[random.below(names.length)] as string, damaged(start));
        for (const args of [
          ['points', '--fixed', bad, '--moving', good],
          ['points', '--fixed', good, '--moving', good, '--targets', bad],
          ['surface', '--fixed', bad, '--moving', good],
          ['surface', '--fixed', bad, '--level', '1', '--moving', good],
          ['pivot', '--poses', bad],
          ['spin', '--poses', bad, '--pivot', bad],
          ['hand-eye', '--hand', bad, '--eye', bad],
        ]) {
          const { code, out, error } = await run(...args, '--json');
          const { outcome, code: named } = JSON.parse(out) as { outcome: string; code: string | null };
          // Noise behind the header of a binary cloud is nine points like any others.
          if (code === 0) expect([args, outcome, start.startsWith('ply')]).toEqual([args, 'ok', true]);
          else
            expect([args, code, outcome === 'refused' ? error.includes(named as string) : start.startsWith('ply')]).toEqual([
              args,
              1,
              true,
            ]);
        }
      }
    }
    expect((performance.now() - started) / inject('effort')).toBeLessThan(60_000);
  });
});
