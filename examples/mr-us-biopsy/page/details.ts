import { formatBound, formatMm, UNKNOWN } from '@trocar/core/guidance';
import { formatProbability } from '@trocar/core/render';
import type { Detail } from '../../suite/page/detail.js';
import { h } from '../../suite/page/dom.js';
import { openCases, resumedNote } from '../../suite/page/resumed.js';
import { inEnglish, language } from '../../suite/page/texts/language.js';
import type { GlandSide } from '../src/case.js';
import { ENOUGH } from '../src/fire-step.js';
import { PLANE, PROBE } from '../src/frames.js';
import { BATH_BEADS, GUN, isStoredPlane, storedPlane } from '../src/probe.js';
import { CALIBRATION_LIMITS, PICTURES, type ProbeCalibrationStep } from '../src/probe-calibration.js';
import type { Procedure } from '../src/procedure.js';
import { HELD_OUT_MARKS, INITIAL_MARKS, MAX_TRE95_MM, TISSUE_SD_MM, VERIFY_LIMIT_MM } from '../src/register-step.js';
import { COVERAGE_MM, SWEEP_LIMITS } from '../src/sweep-step.js';
import type { Keeping } from './keeping.js';
import type { Step } from './shell.js';
import { t, tell } from './texts/index.js';
import { landmarkName, sidedName } from './words.js';

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
  const then = procedure.verificationDue === 'restored' ? t(VERIFY_FIRST) : '';
  const cases = step === 'import' ? [open.length, busy] : 0;
  return {
    key: JSON.stringify([language.locale.language, step, rows, refusal, message, then, cases, partsKey(step, procedure)]),
    build: () => [
      ...(step === 'import' ? openCases(keeping, 'images') : []),
      // At the needle it is read until it was answered.
      ...(message === '' || (step === 'biopsy' && then === '') ? [] : [resumedNote(message, then)]),
      ...(step === 'biopsy' ? [] : [lead(LEADS[step]())]),
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

const VERIFY_FIRST = 'Mark landmarks and verify before a core is taken: patient or gland may lie otherwise now.' as const;

const LEADS: Readonly<Record<Exclude<Step, 'biopsy'>, () => string>> = {
  import: () => t('MR with its segmentation: look at each target and its side before you accept them.'),
  calibrate: () => t('Stored calibrations are used only after probe, image and guide were held against what is known.'),
  sweep: () =>
    t('Sweep the gland from apex to base. Green: seen. Hatched: a gap wider than {gapMm} mm.', { gapMm: SWEEP_LIMITS.gapMm }),
  register: () => t('Mark four places in both images, then register the MR to the sweep.'),
  verify: () => t('Landmarks that the registration was not made from say whether it holds.'),
  finished: () => t('Everything is in the session. Write the report.'),
};

const doneOf = (done: number, whole: number): string => t('{done} of {whole}', { done, whole });

/** The calibration in use, and one that is being made or under review. */
function probeRows({ pictures, found }: ProbeCalibrationStep, inUse: { readonly matrix: ArrayLike<number> }): Row[] {
  const used: Row = [t('Probe, calibration in use'), isStoredPlane(inUse) ? t('stored') : t('made today')];
  if (found === undefined) return pictures === 0 ? [used] : [used, [t('Bead 1, pictures'), doneOf(pictures, PICTURES), 'now']];
  const { heldOutMm, expectedMm, beadMm, scale } = found;
  const { heldOutMm: heldOut, beadMm: bead, scale: most } = CALIBRATION_LIMITS;
  return [
    used,
    [t('New: error expected in the gland'), `${formatMm(expectedMm)} rms`],
    [t('New: bead in views held out'), t('{mm} off', { mm: formatMm(heldOutMm) }), heldOutMm <= heldOut ? 'ok' : 'stop'],
    [t('New: bead from its known place'), formatMm(beadMm), beadMm <= bead ? 'ok' : 'stop'],
    [t('New: scanner’s millimetres'), `${(100 * (scale - 1)).toFixed(1)} %`, Math.abs(scale - 1) <= most ? 'ok' : 'stop'],
  ];
}

const ROWS: Readonly<Record<Step, (p: Procedure) => readonly Row[]>> = {
  import: ({ case: given }) => [
    [t('Gland'), `${given.gland.volumeMl.toFixed(0)} ml`],
    ...given.lesions.map((l): Row => [l.name, `${t(l.side)}, ⌀ ${(2 * l.radiusMm).toFixed(0)} mm`]),
    [t('Frame of reference'), t('one'), 'ok'],
  ],
  calibrate: ({ equipment: { checks }, calibration, graph }) => [
    ...probeRows(calibration, graph.get(PROBE, PLANE) ?? storedPlane()),
    [t('Marked side'), checks.side ? t('as in the image') : UNKNOWN, checks.side ? 'ok' : 'now'],
    ...checks.beadsMm.map(
      (mm, n): Row => [
        t('Bead {n} of {count}', { n: n + 1, count: BATH_BEADS.length }),
        mm === undefined ? UNKNOWN : t('{mm} off', { mm: formatMm(mm) }),
        mm === undefined ? 'plain' : 'ok',
      ],
    ),
    [
      t('Needle, beside its guide’s line'),
      checks.needleMm === undefined ? UNKNOWN : formatMm(checks.needleMm),
      checks.needleMm === undefined ? 'plain' : 'ok',
    ],
    [t('Gun: throw, notch, dead end'), `${GUN.throwMm}, ${GUN.notchMm}, ${GUN.deadEndMm}\u202fmm`],
  ],
  sweep: ({ sweep }) => [
    [t('Frames'), String(sweep.frames.length)],
    [t('Length'), formatMm(sweep.lengthMm)],
    [t('Widest gap'), formatMm(sweep.widestGap.mm)],
    ...sweep.findings
      .filter((f) => f.code !== 'short')
      .map((f): Row => [inEnglish(f.message), f.stops ? t('not usable') : t('note'), f.stops ? 'stop' : 'plain']),
  ],
  register: (p) => registerRows(p),
  verify: (p) => verifyRows(p),
  biopsy: (p) => (p.needsVerification ? verifyRows(p) : []),
  finished: (p) => [
    ...sampledRows(p),
    ...p.fire.cores.map((c): Row => [c.core.id, `${t(c.side)} · ${c.core.at.slice(11, 19)} UTC`]),
  ],
};

function sampledRows(p: Procedure): Row[] {
  return targetLines(p).map(({ name, side, said: text, enough }) => [sidedName(name, side), text, enough ? 'ok' : 'stop']);
}

function registerRows({ marks, proposal, case: given, isRegistering, progress }: Procedure): Row[] {
  const rows: Row[] = [[t('Marked'), doneOf(INITIAL_MARKS.filter((n) => marks.has(n)).length, INITIAL_MARKS.length)]];
  if (isRegistering) rows.push([t('Registering …'), `${Math.round(100 * progress)}\u202f%`, 'now']);
  if (proposal === undefined) return rows;
  const { outcome, confidence } = proposal.result;
  rows.push(
    [t('Outcome'), tell(outcome), outcome === 'ok' ? 'ok' : 'stop'],
    [t('Chance to be right'), formatProbability(confidence)],
  );
  rows.push([t('Error to expect, 95 %'), t('limit {mm}', { mm: formatMm(MAX_TRE95_MM, 0) })]);
  given.lesions.forEach((l, n) => {
    const mm = proposal.tre95Mm[n] ?? Number.NaN;
    rows.push([t('at {name}', { name: l.name }), formatBound(mm), mm <= MAX_TRE95_MM ? 'ok' : 'stop']);
  });
  rows.push([t('of it for tissue, per axis'), formatMm(TISSUE_SD_MM)]);
  return rows;
}

function verifyRows({ verification, marks }: Procedure): Row[] {
  const rows: Row[] = [[t('Landmarks marked'), doneOf(HELD_OUT_MARKS.filter((n) => marks.has(n)).length, HELD_OUT_MARKS.length)]];
  if (verification === undefined) return rows;
  for (const { label, errorMm } of verification.landmarks) rows.push([landmarkName(label ?? ''), formatMm(errorMm)]);
  const { accepted, upperMm } = verification;
  rows.push([
    t('All, rms, 95 % sure; limit {mm}', { mm: formatMm(VERIFY_LIMIT_MM) }),
    formatBound(upperMm),
    accepted ? 'ok' : 'stop',
  ]);
  return rows;
}

/** A target: what was sampled of it, by how many cores, and whether it is the next. */
interface TargetLine {
  readonly label: number;
  readonly name: string;
  readonly side: GlandSide;
  readonly said: string;
  readonly aimed: boolean;
  readonly enough: boolean;
}

function targetLines(p: Procedure): TargetLine[] {
  const { cores, target } = p.fire;
  return p.case.lesions.map(({ name, side, label }, n) => {
    const count = cores.filter((c) => c.aimedAt === name).length;
    const sampled = cores.length === 0 ? Number.NaN : (p.map.targets[n]?.probability ?? Number.NaN);
    const said =
      count === 0
        ? t('no core')
        : t('{probability} · {n, plural, one {# core} other {# cores}}', { probability: formatProbability(sampled), n: count });
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
      h('span', {}, `${aimed ? '▶ ' : ''}${sidedName(name, side)}`),
      h('span', { class: 'sampled' }, text),
    ),
  );
  return h('div', { class: 'targets', role: 'group', 'aria-label': t('Targets') }, ...rows);
}

/** What is to be done next at the needle: short, for it is read while the hand moves. */
export function nextAt(p: Procedure): string {
  if (p.stage !== 'biopsy') return '';
  if (p.verificationDue !== undefined)
    return p.marksWanted.length > 0 ? t('Mark landmarks in both images') : t('Verify the registration');
  const { probability } = p.aim;
  if (p.tools.probe.status !== 'ok' || p.tools.reference.status !== 'ok') return t('Make probe and reference seen');
  if (Number.isNaN(probability)) return t('Out of reach: move the probe');
  if (p.fire.cores.length > 0 && p.next() === undefined) return t('Every target is sampled: finish');
  if (probability >= ENOUGH) return t('Set the stop, then fire');
  return t('Aim at {name}', { name: p.fire.target.name });
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
  return h(
    'div',
    { id: 'coverage', role: 'img', 'aria-label': t('Coverage in pieces of {mm} mm', { mm: COVERAGE_MM }) },
    ...bars,
  );
}
