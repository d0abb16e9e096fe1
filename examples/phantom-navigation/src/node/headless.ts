import { type Clock, systemClock } from '@trocar/core';
import { beginSession, type MemoryStorage, memoryStorage } from '@trocar/core/session';
import type { Volume } from '@trocar/core/volume';
import { nodeSocket } from '@trocar/device-bridge/node';
import type { BodyName } from '../../../suite/src/frames.js';
import { PACES } from '../../../suite/src/hand.js';
import { fail, sleep, untilHolds } from '../../../suite/src/node/headless-run.js';
import type { Proposal } from '../../../suite/src/registration-step.js';
import type { NavigationCase } from '../case.js';
import { type ConnectedProcedure, connectProcedure } from '../client.js';
import { ImageStep } from '../image-step.js';
import { KeptProcedure } from '../kept-procedure.js';
import type { Procedure } from '../procedure.js';
import { registerImages } from '../register-images.js';
import { assemble, type HeadlessReport, Meter } from './headless-report.js';
import { keptSession } from './kept-session.js';
import { startWorld, type World, type WorldOptions } from './world.js';

/** How a headless run goes. */
export interface HeadlessOptions {
  readonly case: NavigationCase;
  readonly seed: number;
  /** A hand without patience. */
  readonly fast?: boolean;
  /** Takes the stored calibration of the stylus instead of pivoting it. */
  readonly stored?: boolean;
  /** A second image of the patient, to be registered to the case's; and where it truly lies, where that is known. */
  readonly second?: { readonly volume: Volume<'second'>; readonly ctFromSecond?: ArrayLike<number> };
  /** As in {@link WorldOptions}. */
  readonly line?: NonNullable<WorldOptions['line']>;
  /** Gets the report of the session as HTML, once the target is reached. */
  readonly onSessionReport?: (html: string) => void;
}

/** A covered tool must be seen to be missing within this, a pulled plug within this, ms. */
const DEADLINES = { covered: 100, unplugged: 250 } as const;
/** A person touches again when a touch is refused, and gives up after this long. */
const PERSON_GIVES_UP_MS = 15_000;
/** Who accepts where nobody is there. */
const SCRIPT = 'script';
/** As often as this a person pivots before asking for another stylus. */
const PIVOTINGS = 3;

/**
 * The whole procedure without a screen: simulated tracker, driver, bridge, WebSocket, client, procedure; a scripted hand
 * does what a person would. Real time, about 30 s.
 * @throws StepRefused where a step was refused for good; Error where something never came; NavError as {@link startWorld} does
 */
export async function runHeadless(options: HeadlessOptions): Promise<HeadlessReport> {
  const clock = systemClock();
  const startedAt = clock.now();
  const images = await registerSecond(options);
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
    const { procedure } = connected;
    if (images.accepted !== undefined) procedure.graph.set(images.accepted.edge);
    const storage = memoryStorage();
    const kept = await keep(procedure, options.case, clock, storage);
    const run = new Run(world, kept, clock);
    await run.calibrate(options.stored === true);
    await run.collect();
    const proposal = await run.registerAndAccept();
    const tip = await run.navigate();
    meter.stop();
    const session = await keptSession(kept, storage.copy(), clock);
    options.onSessionReport?.(session.html);
    const covered = await run.coverTools();
    const report = { world, procedure, proposal, tip, covered, meter, session, bridge: connected.bridge, case: options.case };
    const second = { images, ctFromSecond: options.second?.ctFromSecond };
    return assemble({ ...report, ...second }, (clock.now() - startedAt) / 1000);
  } finally {
    connected?.close();
    await world.close();
  }
}

/** A session for the procedure, with the plan in it. */
async function keep(
  procedure: Procedure,
  { volume: image }: NavigationCase,
  clock: Clock,
  storage: MemoryStorage,
): Promise<KeptProcedure> {
  const session = await beginSession({ storage, clock, image, by: SCRIPT, software: 'Trocar phantom navigation' });
  const kept = new KeptProcedure(procedure, session, SCRIPT);
  await kept.acceptPlan();
  return kept;
}

/** Takes the second image where its registration holds, and goes on without it where not: by eye, nobody is there. */
async function registerSecond({ case: given, second }: HeadlessOptions): Promise<ImageStep> {
  const images = new ImageStep(given.volume, second?.volume, registerImages);
  if (images.stage === 'absent') return images;
  await images.start();
  if (images.stage === 'review') images.accept(given.plan);
  return images;
}

const FAST_TOUCH = { dwellMs: 500, minSamples: 16, maxRmsMm: 0.8, maxDriftMm: 0.5 };

/** What the person does. */
class Run {
  readonly #world: World;
  readonly #kept: KeptProcedure;
  readonly #procedure: Procedure;
  readonly #clock: Clock;

  constructor(world: World, kept: KeptProcedure, clock: Clock) {
    this.#world = world;
    this.#kept = kept;
    this.#procedure = kept.procedure;
    this.#clock = clock;
  }

  /** Pivots the stylus, again where it was refused, and takes what was found; or the stored calibration. */
  async calibrate(stored: boolean): Promise<void> {
    await this.#until(() => this.#procedure.stage === 'calibrate', 5000, 'the tools to be seen');
    if (stored) return fail(await this.#kept.acceptCalibration(true));
    const { hand } = this.#world.truth;
    for (let attempt = 0; attempt < PIVOTINGS; attempt += 1) {
      await this.#arrive(hand.goToDivot(this.#clock.now()));
      fail(this.#procedure.startPivot());
      const doneAt = hand.pivot(this.#clock.now());
      const { calibration } = this.#procedure;
      await this.#until(() => !calibration.isRecording || this.#clock.now() >= doneAt, hand.pace.pivotMs + 5000, 'the pivoting');
      if (calibration.isRecording) this.#procedure.stopPivot();
      if ((await this.#kept.acceptCalibration()) === undefined) return;
    }
    fail(this.#procedure.refusal);
  }

  async collect(): Promise<void> {
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

  async registerAndAccept(): Promise<Proposal<'ct'>> {
    fail(this.#procedure.register());
    fail(await this.#kept.accept());
    return this.#procedure.proposal as Proposal<'ct'>;
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
    fail(await this.#kept.finish());
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
    const cover = (tool: BodyName): Promise<HeadlessReport['covered'][string]> =>
      timed(
        () => truth.cover(tool, true),
        () => truth.cover(tool, false),
        DEADLINES.covered,
      );
    return {
      stylus: await cover('stylus'),
      reference: await cover('reference'),
      ...(this.#world.tracker.hasPlug && {
        unplugged: await timed(
          () => this.#world.tracker.plug(false),
          () => this.#world.tracker.plug(true),
          DEADLINES.unplugged,
        ),
      }),
    };
  }

  /** Waits for the hand, and a moment for it to be still and its poses to come through. */
  async #arrive(atMs: number): Promise<void> {
    await sleep(Math.max(0, atMs - this.#clock.now()) + 120);
  }

  #until(holds: () => boolean, withinMs: number, what: string): Promise<void> {
    return untilHolds(this.#procedure, this.#clock, holds, withinMs, what);
  }
}
