import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { filesBehind } from './files.js';

const folder = mkdtempSync(join(tmpdir(), 'trocar-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

mkdirSync(join(folder, 'data'));
const texts: Readonly<Record<string, string>> = {
  'head.mha': 'NDims = 3\nElementDataFile = LOCAL\n',
  'head.nrrd': 'NRRD0004\nencoding: raw\n\n',
  'head.mhd': 'NDims = 3\nElementDataFile = data/other.zraw\n',
  'head.nhdr': 'NRRD0004\ndata file: ./v.raw\n',
  'out.mhd': 'NDims = 3\nElementDataFile = ../secret\n',
  'data/other.zraw': '',
  'v.raw': '',
  'p.hdr': 'x',
  'p.img': 'x',
  'z.hdr.gz': 'x',
  'z.img.gz': 'x',
  'scan.nii.gz': 'x',
};
for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);

const behind = async (name: string): Promise<string[]> =>
  (await filesBehind(join(folder, name))).map((path) => relative(folder, path));

it('hands a page the named file alone, whatever lies beside it under the same name', async () => {
  for (const name of ['head.mha', 'head.nrrd', 'scan.nii.gz']) expect(await behind(name)).toEqual([name]);
});

it('hands it the voxels of a header, whatever they are called, but nothing from outside its folder', async () => {
  expect(await behind('head.mhd')).toEqual(['data/other.zraw', 'head.mhd']);
  expect(await behind('head.nhdr')).toEqual(['head.nhdr', 'v.raw']);
  expect(await behind('out.mhd')).toEqual(['out.mhd']);
  for (const [one, other] of [
    ['p.hdr', 'p.img'],
    ['z.hdr.gz', 'z.img.gz'],
  ] as const) {
    expect(await behind(one)).toEqual([one, other]);
    expect(await behind(other)).toEqual([one, other]);
  }
});

it('hands it all of a folder', async () => {
  expect(await filesBehind(folder)).toHaveLength(Object.keys(texts).length);
  await expect(filesBehind(join(folder, 'none'))).rejects.toThrow(/ENOENT/);
});
