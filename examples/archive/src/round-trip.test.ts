import { dicomArchive } from '@trocar/core/dicom';
import { findOrthanc, type RunningOrthanc, startOrthanc } from '@trocar/core/dicom/node';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { roundTrip } from './round-trip.js';

const seed = inject('seed');

describe.skipIf(findOrthanc() === undefined)('with a real archive (needs Orthanc and its DICOMweb plugin)', () => {
  let orthanc: RunningOrthanc;
  beforeAll(async () => {
    orthanc = await startOrthanc();
  }, 60_000);
  afterAll(() => orthanc.stop());

  it('images go in and out, results go back, and nothing is lost on the way', async () => {
    const steps = await roundTrip({ archive: dicomArchive({ url: orthanc.url }), seed, spacingMm: 4 });
    expect(steps.filter(({ holds }) => !holds)).toEqual([]);
    expect(steps.map(({ what }) => what)).toEqual([
      'stored',
      'found',
      'retrieved as stored',
      'retrieved as lossless JPEG',
      'registered',
      'results stored',
      'registration maps as it was written',
      'segmentation',
      'report',
      'de-identified',
      'registered without identity',
    ]);
  }, 120_000);
});
