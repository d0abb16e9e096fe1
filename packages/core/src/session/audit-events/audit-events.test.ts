import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../test-support/error-code.js';
import { NO_LINES, sealLine, verifyAudit } from '../audit.js';
import {
  AUDIT_EVENT_TYPE,
  type AuditEvent,
  applicationActivity,
  auditMessageXml,
  checkAuditMessage,
  eventsOfSession,
  exported,
  instancesAccessed,
  instancesTransferred,
  patientRecord,
  procedureRecord,
  queried,
  securityAlert,
  syslogFrame,
  syslogMessage,
  userAuthentication,
} from './index.js';

const common = { utc: '2026-03-01T08:30:00.250Z', source: { id: 'trocar-or-3', site: 'North', type: 4 } } as const;
const surgeon = { userId: 'a.okonkwo', userName: 'Dr. "A" <Okonkwo> & Co', isRequestor: true } as const;
const program = {
  userId: 'trocar',
  alternativeUserId: 'AETITLES=TROCAR',
  isRequestor: false,
  network: { id: '10.0.0.7', type: 2 },
} as const;
const archive = { userId: 'ORTHANC', isRequestor: false, network: { id: 'pacs.local', type: 1 } } as const;
const studies = [{ uid: '1.2.3', sopClasses: [{ uid: '1.2.840.10008.5.1.4.1.1.2', instances: 300 }], anonymized: true }];
const patient = { id: '8841', name: '山田^太郎' };

const EVENTS: Readonly<Record<string, AuditEvent>> = {
  start: applicationActivity('start', program, surgeon, common),
  stop: applicationActivity('stop', program, undefined, common),
  login: userAuthentication('login', surgeon, program, { ...common, outcome: 4, outcomeDescription: 'wrong token' }),
  accessed: instancesAccessed('R', surgeon, studies, patient, common),
  transferred: instancesTransferred('C', { source: archive, destination: program, others: [surgeon] }, studies, patient, common),
  exported: exported(surgeon, { userId: 'usb-1', isRequestor: false }, studies, [patient], common),
  queried: queried({ source: program, destination: archive }, '1.2.840.10008.5.1.4.1.2.2.1', 'studies?PatientID=8841', common),
  alert: securityAlert(
    AUDIT_EVENT_TYPE.useOfRestrictedFunction,
    surgeon,
    { id: 'plan/accepted', description: 'refused to an observer' },
    common,
  ),
  patient: patientRecord('U', surgeon, patient, common),
  procedure: procedureRecord('C', surgeon, { studyUid: '1.2.3', details: [{ type: 'a', value: 'ü' }] }, { id: '8841' }, common),
};

describe('audit messages', () => {
  it.each(Object.keys(EVENTS))('%s follows the schema of PS3.15, A.5', (name) => {
    const root = checkAuditMessage(auditMessageXml(EVENTS[name] as AuditEvent));
    expect(root.children[0]?.attributes['EventDateTime']).toBe(common.utc);
  });

  it('says what, who, where from and what to', () => {
    const root = checkAuditMessage(auditMessageXml(EVENTS['transferred'] as AuditEvent));
    expect(root.children[0]).toMatchObject({ attributes: { EventActionCode: 'C', EventOutcomeIndicator: '0' } });
    expect(root.children[0]?.children[0]?.attributes).toEqual({
      'csd-code': '110104',
      codeSystemName: 'DCM',
      originalText: 'DICOM Instances Transferred',
    });
    expect(
      root.children.filter(({ name }) => name === 'ActiveParticipant').map(({ attributes }) => attributes['UserID']),
    ).toEqual(['ORTHANC', 'trocar', 'a.okonkwo']);
    const objects = root.children.filter(({ name }) => name === 'ParticipantObjectIdentification');
    expect(objects.map(({ attributes }) => attributes['ParticipantObjectID'])).toEqual(['1.2.3', '8841']);
    expect(objects[0]?.children.at(-1)?.children.map(({ name, text }) => [name, text])).toEqual([
      ['SOPClass', ''],
      ['Anonymized', 'true'],
    ]);
    expect(root.children[3]?.attributes['UserName']).toBe(surgeon.userName);
  });

  it('brings every text back as it was', () => {
    const legal = fc
      .string({ unit: 'binary' })
      .filter((t) => /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(t) && t.trim() !== '');
    fc.assert(
      fc.property(legal, legal, (userId, userName) => {
        const root = checkAuditMessage(
          auditMessageXml(patientRecord('R', { userId, userName, isRequestor: true }, { id: userName }, common)),
        );
        expect(root.children[1]?.attributes).toMatchObject({ UserID: userId, UserName: userName });
      }),
    );
  });

  it('is refused where it names nobody, or holds what XML cannot', () => {
    expect(codeOf(() => patientRecord('R', { userId: ' ', isRequestor: true }, patient, common))).toBe('audit/bad-event');
    expect(codeOf(() => patientRecord('R', surgeon, patient, { ...common, utc: 'today' }))).toBe('audit/bad-event');
    expect(codeOf(() => auditMessageXml(patientRecord('R', { userId: 'a\u0001', isRequestor: true }, patient, common)))).toBe(
      'audit/bad-event',
    );
  });
});

describe('the checker', () => {
  const good = auditMessageXml(EVENTS['accessed'] as AuditEvent);
  it.each([
    ['another root', good.replaceAll('AuditMessage', 'Message')],
    ['a missing attribute', good.replace(' UserIsRequestor="true"', '')],
    ['an attribute of its own', good.replace('<ActiveParticipant ', '<ActiveParticipant Mood="good" ')],
    ['an outcome that does not exist', good.replace('EventOutcomeIndicator="0"', 'EventOutcomeIndicator="1"')],
    ['an event that does not exist', good.replace('110103', '110199')],
    ['an action that the event does not have', good.replace('EventActionCode="R"', 'EventActionCode="E"')],
    [
      'elements in another order',
      good.replace(/(<ActiveParticipant[^>]*\/>)(<AuditSourceIdentification.*?<\/AuditSourceIdentification>)/, '$2$1'),
    ],
    ['no source', good.replace(/<AuditSourceIdentification.*?<\/AuditSourceIdentification>/, '')],
    ['a time without a zone', good.replace('250Z"', '250"')],
    ['a document type', `<!DOCTYPE a [<!ENTITY b "c">]>${good}`],
    ['an entity of its own', good.replace('Okonkwo', '&b;')],
    ['a comment', good.replace('<ActiveParticipant', '<!-- a --><ActiveParticipant')],
    ['an attribute twice', good.replace('UserID="a.okonkwo"', 'UserID="a.okonkwo" UserID="b"')],
    ['text between elements', good.replace('<ActiveParticipant', 'x<ActiveParticipant')],
    ['a second message', good + good],
    ['an end too early', good.slice(0, -5)],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => checkAuditMessage(text))).toBe('audit/bad-message');
  });

  it('never crashes, whatever comes', () => {
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(8), fc.string({ unit: 'binary', maxLength: 6 }), (at, cut, put) => {
        const text = good.slice(0, at) + put + good.slice(at + cut);
        expect([undefined, 'audit/bad-message']).toContain(codeOf(() => checkAuditMessage(text)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('syslog', () => {
  it('has the head of RFC 5424 and the frame of RFC 5425', () => {
    const xml = auditMessageXml(EVENTS['login'] as AuditEvent);
    const message = Buffer.from(syslogMessage(xml, { host: 'or-3.local', process: '77' }));
    expect(message.toString()).toBe(`<84>1 2026-03-01T08:30:00.250Z or-3.local trocar 77 DICOM+RFC3881 - \ufeff${xml}`);
    const frame = Buffer.from(syslogFrame(message)).toString();
    expect(frame.slice(0, frame.indexOf(' '))).toBe(String(message.length));
    expect(Buffer.from(syslogMessage(auditMessageXml(EVENTS['start'] as AuditEvent), { host: 'a' })).toString()).toMatch(
      /^<85>1 /,
    );
    expect(codeOf(() => syslogMessage(xml, { host: 'two words' }))).toBe('audit/bad-option');
  });
});

describe("a session's log", () => {
  it('becomes one event a line, by who and with its place in the chain', () => {
    let head = NO_LINES;
    const lines = ['session/begun', 'plan/accepted', 'registration/accepted', 'session/closed'].map((action, at) => {
      const sealed = sealLine(
        { utc: `2026-01-01T00:00:0${at}.000Z`, at, actor: 'Dr. A', action, payload: { secret: 'plan' } },
        head,
      );
      head = sealed.head;
      return sealed.bytes;
    });
    const { entries, ok } = verifyAudit(Buffer.concat(lines));
    expect(ok).toBe(true);
    const events = eventsOfSession(entries, { source: common.source, studyUid: '1.2.3', patient: { id: '8841' } });
    expect(events.map(({ action }) => action)).toEqual(['C', 'U', 'U', 'U']);
    for (const [n, event] of events.entries()) {
      const xml = auditMessageXml(event);
      const details = checkAuditMessage(xml).children[3]?.children.filter(({ name }) => name === 'ParticipantObjectDetail');
      const values = details?.map(({ attributes }) => Buffer.from(attributes['value'] as string, 'base64').toString());
      expect(values).toEqual([entries[n]?.action, String(n + 1), entries[n]?.previous]);
      expect(xml).toContain('UserID="Dr. A"');
      expect(xml).not.toContain('secret');
    }
  });
});
