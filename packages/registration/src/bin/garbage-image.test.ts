import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { frame } from '@trocar/core';
import { writeVolume } from '@trocar/core/io';
import { Random } from '@trocar/core/math';
import { type Volume, volume } from '@trocar/core/volume';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Folder, run } from './test-support/run-command.js';

const folder = new Folder();
afterAll(() => folder.remove());

const random = new Random(inject('seed') + 5);
const good = join(folder.path, 'good.nrrd');
const FORMATS = ['nii', 'nii.gz', 'nrrd', 'mha'] as const;

/** A small image with something to register by. */
function lumps(): Volume<'ct'> {
  const size = [24, 26, 28] as const;
  const voxels = new Int16Array(size[0] * size[1] * size[2]);
  for (let n = 0; n < voxels.length; n += 1) {
    const [i, j, k] = [n % 24, Math.floor(n / 24) % 26, Math.floor(n / 624)] as const;
    voxels[n] = 300 * Math.sin(0.5 * i + 0.02 * j * k) + 200 * Math.cos(0.4 * j - 0.01 * i * i) + 150 * Math.sin(0.6 * k);
  }
  return volume({ frame: frame('ct'), voxels, size, frameFromIndex: [3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, -30, -35, -40, 1] });
}

beforeAll(async () => {
  for (const format of FORMATS) await writeVolume(lumps(), join(folder.path, `good.${format}`));
});

const HEADERS = [
  '',
  '\x1f\x8b\x08',
  'NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 9 9 9\nencoding: raw\n\n',
  'NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 99999 99999 99999\n' +
    'space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\nencoding: raw\nendian: little\n\n',
  'ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_SHORT\nElementDataFile = LOCAL\n',
  '#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\nParameters: 1 0 0 0 1',
  '\x89HDF\r\n\x1a\n',
];

const noise = (most: number): number[] => Array.from({ length: random.below(most) }, () => random.below(256));

/** A file that a header begins and noise ends. */
const strange = (): Uint8Array =>
  Uint8Array.from([...Array.from(HEADERS[random.below(HEADERS.length)] as string, (c) => c.charCodeAt(0)), ...noise(2000)]);

/** A good file that breaks off, or in whose first part some bytes are others. */
function broken(format: string): Uint8Array {
  const bytes = Uint8Array.from(readFileSync(join(folder.path, `good.${format}`)));
  if (random.uniform() < 0.4) return bytes.slice(0, random.below(bytes.length));
  for (let n = 0; n < 8; n += 1) bytes[random.below(Math.min(400, bytes.length))] = random.below(256);
  return bytes;
}

describe('trocar-register image, whatever the files hold', () => {
  it('answers with one object, an exit code and a name, in bounded time', async () => {
    const started = performance.now();
    for (let round = 0; round < 12 * inject('effort'); round += 1) {
      const format = FORMATS[round % FORMATS.length] as string;
      const bad = folder.write(`bad.${format}`, round % 3 === 0 ? strange() : broken(format));
      const initial = folder.write(round % 2 === 0 ? 'bad.tfm' : 'bad.h5', strange());
      for (const args of [
        ['--fixed', bad, '--moving', good],
        ['--fixed', good, '--moving', `${good},${bad}`],
        ['--fixed', good, '--moving', good, '--fixed-mask', bad],
        ['--fixed', good, '--moving', good, '--initial', initial],
      ]) {
        const { code, out, error } = await run(
          'image',
          ...args,
          '--threads',
          '0',
          '--search-mm',
          '5',
          '--search-deg',
          '5',
          '--json',
        );
        const { outcome, code: named } = JSON.parse(out) as { outcome: string; code: string | null };
        // A changed byte may leave an image that is one; what is refused is refused by name.
        expect([args, ['ok', 'ambiguous', 'failed', 'refused'].includes(outcome), code === 0]).toEqual([
          args,
          true,
          outcome === 'ok',
        ]);
        if (outcome !== 'refused') continue;
        expect([args, named ?? '', error.includes(named ?? '?')]).toEqual([
          args,
          expect.stringMatching(/^[a-z]+\/[a-z0-9-]+$/),
          true,
        ]);
      }
      // Nothing of this kind is a transform.
      const { code } = await run('image', '--fixed', good, '--moving', good, '--initial', initial, '--json');
      expect(code).toBe(1);
    }
    expect((performance.now() - started) / inject('effort')).toBeLessThan(120_000);
  }, 240_000);
});
