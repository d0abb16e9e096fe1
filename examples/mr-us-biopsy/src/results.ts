import { NavError } from '@trocar/core';
import {
  biopsyCoreGroup,
  encodeMeasurementReport,
  encodeSpatialRegistration,
  FINDING,
  local,
  MEASUREMENT,
  type MeasurementGroup,
  REGISTRATION_METHOD,
  STRUCTURE,
  UNIT,
} from '@trocar/core/dicom';
import { percentiles } from '@trocar/core/volume';
import { expectedTreOf } from '@trocar/registration';
import {
  type Making,
  objectInit,
  pictureObject,
  type ResultObject,
  type ResultPicture,
  type ScreenPicture,
  slicePicture,
  uidFrom,
} from '../../suite/src/results.js';
import type { CaseLesion } from './case.js';
import type { TakenCore } from './fire-step.js';
import type { Procedure } from './procedure.js';

/** Codes that no public scheme has as we mean them. */
const CODE = {
  inserted: local('INSERTED', 'Depth of insertion before firing'),
  sampled: local('P_SAMPLED', 'Probability that the target was sampled'),
  landmarks: local('LANDMARKS_RMS', 'Landmarks beside the registration, rms'),
} as const;

/**
 * What a biopsy gives back to its study: the registration of the swept gland, cores and targets as a report, and a picture.
 * @param picture of the screen; without one a slice of the MR with the outline of the first target
 * @throws NavError `guidance/bad-option` before a core was taken, or for images without a frame of reference; `dicom/…`
 */
export async function biopsyResults(
  procedure: Procedure,
  making: Omit<Making, 'application' | 'state'>,
  picture?: ScreenPicture,
): Promise<readonly ResultObject[]> {
  const { cores } = procedure.fire;
  const uid = making.origin.frameOfReferenceUid;
  if (cores.length === 0 || uid === undefined || procedure.registration === undefined) {
    throw new NavError('guidance/bad-option', 'Results are sent once cores were taken, in the frame of reference of the MR.');
  }
  const full: Making = {
    ...making,
    state: cores.map(({ core }) => `${core.id} ${core.at}`).join('|'),
    application: 'mr-us-biopsy',
  };
  return [
    await registrationObject(procedure, full, uid),
    await reportObject(procedure, full, uid),
    await pictureObject(
      full,
      picture === undefined ? sliceOf(procedure) : { ...picture, shows: 'MR with targets and cores, as the screen showed them' },
    ),
  ];
}

/** The target whose bound is largest. */
function worstOf({ case: given, proposal }: Procedure): { readonly lesion: CaseLesion; readonly boundMm: number } {
  const bounds = proposal?.tre95Mm ?? [];
  const n = bounds.indexOf(Math.max(...bounds));
  return { lesion: given.lesions[Math.max(0, n)] as CaseLesion, boundMm: bounds[n] ?? Number.NaN };
}

/** MR from the reference that the sweep lies in: its frame of reference is that of this session. */
async function registrationObject(procedure: Procedure, making: Making, uid: string): Promise<ResultObject> {
  const edge = procedure.registration as NonNullable<Procedure['registration']>;
  const { images } = making.origin;
  const { lesion, boundMm } = worstOf(procedure);
  const object = encodeSpatialRegistration({
    ...(await objectInit(making, 'registration', 'Swept gland to MR', edge.provenance?.method ?? 'mr-ultrasound')),
    fixed: { frameOfReferenceUid: uid, references: images },
    moving: { frameOfReferenceUid: await uidFrom(`${making.session}|reference`) },
    fixedFromMoving: edge,
    method: REGISTRATION_METHOD.imageContent,
    treBound: Number.isFinite(boundMm) ? { target: lesion.centre.xyz, boundMm, probability: 0.95 } : undefined,
  });
  return { kind: 'registration', object, images: images.length };
}

async function reportObject(procedure: Procedure, making: Making, uid: string): Promise<ResultObject> {
  const { images } = making.origin;
  const { fire, map, verification } = procedure;
  const { lesion, boundMm } = worstOf(procedure);
  const edge = procedure.registration as NonNullable<Procedure['registration']>;
  const rms = edge.covariance === undefined ? undefined : expectedTreOf(edge, lesion.centre).rmsMm;
  const place = { kind: 'POINT' as const, points: [lesion.centre.xyz], frameOfReferenceUid: uid };
  const registration: MeasurementGroup = {
    trackingId: `Registration, at ${lesion.name}`,
    finding: FINDING.registration,
    measurements: [
      {
        ...{ name: MEASUREMENT.targetRegistrationError, value: rms, unit: UNIT.mm, place },
        ...(Number.isFinite(boundMm) && { bound: { upper: boundMm, probability: 0.95 } }),
      },
      { name: CODE.landmarks, value: verification?.rmsMm, unit: UNIT.mm },
    ],
  };
  const object = encodeMeasurementReport({
    ...(await objectInit(making, 'report', 'Cores of the biopsy', 'recorded-cores')),
    procedure: local('PROSTATE_BIOPSY', 'Targeted biopsy of the prostate'),
    observer: making.by,
    images,
    groups: [registration, ...fire.cores.map((core) => coreGroup(core)), ...map.targets.map((t) => targetGroup(t))],
  });
  return { kind: 'report', object, images: images.length };
}

function coreGroup({ core, side, aimedAt, insertedMm }: TakenCore): MeasurementGroup {
  const group = biopsyCoreGroup(core, STRUCTURE.prostate);
  return {
    ...group,
    trackingId: `Core ${core.id}, ${side}, aimed at ${aimedAt}`,
    measurements: [...group.measurements, { name: CODE.inserted, value: insertedMm, unit: UNIT.mm }],
  };
}

function targetGroup({ target, probability }: Procedure['map']['targets'][number]): MeasurementGroup {
  return {
    trackingId: `Target ${target}`,
    finding: STRUCTURE.lesion,
    site: STRUCTURE.prostate,
    measurements: [{ name: CODE.sampled, value: probability, unit: UNIT.ratio }],
  };
}

/** The slice with most of the first target. */
function sliceOf({ case: { mr, labels, lesions } }: Procedure): ResultPicture {
  const value = lesions[0]?.label;
  const label = Uint8Array.from(labels.voxels, (v) => (v === value ? 1 : 0));
  const per = labels.size[0] * labels.size[1];
  const counts = Array.from({ length: labels.size[2] }, (_, k) =>
    label.subarray(k * per, (k + 1) * per).reduce((a, v) => a + v, 0),
  );
  const k = counts.indexOf(Math.max(...counts));
  const [low, high] = percentiles(mr, [0.02, 0.99]) as [number, number];
  const same = labels.size.every((n, c) => n === mr.size[c]);
  const outline = same ? label : new Uint8Array(mr.voxels.length);
  return slicePicture(
    mr,
    same ? k : Math.floor(mr.size[2] / 2),
    { low, high },
    outline,
    `Slice of the MR with the outline of ${lesions[0]?.name ?? 'no target'}`,
  );
}
