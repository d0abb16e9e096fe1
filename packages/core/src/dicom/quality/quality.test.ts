import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { readVolume } from '../../io/index.js';
import { dicomSeries, type Tags } from '../../io/test-support/dicom-writer.js';
import { Random } from '../../math/index.js';
import { resampleStraight, type Volume, type VolumeInit, volume } from '../../volume/index.js';
import {
  ACQUISITION_PROTOCOLS,
  type AcquisitionFacts,
  type AcquisitionInput,
  checkAcquisition,
  contrastPhase,
  type Finding,
  readAcquisitionFacts,
  sliceMotion,
} from './index.js';

const ct = frame('ct');
const { liverAblationCt, head } = ACQUISITION_PROTOCOLS;
const SIZE = 96;

/**
 * A body of many soft blobs that lean and fade from slice to slice, with noise; slice k shifted by shift(k) in mm.
 * Pixels of 2 mm, slices of 2 mm.
 */
function body(shift: (k: number) => readonly [number, number], { slices = 24, noise = 10, seed = 3 } = {}): Volume<'ct'> {
  const random = new Random(seed);
  const blobs = Array.from({ length: 60 }, () => ({
    x: random.between(20, 172),
    y: random.between(20, 172),
    z: random.between(0, 2 * slices),
    lean: [random.between(-0.1, 0.3), random.between(-0.2, 0.2)] as const,
    r: random.between(6, 22),
    tall: random.between(20, 60),
    hu: random.between(-150, 250),
  }));
  const voxels = new Int16Array(SIZE * SIZE * slices);
  for (let k = 0; k < slices; k += 1) {
    const [dx, dy] = shift(k);
    const here = blobs.map((b) => ({
      ...b,
      cx: b.x + b.lean[0] * (2 * k - b.z) + dx,
      cy: b.y + b.lean[1] * (2 * k - b.z) + dy,
      w: Math.exp(-(((2 * k - b.z) / b.tall) ** 2)),
    }));
    for (let j = 0; j < SIZE; j += 1) {
      for (let i = 0; i < SIZE; i += 1) {
        let value = -200;
        for (const b of here) {
          const square = (2 * i - b.cx) ** 2 + (2 * j - b.cy) ** 2;
          if (square < 9 * b.r * b.r) value += b.w * b.hu * Math.exp(-square / (2 * b.r * b.r));
        }
        voxels[(k * SIZE + j) * SIZE + i] = value + noise * random.normal();
      }
    }
  }
  return made({ voxels, size: [SIZE, SIZE, slices] });
}

function made(init: Partial<VolumeInit<'ct'>> & Pick<VolumeInit<'ct'>, 'voxels' | 'size'>): Volume<'ct'> {
  return volume({ frame: ct, frameFromIndex: [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1], modality: 'CT', ...init });
}

/** A body takes a second to make and another to measure: more of them where there is time. */
const SEEDS: readonly number[] = inject('effort') > 1 ? [3, 4, 5] : [3];

describe('motion between slices', () => {
  it('of a body that only leans is small', () => {
    for (const seed of SEEDS) expect(sliceMotion(body(() => [0, 0], { seed })).largest?.sizeMm).toBeLessThan(0.5);
  });

  it.each([
    [3, 0],
    [0, -5],
    [4, 3],
    [-12, 6],
  ])('of (%i, %i) mm between two slices is measured within a tenth and placed', (x, y) => {
    for (const seed of SEEDS) {
      const { largest } = sliceMotion(body((k) => (k > 11 ? [x, y] : [0, 0]), { seed }));
      expect([seed, largest?.slice]).toEqual([seed, 11]);
      const miss = Math.hypot((largest?.shiftMm[0] as number) - x, (largest?.shiftMm[1] as number) - y);
      expect(miss).toBeLessThan(Math.max(0.3, 0.1 * Math.hypot(x, y)));
    }
  });

  it('that is not there is not invented from noise or emptiness', () => {
    const random = new Random(9);
    const noise = made({ voxels: Int16Array.from({ length: 64 * 64 * 6 }, () => 100 * random.normal()), size: [64, 64, 6] });
    expect(sliceMotion(noise).measured).toBe(0);
    const empty = made({ voxels: new Int16Array(64 * 64 * 6), size: [64, 64, 6] });
    expect(sliceMotion(empty)).toMatchObject({ measured: 0, largest: undefined });
  });
});

const goodFacts: AcquisitionFacts = {
  modality: 'CT',
  sliceThicknessMm: 2,
  studyDate: '20240301',
  patientPosition: 'HFS',
  lossy: false,
  contrastAgent: 'Iohexol',
  contrastDelayS: 70,
  description: 'Abdomen',
  images: 24,
};

/** Limits that the small phantom keeps. */
const protocol = {
  ...liverAblationCt,
  pixelMm: { caution: 2, unfit: 3 },
  matrix: { caution: 96, unfit: 64 },
  marginMm: { caution: 10, unfit: 5 },
};
const still = body(() => [0, 0]);
const good: AcquisitionInput = {
  volume: still,
  facts: goodFacts,
  protocol,
  points: [{ name: 'target', position: [90, 90, 24] }],
  today: '20240310',
};

function finding(input: Partial<AcquisitionInput>, check: Finding['check']): Finding {
  const found = checkAcquisition({ ...good, ...input }).findings.find((f) => f.check === check);
  if (found === undefined) throw new Error(`no finding ${check}`);
  return found;
}

const facts = (change: Partial<AcquisitionFacts>): Partial<AcquisitionInput> => ({ facts: { ...goodFacts, ...change } });

describe('the check of an acquisition', () => {
  it('passes what the protocol asks for', () => {
    const report = checkAcquisition(good);
    expect(report.findings.filter((f) => f.verdict !== 'ok')).toEqual([]);
    expect(report).toMatchObject({ verdict: 'ok', protocol: 'liver ablation, CT' });
  });

  it.each([
    ['thick slices', facts({ sliceThicknessMm: 6 }), 'slice-thickness', 'unfit'],
    ['gaps', facts({ sliceThicknessMm: 1.2 }), 'gap', 'caution'],
    ['wide gaps', facts({ sliceThicknessMm: 0.6 }), 'gap', 'unfit'],
    ['overlap', facts({ sliceThicknessMm: 2.4 }), 'gap', 'ok'],
    ['no thickness', facts({ sliceThicknessMm: undefined }), 'gap', 'unknown'],
    ['an old study', facts({ studyDate: '20240215' }), 'age', 'caution'],
    ['a very old study', facts({ studyDate: '20230215' }), 'age', 'unfit'],
    ['a study of tomorrow', facts({ studyDate: '20240311' }), 'age', 'caution'],
    ['no date', facts({ studyDate: undefined }), 'age', 'unknown'],
    ['loss', facts({ lossy: true }), 'compression', 'caution'],
    ['no contrast', facts({ contrastAgent: '', contrastDelayS: undefined }), 'contrast', 'caution'],
    ['contrast that nobody knows', facts({ contrastAgent: undefined, contrastDelayS: undefined }), 'contrast', 'unknown'],
    ['a late phase', facts({ contrastDelayS: 240 }), 'contrast', 'caution'],
    ['a target outside', { points: [{ name: 'target', position: [90, 90, 52] }] }, 'field-of-view', 'unfit'],
    ['a target near the edge', { points: [{ name: 'target', position: [6, 90, 24] }] }, 'field-of-view', 'caution'],
    ['no points', { points: [] }, 'field-of-view', 'unknown'],
    ['another modality', { protocol: { ...protocol, modalities: ['MR'] } }, 'modality', 'unfit'],
    ['few pixels', { protocol: { ...protocol, matrix: { caution: 256, unfit: 128 } } }, 'matrix', 'unfit'],
    ['large pixels', { protocol: { ...protocol, pixelMm: { caution: 1, unfit: 5 } } }, 'pixel', 'caution'],
    ['the other position', { protocol: { ...protocol, positions: ['HFP'] } }, 'position', 'caution'],
  ] as const)('with %s finds it: %s', (_, change, check, verdict) => {
    const input = change as unknown as Partial<AcquisitionInput>;
    expect(finding(input, check).verdict).toBe(verdict);
    const overall = verdict === 'unknown' ? 'caution' : verdict;
    expect(checkAcquisition({ ...good, ...input }).verdict).toBe(overall);
  });

  it('measures the margin of a point from the outer edge of the outermost voxel', () => {
    expect(finding({ points: [{ name: 't', position: [90, 90, 0] }] }, 'field-of-view').measured).toBeCloseTo(1, 9);
    expect(finding({ points: [{ name: 't', position: [191, 90, 24] }] }, 'field-of-view').measured).toBeCloseTo(0, 9);
  });

  it('sees a breath between two slices', () => {
    const moved = body((k) => (k > 11 ? [0, 6] : [0, 0]));
    expect(finding({ volume: moved }, 'motion')).toMatchObject({
      verdict: 'unfit',
      message: expect.stringContaining('slices 12 and 13'),
    });
    expect(finding({ volume: body((k) => (k > 11 ? [0, 2.5] : [0, 0])) }, 'motion').verdict).toBe('caution');
  });

  it('counts metal by its share', () => {
    const voxels = Int16Array.from(still.voxels);
    voxels.fill(3071, 0, Math.round(0.005 * voxels.length));
    const metal = made({ voxels, size: still.size });
    expect(finding({ volume: metal }, 'saturation')).toMatchObject({ verdict: 'caution', measured: expect.closeTo(0.005, 5) });
  });

  it('refuses a tilt, and cautions what was straightened or filled', async () => {
    const read = (gaps: 'refuse' | 'interpolate', step: readonly number[], skip = -1) =>
      readVolume(
        dicomSeries(6, { step }).filter((_, k) => k !== skip),
        { frame: ct, gaps },
      );
    const tilted = await read('refuse', [0, 0.6, 2]);
    expect(finding({ volume: tilted }, 'tilt').verdict).toBe('unfit');
    // Slices 2 mm apart along their normal, however long their slanted step is.
    expect(finding({ volume: tilted }, 'slice-spacing').measured).toBeCloseTo(2, 9);
    const straight = resampleStraight(tilted);
    expect(finding({ volume: straight }, 'tilt').verdict).toBe('caution');
    const record = straight.warnings.find((w) => w.code === 'resampled');
    expect(record?.detail).toMatchObject({
      originalSize: tilted.size,
      originalFrameFromIndex: Array.from(tilted.frameFromIndex),
    });
    expect(record?.detail?.['degrees']).toBeCloseTo((Math.atan2(0.6, 2) * 180) / Math.PI, 9);
    expect(finding({ volume: await read('interpolate', [0, 0, 2], 3) }, 'filled-gaps').verdict).toBe('unfit');
  });

  it('refuses limits, points and days that are none', () => {
    const code = (change: Partial<AcquisitionInput>): string => {
      try {
        checkAcquisition({ ...good, ...change });
        return 'none';
      } catch (error) {
        return isNavError(error) ? error.code : 'other';
      }
    };
    expect(code({ protocol: { ...head, pixelMm: { caution: 3, unfit: 1 } } })).toBe('dicom/bad-protocol');
    expect(code({ points: [{ name: 'x', position: [0, Number.NaN, 0] }] })).toBe('dicom/bad-protocol');
    expect(code({ today: '20240230' })).toBe('dicom/bad-protocol');
  });
});

describe('the phase of contrast', () => {
  it.each([
    [{ aortaHu: 45, liverHu: 55 }, 'none'],
    [{ aortaHu: 320, liverHu: 70 }, 'arterial'],
    [{ aortaHu: 150, liverHu: 110 }, 'portal-venous'],
    [{ aortaHu: 95, liverHu: 80 }, 'late'],
    [{ delayS: 30 }, 'arterial'],
    [{ delayS: 75 }, 'portal-venous'],
    [{ delayS: 300 }, 'late'],
    [{ agent: '' }, 'none'],
    [{}, 'unknown'],
    [{ aortaHu: 320, liverHu: 70, delayS: 75 }, 'unknown'],
  ] as const)('%o is %s', (input, phase) => {
    expect(contrastPhase(input).phase).toBe(phase);
  });
});

describe('the facts of a series', () => {
  const series = (tags: Tags, last: Tags = {}) =>
    dicomSeries(3, {
      each: (k) => ({
        tags: { '00080020': ['DA', '20240301'], '00080032': ['LO', `0000${10 + k}`], ...tags, ...(k === 2 ? last : {}) },
      }),
    });

  it('are those all its files agree on', async () => {
    const found = await readAcquisitionFacts(series({ '00180010': ['LO', 'Iohexol'], '00181042': ['LO', '235900'] }));
    expect(found).toEqual({
      modality: 'CT',
      sliceThicknessMm: 2,
      studyDate: '20240301',
      patientPosition: 'HFS',
      lossy: false,
      contrastAgent: 'Iohexol',
      contrastDelayS: 70,
      description: 'Synthetic',
      images: 3,
    });
  });

  it('are unknown where they disagree or make no sense', async () => {
    const found = await readAcquisitionFacts(
      series({ '00181042': ['LO', '120000'] }, { '00180050': ['DS', '3'], '00282110': ['CS', '01'] }),
    );
    expect([found.sliceThicknessMm, found.contrastDelayS, found.contrastAgent, found.lossy]).toEqual([
      undefined,
      undefined,
      undefined,
      true,
    ]);
  });

  it('are of one series', async () => {
    const two = series({}, { '0020000E': ['UI', '9.9'] });
    await expect(readAcquisitionFacts(two)).rejects.toMatchObject({ code: 'dicom/mixed-series' });
    expect((await readAcquisitionFacts(two, '9.9')).images).toBe(1);
    await expect(readAcquisitionFacts(two, '8.8')).rejects.toMatchObject({ code: 'io/not-found' });
  });
});
