import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame } from '../frames/index.js';
import { readVolume } from '../io/index.js';
import { dicomSeries, dicomSlice, type Tags } from '../io/test-support/dicom-writer.js';
import { runVolumeCommand } from './volume-command.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trocar-volume-'));
  for (const [name, gone] of [
    ['good', -1],
    ['gap', 2],
  ] as const) {
    await mkdir(join(folder, name));
    for (const [k, file] of dicomSeries(5, { start: [-10, 20, 30] }).entries()) {
      if (k !== gone) await writeFile(join(folder, name, file.name), file.bytes);
    }
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<{ code: number; out: string; error: string }> {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runVolumeCommand(args, { out: (line) => out.push(line), error: (line) => error.push(line) });
  return { code, out: out.join('\n'), error: error.join('\n') };
}

describe('trocar-volume', () => {
  it('info --json says where the voxels are, whose they are and what to beware of', async () => {
    const { code, out } = await run('info', join(folder, 'good'), '--json');
    const facts = JSON.parse(out) as Record<string, unknown>;
    expect(code).toBe(0);
    expect(facts).toMatchObject({
      ok: true,
      size: [8, 6, 5],
      spacingMm: [0.5, 0.7, 2],
      frameFromIndex: [0.5, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 2, 0, -10, 20, 30, 1],
      shearDegrees: 0,
      voxels: 'int16',
      rescale: { slope: 1, intercept: -1024, unit: 'HU' },
      range: { min: -1024, max: 457 - 1024 },
      modality: 'CT',
      patient: { name: 'Doe^Jane', id: 'ID-1' },
      frameOfReferenceUid: '1.2.3.3',
      warnings: [],
    });
    expect((facts['corners'] as number[][])[7]).toEqual([-6.5, 23.5, 38]);
  });

  it('info says the same in words', async () => {
    const { code, out } = await run('info', join(folder, 'good'));
    expect(code).toBe(0);
    expect(out).toContain('8 × 6 × 5');
    expect(out).toContain('-6.500, 23.500, 38.000 mm');
    expect(out).toContain('Doe^Jane');
  });

  it('refuses with exit code 1, the code on standard error and in the JSON', async () => {
    for (const command of ['info', 'check']) {
      const { code, out, error } = await run(command, join(folder, 'gap'), '--json');
      expect([code, error.split(':')[0]]).toEqual([1, 'dicom/missing-slice']);
      expect(JSON.parse(out)).toMatchObject({
        ok: false,
        error: { code: 'dicom/missing-slice', detail: { files: ['s001.dcm', 's003.dcm'] } },
      });
    }
    expect((await run('check', join(folder, 'gap'))).out).toBe('');
    expect((await run('check', join(folder, 'none'))).error).toContain('io/not-found');
  });

  it('check accepts, and fills gaps only where asked, aloud', async () => {
    expect(await run('check', join(folder, 'good'))).toMatchObject({ code: 0, error: '' });
    const { code, out } = await run('check', join(folder, 'gap'), '--fill-gaps');
    expect(code).toBe(0);
    expect(out).toContain('warning gaps-filled: 1 of 5 planes');
  });

  it('tells a PET as SUV, and writes it so; what is no PET is refused', async () => {
    const pet = join(folder, 'pet');
    await mkdir(pet);
    // Corrected to the start of the scan, an hour before which 370 MBq of F-18 were injected, into 64 kg.
    const tracer: Tags = { '00181072': ['LO', '103000'], '00181074': ['DS', '370000000'], '00181075': ['DS', '6586.2'] };
    const tags: Tags = {
      '00080060': ['CS', 'PT'],
      '00080021': ['DA', '20240305'],
      '00080022': ['DA', '20240305'],
      '00080031': ['LO', '113000'],
      '00080032': ['LO', '113000'],
      '00101030': ['DS', '64'],
      '00280051': ['CS', 'ATTN\\DECY'],
      '00281052': ['DS', '0'],
      '00281053': ['DS', '2.5'],
      '00541001': ['CS', 'BQML'],
      '00541102': ['CS', 'START'],
      '00540016': ['SQ', [tracer]],
    };
    for (const k of [0, 1])
      await writeFile(join(pet, `${k}.dcm`), dicomSlice({ position: [0, 0, 3 * k], offset: 100 * k, tags }));
    const perStored = (2.5 * 64_000) / (370e6 * 0.5 ** (3600 / 6586.2));
    const { code, out } = await run('info', pet, '--suv', 'body-weight', '--json');
    const facts = JSON.parse(out) as { rescale: { slope: number; unit: string }; range: { max: number } };
    expect([code, facts.rescale.unit]).toEqual([0, 'g/ml']);
    expect(facts.range.max / (157 * perStored)).toBeCloseTo(1, 9);
    const file = join(folder, 'suv.nii.gz');
    expect((await run('convert', pet, '--suv', 'body-weight', '--out', file)).code).toBe(0);
    const back = await readVolume(file, { frame: frame('image') });
    const most = Math.max(...back.voxels) * back.rescale.slope + back.rescale.intercept;
    expect(most / (157 * perStored)).toBeCloseTo(1, 6);
    expect((await run('info', join(folder, 'good'), '--suv', 'body-weight')).error).toMatch(/^dicom\/missing-suv/);
    expect(await run('info', pet, '--suv', 'weight')).toMatchObject({
      code: 2,
      error: expect.stringContaining('body-weight, lean'),
    });
  });

  it('finds the series in the folders below, and names slices by their place there', async () => {
    const disc = join(folder, 'disc');
    await mkdir(join(disc, 'A', 'B'), { recursive: true });
    for (const file of dicomSeries(4)) await writeFile(join(disc, 'A', 'B', file.name), file.bytes);
    await writeFile(join(disc, 'README'), 'a disc');
    expect(await run('check', disc)).toMatchObject({ code: 0, out: expect.stringContaining('warning ignored-files') });
    await rename(join(disc, 'A', 'B', 's001.dcm'), join(folder, 'elsewhere'));
    expect((await run('check', disc)).error).toContain('"A/B/s000.dcm"');
  });

  it.each(['x.nii.gz', 'x.nii', 'x.nrrd', 'x.mha'])('converts to %s', async (name) => {
    const path = join(folder, name);
    expect((await run('convert', join(folder, 'good'), '--out', path)).code).toBe(0);
    const v = await readVolume(path, { frame: frame('ct') });
    const value = v.rescale.slope * (v.voxels[8 + 3] as number) + v.rescale.intercept;
    expect([v.size, value]).toEqual([[8, 6, 5], 13 - 1024]);
  });

  it('straightens a tilted series where asked, without which MetaImage refuses it', async () => {
    const tilted = join(folder, 'tilted');
    await mkdir(tilted);
    const orientation = [1, 0, 0, 0, Math.cos(0.3), -Math.sin(0.3)];
    for (const file of dicomSeries(5, { each: () => ({ orientation }) })) await writeFile(join(tilted, file.name), file.bytes);
    const out = join(folder, 'straight.mha');
    expect((await run('check', tilted)).out).toContain('navigated on only with --straighten');
    expect(JSON.parse((await run('check', tilted, '--json')).out)).toMatchObject({ ok: true, navigable: false });
    expect(JSON.parse((await run('check', tilted, '--json', '--straighten')).out)).toMatchObject({ navigable: true });
    expect((await run('convert', tilted, '--out', out)).error).toContain('volume/sheared');
    const done = await run('convert', tilted, '--out', out, '--straighten');
    expect([done.code, done.out.includes('warning resampled')]).toEqual([0, true]);
    expect(JSON.parse((await run('info', out, '--json')).out)).toMatchObject({ shearDegrees: 0 });
  });

  it('copies what a browser needs, no raw WebAssembly among it', async () => {
    const target = join(folder, 'assets', 'trocar');
    const { code, out } = await run('assets', target, '--json');
    expect(code).toBe(0);
    const { files, bytes } = JSON.parse(out) as { files: string[]; bytes: number };
    expect(files).toContain('itk-wasm-pipeline.worker.js');
    expect(files).toContain('pipelines/read-image-dicom-file-series.wasm.zst');
    expect((await readdir(target)).sort()).toEqual(['itk-wasm-pipeline.worker.js', 'pipelines']);
    expect(files.filter((f) => f.endsWith('.wasm'))).toEqual([]);
    expect(bytes).toBeLessThan(30e6);
    expect((await readFile(join(target, 'itk-wasm-pipeline.worker.js'))).length).toBeGreaterThan(10_000);
  });

  it.each([
    [['frobnicate', 'x'], 'no command'],
    [['info'], 'one path'],
    [['info', 'a', 'b'], 'one path'],
    [['convert', 'a'], '--out'],
    [['info', 'a', '--out', 'b'], '--out'],
    [['info', 'a', '--colour'], '--colour'],
  ])('refuses %j as wrong usage', async (args, hint) => {
    const { code, error } = await run(...args);
    expect(code).toBe(2);
    expect(error).toContain(hint);
  });

  it('explains itself', async () => {
    expect((await run('--help')).out).toContain('trocar-volume assets DIR');
    expect((await run()).code).toBe(0);
  });
});
