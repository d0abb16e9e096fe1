import { edgeBetween, type SessionState } from '@trocar/core/session';
import { spacingOf } from '@trocar/core/volume';
import { REFERENCE } from '../../../suite/src/frames.js';
import type { HeadlessResults } from '../../../suite/src/node/headless-results.js';
import type { Check } from '../../../suite/src/node/headless-run.js';
import { CT } from '../frames.js';
import { BURN, valuesOf } from '../kept-records.js';
import { placesOn } from '../plan-geometry.js';
import type { Procedure } from '../procedure.js';
import type { World } from './world.js';

/** The tip at the beginning of a burn: what was displayed, and what is true. Lengths in mm. */
export interface TipShown {
  readonly probe: string;
  readonly distanceToTargetMm: number;
  readonly error95Mm: number;
  readonly trueErrorMm: number;
}

/** What a headless run prints: numbers and no identity. Lengths in mm, probabilities 0 … 1. */
export interface HeadlessReport {
  readonly outcome: 'confirmed' | 'failed';
  readonly checks: readonly Check[];
  readonly volume: {
    readonly size: readonly number[];
    readonly spacingMm: readonly number[];
    readonly warnings: readonly string[];
  };
  readonly plan: {
    readonly entries: number;
    readonly possible: number;
    readonly probes: readonly { readonly name: string; readonly powerW: number; readonly minutes: number }[];
    readonly minimalMarginMm: number;
    readonly complete: number;
    readonly withMargin: number;
  };
  readonly calibration: { readonly applicator95Mm: number; readonly trueErrorMm: number };
  readonly registration: {
    readonly fleMm: number;
    /** A health figure only. */
    readonly freMm: number;
    /** At the first tip, of the skin alone, and with what the breath leaves. */
    readonly skin95Mm: number;
    readonly bound95Mm: number;
    readonly trueTreMm: number;
  };
  readonly verification: { readonly landmarks: number; readonly rmsMm: number; readonly upperMm: number };
  readonly tips: readonly TipShown[];
  readonly expected: { readonly minimalMarginMm: number; readonly complete: number; readonly withMargin: number };
  readonly confirmed: {
    readonly registrationConfidence: number;
    readonly anatomyRmsMm: number;
    readonly minimalMarginMm: number;
    readonly trueMinimalMarginMm: number;
    readonly below0: number;
    readonly below5: number;
    readonly below10: number;
    readonly complete: number | null;
    readonly withMargin: number | null;
    /** Whether all of the tumour truly was destroyed. */
    readonly trulyComplete: boolean;
  };
  /** Where each result went; absent where none was to be kept. */
  readonly results?: HeadlessResults['lines'];
  readonly seconds: number;
}

/** What a report is made of. */
export interface Parts {
  readonly world: World;
  readonly procedure: Procedure;
  readonly tips: readonly TipShown[];
  readonly restored: SessionState<'ct'>;
  readonly seconds: number;
  readonly results: HeadlessResults | undefined;
}

/** A bound for 95 % is passed by one in twenty: beyond so many times it, something is broken. */
const BROKEN = 1.7;
/** Places of the tumour's surface at which the truth is asked. */
const PLACES = 400;

/** The report of a run that came to its end. */
export function assemble(parts: Parts): HeadlessReport {
  const { world, procedure, tips, seconds } = parts;
  const { planning, calibrating, accepted, verifying, burning, confirming, case: given } = procedure;
  const { plan, search } = planning;
  const [applicator, achieved, confirmation] = [calibrating.applicator.accepted, burning.achieved, confirming.confirmation];
  const check = verifying.result;
  if (!plan || !search || !applicator || !accepted || !check || !achieved || !confirmation) {
    throw new Error('A procedure that ended lacks a step.');
  }
  const tip = (procedure.probes[0] as Procedure['probes'][number]).tip;
  const { registration, bound } = accepted.proposal;
  const trueMargin = world.truth.marginMm(placesOn(planning.target, PLACES));
  const report = {
    volume: { size: given.volume.size, spacingMm: spacingOf(given.volume), warnings: given.warnings },
    plan: {
      entries: search.refusals.length,
      possible: search.ranked.length,
      probes: procedure.probes.map(({ name, setting }) => ({ name, powerW: setting.powerW, minutes: setting.minutes })),
      minimalMarginMm: plan.proposal.map.minimalMarginMm,
      complete: plan.complete,
      withMargin: plan.withMargin,
    },
    calibration: {
      applicator95Mm: applicator.tip95Mm,
      trueErrorMm: world.truth.tipCalibrationErrorMm('applicator', applicator.stylusFromTip),
    },
    registration: {
      fleMm: registration.fleMm,
      freMm: registration.freMm,
      skin95Mm: bound.p95Mm,
      bound95Mm: procedure.bound95Mm(tip),
      trueTreMm: world.truth.trueTreMm(accepted.edge, tip),
    },
    verification: { landmarks: check.landmarks.length, rmsMm: check.rmsMm, upperMm: check.upperMm },
    tips,
    expected: {
      minimalMarginMm: achieved.map.minimalMarginMm,
      complete: achieved.complete.probability,
      withMargin: achieved.withMargin.probability,
    },
    confirmed: {
      registrationConfidence: confirming.result?.confidence ?? Number.NaN,
      anatomyRmsMm: confirming.check?.rmsMm ?? Number.NaN,
      minimalMarginMm: confirmation.map.minimalMarginMm,
      trueMinimalMarginMm: trueMargin,
      below0: confirmation.map.surfaceBelow.mm0,
      below5: confirmation.map.surfaceBelow.mm5,
      below10: confirmation.map.surfaceBelow.mm10,
      complete: confirmation.complete?.probability ?? null,
      withMargin: confirmation.withMargin?.probability ?? null,
      trulyComplete: trueMargin >= 0,
    },
    ...(parts.results !== undefined && { results: parts.results.lines }),
    seconds,
  };
  const checks = [...checksOf(parts, report), ...(parts.results === undefined ? [] : [parts.results.check])];
  return { outcome: checks.every((c) => c.held) ? 'confirmed' : 'failed', checks, ...report };
}

function checksOf(parts: Parts, r: Omit<HeadlessReport, 'outcome' | 'checks'>): Check[] {
  const check = (name: string, held: boolean, detail: string): Check => ({ name, held, detail });
  const mm = (v: number): string => `${v.toFixed(2)} mm`;
  const within = (name: string, error: number, bound: number): Check =>
    check(name, error <= BROKEN * bound, `true error ${mm(error)}, 95 % bound ${mm(bound)}`);
  // Half a voxel's diagonal is what a label map leaves open, and the anatomy says how well the CTs lie on each other.
  const voxel = Math.hypot(...spacingOfPost(parts)) / 2;
  const off = Math.abs(r.confirmed.minimalMarginMm - r.confirmed.trueMinimalMarginMm);
  const said = r.confirmed.complete ?? Number.NaN;
  const truly = r.confirmed.trulyComplete ? 'all destroyed' : 'not all destroyed';
  return [
    within('applicator-calibrated', r.calibration.trueErrorMm, r.calibration.applicator95Mm),
    within('registration-within-bound', r.registration.trueTreMm, r.registration.bound95Mm),
    check(
      'within-plan-limit',
      r.registration.bound95Mm <= parts.procedure.planning.demands.maxTre95Mm,
      `bound ${mm(r.registration.bound95Mm)} at the tip, breath included`,
    ),
    check('verified', r.verification.landmarks > 0, `${r.verification.landmarks} landmarks, rms ${mm(r.verification.rmsMm)}`),
    ...r.tips.map((tip) => within(`tip-${tip.probe}-within-bound`, tip.trueErrorMm, tip.error95Mm)),
    check(
      'margin-as-in-truth',
      off <= voxel + 1,
      `told ${mm(r.confirmed.minimalMarginMm)}, true ${mm(r.confirmed.trueMinimalMarginMm)}, the label map's step ${mm(voxel)}`,
    ),
    check(
      'coverage-as-in-truth',
      r.confirmed.trulyComplete ? said >= 0.5 : said <= 0.5,
      `probability of complete coverage ${said.toFixed(3)}; truly ${truly}`,
    ),
    check('session-kept', sameEdge(parts), 'plan, calibrations, registration and records, restored as after a crash'),
  ];
}

function spacingOfPost({ procedure }: Parts): readonly number[] {
  return procedure.confirming.post === undefined ? [Number.NaN] : spacingOf(procedure.confirming.post.volume);
}

/** Whether a restored session holds what the graph has, bit for bit, and every burn. */
function sameEdge({ restored, procedure }: Parts): boolean {
  const kept = restored.registration && edgeBetween(restored.registration.edge, CT, REFERENCE).matrix;
  const edge = procedure.graph.get(CT, REFERENCE)?.matrix;
  const burns = valuesOf(restored.records, BURN).length;
  const same = kept !== undefined && edge !== undefined && Array.from(kept).every((v, n) => Object.is(v, edge[n]));
  return same && restored.planSet !== undefined && burns === procedure.burning.burns.length;
}
