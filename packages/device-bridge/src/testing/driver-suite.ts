import { isLive, isNavError, type Status } from '@trocar/core';
import type { Random } from '@trocar/core/math';
import type { Driver } from '../driver.js';
import { type PoseExpectations, PoseRecord } from './pose-record.js';
import { TestWire } from './wire.js';

/** A driver and a device that it tracks, made anew for every check. */
export interface DriverUnderTest {
  readonly driver: Driver;
  /** From now on the device sends new packets with the same measurement. */
  freeze(): void;
  /** From now on the device sends poses whose numbers are none, as far as its protocol can. */
  spoil(): void;
  /** Ends both. */
  heal(): void;
  /** Lets the device go. */
  close(): Promise<void> | void;
}

/** The checks of {@link checkDriver}. */
export type DriverCheck =
  | 'tracks'
  | 'split'
  | 'garbage'
  | 'lost'
  | 'repeated'
  | 'reordered'
  | 'silence'
  | 'cut'
  | 'frozen'
  | 'no numbers'
  | 'stop'
  | 'no device';

/** What {@link checkDriver} needs to know. */
export interface DriverSuite extends PoseExpectations {
  /** Makes a driver, and a device that sends by itself or when it is asked, with the wire between them. */
  create(wire: TestWire): Promise<DriverUnderTest> | DriverUnderTest;
  /** Bytes in any pieces, or whole packets that may be lost, repeated and out of order. */
  readonly kind: 'stream' | 'datagram' | 'message';
  /** How many tools there are. */
  readonly tools: number;
  /** What a tool that is seen is told as. Default `ok`; `unknown` where the protocol cannot tell. */
  readonly liveStatus?: Status;
  /** Within this the driver must notice silence, and within the other give up to connect, ms. */
  readonly silenceMs: number;
  readonly connectMs: number;
  /** Longest time between two frames, ms. */
  readonly periodMs: number;
  /** What a busy machine may add to every deadline, ms. Default 1000. */
  readonly slackMs?: number;
  /** What stands between frames; default up to 40 random bytes. */
  garbage?(random: Random): Uint8Array;
  /** Checks that do not apply, each with its reason. */
  readonly except?: Partial<Record<DriverCheck, string>>;
}

/** Poses of every tool before a check is content. */
const ENOUGH = 5;
/** A silent tool is told as such within this beside one frame, ms. */
const UNHEARD_MS = 100;
/** A frozen tool is told as such within this, beside two frames, ms. */
const FROZEN_MS = 100;

/**
 * What makes a driver one: it tracks whatever the wire does to the bytes and never tells a pose that was not sent; it
 * notices in time that the device is silent, gone or frozen, tells every tool, and tracks again when it is back; it never
 * throws, and is quiet after `stop()`. Takes a few seconds.
 * @returns what it failed to do, in sentences; empty where it conforms
 */
export async function checkDriver(suite: DriverSuite): Promise<string[]> {
  const failures: string[] = [];
  for (const [name, check] of CHECKS) {
    if (suite.except?.[name] !== undefined) continue;
    if ((name === 'repeated' || name === 'reordered') && suite.kind === 'stream') continue;
    if ((name === 'split' || name === 'garbage') && suite.kind === 'message') continue;
    if (name === 'split' && suite.kind !== 'stream') continue;
    const run = new Run(suite);
    try {
      await run.open();
      await check(run);
    } catch (error) {
      run.fail(error instanceof Error ? error.message : String(error));
    }
    await run.close();
    failures.push(...run.failures().map((what) => `${name}: ${what}`));
  }
  return failures;
}

const CHECKS: ReadonlyArray<readonly [DriverCheck, (run: Run) => Promise<void>]> = [
  ['tracks', (run) => run.tracks()],
  ['split', (run) => run.disturbed({ chunkBytes: 1 })],
  ['garbage', (run) => run.disturbed({ garbage: run.suite.garbage ?? randomBytes })],
  ['lost', (run) => run.disturbed({ loseEvery: run.suite.kind === 'stream' ? 10 : 3 })],
  ['repeated', (run) => run.disturbed({ repeat: true })],
  ['reordered', (run) => run.disturbed({ reorder: true })],
  ['silence', checkSilence],
  ['cut', checkCut],
  ['frozen', checkFrozen],
  ['no numbers', checkNoNumbers],
  ['stop', checkStop],
  ['no device', checkNoDevice],
];

function randomBytes(random: Random): Uint8Array {
  return Uint8Array.from({ length: 1 + random.below(40) }, () => random.below(256));
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One driver over one wire. */
class Run {
  readonly suite: DriverSuite;
  readonly wire: TestWire = new TestWire();
  readonly record: PoseRecord;
  readonly slackMs: number;
  readonly #failures: string[] = [];
  #made: DriverUnderTest | undefined;

  constructor(suite: DriverSuite) {
    this.suite = suite;
    this.slackMs = suite.slackMs ?? 1000;
    this.record = new PoseRecord(suite, suite.liveStatus ?? 'ok');
  }

  get device(): DriverUnderTest {
    return this.#made as DriverUnderTest;
  }

  async open(): Promise<void> {
    this.#made = await this.suite.create(this.wire);
  }

  fail(what: string): void {
    this.#failures.push(what);
  }

  failures(): string[] {
    const thrown = this.wire.thrown.slice(0, 3).map((error) => `it threw ${String(error)}`);
    return [...this.#failures, ...this.record.failures, ...thrown];
  }

  async start(): Promise<void> {
    await this.#within(this.suite.connectMs + this.slackMs, 'start()', this.device.driver.start(this.record));
  }

  /** Stops, and is quiet from then on. */
  async stop(): Promise<void> {
    await this.#within(3000 + this.slackMs, 'stop()', this.device.driver.stop());
    this.record.stopped = true;
  }

  async close(): Promise<void> {
    try {
      await this.stop();
      await wait(2 * this.suite.periodMs);
      await this.#made?.close();
    } catch (error) {
      this.fail(`it could not be stopped: ${String(error)}`);
    }
  }

  /** Starts, and waits until every tool has been told live a few times. */
  async tracks(): Promise<void> {
    await this.start();
    await this.seesEveryTool('after start()');
  }

  async seesEveryTool(when: string): Promise<void> {
    this.record.forget();
    const limit = 20 * ENOUGH * this.suite.periodMs + 2000 + this.slackMs;
    await this.until(limit, `every tool ${when}`, () => this.#enough());
  }

  #enough(): boolean {
    return Array.from({ length: this.suite.tools }, (_, tool) => this.record.live[tool] ?? 0).every((n) => n >= ENOUGH);
  }

  /** As {@link tracks}, while the wire does something. */
  async disturbed(how: Partial<TestWire['now']>): Promise<void> {
    await this.tracks();
    Object.assign(this.wire.now, how);
    await this.seesEveryTool('on a disturbed wire');
    this.wire.mend();
    await this.seesEveryTool('when the wire was whole again');
  }

  /** Waits until it holds; a failure past the deadline. */
  async until(limitMs: number, what: string, holds: () => boolean): Promise<boolean> {
    const from = performance.now();
    while (!holds()) {
      if (performance.now() - from > limitMs) {
        this.fail(`it did not tell ${what} within ${limitMs} ms (told: ${this.record.last.join(', ') || 'nothing'})`);
        return false;
      }
      await wait(2);
    }
    return true;
  }

  /** Whether no tool is told as one that is seen now. */
  noneLive(): boolean {
    const live = this.suite.liveStatus ?? 'ok';
    return this.record.last.slice(0, this.suite.tools).every((status) => !isLive(status) && status !== live);
  }

  /** Waits until the device is told to be gone. */
  async untilGone(limitMs: number, what: string, disturb: () => void): Promise<void> {
    const before = this.record.states.length;
    disturb();
    await this.until(limitMs, what, () => this.record.states.slice(before).includes('disconnected'));
  }

  async #within(limitMs: number, what: string, promise: Promise<void>): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} took more than ${limitMs} ms`)), limitMs);
    });
    try {
      await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

async function checkSilence(run: Run): Promise<void> {
  await run.tracks();
  run.wire.now.mute = true;
  const soon = run.suite.periodMs + UNHEARD_MS + run.slackMs;
  await run.until(soon, 'that nothing is heard of any tool', () => run.noneLive());
  run.wire.mend();
  await run.seesEveryTool('when the device spoke again');
  const limit = run.suite.silenceMs + run.suite.periodMs + run.slackMs;
  await run.untilGone(limit, 'that a silent device is gone', () => {
    run.wire.now.mute = true;
  });
  run.wire.mend();
  await run.seesEveryTool('when the device spoke again');
}

async function checkCut(run: Run): Promise<void> {
  await run.tracks();
  await run.untilGone(50 + run.slackMs, 'that the wire was cut', () => run.wire.cut());
  await wait(20);
  run.wire.mend();
  await run.seesEveryTool('when the wire was mended');
}

async function checkFrozen(run: Run): Promise<void> {
  await run.tracks();
  run.device.freeze();
  const limit = FROZEN_MS + 4 * run.suite.periodMs + run.slackMs;
  const noneLive = (): boolean =>
    run.record.last.slice(0, run.suite.tools).every((status) => !isLive(status) && status !== 'unknown');
  if (!(await run.until(limit, 'that a frozen device measures no more', noneLive))) return;
  run.device.heal();
  await run.seesEveryTool('when the device measured again');
}

async function checkNoNumbers(run: Run): Promise<void> {
  await run.tracks();
  run.device.spoil();
  await wait(10 * run.suite.periodMs);
  run.device.heal();
  await run.seesEveryTool('when its numbers were numbers again');
}

async function checkStop(run: Run): Promise<void> {
  await run.tracks();
  await run.stop();
  await run.stop();
  await wait(5 * run.suite.periodMs);
  run.record.stopped = false;
  await run.tracks();
  await run.stop();
}

async function checkNoDevice(run: Run): Promise<void> {
  run.wire.now.mute = true;
  try {
    await run.start();
    run.fail('start() resolved without a device');
  } catch (error) {
    const told = isNavError(error) && error.code.startsWith('device/');
    if (!told) run.fail(`start() was refused with ${String(error)}, which is no device/… code`);
  }
  // Given up while it connects, it must not hang either.
  const starting = run.device.driver.start(run.record).then(
    () => run.fail('start() resolved although stop() was called'),
    () => undefined,
  );
  await wait(5);
  await run.stop();
  await starting;
}
