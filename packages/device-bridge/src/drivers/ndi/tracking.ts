import { ClockMap, hasPose, PoseSample, type Status } from '@trocar/core';
import { type Bx2Reply, HANDLE_STATE, type NdiFrame, SIX_D, VALUES } from '../../codec/ndi/index.js';
import type { PoseSink } from '../../driver.js';
import { sixDStatusOf, statusOf } from './status.js';

/** Times of one tool never repeat or go back while the clock map settles: this apart, at least, ms. */
const LEAST_STEP_MS = 0.001;
const MOST_TOOLS = 256;
/** Doubles kept per tool: those of a sample. */
const STRIDE = 10;

/**
 * Decoded frames to pose samples, with device time mapped to host time. The hot path of the driver: it allocates
 * nothing, and numbers travel in cells.
 */
export class NdiTracking {
  /** Frame numbers to host time: TX, BX and GX, and BX2 of a device whose clock shows nothing. */
  readonly clockMap: ClockMap = new ClockMap();
  /** The device's own clock, in ms since the first frame, to host time: BX2. */
  readonly deviceClockMap: ClockMap = new ClockMap({ unitMs: 1, wrap: Number.POSITIVE_INFINITY });
  readonly #sample = new PoseSample();
  readonly #point = new Float64Array(2);
  readonly #cell = new Float64Array(1);
  /** Device seconds at which {@link deviceClockMap} begins to count; NaN before the first frame. */
  readonly #epoch = new Float64Array(1).fill(Number.NaN);
  /** Per tool: last frame number told, its severity-free status, its measured time, and when news last arrived. */
  readonly #lastFrame = new Float64Array(MOST_TOOLS).fill(Number.NaN);
  readonly #lastStatus: Array<Status | undefined> = new Array<Status | undefined>(MOST_TOOLS).fill(undefined);
  readonly #lastTime = new Float64Array(MOST_TOOLS).fill(Number.NEGATIVE_INFINITY);
  readonly #lastNews = new Float64Array(MOST_TOOLS).fill(Number.NaN);
  readonly #lastSample = new Float64Array(MOST_TOOLS * STRIDE);
  readonly #seen = new Uint8Array(MOST_TOOLS);
  /** Port status bits of each tool in the last TX, BX or GX reply. */
  readonly portStatus: Uint32Array = new Uint32Array(MOST_TOOLS);
  /** 6D status of each tool in the last BX2 reply that had it. */
  readonly sixDStatus: Uint16Array = new Uint16Array(MOST_TOOLS);
  /** Whether measurements have numbers. Where they do not, every reply counts as news. */
  numbered = true;
  /** Poses that claimed to be valid but held no finite numbers. */
  notFinite = 0;

  /** Tracking started anew: the counter may have too. */
  restart(): void {
    this.clockMap.reset();
    this.deviceClockMap.reset();
    this.#epoch[0] = Number.NaN;
    this.#lastFrame.fill(Number.NaN);
  }

  /** What a tool was last told to be. */
  statusOf(tool: number): Status | undefined {
    return this.#lastStatus[tool];
  }

  /** The frame number that a tool was last told with; NaN where there is none. */
  frameOf(tool: number): number {
    return this.#lastFrame[tool] as number;
  }

  /**
   * Tells the sink what is new in a TX, BX or GX reply. A tool whose frame number has not moved is not told again; a
   * tool that is not in the reply is told `disconnected`, once.
   * @param arrivedAt `[host ms]` of the reply's last byte
   * @param toolOf tool number by handle, −1 for handles that are none of ours
   */
  push(frame: NdiFrame, arrivedAt: Float64Array, toolOf: Int16Array, toolCount: number, sink: PoseSink): void {
    this.#learn(frame, arrivedAt);
    this.#seen.fill(0);
    let told = false;
    for (let i = 0; i < frame.count; i += 1) {
      const tool = toolOf[frame.handle[i] as number] as number;
      if (tool < 0 || tool >= toolCount) continue;
      this.#seen[tool] = 1;
      this.portStatus[tool] = frame.portStatus[i] as number;
      told = this.#tell(frame, i, tool, arrivedAt, sink) || told;
    }
    for (let tool = 0; tool < toolCount; tool += 1) {
      if (this.#seen[tool] === 0 && this.#lastStatus[tool] !== 'disconnected') {
        this.#tellGone(tool, arrivedAt, sink);
        told = true;
      }
    }
    if (told) sink.flush();
  }

  /**
   * Tells the sink what a BX2 reply holds. BX2 tells each measurement once, so a tool that is not in it is only not
   * new. Parameters as {@link push}.
   */
  pushBx2(reply: Bx2Reply, arrivedAt: Float64Array, toolOf: Int16Array, toolCount: number, sink: PoseSink): void {
    this.#learnBx2(reply, arrivedAt);
    let told = false;
    for (let i = 0; i < reply.sixDCount; i += 1) {
      const handle = reply.sixDHandle[i] as number;
      const tool = handle < toolOf.length ? (toolOf[handle] as number) : -1;
      if (tool < 0 || tool >= toolCount) continue;
      this.sixDStatus[tool] = reply.sixDStatus[i] as number;
      told = this.#tellSixD(reply, i, tool, arrivedAt, sink) || told;
    }
    if (told) sink.flush();
  }

  /** Tells every tool `disconnected`: the device is gone. */
  tellAllGone(arrivedAt: Float64Array, toolCount: number, sink: PoseSink): void {
    for (let tool = 0; tool < toolCount; tool += 1) this.#tellGone(tool, arrivedAt, sink);
    if (toolCount > 0) sink.flush();
  }

  /** Tells every tool that has no handle `disconnected`, once: it was pulled, and its handle is freed. */
  tellHandleless(arrivedAt: Float64Array, toolOf: Int16Array, toolCount: number, sink: PoseSink): void {
    let told = false;
    for (let tool = 0; tool < toolCount; tool += 1) {
      if (toolOf.includes(tool) || this.#lastStatus[tool] === 'disconnected') continue;
      this.#tellGone(tool, arrivedAt, sink);
      told = true;
    }
    if (told) sink.flush();
  }

  /**
   * Tells a tool of which nothing new came for longer than `limits[1]` ms to be `stale`, once, with its last pose and
   * the time of that pose.
   * @param limits `[now, age]`, host ms
   */
  tellStale(limits: Float64Array, toolCount: number, sink: PoseSink): void {
    let told = false;
    for (let tool = 0; tool < toolCount; tool += 1) {
      const status = this.#lastStatus[tool];
      if (status === undefined || status === 'stale' || !hasPose(status)) continue;
      if (!((limits[0] as number) - (this.#lastNews[tool] as number) > (limits[1] as number))) continue;
      for (let k = 0; k < STRIDE; k += 1) this.#sample.values[k] = this.#lastSample[tool * STRIDE + k] as number;
      this.#sample.status = 'stale';
      this.#lastStatus[tool] = 'stale';
      sink.pose(tool, this.#sample, this.#lastFrame[tool] as number);
      told = true;
    }
    if (told) sink.flush();
  }

  /** The newest frame number of the reply against its arrival. */
  #learn(frame: NdiFrame, arrivedAt: Float64Array): void {
    let newest = 0;
    for (let i = 0; i < frame.count; i += 1) {
      const n = frame.frameNumber[i] as number;
      if (n > newest) newest = n;
    }
    if (newest === 0) return;
    this.#point[0] = newest;
    this.#point[1] = arrivedAt[0] as number;
    this.clockMap.push(this.#point);
  }

  /** The newest frame of the reply, by the device's clock, against its arrival. */
  #learnBx2(reply: Bx2Reply, arrivedAt: Float64Array): void {
    const newest = reply.frameCount - 1;
    if (newest < 0) return;
    const timed = this.#deviceTime(reply, newest);
    this.#point[0] = this.#cell[0] as number;
    this.#point[1] = arrivedAt[0] as number;
    if (timed) this.deviceClockMap.push(this.#point);
    else this.clockMap.push(this.#point);
  }

  /** Into the cell: device ms of a frame (true), or its number where the device's clock shows nothing (false). */
  #deviceTime(reply: Bx2Reply, frame: number): boolean {
    const seconds = reply.frameSeconds[frame] as number;
    const nanoseconds = reply.frameNanoseconds[frame] as number;
    if (seconds === 0 && nanoseconds === 0) {
      this.#cell[0] = reply.frameNumber[frame] as number;
      return false;
    }
    if (Number.isNaN(this.#epoch[0] as number)) this.#epoch[0] = seconds;
    this.#cell[0] = (seconds - (this.#epoch[0] as number)) * 1000 + nanoseconds / 1e6;
    return true;
  }

  #tell(frame: NdiFrame, i: number, tool: number, arrivedAt: Float64Array, sink: PoseSink): boolean {
    const status = statusOf(frame, i);
    const number = frame.frameNumber[i] as number;
    const repeated = number === this.#lastFrame[tool];
    const last = this.#lastStatus[tool];
    if (this.numbered && repeated && (status === last || (last === 'stale' && hasPose(status)))) return false;
    this.#cell[0] = number;
    this.clockMap.map(this.#cell);
    this.#measuredAt(tool, number === 0 || repeated, arrivedAt);
    if (status === 'missing' && frame.state[i] === HANDLE_STATE.valid) this.notFinite += 1;
    this.#send(tool, frame.values, i * VALUES, status, number, arrivedAt, sink);
    return true;
  }

  #tellSixD(reply: Bx2Reply, i: number, tool: number, arrivedAt: Float64Array, sink: PoseSink): boolean {
    const status = sixDStatusOf(reply, i);
    const frame = reply.sixDFrame[i] as number;
    const number = frame < 0 ? 0 : (reply.frameNumber[frame] as number);
    const repeated = number === this.#lastFrame[tool];
    const last = this.#lastStatus[tool];
    if (repeated && (status === last || (last === 'stale' && hasPose(status)))) return false;
    const arrivalOnly = frame < 0 || repeated;
    if (!arrivalOnly) {
      if (this.#deviceTime(reply, frame)) this.deviceClockMap.map(this.#cell);
      else this.clockMap.map(this.#cell);
    }
    this.#measuredAt(tool, arrivalOnly, arrivedAt);
    if (status === 'missing' && ((reply.sixDStatus[i] as number) & SIX_D.missingBit) === 0) this.notFinite += 1;
    this.#send(tool, reply.sixDValues, 8 * i, status, number, arrivedAt, sink);
    return true;
  }

  /** Tells one tool; its measured time stands in the sample already. */
  #send(
    tool: number,
    from: Float64Array,
    at: number,
    status: Status,
    number: number,
    arrivedAt: Float64Array,
    sink: PoseSink,
  ): void {
    const v = this.#sample.values;
    v[1] = arrivedAt[0] as number;
    v[2] = from[at + 7] as number;
    v[3] = from[at + 4] as number;
    v[4] = from[at + 5] as number;
    v[5] = from[at + 6] as number;
    v[6] = from[at + 1] as number;
    v[7] = from[at + 2] as number;
    v[8] = from[at + 3] as number;
    v[9] = from[at] as number;
    this.#sample.status = status;
    this.#lastFrame[tool] = number;
    this.#lastStatus[tool] = status;
    this.#lastNews[tool] = arrivedAt[0] as number;
    for (let k = 0; k < STRIDE; k += 1) this.#lastSample[tool * STRIDE + k] = v[k] as number;
    sink.pose(tool, this.#sample, number);
  }

  /** Into the sample: the mapped time in the cell; the arrival where there is none to map. */
  #measuredAt(tool: number, arrivalOnly: boolean, arrivedAt: Float64Array): void {
    const cell = this.#cell;
    const arrived = arrivedAt[0] as number;
    if (arrivalOnly || !((cell[0] as number) <= arrived)) cell[0] = arrived;
    const earliest = (this.#lastTime[tool] as number) + LEAST_STEP_MS;
    if ((cell[0] as number) < earliest) cell[0] = earliest;
    this.#lastTime[tool] = cell[0] as number;
    this.#sample.values[0] = cell[0] as number;
  }

  #tellGone(tool: number, arrivedAt: Float64Array, sink: PoseSink): void {
    const v = this.#sample.values;
    v.fill(Number.NaN);
    v[0] = Math.max(arrivedAt[0] as number, (this.#lastTime[tool] as number) + LEAST_STEP_MS);
    v[1] = arrivedAt[0] as number;
    this.#lastTime[tool] = v[0] as number;
    this.#sample.status = 'disconnected';
    this.#lastStatus[tool] = 'disconnected';
    this.#lastFrame[tool] = Number.NaN;
    sink.pose(tool, this.#sample, 0);
  }
}
