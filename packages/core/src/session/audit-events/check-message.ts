import { NavError } from '../../base/index.js';
import { parseXml, type XmlNode } from './parse-xml.js';

type Pattern = RegExp;
interface Rule {
  readonly required?: Readonly<Record<string, Pattern>>;
  readonly optional?: Readonly<Record<string, Pattern>>;
  /** In their order: name, least, most. A name with | is a choice. */
  readonly children?: readonly (readonly [name: string, least: number, most: number])[];
  readonly text?: Pattern;
}

const ANY = /^[\s\S]*$/;
const SOME = /\S/;
const UID = /^[0-9][0-9.]{0,63}$/;
const TRUTH = /^(true|false)$/;
const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const CODED: Rule = { required: { 'csd-code': SOME, codeSystemName: SOME, originalText: ANY }, optional: { displayName: ANY } };
const MANY = Number.POSITIVE_INFINITY;

/** The schema of PS3.15, A.5.1, by element. */
const RULES: Readonly<Record<string, Rule>> = {
  AuditMessage: {
    children: [
      ['EventIdentification', 1, 1],
      ['ActiveParticipant', 1, MANY],
      ['AuditSourceIdentification', 1, 1],
      ['ParticipantObjectIdentification', 0, MANY],
    ],
  },
  EventIdentification: {
    required: {
      EventDateTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
      EventOutcomeIndicator: /^(0|4|8|12)$/,
    },
    optional: { EventActionCode: /^[CRUDE]$/ },
    children: [
      ['EventID', 1, 1],
      ['EventTypeCode', 0, MANY],
      ['EventOutcomeDescription', 0, 1],
      ['PurposeOfUse', 0, MANY],
    ],
  },
  EventID: CODED,
  EventTypeCode: CODED,
  PurposeOfUse: CODED,
  RoleIDCode: CODED,
  ParticipantObjectIDTypeCode: CODED,
  EventOutcomeDescription: { text: ANY },
  ActiveParticipant: {
    required: { UserID: SOME, UserIsRequestor: TRUTH },
    optional: { AlternativeUserID: ANY, UserName: ANY, NetworkAccessPointID: SOME, NetworkAccessPointTypeCode: /^[1-5]$/ },
    children: [['RoleIDCode', 0, MANY]],
  },
  AuditSourceIdentification: {
    required: { AuditSourceID: SOME },
    optional: { AuditEnterpriseSiteID: ANY },
    children: [['AuditSourceTypeCode', 0, MANY]],
  },
  AuditSourceTypeCode: {
    required: { 'csd-code': /^[1-9]$/ },
    optional: { codeSystemName: SOME, originalText: ANY, displayName: ANY },
  },
  ParticipantObjectIdentification: {
    required: { ParticipantObjectID: SOME },
    optional: {
      ParticipantObjectTypeCode: /^[1-4]$/,
      ParticipantObjectTypeCodeRole: /^([1-9]|1\d|2[0-6])$/,
      ParticipantObjectDataLifeCycle: /^([1-9]|1[0-5])$/,
      ParticipantObjectSensitivity: ANY,
    },
    children: [
      ['ParticipantObjectIDTypeCode', 1, 1],
      ['ParticipantObjectName|ParticipantObjectQuery', 1, 1],
      ['ParticipantObjectDetail', 0, MANY],
      ['ParticipantObjectDescription', 0, MANY],
    ],
  },
  ParticipantObjectName: { text: ANY },
  ParticipantObjectQuery: { text: BASE64 },
  ParticipantObjectDetail: { required: { type: SOME, value: BASE64 } },
  ParticipantObjectDescription: {
    children: [
      ['MPPS', 0, MANY],
      ['Accession', 0, MANY],
      ['SOPClass', 0, MANY],
      ['ParticipantObjectContainsStudy', 0, 1],
      ['Encrypted', 0, 1],
      ['Anonymized', 0, 1],
    ],
  },
  MPPS: { required: { UID } },
  Accession: { required: { Number: ANY } },
  SOPClass: { required: { NumberOfInstances: /^\d+$/ }, optional: { UID }, children: [['Instance', 0, MANY]] },
  Instance: { required: { UID } },
  ParticipantObjectContainsStudy: { children: [['StudyIDs', 1, MANY]] },
  StudyIDs: { required: { UID } },
  Encrypted: { text: TRUTH },
  Anonymized: { text: TRUTH },
};

/** What each event may do, and how many must take part at least (PS3.15, A.5.3). */
const EVENTS: Readonly<Record<string, readonly [actions: string, participants: number, typed: boolean]>> = {
  '110100': ['E', 1, true],
  '110101': ['R', 1, false],
  '110102': ['E', 2, false],
  '110103': ['CRUD', 1, false],
  '110104': ['CRU', 2, false],
  '110105': ['D', 1, false],
  '110106': ['R', 2, false],
  '110107': ['C', 2, false],
  '110108': ['E', 1, true],
  '110109': ['CRUD', 1, false],
  '110110': ['CRUD', 1, false],
  '110111': ['CRUD', 1, false],
  '110112': ['E', 2, false],
  '110113': ['E', 1, true],
  '110114': ['E', 1, true],
};

/**
 * Checks a text against the schema of audit messages (PS3.15, A.5.1) and the tables of its event (A.5.3), and gives its tree.
 * Strict: an element or attribute that the schema does not name is refused.
 * @throws NavError `audit/bad-message` that names the element and what is wrong with it
 */
export function checkAuditMessage(text: string): XmlNode {
  const root = parseXml(text);
  if (root.name !== 'AuditMessage') throw bad(root.name, 'the message is an AuditMessage');
  check(root);
  checkEvent(root);
  return root;
}

function check(node: XmlNode): void {
  const rule = RULES[node.name] as Rule;
  const { required = {}, optional = {}, children = [] } = rule;
  for (const [name, pattern] of Object.entries(required)) {
    if (!Object.hasOwn(node.attributes, name)) throw bad(node.name, `the attribute ${name} is missing`);
    if (!pattern.test(node.attributes[name] as string))
      throw bad(node.name, `the attribute ${name} has a value that it may not have`);
  }
  for (const [name, value] of Object.entries(node.attributes)) {
    if (Object.hasOwn(required, name)) continue;
    const pattern = Object.hasOwn(optional, name) ? optional[name] : undefined;
    if (pattern === undefined) throw bad(node.name, `it has no attribute ${name}`);
    if (!pattern.test(value)) throw bad(node.name, `the attribute ${name} has a value that it may not have`);
  }
  if (rule.text === undefined ? node.text.trim() !== '' : !rule.text.test(node.text))
    throw bad(node.name, 'its text is not what it may be');
  checkChildren(node, children);
}

function checkChildren(node: XmlNode, due: NonNullable<Rule['children']>): void {
  let at = 0;
  for (const [names, least, most] of due) {
    const choice = names.split('|');
    let count = 0;
    for (; at < node.children.length && choice.includes(node.children[at]?.name as string); at += 1) {
      check(node.children[at] as XmlNode);
      count += 1;
    }
    if (count < least) throw bad(node.name, `${names} is missing, or not where it is due`);
    if (count > most) throw bad(node.name, `${names} is given ${count} times`);
  }
  const extra = node.children[at];
  if (extra !== undefined) throw bad(node.name, `${extra.name} is not allowed there`);
}

function checkEvent(root: XmlNode): void {
  const [what, ...rest] = root.children as [XmlNode, ...XmlNode[]];
  const id = what.children[0]?.attributes['csd-code'] as string;
  if (what.children[0]?.attributes['codeSystemName'] !== 'DCM' || EVENTS[id] === undefined)
    throw bad('EventID', `${id} is no event of PS3.15, A.5.3`);
  const [actions, least, typed] = EVENTS[id];
  const action = what.attributes['EventActionCode'];
  if (action === undefined || !actions.includes(action))
    throw bad('EventIdentification', `event ${id} has the action ${actions.split('').join(' or ')}`);
  const participants = rest.filter(({ name }) => name === 'ActiveParticipant');
  if (participants.length < least) throw bad('AuditMessage', `event ${id} has ${least} participants at least`);
  if (typed && !what.children.some(({ name }) => name === 'EventTypeCode'))
    throw bad('EventIdentification', `event ${id} says of what type it is`);
}

function bad(element: string, why: string): NavError {
  return new NavError('audit/bad-message', `The audit message breaks its schema (PS3.15, A.5) in ${element}: ${why}.`, {
    detail: { element },
  });
}
