import { ClockMap, PoseSample, type Status } from '@trocar/core';
import { HANDLE_STATE, type NdiFrame, PORT_STATUS, VALUES } from '../../codec/ndi/index.js';
import type { PoseSink } from '../../driver.js';

/** NDI's mark for "no number" is −3.697314e28. */
const BAD_FLOAT = -3e28;
/** Times of one tool never repeat or go back while the clock map settles: this apart, at least, ms. */
const LEAST_STEP_MS = 0.001;

/**
 * What an NDI reply says of one handle, as our status.
 *
 * A transform that the device itself doubts (interference, exception, fell behind, limits) is `unknown`, never `ok`;
 * one without finite numbers is `missing`.
 */
export function statusOf(frame: NdiFrame, i: number): Status {
  const state = frame.state[i];
  if (state === HANDLE_STATE.disabled || state === HANDLE_STATE.unoccupied) return 'disconnected';
  const port = frame.portStatus[i] as number;
  if ((port & PORT_STATUS.occupied) === 0) return 'disconnected';
  if (state !== HANDLE_STATE.valid) return 'missing';
  for (let k = 0; k < 7; k += 1) {
    const v = frame.values[i * VALUES + k] as number;
    if (!(v > BAD_FLOAT && v < Number.POSITIVE_INFINITY)) return 'missing';
  }
  if ((port & (PORT_STATUS.outOfVolume | PORT_STATUS.partlyOutOfVolume)) !== 0) return 'outOfVolume';
  return (port & PORT_STATUS.doubtful) !== 0 ? 'unknown' : 'ok';
}

/**
 * Decoded frames to pose samples, with device time mapped to host time. The hot path of the driver: it allocates
 * nothing, and numbers travel in cells.
 */
export class NdiTracking {
  readonly clockMap: ClockMap = new ClockMap();
  readonly #sample = new PoseSample();
  readonly #point = new Float64Array(2);
  readonly #cell = new Float64Array(1);
  /** Per tool: last frame number told, its severity-free status, and its measured time. */
  readonly #lastFrame = new Float64Array(256).fill(Number.NaN);
  readonly #lastStatus: Array<Status | undefined> = new Array<Status | undefined>(256).fill(undefined);
  readonly #lastTime = new Float64Array(256).fill(Number.NEGATIVE_INFINITY);
  readonly #seen = new Uint8Array(256);
  /** Poses that claimed to be valid but held no finite numbers. */
  notFinite = 0;

  /** Tracking started anew: the counter may have too. */
  restart(): void {
    this.clockMap.reset();
    this.#lastFrame.fill(Number.NaN);
  }

  /**
   * Tells the sink what is new in a frame. A tool whose frame number has not moved is not told again; a tool that is
   * not in the frame is told `disconnected`, once.
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

  /** Tells every tool `disconnected`: the device is gone. */
  tellAllGone(arrivedAt: Float64Array, toolCount: number, sink: PoseSink): void {
    for (let tool = 0; tool < toolCount; tool += 1) this.#tellGone(tool, arrivedAt, sink);
    if (toolCount > 0) sink.flush();
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

  #tell(frame: NdiFrame, i: number, tool: number, arrivedAt: Float64Array, sink: PoseSink): boolean {
    const status = statusOf(frame, i);
    const number = frame.frameNumber[i] as number;
    if (number === this.#lastFrame[tool] && status === this.#lastStatus[tool]) return false;
    const v = this.#sample.values;
    const from = frame.values;
    const at = i * VALUES;
    this.#measuredAt(number, tool, number === this.#lastFrame[tool], arrivedAt);
    v[1] = arrivedAt[0] as number;
    v[2] = from[at + 7] as number;
    v[3] = from[at + 4] as number;
    v[4] = from[at + 5] as number;
    v[5] = from[at + 6] as number;
    v[6] = from[at + 1] as number;
    v[7] = from[at + 2] as number;
    v[8] = from[at + 3] as number;
    v[9] = from[at] as number;
    if (status === 'missing' && frame.state[i] === HANDLE_STATE.valid) this.notFinite += 1;
    this.#sample.status = status;
    this.#lastFrame[tool] = number;
    this.#lastStatus[tool] = status;
    sink.pose(tool, this.#sample, number);
    return true;
  }

  /** Into the sample: the mapped time of a frame number; the arrival where there is none to map. */
  #measuredAt(number: number, tool: number, repeated: boolean, arrivedAt: Float64Array): void {
    const cell = this.#cell;
    cell[0] = number;
    this.clockMap.map(cell);
    const arrived = arrivedAt[0] as number;
    if (number === 0 || repeated || !((cell[0] as number) <= arrived)) cell[0] = arrived;
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
