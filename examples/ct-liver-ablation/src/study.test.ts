import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DicomArchive,
  decodeMeasurementReport,
  decodeSegmentation,
  decodeSpatialRegistration,
  dicomArchive,
  openStudyStore,
  STRUCTURE,
  transformBetween,
} from '@trocar/core/dicom';
import { findOrthanc, type RunningOrthanc, startOrthanc, studyFolder } from '@trocar/core/dicom/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageSeries } from '../../archive/src/image-series.js';
import { REFERENCE } from '../../suite/src/frames.js';
import { ResultsDesk } from '../../suite/src/node/results-desk.js';
import type { StudyPlace } from '../../suite/src/node/study-options.js';
import { dciodvfyErrors, HAS_DCIODVFY } from '../../suite/src/node/test-support/dciodvfy.js';
import { instancesIn, type PlantedStudy, plantedStudy, plantIn } from '../../suite/src/node/test-support/planted-study.js';
import { type ResultObject, type ResultStudy, uidFrom } from '../../suite/src/results.js';
import { type AblationCase, phantomCase } from './case.js';
import { CT, POST } from './frames.js';
import { type AblationStudy, ablationFromStudy } from './node/study-case.js';
import { ablationResults } from './results.js';
import { SimulatedAblation } from './simulated.js';

const root = mkdtempSync(join(tmpdir(), 'trocar-ablation-study-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const SPACING_MM = 5;

async function placeAt(name: string, url?: string): Promise<StudyPlace> {
  const archive = url === undefined ? undefined : dicomArchive({ url, retries: 0 });
  return { store: await openStudyStore(await studyFolder(join(root, name))), archive };
}

function planted(phantom: AblationCase, drawnFor?: string): Promise<PlantedStudy<'ct'>> {
  const { volume, labels, roles } = phantom;
  const organ = { category: STRUCTURE.anatomical, type: STRUCTURE.organ };
  return plantedStudy({
    ...{ image: volume, labels, description: 'Abdomen, portal venous' },
    ...(drawnFor !== undefined && { drawnFor }),
    segments: [
      { label: 'Lesion 1', category: STRUCTURE.abnormal, type: STRUCTURE.neoplasm, value: roles.tumour },
      { label: 'Liver', category: STRUCTURE.anatomical, type: STRUCTURE.liver, value: roles.liver[0] as number },
      { label: 'Veins', category: STRUCTURE.anatomical, type: STRUCTURE.bloodVessel, value: roles.vessels[0] as number },
      ...roles.avoid.slice(1).map(({ name, label }) => ({ label: name, ...organ, value: label })),
    ],
  });
}

describe.skipIf(findOrthanc() === undefined)('an ablation with an archive (needs Orthanc and its DICOMweb plugin)', () => {
  let orthanc: RunningOrthanc;
  let archive: DicomArchive;
  let phantom: AblationCase;
  let study: PlantedStudy<'ct'>;
  let made: AblationStudy;
  let simulated: SimulatedAblation;

  const resultsOf = (origin: ResultStudy, session: string): Promise<readonly ResultObject[]> =>
    ablationResults(simulated.procedure, { origin, session, at: new Date('2026-11-27T10:00:00Z'), by: 'operator' });
  const begun = (place: StudyPlace, more: { readonly series?: string; readonly structures?: string } = {}, of = study) =>
    ablationFromStudy({ place, args: { study: of.study.studyUid, series: undefined, structures: undefined, ...more }, seed: 1 });

  beforeAll(async () => {
    orthanc = await startOrthanc({ folder: join(root, 'orthanc') });
    archive = dicomArchive({ url: orthanc.url, retries: 0 });
    phantom = phantomCase(1, SPACING_MM);
    study = await planted(phantom);
    await plantIn(archive, study);
    made = await begun(await placeAt('machine', orthanc.url));
    simulated = new SimulatedAblation(made.given, 4);
    await simulated.plan();
    simulated.calibrate();
    simulated.register();
    simulated.ablate();
    await simulated.confirm();
  }, 240_000);
  afterAll(() => orthanc?.stop());

  it('begins with the CT of the study and what was drawn on it, voxel for voxel', () => {
    const { volume, labels, roles } = made.given;
    expect(volume.voxels).toEqual(study.volume.voxels);
    within(volume.frameFromIndex, study.volume.frameFromIndex, 1e-6);
    expect(volume.patient.id).toBe('TRC-0815');
    const same = labels.voxels.every((v, n) => (v === roles.tumour) === (phantom.labels.voxels[n] === phantom.roles.tumour));
    expect(same).toBe(true);
    expect(roles.avoid.map(({ name }) => name)).toEqual(['Veins', 'Gallbladder', 'Bone', 'Kidneys', 'Stomach']);
    expect(roles.liver).toHaveLength(2);
    expect(made.given.warnings.join(' ')).toContain('Room that is kept, assumed: Veins 2 mm');
  });

  it('ends with results that the archive gives back as they were found', async () => {
    expect(simulated.procedure.stage, simulated.procedure.refusal?.message).toBe('finished');
    const place = await placeAt('machine', orthanc.url);
    const desk = await ResultsDesk.open({ place, origin: made.origin });
    const results = await resultsOf(made.origin, 'first');
    expect(results.map(({ kind }) => kind)).toEqual(['registration', 'registration-after', 'segmentation', 'report', 'picture']);
    for (const { kind, object } of results) await desk.take(kind, object.bytes);
    expect(desk.view().objects.map(({ state }) => state)).toEqual(results.map(() => 'kept'));
    await desk.send();
    expect(desk.view()).toMatchObject({ archive: true, others: 0, objects: results.map(() => ({ state: 'stored' })) });
    await desk.close();

    const back = await Promise.all(results.map(({ object }) => archive.retrieveInstance(object)));
    const [tracked, after, zones, report] = back.map(({ bytes }) => bytes) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const { procedure } = simulated;
    const own = { frame: CT, frameOfReferenceUid: study.frameOfReferenceUid };
    const moving = { frame: REFERENCE, frameOfReferenceUid: await uidFrom('first|reference') };
    const edge = transformBetween(await decodeSpatialRegistration(tracked), own, moving);
    within(edge.matrix, procedure.accepted?.edge.matrix, 1e-9);
    within(edge.covariance, procedure.accepted?.edge.covariance, 1e-12);
    const post = { frame: POST, frameOfReferenceUid: procedure.confirming.post?.volume.frameOfReferenceUid as string };
    within(
      transformBetween(await decodeSpatialRegistration(after), own, post).matrix,
      procedure.confirming.result?.fixedFromMoving.matrix,
      1e-9,
    );
    await zonesHold(zones);
    await numbersHold(report);
    if (HAS_DCIODVFY) for (const { bytes } of back) expect(dciodvfyErrors(bytes)).toEqual([]);
    // What was written is no case: the next procedure on this study has the same structures.
    expect((await begun(place)).given.roles).toEqual(made.given.roles);
  }, 120_000);

  async function zonesHold(bytes: Uint8Array): Promise<void> {
    const { confirmation } = simulated.procedure.confirming;
    const read = await decodeSegmentation(bytes, { onto: made.given.volume });
    expect(read.segments.map(({ label }) => label)).toEqual([
      'Ablation zone, CT afterwards',
      'Ablation zone, expected',
      'Tumour with its margin, 5 mm',
    ]);
    expect(read.sources.length).toBeGreaterThan(5);
    expect(made.origin.images.map((i) => i.sopInstanceUid)).toEqual(
      expect.arrayContaining(read.sources.map((i) => i.sopInstanceUid)),
    );
    const [zone, , margin] = [1, 2, 3].map((n) => read.voxelsOf(n)) as [Uint8Array, Uint8Array, Uint8Array];
    const { labels, roles } = made.given;
    let [tumour, covered] = [0, 0];
    labels.voxels.forEach((v, n) => {
      if (v !== roles.tumour) return;
      tumour += 1;
      covered += zone[n] as number;
      expect(margin[n]).toBe(1);
    });
    // Two ways to the same share: voxels of the stored zone, and cells of the target's inside. A voxel of 5 mm is what they differ by.
    expect(Math.abs(covered / tumour - (confirmation?.map.coveredShare ?? Number.NaN))).toBeLessThan(0.15);
  }

  async function numbersHold(bytes: Uint8Array): Promise<void> {
    const { confirming, burning, accepted } = simulated.procedure;
    const { groups } = await decodeMeasurementReport(bytes);
    const numberOf = (group: string, name: string): number | undefined =>
      groups.find((g) => g.trackingId.startsWith(group))?.measurements.find((m) => m.name.value === name)?.value;
    expect(numberOf('Margin, CT afterwards', 'MINIMUM_MARGIN')).toBe(confirming.confirmation?.map.minimalMarginMm);
    expect(numberOf('Margin, CT afterwards', 'P_COVERED')).toBe(confirming.confirmation?.complete?.probability);
    expect(numberOf('Margin, tracked poses', 'MINIMUM_MARGIN')).toBe(burning.achieved?.map.minimalMarginMm);
    expect(numberOf('Registration', 'FRE')).toBe(accepted?.proposal.registration.freMm);
    expect(groups.filter((g) => g.trackingId.startsWith('Burn'))).toHaveLength(burning.burns.length);
    expect(numberOf('Burn A', 'POWER')).toBe(burning.burns[0]?.setting.powerW);
  }

  it('goes on without its archive; what was kept is there once when the archive comes back, over a restart', async () => {
    const { url, port } = orthanc;
    await orthanc.stop();
    const unplugged = await begun(await placeAt('machine', url));
    expect(unplugged.given.warnings.join(' ')).toContain('those kept on this machine');
    expect(unplugged.given.volume.voxels).toEqual(made.given.volume.voxels);
    const results = await resultsOf(unplugged.origin, 'unplugged');
    const desk = await ResultsDesk.open({ place: await placeAt('machine', url), origin: unplugged.origin });
    for (const { kind, object } of [...results, ...results]) await desk.take(kind, object.bytes);
    await desk.send();
    const ours = (of: ResultsDesk) =>
      of.view().objects.filter(({ uid }) => results.some(({ object }) => object.sopInstanceUid === uid));
    expect(ours(desk).map(({ state }) => state)).toEqual(results.map(() => 'kept'));
    expect(desk.view().trouble?.code).toBe('archive/unreachable');
    await desk.close();
    orthanc = await startOrthanc({ folder: join(root, 'orthanc'), port });
    archive = dicomArchive({ url: orthanc.url, retries: 0 });
    const before = await instancesIn(archive, study.study.studyUid);
    const restarted = await ResultsDesk.open({
      place: await placeAt('machine', orthanc.url),
      origin: unplugged.origin,
      retryMs: 50,
    });
    await expect.poll(() => ours(restarted).map(({ state }) => state), { timeout: 60_000 }).toEqual(results.map(() => 'stored'));
    // Pressed once more, after a reload of the page: nothing is kept or sent twice.
    for (const { kind, object } of await resultsOf(unplugged.origin, 'unplugged')) await restarted.take(kind, object.bytes);
    await restarted.send();
    await restarted.close();
    const uids = results.map(({ object }) => object.sopInstanceUid);
    expect(await instancesIn(archive, study.study.studyUid)).toEqual([...before, ...uids].sort());
  }, 120_000);

  it('is refused by name where the study is not there, or not what is asked for', async () => {
    const [place, empty] = [await placeAt('machine', orthanc.url), await placeAt('empty')];
    const none = { ...study, study: { ...study.study, studyUid: '2.25.4711' } };
    await expect(begun(place, {}, none)).rejects.toMatchObject({
      code: 'archive/not-found',
      message: expect.stringContaining('2.25.4711'),
    });
    await expect(begun(empty)).rejects.toMatchObject({ code: 'store/not-found', message: expect.stringContaining('--studies') });
    const away: StudyPlace = { ...empty, archive: dicomArchive({ url: 'http://127.0.0.1:9/dicom-web', retries: 0 }) };
    await expect(begun(away)).rejects.toMatchObject({ code: 'archive/unreachable' });
    await expect(begun(place, { series: '2.25.1' })).rejects.toMatchObject({
      code: 'guidance/wrong-series',
      message: expect.stringContaining('Abdomen, portal venous'),
    });
    await expect(begun(place, { structures: '2.25.1' })).rejects.toMatchObject({
      code: 'guidance/bad-plan',
      message: expect.stringContaining('Lesion 1'),
    });
    // A second phase: nobody guesses which one was planned on.
    const other = await planted(phantom);
    const twice = { ...other, images: study.images };
    await plantIn(archive, other);
    const arterial = imageSeries(other.volume, {
      study: other.study,
      frameOfReferenceUid: other.frameOfReferenceUid,
      number: 3,
      description: 'Arterial',
    });
    await archive.store(arterial.files);
    const both = {
      code: 'guidance/wrong-series',
      message: expect.stringMatching(/2 series.*--series.*portal venous.*Arterial/s),
    };
    await expect(begun(place, {}, twice)).rejects.toMatchObject(both);
    expect((await begun(place, { series: arterial.seriesUid }, twice)).given.volume.series.description).toBe('Arterial');
  }, 120_000);

  it('begins nothing with the structures of another patient', async () => {
    const mine = await planted(phantom, 'TRC-0816');
    const place = await placeAt('mixed');
    await place.store.put([...mine.images.files, mine.segmentation]);
    for (const { seriesUid } of place.store.find()) {
      await place.store.complete(
        seriesUid,
        place.store.find({ seriesUid }).map((one) => one.sopInstanceUid),
      );
    }
    await expect(begun(place, {}, mine)).rejects.toMatchObject({ code: 'guidance/wrong-patient' });
  }, 60_000);
});

function within(found: ArrayLike<number> | undefined, expected: ArrayLike<number> | undefined, tolerance: number): void {
  expect(found?.length).toBe(expected?.length);
  const off = Array.from(found ?? [], (v, n) => Math.abs(v - (expected?.[n] as number)));
  expect(Math.max(...off)).toBeLessThan(tolerance);
}
