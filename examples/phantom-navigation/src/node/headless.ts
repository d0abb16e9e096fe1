import { type Clock, systemClock } from '@trocar/core';
import { shearDegrees, spacingOf } from '@trocar/core/volume';
import { nodeSocket } from '@trocar/device-bridge/node';
import type { NavigationCase } from '../case.js';
import { type ConnectedProcedure, connectProcedure } from '../client.js';
import type { ToolName } from '../frames.js';
import { PACES } from '../hand.js';
import type { Procedure, Proposal, Refusal } from '../procedure.js';
import { percentile } from '../study.js';
import { startWorld, type World, type WorldOptions } from './world.js';

/** How a headless run goes. */
export interface HeadlessOptions {
  readonly case: NavigationCase;
  readonly seed: number;
  /** A hand without patience. */
  readonly fast?: boolean;
  /** As in {@link WorldOptions}. */
  readonly line?: NonNullable<WorldOptions['line']>;
}

/** One thing that must hold for the run to have gone well. */
export interface Check {
  readonly name: string;
  readonly held: boolean;
  readonly detail: string;
}

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
  readonly registration: {
    readonly fiducials: number;
    /** A health figure only. */
    readonly freMm: number;
    /** Estimated from the residuals. */
    readonly fleMm: number;
    readonly residualsMm: readonly number[];
    readonly outcome: string;
  };
  readonly target: {
    /** The bound that is displayed. */
    readonly expectedTre95Mm: number;
    readonly trueTreMm: number;
    readonly withinBound95: boolean;
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

/** A covered tool must be seen to be missing within this, a pulled plug within this, ms. */
const DEADLINES = { covered: 100, unplugged: 250 } as const;
/** Of the tracker's 60 Hz: with fewer, the machine is too busy to navigate with. */
const LEAST_RATE_HZ = 50;
const LATENCY_P95_LIMIT_MS = 60;
/** A person touches again when a touch is refused, and gives up after this long. */
const PERSON_GIVES_UP_MS = 15_000;

/**
 * The whole procedure without a screen: simulated tracker, driver, bridge, WebSocket, client, procedure; a scripted hand
 * does what a person would. Real time, about 16 s.
 * @throws Error where a step was refused for good; NavError as {@link startWorld} does
 */
export async function runHeadless(options: HeadlessOptions): Promise<HeadlessReport> {
  const clock = systemClock();
  const startedAt = clock.now();
  const world = await startWorld({ ...options, clock });
  const meter = new Meter(clock);
  let connected: ConnectedProcedure | undefined;
  try {
    world.truth.hand.pace = options.fast === true ? PACES.fast : PACES.usual;
    connected = connectProcedure({
      url: world.bridge.url,
      clock,
      case: options.case,
      createSocket: nodeSocket,
      onMessage: () => meter.take(connected?.procedure),
      ...(options.fast === true && { procedure: { touchLimits: FAST_TOUCH, guidanceLimits: { onTargetMm: 2 } } }),
    });
    await connected.bridge.ready;
    meter.start();
    const run = new Run(world, connected.procedure, clock);
    await run.collect();
    const proposal = run.registerAndAccept();
    const tip = await run.navigate();
    meter.stop();
    const covered = await run.coverTools();
    const report = { world, proposal, tip, covered, meter, bridge: connected.bridge, options };
    return assemble(report, (clock.now() - startedAt) / 1000);
  } finally {
    connected?.close();
    await world.close();
  }
}

const FAST_TOUCH = { dwellMs: 500, minSamples: 16, maxRmsMm: 0.8, maxDriftMm: 0.5 };

/** Times every update that had something new. */
class Meter {
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

/** What the person does. */
class Run {
  readonly #world: World;
  readonly #procedure: Procedure;
  readonly #clock: Clock;

  constructor(world: World, procedure: Procedure, clock: Clock) {
    this.#world = world;
    this.#procedure = procedure;
    this.#clock = clock;
  }

  async collect(): Promise<void> {
    await this.#until(() => this.#procedure.stage === 'collect', 5000, 'the tools to be seen');
    for (let i = 0; i < this.#procedure.touches.length; i += 1) {
      await this.#arrive(this.#world.truth.hand.touch(i, this.#clock.now()));
      await this.#touch(i);
    }
  }

  /** A busy machine may lose frames: a person would touch again. */
  async #touch(index: number): Promise<void> {
    const from = this.#clock.now();
    for (let again = false; this.#procedure.touches[index] === undefined; again = true) {
      if (this.#clock.now() - from > PERSON_GIVES_UP_MS) break;
      if (again) await sleep(200);
      this.#procedure.touch(index);
      await this.#until(() => this.#procedure.touching === undefined, 5000, `touch ${index + 1} to end`);
    }
    if (this.#procedure.touches[index] === undefined) fail(this.#procedure.refusal);
  }

  registerAndAccept(): Proposal {
    fail(this.#procedure.register());
    fail(this.#procedure.accept());
    return this.#procedure.proposal as Proposal;
  }

  /** To the target, and what was displayed and true there. */
  async navigate(): Promise<HeadlessReport['tip']> {
    // The table moves before the incision: what is registered is the reference, so it must not matter.
    this.#world.truth.moveTable([12, -8, 5]);
    await this.#arrive(this.#world.truth.hand.insert(this.#clock.now()));
    await this.#until(() => this.#procedure.deviation.isLive, 3000, 'the tip to be seen');
    const { deviation, tipInImage } = this.#procedure;
    const shown = deviation.tip(new Float64Array(3));
    const tip = {
      error95Mm: deviation.tipError95Mm,
      trueErrorMm: this.#world.truth.tipErrorMm(shown, tipInImage.measuredAt),
      distanceToTargetMm: deviation.distanceToTargetMm,
    };
    fail(this.#procedure.finish());
    return tip;
  }

  async coverTools(): Promise<HeadlessReport['covered']> {
    const { truth } = this.#world;
    const live = (): boolean => this.#procedure.deviation.isLive;
    const timed = async (act: () => void, undo: () => void, deadlineMs: number): Promise<HeadlessReport['covered'][string]> => {
      await this.#until(live, 3000, 'the tip to be seen');
      const from = this.#clock.now();
      act();
      await this.#until(() => this.#procedure.guidance === 'noPose', 2000, 'the tip to be missed');
      const afterMs = this.#clock.now() - from;
      const held = afterMs <= deadlineMs && Number.isNaN(this.#procedure.deviation.distanceToTargetMm);
      undo();
      return { afterMs, deadlineMs, held };
    };
    const cover = (tool: ToolName): Promise<HeadlessReport['covered'][string]> =>
      timed(
        () => truth.cover(tool, true),
        () => truth.cover(tool, false),
        DEADLINES.covered,
      );
    return {
      stylus: await cover('stylus'),
      reference: await cover('reference'),
      ...(this.#world.hasPlug && {
        unplugged: await timed(
          () => this.#world.plug(false),
          () => this.#world.plug(true),
          DEADLINES.unplugged,
        ),
      }),
    };
  }

  /** Waits for the hand, and a moment for it to be still and its poses to come through. */
  async #arrive(atMs: number): Promise<void> {
    await sleep(Math.max(0, atMs - this.#clock.now()) + 120);
  }

  async #until(holds: () => boolean, withinMs: number, what: string): Promise<void> {
    const from = this.#clock.now();
    for (;;) {
      this.#procedure.update();
      if (holds()) return;
      if (this.#clock.now() - from > withinMs) throw new Error(`Waited ${withinMs} ms for ${what}, in vain.`);
      await sleep(4);
    }
  }
}

function fail(refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw new Error(`${refusal.code}: ${refusal.message}`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface Parts {
  readonly world: World;
  readonly proposal: Proposal;
  readonly tip: HeadlessReport['tip'];
  readonly covered: HeadlessReport['covered'];
  readonly meter: Meter;
  readonly bridge: ConnectedProcedure['bridge'];
  readonly options: HeadlessOptions;
}

function assemble(parts: Parts, seconds: number): HeadlessReport {
  const { proposal, meter, options } = parts;
  const { registration, bound } = proposal;
  const { volume, plan, warnings } = options.case;
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
    registration: {
      fiducials: proposal.fiducials.length,
      freMm: registration.freMm,
      fleMm: registration.fleMm,
      residualsMm: registration.residuals.map((r) => r.mm),
      outcome: registration.outcome,
    },
    target: { expectedTre95Mm: bound.p95Mm, trueTreMm, withinBound95: trueTreMm <= bound.p95Mm },
    tip: parts.tip,
    poses: { count: meter.count, rateHz },
    latencyMs,
    covered: parts.covered,
    clock: { offsetMs: parts.bridge.clock.offsetMs, boundMs: parts.bridge.clock.boundMs },
    seconds,
  };
}

function checksOf(parts: Parts, m: { trueTreMm: number; rateHz: number; p95: number }): Check[] {
  const { bound } = parts.proposal;
  // One run in twenty lies beyond a 95 % bound, and says nothing; beyond this, something is broken.
  const outermost = bound.quantileMm(0.9999);
  const check = (name: string, held: boolean, detail: string): Check => ({ name, held, detail });
  const mm = (v: number): string => `${v.toFixed(2)} mm`;
  return [
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
    check('pose-rate', m.rateHz >= LEAST_RATE_HZ, `${m.rateHz.toFixed(1)} poses per second, at least ${LEAST_RATE_HZ}`),
    check('latency', m.p95 <= LATENCY_P95_LIMIT_MS, `95 % within ${m.p95.toFixed(2)} ms, limit ${LATENCY_P95_LIMIT_MS} ms`),
    ...Object.entries(parts.covered).map(([what, c]) =>
      check(`${what}-noticed`, c.held, `after ${c.afterMs.toFixed(0)} ms, deadline ${c.deadlineMs} ms`),
    ),
  ];
}
