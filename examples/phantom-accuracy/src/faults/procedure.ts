import { point } from '@trocar/core';
import { type PlanSet, planSet, type Side } from '@trocar/core/guidance';
import { type Volume, volume } from '@trocar/core/volume';
import { encodeIgtl, pipe, simulateNdiTracker } from '@trocar/device-bridge';
import { heldBack } from './lines.js';
import { CT, type Kept, Station } from './station.js';
import { type VirtualTime, virtualTime } from './virtual-time.js';
import { type RecordedHand, World } from './world.js';

/** Where in a procedure something may happen. */
export const STEPS = ['load', 'connect', 'calibrate', 'check', 'touch', 'navigate'] as const;
export type Step = (typeof STEPS)[number];

/** What is loaded and confirmed at the beginning; a fault may exchange it. */
export interface Loaded {
  patient: string;
  series: string;
  side: Side;
}

/** What somebody outside the station does. It has the world; the station has not. */
export interface Intervention {
  /** Before anything is loaded. */
  readonly loading?: (loaded: Loaded) => void;
  /** Before a step. */
  readonly before?: (step: Step, world: World) => void;
  /** In the middle of guidance: returns after it has done its harm, at that moment. */
  readonly during?: (world: World) => void;
  /** At the end of this step the program dies and is started again. */
  readonly crashAfter?: Step;
}

/** An alarm as it was raised. */
export interface Raised {
  readonly rule: string;
  readonly atMs: number;
}

/** How a procedure went. */
export interface Course {
  readonly raised: readonly Raised[];
  readonly accepted: boolean;
  /** When `during` did its harm; NaN where it did not. */
  readonly harmedAtMs: number;
  /** When the registration was judged. */
  readonly judgedAtMs: number;
  /** Rules that stood at the first look after a restart. */
  readonly atRestart: readonly string[];
  /** Whether the restarted station would have accepted or shown anything before somebody confirmed it. */
  readonly unsafeAtRestart: boolean;
  /** Rules that stood a second after a landmark was confirmed. */
  readonly afterConfirmed: readonly string[];
  readonly simulatedMs: number;
}

const FOR = '2.25.1001';
const SERIES = '2.25.2001';

function imageOf({ patient, series }: Loaded): Volume<'ct'> {
  return volume({
    frame: CT,
    voxels: new Int16Array(8),
    size: [2, 2, 2],
    frameFromIndex: Float64Array.of(100, 0, 0, 0, 0, 100, 0, 0, 0, 0, 100, 0, -50, -50, -50, 1),
    frameOfReferenceUid: FOR,
    patient: { id: patient },
    series: { seriesUid: series },
  });
}

const PLAN: PlanSet<'ct'> = planSet({
  frame: CT,
  patient: { id: 'P-1' },
  side: 'left',
  frameOfReferenceUid: FOR,
  seriesUid: SERIES,
  trajectories: [{ name: 'A', entry: point(CT, [60, 0, 60]), target: point(CT, [25, 0, 10]) }],
});

/** After the harm it is looked on for so long, ms; clean guidance is as long. */
export const LOOK_ON_MS = 10_500;
const BEFORE_HARM_MS = 1200;

/**
 * One procedure from loading to guidance, in virtual time.
 * @param recorded poses of a pointer, in place of a simulated hand
 */
export async function procedure(
  seed: number,
  what: Intervention = {},
  lookOnMs = LOOK_ON_MS,
  recorded?: RecordedHand,
): Promise<Course> {
  const time = virtualTime();
  try {
    return await new Run(new World(seed, time.clock, recorded), what, time, lookOnMs).all();
  } finally {
    time.end();
  }
}

class Run {
  readonly #what: Intervention;
  readonly #time: VirtualTime;
  readonly #world: World;
  readonly #lookOnMs: number;
  readonly #loaded: Loaded = { patient: 'P-1', series: SERIES, side: 'left' };
  readonly #raised: Raised[] = [];
  readonly #atRestart: string[] = [];
  readonly #afterConfirmed: string[] = [];
  #unsafe = false;
  #station: Station;
  #harmedAtMs = Number.NaN;
  #judgedAtMs = Number.NaN;
  #nextImage = 0;

  constructor(world: World, what: Intervention, time: VirtualTime, lookOnMs: number) {
    this.#what = what;
    this.#time = time;
    this.#lookOnMs = lookOnMs;
    this.#world = world;
    what.loading?.(this.#loaded);
    // Before the world is connected nobody asks the station anything; it is made when the line is.
    this.#station = undefined as unknown as Station;
  }

  async all(): Promise<Course> {
    const began = this.#time.clock.now();
    await this.#begin();
    await this.#step('load', async () => this.#station.compare());
    // A station that was restarted is connected already.
    if (this.#atRestart.length === 0) await this.#step('connect', () => this.#station.connect());
    const accepted = await this.#ground();
    if (accepted) await this.#step('navigate', () => this.#navigate());
    await this.#end();
    return {
      raised: this.#raised,
      accepted,
      harmedAtMs: this.#harmedAtMs,
      judgedAtMs: this.#judgedAtMs,
      atRestart: this.#atRestart,
      unsafeAtRestart: this.#unsafe,
      afterConfirmed: this.#afterConfirmed,
      simulatedMs: this.#time.clock.now() - began,
    };
  }

  async #begin(kept?: Kept): Promise<void> {
    const world = this.#world;
    const link = pipe();
    this.#what.before?.('load', world);
    world.simulator = await this.#time.until(
      simulateNdiTracker(link.device, {
        tools: world.tools,
        clock: world.deviceClock,
        poseOf: (tool, at) => world.measure(tool, at),
        noiseSeed: 1 + Math.floor(1e6 * world.random.uniform()),
      }),
    );
    const line = heldBack(link.host, this.#time.clock, world.random, () => world.wrong.delayMs);
    this.#station = new Station(
      {
        time: this.#time,
        line,
        volume: imageOf(this.#loaded),
        plan: PLAN,
        side: this.#loaded.side,
        marked: world.marked,
        fiducials: world.fiducials,
      },
      kept,
    );
    this.#station.monitor.events.subscribe((e) => {
      if (e.what === 'raised' || e.what === 'again') this.#raised.push({ rule: e.rule, atMs: e.atMs });
    });
  }

  async #end(): Promise<void> {
    await this.#station.stop();
    await this.#world.simulator?.close();
  }

  async #step(step: Step, does: () => Promise<void>): Promise<void> {
    if (step !== 'load') this.#what.before?.(step, this.#world);
    await does();
    if (this.#what.crashAfter === step) await this.#crash(step);
  }

  /** The program dies with what it knows; only what it kept is there when it is started again. */
  async #crash(step: Step): Promise<void> {
    const kept = JSON.parse(this.#station.keep(step)) as Kept;
    await this.#end();
    await this.#begin(kept);
    this.#station.compare();
    this.#atRestart.push(...this.#station.monitor.alarms.map((a) => a.rule));
    this.#unsafe = this.#station.state.navigating || !this.#station.monitor.blocks;
    await this.#station.connect();
    this.#unsafe ||= !this.#station.monitor.blocks;
    this.#station.confirm();
    await this.#station.pass(1000);
    this.#afterConfirmed.push(...this.#station.monitor.alarms.map((a) => a.rule));
  }

  /** Calibration, check, touches and registration; whether it is accepted. */
  async #ground(): Promise<boolean> {
    const crashed = (): boolean => this.#atRestart.length > 0;
    if (crashed()) return false;
    await this.#step('calibrate', async () => {
      this.#world.inDivot('calibrate');
      await this.#station.calibrate();
    });
    if (crashed()) return false;
    await this.#step('check', async () => {
      this.#world.inDivot('check');
      await this.#station.check();
    });
    if (crashed()) return false;
    let accepted = false;
    await this.#step('touch', async () => {
      const touched = [];
      for (let k = 0; k < this.#world.marked.length; k += 1) {
        this.#world.touch(k);
        touched.push(await this.#station.touch());
        if (k === 6) this.#world.moveTable([this.#world.random.between(-60, 60), 20, this.#world.random.between(-60, 60)]);
      }
      this.#judgedAtMs = this.#time.clock.now();
      accepted = this.#station.register(touched);
    });
    return accepted && !crashed();
  }

  async #navigate(): Promise<void> {
    const { random } = this.#world;
    await this.#look(BEFORE_HARM_MS + 100 * random.uniform());
    if (this.#what.during !== undefined) {
      this.#harmedAtMs = this.#time.clock.now();
      this.#what.during(this.#world);
    }
    this.#world.moveTable([random.between(-80, 80), random.between(-80, 80), 0]);
    await this.#look(this.#lookOnMs);
  }

  #look(ms: number): Promise<void> {
    return this.#station.pass(ms, () => {
      const now = this.#time.clock.now();
      const { imageStops } = this.#world.wrong;
      if (now < this.#nextImage || imageStops === 'silent') return;
      this.#nextImage = now + 50;
      this.#station.scanned(this.#picture(imageStops === 'repeats'));
    });
  }

  #last: Uint8Array = new Uint8Array(16 * 16);

  #picture(again: boolean): Uint8Array {
    if (!again) this.#last = Uint8Array.from({ length: 256 }, () => 256 * this.#world.random.uniform());
    const size = [16, 16, 1] as const;
    return encodeIgtl({
      type: 'IMAGE',
      device: 'ultrasound',
      timestamp: { seconds: Math.floor(this.#time.clock.now() / 1000), fraction: 0 },
      content: {
        kind: 'image',
        version: 1,
        components: 1,
        scalarType: 3,
        pixelsLittleEndian: true,
        coordinates: 'LPS',
        size,
        axes: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
        centre: new Float64Array(3),
        blockStart: [0, 0, 0],
        blockSize: size,
        pixels: this.#last,
      },
    });
  }
}
