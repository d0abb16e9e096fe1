import { NavError } from '@trocar/core';
import {
  encodeMeasurementReport,
  encodeSegmentation,
  encodeSpatialRegistration,
  FINDING,
  type InstanceReference,
  local,
  MEASUREMENT,
  type Measurement,
  type MeasurementGroup,
  REGISTRATION_METHOD,
  STRUCTURE,
  UNIT,
  ucum,
} from '@trocar/core/dicom';
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
import type { PlannedAblation } from './plan-step.js';
import type { Procedure } from './procedure.js';
import { type ZoneLabels, zoneLabels } from './result-zones.js';

/** Codes that no public scheme has as we mean them. */
const CODE = {
  allCovered: local('P_COVERED', 'Probability that all of the target is covered'),
  withMargin: local('P_COVERED_MARGIN', 'Probability that it is covered with its margin'),
  margin: local('MARGIN_ASKED', 'Margin asked for'),
  power: local('POWER', 'Power of the applicator'),
  time: local('BURN_TIME', 'Duration of the burn'),
  moved: local('TIP_MOVED', 'Largest movement of the tip during the burn'),
  landmarks: local('LANDMARKS_RMS', 'Landmarks beside the registration, rms'),
} as const;
/** Soft tissue. */
const GREY = { low: -110, high: 190 } as const;

/**
 * What a confirmed ablation gives back to its study: the registration of the tracked patient (where there is one: after a restart only a CT
 * is left), that of the CT after, zones and margin as segments, margins and burns as a report, and a picture.
 * @param picture of the screen; without one a slice through the tumour with the outline of the zone
 * @throws NavError `guidance/bad-option` before the ablation is confirmed, or for images without a frame of reference; `dicom/…`
 */
export async function ablationResults(
  procedure: Procedure,
  making: Omit<Making, 'application' | 'state'>,
  picture?: ScreenPicture,
): Promise<readonly ResultObject[]> {
  const { confirming, burning } = procedure;
  const { confirmation, post, result } = confirming;
  const uid = making.origin.frameOfReferenceUid;
  if (confirmation === undefined || post === undefined || result === undefined || uid === undefined) {
    throw new NavError(
      'guidance/bad-option',
      'Results are sent once the ablation is confirmed, in the frame of reference of its CT.',
    );
  }
  const state = `${burning.burns.length}|${confirmation.map.minimalMarginMm}`;
  const full: Making = { ...making, state, application: 'ct-liver-ablation' };
  const zones = zoneLabels(procedure);
  const segmentation = await zoneObject(procedure, full, uid, zones);
  return [
    ...(procedure.accepted === undefined ? [] : [await trackedRegistration(procedure, full, uid)]),
    ...(await afterRegistration(procedure, full, uid)),
    segmentation,
    await reportObject(procedure, full, uid, segmentation.object),
    await pictureObject(
      full,
      picture === undefined
        ? sliceOf(procedure, zones)
        : { ...picture, shows: 'The margins on the CT afterwards, as the screen showed them' },
    ),
  ];
}

/** CT from the reference that the tracker sees: its frame of reference is that of this session. */
async function trackedRegistration(procedure: Procedure, making: Making, uid: string): Promise<ResultObject> {
  const { edge, proposal } = procedure.accepted as NonNullable<Procedure['accepted']>;
  const { tip } = procedure.probes[0] as PlannedAblation;
  const { images } = making.origin;
  const object = encodeSpatialRegistration({
    ...(await objectInit(
      making,
      'registration',
      'Tracked patient to CT',
      proposal.registration.edge.provenance?.method ?? 'paired-points',
    )),
    fixed: { frameOfReferenceUid: uid, references: images },
    moving: { frameOfReferenceUid: await uidFrom(`${making.session}|reference`) },
    fixedFromMoving: edge,
    method: REGISTRATION_METHOD.fiducials,
    treBound: { target: tip.xyz, boundMm: procedure.bound95Mm(tip), probability: 0.95 },
  });
  return { kind: 'registration', object, images: images.length };
}

/** CT before from CT after; none where both are in one frame of reference, or the one after names none. */
async function afterRegistration({ confirming, probes }: Procedure, making: Making, uid: string): Promise<ResultObject[]> {
  const { result, post } = confirming;
  const moving = post?.volume.frameOfReferenceUid;
  if (result === undefined || moving === undefined || moving === uid) return [];
  const { images } = making.origin;
  const { tip } = probes[0] as PlannedAblation;
  const bound = result.fixedFromMoving.covariance === undefined ? undefined : expectedTreOf(result.fixedFromMoving, tip).p95Mm;
  const object = encodeSpatialRegistration({
    ...(await objectInit(making, 'registration-after', 'CT after the ablation to CT before', 'volume-intensity')),
    fixed: { frameOfReferenceUid: uid, references: images },
    moving: { frameOfReferenceUid: moving },
    fixedFromMoving: result.fixedFromMoving,
    method: REGISTRATION_METHOD.imageContent,
    treBound: bound === undefined ? undefined : { target: tip.xyz, boundMm: bound, probability: 0.95 },
  });
  return [{ kind: 'registration-after', object, images: images.length }];
}

async function zoneObject(
  { case: given, planning }: Procedure,
  making: Making,
  uid: string,
  zones: ZoneLabels,
): Promise<ResultObject> {
  const { slices } = making.origin;
  const automatic = (name: string) => ({ type: 'AUTOMATIC' as const, name });
  const zone = { category: STRUCTURE.abnormal, type: STRUCTURE.ablationZone, anatomicRegion: STRUCTURE.liver };
  const object = encodeSegmentation({
    ...(await objectInit(making, 'segmentation', 'Ablation zone and margin', 'confirmed-ablation')),
    geometry: given.volume,
    frameOfReferenceUid: uid,
    ...(slices !== undefined && { sources: slices }),
    segments: [
      { ...zone, label: 'Ablation zone, CT afterwards', algorithm: { type: 'MANUAL' }, voxels: zones.confirmed },
      ...(zones.expected === undefined
        ? []
        : [{ ...zone, label: 'Ablation zone, expected', algorithm: automatic('tracked poses'), voxels: zones.expected }]),
      {
        label: `Tumour with its margin, ${planning.demands.marginMm} mm`,
        category: STRUCTURE.spatial,
        type: STRUCTURE.safetyMargin,
        anatomicRegion: STRUCTURE.liver,
        algorithm: automatic('distance to the tumour'),
        voxels: zones.margin,
      },
    ],
  });
  return { kind: 'segmentation', object, images: slices?.length ?? 0 };
}

async function reportObject(
  procedure: Procedure,
  making: Making,
  uid: string,
  segmentation: InstanceReference,
): Promise<ResultObject> {
  const { images } = making.origin;
  const object = encodeMeasurementReport({
    ...(await objectInit(making, 'report', 'Measurements of the ablation', 'confirmed-ablation')),
    procedure: local('LIVER_ABLATION', 'Ablation of a tumour of the liver'),
    observer: making.by,
    images,
    groups: groupsOf(procedure, uid, segmentation),
  });
  return { kind: 'report', object, images: images.length };
}

/** What is measured, with its place where it has one. What is not known is left unknown. */
function groupsOf(procedure: Procedure, uid: string, segmentation: InstanceReference): MeasurementGroup[] {
  const { burning, confirming, accepted, verifying, probes } = procedure;
  const about = { finding: FINDING.ablationMargin, site: STRUCTURE.liver };
  const marginMm = measure(CODE.margin, procedure.planning.demands.marginMm, UNIT.mm);
  const { confirmation } = confirming;
  const { achieved } = burning;
  const groups: MeasurementGroup[] = [];
  if (confirmation !== undefined) {
    const { map, complete, withMargin } = confirmation;
    const values = marginValues(map, complete?.probability, withMargin?.probability);
    groups.push({
      trackingId: 'Margin, CT afterwards',
      ...about,
      segment: { segmentation, number: 1 },
      measurements: [...values, marginMm],
    });
  }
  if (achieved !== undefined) {
    const values = marginValues(achieved.map, achieved.complete.probability, achieved.withMargin.probability);
    groups.push({
      trackingId: 'Margin, tracked poses',
      ...about,
      segment: { segmentation, number: 2 },
      measurements: [...values, marginMm],
    });
  }
  if (accepted !== undefined) {
    const { tip } = probes[0] as PlannedAblation;
    const rms = accepted.edge.covariance === undefined ? undefined : expectedTreOf(accepted.edge, tip).rmsMm;
    const place = { kind: 'POINT' as const, points: [tip.xyz], frameOfReferenceUid: uid };
    const bound = { upper: procedure.bound95Mm(tip), probability: 0.95 };
    groups.push({
      trackingId: 'Registration of the patient',
      finding: FINDING.registration,
      measurements: [
        { ...measure(MEASUREMENT.targetRegistrationError, rms, UNIT.mm), place, ...(Number.isFinite(bound.upper) && { bound }) },
        measure(MEASUREMENT.fiducialRegistrationError, accepted.proposal.registration.freMm, UNIT.mm),
        measure(CODE.landmarks, verifying.result?.rmsMm, UNIT.mm),
      ],
    });
  }
  return [...groups, ...burning.burns.map((burn) => burnGroup(burn, uid))];
}

function marginValues(
  map: { readonly minimalMarginMm: number; readonly coveredShare: number },
  complete: number | undefined,
  withMargin: number | undefined,
): Measurement[] {
  return [
    measure(MEASUREMENT.minimumMargin, map.minimalMarginMm, UNIT.mm),
    measure(MEASUREMENT.coveredFraction, map.coveredShare, UNIT.ratio),
    measure(CODE.allCovered, complete, UNIT.ratio),
    measure(CODE.withMargin, withMargin, UNIT.ratio),
  ];
}

function burnGroup(
  { name, setting, probe, movedMm, outcome }: Procedure['burning']['burns'][number],
  uid: string,
): MeasurementGroup {
  const tip = probe?.matrix;
  const at = tip && [tip[12] as number, tip[13] as number, tip[14] as number];
  return {
    trackingId: `Burn ${name}, ${outcome}`,
    finding: STRUCTURE.ablationZone,
    site: STRUCTURE.liver,
    measurements: [
      measure(CODE.power, setting.powerW, ucum('W', 'watt')),
      measure(CODE.time, setting.minutes, ucum('min', 'minute')),
      {
        ...measure(CODE.moved, movedMm, UNIT.mm),
        ...(at !== undefined && { place: { kind: 'POINT' as const, points: [at], frameOfReferenceUid: uid } }),
      },
    ],
  };
}

/** A number that is none is not known, and is written so. */
function measure(name: Measurement['name'], value: number | undefined, unit: Measurement['unit']): Measurement {
  return { name, unit, value: value !== undefined && Number.isFinite(value) ? value : undefined };
}

/** The slice with most of the zone. */
function sliceOf({ case: given }: Procedure, { confirmed }: ZoneLabels): ResultPicture {
  const [ni, nj, nk] = given.volume.size;
  const counts = Array.from({ length: nk }, (_, k) =>
    confirmed.subarray(k * ni * nj, (k + 1) * ni * nj).reduce((a, v) => a + v, 0),
  );
  const k = counts.indexOf(Math.max(...counts));
  return slicePicture(
    given.volume,
    k,
    GREY,
    confirmed,
    'Slice of the planning CT with the outline of the ablation zone seen on the CT afterwards',
  );
}
