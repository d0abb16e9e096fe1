import { describe, expect, inject, it } from 'vitest';
import { Random } from '../../math/index.js';
import { readPicture } from '../index.js';
import { dicomFile, EXPLICIT_BE, type Tags } from '../test-support/dicom-writer.js';
import { pythonWith } from '../test-support/real-data.js';
import { expandSegments } from './segmented-palette.js';

const pydicom = pythonWith('pydicom');

const words = (values: readonly number[], big = false): Uint8Array =>
  Uint8Array.from(values.flatMap((v) => (big ? [v >> 8, v & 255] : [v & 255, v >> 8])));

/** A picture of one row with the stored values 0 to 255. */
function ramp(tables: Tags, syntax?: string): Uint8Array {
  return dicomFile(
    {
      '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.7'],
      '00080060': ['CS', 'OT'],
      '00280002': ['US', 1],
      '00280004': ['CS', 'PALETTE COLOR'],
      '00280010': ['US', 1],
      '00280011': ['US', 256],
      '00280100': ['US', 8],
      '00280101': ['US', 8],
      '00280102': ['US', 7],
      '00280103': ['US', 0],
      ...tables,
      '7FE00010': ['OB', Uint8Array.from({ length: 256 }, (_, n) => n)],
    },
    syntax,
  );
}

/** Three tables of the same segments, 16 bits. */
function tables(segments: readonly number[], count: number, big = false): Tags {
  const out: Tags = {};
  for (const c of [1, 2, 3]) {
    out[`0028110${c}`] = ['OW', words([count, 0, 16], big)];
    out[`0028122${c}`] = ['OW', words(segments, big)];
  }
  return out;
}

/** Two entries; a line of 4 up to 60 000; the line again, from where it has come to; one more entry. */
const SEGMENTS = [0, 2, 1000, 20_000, 1, 4, 60_000, 2, 1, 8, 0, 0, 1, 7];
const ENTRIES = [1000, 20_000, 30_000, 40_000, 50_000, 60_000, 60_000, 60_000, 60_000, 60_000, 7];

describe('a palette in segments', () => {
  it('is its entries, its lines, and what it repeats', () => {
    expect(expandSegments(SEGMENTS, 16, 11)).toEqual(ENTRIES);
    // Bytes: the offset then takes four numbers. Four bytes lie before the line; the last zero fills up to an even length.
    expect(expandSegments([0, 2, 10, 20, 1, 2, 40, 0, 1, 0, 2, 1, 4, 0, 0, 0, 0], 8, 7)).toEqual([10, 20, 30, 40, 0, 20, 40]);
  });

  it.each([['little endian', undefined] as const, ['big endian', EXPLICIT_BE] as const])(
    'colours a picture, %s',
    async (_, syntax) => {
      const picture = await readPicture({ name: 'p.dcm', bytes: ramp(tables(SEGMENTS, 11, syntax !== undefined), syntax) });
      expect(picture.kind).toBe('rgb');
      const red = Array.from({ length: 12 }, (_, n) => picture.pixels[3 * n]);
      expect(red).toEqual([...ENTRIES, 7].map((x) => x >> 8));
    },
  );

  it.each([
    ['a line first', [1, 4, 9], 'start with a line'],
    ['an unknown kind', [3, 4, 9], 'kind 3'],
    ['a cut run', [0, 4, 9], 'cut short'],
    ['more entries than it states', [0, 1, 5, 1, 40_000, 9], 'longer than the palette'],
    ['fewer', [0, 1, 5], 'make 1 entries of 11'],
    ['a repeat of itself', [0, 1, 5, 2, 1, 6, 0], 'no earlier segment'],
    ['a repeat of a repeat', [0, 1, 5, 2, 1, 0, 0, 2, 1, 6, 0], 'kind 2'],
    ['a repeat without end', [0, 1, 5, 2, 60_000, 0, 0], 'more segments'],
    ['a cut repeat', [0, 1, 5, 2, 1, 0], 'cut short'],
  ])('with %s is refused by what is wrong', async (_, segments, what) => {
    const reading = readPicture({ name: 'p.dcm', bytes: ramp(tables(segments, 11)) });
    await expect(reading).rejects.toMatchObject({ code: 'io/corrupt', message: expect.stringContaining(what) });
  });

  it.skipIf(pydicom === undefined)('is what pydicom makes of it, whatever the segments', () => {
    const random = new Random(inject('seed'));
    const cases = Array.from({ length: 40 * inject('effort') }, () => drawn(random));
    const theirs = pydicom?.(
      'import json, sys\nfrom pydicom.pixel_data_handlers.util import _expand_segmented_lut as e\n' +
        'print(json.dumps([e(tuple(c), "<B") for c in json.loads(sys.argv[1])]))',
      JSON.stringify(cases),
    ) as number[][];
    for (const [n, entries] of theirs.entries()) {
      const ours = expandSegments(cases[n] as number[], 8, entries.length);
      expect(typeof ours, String(ours)).toBe('object');
      // Halves are rounded up here, to even there.
      (ours as number[]).forEach((x, k) => {
        expect(Math.abs(x - (entries[k] as number))).toBeLessThanOrEqual(1);
      });
    }
  });

  it.skipIf(pydicom === undefined)("of DICOM's own (PS3.6, B) has pydicom's colours", async () => {
    const theirs = pydicom?.(`
import json, warnings
warnings.simplefilter('ignore')
import numpy as np, pydicom
from pydicom.data import get_palette_files
from pydicom.pixel_data_handlers.util import apply_color_lut
out = []
for f in sorted(get_palette_files('*.dcm')):
    d = pydicom.dcmread(f)
    kind = 'Segmented' if 'SegmentedRedPaletteColorLookupTableData' in d else ''
    each = ['Red', 'Green', 'Blue']
    out.append([[list(getattr(d, c + 'PaletteColorLookupTableDescriptor')) for c in each],
      [list(getattr(d, kind + c + 'PaletteColorLookupTableData')) for c in each], kind != '',
      apply_color_lut(np.arange(256, dtype='u1'), d).ravel().tolist()])
print(json.dumps(out))`) as [number[][], number[][], boolean, number[]][];
    expect(theirs.filter(([, , segmented]) => segmented).length).toBeGreaterThanOrEqual(4);
    for (const [descriptors, data, segmented, colours] of theirs) {
      const palette: Tags = {};
      for (const c of [0, 1, 2]) {
        palette[`0028110${c + 1}`] = ['OW', words(descriptors[c] as number[])];
        palette[`002812${segmented ? 2 : 0}${c + 1}`] = ['OW', Uint8Array.from(data[c] as number[])];
      }
      const { pixels } = await readPicture({ name: 'p.dcm', bytes: ramp(palette) });
      expect(Math.max(...colours.map((x, n) => Math.abs(x - (pixels[n] as number))))).toBeLessThanOrEqual(1);
    }
  });
});

/** Segments of 8 bits as anyone may write them (of 16 bits, pydicom takes an offset for one in numbers). */
function drawn(random: Random): number[] {
  const data: number[] = [0, 1, random.below(256)];
  const starts = [0];
  for (let n = 0; n < 8; n += 1) {
    const kind = random.below(3);
    const length = 1 + random.below(6);
    if (kind === 2) {
      // One earlier segment, by its byte.
      data.push(2, 1, starts[random.below(starts.length)] as number, 0, 0, 0);
      continue;
    }
    starts.push(data.length);
    if (kind === 0) data.push(0, length, ...Array.from({ length }, () => random.below(256)));
    else data.push(1, length, random.below(256));
  }
  return data;
}
