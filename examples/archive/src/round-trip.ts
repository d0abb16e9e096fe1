import { frame, invert, type Transform } from '@trocar/core';
import {
  type DicomArchive,
  decodeMeasurementReport,
  decodeSegmentation,
  decodeSpatialRegistration,
  deidentify,
  type EncodedObject,
  type Equipment,
  encodeMeasurementReport,
  encodeSegmentation,
  encodeSpatialRegistration,
  FINDING,
  type InstanceReference,
  MEASUREMENT,
  newUid,
  REGISTRATION_METHOD,
  type ResultProvenance,
  readSource,
  retrieveVolume,
  STRUCTURE,
  type StudyReference,
  sct,
  sourcesOfSlices,
  transformBetween,
  UNIT,
} from '@trocar/core/dicom';
import { readVolume } from '@trocar/core/io';
import { fromRotationVector, identity4, multiply4, transformPoint } from '@trocar/core/math';
import { headPhantom } from '@trocar/core/testing';
import { type AnyVolume, type Volume, volume } from '@trocar/core/volume';
import { registerVolumes } from '@trocar/registration/intensity';
import { type ImageSeries, imageSeries } from './image-series.js';

const CT = frame('ct');
const MR = frame('mr');

/** One thing that was looked at, and what came of it. */
export interface Step {
  readonly what: string;
  readonly found: string;
  readonly holds: boolean;
}

/** How the round is made. */
export interface RoundOptions {
  readonly archive: DicomArchive;
  /** Of the noise. Default 1. */
  readonly seed?: number;
  /** Edge of a voxel, mm. Default 3. */
  readonly spacingMm?: number;
  /** Registered coordinates may be off by so much on a head of this resolution, mm. Default 0.5. */
  readonly limitMm?: number;
  /** Called with each step as it is done. */
  readonly onStep?: (step: Step) => void;
}

/** Where the head lay in the MR, against the CT: what registration is to find. */
const MR_FROM_CT: Float64Array = placed([0.08, -0.05, 0.12], [7, -4, 9]);
/** Places in the head, LPS mm in the CT's frame. */
const PLACES = [
  [0, 0, 0],
  [40, -30, 25],
  [-45, 20, -20],
  [10, 55, 30],
] as const;

const PATIENT = { name: 'Rao^Mira', id: 'TRC-4711', birthDate: '19710203', sex: 'F' };
const EQUIPMENT: Equipment = {
  manufacturer: 'Trocar',
  model: 'Archive example',
  serialNumber: '1',
  softwareVersions: ['trocar 0.1.0'],
};

/**
 * CT and MR of a phantom go into an archive and are found and retrieved; the MR is registered to the CT; registration, a segmentation and a report are
 * written back, retrieved again, and compared with what was written. Then the images are de-identified and registered once more. Every step says
 * what it found; none is left out where one before it did not hold.
 * @throws NavError where archive, registration or an object refuses altogether
 */
export async function roundTrip({
  archive,
  seed = 1,
  spacingMm = 3,
  limitMm = 0.5,
  onStep,
}: RoundOptions): Promise<readonly Step[]> {
  const steps: Step[] = [];
  const note = (what: string, found: string, holds: boolean): void => {
    steps.push({ what, found, holds });
    onStep?.({ what, found, holds });
  };
  const study = studyOf(seed);
  const made = phantoms(seed, spacingMm);
  const series = seriesOf(made, study, seed);
  const all = [...series.ct.files, ...series.mr.files];
  const outcomes = await archive.store(all, { studyUid: study.studyUid });
  note(
    'stored',
    `${outcomes.filter((o) => o.outcome === 'stored').length} of ${all.length} files`,
    outcomes.every((o) => o.outcome === 'stored'),
  );

  const found = await foundIn(archive, study);
  note('found', found, found === '1 study, 2 series');
  const ct = await retrieveVolume(archive, { study: study.studyUid, series: series.ct.seriesUid, frame: CT });
  const mr = await retrieveVolume(archive, { study: study.studyUid, series: series.mr.seriesUid, frame: MR });
  const packed = await retrieveVolume(archive, {
    study: study.studyUid,
    series: series.ct.seriesUid,
    frame: CT,
    syntax: JPEG_LOSSLESS,
  });
  note('retrieved as stored', differences(ct, made.ct), same(ct, made.ct) && same(mr, made.mr));
  note('retrieved as lossless JPEG', differences(packed, made.ct), same(packed, made.ct));

  const mrFromCt = await registered(ct, mr);
  const off = worstMm(mrFromCt.matrix, MR_FROM_CT);
  note('registered', `${off.toFixed(2)} mm off at worst`, off < limitMm);

  const sources = await Promise.all(series.ct.files.map((bytes, n) => readSource({ name: `ct-${n}.dcm`, bytes })));
  const results = resultsOf({ seed, study, series, made, ct, mrFromCt, images: sourcesOfSlices(sources, ct) });
  const objects = Object.values(results);
  const written = await archive.store(objects.map(({ bytes }) => bytes));
  note(
    'results stored',
    `${written.map((o) => o.outcome).join(', ')}`,
    written.every((o) => o.outcome === 'stored'),
  );

  const back = await Promise.all(objects.map((one) => fetched(archive, one)));
  const [reg, seg, report] = back as [Uint8Array, Uint8Array, Uint8Array];
  const read = await decodeSpatialRegistration({ name: 'registration', bytes: reg });
  const ctFromMr = transformBetween(
    read,
    { frame: CT, frameOfReferenceUid: FRAME(seed, 1) },
    { frame: MR, frameOfReferenceUid: FRAME(seed, 2) },
  );
  const mapped = worstMm(multiply4(identity4(), ctFromMr.matrix, mrFromCt.matrix), identity4());
  note('registration maps as it was written', `${mapped.toExponential(1)} mm`, mapped < 1e-6);
  const segmentation = await decodeSegmentation({ name: 'segmentation', bytes: seg }, { onto: ct });
  const wrong = segmentation.voxelsOf(1).reduce((sum, v, n) => sum + (v === (made.brain[n] as number) ? 0 : 1), 0);
  note('segmentation', `${wrong} of ${made.brain.length} voxels differ`, wrong === 0);
  const measured = (await decodeMeasurementReport({ name: 'report', bytes: report })).groups[0]?.measurements[0];
  note('report', `${measured?.value} ${measured?.unit?.value ?? ''}`, measured?.value === volumeMl(made));

  await anonymous(series, mrFromCt, study.studyUid, note);
  return steps;
}

/** JPEG Lossless, Non-Hierarchical, First-Order Prediction. */
const JPEG_LOSSLESS = '1.2.840.10008.1.2.4.70';
const FRAME = (seed: number, n: number): string => `2.25.7741${seed}.${n}`;

function studyOf(seed: number): StudyReference {
  return {
    studyUid: newUid(),
    patient: { ...PATIENT, id: `${PATIENT.id}-${seed}` },
    date: '20261127',
    time: '093000',
    accessionNumber: 'A1',
    id: 'S1',
  };
}

interface Made {
  readonly ct: Volume<'ct'>;
  readonly mr: Volume<'mr'>;
  /** Of the CT's voxels, 1 where brain is. */
  readonly brain: Uint8Array;
}

function placed(turn: readonly number[], shift: readonly number[]): Float64Array {
  const m = fromRotationVector(identity4(), turn);
  m.set(shift, 12);
  return m;
}

function phantoms(seed: number, spacingMm: number): Made {
  const ct = headPhantom({ seed, spacingMm, frame: CT });
  const image = headPhantom({ seed: seed + 1, spacingMm, frame: MR, contrast: 'mr' }).volume;
  const whole = (v: ArrayLike<number>): Int16Array => Int16Array.from(v, Math.round);
  const mr = volume({
    frame: MR,
    voxels: whole(image.voxels),
    size: image.size,
    frameFromIndex: multiply4(identity4(), MR_FROM_CT, image.frameFromIndex),
    modality: 'MR',
  });
  const label = ct.labelNames.indexOf('brain');
  const { size, frameFromIndex } = ct.volume;
  const exact = volume({ frame: CT, voxels: whole(ct.volume.voxels), size, frameFromIndex, modality: 'CT' });
  return { ct: exact, mr, brain: Uint8Array.from(ct.labels, (v) => (v === label ? 1 : 0)) };
}

interface Both {
  readonly ct: ImageSeries;
  readonly mr: ImageSeries;
}

function seriesOf({ ct, mr }: Made, study: StudyReference, seed: number): Both {
  return {
    ct: imageSeries(ct, { study, frameOfReferenceUid: FRAME(seed, 1), number: 1, description: 'Head CT' }),
    mr: imageSeries(mr, { study, frameOfReferenceUid: FRAME(seed, 2), number: 2, description: 'Head T1' }),
  };
}

/** By the patient's number, and then by the study. */
async function foundIn(archive: DicomArchive, { patient, studyUid }: StudyReference): Promise<string> {
  let [studies, series] = [0, 0];
  for await (const one of archive.findStudies({ patientId: patient.id ?? '' })) if (one.studyUid === studyUid) studies += 1;
  for await (const one of archive.findSeries(studyUid)) if (one.seriesUid !== '') series += 1;
  return `${studies} ${studies === 1 ? 'study' : 'studies'}, ${series} series`;
}

/** Decimal strings hold positions to some 1e-10 mm. */
const GEOMETRY_MM = 1e-6;

function geometryMm(a: AnyVolume, b: AnyVolume): number {
  return Math.max(...Array.from(a.frameFromIndex, (x, n) => Math.abs(x - (b.frameFromIndex[n] as number))));
}

function unequal({ voxels }: AnyVolume, b: AnyVolume): number {
  let count = 0;
  for (let n = 0; n < voxels.length; n += 1) if (voxels[n] !== b.voxels[n]) count += 1;
  return count;
}

const same = (a: AnyVolume, b: AnyVolume): boolean =>
  a.size.every((n, k) => n === b.size[k]) && unequal(a, b) === 0 && geometryMm(a, b) < GEOMETRY_MM;

const differences = (a: AnyVolume, b: AnyVolume): string =>
  `${unequal(a, b)} voxels differ, geometry by ${geometryMm(a, b).toExponential(1)} mm`;

async function registered(ct: Volume<'ct'>, mr: Volume<'mr'>): Promise<Transform<'mr', 'ct'>> {
  const result = await registerVolumes(ct, mr, { seed: 1 });
  if (result.outcome !== 'ok')
    throw new Error(`The registration ended as "${result.outcome}": ${result.findings.map((f) => f.message).join(' ')}`);
  return result.movingFromFixed;
}

function worstMm(found: ArrayLike<number>, truth: ArrayLike<number>): number {
  const at = (m: ArrayLike<number>, p: readonly number[]): Float64Array => transformPoint(new Float64Array(3), m, p);
  return Math.max(...PLACES.map((p) => Math.hypot(...at(found, p).map((x, k) => x - (at(truth, p)[k] as number)))));
}

const volumeMl = ({ brain, ct }: Made): number => {
  const m = ct.frameFromIndex;
  const edges = [0, 4, 8].map((c) => Math.hypot(m[c] as number, m[c + 1] as number, m[c + 2] as number));
  return (brain.reduce((a, b) => a + b, 0) * edges.reduce((a, b) => a * b, 1)) / 1000;
};

interface ResultsOf {
  readonly seed: number;
  readonly study: StudyReference;
  readonly series: Both;
  readonly made: Made;
  readonly ct: Volume<'ct'>;
  readonly mrFromCt: Transform<'mr', 'ct'>;
  readonly images: readonly InstanceReference[];
}

function resultsOf({ seed, study, series, made, ct, mrFromCt, images }: ResultsOf): { readonly [kind: string]: EncodedObject } {
  const at = new Date().toISOString().replace(/\.\d+Z$/, '+00:00');
  const provenance: ResultProvenance = {
    method: 'mutual-information',
    version: '0.1.0',
    createdAt: at,
    inputs: `${series.ct.seriesUid} ${series.mr.seriesUid}`,
    acceptedBy: { name: 'Operator^Example', at },
  };
  const common = { study, equipment: EQUIPMENT, provenance };
  const { matrix, covariance } = invert(mrFromCt);
  const segmentation = encodeSegmentation({
    ...common,
    geometry: ct,
    frameOfReferenceUid: FRAME(seed, 1),
    sources: images,
    segments: [
      {
        label: 'Brain',
        category: STRUCTURE.anatomical,
        type: STRUCTURE.brain,
        algorithm: { type: 'AUTOMATIC', name: 'phantom' },
        voxels: made.brain,
      },
    ],
  });
  return {
    registration: encodeSpatialRegistration({
      ...common,
      fixed: { frameOfReferenceUid: FRAME(seed, 1), references: images.slice(0, 1) },
      moving: { frameOfReferenceUid: FRAME(seed, 2), references: [] },
      fixedFromMoving: { matrix, ...(covariance && { covariance }) },
      method: REGISTRATION_METHOD.imageContent,
    }),
    segmentation,
    report: encodeMeasurementReport({
      ...common,
      procedure: sct('77477000', 'Computed tomography'),
      observer: 'Operator^Example',
      images: images.slice(0, 1),
      groups: [
        {
          trackingId: 'Brain',
          finding: FINDING.registration,
          segment: { segmentation, number: 1 },
          measurements: [{ name: MEASUREMENT.volume, value: volumeMl(made), unit: UNIT.ml }],
        },
      ],
    }),
  };
}

async function fetched(archive: DicomArchive, { studyUid, seriesUid, sopInstanceUid }: EncodedObject): Promise<Uint8Array> {
  return (await archive.retrieveInstance({ studyUid, seriesUid, sopInstanceUid })).bytes;
}

type Note = (what: string, found: string, holds: boolean) => void;

/** The same images without their patient: nothing of it is left, and they register as before, to the last bit. */
async function anonymous(series: Both, before: Transform<'mr', 'ct'>, studyUid: string, note: Note): Promise<void> {
  const named = [...series.ct.files, ...series.mr.files].map((bytes, n) => ({ name: `${n}.dcm`, bytes }));
  const { files } = await deidentify(named, { key: new Uint8Array(32).fill(7) });
  const texts = files.map(({ bytes }) => new TextDecoder('latin1').decode(bytes));
  const left = [PATIENT.name, PATIENT.id, PATIENT.birthDate, studyUid].filter((word) =>
    texts.some((text) => text.includes(word)),
  );
  note(
    'de-identified',
    left.length === 0 ? 'no name, number, date or UID is left' : `left: ${left.join(', ')}`,
    left.length === 0,
  );
  const half = series.ct.files.length;
  const ct = await readVolume(files.slice(0, half), { frame: CT });
  const mr = await readVolume(files.slice(half), { frame: MR });
  const again = await registered(ct, mr);
  const isSame = Array.from(again.matrix).every((v, k) => v === before.matrix[k]);
  note('registered without identity', isSame ? 'the same matrix to the last bit' : 'another matrix', isSame);
}
