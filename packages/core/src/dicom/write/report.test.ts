import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import type { AnyBiopsyCore } from '../../guidance/index.js';
import { pythonWith } from '../../io/test-support/real-data.js';
import { type Code, REGISTRATION_METHOD, STRUCTURE, sct } from './codes.js';
import { decodeMeasurementReport } from './read-report.js';
import { biopsyCoreGroup, encodeMeasurementReport, type MeasurementGroup, type MeasurementReportInit } from './report.js';
import { FINDING, MEASUREMENT, REPORT, UNIT } from './report-codes.js';
import { CT_FRAME, ctReferences, MR_REFERENCES, SAMPLE_INIT } from './test-support/sample.js';
import { dciodvfyErrors, dsrdump, HAS_DCIODVFY, HAS_DCMTK } from './test-support/validators.js';
import { SOP_CLASS } from './uid.js';

const pydicom = pythonWith('pydicom');

const SEGMENTATION = {
  sopClassUid: SOP_CLASS.segmentation,
  sopInstanceUid: '2.25.50',
  seriesUid: '2.25.51',
  studyUid: SAMPLE_INIT.study.studyUid,
};

const CORE: AnyBiopsyCore = {
  id: 'R-base-1',
  by: 'Sen^Ira',
  at: '2026-11-27T10:32:39Z',
  gun: { name: 'gun', throwMm: 22, notchMm: 18, tipToNotchMm: 4 } as unknown as AnyBiopsyCore['gun'],
  frame: frame('mr'),
  frameOfReferenceUid: CT_FRAME,
  near: [10, 20, 30],
  far: [10, 20, 48],
  pose: [],
  status: 'ok',
  ageMs: 12,
  covariance: [],
  degreesOfFreedom: Number.POSITIVE_INFINITY,
  covarianceAlong: { near: [], middle: [1, 0, 0, 0, 2, 0, 0, 0, 1], far: [] },
  registration: undefined,
};

const GROUPS: readonly MeasurementGroup[] = [
  {
    trackingId: 'Tumour 1',
    trackingUid: '2.25.100',
    finding: STRUCTURE.neoplasm,
    site: STRUCTURE.liver,
    segment: { segmentation: SEGMENTATION, number: 2 },
    measurements: [
      { name: MEASUREMENT.volume, value: 4.123456789012345, unit: UNIT.ml, standardUncertainty: 0.21 },
      { name: MEASUREMENT.diameter, value: undefined, unit: UNIT.mm },
    ],
  },
  {
    trackingId: 'Margin',
    trackingUid: '2.25.101',
    finding: FINDING.ablationMargin,
    measurements: [
      { name: MEASUREMENT.minimumMargin, value: -1.5, unit: UNIT.mm, standardUncertainty: 0.4 },
      { name: MEASUREMENT.coveredFraction, value: 0.987, unit: UNIT.ratio },
    ],
  },
  {
    trackingId: 'Registration',
    trackingUid: '2.25.102',
    finding: FINDING.registration,
    measurements: [
      {
        name: MEASUREMENT.targetRegistrationError,
        value: 1.1,
        unit: UNIT.mm,
        bound: { upper: 2.2, probability: 0.95 },
        method: REGISTRATION_METHOD.fiducials,
        place: { kind: 'POINT', points: [[1.5, -2.25, 1e3]], frameOfReferenceUid: CT_FRAME },
      },
    ],
  },
];

function init(more: Partial<MeasurementReportInit> = {}): MeasurementReportInit {
  return {
    ...SAMPLE_INIT,
    procedure: sct('77477000', 'Computed tomography'),
    observer: 'Sen^Ira',
    images: [...ctReferences(2), ...MR_REFERENCES],
    groups: GROUPS,
    verifier: { name: 'Sen^Ira', organization: 'Clinic', at: '2026-11-27T17:00:00+05:30' },
    ...more,
  };
}

/** What was given, without the fields that were not. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('a measurement report', () => {
  it('brings every number back with unit, uncertainty, bound, method and place', async () => {
    const read = await decodeMeasurementReport(encodeMeasurementReport(init()).bytes);
    // A value that is not known takes its unit along.
    const expected = GROUPS.map((g) => ({
      ...g,
      measurements: g.measurements.map((m) => (m.value === undefined ? { name: m.name } : m)),
    }));
    expect(plain(read.groups)).toEqual(plain(expected));
    expect(read).toMatchObject({
      verified: true,
      verifier: { name: 'Sen^Ira', organization: 'Clinic', at: '20261127170000+0530' },
      observers: ['Sen^Ira'],
      procedure: { value: '77477000' },
      provenance: SAMPLE_INIT.provenance,
    });
  });

  it('is unverified where nobody verified it', async () => {
    const read = await decodeMeasurementReport(encodeMeasurementReport(init({ verifier: undefined, observer: undefined })).bytes);
    expect(read).toMatchObject({ verified: false, verifier: undefined, observers: [] });
  });

  it('holds biopsy cores by their ends', async () => {
    const read = await decodeMeasurementReport(
      encodeMeasurementReport(init({ groups: [biopsyCoreGroup(CORE, STRUCTURE.prostate)] })).bytes,
    );
    expect(read.groups[0]).toMatchObject({
      trackingId: 'R-base-1',
      finding: FINDING.biopsyCore,
      site: STRUCTURE.prostate,
      measurements: [
        {
          value: 18,
          place: {
            kind: 'POLYLINE',
            points: [
              [10, 20, 30],
              [10, 20, 48],
            ],
            frameOfReferenceUid: CT_FRAME,
          },
        },
        { value: 2 },
      ],
    });
  });

  it('refuses what no measurement is', () => {
    const one = (m: Partial<MeasurementGroup['measurements'][0]>): MeasurementReportInit =>
      init({ groups: [{ trackingId: 'x', measurements: [{ name: MEASUREMENT.length, value: 1, unit: UNIT.mm, ...m }] }] });
    const place = { kind: 'POINT', points: [[1, 2, 3]], frameOfReferenceUid: CT_FRAME } as const;
    const wrong = [
      init({ groups: [] }),
      init({ groups: [{ trackingId: 'x', measurements: [] }] }),
      init({ groups: [{ ...(GROUPS[0] as MeasurementGroup), trackingId: '' }] }),
      one({ value: Number.NaN }),
      one({ standardUncertainty: -1 }),
      one({ bound: { upper: 1, probability: 95 } }),
      one({ place: { ...place, points: [[1, 2, Number.NaN]] } }),
      one({ place: { ...place, points: [[1, 2]] } }),
      one({ place: { ...place, kind: 'POLYLINE' } }),
      one({ place: { ...place, frameOfReferenceUid: 'ct' } }),
    ];
    for (const each of wrong) {
      expect(() => encodeMeasurementReport(each)).toThrow(expect.toSatisfy((e: unknown) => isNavError(e, 'dicom/bad-object')));
    }
  });

  const variations: readonly [string, MeasurementReportInit][] = [
    ['with all', init()],
    [
      'without images, verifier, observer',
      init({ images: undefined, verifier: undefined, observer: undefined, groups: GROUPS.slice(1) }),
    ],
    ['of cores', init({ groups: [biopsyCoreGroup(CORE)] })],
  ];
  it.skipIf(!HAS_DCIODVFY).each(variations)('passes dciodvfy %s', (_, each) => {
    expect(dciodvfyErrors(encodeMeasurementReport(each).bytes)).toEqual([]);
  });

  it.skipIf(!HAS_DCMTK)('is read by dcmtk', () => {
    const text = dsrdump(encodeMeasurementReport(init()).bytes);
    expect(text).toContain('Imaging Measurement Report');
    expect(text).toMatch(/Minimum ablation margin.*"-1.5" \(mm,UCUM/);
    expect(text).toMatch(/Verif\w+.*VERIFIED|VERIFIED/);
  });
});

it.skipIf(pydicom === undefined)('all codes of public schemes are in the standard, with these meanings', () => {
  const all: readonly Code[] = [STRUCTURE, REGISTRATION_METHOD, REPORT, MEASUREMENT, FINDING].flatMap((table) =>
    Object.values(table),
  );
  const known = pydicom?.(
    `import sys, json
from pydicom.sr._concepts_dict import concepts
out = {}
for s in ('DCM', 'SCT'):
    for name, codes in concepts[s].items():
        for value, entry in codes.items(): out.setdefault(s + value, []).append(entry[0].lower())
print(json.dumps(out))`,
  ) as Record<string, string[]>;
  const missing = all.filter((c) => c.scheme !== '99TROCAR' && !known[c.scheme + c.value]?.includes(c.meaning.toLowerCase()));
  expect(missing).toEqual([]);
});
