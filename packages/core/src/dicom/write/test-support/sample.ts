import fc from 'fast-check';
import { fromRotationVector, identity4, type Mat4 } from '../../../math/index.js';
import type { InstanceReference, ObjectInit } from '../object.js';

/** What all written objects of the tests have in common. */
export const SAMPLE_INIT: ObjectInit = {
  study: {
    studyUid: '1.2.826.0.1.3680043.2.1143.1',
    patient: { name: 'Müller^Jürgen', id: 'P-17', birthDate: '19610203', sex: 'M' },
    date: '20261127',
    time: '081500',
    timezoneOffset: '+0530',
    accessionNumber: 'A1',
    id: 'S1',
    referringPhysician: 'Ray^Asha',
  },
  series: { number: 901, description: 'Results' },
  equipment: {
    manufacturer: 'Example',
    model: 'Workstation',
    serialNumber: 'W-1',
    softwareVersions: ['app 3.1', 'trocar 0.1.0'],
  },
  provenance: {
    method: 'paired-points',
    version: '0.1.0',
    inputs: 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    createdAt: '2026-11-27T16:02:39.25+05:30',
    acceptedBy: { name: 'Sen^Ira', at: '2026-11-27T16:03:10+05:30' },
  },
};

export const CT_FRAME: string = '1.2.826.0.1.3680043.2.1143.20';
export const MR_FRAME: string = '1.2.826.0.1.3680043.2.1143.21';

/** References to `count` CT slices of the sample's own study. */
export function ctReferences(count: number): readonly InstanceReference[] {
  return Array.from({ length: count }, (_, n) => ({
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid: `1.2.826.0.1.3680043.2.1143.30.${n + 1}`,
    seriesUid: '1.2.826.0.1.3680043.2.1143.3',
  }));
}

/** References into another study. */
export const MR_REFERENCES: readonly InstanceReference[] = [
  {
    sopClassUid: '1.2.840.10008.5.1.4.1.1.4',
    sopInstanceUid: '1.2.826.0.1.3680043.2.1143.40.1',
    seriesUid: '1.2.826.0.1.3680043.2.1143.4',
    studyUid: '1.2.826.0.1.3680043.2.1143.2',
  },
];

const coordinate = (most: number): fc.Arbitrary<number> => fc.double({ min: -most, max: most, noNaN: true });

/** Rigid matrices: any rotation, any translation up to `mm`. */
export function rigidMatrices(mm: number): fc.Arbitrary<Mat4> {
  return fc
    .tuple(coordinate(3), coordinate(3), coordinate(3), coordinate(mm), coordinate(mm), coordinate(mm))
    .map(([a, b, c, x, y, z]) => {
      const m = fromRotationVector(identity4(), [a, b, c]);
      m[12] = x;
      m[13] = y;
      m[14] = z;
      return m;
    });
}
