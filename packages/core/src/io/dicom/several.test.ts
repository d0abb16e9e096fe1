import { describe, expect, it } from 'vitest';
import { isNavError, type NavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { type ReadVolumeOptions, readVolume, type VolumeChoice, type VolumeFile } from '../index.js';
import { COLUMNS, dicomSlice, ROWS, type Tags } from '../test-support/dicom-writer.js';

const mr = frame('mr');
const COUNT = 3;

/** `times` volumes of three slices in one series, in a muddled order; voxel 0 holds 1000 · t + 100 · k. */
function series(times: number, tags: (t: number, k: number) => Tags): VolumeFile[] {
  const files = Array.from({ length: times * COUNT }, (_, n) => {
    const [t, k] = [n % times, Math.floor(n / times)];
    const own = { '00080018': ['UI', `1.2.3.${n + 1}`], ...tags(t, k) } as Tags;
    return { name: `t${t}k${k}.dcm`, bytes: dicomSlice({ position: [0, 0, 2 * k], offset: 1000 * t + 100 * k, tags: own }) };
  });
  return files.map((_, n) => files[(7 * n) % files.length] as VolumeFile);
}

const read = (files: readonly VolumeFile[], options: Partial<ReadVolumeOptions<'mr'>> = {}) =>
  readVolume(files, { frame: mr, ...options });

async function refusal(files: readonly VolumeFile[], options: Partial<ReadVolumeOptions<'mr'>> = {}): Promise<NavError> {
  const outcome = await read(files, options).catch((error: unknown) => error);
  if (!isNavError(outcome)) throw new Error(`expected a refusal, got ${String(outcome)}`);
  return outcome;
}

/** What is stored in the first voxel of every slice. */
async function firsts(files: readonly VolumeFile[], pick: string): Promise<number[]> {
  const v = await read(files, { pick });
  expect(v.warnings.map((w) => w.code)).toContain('one-of-several');
  expect(v.frameFromIndex[14]).toBe(0);
  expect(v.frameFromIndex[10]).toBe(2);
  return Array.from({ length: v.size[2] }, (_, k) => v.voxels[k * ROWS * COLUMNS] as number);
}

const ds =
  (tag: string, of: (t: number, k: number) => string | number, vr: 'DS' | 'IS' | 'CS' | 'LO' = 'DS') =>
  (t: number, k: number): Tags => ({ [tag]: [vr, String(of(t, k))] });

describe('a series of several volumes of one place', () => {
  it.each([
    ['time points', ds('00200100', (t) => t + 1, 'IS'), 'Temporal Position Identifier', (t: number) => `${t + 1}`],
    ['echoes', ds('00180081', (t) => 2.3 * (t + 1)), 'Echo Time', (t: number) => String(Number(String(2.3 * (t + 1))))],
    ['cardiac phases', ds('00181060', (t) => 40 * t), 'Trigger Time', (t: number) => `${40 * t}`],
    ['passes', ds('00200012', (t) => t + 3, 'IS'), 'Acquisition Number', (t: number) => `${t + 3}`],
    [
      'contrasts',
      ds('00080008', (t) => ['A\\M', 'A\\P', 'A\\R'][t] as string, 'CS'),
      'Image Type',
      (t: number) => ['A\\M', 'A\\P', 'A\\R'][t],
    ],
    ['times', ds('00080033', (t) => `1200${t}0`, 'LO'), 'Content Time', (t: number) => `1200${t}0`],
  ] as const)('is refused with what separates them and the choices: %s', async (_, tags, name, value) => {
    const files = series(3, tags as (t: number, k: number) => Tags);
    const error = await refusal(files);
    expect([error.code, error.detail['separatedBy']]).toEqual(['dicom/several-volumes', name]);
    const choices = error.detail['choices'] as VolumeChoice[];
    expect(choices).toEqual([0, 1, 2].map((t) => ({ key: `${name}=${value(t)}`, slices: COUNT })));
    expect(error.message).toContain(name);
    for (const [t, { key }] of choices.entries())
      expect(await firsts(files, key)).toEqual([0, 100, 200].map((x) => 1000 * t + x));
  });

  it('whose every slice has its own time is chosen by the order at each place, over midnight too', async () => {
    const at = (t: number, k: number): Tags => {
      const second = 86_400 - 60 + 30 * t + 10 * k;
      const clock = new Date(second * 1000).toISOString();
      return {
        '00080022': ['DA', second >= 86_400 ? '20240102' : '20240101'],
        '00080032': ['LO', `${clock.slice(11, 13)}${clock.slice(14, 16)}${clock.slice(17, 19)}.5`],
      };
    };
    const files = series(4, at);
    const error = await refusal(files);
    expect((error.detail['choices'] as VolumeChoice[]).map((c) => c.key)).toEqual(
      [1, 2, 3, 4].map((n) => `Acquisition Time order=${n}`),
    );
    expect(await firsts(files, 'Acquisition Time order=4')).toEqual([3000, 3100, 3200]);
    expect(await firsts(files, 'Acquisition Time order=1')).toEqual([0, 100, 200]);
  });

  it('that takes two attributes to tell apart lists both', async () => {
    const files = series(4, (t) => ({ '00180081': ['DS', String(t < 2 ? 5 : 10)], '00200100': ['IS', String((t % 2) + 1)] }));
    const error = await refusal(files);
    expect((error.detail['choices'] as VolumeChoice[]).map((c) => c.key)).toEqual([
      'Temporal Position Identifier=1; Echo Time=5',
      'Temporal Position Identifier=1; Echo Time=10',
      'Temporal Position Identifier=2; Echo Time=5',
      'Temporal Position Identifier=2; Echo Time=10',
    ]);
    expect(await firsts(files, 'Temporal Position Identifier=2; Echo Time=10')).toEqual([3000, 3100, 3200]);
  });

  it('that nothing tells apart stays refused as duplicates, and so do copies', async () => {
    expect((await refusal(series(2, () => ({})))).code).toBe('dicom/duplicate-position');
    const copies = series(1, () => ({}));
    expect((await refusal([...copies, ...copies])).code).toBe('dicom/duplicate-position');
  });

  it('has no such volume as asked for', async () => {
    const files = series(
      2,
      ds('00180081', (t) => 5 * (t + 1)),
    );
    const error = await refusal(files, { pick: 'Echo Time=7' });
    expect([error.code, (error.detail['choices'] as VolumeChoice[]).length]).toEqual(['dicom/several-volumes', 2]);
  });

  it('with a slice missing in the one chosen is refused for that', async () => {
    const files = series(
      2,
      ds('00180081', (t) => 5 * (t + 1)),
    ).filter((f) => f.name !== 't1k1.dcm');
    expect(await firsts(files, 'Echo Time=5')).toEqual([0, 100, 200]);
    expect((await refusal(files, { pick: 'Echo Time=10' })).code).toBe('dicom/missing-slice');
    expect((await read(files, { pick: 'Echo Time=10', gaps: 'interpolate' })).size[2]).toBe(2);
  });

  it('of frames in one file is separated by their functional groups', async () => {
    const double = (x: number): Uint8Array => new Uint8Array(Float64Array.of(x).buffer);
    const pixels = new Uint8Array(2 * ROWS * COLUMNS * 6);
    for (let n = 0; n < 6; n += 1) new DataView(pixels.buffer).setUint16(2 * ROWS * COLUMNS * n, n, true);
    const frames = Array.from({ length: 6 }, (_, n) => ({
      '00209113': ['SQ', [{ '00200032': ['DS', `0\\0\\${2 * (n % 3)}`] }]],
      '00189117': ['SQ', [{ '00189087': ['OB', double(n < 3 ? 0 : 800)] }]],
    })) as unknown as Tags[];
    const file = {
      name: 'dwi.dcm',
      bytes: dicomSlice({
        tags: {
          '00280008': ['IS', '6'],
          '52009229': [
            'SQ',
            [
              {
                '00209116': ['SQ', [{ '00200037': ['DS', '1\\0\\0\\0\\1\\0'] }]],
                '00289110': ['SQ', [{ '00280030': ['DS', '1\\1'] }]],
              },
            ],
          ],
          '52009230': ['SQ', frames],
          '7FE00010': ['OW', pixels],
        },
      }),
    };
    const error = await refusal([file]);
    expect((error.detail['choices'] as VolumeChoice[]).map((c) => c.key)).toEqual([
      'Diffusion b-value=0',
      'Diffusion b-value=800',
    ]);
    expect(await firsts([file], 'Diffusion b-value=800')).toEqual([3, 4, 5]);
  });
});
