import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { parseDicomFile, textOf } from '../../io/dicom/dataset.js';
import { type Dataset, encodePart10 } from './part10.js';
import { isUid, newUid, SOP_CLASS } from './uid.js';
import { decimalString } from './values.js';

const SAMPLE: Dataset = { SOPClassUID: SOP_CLASS.secondaryCapture, SOPInstanceUID: '2.25.7' };

async function parsed(dataset: Dataset) {
  return (await parseDicomFile({ name: 'x.dcm', bytes: encodePart10({ ...SAMPLE, ...dataset }) })).dataset;
}

describe('decimal strings', () => {
  it('are legal, of at most 16 characters, and as near as such a text can be', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (x) => {
        const text = decimalString(x);
        expect(text).toMatch(/^-?\d+(\.\d+)?(e[+-]?\d+)?$/);
        expect(text.length).toBeLessThanOrEqual(16);
        const whole = Math.max(1, Math.floor(Math.log10(Math.max(1, Math.abs(x)))) + 1);
        expect(Math.abs(Number(text) - x)).toBeLessThanOrEqual(0.51 * 10 ** -(14 - whole));
      }),
    );
  });

  it('keep what fits, and choose the exponent where it holds more', () => {
    const cases: readonly [number, string][] = [
      [0, '0'],
      [-0, '0'],
      [0.1, '0.1'],
      [-1234.5678901234, '-1234.5678901234'],
      [1 / 3, '0.33333333333333'],
      [-1 / 3, '-0.3333333333333'],
      [1.2345678901234e-17, '1.2345678901e-17'],
      [123456789012345680, '1.2345678901e+17'],
    ];
    for (const [x, text] of cases) expect(decimalString(x)).toBe(text);
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => decimalString(x)).toThrow(/finite/);
  });
});

describe('UIDs', () => {
  it('are legal, and differ', () => {
    const uids = Array.from({ length: 200 }, () => newUid());
    expect(uids.every((uid) => isUid(uid) && uid.startsWith('2.25.') && uid.length <= 44)).toBe(true);
    expect(new Set(uids).size).toBe(200);
    for (const wrong of ['', '1', '1.02', '1..2', '1.a', '.1.2', `1.${'2'.repeat(63)}`]) expect(isUid(wrong)).toBe(false);
  });
});

describe('DICOM files', () => {
  it('carry every kind of value', async () => {
    const d = await parsed({
      PatientName: 'Müller^Jürgen=東京^太郎=とうきょう^たろう',
      ImageType: ['DERIVED', 'SECONDARY'],
      ImagePositionPatient: [1 / 3, -2.5, 1e-7],
      Rows: 512,
      PixelRepresentation: 1,
      PixelPaddingValue: -1000,
      SliceLocation: null,
      AccessionNumber: '',
      ReferencedImageSequence: [],
      RequestAttributesSequence: [{ RequestedProcedureID: 'abc', ScheduledProtocolCodeSequence: [{ CodeValue: '1' }] }],
      DimensionIndexPointer: 0x00200032,
      ReferencePixelX0: -7,
      '00771001': { vr: 'FD', value: [Math.PI, -1e300] },
      '00770010': { vr: 'LO', value: 'TEST' },
      PixelData: Uint8Array.of(1, 2, 3),
    });
    expect(textOf(d, 'x00100010', ['ISO_IR 192'])).toBe('Müller^Jürgen=東京^太郎=とうきょう^たろう');
    expect(d.string('x00080008')).toBe('DERIVED\\SECONDARY');
    expect(d.string('x00200032')).toBe('0.33333333333333\\-2.5\\1e-7');
    expect(d.int16('x00280120')).toBe(-1000);
    expect(d.elements['x00280120']?.vr).toBe('SS');
    expect(d.elements['x00201041']?.length).toBe(0);
    expect(d.elements['x00081140']?.items).toEqual([]);
    const nested = d.elements['x00400275']?.items?.[0]?.dataSet;
    expect(nested?.elements['x00400008']?.items?.[0]?.dataSet?.string('x00080100')).toBe('1');
    expect([d.uint16('x00209165'), d.uint16('x00209165', 1)]).toEqual([0x20, 0x32]);
    expect(d.int32('x00186020')).toBe(-7);
    expect([d.double('x00771001'), d.double('x00771001', 1)]).toEqual([Math.PI, -1e300]);
    expect(d.elements['x7fe00010']).toMatchObject({ vr: 'OB', length: 4 });
    expect(d.string('x00080005')).toBe('ISO_IR 192');
    expect(d.string('x00020010')).toBe('1.2.840.10008.1.2.1');
  });

  it('are not written with a value that its kind forbids', () => {
    const wrong: readonly Dataset[] = [
      { Modality: 'lower' },
      { Modality: 'SEVENTEEN LETTERS' },
      { SeriesDescription: 'x'.repeat(65) },
      { SeriesDescription: 'two\nlines' },
      { SeriesDescription: 'a\\b' },
      { StudyDate: '20261301' },
      { StudyDate: '20260231' },
      { StudyTime: '256000' },
      { StudyInstanceUID: '1.02.3' },
      { PatientName: 'a^b^c^d^e^f' },
      { PatientName: 'x'.repeat(65) },
      { Rows: 65536 },
      { Rows: 1.5 },
      { Rows: '512' },
      { SliceThickness: Number.NaN },
      { SliceThickness: '12345678901234567' },
      { InstanceNumber: 1.5 },
      { ImagePositionPatient: Array.from({ length: 10000 }, () => 1 / 3) },
      { NotAKeyword: 1 },
      { TransferSyntaxUID: '1.2.3' },
      { PixelData: 'text' },
      { ReferencedImageSequence: 'text' },
      { SOPInstanceUID: null },
      { '00771001': 'no VR' },
      { ReferencedImageSequence: [{ ReferencedSOPClassUID: 'x' }] },
      { Rows: 1, '00280010': { vr: 'US', value: 2 } },
    ];
    for (const dataset of wrong) {
      expect(() => encodePart10({ ...SAMPLE, ...dataset }), JSON.stringify(dataset).slice(0, 60)).toThrow(
        expect.toSatisfy((e: unknown) => isNavError(e, 'dicom/bad-value')),
      );
    }
  });

  it('does not repeat a refused value, which may name a patient', () => {
    try {
      encodePart10({ ...SAMPLE, PatientName: `Secret${'x'.repeat(64)}` });
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toMatch(/PatientName/);
      expect(String(error)).not.toMatch(/Secret/);
    }
  });

  it('come out of a browser bundle that may not make code from text', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trocar-bundle-'));
    try {
      const result = await build({
        stdin: {
          contents: `import { encodePart10 } from './part10.ts';
            const bytes = encodePart10({ SOPClassUID: '1.2.840.10008.5.1.4.1.1.7', SOPInstanceUID: '2.25.7', PatientName: 'É' });
            console.log(bytes.length, String.fromCharCode(...bytes.subarray(128, 132)));`,
          resolveDir: import.meta.dirname,
          loader: 'ts',
        },
        bundle: true,
        write: false,
        format: 'esm',
        platform: 'browser',
        conditions: ['@trocar/source'],
        metafile: true,
        logLevel: 'silent',
      });
      const foreign = Object.values(result.metafile.inputs).flatMap((input) => input.imports.filter((i) => i.external));
      expect(foreign).toEqual([]);
      const file = join(folder, 'bundle.mjs');
      writeFileSync(file, result.outputFiles[0]?.contents ?? '');
      const out = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', file], { encoding: 'utf8' });
      expect(out.trim()).toBe(`${encodePart10({ ...SAMPLE, PatientName: 'É' }).length} DICM`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
