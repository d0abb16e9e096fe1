import { type Clock, systemClock } from '@trocar/core';
import { beginSession, memoryStorage, restoreSession } from '@trocar/core/session';
import { nodeSocket } from '@trocar/device-bridge/node';
import { PACES } from '../../../suite/src/hand.js';
import { type HeadlessResults, keepResults } from '../../../suite/src/node/headless-results.js';
import { fail, sleep, untilHolds } from '../../../suite/src/node/headless-run.js';
import type { ResultsDesk } from '../../../suite/src/node/results-desk.js';
import type { Refusal } from '../../../suite/src/refusal.js';
import type { AblationCase } from '../case.js';
import { connectProcedure } from '../client.js';
import { KeptAblation } from '../kept.js';
import type { PlanDemands } from '../plan-step.js';
import type { Procedure } from '../procedure.js';
import { registerPost } from '../register-post.js';
import { ablationResults } from '../results.js';
import { assemble, type HeadlessReport, type TipShown } from './headless-report.js';
import { startWorld, type World } from './world.js';

/** How a headless run goes. */
export interface HeadlessOptions {
  readonly case: AblationCase;
  readonly demands: PlanDemands;
  readonly seed: number;
  /** A hand and a patient in a hurry. */
  readonly fast?: boolean;
  /** Told what is done next, for a person who waits. */
  readonly onStep?: (text: string) => void;
  /** Keeps the results, and sends them where there is an archive. */
  readonly results?: ResultsDesk;
  /** Gets the report of the session as HTML. */
  readonly onSessionReport?: (html: string) => void;
}

/** A touch that was refused is made again, so often. */
const TRIES = 3;
/** Below this probability that all of the tumour is burnt with its margin, one more probe is laid. */
const ENOUGH = 0.8;
/** More probes than this are not added. */
const MOST_PROBES = 4;
const SCRIPT = 'script';

/** How fast a simulation goes. */
export const SPEEDS = {
  usual: { breathing: { periodMs: 4000 }, burnMinuteMs: 1000, pace: PACES.usual },
  fast: { breathing: { periodMs: 3600 }, burnMinuteMs: 150, pace: PACES.fast },
} as const;

/** A touch in a hurry. */
export const FAST_TOUCH = { dwellMs: 400, minSamples: 14, maxRmsMm: 0.9, maxDriftMm: 0.6 };

/**
 * The whole procedure without a screen: simulated tracker, driver, bridge, WebSocket, client, procedure; a scripted hand does what a
 * person would. Real time, about two minutes; in a hurry less than one.
 * @throws StepRefused where a step was refused for good; Error where something never came; NavError as {@link startWorld} does
 */
export async function runHeadless(options: HeadlessOptions): Promise<HeadlessReport> {
  const clock = systemClock();
  const startedAt = clock.now();
  const { case: given, demands, seed, fast = false } = options;
  const { breathing, burnMinuteMs, pace } = fast ? SPEEDS.fast : SPEEDS.usual;
  const world = await startWorld({ case: given, seed, clock, breathing });
  world.truth.hand.pace = pace;
  const connected = connectProcedure({
    url: world.bridge.url,
    clock,
    case: given,
    createSocket: nodeSocket,
    onMessage: () => connected.procedure.update(),
    procedure: { demands, registerPost, burnMinuteMs, ...(fast && { touchLimits: FAST_TOUCH }) },
  });
  try {
    await connected.bridge.ready;
    const { procedure } = connected;
    const storage = memoryStorage();
    const session = await beginSession({ storage, clock, image: given.volume, by: SCRIPT, software: 'Trocar CT liver ablation' });
    const kept = new KeptAblation(procedure, session, SCRIPT);
    const run = new Run(world, procedure, kept, clock);
    options.onStep?.('Planning');
    await run.plan();
    options.onStep?.('Calibrating');
    await run.calibrate();
    options.onStep?.('Registering and verifying');
    await run.register();
    options.onStep?.('Ablating');
    const tips = await run.ablate();
    options.onStep?.('Confirming on a CT');
    await run.confirm();
    const { session: again } = await restoreSession({ storage: storage.copy(), clock, image: given.volume, by: 'restore' });
    options.onSessionReport?.(await kept.report(clock.utc(clock.now())));
    const results = options.results && (await resultsOf(options.results, procedure, session.state.id, clock));
    const seconds = (clock.now() - startedAt) / 1000;
    return assemble({ world, procedure, tips, restored: again.state, seconds, results });
  } finally {
    connected.close();
    await world.close();
  }
}

async function resultsOf(desk: ResultsDesk, procedure: Procedure, session: string, clock: Clock): Promise<HeadlessResults> {
  const making = { origin: desk.origin, session, at: clock.utc(clock.now()), by: SCRIPT };
  return keepResults(desk, await ablationResults(procedure, making));
}

/** What the person does. */
class Run {
  readonly #world: World;
  readonly #procedure: Procedure;
  readonly #kept: KeptAblation;
  readonly #clock: Clock;

  constructor(world: World, procedure: Procedure, kept: KeptAblation, clock: Clock) {
    this.#world = world;
    this.#procedure = procedure;
    this.#kept = kept;
    this.#clock = clock;
  }

  async #keep(): Promise<void> {
    await this.#kept.keep();
    await this.#kept.enter();
  }

  async plan(): Promise<void> {
    const { planning } = this.#procedure;
    fail(await planning.findEntries());
    fail(await planning.propose());
    fail(await this.#kept.acceptPlan(planning.case.side));
    await this.#keep();
  }

  async calibrate(): Promise<void> {
    const { truth } = this.#world;
    const procedure = this.#procedure;
    await this.#until(() => procedure.stage === 'calibrate', 5000, 'the tools to be seen');
    fail(await this.#kept.acceptCalibration('stylus', true));
    truth.take('applicator');
    for (let attempt = 1; procedure.stage === 'calibrate'; attempt += 1) {
      await this.#arrive(truth.goToDivot(this.#clock.now()));
      fail(procedure.startPivot('applicator'));
      const doneAt = truth.hand.pivot(this.#clock.now());
      const { applicator } = procedure.calibrating;
      await this.#until(() => !applicator.isRecording || this.#clock.now() >= doneAt, 20_000, 'the pivoting');
      if (applicator.isRecording) procedure.stopPivot('applicator');
      const not = await this.#kept.acceptCalibration('applicator');
      if (attempt === TRIES) fail(not);
    }
    await this.#keep();
  }

  async register(): Promise<void> {
    const procedure = this.#procedure;
    await this.#until(() => procedure.stage === 'collect', 40_000, 'the patient to breathe regularly');
    const first = procedure.touches.length;
    for (let n = 0; n < first; n += 1)
      await this.#touch(
        n,
        () => procedure.touch(n),
        () => procedure.touches[n],
      );
    fail(procedure.register());
    fail(await this.#kept.accept());
    await this.#keep();
    const { verifying } = procedure;
    for (let n = 0; n < verifying.touches.length; n += 1) {
      await this.#touch(
        first + n,
        () => procedure.touchLandmark(n),
        () => verifying.touches[n],
      );
    }
    fail(procedure.verify());
    await this.#keep();
  }

  /** A busy machine may lose frames: a person would touch again. */
  async #touch(index: number, ask: () => Refusal | undefined, taken: () => unknown): Promise<void> {
    this.#world.truth.take('stylus');
    for (let n = 0; n < TRIES && taken() === undefined; n += 1) {
      await this.#arrive(this.#world.truth.touch(index, this.#clock.now()));
      ask();
      await this.#until(() => this.#procedure.touching === undefined, 25_000, `touch ${index + 1} to end`);
    }
    if (taken() === undefined) fail(this.#procedure.refusal);
  }

  /** Burns what was planned, and one more where that does not do. */
  async ablate(): Promise<TipShown[]> {
    const procedure = this.#procedure;
    const tips: TipShown[] = [];
    for (let next: number | undefined = 0; next !== undefined; next = procedure.next) {
      if (procedure.stage !== 'guide') fail(procedure.choose(next));
      tips.push(await this.#burn());
      const { achieved } = procedure.burning;
      const short = procedure.next === undefined && (achieved?.withMargin.probability ?? 0) < ENOUGH;
      if (short && procedure.probes.length < MOST_PROBES) fail(procedure.topUp());
    }
    fail(procedure.finishBurning());
    await this.#keep();
    return tips;
  }

  async #burn(): Promise<TipShown> {
    const procedure = this.#procedure;
    const { truth } = this.#world;
    const probe = procedure.probe as NonNullable<Procedure['probe']>;
    const way = procedure.planning.ways.find(({ name }) => name === probe.name);
    if (way === undefined) throw new Error(`Probe ${probe.name} has no way.`);
    truth.take('applicator');
    await this.#arrive(truth.insert(way.plan, this.#clock.now()));
    // A gate that closes between looking and asking is waited for once more.
    let not: Refusal | undefined;
    for (let n = 0; n < 200 && procedure.stage === 'guide'; n += 1) {
      await this.#until(() => procedure.tipInImage.isLive, 15_000, 'the gate to open');
      not = await this.#kept.burn();
      if (not !== undefined && not.code !== 'gate-closed') fail(not);
    }
    fail(procedure.stage === 'burn' ? undefined : not);
    truth.burn(probe.setting, this.#clock.now());
    const { deviation } = procedure.guide as NonNullable<Procedure['guide']>;
    const shown = deviation.tip(new Float64Array(3));
    const tip: TipShown = {
      probe: probe.name,
      distanceToTargetMm: deviation.distanceToTargetMm,
      error95Mm: deviation.tipError95Mm,
      trueErrorMm: truth.tipErrorMm(shown, procedure.tipInImage.measuredAt),
    };
    await this.#until(() => procedure.stage !== 'burn', 60_000, 'the burn to end');
    await this.#keep();
    await this.#arrive(truth.hand.retract(this.#clock.now()));
    return tip;
  }

  async confirm(): Promise<void> {
    const procedure = this.#procedure;
    fail(await procedure.confirming.take(this.#world.postCt()));
    fail(procedure.confirm());
    await this.#keep();
  }

  /** Waits for the hand, and a moment for it to rest on what breathes. */
  async #arrive(atMs: number): Promise<void> {
    await sleep(Math.max(0, atMs - this.#clock.now()) + 450);
  }

  #until(holds: () => boolean, withinMs: number, what: string): Promise<void> {
    return untilHolds(this.#procedure, this.#clock, holds, withinMs, what);
  }
}
