import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { frame } from '../frames/index.js';
import { readVolume } from './index.js';

const DATA = resolve(process.env['TROCAR_DATA'] ?? '../shared/data');

describe('readVolume on files on disk', () => {
  it.skipIf(!existsSync(`${DATA}/rire`))('reads a MetaImage by its path', async () => {
    const v = await readVolume(`${DATA}/rire/training_001_mr_T1.mha`, { frame: frame('mr') });
    expect(v.size).toEqual([256, 256, 26]);
  });
});
