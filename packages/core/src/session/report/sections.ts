import { AlarmTexts, formatBound, formatMm, formatNumber, UNKNOWN } from '../../guidance/index.js';
import { TextLanguage } from '../../text/index.js';
import type { AuditEntry, AuditHead } from '../audit.js';
import { type ExactValue, fromExactJson } from '../exact-json.js';
import type { Acceptance, AcceptedRecord, FiducialResidual, SessionEvent, SessionState } from '../state.js';
import { type Column, type Content, facts, type Html, html, table } from './html.js';
import type { ReportInput, ReportTable } from './input.js';
import type { ReportText } from './text.js';

/** A part of a report with its title. */
export const section = (title: string, ...content: readonly Content[]): Html =>
  html`<section><h2>${title}</h2>\n${content}</section>\n`;

/** A wall-clock time to the second, as people write it; in UTC, which its column or its place says. */
const timeOf = (utc: string): string => (utc === '' ? UNKNOWN : utc.slice(0, 19).replace('T', ' '));

const acceptedLine = ({ by, utc }: Acceptance, text: ReportText): string =>
  `${timeOf(utc)} UTC, ${text.acceptedBy.replace('{who}', () => by)}`;

const identifier = (id: string | undefined): Content => id !== undefined && html`<span class="id">${id}</span>`;

/** Who it is about, on which images, in which session. */
export function identity<F extends string>(input: ReportInput<F>, text: ReportText): Html {
  const { state, patient = {}, images = {} } = input;
  const born = patient.birthDate?.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
  const columns: readonly (readonly [string, Parameters<typeof facts>[0]])[] = [
    [
      text.patient,
      [
        [text.name, patient.name?.replaceAll('^', ' ').trim() || UNKNOWN],
        [text.patientId, patient.id ?? UNKNOWN],
        [text.birthDate, born ?? UNKNOWN],
        [text.sex, patient.sex],
      ],
    ],
    [
      text.images,
      [
        [text.modality, images.modality],
        [text.series, images.description],
        [text.frameOfReference, identifier(images.frameOfReferenceUid ?? state.plan?.plan.frameOfReferenceUid)],
      ],
    ],
    [
      text.session,
      [
        [text.number, identifier(state.id)],
        [text.software, state.software],
        [text.begun, acceptedLine(state.begun, text)],
        [text.restored, state.restores.length > 0 && state.restores.map((r) => html`<div>${acceptedLine(r, text)}</div>`)],
      ],
    ],
  ];
  return html`<div class="columns">${columns.map(([title, list]) => section(title, facts(list)))}</div>\n`;
}

/** The axes of LPS, each by the patient's side that its positive and its negative half lie on (DICOM PS3.3 C.7.6.2.1.1). */
const SIDES = [
  ['L', 'R'],
  ['P', 'A'],
  ['S', 'I'],
] as const;

/** A place of the patient as people say it: `L 31.2  A 62.4  S 88.1 mm`. */
function place(lps: ArrayLike<number>): Html {
  const parts = SIDES.map(([positive, negative], k) => {
    const v = lps[k] as number;
    return `${v < 0 ? negative : positive}\u00a0${formatNumber(Math.abs(v), 1)}`;
  });
  return tight(`${parts.join('\u2002')} mm`);
}

/** The plan that holds. */
export function plan<F extends string>({ plan: accepted }: SessionState<F>, text: ReportText): Html {
  if (accepted === undefined) return section(text.plan, html`<p>${text.noPlan}</p>`);
  const { entry, target, lengthMm, maxTre95Mm } = accepted.plan;
  return section(
    text.plan,
    facts([
      [text.entry, place(entry.xyz)],
      [text.target, place(target.xyz)],
      [text.length, formatMm(lengthMm)],
      [text.limit, maxTre95Mm === undefined ? text.noLimit : formatMm(maxTre95Mm, 2)],
      [text.accepted, acceptedLine(accepted, text)],
    ]),
  );
}

/** The registration that holds, and what was known of its accuracy. */
export function registration<F extends string>(state: SessionState<F>, text: ReportText): Html {
  const { registration: accepted } = state;
  if (accepted === undefined) return section(text.registration, html`<p>${text.noRegistration}</p>`);
  const { accuracy, edge } = accepted;
  const freedom = edge.degreesOfFreedom;
  const { findings, acknowledged } = accuracy;
  return section(
    text.registration,
    bound(accuracy.tre95Mm, state.plan?.plan.maxTre95Mm, text),
    facts([
      [text.fre, formatMm(accuracy.freMm, 2)],
      [text.fle, formatMm(accuracy.fleMm, 2)],
      [text.degreesOfFreedom, freedom !== undefined && Number.isFinite(freedom) ? formatNumber(freedom, 0) : undefined],
      [text.method, edge.provenance?.method],
      [text.between, `${edge.to.name} – ${edge.from.name}`],
      [text.accepted, acceptedLine(accepted, text)],
    ]),
    findings.length > 0 && html`<h3>${text.findings}</h3>${findings.map((f) => html`<p>${f}</p>`)}`,
    acknowledged && html`<p class="warning">${text.acknowledged}</p>`,
    residuals(accuracy.residuals, text),
  );
}

/** What is to be expected at the target, and whether that is within the plan's limit. */
export function bound(tre95Mm: number, limitMm: number | undefined, text: ReportText): Html {
  const known = Number.isFinite(tre95Mm);
  const keeps = limitMm === undefined ? undefined : tre95Mm <= limitMm;
  const look = !known || keeps === false ? 'bad' : keeps === true ? 'good' : '';
  const verdict = !known ? text.unknownBound : keeps === undefined ? '' : keeps ? text.keepsLimit : text.beyondLimit;
  const limit = limitMm === undefined ? '' : ` (${formatMm(limitMm, 2)})`;
  return html`<div class="bound ${look}"><span>${text.tre95}</span><strong>${formatBound(tre95Mm, 2)}</strong><span class="verdict">${verdict}${
    verdict === '' ? '' : limit
  }</span><small>${text.tre95Note}</small></div>\n`;
}

function residuals(list: readonly FiducialResidual[], text: ReportText): Content {
  if (list.length === 0) return undefined;
  const largest = Math.max(...list.flatMap((r) => [r.residualMm, r.expectedMm]).filter(Number.isFinite), 1e-3);
  const columns: Column[] = [
    { label: text.fiducial },
    { label: text.residual, unit: 'mm', figures: true },
    { label: text.expected, unit: 'mm', figures: true },
    { label: `${text.residual} | ${text.expected}` },
    { label: '' },
  ];
  const rows = list.map((r) => [
    r.label,
    formatNumber(r.residualMm, 2),
    formatNumber(r.expectedMm, 2),
    bar(r.residualMm / largest, r.expectedMm / largest),
    r.used ? text.used : html`<strong>${text.leftOut}</strong>`,
  ]);
  return table(columns, rows);
}

/** A bar for what was measured and a stroke for what was to be expected, each 0 … 1 of the width. */
function bar(measured: number, expected: number): Html {
  const at = (share: number): string => (96 * share).toFixed(2);
  const filled = Number.isFinite(measured) && html`<rect x="0" y="2" width="${at(measured)}" height="6" fill="#3d6f9e"/>`;
  const stroke = Number.isFinite(expected) && html`<rect x="${at(expected)}" y="0" width="1" height="10" fill="#16202b"/>`;
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${filled || ''}${stroke || ''}</svg>`;
}

/** Every calibration that holds. */
export function calibrations<F extends string>(state: SessionState<F>, text: ReportText): Content {
  const all = Object.entries(state.calibrations);
  if (all.length === 0) return undefined;
  const columns = [text.calibration, text.method, text.accepted].map((label) => ({ label }));
  const rows = all.map(([name, c]) => [name, c.edge.provenance?.method ?? UNKNOWN, acceptedLine(c, text)]);
  return section(text.calibrations, table(columns, rows));
}

/** The application's tables, and one for each kind of record that none of them shows. */
export function records(tables: readonly ReportTable[], others: readonly AcceptedRecord[], text: ReportText): Content {
  const kinds = [...new Set(others.map((r) => r.kind))];
  return [
    tables.map((t) =>
      section(
        t.title,
        table(
          t.columns.map((c, i) => columnOf(c, t, i)),
          t.rows.map((row) => cells(row, t)),
        ),
      ),
    ),
    kinds.map((kind) =>
      recordTable(
        kind,
        others.filter((r) => r.kind === kind),
        text,
      ),
    ),
  ];
}

function columnOf({ label, unit }: ReportTable['columns'][number], t: ReportTable, i: number): Column {
  return { label, figures: t.rows.some((row) => typeof row[i] === 'number'), ...(unit !== undefined && { unit }) };
}

const cells = (row: readonly (string | number)[], t: ReportTable): string[] =>
  row.map((cell, i) => (typeof cell === 'number' ? formatNumber(cell, t.columns[i]?.decimals ?? 1) : cell));

/** Units that a number's name ends in, as this library names them. */
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/Mm$/, 'mm'],
  [/Ml$/, 'mL'],
  [/Deg$/, '°'],
  [/Ms$/, 'ms'],
];

/** Longer lists of numbers, matrices, are for programs: they stand in the log, and not in a table for people. */
const LONGEST_LIST = 4;

const isLong = (value: ExactValue | undefined): boolean =>
  (Array.isArray(value) || value instanceof Float64Array) && value.length > LONGEST_LIST;

/** A table of records of one kind: a column for each field of their values. */
function recordTable(kind: string, list: readonly AcceptedRecord[], text: ReportText): Html {
  const plainOf = (value: ExactValue): Readonly<Record<string, ExactValue | undefined>> =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Float64Array)
      ? (value as Readonly<Record<string, ExactValue>>)
      : { [kind]: value };
  const fields = list.map((r) => plainOf(r.value));
  const isFigure = (key: string): boolean => fields.some((f) => typeof f[key] === 'number');
  // What a row is called by stands before what was measured: the log keeps fields by the alphabet.
  const keys = [...new Set(fields.flatMap((f) => Object.keys(f)))]
    .filter((key) => !fields.some((f) => isLong(f[key])))
    .sort((a, b) => Number(isFigure(a)) - Number(isFigure(b)));
  const columns = keys.map((key): Column => {
    const [suffix, unit] = UNITS.find(([pattern]) => pattern.test(key)) ?? [];
    const label = words(suffix === undefined ? key : key.replace(suffix, ''));
    return { label, figures: isFigure(key), ...(unit !== undefined && { unit }) };
  });
  const decimals = keys.map((key) => (fields.every((f) => Number.isInteger(f[key] ?? 0)) ? 0 : 2));
  const rows = list.map((r, n) => [r.id, ...keys.map((key, i) => shown(fields[n]?.[key], text, decimals[i])), when(r.utc), r.by]);
  return section(words(kind), table([{ label: text.record }, ...columns, { label: text.time }, { label: text.who }], rows));
}

/** `depthFromEntry` as `Depth from entry`. */
function words(name: string): string {
  const spaced = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

function shown(value: ExactValue | undefined, text: ReportText, decimals = 2): Content {
  if (value === undefined || value === null) return UNKNOWN;
  if (typeof value === 'number') return formatNumber(value, decimals);
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? text.yes : text.no;
  if (Array.isArray(value) || value instanceof Float64Array)
    return tight(Array.from(value as ArrayLike<ExactValue>, plainText).join('  '));
  return plainText(value);
}

/** Any value in one line. */
function plainText(value: ExactValue | undefined): string {
  if (typeof value === 'number') return formatNumber(value, 2);
  if (typeof value !== 'object' || value === null) return value === undefined || value === null ? UNKNOWN : String(value);
  if (Array.isArray(value) || value instanceof Float64Array)
    return Array.from(value as ArrayLike<ExactValue>, plainText).join('  ');
  return Object.entries(value)
    .map(([key, v]) => `${words(key)} ${plainText(v)}`)
    .join(', ');
}

const tight = (words: string): Html => html`<span class="tight">${words}</span>`;
const when = (utc: string): Html => tight(timeOf(utc));

/** What happened, in its order. */
export function events(list: readonly SessionEvent[], text: ReportText): Html {
  if (list.length === 0) return section(text.events, html`<p>${text.noEvents}</p>`);
  const columns = [text.time, text.level, text.event, text.message, text.who].map((label) => ({ label }));
  const rows = list.map((e) => [
    when(e.utc),
    html`<span class="tight ${e.level}">${text.levels[e.level]}</span>`,
    text.eventNames[e.name] ?? e.name,
    messageOf(e, text),
    e.by,
  ]);
  return section(text.events, table(columns, rows));
}

/** What an event says: an alarm in the report's language, made from its rule and subject; anything else as it was noted. */
function messageOf({ name, message, data }: SessionEvent, text: ReportText): string {
  const { rule, subject } = (data ?? {}) as { readonly rule?: unknown; readonly subject?: unknown };
  if (!name.startsWith('alarm/') || typeof rule !== 'string' || typeof subject !== 'string') return message;
  return new AlarmTexts(new TextLanguage(text.language)).say({ rule, subject, message });
}

/** Who accepted what, in the order of the log, those acceptances too that others replaced later. */
export function acceptances(entries: readonly AuditEntry[], text: ReportText): Html {
  const columns = [
    { label: text.line, figures: true },
    { label: text.time },
    { label: text.what },
    { label: text.detail },
    { label: text.who },
  ];
  const shownEntries = entries.filter((e) => e.action !== 'view/set' && e.action !== 'event/noted');
  const rows = shownEntries.map((e) => [
    String(e.sequence),
    when(e.utc),
    text.actions[e.action] ?? e.action,
    detailOf(e, text),
    e.actor,
  ]);
  return section(text.acceptances, table(columns, rows));
}

/** What an entry was about, in a few words. */
function detailOf({ action, payload }: AuditEntry, text: ReportText): Content {
  const value = fromExactJson(payload) as Readonly<Record<string, ExactValue | undefined>>;
  const inner = value['accuracy'] as { readonly tre95Mm?: number } | undefined;
  switch (action) {
    case 'plan/accepted':
      return html`${text.target} ${place(value['target'] as readonly number[])}`;
    case 'plan-set/accepted':
      return plainText(value['side']);
    case 'calibration/accepted':
      return `${String(value['to'])} – ${String(value['from'])}`;
    case 'registration/accepted':
      return `${text.tre95} ${formatBound(inner?.tre95Mm ?? Number.NaN, 2)}`;
    case 'registration/withdrawn':
      return plainText(value['reason']);
    case 'record/accepted':
      return `${words(String(value['kind']))} ${String(value['id'])}`;
    case 'step/entered':
      return plainText(value['step']);
    default:
      return '';
  }
}

/** Where the log ends. */
export function integrity(head: AuditHead, text: ReportText): Html {
  const grouped = head.hash.replace(/(.{8})(?=.)/g, '$1 ');
  return section(
    text.integrity,
    facts([
      [text.lines, String(head.count)],
      [text.head, html`<span class="hash">${grouped}</span>`],
    ]),
    html`<p class="soft">${text.headNote}</p>`,
  );
}
