import { formatBound, formatMm, UNKNOWN } from '@trocar/core/guidance';
import { formatProbability } from '@trocar/core/render';
import type { Detail } from '../../suite/page/detail.js';
import { h } from '../../suite/page/dom.js';
import { openCases, resumedNote } from '../../suite/page/resumed.js';
import { ENOUGH } from '../src/fire-step.js';
import { PLANE, PROBE } from '../src/frames.js';
import { BATH_BEADS, GUN, isStoredPlane, storedPlane } from '../src/probe.js';
import { CALIBRATION_LIMITS, PICTURES, type ProbeCalibrationStep } from '../src/probe-calibration.js';
import type { Procedure } from '../src/procedure.js';
import { HELD_OUT_MARKS, INITIAL_MARKS, MAX_TRE95_MM, TISSUE_SD_MM, VERIFY_LIMIT_MM } from '../src/register-step.js';
import { COVERAGE_MM, SWEEP_LIMITS } from '../src/sweep-step.js';
import type { Keeping } from './keeping.js';
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
export function detailOf(step: Step, procedure: Procedure, keeping: Keeping, refusal: string): Detail {
  const rows = ROWS[step](procedure);
  const { message, open, busy } = keeping;
  const then = procedure.verificationDue === 'restored' ? VERIFY_FIRST : '';
  const cases = step === 'import' ? [open.length, busy] : 0;
  return {
    key: JSON.stringify([step, rows, refusal, message, then, cases, partsKey(step, procedure)]),
    build: () => [
      ...(step === 'import' ? openCases(keeping, 'images') : []),
      // At the needle it is read until it was answered.
      ...(message === '' || (step === 'biopsy' && then === '') ? [] : [resumedNote(message, then)]),
      ...(LEADS[step] === '' ? [] : [lead(LEADS[step])]),
      ...(step === 'biopsy' ? [targetList(procedure)] : []),
      ...(step === 'sweep' ? [coverageOf(procedure)] : []),
      facts(rows),
      ...(refusal === '' ? [] : [said(refusal)]),
    ],
  };
}

function partsKey(step: Step, procedure: Procedure): unknown {
  if (step === 'sweep') return Array.from(procedure.sweep.coverage);
  return step === 'biopsy' ? targetLines(procedure) : 0;
}

const VERIFY_FIRST = 'Mark landmarks and verify before a core is taken: patient or gland may lie otherwise now.';

const LEADS: Readonly<Record<Step, string>> = {
  import: 'MR with its segmentation: look at each target and its side before you accept them.',
  calibrate: 'Stored calibrations are used only after probe, image and guide were held against what is known.',
  sweep: `Sweep the gland from apex to base. Green: seen. Hatched: a gap wider than ${SWEEP_LIMITS.gapMm} mm.`,
  register: 'Mark four places in both images, then register the MR to the sweep.',
  verify: 'Landmarks that the registration was not made from say whether it holds.',
  biopsy: '',
  finished: 'Everything is in the session. Write the report.',
};

/** The calibration in use, and one that is being made or under review. */
function probeRows({ pictures, found }: ProbeCalibrationStep, inUse: { readonly matrix: ArrayLike<number> }): Row[] {
  const used: Row = ['Probe, calibration in use', isStoredPlane(inUse) ? 'stored' : 'made today'];
  if (found === undefined) return pictures === 0 ? [used] : [used, ['Bead 1, pictures', `${pictures} of ${PICTURES}`, 'now']];
  const { heldOutMm, expectedMm, beadMm, scale } = found;
  const { heldOutMm: heldOut, beadMm: bead, scale: most } = CALIBRATION_LIMITS;
  return [
    used,
    ['New: error expected in the gland', `${formatMm(expectedMm)} rms`],
    ['New: bead in views held out', `${formatMm(heldOutMm)} off`, heldOutMm <= heldOut ? 'ok' : 'stop'],
    ['New: bead from its known place', formatMm(beadMm), beadMm <= bead ? 'ok' : 'stop'],
    ['New: scanner’s millimetres', `${(100 * (scale - 1)).toFixed(1)} %`, Math.abs(scale - 1) <= most ? 'ok' : 'stop'],
  ];
}

const ROWS: Readonly<Record<Step, (p: Procedure) => readonly Row[]>> = {
  import: ({ case: given }) => [
    ['Gland', `${given.gland.volumeMl.toFixed(0)} ml`],
    ...given.lesions.map((l): Row => [l.name, `${l.side}, ⌀ ${(2 * l.radiusMm).toFixed(0)} mm`]),
    ['Frame of reference', 'one', 'ok'],
  ],
  calibrate: ({ equipment: { checks }, calibration, graph }) => [
    ...probeRows(calibration, graph.get(PROBE, PLANE) ?? storedPlane()),
    ['Marked side', checks.side ? 'right' : UNKNOWN, checks.side ? 'ok' : 'now'],
    ...checks.beadsMm.map(
      (mm, n): Row => [
        `Bead ${n + 1} of ${BATH_BEADS.length}`,
        mm === undefined ? UNKNOWN : `${formatMm(mm)} off`,
        mm === undefined ? 'plain' : 'ok',
      ],
    ),
    [
      'Needle, beside its guide’s line',
      checks.needleMm === undefined ? UNKNOWN : formatMm(checks.needleMm),
      checks.needleMm === undefined ? 'plain' : 'ok',
    ],
    ['Gun: throw, notch, dead end', `${GUN.throwMm}, ${GUN.notchMm}, ${GUN.deadEndMm}\u202fmm`],
  ],
  sweep: ({ sweep }) => [
    ['Frames', String(sweep.frames.length)],
    ['Length', formatMm(sweep.lengthMm)],
    ['Widest gap', formatMm(sweep.widestGap.mm)],
    ...sweep.findings
      .filter((f) => f.code !== 'short')
      .map((f): Row => [f.message, f.stops ? 'not usable' : 'note', f.stops ? 'stop' : 'plain']),
  ],
  register: (p) => registerRows(p),
  verify: (p) => verifyRows(p),
  biopsy: (p) => (p.needsVerification ? verifyRows(p) : []),
  finished: (p) => [
    ...sampledRows(p),
    ...p.fire.cores.map((c): Row => [c.core.id, `${c.side} · ${c.core.at.slice(11, 19)} UTC`]),
  ],
};

function sampledRows(p: Procedure): Row[] {
  return targetLines(p).map(({ name, side, said: text, enough }) => [`${name} (${side})`, text, enough ? 'ok' : 'stop']);
}

function registerRows({ marks, proposal, case: given, isRegistering, progress }: Procedure): Row[] {
  const rows: Row[] = [['Marked', `${INITIAL_MARKS.filter((n) => marks.has(n)).length} of ${INITIAL_MARKS.length}`]];
  if (isRegistering) rows.push(['Registering …', `${Math.round(100 * progress)}\u202f%`, 'now']);
  if (proposal === undefined) return rows;
  const { outcome, confidence } = proposal.result;
  rows.push(['Outcome', outcome, outcome === 'ok' ? 'ok' : 'stop'], ['Chance to be right', formatProbability(confidence)]);
  rows.push(['Error to expect, 95 %', `limit ${formatMm(MAX_TRE95_MM, 0)}`]);
  given.lesions.forEach((l, n) => {
    const mm = proposal.tre95Mm[n] ?? Number.NaN;
    rows.push([`at ${l.name}`, formatBound(mm), mm <= MAX_TRE95_MM ? 'ok' : 'stop']);
  });
  rows.push(['of it for tissue, per axis', formatMm(TISSUE_SD_MM)]);
  return rows;
}

function verifyRows({ verification, marks }: Procedure): Row[] {
  const rows: Row[] = [['Landmarks marked', `${HELD_OUT_MARKS.filter((n) => marks.has(n)).length} of ${HELD_OUT_MARKS.length}`]];
  if (verification === undefined) return rows;
  for (const { label, errorMm } of verification.landmarks) rows.push([label ?? '', formatMm(errorMm)]);
  const { accepted, upperMm } = verification;
  rows.push([`All, rms, 95 % sure; limit ${formatMm(VERIFY_LIMIT_MM)}`, formatBound(upperMm), accepted ? 'ok' : 'stop']);
  return rows;
}

/** A target: what was sampled of it, by how many cores, and whether it is the next. */
interface TargetLine {
  readonly label: number;
  readonly name: string;
  readonly side: string;
  readonly said: string;
  readonly aimed: boolean;
  readonly enough: boolean;
}

function targetLines(p: Procedure): TargetLine[] {
  const { cores, target } = p.fire;
  return p.case.lesions.map(({ name, side, label }, n) => {
    const count = cores.filter((c) => c.aimedAt === name).length;
    const sampled = cores.length === 0 ? Number.NaN : (p.map.targets[n]?.probability ?? Number.NaN);
    const said = count === 0 ? 'no core' : `${formatProbability(sampled)} · ${count} core${count > 1 ? 's' : ''}`;
    return { label, name, side, said, aimed: name === target.name, enough: sampled >= ENOUGH };
  });
}

/** The targets as what they are chosen by. */
function targetList(p: Procedure): HTMLElement {
  const rows = targetLines(p).map(({ label, name, side, said: text, aimed, enough }) =>
    h(
      'button',
      {
        type: 'button',
        class: 'target',
        'data-action': `target-${label}`,
        'data-enough': String(enough),
        'aria-pressed': String(aimed),
        onclick: () => void p.fire.aimAt(name),
      },
      h('span', {}, `${aimed ? '▶ ' : ''}${name} (${side})`),
      h('span', { class: 'sampled' }, text),
    ),
  );
  return h('div', { class: 'targets', role: 'group', 'aria-label': 'Targets' }, ...rows);
}

/** What is to be done next at the needle: short, for it is read while the hand moves. */
export function nextAt(p: Procedure): string {
  if (p.stage !== 'biopsy') return '';
  if (p.verificationDue !== undefined)
    return p.marksWanted.length > 0 ? 'Mark landmarks in both images' : 'Verify the registration';
  const { probability } = p.aim;
  if (p.tools.probe.status !== 'ok' || p.tools.reference.status !== 'ok') return 'Make probe and reference seen';
  if (Number.isNaN(probability)) return 'Out of reach: move the probe';
  if (p.fire.cores.length > 0 && p.next() === undefined) return 'Every target is sampled: finish';
  if (probability >= ENOUGH) return 'Set the stop, then fire';
  return `Aim at ${p.fire.target.name}`;
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
