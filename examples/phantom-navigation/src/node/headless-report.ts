import type { Clock } from '@trocar/core';
import { shearDegrees, spacingOf } from '@trocar/core/volume';
import { keepsLimit, limitLine } from '../../../suite/src/acceptance.js';
import type { Check } from '../../../suite/src/node/headless-run.js';
import type { Proposal } from '../../../suite/src/registration-step.js';
import type { NavigationCase } from '../case.js';
import type { ConnectedProcedure } from '../client.js';
import type { ImageStep } from '../image-step.js';
import type { Procedure } from '../procedure.js';
import { secondErrorMm } from '../second-image.js';
import { percentile } from '../study.js';
import type { KeptSession } from './kept-session.js';
import type { World } from './world.js';

/** What a headless run prints: numbers and no identity. Lengths in mm, times in ms. */
export interface HeadlessReport {
  readonly outcome: 'reached' | 'failed';
  readonly checks: readonly Check[];
  readonly volume: {
    readonly modality: string;
    readonly size: readonly number[];
    readonly spacingMm: readonly number[];
    readonly shearDegrees: number;
    readonly warnings: readonly string[];
  };
  /** Of the stylus's tip. */
  readonly calibration: {
    readonly source: 'pivot' | 'stored' | 'restored';
    /** The bound that is displayed, and how far the tip truly is off. */
    readonly tip95Mm: number;
    readonly trueErrorMm: number;
    /** Absent for a stored calibration. */
    readonly pivot?: {
      readonly outcome: string;
      /** Recorded, and of these not seen. */
      readonly poses: number;
      readonly hidden: number;
      /** Kept for the calibration, and of these in agreement. */
      readonly used: number;
      readonly inliers: number;
      /** How well the poses agree: not how well the tip is known. */
      readonly rmsMm: number;
      readonly coneDeg: number;
    };
  };
  readonly registration: {
    readonly fiducials: number;
    /** A health figure only. */
    readonly freMm: number;
    /** Estimated from the residuals. */
    readonly fleMm: number;
    readonly residualsMm: readonly number[];
    readonly outcome: string;
    /** Every touched fiducial, counted from 1, as the review shows it. */
    readonly residuals: readonly {
      readonly fiducial: number;
      readonly mm: number;
      readonly expectedMm: number;
      readonly leaveOneOutMm: number;
      readonly leaveOneOutExpectedMm: number;
      readonly zScore: number;
      readonly flag: string;
    }[];
    /** The fiducial that would better be left out, counted from 1. */
    readonly suggestedToLeaveOut: number | null;
  };
  readonly target: {
    /** The bound that is displayed. */
    readonly expectedTre95Mm: number;
    readonly trueTreMm: number;
    readonly withinBound95: boolean;
    /** What the plan allows the expected error to be; null where it says nothing. */
    readonly limit95Mm: number | null;
    readonly withinLimit: boolean;
  };
  /** Of the second image to the first; absent where there is none. */
  readonly secondImage?: {
    readonly modality: string;
    readonly size: readonly number[];
    /** `refused` where nothing could be computed: `refusal` says why. */
    readonly outcome: string;
    readonly refusal: string | null;
    /** As checked; nobody is there to accept by eye. */
    readonly accepted: boolean;
    readonly confidence: number | null;
    readonly findings: readonly { readonly code: string; readonly message: string }[];
    /** Expected at the target, 95 %, mm; null where the result does not stand. */
    readonly expectedTre95Mm: number | null;
    /** Of the best pose at the target, mm; null where nobody knows the truth. */
    readonly trueErrorMm: number | null;
    readonly seconds: number | null;
  };
  readonly tip: { readonly error95Mm: number; readonly trueErrorMm: number; readonly distanceToTargetMm: number };
  readonly poses: { readonly count: number; readonly rateHz: number };
  /** From a packet's arrival at the bridge to the guidance state in the client. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number };
  /** How fast the client said so when a tool was covered, or the tracker's plug pulled. */
  readonly covered: Readonly<Record<string, { readonly afterMs: number; readonly deadlineMs: number; readonly held: boolean }>>;
  readonly clock: { readonly offsetMs: number; readonly boundMs: number };
  readonly seconds: number;
}

/** Of the tracker's 60 Hz: with fewer, the machine is too busy to navigate with. */
const LEAST_RATE_HZ = 50;
const LATENCY_P95_LIMIT_MS = 60;
/** Times every update that had something new. */
export class Meter {
  readonly latencies: number[] = [];
  fromMs = Number.NaN;
  toMs = Number.NaN;
  readonly #clock: Clock;
  /** Different measurements of the stylus since {@link start}. */
  count = 0;
  #seenAt = Number.NaN;
  #measuredAt = Number.NaN;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(): void {
    this.fromMs = this.#clock.now();
  }

  stop(): void {
    this.toMs = this.#clock.now();
  }

  take(procedure: Procedure | undefined): void {
    if (procedure === undefined) return;
    procedure.update();
    if (!Number.isNaN(this.toMs)) return;
    const stylus = procedure.tools.stylus;
    if (stylus.hasPose && stylus.measuredAt !== this.#seenAt) {
      this.#seenAt = stylus.measuredAt;
      this.count += 1;
    }
    const view = procedure.tipInImage;
    if (!view.hasPose || view.measuredAt === this.#measuredAt) return;
    this.#measuredAt = view.measuredAt;
    this.latencies.push(this.#clock.now() - view.arrivedAt);
  }
}

/** What a report is made of. */
export interface Parts {
  readonly world: World;
  readonly procedure: Procedure;
  readonly proposal: Proposal<'ct'>;
  readonly tip: HeadlessReport['tip'];
  readonly covered: HeadlessReport['covered'];
  readonly meter: Meter;
  readonly session: KeptSession;
  readonly bridge: ConnectedProcedure['bridge'];
  readonly case: NavigationCase;
  /** The second image, decided about; and where it truly lies, where that is known. */
  readonly images?: ImageStep | undefined;
  readonly ctFromSecond?: ArrayLike<number> | undefined;
}

/** The report of a run. @param seconds how long it took */
export function assemble(parts: Parts, seconds: number): HeadlessReport {
  const { proposal, meter } = parts;
  const { registration, bound } = proposal;
  const { volume, plan, warnings } = parts.case;
  const trueTreMm = parts.world.truth.trueTreMm(registration.edge, plan.target);
  const rateHz = (1000 * meter.count) / (meter.toMs - meter.fromMs);
  const latency = (share: number): number => percentile(meter.latencies, share);
  const latencyMs = { p50: latency(0.5), p95: latency(0.95), p99: latency(0.99), max: latency(1) };
  const checks = checksOf(parts, { trueTreMm, rateHz, p95: latencyMs.p95 });
  return {
    outcome: checks.every((c) => c.held) ? 'reached' : 'failed',
    checks,
    volume: {
      modality: volume.modality,
      size: volume.size,
      spacingMm: spacingOf(volume),
      shearDegrees: shearDegrees(volume),
      warnings: [...volume.warnings.map((w) => w.code), ...warnings],
    },
    calibration: calibrationOf(parts),
    registration: registrationOf(proposal),
    target: {
      expectedTre95Mm: bound.p95Mm,
      trueTreMm,
      withinBound95: trueTreMm <= bound.p95Mm,
      limit95Mm: plan.maxTre95Mm ?? null,
      withinLimit: keepsLimit(plan, bound.p95Mm),
    },
    ...(parts.images?.second !== undefined && { secondImage: secondImageOf(parts, parts.images) }),
    tip: parts.tip,
    poses: { count: meter.count, rateHz },
    latencyMs,
    covered: parts.covered,
    clock: { offsetMs: parts.bridge.clock.offsetMs, boundMs: parts.bridge.clock.boundMs },
    seconds,
  };
}

type SecondImageReport = NonNullable<HeadlessReport['secondImage']>;

function secondImageOf({ procedure, ctFromSecond }: Parts, images: ImageStep): SecondImageReport {
  const { result, second, refusal } = images;
  const { target } = procedure.plan;
  const known = (mm: number): number | null => (Number.isFinite(mm) ? mm : null);
  return {
    modality: second?.modality ?? '',
    size: second?.size ?? [],
    outcome: result?.outcome ?? 'refused',
    refusal: refusal?.message ?? null,
    accepted: images.accepted !== undefined,
    confidence: result?.confidence ?? null,
    findings: result?.findings.map(({ code, message }) => ({ code, message })) ?? [],
    expectedTre95Mm: known(images.tre95Mm(target)),
    trueErrorMm: result && ctFromSecond ? secondErrorMm(result.fixedFromMoving, ctFromSecond, target) : null,
    seconds: result?.seconds ?? null,
  };
}

/** A second image must be taken, and lie where it truly does: where it could not, a person has to decide. */
function secondImageChecks(parts: Parts): Check[] {
  const { images } = parts;
  if (images?.second === undefined) return [];
  const { accepted, outcome, expectedTre95Mm: bound, trueErrorMm: error, refusal } = secondImageOf(parts, images);
  if (!accepted) return [{ name: 'second-image', held: false, detail: `left out, ${outcome}: ${refusal}` }];
  const said = `expected within ${bound?.toFixed(2)} mm (95 %)`;
  const held = error === null || (bound !== null && error <= 3 * bound);
  const truth = error === null ? 'truth unknown' : `true error ${error.toFixed(2)} mm`;
  return [{ name: 'second-image', held, detail: `${outcome}, at the target: ${truth}, ${said}` }];
}

function calibrationOf({ procedure, world }: Parts): HeadlessReport['calibration'] {
  const { accepted, result, poses } = procedure.calibration;
  if (accepted === undefined) throw new Error('A procedure that ended was never calibrated.');
  return {
    source: accepted.source,
    tip95Mm: accepted.tip95Mm,
    trueErrorMm: world.truth.tipCalibrationErrorMm(accepted.stylusFromTip),
    ...(result !== undefined && {
      pivot: {
        outcome: result.outcome,
        poses: poses.given,
        hidden: poses.given - poses.seen,
        used: result.counts.given,
        inliers: result.counts.inliers,
        rmsMm: result.rmsMm,
        coneDeg: (result.spread.coneRad * 180) / Math.PI,
      },
    }),
  };
}

function registrationOf({ registration, fiducials, fits, suggestion }: Proposal<'ct'>): HeadlessReport['registration'] {
  return {
    fiducials: fiducials.length,
    freMm: registration.freMm,
    fleMm: registration.fleMm,
    residualsMm: registration.residuals.map((r) => r.mm),
    outcome: registration.outcome,
    residuals: fits.map((f) => ({
      fiducial: f.index + 1,
      mm: f.residualMm,
      expectedMm: f.expectedMm,
      leaveOneOutMm: f.leaveOneOutMm,
      leaveOneOutExpectedMm: f.leaveOneOutExpectedMm,
      zScore: f.zScore,
      flag: f.flag,
    })),
    suggestedToLeaveOut: suggestion === undefined ? null : suggestion.index + 1,
  };
}

function checksOf(parts: Parts, m: { trueTreMm: number; rateHz: number; p95: number }): Check[] {
  const { bound } = parts.proposal;
  const { tip95Mm, trueErrorMm } = calibrationOf(parts);
  // One run in twenty lies beyond a 95 % bound, and says nothing; beyond this, something is broken.
  const outermost = bound.quantileMm(0.9999);
  const check = (name: string, held: boolean, detail: string): Check => ({ name, held, detail });
  const mm = (v: number): string => `${v.toFixed(2)} mm`;
  return [
    ...secondImageChecks(parts),
    check('tip-calibrated', trueErrorMm <= 3 * tip95Mm, `tip found ${mm(trueErrorMm)} off, 95 % bound ${mm(tip95Mm)}`),
    check(
      'within-plan-limit',
      keepsLimit(parts.procedure.plan, bound.p95Mm),
      `at the target: ${limitLine(parts.procedure.plan, bound.p95Mm)}`,
    ),
    check(
      'target-reached',
      parts.tip.distanceToTargetMm <= 2.3,
      `${mm(parts.tip.distanceToTargetMm)} from the target when finished`,
    ),
    check('true-error-credible', m.trueTreMm <= outermost, `true TRE ${mm(m.trueTreMm)}, 99.99 % bound ${mm(outermost)}`),
    check(
      'tip-error-credible',
      parts.tip.trueErrorMm <= 3 * parts.tip.error95Mm,
      `tip off by ${mm(parts.tip.trueErrorMm)}, 95 % bound ${mm(parts.tip.error95Mm)}`,
    ),
    check('session-restored', parts.session.restored, parts.session.detail),
    check('pose-rate', m.rateHz >= LEAST_RATE_HZ, `${m.rateHz.toFixed(1)} poses per second, at least ${LEAST_RATE_HZ}`),
    check('latency', m.p95 <= LATENCY_P95_LIMIT_MS, `95 % within ${m.p95.toFixed(2)} ms, limit ${LATENCY_P95_LIMIT_MS} ms`),
    ...Object.entries(parts.covered).map(([what, c]) =>
      check(`${what}-noticed`, c.held, `after ${c.afterMs.toFixed(0)} ms, deadline ${c.deadlineMs} ms`),
    ),
  ];
}
