import { FrameGraph, frame, type Instant, isNavError, type Point, PoseView, point, type Transform } from '@trocar/core';
import {
  ImageWatch,
  LinkWatch,
  Monitor,
  type MonitorRecord,
  type PlanSet,
  planDifferences,
  ReferenceWatch,
  type Side,
  type Watched,
  watched,
  watchedImage,
  watchedTool,
} from '@trocar/core/guidance';
import type { Volume } from '@trocar/core/volume';
import {
  decodeIgtl,
  IgtlFramer,
  type NdiDriver,
  ndiDriver,
  type PoseSink,
  poseBufferSink,
  type ToolInfo,
  type Transport,
} from '@trocar/device-bridge';
import {
  type CalibrationPose,
  calibratePivot,
  checkTool,
  type PivotCalibration,
  registerPoints,
  registerSimilarity,
  verifyRegistration,
} from '@trocar/registration';
import type { VirtualTime } from './virtual-time.js';
import { SERIAL } from './world.js';

export const CT = frame('ct');
const TRACKER = frame('tracker');
const REFERENCE = frame('reference');
const SECOND = frame('second');
const STYLUS = frame('stylus');
const TIP = frame('tip');
const BODIES = ['stylus', 'reference', 'second'] as const;
const PERIOD_MS = 1000 / 60;

/** What the station is given: a line to a tracker, images, a plan, and what was marked in them. Nothing of the truth. */
export interface StationParts {
  readonly time: VirtualTime;
  readonly line: Transport;
  readonly volume: Volume<'ct'>;
  readonly plan: PlanSet<'ct'>;
  /** Confirmed at the patient. */
  readonly side: Side;
  readonly marked: readonly (readonly [number, number, number])[];
  /** So many of them register, the others check. */
  readonly fiducials: number;
}

/** What a station keeps on disk whenever something was accepted. */
export interface Kept {
  readonly monitor: MonitorRecord;
  readonly step: string;
}

/**
 * The application under test: the real NDI driver on a line, frame graph, calibration, registration, monitor. It learns of the world by
 * bytes, images and touches alone.
 */
export class Station {
  readonly monitor: Monitor = new Monitor();
  readonly state: Watched;
  readonly #parts: StationParts;
  readonly #graph = new FrameGraph();
  readonly #driver: NdiDriver;
  readonly #buffers;
  readonly #views = { stylus: new PoseView(), reference: new PoseView(), second: new PoseView(), pair: new PoseView() };
  readonly #paths;
  readonly #links = BODIES.map(() => new LinkWatch({ periodMs: PERIOD_MS }));
  readonly #watch = new ReferenceWatch({
    points: [
      [0, 0, 0],
      [0, -150, -50],
    ],
  });
  readonly #image = new ImageWatch();
  readonly #framer: IgtlFramer;
  readonly #packet = new Float64Array(2);
  #tools: readonly ToolInfo[] = [];
  #pivot: PivotCalibration<'reference', 'stylus', 'tip'> | undefined;
  #scans = false;

  constructor(parts: StationParts, kept?: Kept) {
    this.#parts = parts;
    this.#buffers = {
      stylus: this.#graph.stream(TRACKER, STYLUS),
      reference: this.#graph.stream(TRACKER, REFERENCE),
      second: this.#graph.stream(TRACKER, SECOND),
    };
    this.#paths = {
      stylus: this.#graph.path(TRACKER, STYLUS),
      reference: this.#graph.path(TRACKER, REFERENCE),
      second: this.#graph.path(TRACKER, SECOND),
      pair: this.#graph.path(SECOND, REFERENCE),
      held: this.#graph.path(REFERENCE, STYLUS),
    };
    const tools = BODIES.map((name) => ({ ...watchedTool(name, PERIOD_MS), needed: false }));
    this.state = watched(tools, [{ ...watchedImage('ultrasound'), needed: false }]);
    this.#driver = ndiDriver({
      transport: parts.line,
      clock: parts.time.clock,
      tools: BODIES.map((name) => ({ name, partNumber: name })),
      frozenAfterMs: 80,
      pollIntervalMs: 8,
      timeouts: { settleMs: 4 },
    });
    this.#framer = new IgtlFramer({
      message: (f) => {
        const { content } = decodeIgtl(f);
        if (content.kind === 'image') this.#image.push(content.pixels, parts.time.clock.now());
      },
      fault: () => undefined,
    });
    if (kept === undefined) return;
    this.monitor.restore(kept.monitor);
    this.state.restored = true;
  }

  /** Compares plan, images and the side that was confirmed. */
  compare(): void {
    const { plan, volume, side } = this.#parts;
    const { frame: f, frameOfReferenceUid, patient, series } = volume;
    this.state.planDifferences = planDifferences(plan, { frame: f, frameOfReferenceUid, patient, series, side }).map(
      (d) => d.code,
    );
    this.tick();
  }

  async connect(): Promise<void> {
    const inner = poseBufferSink(this.#buffers);
    const sink: PoseSink = {
      ...inner,
      tools: (list) => {
        this.#tools = list;
        inner.tools(list);
      },
      pose: (tool, sample, number) => {
        inner.pose(tool, sample, number);
        this.#packet[0] = number;
        this.#packet[1] = sample.values[1] as number;
        this.#links[BODIES.indexOf(this.#tools[tool]?.name as (typeof BODIES)[number])]?.push(this.#packet);
      },
    };
    const { time } = this.#parts;
    await time.until(this.#driver.start(sink));
    await time.pass(200);
    for (const tool of this.state.tools) tool.needed = true;
    const stylus = this.state.tools[0] as Watched['tools'][number];
    stylus.expectedSerial = SERIAL;
    stylus.serial = this.#tools.find((t) => t.name === 'stylus')?.serial;
    await this.pass(1500);
  }

  /** Bytes of the ultrasound scanner. */
  scanned(bytes: Uint8Array): void {
    this.#scans = true;
    this.#framer.feed(bytes);
  }

  /** Lets time pass, looking at everything. */
  pass(ms: number, each?: () => void): Promise<void> {
    return this.#parts.time.pass(ms, () => {
      each?.();
      this.tick();
    });
  }

  /** One look. */
  tick(): void {
    const at = this.#parts.time.clock.now();
    this.#graph.tick(at);
    this.state.atMs = at;
    BODIES.forEach((name, k) => {
      const tool = this.state.tools[k] as Watched['tools'][number];
      const view = this.#views[name];
      this.#paths[name].read(view);
      tool.status = view.status;
      tool.ageMs = view.ageMs;
      (this.#links[k] as LinkWatch).fill(tool);
    });
    // Both bodies at the newest time that both were measured at.
    this.#graph.tick(Math.min(this.#buffers.reference.newestAt, this.#buffers.second.newestAt) as Instant);
    this.#paths.pair.read(this.#views.pair);
    this.#graph.tick(at);
    if (this.#views.reference.isLive && this.#views.second.isLive) this.#watch.push(this.#views.pair);
    this.#watch.fill(this.state.reference);
    const image = this.state.images[0] as Watched['images'][number];
    image.needed = this.#scans;
    this.#image.fill(image, at);
    this.monitor.tick(this.state);
  }

  /** Records the stylus in the reference for so long. */
  async #record(ms: number): Promise<CalibrationPose[]> {
    const poses: CalibrationPose[] = [];
    const view = new PoseView();
    let last = Number.NEGATIVE_INFINITY;
    await this.pass(ms, () => {
      const at = Math.min(this.#buffers.stylus.newestAt, this.#buffers.reference.newestAt);
      if (!(at > last)) return;
      last = at;
      this.#graph.tick(at as Instant);
      this.#paths.held.read(view);
      poses.push({ matrix: view.matrix.slice(), timeMs: at, status: view.status });
    });
    return poses;
  }

  /** The tip is in the divot and is turned about. */
  async calibrate(): Promise<void> {
    await this.pass(60);
    this.#pivot = calibratePivot({ to: REFERENCE, from: STYLUS, poses: await this.#record(4000) }, TIP);
  }

  #calibrated(): PivotCalibration<'reference', 'stylus', 'tip'> {
    if (this.#pivot === undefined) throw new Error('The stylus has not been calibrated.');
    return this.#pivot;
  }

  /** The tip is in the same divot again. */
  async check(): Promise<void> {
    const pivot = this.#calibrated();
    await this.pass(60);
    const list = { to: REFERENCE, from: STYLUS, poses: await this.#record(1200) };
    const { offsetMm } = checkTool(list, pivot.stylusFromTip, pivot.pivot, { limitMm: 1 });
    (this.state.tools[0] as Watched['tools'][number]).tipOffMm = offsetMm;
    this.tick();
  }

  /** Somebody says that the tip rests in a place: where that is in the reference. */
  async touch(): Promise<Point<'reference'>> {
    const tip = this.#calibrated().tipMm;
    // What is on its way was measured before the tip came to rest.
    await this.pass(60);
    const poses = await this.#record(200);
    const sum = [0, 0, 0];
    for (const { matrix: m } of poses) {
      for (let k = 0; k < 3; k += 1) {
        const at = [0, 1, 2].reduce((s, c) => s + (m[4 * c + k] as number) * (tip[c] as number), m[12 + k] as number);
        sum[k] = (sum[k] as number) + at / poses.length;
      }
    }
    return point(REFERENCE, sum as [number, number, number]);
  }

  /** Registers by the fiducials, and judges by the landmarks and by all together. Accepted only where no alarm of high priority stands. */
  register(touched: readonly Point<'reference'>[]): boolean {
    const known = this.#parts.marked.map((p) => point(CT, p));
    const r = this.state.registration;
    const n = this.#parts.fiducials;
    try {
      const fit = registerPoints(CT, REFERENCE, known.slice(0, n), touched.slice(0, n));
      r.findings = fit.findings.map((f) => f.code);
      this.#judge(fit.edge, known, touched);
      this.#graph.set(fit.edge);
    } catch (error) {
      if (!isNavError(error)) throw error;
      r.refusal = error.code;
    }
    this.tick();
    this.state.navigating = r.refusal === undefined && !this.monitor.blocks;
    return this.state.navigating;
  }

  #judge(edge: Transform<'ct', 'reference'>, known: readonly Point<'ct'>[], touched: readonly Point<'reference'>[]): void {
    const r = this.state.registration;
    const n = this.#parts.fiducials;
    const checks = touched.slice(n).map((measured, k) => ({ known: known[n + k] as Point<'ct'>, measured }));
    r.verified = !verifyRegistration(edge, checks, { limitMm: 2.5 }).findings.some((f) => f.code === 'rejected');
    const similar = registerSimilarity(CT, REFERENCE, known, touched);
    r.scale = similar.scale;
    r.scaleSd = similar.scaleSd;
  }

  /** What is on disk. */
  keep(step: string): string {
    return JSON.stringify({ monitor: this.monitor.save(), step } satisfies Kept);
  }

  /** A landmark was touched after a restart and is where it should be. */
  confirm(): void {
    this.state.restored = false;
    this.tick();
  }

  stop(): Promise<void> {
    return this.#parts.time.until(this.#driver.stop());
  }
}
