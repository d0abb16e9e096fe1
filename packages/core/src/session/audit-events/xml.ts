import { NavError } from '../../base/index.js';
import { type AuditCode, type AuditEvent, type AuditObject, type AuditParticipant, base64 } from './event.js';

/**
 * The event as an XML audit message (PS3.15, A.5.1), on one line, without a declaration: as a syslog message carries it.
 * @throws NavError `audit/bad-event` where a text holds characters that XML has no way to write
 */
export function auditMessageXml(event: AuditEvent): string {
  const { outcomeDescription } = event;
  const what = { EventActionCode: event.action, EventDateTime: event.utc, EventOutcomeIndicator: String(event.outcome) };
  return element('AuditMessage', {}, [
    element('EventIdentification', what, [
      coded('EventID', event.event),
      ...(event.types ?? []).map((type) => coded('EventTypeCode', type)),
      ...(outcomeDescription === undefined ? [] : [element('EventOutcomeDescription', {}, [escaped(outcomeDescription)])]),
    ]),
    ...event.participants.map(participant),
    source(event),
    ...event.objects.map(object),
  ]);
}

function participant({ userId, alternativeUserId, userName, isRequestor, roles, network }: AuditParticipant): string {
  const attributes = {
    UserID: userId,
    AlternativeUserID: alternativeUserId,
    UserName: userName,
    UserIsRequestor: String(isRequestor),
    NetworkAccessPointID: network?.id,
    NetworkAccessPointTypeCode: network === undefined ? undefined : String(network.type),
  };
  return element(
    'ActiveParticipant',
    attributes,
    (roles ?? []).map((role) => coded('RoleIDCode', role)),
  );
}

function source({ source: { id, site, type } }: AuditEvent): string {
  const types = type === undefined ? [] : [element('AuditSourceTypeCode', { 'csd-code': String(type) }, [])];
  return element('AuditSourceIdentification', { AuditEnterpriseSiteID: site, AuditSourceID: id }, types);
}

function object(o: AuditObject): string {
  const attributes = {
    ParticipantObjectID: o.id,
    ParticipantObjectTypeCode: String(o.type),
    ParticipantObjectTypeCodeRole: String(o.role),
  };
  return element('ParticipantObjectIdentification', attributes, [
    coded('ParticipantObjectIDTypeCode', o.idType),
    ...(o.query !== undefined
      ? [element('ParticipantObjectQuery', {}, [escaped(o.query)])]
      : [element('ParticipantObjectName', {}, [escaped(o.name ?? '')])]),
    ...(o.details ?? []).map(({ type, value }) => element('ParticipantObjectDetail', { type, value: base64(value) }, [])),
    ...described(o),
  ]);
}

function described({ sopClasses = [], studies = [], anonymized }: AuditObject): string[] {
  const inside = [
    ...sopClasses.map(({ uid, instances }) => element('SOPClass', { UID: uid, NumberOfInstances: String(instances) }, [])),
    ...(studies.length === 0
      ? []
      : [
          element(
            'ParticipantObjectContainsStudy',
            {},
            studies.map((UID) => element('StudyIDs', { UID }, [])),
          ),
        ]),
    ...(anonymized === undefined ? [] : [element('Anonymized', {}, [String(anonymized)])]),
  ];
  return inside.length === 0 ? [] : [element('ParticipantObjectDescription', {}, inside)];
}

function coded(name: string, { code, scheme, text }: AuditCode): string {
  return element(name, { 'csd-code': code, codeSystemName: scheme, originalText: text }, []);
}

function element(name: string, attributes: Readonly<Record<string, string | undefined>>, inside: readonly string[]): string {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${escaped(value)}"`],
  );
  return inside.length === 0 ? `<${name}${written.join('')}/>` : `<${name}${written.join('')}>${inside.join('')}</${name}>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

function escaped(text: string): string {
  for (const c of text) {
    const code = c.codePointAt(0) as number;
    const legal = c in ESCAPES || (code >= 0x20 && code <= 0xd7ff) || (code >= 0xe000 && code <= 0xfffd) || code >= 0x10000;
    if (!legal)
      throw new NavError(
        'audit/bad-event',
        `A text of the event holds the character U+${code.toString(16).padStart(4, '0')}, which XML cannot hold.`,
      );
  }
  return text.replace(/[&<>"\t\n\r]/g, (c) => ESCAPES[c] as string);
}
