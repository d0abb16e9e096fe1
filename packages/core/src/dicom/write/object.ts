import { NavError } from '../../base/index.js';
import { codeItem, dcm } from './codes.js';
import type { Dataset } from './part10.js';
import { provenanceBlock, provenanceText, type ResultProvenance } from './provenance.js';
import { atOffset, type DicomTime, dicomTime } from './times.js';
import { isUid, newUid } from './uid.js';

/** The study that a result belongs to, as its images say: a result joins the study, it does not make one. */
export interface StudyReference {
  readonly studyUid: string;
  readonly patient: {
    /** PN: `Family^Given`. */
    readonly name?: string | undefined;
    readonly id?: string | undefined;
    /** YYYYMMDD. */
    readonly birthDate?: string | undefined;
    /** M, F or O. */
    readonly sex?: string | undefined;
  };
  /** YYYYMMDD and HHMMSS, copied from the images. */
  readonly date?: string | undefined;
  readonly time?: string | undefined;
  /** The images' Timezone Offset From UTC, where they have one: ours are then given at it. */
  readonly timezoneOffset?: string | undefined;
  readonly accessionNumber?: string | undefined;
  readonly id?: string | undefined;
  readonly description?: string | undefined;
  readonly referringPhysician?: string | undefined;
}

/** What made the object. */
export interface Equipment {
  readonly manufacturer: string;
  readonly model: string;
  readonly serialNumber: string;
  /** Of everything that shaped the result: the application, and Trocar's. */
  readonly softwareVersions: readonly string[];
  readonly institution?: string | undefined;
}

/** What every object is written with. UIDs that are not given are new. */
export interface ObjectInit {
  readonly study: StudyReference;
  readonly series?: { readonly uid?: string; readonly number?: number; readonly description?: string } | undefined;
  readonly instance?: { readonly uid?: string; readonly number?: number } | undefined;
  readonly equipment: Equipment;
  readonly provenance: ResultProvenance;
}

/** Another object of the archive. */
export interface InstanceReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesUid: string;
  /** Absent means the study of the object itself. */
  readonly studyUid?: string | undefined;
}

/** A written object: its bytes, and the names it can be referred to by. */
export interface EncodedObject extends InstanceReference {
  readonly studyUid: string;
  /** A Part 10 file, explicit VR little endian. */
  readonly bytes: Uint8Array;
}

/** The names of an object to be. */
export interface ObjectIds {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesUid: string;
  readonly studyUid: string;
}

/** For objects without frames: of a paired body part the laterality would be asked for, and empty is unknown (PS3.3, C.7.3.1). */
export const UNKNOWN_LATERALITY: Dataset = { Laterality: null };

/** @throws NavError `dicom/bad-object` */
export function idsOf(init: ObjectInit, sopClassUid: string): ObjectIds {
  const ids = {
    sopClassUid,
    sopInstanceUid: init.instance?.uid ?? newUid(),
    seriesUid: init.series?.uid ?? newUid(),
    studyUid: init.study.studyUid,
  };
  for (const [what, uid] of Object.entries(ids)) requireUid(uid, what);
  return ids;
}

/** @throws NavError `dicom/bad-object` */
export function requireUid(uid: string, what: string): string {
  if (!isUid(uid)) throw badObject(`${what} must be a UID (numbers joined by dots), got "${uid}"`, { what, uid });
  return uid;
}

/** The time of making: at the study's own offset where that is known. */
export function madeAt(init: ObjectInit): DicomTime {
  const { timezoneOffset } = init.study;
  const { createdAt } = init.provenance;
  return timezoneOffset === undefined ? dicomTime(createdAt, 'createdAt') : atOffset(createdAt, timezoneOffset, 'createdAt');
}

/**
 * Patient, General Study, General Series, Enhanced General Equipment and SOP Common modules (PS3.3, C.7.1.1, C.7.2.1, C.7.3.1,
 * C.7.5.2, C.12.1), with the provenance as Contributing Equipment and in a private block.
 *
 * Timezone Offset From UTC holds for every date and time of an object. Where the study has times at an unknown offset it is
 * left out; date-times carry their own offset always.
 */
export function commonModules(init: ObjectInit, ids: ObjectIds, modality: string): Dataset {
  const { study, series, equipment, provenance } = init;
  const made = madeAt(init);
  const offsetHolds = study.timezoneOffset !== undefined || (study.time ?? '') === '';
  return {
    SOPClassUID: ids.sopClassUid,
    SOPInstanceUID: ids.sopInstanceUid,
    InstanceCreationDate: made.date,
    InstanceCreationTime: made.time,
    TimezoneOffsetFromUTC: offsetHolds ? made.offset : undefined,
    StudyInstanceUID: ids.studyUid,
    StudyDate: study.date ?? null,
    StudyTime: study.time ?? null,
    StudyID: study.id ?? null,
    StudyDescription: study.description,
    AccessionNumber: study.accessionNumber ?? null,
    ReferringPhysicianName: study.referringPhysician ?? null,
    PatientName: study.patient.name ?? null,
    PatientID: study.patient.id ?? null,
    PatientBirthDate: study.patient.birthDate ?? null,
    PatientSex: study.patient.sex ?? null,
    Modality: modality,
    SeriesInstanceUID: ids.seriesUid,
    SeriesNumber: series?.number ?? 9001,
    SeriesDescription: series?.description,
    SeriesDate: made.date,
    SeriesTime: made.time,
    Manufacturer: required(equipment.manufacturer, 'equipment.manufacturer'),
    ManufacturerModelName: required(equipment.model, 'equipment.model'),
    DeviceSerialNumber: required(equipment.serialNumber, 'equipment.serialNumber'),
    SoftwareVersions: versionsOf(equipment),
    InstitutionName: equipment.institution,
    ContributingEquipmentSequence: [contribution(equipment, provenance)],
    ...provenanceBlock(provenance),
  };
}

function versionsOf(equipment: Equipment): readonly string[] {
  const { softwareVersions } = equipment;
  if (softwareVersions.length === 0) throw badObject('equipment.softwareVersions must name at least one version', {});
  return softwareVersions.map((version) => required(version, 'equipment.softwareVersions'));
}

/** The method as equipment that contributed (PS3.3, C.12.1.1.5), for people to read. */
function contribution(equipment: Equipment, provenance: ResultProvenance): Dataset {
  return {
    PurposeOfReferenceCodeSequence: [codeItem(dcm('109102', 'Processing Equipment'))],
    Manufacturer: equipment.manufacturer,
    ManufacturerModelName: equipment.model,
    SoftwareVersions: equipment.softwareVersions,
    ContributionDateTime: dicomTime(provenance.createdAt, 'provenance.createdAt').dateTime,
    ContributionDescription: provenanceText(provenance),
    OperatorsName: provenance.acceptedBy?.name,
  };
}

/** Content date, time and the Content Identification macro (PS3.3, 10.9). */
export function contentModule(init: ObjectInit, label: string, description: string | undefined): Dataset {
  const made = madeAt(init);
  return {
    ContentDate: made.date,
    ContentTime: made.time,
    InstanceNumber: init.instance?.number ?? 1,
    ContentLabel: label,
    ContentDescription: description ?? null,
    ContentCreatorName: init.provenance.acceptedBy?.name ?? null,
  };
}

/** The item of an Image SOP Instance Reference (PS3.3, 10.3). */
export function referenceItem(reference: InstanceReference): Dataset {
  return {
    ReferencedSOPClassUID: requireUid(reference.sopClassUid, 'a reference’s SOP class'),
    ReferencedSOPInstanceUID: requireUid(reference.sopInstanceUid, 'a reference’s SOP instance'),
  };
}

/** Source Image Sequence (PS3.3, C.7.6.1.1.4): what a picture or volume was made from; undefined where that is nothing known. */
export function sourceImages(sources: readonly InstanceReference[] | undefined): readonly Dataset[] | undefined {
  if (sources === undefined || sources.length === 0) return undefined;
  const purpose = codeItem(dcm('121322', 'Source image for image processing operation'));
  return sources.map((source) => ({ ...referenceItem(source), PurposeOfReferenceCodeSequence: [purpose] }));
}

/** Common Instance Reference module (PS3.3, C.12.2): what is referred to, by study and series, each instance once. */
export function commonReferences(ids: ObjectIds, references: readonly InstanceReference[]): Dataset {
  const studies = groupBy(uniqueReferences(references), (r) => r.studyUid ?? ids.studyUid);
  const seriesItems = (list: readonly InstanceReference[]): readonly Dataset[] =>
    [...groupBy(list, (r) => r.seriesUid)].map(([uid, instances]) => ({
      SeriesInstanceUID: requireUid(uid, 'a reference’s series'),
      ReferencedInstanceSequence: instances.map(referenceItem),
    }));
  const own = studies.get(ids.studyUid);
  const others = [...studies].filter(([uid]) => uid !== ids.studyUid);
  return {
    ReferencedSeriesSequence: own && seriesItems(own),
    StudiesContainingOtherReferencedInstancesSequence:
      others.length === 0
        ? undefined
        : others.map(([uid, list]) => ({
            StudyInstanceUID: requireUid(uid, 'a reference’s study'),
            ReferencedSeriesSequence: seriesItems(list),
          })),
  };
}

/** Each instance once, in the order of first mention. */
export function uniqueReferences(references: readonly InstanceReference[]): readonly InstanceReference[] {
  return [...new Map(references.map((r) => [r.sopInstanceUid, r])).values()];
}

/** Lists by key, in the order of first appearance. */
export function groupBy<T>(list: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

function required(text: string, what: string): string {
  if (text.trim() === '') throw badObject(`${what} must not be empty: the standard asks for it`, { what });
  return text;
}

/** An object that cannot be written as asked. */
export function badObject(what: string, detail: Readonly<Record<string, unknown>>): NavError<'dicom/bad-object'> {
  return new NavError('dicom/bad-object', `Cannot write the DICOM object: ${what}.`, { detail });
}
