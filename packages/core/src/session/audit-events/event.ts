import { NavError } from '../../base/index.js';

/** A code of the audit vocabulary (PS3.16, annex D, scheme DCM; RFC 3881 for kinds of objects). */
export interface AuditCode {
  readonly code: string;
  readonly scheme: 'DCM' | 'RFC-3881';
  readonly text: string;
}

const dcm = (code: string, text: string): AuditCode => ({ code, scheme: 'DCM', text });

/** Events of PS3.15, A.5.3. */
export const AUDIT_EVENT: Readonly<
  Record<
    | 'applicationActivity'
    | 'auditLogUsed'
    | 'beginTransferring'
    | 'instancesAccessed'
    | 'instancesTransferred'
    | 'studyDeleted'
    | 'export'
    | 'import'
    | 'networkEntry'
    | 'patientRecord'
    | 'procedureRecord'
    | 'query'
    | 'securityAlert'
    | 'userAuthentication',
    AuditCode
  >
> = {
  applicationActivity: dcm('110100', 'Application Activity'),
  auditLogUsed: dcm('110101', 'Audit Log Used'),
  beginTransferring: dcm('110102', 'Begin Transferring DICOM Instances'),
  instancesAccessed: dcm('110103', 'DICOM Instances Accessed'),
  instancesTransferred: dcm('110104', 'DICOM Instances Transferred'),
  studyDeleted: dcm('110105', 'DICOM Study Deleted'),
  export: dcm('110106', 'Export'),
  import: dcm('110107', 'Import'),
  networkEntry: dcm('110108', 'Network Entry'),
  patientRecord: dcm('110110', 'Patient Record'),
  procedureRecord: dcm('110111', 'Procedure Record'),
  query: dcm('110112', 'Query'),
  securityAlert: dcm('110113', 'Security Alert'),
  userAuthentication: dcm('110114', 'User Authentication'),
};

/** Kinds of an event (PS3.16, CID 401, 402, 403). */
export const AUDIT_EVENT_TYPE: Readonly<
  Record<
    | 'applicationStart'
    | 'applicationStop'
    | 'login'
    | 'logout'
    | 'nodeAuthentication'
    | 'emergencyOverrideStarted'
    | 'networkConfiguration'
    | 'securityConfiguration'
    | 'softwareConfiguration'
    | 'useOfRestrictedFunction'
    | 'auditRecordingStopped'
    | 'auditRecordingStarted'
    | 'securityRolesChanged',
    AuditCode
  >
> = {
  applicationStart: dcm('110120', 'Application Start'),
  applicationStop: dcm('110121', 'Application Stop'),
  login: dcm('110122', 'Login'),
  logout: dcm('110123', 'Logout'),
  nodeAuthentication: dcm('110126', 'Node Authentication'),
  emergencyOverrideStarted: dcm('110127', 'Emergency Override Started'),
  networkConfiguration: dcm('110128', 'Network Configuration'),
  securityConfiguration: dcm('110129', 'Security Configuration'),
  softwareConfiguration: dcm('110131', 'Software Configuration'),
  useOfRestrictedFunction: dcm('110132', 'Use of Restricted Function'),
  auditRecordingStopped: dcm('110133', 'Audit Recording Stopped'),
  auditRecordingStarted: dcm('110134', 'Audit Recording Started'),
  securityRolesChanged: dcm('110136', 'Security Roles Changed'),
};

/** Parts that participants play (PS3.16, CID 402). */
export const AUDIT_ROLE: Readonly<
  Record<'application' | 'applicationLauncher' | 'destination' | 'source' | 'destinationMedia' | 'sourceMedia', AuditCode>
> = {
  application: dcm('110150', 'Application'),
  applicationLauncher: dcm('110151', 'Application Launcher'),
  destination: dcm('110152', 'Destination Role ID'),
  source: dcm('110153', 'Source Role ID'),
  destinationMedia: dcm('110154', 'Destination Media'),
  sourceMedia: dcm('110155', 'Source Media'),
};

/** How it ended (PS3.15, A.5.2.1): success, minor, serious and major failure. */
export type AuditOutcome = 0 | 4 | 8 | 12;
/** Create, read, update, delete, execute. */
export type AuditAction = 'C' | 'R' | 'U' | 'D' | 'E';

/** A person, a program or a machine that took part. */
export interface AuditParticipant {
  /** As the site names people and programs. */
  readonly userId: string;
  readonly userName?: string;
  /** An AE title, or the number of a process. */
  readonly alternativeUserId?: string;
  /** Who asked for it. */
  readonly isRequestor: boolean;
  readonly roles?: readonly AuditCode[];
  /** A machine's name (1) or IP address (2). */
  readonly network?: { readonly id: string; readonly type: 1 | 2 };
}

/** What it was done to. */
export interface AuditObject {
  readonly id: string;
  /** Person, system object, organization, other. */
  readonly type: 1 | 2 | 3 | 4;
  /** The part it plays (PS3.15, A.5.2.4): 1 patient, 3 report, 13 security resource, 24 query … */
  readonly role: number;
  readonly idType: AuditCode;
  readonly name?: string;
  /** A query as it was sent, base64; instead of a name. */
  readonly query?: string;
  /** Pairs of kind and value; the values are written as base64. */
  readonly details?: readonly { readonly type: string; readonly value: string }[];
  readonly sopClasses?: readonly { readonly uid: string; readonly instances: number }[];
  readonly studies?: readonly string[];
  readonly anonymized?: boolean;
}

/** An audit message (PS3.15, A.5.1). */
export interface AuditEvent {
  readonly event: AuditCode;
  readonly types?: readonly AuditCode[];
  readonly action: AuditAction;
  /** ISO 8601 with its zone. */
  readonly utc: string;
  readonly outcome: AuditOutcome;
  readonly outcomeDescription?: string;
  readonly participants: readonly AuditParticipant[];
  readonly source: AuditSource;
  readonly objects: readonly AuditObject[];
}

/** Who reports. */
export interface AuditSource {
  /** The system: stable, unique at the site. */
  readonly id: string;
  readonly site?: string;
  /** 1 end user's display, 2 acquisition device, 3 web server, 4 application server (PS3.15, A.5.2.3). */
  readonly type?: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
}

/** What every event tells. */
export interface AuditCommon {
  readonly utc: string;
  readonly source: AuditSource;
  readonly outcome?: AuditOutcome;
  readonly outcomeDescription?: string;
}

/** A patient, as events name one: the ID, and the name only where the site wants it in its audit log. */
export interface AuditPatient {
  readonly id: string;
  readonly name?: string;
}

/** A study and what of it was touched. */
export interface AuditStudy {
  readonly uid: string;
  readonly sopClasses: readonly { readonly uid: string; readonly instances: number }[];
  readonly anonymized?: boolean;
}

const PATIENT_NUMBER: AuditCode = { code: '2', scheme: 'RFC-3881', text: 'Patient Number' };
const STUDY_UID: AuditCode = dcm('110180', 'Study Instance UID');
const SOP_CLASS_UID: AuditCode = dcm('110181', 'SOP Class UID');
const NODE_ID: AuditCode = dcm('110182', 'Node ID');

/** A program began or ended (A.5.3.1). */
export function applicationActivity(
  what: 'start' | 'stop',
  application: AuditParticipant,
  launcher: AuditParticipant | undefined,
  common: AuditCommon,
): AuditEvent {
  const type = what === 'start' ? AUDIT_EVENT_TYPE.applicationStart : AUDIT_EVENT_TYPE.applicationStop;
  const participants = [
    withRole(application, AUDIT_ROLE.application),
    ...(launcher ? [withRole(launcher, AUDIT_ROLE.applicationLauncher)] : []),
  ];
  return made(AUDIT_EVENT.applicationActivity, 'E', participants, [], common, [type]);
}

/** Somebody came or went, or tried to (A.5.3.14): give `outcome` 4 or more where it was refused. */
export function userAuthentication(
  what: 'login' | 'logout',
  user: AuditParticipant,
  node: AuditParticipant | undefined,
  common: AuditCommon,
): AuditEvent {
  return made(AUDIT_EVENT.userAuthentication, 'E', [user, ...(node ? [node] : [])], [], common, [AUDIT_EVENT_TYPE[what]]);
}

/** Instances were seen, made, changed or removed (A.5.3.4). */
export function instancesAccessed(
  action: 'C' | 'R' | 'U' | 'D',
  user: AuditParticipant,
  studies: readonly AuditStudy[],
  patient: AuditPatient,
  common: AuditCommon,
): AuditEvent {
  return made(AUDIT_EVENT.instancesAccessed, action, [user], [...studies.map(studyObject), patientObject(patient)], common);
}

/** Instances came or went over the network (A.5.3.5). */
export function instancesTransferred(
  action: 'C' | 'R' | 'U',
  parties: {
    readonly source: AuditParticipant;
    readonly destination: AuditParticipant;
    readonly others?: readonly AuditParticipant[];
  },
  studies: readonly AuditStudy[],
  patient: AuditPatient,
  common: AuditCommon,
): AuditEvent {
  const participants = [
    withRole(parties.source, AUDIT_ROLE.source),
    withRole(parties.destination, AUDIT_ROLE.destination),
    ...(parties.others ?? []),
  ];
  return made(
    AUDIT_EVENT.instancesTransferred,
    action,
    participants,
    [...studies.map(studyObject), patientObject(patient)],
    common,
  );
}

/** Data left the system on a medium or as files (A.5.3.6): de-identified files, recordings, reports. */
export function exported(
  user: AuditParticipant,
  media: AuditParticipant,
  studies: readonly AuditStudy[],
  patients: readonly AuditPatient[],
  common: AuditCommon,
): AuditEvent {
  const objects = [...studies.map(studyObject), ...patients.map(patientObject)];
  return made(AUDIT_EVENT.export, 'R', [user, withRole(media, AUDIT_ROLE.destinationMedia)], objects, common);
}

/** An archive was asked (A.5.3.13). @param query as it was sent: an address without its host, or a data set */
export function queried(
  parties: {
    readonly source: AuditParticipant;
    readonly destination: AuditParticipant;
    readonly others?: readonly AuditParticipant[];
  },
  sopClassUid: string,
  query: string,
  common: AuditCommon,
): AuditEvent {
  const object: AuditObject = { id: sopClassUid, type: 2, role: 3, idType: SOP_CLASS_UID, query: base64(query) };
  const participants = [
    withRole(parties.source, AUDIT_ROLE.source),
    withRole(parties.destination, AUDIT_ROLE.destination),
    ...(parties.others ?? []),
  ];
  return made(AUDIT_EVENT.query, 'E', participants, [object], common);
}

/** Something that touches security happened (A.5.3.12). @param subject what it is about: a machine, a file, a setting */
export function securityAlert(
  type: AuditCode,
  reporter: AuditParticipant,
  subject: { readonly id: string; readonly description: string },
  common: AuditCommon,
): AuditEvent {
  const details = [{ type: 'Alert Description', value: subject.description }];
  const object: AuditObject = { id: subject.id, type: 2, role: 13, idType: NODE_ID, details };
  return made(AUDIT_EVENT.securityAlert, 'E', [reporter], [object], common, [type]);
}

/** A patient's record was made, read, changed or removed (A.5.3.10). */
export function patientRecord(
  action: 'C' | 'R' | 'U' | 'D',
  user: AuditParticipant,
  patient: AuditPatient,
  common: AuditCommon,
): AuditEvent {
  return made(AUDIT_EVENT.patientRecord, action, [user], [patientObject(patient)], common);
}

/** A procedure's record was made, read, changed or removed (A.5.3.11). */
export function procedureRecord(
  action: 'C' | 'R' | 'U' | 'D',
  user: AuditParticipant,
  procedure: { readonly studyUid: string; readonly details?: AuditObject['details'] },
  patient: AuditPatient,
  common: AuditCommon,
): AuditEvent {
  const object: AuditObject = {
    ...studyObject({ uid: procedure.studyUid, sopClasses: [] }),
    ...(procedure.details && { details: procedure.details }),
  };
  return made(AUDIT_EVENT.procedureRecord, action, [user], [object, patientObject(patient)], common);
}

function made(
  event: AuditCode,
  action: AuditAction,
  participants: readonly AuditParticipant[],
  objects: readonly AuditObject[],
  { utc, source, outcome = 0, outcomeDescription }: AuditCommon,
  types: readonly AuditCode[] = [],
): AuditEvent {
  const nobody = participants.findIndex(({ userId }) => userId.trim() === '');
  if (nobody >= 0)
    throw new NavError('audit/bad-event', `Participant ${nobody + 1} of "${event.text}" has no user ID: every event names who.`);
  if (source.id.trim() === '')
    throw new NavError('audit/bad-event', `"${event.text}" does not say which system reports it: give source.id.`);
  if (Number.isNaN(Date.parse(utc)))
    throw new NavError('audit/bad-event', `"${event.text}" has no time: "${utc}" is no date of ISO 8601.`);
  return {
    event,
    types,
    action,
    utc: new Date(utc).toISOString(),
    outcome,
    participants,
    source,
    objects,
    ...(outcomeDescription !== undefined && { outcomeDescription }),
  };
}

function withRole(participant: AuditParticipant, role: AuditCode): AuditParticipant {
  return { ...participant, roles: [...(participant.roles ?? []), role] };
}

function patientObject({ id, name }: AuditPatient): AuditObject {
  return { id, type: 1, role: 1, idType: PATIENT_NUMBER, ...(name !== undefined && { name }) };
}

function studyObject({ uid, sopClasses, anonymized }: AuditStudy): AuditObject {
  return { id: uid, type: 2, role: 3, idType: STUDY_UID, sopClasses, ...(anonymized !== undefined && { anonymized }) };
}

/** UTF-8 as base64. */
export function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
