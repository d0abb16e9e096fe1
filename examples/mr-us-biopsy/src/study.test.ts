import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  decodeMeasurementReport,
  decodeSpatialRegistration,
  dicomArchive,
  openStudyStore,
  STRUCTURE,
  transformBetween,
} from '@trocar/core/dicom';
import { findOrthanc, type RunningOrthanc, startOrthanc, studyFolder } from '@trocar/core/dicom/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageSeries } from '../../archive/src/image-series.js';
import { ResultsDesk } from '../../suite/src/node/results-desk.js';
import type { StudyPlace } from '../../suite/src/node/study-options.js';
import { dciodvfyErrors, HAS_DCIODVFY } from '../../suite/src/node/test-support/dciodvfy.js';
import { type PlantedStudy, plantedStudy, plantIn } from '../../suite/src/node/test-support/planted-study.js';
import { isRefusal } from '../../suite/src/refusal.js';
import { uidFrom } from '../../suite/src/results.js';
import type { BiopsyCase } from './case.js';
import { packCase, unpackCase } from './case-bytes.js';
import { MR, REFERENCE } from './frames.js';
import { type BiopsyStudy, biopsyFromStudy } from './node/study-case.js';
import { type PhantomCase, phantomCase } from './phantom-case.js';
import { biopsyResults } from './results.js';
import { FEWER_HZ, STILL_HZ, withDrawnRegistration } from './test-support.js';

const root = mkdtempSync(join(tmpdir(), 'trocar-biopsy-study-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const SEED = 3;

describe.skipIf(findOrthanc() === undefined)('a biopsy with an archive (needs Orthanc and its DICOMweb plugin)', () => {
  let orthanc: RunningOrthanc;
  let phantom: PhantomCase;
  let study: PlantedStudy<'mr'>;
  let made: BiopsyStudy;

  const placeAt = async (name: string, url?: string): Promise<StudyPlace> => ({
    store: await openStudyStore(await studyFolder(join(root, name))),
    archive: url === undefined ? undefined : dicomArchive({ url, retries: 0 }),
  });
  const begun = (place: StudyPlace, series?: string): Promise<BiopsyStudy> =>
    biopsyFromStudy({ place, args: { study: study.study.studyUid, series, structures: undefined } });

  beforeAll(async () => {
    orthanc = await startOrthanc();
    phantom = phantomCase(SEED, 1.2);
    const { mr, labels, gland, lesions } = phantom.given;
    study = await plantedStudy({
      ...{ image: mr, labels, description: 't2_tse_tra' },
      segments: [
        { label: 'Prostate', category: STRUCTURE.anatomical, type: STRUCTURE.prostate, value: gland.label },
        ...lesions.map(({ name, label }) => ({
          label: name,
          category: STRUCTURE.abnormal,
          type: STRUCTURE.lesion,
          value: label,
        })),
      ],
    });
    const archive = dicomArchive({ url: orthanc.url });
    await plantIn(archive, study);
    // What else a prostate protocol has: none of it is planned on.
    for (const [number, description] of [
      [4, 'ADC map of ep2d_diff'],
      [5, 't2_localizer'],
      [6, 't1_vibe'],
    ] as const) {
      const { frameOfReferenceUid } = study;
      await archive.store(imageSeries(study.volume, { study: study.study, frameOfReferenceUid, number, description }).files);
    }
    made = await begun(await placeAt('machine', orthanc.url));
  }, 120_000);
  afterAll(() => orthanc?.stop());

  it('begins with the T2 of the study among its other series, and with the targets that were drawn on it', () => {
    expect(made.given.mr.voxels).toEqual(study.volume.voxels);
    expect(made.given.mr.series.description).toBe('t2_tse_tra');
    const facts = ({ given }: Pick<BiopsyStudy, 'given'>) => given.lesions.map(({ name, side }) => ({ name, side }));
    expect(facts(made)).toEqual(facts(phantom));
    expect(made.given.gland.volumeMl).toBeCloseTo(phantom.given.gland.volumeMl, 6);
    // The page gets the case as bytes, and has the same.
    const there = unpackCase(packCase(made.given));
    expect(there.mr.patient).toEqual(made.given.mr.patient);
    const centres = ({ lesions }: BiopsyCase) => lesions.map(({ name, centre }) => [name, ...Array.from(centre.xyz)]);
    expect(centres(there)).toEqual(centres(made.given));
  });

  it('asks which T2 is meant where two could be', async () => {
    const second = imageSeries(study.volume, {
      study: study.study,
      frameOfReferenceUid: study.frameOfReferenceUid,
      number: 7,
      description: 't2_tse_tra repeat',
    });
    await dicomArchive({ url: orthanc.url }).store(second.files);
    const place = await placeAt('machine', orthanc.url);
    await expect(begun(place)).rejects.toMatchObject({
      code: 'guidance/wrong-series',
      message: expect.stringMatching(/^2 series.*t2_tse_tra".*repeat/s),
    });
    expect((await begun(place, second.seriesUid)).given.mr.series.description).toBe('t2_tse_tra repeat');
  });

  it('ends with cores and registration in the archive, as they were recorded', async () => {
    const simulated = withDrawnRegistration({ ...phantom, given: made.given }, SEED);
    simulated.imagesHz = FEWER_HZ;
    await simulated.toBiopsy();
    simulated.imagesHz = STILL_HZ;
    for (const { name } of made.given.lesions) {
      simulated.aimAt(name);
      const core = simulated.fire();
      if (isRefusal(core)) throw new Error(`${core.code}: ${core.message}`);
    }
    const { procedure } = simulated;
    const place = await placeAt('machine', orthanc.url);
    const desk = await ResultsDesk.open({ place, origin: made.origin });
    const results = await biopsyResults(procedure, {
      origin: made.origin,
      session: 's',
      at: new Date('2026-11-27T10:00:00Z'),
      by: 'operator',
    });
    for (const { kind, object } of results) await desk.take(kind, object.bytes);
    await desk.send();
    expect(desk.view().objects.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      'registration stored',
      'report stored',
      'picture stored',
    ]);
    await desk.close();

    const archive = dicomArchive({ url: orthanc.url });
    const back = await Promise.all(results.map(({ object }) => archive.retrieveInstance(object)));
    if (HAS_DCIODVFY) for (const { bytes } of back) expect(dciodvfyErrors(bytes)).toEqual([]);
    const [registration, report] = back.map(({ bytes }) => bytes) as [Uint8Array, Uint8Array];
    const read = await decodeSpatialRegistration(registration);
    const moving = { frame: REFERENCE, frameOfReferenceUid: await uidFrom('s|reference') };
    const edge = transformBetween(read, { frame: MR, frameOfReferenceUid: study.frameOfReferenceUid }, moving);
    near(edge.matrix, procedure.registration?.matrix, 1e-9);
    const { groups } = await decodeMeasurementReport(report);
    for (const { core, side, aimedAt, insertedMm } of procedure.fire.cores) {
      const group = groups.find((g) => g.trackingId === `Core ${core.id}, ${side}, aimed at ${aimedAt}`);
      const place = group?.measurements[0]?.place;
      expect(place?.frameOfReferenceUid).toBe(study.frameOfReferenceUid);
      // Places are stored in single precision.
      near(place?.points[0], core.near, 1e-4);
      near(place?.points[1], core.far, 1e-4);
      expect(group?.measurements.at(-1)?.value).toBe(insertedMm);
    }
    for (const { target, probability } of procedure.map.targets)
      expect(groups.find((g) => g.trackingId === `Target ${target}`)?.measurements[0]?.value).toBe(probability);
  }, 120_000);
});

function near(found: ArrayLike<number> | undefined, expected: ArrayLike<number> | undefined, tolerance: number): void {
  expect(found?.length).toBe(expected?.length);
  for (let n = 0; n < (found?.length ?? 0); n += 1)
    expect(Math.abs((found?.[n] as number) - (expected?.[n] as number))).toBeLessThan(tolerance);
}
