import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../math/index.js';
import { type Picture, readPicture, regionAt, regionPoint } from '../index.js';
import { dicomFile, dicomSlice, EXPLICIT_BE, type Tags } from '../test-support/dicom-writer.js';
import { dataPath } from '../test-support/real-data.js';
import { ybrToRgb } from './picture-pixels.js';

/** dcmtk's renderer and compressors, other people's code: absent, the tests that need them are skipped. */
const hasDcmtk = ((): boolean => {
  try {
    execFileSync('dcm2pnm', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const scratch = mkdtempSync(join(tmpdir(), 'trocar-picture-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The RGB bytes that dcm2pnm draws of a file's frame. */
function drawn(path: string, frame = 1): Uint8Array {
  const out = join(scratch, 'peer.ppm');
  execFileSync('dcm2pnm', ['--frame', String(frame), '--write-raw-pnm', path, out], { stdio: 'ignore' });
  const bytes = readFileSync(out);
  // P6, comments, width, height, maximum, then the pixels.
  let at = 0;
  for (let words = 0; words < 4; ) {
    if (bytes[at] === 0x23) at = bytes.indexOf(0x0a, at) + 1;
    else {
      while ((bytes[at] as number) > 0x20) at += 1;
      words += 1;
      at += 1;
    }
  }
  return bytes.subarray(at);
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let n = 0; n < a.length; n += 1) worst = Math.max(worst, Math.abs((a[n] as number) - (b[n] as number)));
  return worst;
}

const [WIDTH, HEIGHT] = [32, 18];

/** A colour picture with every corner different. */
function rgbPixels(frames = 1): Uint8Array {
  return Uint8Array.from({ length: 3 * WIDTH * HEIGHT * frames }, (_, n) => {
    const [c, p] = [n % 3, Math.floor(n / 3)];
    const [i, j, f] = [p % WIDTH, Math.floor(p / WIDTH) % HEIGHT, Math.floor(p / WIDTH / HEIGHT)];
    return c === 0 ? 8 * i : c === 1 ? 14 * j : (4 * (i + j) + 60 * f) % 256;
  });
}

function colourFile(tags: Tags = {}, syntax?: string): Uint8Array {
  return dicomFile(
    {
      '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.7'],
      '00080018': ['UI', '1.2.3.9'],
      '00080060': ['CS', 'OT'],
      '0020000D': ['UI', '1.2.3.1'],
      '0020000E': ['UI', '1.2.3.2'],
      '00280002': ['US', 3],
      '00280004': ['CS', 'RGB'],
      '00280006': ['US', 0],
      '00280010': ['US', HEIGHT],
      '00280011': ['US', WIDTH],
      '00280100': ['US', 8],
      '00280101': ['US', 8],
      '00280102': ['US', 7],
      '00280103': ['US', 0],
      '7FE00010': ['OB', rgbPixels()],
      ...tags,
    },
    syntax,
  );
}

const read = (bytes: Uint8Array): Promise<Picture> => readPicture({ name: 'p.dcm', bytes });

function saved(bytes: Uint8Array, name: string): string {
  const path = join(scratch, name);
  writeFileSync(path, bytes);
  return path;
}

describe('real pictures', () => {
  const at = (...parts: string[]) => dataPath('dicom', ...parts);
  const absent = at('syntaxes').absent;

  it.skipIf(absent || !hasDcmtk).each([
    ['syntaxes/TestPattern_RGB.dcm', 'RGB', 0],
    ['syntaxes/TestPattern_Palette.dcm', 'PALETTE COLOR', 0],
    ['enhanced/US1_UNCI.dcm', 'RGB', 0],
    // The peer truncates its tables of the same equation.
    ['syntaxes/US-YBR_FULL_422-EVRLE.dcm', 'YBR_FULL_422', 2],
  ])('%s (%s) has dcmtk’s colours within %i', async (path, photometric, within) => {
    const file = at(...path.split('/')).path;
    const picture = await readPicture(file);
    expect([picture.kind, picture.photometric]).toEqual(['rgb', photometric]);
    expect(largestDifference(picture.pixels, drawn(file))).toBeLessThanOrEqual(within);
  });

  it.skipIf(absent || !hasDcmtk)('a palette picture packed by RLE has the colours of its unpacked copy', async () => {
    const file = at('syntaxes', 'no-pixel-spacing.dcm').path;
    const plain = join(scratch, 'plain.dcm');
    execFileSync('dcmdrle', [file, plain]);
    const picture = await readPicture(file);
    expect([picture.columns, picture.rows, picture.kind]).toEqual([800, 600, 'rgb']);
    expect(largestDifference(picture.pixels, drawn(plain))).toBe(0);
  });

  it.skipIf(absent)('an ultrasound picture says how large a pixel is, region by region', async () => {
    const picture = await readPicture(at('syntaxes', 'US-YBR_FULL_422-EVRLE.dcm').path);
    expect(picture.regions).toHaveLength(1);
    const [region] = picture.regions;
    expect([region?.format, region?.dataType, region?.units]).toEqual(['2d', 'tissue', ['cm', 'cm']]);
    expect([region?.x0, region?.y0, region?.x1, region?.y1]).toEqual([184, 75, 799, 554]);
    expect(region?.mmPerPixel?.[0]).toBeCloseTo(0.0615999996662, 12);
    // It names no reference pixel, so a pixel has a size but no place.
    expect(region && regionPoint(region, 200, 100)).toBeUndefined();
    expect([picture.modality, picture.spacing]).toEqual(['US', undefined]);
  });

  it.skipIf(absent)('the trace beside an image has seconds, not millimetres', async () => {
    const { regions, warnings, columns } = await readPicture(at('syntaxes', 'no-pixel-spacing.dcm').path);
    expect(regions.map((r) => [r.format, r.dataType, r.mmPerPixel !== undefined])).toEqual([
      ['2d', 'tissue', true],
      ['waveform', 'ecg-trace', false],
      ['waveform', regions[2]?.dataType, false],
    ]);
    expect(regions[1]?.uncalibrated).toContain('waveform');
    // The file says its image reaches to column 800 of 800: told, not repaired.
    expect([regions[0]?.x1, columns]).toEqual([800, 800]);
    expect(warnings.map((w) => w.code)).toContain('region-outside');
    // Its reference pixel is that of the probe's surface: 340 right of and 4 below the region's corner.
    expect(regions[0] && regionPoint(regions[0], 460, 64)).toEqual([0, 0]);
    const [x, y] = (regions[0] && regionPoint(regions[0], 470, 164)) as [number, number];
    expect([x, y].map((mm) => mm / 0.33054208902600268)).toEqual([expect.closeTo(10, 9), expect.closeTo(100, 9)]);
    expect(regionAt(regions, 470, 164)).toBe(regions[0]);
    expect(regionAt(regions, 5, 5)).toBeUndefined();
  });

  it.skipIf(absent).each([
    ['syntaxes/no-pixel-data.dcm', 'dicom/no-pixel-data'],
    ['enhanced/liver.dcm', 'dicom/unsupported-object'],
  ])('%s is no picture: %s', async (path, code) => {
    await expect(readPicture(at(...path.split('/')).path)).rejects.toMatchObject({ code });
  });
});

describe('colours', () => {
  it('are the file’s, pixel by pixel, in planes or side by side, in both byte orders', async () => {
    const truth = rgbPixels();
    const size = WIDTH * HEIGHT;
    const planes = Uint8Array.from(truth, (_, n) => truth[3 * (n % size) + Math.floor(n / size)] as number);
    expect((await read(colourFile())).pixels).toEqual(truth);
    expect((await read(colourFile({ '00280006': ['US', 1], '7FE00010': ['OB', planes] }))).pixels).toEqual(truth);
    const swapped = Uint8Array.from(truth, (_, n) => truth[n ^ 1] as number);
    expect((await read(colourFile({ '7FE00010': ['OW', swapped] }, EXPLICIT_BE))).pixels).toEqual(truth);
  });

  it('of YBR_FULL turn back into the RGB they were made from, within rounding', async () => {
    const random = new Random(5);
    const rgb = Uint8Array.from({ length: 3 * WIDTH * HEIGHT }, () => Math.floor(256 * random.uniform()));
    const ybr = new Uint8Array(rgb.length);
    for (let n = 0; n < rgb.length; n += 3) {
      const [r, g, b] = [rgb[n], rgb[n + 1], rgb[n + 2]] as [number, number, number];
      // The forward equation as PS3.3, C.7.6.3.1.2 prints it.
      ybr[n] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
      ybr[n + 1] = Math.min(255, Math.round(-0.1687 * r - 0.3313 * g + 0.5 * b + 128));
      ybr[n + 2] = Math.min(255, Math.round(0.5 * r - 0.4187 * g - 0.0813 * b + 128));
    }
    const picture = await read(colourFile({ '00280004': ['CS', 'YBR_FULL'], '7FE00010': ['OB', ybr] }));
    expect(largestDifference(picture.pixels, rgb)).toBeLessThanOrEqual(2);
    expect(Array.from(ybrToRgb(Uint8Array.of(128, 128, 128, 255, 128, 128)))).toEqual([128, 128, 128, 255, 255, 255]);
  });

  it.skipIf(!hasDcmtk).each([
    ['dcmcrle', []],
    ['dcmcjpls', []],
    ['dcmcjpeg', ['+e1']],
  ])('packed without loss by %s are the same', async (program, options) => {
    const from = saved(colourFile(), 'rgb.dcm');
    const to = join(scratch, 'packed.dcm');
    execFileSync(program, [...options, from, to]);
    expect(largestDifference((await readPicture(to)).pixels, rgbPixels())).toBe(0);
  });

  it.skipIf(!hasDcmtk)('packed as JPEG baseline are the peer’s within its rounding', async () => {
    const from = saved(colourFile(), 'rgb.dcm');
    const to = join(scratch, 'baseline.dcm');
    const back = join(scratch, 'back.dcm');
    execFileSync('dcmcjpeg', ['+eb', '+q', '95', from, to]);
    execFileSync('dcmdjpeg', ['+cl', to, back]);
    const picture = await readPicture(to);
    expect(picture.warnings.map((w) => w.code)).toContain('lossy-compression');
    expect(picture.photometric).toMatch(/^YBR_FULL/);
    expect(largestDifference(picture.pixels, (await readPicture(back)).pixels)).toBeLessThanOrEqual(3);
    expect(largestDifference(picture.pixels, rgbPixels())).toBeLessThan(64);
  });

  it.each([
    ['four samples', { '00280002': ['US', 4] }, 'dicom/unsupported-object'],
    ['an unknown interpretation', { '00280004': ['CS', 'HSV'] }, 'dicom/unsupported-object'],
    ['16 bits a colour', { '00280100': ['US', 16], '00280101': ['US', 16], '00280102': ['US', 15] }, 'dicom/unsupported-object'],
    ['too few pixels', { '00280010': ['US', HEIGHT + 1] }, 'dicom/truncated'],
    ['too many pixels', { '00280010': ['US', HEIGHT - 1] }, 'io/corrupt'],
    ['more frames than pixels', { '00280008': ['IS', '2147483647'] }, 'dicom/truncated'],
    ['no size', { '00280011': undefined }, 'io/corrupt'],
  ] as const)('with %s are refused', async (_, tags, code) => {
    await expect(read(colourFile(tags as unknown as Tags))).rejects.toMatchObject({ code });
  });
});

const us = (value: number): Uint8Array => Uint8Array.of(value & 255, value >> 8);
const words = (...values: number[]): Uint8Array => Uint8Array.from(values.flatMap((v) => [...us(v)]));

describe('a palette', () => {
  const table = (f: (n: number) => number): Uint8Array => words(...Array.from({ length: 16 }, (_, n) => f(n)));
  const descriptor = (entries: number, first: number, bits: number) => ['OW', words(entries, first, bits)] as const;
  const tags = (bits: number, f: (n: number, c: number) => number): Tags => ({
    '00280002': ['US', 1],
    '00280004': ['CS', 'PALETTE COLOR'],
    '00281101': descriptor(16, 4, bits),
    '00281102': descriptor(16, 4, bits),
    '00281103': descriptor(16, 4, bits),
    '00281201': ['OW', table((n) => f(n, 0))],
    '00281202': ['OW', table((n) => f(n, 1))],
    '00281203': ['OW', table((n) => f(n, 2))],
    '7FE00010': ['OB', Uint8Array.from({ length: WIDTH * HEIGHT }, (_, n) => n % 24)],
  });

  it('of 16 bits gives its high bytes, and its ends to what lies outside', async () => {
    const picture = await read(colourFile(tags(16, (n, c) => 4096 * n + 256 * c + 77)));
    for (let n = 0; n < 24; n += 1) {
      const entry = Math.max(0, Math.min(15, n - 4));
      expect(Array.from(picture.pixels.subarray(3 * n, 3 * n + 3))).toEqual([16 * entry, 16 * entry + 1, 16 * entry + 2]);
    }
  });

  it('declared with 16 bits that holds 8 is taken for 8, and told', async () => {
    const picture = await read(colourFile(tags(16, (n, c) => 10 * n + c)));
    expect(Array.from(picture.pixels.subarray(3 * 7, 3 * 8))).toEqual([30, 31, 32]);
    expect(picture.warnings.map((w) => w.code)).toContain('palette-8-bit');
  });

  it('that is cut is refused', async () => {
    const cut = { ...tags(16, (n) => n), '00281202': ['OW', words(1, 2, 3)] } as Tags;
    await expect(read(colourFile(cut))).rejects.toMatchObject({ code: 'io/corrupt' });
  });
});

describe('frame times', () => {
  const clip = (tags: Tags): Promise<Picture> =>
    read(colourFile({ '00280008': ['IS', '3'], '7FE00010': ['OB', rgbPixels(3)], ...tags }));

  it('are the steps between frames, even or each its own', async () => {
    expect((await clip({ '00181063': ['DS', '33.3'] })).frameTimesMs).toEqual(Float64Array.of(0, 33.3, 66.6));
    const vector = { '00181065': ['DS', '0\\40\\35'], '00280009': ['OW', words(0x18, 0x1065)] } as Tags;
    expect((await clip(vector)).frameTimesMs).toEqual(Float64Array.of(0, 40, 75));
    expect((await clip({})).pixels).toEqual(rgbPixels(3));
  });

  it('are unknown where only a display rate is given', async () => {
    const picture = await clip({ '00180040': ['IS', '25'] });
    expect(picture.frameTimesMs).toBeUndefined();
    expect(picture.warnings.map((w) => w.code)).toContain('no-frame-times');
  });

  it('for another number of frames, or backwards, are refused', async () => {
    await expect(clip({ '00181065': ['DS', '0\\40'] })).rejects.toMatchObject({ code: 'io/corrupt' });
    await expect(clip({ '00181065': ['DS', '0\\40\\-1'] })).rejects.toMatchObject({ code: 'io/corrupt' });
  });
});

describe('a radiograph', () => {
  const dx = (tags: Tags): Promise<Picture> =>
    read(
      dicomSlice({
        tags: {
          '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.1.1'],
          '00080060': ['CS', 'DX'],
          '00200032': undefined,
          '00200037': undefined,
          '00280004': ['CS', 'MONOCHROME1'],
          '00280030': undefined,
          ...tags,
        },
      }),
    );
  const imager = { '00181164': ['DS', '0.2\\0.1'] } as const;

  it.each([
    ['the detector’s', imager, 'detector', 0.2],
    ['the same twice', { ...imager, '00280030': ['DS', '0.20\\0.10'] }, 'detector', 0.2],
    [
      'calibrated with an object',
      { ...imager, '00280030': ['DS', '0.16\\0.08'], '00280A02': ['CS', 'FIDUCIAL'] },
      'fiducial',
      0.16,
    ],
    [
      'corrected for magnification',
      { ...imager, '00280030': ['DS', '0.16\\0.08'], '00280A02': ['CS', 'GEOMETRY'] },
      'magnification-corrected',
      0.16,
    ],
    ['changed by nobody knows what', { ...imager, '00280030': ['DS', '0.16\\0.08'] }, 'calibrated-unknown', 0.16],
    ['without a meaning', { '00280030': ['DS', '0.16\\0.08'] }, 'unknown', 0.16],
    ['the film’s', { '00182010': ['DS', '0.3\\0.3'] }, 'scanned', 0.3],
  ] as const)('has %s spacing', async (_, tags, meaning, rowMm) => {
    const { spacing, inverted, kind, warnings } = await dx(tags as unknown as Tags);
    expect([spacing?.meaning, spacing?.rowMm, inverted, kind]).toEqual([meaning, rowMm, true, 'grey']);
    expect(warnings.map((w) => w.code)).toContain('spacing-not-in-patient');
  });

  it('without any spacing says so', async () => {
    const picture = await dx({});
    expect([picture.spacing, picture.warnings.map((w) => w.code)]).toEqual([undefined, ['no-spacing']]);
  });

  it('keeps its stored values, and its estimated magnification', async () => {
    const picture = await dx({ ...imager, '00181114': ['DS', '1.25'] } as Tags);
    expect(picture.pixels[9]).toBe(11);
    expect(picture.spacing?.magnification).toBe(1.25);
  });
});
