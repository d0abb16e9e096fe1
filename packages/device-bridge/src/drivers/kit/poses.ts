import { hasPose, PoseSample, type Status } from '@trocar/core';
import type { PoseSink, ToolInfo } from '../../driver.js';

/** Times of one tool never repeat or go back: this apart, at least, ms. */
const LEAST_STEP_MS = 0.001;
/** A quaternion whose squared length is further than this from 1 is no rotation; the pose buffer's own limit. */
const UNIT_TOLERANCE = 0.02;
/** A tool that says nothing for its own period and this long is stale, ms: with the watch's own step within 100. */
const GRACE_MS = 85;
/** How much of the period one gap between two samples makes. */
const GAP_WEIGHT = 0.1;
/** A longer gap was an interruption, and says nothing of the period, ms. */
const LONGEST_GAP_MS = 1000;
/** Doubles per sample. */
const STRIDE = 10;

/** Tools that a network can make a driver add, at most. */
export const MOST_TOOLS = 256;

/**
 * Tells a sink poses by the rules that hold for every driver: times never go back and are never later than the
 * arrival, a pose without finite numbers is `missing` and counted, a tool that the frame leaves out is `missing`, and
 * when the device goes every tool is `disconnected`. Nothing is allocated per pose; numbers travel in cells.
 */
export class PoseTeller {
  /** Filled by the driver before {@link tell}: error, position and quaternion (values 2 … 9); the times are filled here. */
  readonly sample: PoseSample = new PoseSample();
  /** `[host ms]` of the arrival of what is being told. */
  readonly arrivedAt: Float64Array = new Float64Array(1);
  /** `[host ms]` when what is being told was measured; taken for the arrival where it is later than that, or none. */
  readonly measuredAt: Float64Array = new Float64Array(1);
  /** Poses that claimed to be valid but held no finite numbers or no rotation. */
  notFinite = 0;
  /**
   * Whether a pose told as `unknown` may lack its position or its orientation: of a sensor that measures only one of them.
   * Default false: then it is `missing`.
   */
  mayBePartial = false;
  /** Where poses go now; a driver has one for each connection. */
  sink: PoseSink | undefined;
  readonly #tools: ToolInfo[];
  readonly #lastTime = new Float64Array(MOST_TOOLS).fill(Number.NEGATIVE_INFINITY);
  readonly #seen = new Uint8Array(MOST_TOOLS);
  /** Per tool: the last sample, its status and frame, when it arrived, and how far apart samples are. */
  readonly #last = new Float64Array(MOST_TOOLS * STRIDE);
  readonly #lastStatus: Array<Status | undefined> = new Array<Status | undefined>(MOST_TOOLS).fill(undefined);
  readonly #lastFrame = new Float64Array(MOST_TOOLS);
  readonly #news = new Float64Array(MOST_TOOLS).fill(Number.NaN);
  readonly #period = new Float64Array(MOST_TOOLS).fill(Number.NaN);
  /** Not {@link sample}: a driver may be filling that. */
  readonly #stale = new PoseSample();

  constructor(tools: readonly ToolInfo[]) {
    this.#tools = [...tools];
  }

  /** The tools so far; a tool's place is its number. */
  get tools(): readonly ToolInfo[] {
    return this.#tools;
  }

  /** Adds a tool, tells the new list, and returns its number; −1 where there are {@link MOST_TOOLS} already. */
  add(tool: ToolInfo): number {
    if (this.#tools.length >= MOST_TOOLS) return -1;
    this.#tools.push(tool);
    this.sink?.tools([...this.#tools]);
    return this.#tools.length - 1;
  }

  /** Begins a frame: nothing seen yet. */
  begin(): void {
    this.#seen.fill(0);
  }

  /** Tells one tool of this frame: what is in {@link sample}, as of {@link measuredAt}. */
  tell(tool: number, status: Status, frameNumber: number): void {
    this.#seen[tool] = 1;
    const sample = this.sample;
    sample.status = status;
    const partial = this.mayBePartial && status === 'unknown';
    if (hasPose(status) && !partial && !this.#isPose()) {
      this.notFinite += 1;
      sample.status = 'missing';
    }
    this.#setTimes(tool);
    this.#remember(tool, frameNumber);
    this.sink?.pose(tool, sample, frameNumber);
  }

  /**
   * Tells every tool `stale`, once, that has said nothing for longer than it usually does: with its last pose and the
   * time of that pose.
   * @param now `[host ms]`
   */
  tellStale(now: Float64Array): void {
    let told = false;
    for (let tool = 0; tool < this.#tools.length; tool += 1) {
      const status = this.#lastStatus[tool];
      if (status === undefined || status === 'stale' || !hasPose(status)) continue;
      const period = this.#period[tool] as number;
      const silent = (now[0] as number) - (this.#news[tool] as number);
      if (!(silent > GRACE_MS + (Number.isNaN(period) ? 0 : period))) continue;
      const sample = this.#stale;
      for (let k = 0; k < STRIDE; k += 1) sample.values[k] = this.#last[tool * STRIDE + k] as number;
      sample.status = 'stale';
      this.#lastStatus[tool] = 'stale';
      this.sink?.pose(tool, sample, this.#lastFrame[tool] as number);
      told = true;
    }
    if (told) this.flush();
  }

  /** Tells `missing` every tool that this frame left out. */
  tellUnseen(frameNumber: number): void {
    for (let tool = 0; tool < this.#tools.length; tool += 1) {
      if (this.#seen[tool] === 0) this.tellMissing(tool, frameNumber);
    }
  }

  /** Tells one tool `missing`: there is no pose, and its numbers are NaN. */
  tellMissing(tool: number, frameNumber: number): void {
    this.sample.values.fill(Number.NaN);
    this.tell(tool, 'missing', frameNumber);
  }

  /** The end of a frame. */
  flush(): void {
    this.sink?.flush();
  }

  /** Tells every tool `disconnected`, as of {@link arrivedAt}. */
  tellAllGone(): void {
    this.measuredAt[0] = Number.NaN;
    for (let tool = 0; tool < this.#tools.length; tool += 1) {
      this.sample.values.fill(Number.NaN);
      this.tell(tool, 'disconnected', 0);
    }
    if (this.#tools.length > 0) this.flush();
  }

  #remember(tool: number, frameNumber: number): void {
    const v = this.sample.values;
    for (let k = 0; k < STRIDE; k += 1) this.#last[tool * STRIDE + k] = v[k] as number;
    this.#lastStatus[tool] = this.sample.status;
    this.#lastFrame[tool] = frameNumber;
    const gap = (v[1] as number) - (this.#news[tool] as number);
    this.#news[tool] = v[1] as number;
    if (!(gap < LONGEST_GAP_MS)) return;
    const period = this.#period[tool] as number;
    this.#period[tool] = Number.isNaN(period) ? gap : period + GAP_WEIGHT * (gap - period);
  }

  #isPose(): boolean {
    const v = this.sample.values;
    for (let k = 3; k < 10; k += 1) if (!Number.isFinite(v[k] as number)) return false;
    const x = v[6] as number;
    const y = v[7] as number;
    const z = v[8] as number;
    const w = v[9] as number;
    return Math.abs(x * x + y * y + z * z + w * w - 1) <= UNIT_TOLERANCE;
  }

  #setTimes(tool: number): void {
    const v = this.sample.values;
    const arrived = this.arrivedAt[0] as number;
    let measured = this.measuredAt[0] as number;
    if (!(measured <= arrived) || !hasPose(this.sample.status)) measured = arrived;
    const earliest = (this.#lastTime[tool] as number) + LEAST_STEP_MS;
    if (measured < earliest) measured = earliest;
    this.#lastTime[tool] = measured;
    v[0] = measured;
    v[1] = arrived;
  }
}
