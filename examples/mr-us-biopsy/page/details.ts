import { formatBound, formatMm, UNKNOWN } from '@trocar/core/guidance';
import { formatProbability } from '@trocar/core/render';
import type { Detail } from '../../suite/page/detail.js';
import { h } from '../../suite/page/dom.js';
import { ENOUGH } from '../src/fire-step.js';
import { BATH_BEADS, GUN } from '../src/probe.js';
import type { Procedure } from '../src/procedure.js';
import { HELD_OUT_MARKS, INITIAL_MARKS, MAX_TRE95_MM, TISSUE_SD_MM, VERIFY_LIMIT_MM } from '../src/register-step.js';
import { COVERAGE_MM, SWEEP_LIMITS } from '../src/sweep-step.js';
import type { Step } from './shell.js';

type Kind = 'ok' | 'stop' | 'now' | 'plain';
type Row = readonly [string, string, Kind?];

/** A row of a table, or a sentence. */
export function facts(rows: readonly Row[]): HTMLElement {
  return h(
    'table',
    { class: 'facts' },
    h(
      'tbody',
      {},
      ...rows.map(([name, value, kind = 'plain']) => h('tr', { 'data-kind': kind }, h('td', {}, name), h('td', {}, value))),
    ),
  );
}

const lead = (text: string): HTMLElement => h('p', { class: 'lead-line' }, text);
/** Why something was not done. */
export const said = (text: string): HTMLElement => h('p', { class: 'said', role: 'alert' }, text);

/** What the panel says in its free part. @param refusal the last one, or the import's */
export function detailOf(step: Step, procedure: Procedure, refusal: string): Detail {
  const rows = ROWS[step](procedure);
  return {
    key: JSON.stringify([step, rows, refusal, step === 'sweep' ? Array.from(procedure.sweep.coverage) : 0]),
    build: () => [
      lead(LEADS[step]),
      ...(step === 'sweep' ? [coverageOf(procedure)] : []),
      facts(rows),
      ...(refusal === '' ? [] : [said(refusal)]),
    ],
  };
}

const LEADS: Readonly<Record<Step, string>> = {
  import: 'MR with its segmentation: look at each target and its side before you accept them.',
  calibrate: 'Stored calibrations are used only after probe, image and guide were held against what is known.',
  sweep: `Sweep the gland from apex to base. Green: seen. Hatched: a gap wider than ${SWEEP_LIMITS.gapMm} mm.`,
  register: 'Mark four places in both images, then register the MR to the sweep.',
  verify: 'Landmarks that the registration was not made from say whether it holds.',
  biopsy: 'Fire when the number is green.',
  finished: 'Everything is in the session. Write the report.',
};

const ROWS: Readonly<Record<Step, (p: Procedure) => readonly Row[]>> = {
  import: ({ case: given }) => [
    ['Gland', `${given.gland.volumeMl.toFixed(0)} ml`],
    ...given.lesions.map((l): Row => [l.name, `${l.side}, ⌀ ${(2 * l.radiusMm).toFixed(0)} mm`]),
    ['Frame of reference', 'one', 'ok'],
  ],
  calibrate: ({ equipment: { checks } }) => [
    ['Marked side', checks.side ? 'right' : UNKNOWN, checks.side ? 'ok' : 'now'],
    ...checks.beadsMm.map(
      (mm, n): Row => [
        `Bead ${n + 1} of ${BATH_BEADS.length}`,
        mm === undefined ? UNKNOWN : `${formatMm(mm)} off`,
        mm === undefined ? 'plain' : 'ok',
      ],
    ),
    [
      'Needle beside its guide’s line',
      checks.needleMm === undefined ? UNKNOWN : formatMm(checks.needleMm),
      checks.needleMm === undefined ? 'plain' : 'ok',
    ],
    ['Gun', `throw ${GUN.throwMm} · notch ${GUN.notchMm} · dead end ${GUN.deadEndMm} mm`],
  ],
  sweep: ({ sweep }) => [
    ['Frames', String(sweep.frames.length)],
    ['Length', formatMm(sweep.lengthMm)],
    ['Widest gap', formatMm(sweep.widestGap.mm)],
    ...sweep.findings
      .filter((f) => f.code !== 'short')
      .map((f): Row => [f.message, f.stops ? 'not usable' : 'look', f.stops ? 'stop' : 'plain']),
  ],
  register: (p) => registerRows(p),
  verify: (p) => verifyRows(p),
  biopsy: (p) => [...targetRows(p), ...(p.needsVerification ? verifyRows(p) : [])],
  finished: (p) => [...targetRows(p), ...p.fire.cores.map((c): Row => [c.core.id, `${c.side} · ${c.core.at.slice(11, 19)} UTC`])],
};

function registerRows({ marks, proposal, case: given, isRegistering, progress }: Procedure): Row[] {
  const rows: Row[] = [['Marked', `${INITIAL_MARKS.filter((n) => marks.has(n)).length} of ${INITIAL_MARKS.length}`]];
  if (isRegistering) rows.push(['Registering …', `${Math.round(100 * progress)}\u202f%`, 'now']);
  if (proposal === undefined) return rows;
  const { outcome, confidence } = proposal.result;
  rows.push(['Outcome', outcome, outcome === 'ok' ? 'ok' : 'stop'], ['Chance to be right', formatProbability(confidence)]);
  given.lesions.forEach((l, n) => {
    const mm = proposal.tre95Mm[n] ?? Number.NaN;
    rows.push([`Error at ${l.name}, 95 %`, `${formatBound(mm)} of ${MAX_TRE95_MM} mm`, mm <= MAX_TRE95_MM ? 'ok' : 'stop']);
  });
  rows.push(['In it for tissue, per axis', `${TISSUE_SD_MM} mm`]);
  return rows;
}

function verifyRows({ verification, marks }: Procedure): Row[] {
  const rows: Row[] = [['Landmarks marked', `${HELD_OUT_MARKS.filter((n) => marks.has(n)).length} of ${HELD_OUT_MARKS.length}`]];
  if (verification === undefined) return rows;
  for (const { label, errorMm } of verification.landmarks) rows.push([label ?? '', formatMm(errorMm)]);
  const { accepted, upperMm } = verification;
  rows.push(['All, rms with 95 % certainty', `${formatBound(upperMm)} of ${VERIFY_LIMIT_MM} mm`, accepted ? 'ok' : 'stop']);
  return rows;
}

function targetRows(p: Procedure): Row[] {
  const { cores, target } = p.fire;
  const next = cores.length === 0 ? undefined : p.next()?.name;
  return p.case.lesions.map(({ name, side }, n): Row => {
    const sampled = cores.length === 0 ? undefined : p.map.targets[n]?.probability;
    const count = cores.filter((c) => c.aimedAt === name).length;
    const mark = name === target.name ? '▶ ' : '';
    const hint = next === name ? ' · next' : '';
    const text =
      sampled === undefined || count === 0
        ? `${UNKNOWN} no core`
        : `${formatProbability(sampled)} · ${count} core${count > 1 ? 's' : ''}`;
    return [
      `${mark}${name} (${side})`,
      `${text}${hint}`,
      sampled !== undefined && sampled >= ENOUGH ? 'ok' : name === target.name ? 'now' : 'plain',
    ];
  });
}

function coverageOf({ sweep }: Procedure): HTMLElement {
  const { coverage } = sweep;
  const gaps = sweep.gaps;
  const last = coverage.reduce((at, count, n) => (count > 0 ? n : at), -1);
  const most = Math.max(1, ...coverage);
  const gapAt = (n: number): boolean => gaps.some(({ fromMm, toMm }) => fromMm < COVERAGE_MM * (n + 1) && toMm > COVERAGE_MM * n);
  const bars = Array.from(coverage, (count, n) => {
    const kind = count > 0 ? 'seen' : gapAt(n) ? 'gap' : n < last ? 'thin' : 'none';
    const height = kind === 'gap' ? 100 : count > 0 ? 30 + (70 * count) / most : kind === 'thin' ? 30 : 8;
    return h('i', { 'data-kind': kind, style: `height:${height}%` });
  });
  return h('div', { id: 'coverage', role: 'img', 'aria-label': `Coverage in pieces of ${COVERAGE_MM} mm` }, ...bars);
}
