import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame } from '../frames/index.js';
import { volume } from '../volume/index.js';
import { encodeVolume, readVolume, type VolumeFile } from './index.js';
import { dicomFile, dicomSeries, dicomSlice, EXPLICIT_BE, IMPLICIT_LE, type Tags } from './test-support/dicom-writer.js';

const anywhere = frame('anywhere');

/** A volume, or the code of a NavError; anything else thrown fails the test. */
async function outcomeOf(files: readonly VolumeFile[]): Promise<string> {
  try {
    const v = await readVolume(files, { frame: anywhere });
    return `${v.size.join('×')}`;
  } catch (error) {
    if (!isNavError(error)) throw error;
    return error.code;
  }
}

const small = volume({
  frame: anywhere,
  voxels: Int16Array.from({ length: 60 }, (_, n) => n - 7),
  size: [5, 4, 3],
  frameFromIndex: [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, -1, -2, -3, 1],
});

async function samples(): Promise<VolumeFile[]> {
  const names = ['a.nii', 'a.nii.gz', 'a.nrrd', 'a.mha'];
  return [
    ...(await Promise.all(names.map(async (name) => ({ name, bytes: await encodeVolume(small, name) })))),
    { name: 'le.dcm', bytes: dicomSlice() },
    { name: 'implicit.dcm', bytes: dicomSlice({ syntax: IMPLICIT_LE }) },
    { name: 'be.dcm', bytes: dicomSlice({ syntax: EXPLICIT_BE }) },
    { name: 'rle.dcm', bytes: dicomSlice({ syntax: '1.2.840.10008.1.2.5' }) },
    { name: 'deflated.dcm', bytes: dicomSlice({ syntax: '1.2.840.10008.1.2.1.99' }) },
  ];
}

describe('damaged files', () => {
  it('cut at any byte are refused, never half read', async () => {
    for (const file of await samples()) {
      const step = Math.max(1, Math.floor(file.bytes.length / 120));
      for (let length = 0; length < file.bytes.length - 8; length += step) {
        const outcome = await outcomeOf([{ name: file.name, bytes: file.bytes.slice(0, length) }]);
        expect([file.name, length, outcome]).toEqual([file.name, length, expect.stringContaining('/')]);
      }
    }
  });

  it('DICOM cut inside its pixels says that it is cut', async () => {
    const { bytes } = dicomSeries(1)[0] as VolumeFile;
    for (const cut of [1, 10, 95]) {
      expect(await outcomeOf([{ name: 'cut.dcm', bytes: bytes.slice(0, bytes.length - cut) }])).toBe('dicom/truncated');
    }
    const header = bytes.slice(0, 400);
    expect(await outcomeOf([{ name: 'cut.dcm', bytes: header }])).toBe('dicom/truncated');
  });

  it('with fewer pixels than rows × columns are cut as well', async () => {
    const short = dicomSlice({ tags: { '7FE00010': ['OW', new Uint8Array(90)] } });
    expect(await outcomeOf([{ name: 'short.dcm', bytes: short }])).toBe('dicom/truncated');
  });

  it('with any bytes changed give a volume or one of our errors, in bounded time (property)', async () => {
    const files = await samples();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: files.length - 1 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 12 }),
        async (which, changes) => {
          const file = files[which] as VolumeFile;
          const bytes = file.bytes.slice();
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          await outcomeOf([{ name: file.name, bytes }]);
        },
      ),
      { numRuns: 600 * inject('effort') },
    );
  }, 30_000);

  it('of noise are refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 800 }), fc.boolean(), async (noise, marked) => {
        const bytes = Uint8Array.from(noise);
        if (marked && bytes.length >= 132) bytes.set([0x44, 0x49, 0x43, 0x4d], 128);
        expect(await outcomeOf([{ name: 'noise', bytes }])).toContain('/');
      }),
      { numRuns: 300 * inject('effort') },
    );
  });

  it('that claim a huge image are refused before memory is asked for', async () => {
    const tags: Tags = { '00280010': ['US', 65_535], '00280011': ['US', 65_535] };
    const outcome = await outcomeOf([{ name: 'huge.dcm', bytes: dicomSlice({ tags }) }]);
    expect(outcome).toBe('dicom/truncated');
  });

  it('that say they are compressed but hold plain pixels are refused', async () => {
    expect(await outcomeOf([{ name: 'x.dcm', bytes: dicomSlice({ syntax: '1.2.840.10008.1.2.5' }) }])).toContain('/');
  });

  it('without a transfer syntax are refused', async () => {
    expect(await outcomeOf([{ name: 'x.dcm', bytes: dicomFile({}, '') }])).toContain('/');
  });
});

describe('stopping and telling', () => {
  it('ends with io/aborted before and during the reading', async () => {
    const files = dicomSeries(80);
    const early = AbortSignal.abort('no');
    await expect(readVolume(files, { frame: anywhere, signal: early })).rejects.toMatchObject({ code: 'io/aborted' });
    const controller = new AbortController();
    const progress = (): void => controller.abort();
    await expect(readVolume(files, { frame: anywhere, signal: controller.signal, progress })).rejects.toMatchObject({
      code: 'io/aborted',
    });
  });

  it('tells its progress from 0 to 1, never backwards', async () => {
    const told: number[] = [];
    await readVolume(dicomSeries(100), { frame: anywhere, progress: (f) => told.push(f) });
    expect(told.length).toBeGreaterThan(3);
    expect(told.at(-1)).toBe(1);
    expect(told.every((f, n) => f >= (told[n - 1] ?? 0) && f <= 1)).toBe(true);
  });
});
