import { describe, expect, it } from 'vitest';
import { isNavError, type NavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { type ReadVolumeOptions, readVolume, type SuvKind, type VolumeFile } from '../index.js';
import { COLUMNS, dicomSlice, ROWS, type Tags } from '../test-support/dicom-writer.js';

const pet = frame('pet');
/** F-18, s. */
const HALF_LIFE = 6586.2;

const tracer = (tags: Tags = {}): Tags => ({
  '00540016': [
    'SQ',
    [{ '00181072': ['LO', '103000.00'], '00181074': ['DS', '370000000'], '00181075': ['DS', String(HALF_LIFE)], ...tags }],
  ],
});

const base: Tags = {
  '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.128'],
  '00080060': ['CS', 'PT'],
  '00080021': ['DA', '20240305'],
  '00080022': ['DA', '20240305'],
  '00080031': ['LO', '113000'],
  '00080032': ['LO', '113010'],
  '00100040': ['CS', 'F'],
  '00101020': ['DS', '1.68'],
  '00101030': ['DS', '64'],
  '00280051': ['CS', 'ATTN\\SCAT\\DECY'],
  '00281052': ['DS', '0'],
  '00281053': ['DS', '2.5'],
  '00541001': ['CS', 'BQML'],
  '00541102': ['CS', 'START'],
  ...tracer(),
};

function series(tags: Tags = {}, each: (k: number) => Tags = () => ({})): VolumeFile[] {
  return [0, 1, 2].map((k) => ({
    name: `p${k}.dcm`,
    bytes: dicomSlice({ position: [0, 0, 3 * k], offset: 500, tags: { ...base, ...tags, ...each(k) } }),
  }));
}

const read = (files: readonly VolumeFile[], suv: SuvKind = 'body-weight', options: Partial<ReadVolumeOptions<'pet'>> = {}) =>
  readVolume(files, { frame: pet, suv, ...options });

/** The SUV of the voxel (3, 2, k), whose stored value is 3 + 20 + 500. */
async function suvOf(files: readonly VolumeFile[], kind?: SuvKind, k = 1): Promise<number> {
  const v = await read(files, kind);
  expect(v.rescale.unit).toBe(kind === 'body-surface' ? 'cm2/ml' : 'g/ml');
  const stored = v.voxels[(k * ROWS + 2) * COLUMNS + 3] as number;
  return v.rescale.slope * stored + v.rescale.intercept;
}

const STORED = 523;
const left = (seconds: number): number => 370e6 * 0.5 ** (seconds / HALF_LIFE);

async function refusal(tags: Tags, kind: SuvKind = 'body-weight'): Promise<NavError> {
  const outcome = await read(series(tags), kind).catch((error: unknown) => error);
  if (!isNavError(outcome)) throw new Error(`expected a refusal, got ${String(outcome)}`);
  return outcome;
}

describe('SUV', () => {
  it('by body weight: activity · weight ÷ dose left at the start of the scan', async () => {
    // One hour from 10:30 to 11:30: 2.5 · 523 Bq/ml · 64000 g ÷ (370 MBq · 2^(−3600/6586.2)).
    expect(await suvOf(series())).toBeCloseTo((2.5 * STORED * 64_000) / left(3600), 12);
    const v = await read(series());
    const told = v.warnings.find((w) => w.code === 'suv');
    expect(told?.detail).toMatchObject({ kind: 'body-weight', doseBq: 370e6, delayS: 3600, correctedTo: '20240305113000' });
    expect(v.voxels).toBeInstanceOf(Int16Array);
  });

  it('of slices with slopes of their own is each its own', async () => {
    const files = series({}, (k) => ({ '00281053': ['DS', String(1 + k)] }));
    for (const k of [0, 1, 2]) {
      expect(await suvOf(files, 'body-weight', k)).toBeCloseTo(((1 + k) * STORED * 64_000) / left(3600), 5);
    }
  });

  it('of tracer given before midnight counts the day before', async () => {
    const files = series({
      '00080031': ['LO', '003000'],
      '00080032': ['LO', '003000'],
      ...tracer({ '00181072': ['LO', '233000'] }),
    });
    expect(await suvOf(files)).toBeCloseTo((2.5 * STORED * 64_000) / left(3600), 12);
    expect((await read(files)).warnings.map((w) => w.message).join()).toContain('day before');
    const dated = series({
      '00080031': ['LO', '003000'],
      '00080032': ['LO', '003000'],
      ...tracer({ '00181078': ['LO', '20240304230000'], '00181072': ['LO', '233000'] }),
    });
    expect(await suvOf(dated)).toBeCloseTo((2.5 * STORED * 64_000) / left(5400), 12);
  });

  it('of a series made later is corrected to the earliest acquisition, or to the scanner’s private scan time', async () => {
    const acquired = (k: number): Tags => ({ '00080032': ['LO', ['113300', '113000', '113600'][k] as string] });
    const late: Tags = { '00080031': ['LO', '154500'] };
    expect(await suvOf(series(late, acquired))).toBeCloseTo((2.5 * STORED * 64_000) / left(3600), 12);
    const ge: Tags = { ...late, '00090010': ['LO', 'GEMS_PETD_01'], '0009100D': ['LO', '20240305112930.00'] };
    expect(await suvOf(series(ge, acquired))).toBeCloseTo((2.5 * STORED * 64_000) / left(3570), 12);
    const foreign: Tags = { ...ge, '00090010': ['LO', 'SOMEONE ELSE'] };
    expect(await suvOf(series(foreign, acquired))).toBeCloseTo((2.5 * STORED * 64_000) / left(3600), 12);
  });

  it('of images corrected to the administration needs no decay', async () => {
    expect(await suvOf(series({ '00541102': ['CS', 'ADMIN'] }))).toBeCloseTo((2.5 * STORED * 64_000) / 370e6, 12);
  });

  it('of uncorrected images undoes the decay within each frame, against an integral by small steps', async () => {
    const files = series({ '00541102': ['CS', 'NONE'] }, (k) => ({
      '00080032': ['LO', `11${30 + 10 * k}00`],
      '00181242': ['IS', '600000'],
    }));
    for (const k of [0, 1, 2]) {
      // The mean of 2^(−t/T½) over the frame, by the midpoint rule.
      const steps = 20_000;
      let mean = 0;
      for (let n = 0; n < steps; n += 1) mean += 0.5 ** ((3600 + 600 * k + (600 * (n + 0.5)) / steps) / HALF_LIFE) / steps;
      expect(await suvOf(files, 'body-weight', k)).toBeCloseTo((2.5 * STORED * 64_000) / (370e6 * mean), 6);
    }
  });

  it.each([
    ['lean-body-mass-james', 'F', 1000 * (1.07 * 64 - 148 * (64 / 168) ** 2)],
    ['lean-body-mass-james', 'M', 1000 * (1.1 * 64 - 128 * (64 / 168) ** 2)],
    ['lean-body-mass-janmahasatian', 'F', (1000 * 9270 * 64) / (8780 + (244 * 64) / 1.68 ** 2)],
    ['lean-body-mass-janmahasatian', 'M', (1000 * 9270 * 64) / (6680 + (216 * 64) / 1.68 ** 2)],
    ['body-surface', 'M', 71.84 * 64 ** 0.425 * 168 ** 0.725],
  ] as const)('by %s (%s)', async (kind, sex, body) => {
    expect(await suvOf(series({ '00100040': ['CS', sex] }), kind)).toBeCloseTo((2.5 * STORED * body) / left(3600), 9);
  });

  it('is taken as it is where it is one already, and scaled to another body', async () => {
    const gml: Tags = { '00541001': ['CS', 'GML'] };
    expect(await suvOf(series(gml))).toBeCloseTo(2.5 * STORED, 9);
    const lean = 1000 * (1.07 * 64 - 148 * (64 / 168) ** 2);
    expect(await suvOf(series(gml), 'lean-body-mass-james')).toBeCloseTo((2.5 * STORED * lean) / 64_000, 9);
    expect(await suvOf(series({ ...gml, '00541006': ['CS', 'LBMJAMES128'] }))).toBeCloseTo((2.5 * STORED * 64_000) / lean, 9);
  });

  it('of counts takes Philips’s factors, from Philips alone', async () => {
    const counts: Tags = { '00541001': ['CS', 'CNTS'], '70530010': ['LO', 'Philips PET Private Group'] };
    expect(await suvOf(series({ ...counts, '70531000': ['DS', '0.000375'] }))).toBeCloseTo(2.5 * STORED * 0.000375, 12);
    const activity = { ...counts, '70531009': ['DS', '1.75'] } as Tags;
    expect(await suvOf(series(activity))).toBeCloseTo((1.75 * 2.5 * STORED * 64_000) / left(3600), 9);
    const other = { ...counts, '70530010': ['LO', 'OTHER'], '70531000': ['DS', '0.000375'] } as Tags;
    expect((await refusal(other)).code).toBe('dicom/missing-suv');
  });

  it.each([
    ['no weight', { '00101030': undefined }, '(0010,1030)'],
    ['a weight of 0', { '00101030': ['DS', '0'] }, '(0010,1030)'],
    ['no units', { '00541001': undefined }, '(0054,1001)'],
    ['units of nobody', { '00541001': ['CS', 'PROPCPS'] }, '(0054,1001)'],
    ['no decay correction', { '00541102': undefined }, '(0054,1102)'],
    ['no attenuation correction', { '00280051': ['CS', 'DECY'] }, '(0028,0051)'],
    ['no dose', tracer({ '00181074': undefined }), '(0018,1074)'],
    ['a dose in MBq', tracer({ '00181074': ['DS', '370'] }), '(0018,1074)'],
    ['no half-life', tracer({ '00181075': undefined }), '(0018,1075)'],
    ['no time of injection', tracer({ '00181072': undefined }), '(0018,1078)'],
    ['an injection after the scan', tracer({ '00181078': ['LO', '20240305120000'] }), '(0018,1078)'],
    ['an injection last year', tracer({ '00181078': ['LO', '20230305103000'] }), '(0018,1078)'],
    ['no acquisition time', { '00080032': undefined }, '(0008,0032)'],
    ['an impossible date', { '00080022': ['DA', '20240231'] }, '(0008,0032)'],
  ] as const)('with %s is refused by name', async (_, tags, tag) => {
    const error = await refusal(tags as unknown as Tags);
    expect([error.code, error.detail['tag']]).toEqual(['dicom/missing-suv', tag]);
  });

  it('by lean body mass is refused without height or sex', async () => {
    expect((await refusal({ '00101020': undefined }, 'lean-body-mass-james')).detail['tag']).toBe('(0010,1020)');
    expect((await refusal({ '00101020': ['DS', '168'] }, 'body-surface')).detail['tag']).toBe('(0010,1020)');
    expect((await refusal({ '00100040': ['CS', 'O'] }, 'lean-body-mass-james')).detail['tag']).toBe('(0010,0040)');
  });

  it('of two scans in one series, or of a CT, is refused', async () => {
    const mixed = series({}, (k) => (k === 2 ? tracer({ '00181074': ['DS', '200000000'] }) : {}));
    await expect(read(mixed)).rejects.toMatchObject({ code: 'dicom/missing-suv' });
    expect((await refusal({ '00080060': ['CS', 'CT'] })).code).toBe('dicom/missing-suv');
  });
});
