import type { AnyBiopsyCore } from '../../guidance/index.js';
import type { Code } from './codes.js';
import {
  badObject,
  commonModules,
  type EncodedObject,
  groupBy,
  type InstanceReference,
  idsOf,
  madeAt,
  type ObjectIds,
  type ObjectInit,
  referenceItem,
  requireUid,
  UNKNOWN_LATERALITY,
  uniqueReferences,
} from './object.js';
import { type Dataset, encodePart10 } from './part10.js';
import { FINDING, MEASUREMENT, REPORT, UNIT } from './report-codes.js';
import {
  codeContent,
  container,
  imageContent,
  numberContent,
  personContent,
  pointsContent,
  textContent,
  uidContent,
} from './report-items.js';
import { dicomTime } from './times.js';
import { newUid, SOP_CLASS } from './uid.js';

/** Points that a measurement was taken from: LPS mm in a frame of reference, stored in single precision. */
export interface MeasuredPlace {
  readonly kind: 'POINT' | 'MULTIPOINT' | 'POLYLINE';
  readonly points: readonly ArrayLike<number>[];
  readonly frameOfReferenceUid: string;
}

/** One number of a report. */
export interface Measurement {
  readonly name: Code;
  /** Undefined is not known, and is written as such. */
  readonly value: number | undefined;
  readonly unit: Code;
  /** Standard deviation, in the same unit. */
  readonly standardUncertainty?: number | undefined;
  /** The value is not above `upper`, with this probability; in the same unit. */
  readonly bound?: { readonly upper: number; readonly probability: number } | undefined;
  readonly method?: Code | undefined;
  readonly place?: MeasuredPlace | undefined;
}

/** Measurements of one thing: a tumour, a core, a registration. */
export interface MeasurementGroup {
  /** What a person calls it. */
  readonly trackingId: string;
  /** The same in all reports about the same thing; default a new one. */
  readonly trackingUid?: string | undefined;
  readonly finding?: Code | undefined;
  readonly site?: Code | undefined;
  /** The segment that was measured. */
  readonly segment?: { readonly segmentation: InstanceReference; readonly number: number } | undefined;
  readonly measurements: readonly Measurement[];
}

/** A report to write. */
export interface MeasurementReportInit extends ObjectInit {
  /** The procedure that is reported. */
  readonly procedure: Code;
  /** Who observed: the person's name (PN), where a person did. The device is observer always. */
  readonly observer?: string | undefined;
  /** The device's own UID, where it has one; default a UID of this report. */
  readonly deviceUid?: string | undefined;
  /** The images that were measured. */
  readonly images?: readonly InstanceReference[] | undefined;
  readonly groups: readonly MeasurementGroup[];
  /** Who verified the report; without it is written as unverified. */
  readonly verifier?: { readonly name: string; readonly organization: string; readonly at: string } | undefined;
}

/**
 * A measurement report (PS3.16, TID 1500) as Comprehensive 3D SR (PS3.3, A.35.13): who and what observed, the images, and groups
 * of measurements with their units, uncertainties and places.
 * @throws NavError `dicom/bad-object` for numbers that are not finite, negative uncertainties, probabilities outside (0, 1) and
 *   empty groups; `dicom/bad-value`
 */
export function encodeMeasurementReport(init: MeasurementReportInit): EncodedObject {
  const ids = idsOf(init, SOP_CLASS.comprehensive3dSr);
  if (init.groups.length === 0) throw badObject('a measurement report needs a group of measurements', {});
  const { RelationshipType: _, ...root } = container(REPORT.title, rootContent(init), '1500');
  const made = madeAt(init);
  const dataset: Dataset = {
    ...commonModules(init, ids, 'SR'),
    ...UNKNOWN_LATERALITY,
    InstanceNumber: init.instance?.number ?? 1,
    ContentDate: made.date,
    ContentTime: made.time,
    CompletionFlag: 'COMPLETE',
    ReferencedPerformedProcedureStepSequence: [],
    PerformedProcedureCodeSequence: [],
    ...verification(init),
    ...evidence(init, ids),
    ...root,
  };
  return { ...ids, bytes: encodePart10(dataset) };
}

function verification({ verifier }: MeasurementReportInit): Dataset {
  if (verifier === undefined) return { VerificationFlag: 'UNVERIFIED' };
  return {
    VerificationFlag: 'VERIFIED',
    VerifyingObserverSequence: [
      {
        VerifyingObserverName: verifier.name,
        VerifyingObserverIdentificationCodeSequence: [],
        VerifyingOrganization: verifier.organization,
        VerificationDateTime: dicomTime(verifier.at, 'verifier.at').dateTime,
      },
    ],
  };
}

/** All objects that the report refers to, by study and series (PS3.3, C.17.2.3). */
function evidence(init: MeasurementReportInit, ids: ObjectIds): Dataset {
  const segmentations = init.groups.flatMap(({ segment }) => (segment === undefined ? [] : [segment.segmentation]));
  return evidenceOf([...(init.images ?? []), ...segmentations], ids);
}

/** Current Requested Procedure Evidence, where anything is referred to. */
export function evidenceOf(references: readonly InstanceReference[], ids: ObjectIds): Dataset {
  if (references.length === 0) return {};
  const studies = groupBy(uniqueReferences(references), (r) => r.studyUid ?? ids.studyUid);
  return {
    CurrentRequestedProcedureEvidenceSequence: [...studies].map(([studyUid, list]) => ({
      StudyInstanceUID: requireUid(studyUid, 'a reference’s study'),
      ReferencedSeriesSequence: [...groupBy(list, (r) => r.seriesUid)].map(([seriesUid, instances]) => ({
        SeriesInstanceUID: requireUid(seriesUid, 'a reference’s series'),
        ReferencedSOPSequence: instances.map(referenceItem),
      })),
    })),
  };
}

function rootContent(init: MeasurementReportInit): readonly Dataset[] {
  const { images = [] } = init;
  const library = container(
    REPORT.imageGroup,
    images.map((image) => imageContent('CONTAINS', undefined, image)),
  );
  return [
    codeContent('HAS CONCEPT MOD', REPORT.language, { value: 'en', scheme: 'RFC5646', meaning: 'English' }),
    ...observers(init),
    codeContent('HAS CONCEPT MOD', REPORT.procedure, init.procedure),
    container(REPORT.imageLibrary, images.length === 0 ? [] : [library]),
    container(REPORT.measurements, init.groups.map(groupContent)),
  ];
}

/** Observation context (PS3.16, TID 1001): the device, and the person where there is one. */
function observers({ observer, equipment, deviceUid }: MeasurementReportInit): readonly Dataset[] {
  const person =
    observer === undefined
      ? []
      : [
          codeContent('HAS OBS CONTEXT', REPORT.observerType, REPORT.person),
          personContent('HAS OBS CONTEXT', REPORT.personName, observer),
        ];
  return [
    ...person,
    codeContent('HAS OBS CONTEXT', REPORT.observerType, REPORT.device),
    uidContent('HAS OBS CONTEXT', REPORT.deviceUid, deviceUid ?? newUid()),
    textContent('HAS OBS CONTEXT', REPORT.deviceManufacturer, equipment.manufacturer),
    textContent('HAS OBS CONTEXT', REPORT.deviceModel, equipment.model),
    textContent('HAS OBS CONTEXT', REPORT.deviceSerial, equipment.serialNumber),
  ];
}

function groupContent(group: MeasurementGroup): Dataset {
  const { trackingId, trackingUid, finding, site, segment, measurements } = group;
  if (measurements.length === 0) throw badObject(`the group "${trackingId}" has no measurement`, {});
  return container(
    REPORT.group,
    [
      textContent('HAS OBS CONTEXT', REPORT.trackingId, trackingId),
      uidContent('HAS OBS CONTEXT', REPORT.trackingUid, trackingUid ?? newUid()),
      ...(finding === undefined ? [] : [codeContent('CONTAINS', REPORT.finding, finding)]),
      ...(site === undefined ? [] : [codeContent('HAS CONCEPT MOD', REPORT.findingSite, site)]),
      ...(segment === undefined ? [] : [imageContent('CONTAINS', REPORT.segment, segment.segmentation, segment.number)]),
      ...measurements.map(measurementContent),
    ],
    '1501',
  );
}

function measurementContent(m: Measurement): Dataset {
  const { name, value, unit, standardUncertainty, bound, method, place } = m;
  if (standardUncertainty !== undefined && !(standardUncertainty >= 0)) {
    throw badObject(`the uncertainty of "${name.meaning}" is ${standardUncertainty}`, {});
  }
  if (bound !== undefined && !(bound.probability > 0 && bound.probability < 1)) {
    throw badObject(`the bound of "${name.meaning}" has the probability ${bound.probability}, not one between 0 and 1`, {});
  }
  const content = [
    ...(method === undefined ? [] : [codeContent('HAS CONCEPT MOD', REPORT.method, method)]),
    ...(standardUncertainty === undefined
      ? []
      : [numberContent('HAS PROPERTIES', REPORT.standardDeviation, standardUncertainty, unit)]),
    ...(bound === undefined
      ? []
      : [
          numberContent('HAS PROPERTIES', REPORT.upperBound, bound.upper, unit, {
            content: [numberContent('HAS PROPERTIES', REPORT.coverage, bound.probability, UNIT.ratio)],
          }),
        ]),
    ...(place === undefined ? [] : [pointsContent('INFERRED FROM', REPORT.path, place)]),
  ];
  return numberContent('CONTAINS', name, value, unit, { unknown: REPORT.valueUnknown, content });
}

/** A core as it was taken: its length from `near` to `far`, with the place of both and the uncertainty along it. */
export function biopsyCoreGroup(core: AnyBiopsyCore, site?: Code): MeasurementGroup {
  const { near, far, covarianceAlong } = core;
  const along = near.map((x, k) => (far[k] as number) - x);
  // Both ends move by one pose, so that the length is the gun's; its middle's largest deviation is what is uncertain.
  const trace = (c: ArrayLike<number>): number => (c[0] as number) + (c[4] as number) + (c[8] as number);
  return {
    trackingId: core.id,
    finding: FINDING.biopsyCore,
    site,
    measurements: [
      {
        name: MEASUREMENT.length,
        value: Math.hypot(...along),
        unit: UNIT.mm,
        place: { kind: 'POLYLINE', points: [near, far], frameOfReferenceUid: core.frameOfReferenceUid },
      },
      {
        name: MEASUREMENT.targetRegistrationError,
        // The root mean square of the place's error, from the covariance of the pose at the middle of the core.
        value: Math.sqrt(trace(covarianceAlong.middle)),
        unit: UNIT.mm,
      },
    ],
  };
}
