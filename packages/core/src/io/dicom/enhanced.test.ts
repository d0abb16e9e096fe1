import { describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { readVolume } from '../index.js';
import { COLUMNS, dicomFile, dicomSlice, ROWS, type Tags } from '../test-support/dicom-writer.js';
import { wrapFrames } from './wrap.js';

const mr = frame('mr');
const FRAMES = 4;

interface EnhancedSpec {
  /** Position along z of each frame as stored. */
  readonly z?: readonly number[];
  readonly shared?: Tags;
  readonly perFrame?: (n: number) => Tags;
}

const orientation: Tags = { '00200037': ['DS', '1\\0\\0\\0\\1\\0'] };
const measures: Tags = { '00280030': ['DS', '0.7\\0.5'], '00180050': ['DS', '2'] };

/** An enhanced multi-frame image: frame n holds i + 10 j + 100 n; geometry in functional groups (PS3.3, C.7.6.16). */
function enhanced({ z = [0, 2, 4, 6], shared, perFrame }: EnhancedSpec = {}): Uint8Array {
  const pixels = new Uint8Array(2 * ROWS * COLUMNS * FRAMES);
  const view = new DataView(pixels.buffer);
  for (let n = 0; n < pixels.length / 2; n += 1) {
    const [i, j, k] = [n % COLUMNS, Math.floor(n / COLUMNS) % ROWS, Math.floor(n / COLUMNS / ROWS)];
    view.setUint16(2 * n, i + 10 * j + 100 * k, true);
  }
  return dicomSlice({
    tags: {
      '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.4.1'],
      '00080060': ['CS', 'MR'],
      '00200032': undefined,
      '00200037': undefined,
      '00280008': ['IS', String(FRAMES)],
      '00280030': undefined,
      '00281052': undefined,
      '00281053': undefined,
      '52009229': ['SQ', [shared ?? { '00209116': ['SQ', [orientation]], '00289110': ['SQ', [measures]] }]],
      '52009230': [
        'SQ',
        z.map((at, n) => ({ '00209113': ['SQ', [{ '00200032': ['DS', `-10\\20\\${at}`] }]], ...perFrame?.(n) })),
      ],
      '7FE00010': ['OW', pixels],
    },
  });
}

const read = (bytes: Uint8Array) => readVolume([{ name: 'e.dcm', bytes }], { frame: mr });

describe('an enhanced multi-frame image', () => {
  it('becomes a volume by its functional groups', async () => {
    const v = await read(enhanced());
    expect(v.size).toEqual([COLUMNS, ROWS, FRAMES]);
    expect(Array.from(v.frameFromIndex)).toEqual([0.5, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 2, 0, -10, 20, 0, 1]);
    expect([v.modality, v.voxels[(2 * ROWS + 3) * COLUMNS + 5]]).toEqual(['MR', 235]);
  });

  it('has its frames sorted by their own positions', async () => {
    const v = await read(enhanced({ z: [6, 0, 4, 2] }));
    const first = Array.from({ length: FRAMES }, (_, k) => v.voxels[k * ROWS * COLUMNS]);
    expect(first).toEqual([100, 300, 200, 0]);
    expect(v.frameFromIndex[14]).toBe(0);
  });

  it('takes what a frame says before what all share, and keeps each frame’s own rescale', async () => {
    const rescale = (n: number): Tags => ({
      '00289145': ['SQ', [{ '00281052': ['DS', '0'], '00281053': ['DS', String(n + 1)] }]],
    });
    const v = await read(enhanced({ perFrame: rescale }));
    expect(v.voxels).toBeInstanceOf(Float32Array);
    expect(v.voxels[3 * ROWS * COLUMNS + 1]).toBe(4 * 301);
  });

  it.each([
    ['no pixel measures', { shared: { '00209116': ['SQ', [orientation]] } }, 'dicom/missing-geometry'],
    ['no orientation', { shared: { '00289110': ['SQ', [measures]] } }, 'dicom/missing-geometry'],
    ['fewer places than frames', { z: [0, 2] }, 'dicom/missing-geometry'],
    ['a place twice', { z: [0, 2, 2, 4] }, 'dicom/duplicate-position'],
    ['a frame missing', { z: [0, 2, 4, 8] }, 'dicom/missing-slice'],
  ] as const)('with %s is refused', async (_, spec, code) => {
    await expect(read(enhanced(spec as EnhancedSpec))).rejects.toMatchObject({ code });
  });

  it('names the frame, from 1', async () => {
    await expect(read(enhanced({ z: [0, 2, 4, 8] }))).rejects.toThrow('"e.dcm" frame 3');
  });

  it('without functional groups has no place', async () => {
    const bytes = dicomSlice({ tags: { '00280008': ['IS', '2'] } });
    await expect(read(bytes)).rejects.toMatchObject({ code: 'dicom/missing-geometry' });
  });
});

describe('the wrapper for the decoder', () => {
  it('holds bits and code streams, and nothing of the patient', () => {
    const layout = { bitsAllocated: 16, bitsStored: 12, highBit: 11, signed: false } as const;
    const bytes = wrapFrames({ syntax: '1.2.840.10008.1.2.5', rows: 2, columns: 3, layout, frames: [Uint8Array.of(1, 2, 3)] });
    expect(bytes.length % 2).toBe(0);
    const text = new TextDecoder('latin1').decode(bytes);
    expect(text).toContain('1.2.840.10008.1.2.5');
    expect(dicomFile({ '00100010': ['PN', 'X'] }).length).toBeGreaterThan(132);
    expect(text).not.toContain('PN');
  });
});
