import { isLive, type PoseSample, type Status } from '@trocar/core';
import type { ConnectionState, DriverFault, PoseSink, ToolInfo } from '../driver.js';

/** Times may differ by rounding, ms. */
const ROUNDING_MS = 1e-6;

/** What a driver may tell, beyond what holds for every driver. */
export interface PoseExpectations {
  /** Whether the device can have sent this pose, as far as a test knows. */
  isPossible(tool: number, sample: PoseSample): boolean;
}

/** A sink that keeps what a driver tells, and notes at once what no driver may tell. */
export class PoseRecord implements PoseSink {
  readonly failures: string[] = [];
  readonly states: ConnectionState[] = [];
  readonly faults: DriverFault[] = [];
  /** Last status per tool, and how many live ones there were since {@link forget}. */
  readonly last: Status[] = [];
  readonly live: number[] = [];
  /** Set once the driver's stop has resolved: from then on it may tell nothing. */
  stopped = false;
  #tools: readonly ToolInfo[] = [];
  readonly #expected: PoseExpectations;
  readonly #liveStatus: Status;
  readonly #measured: number[] = [];
  readonly #frames: number[] = [];

  /** @param liveStatus what a tool that is seen is told as: `ok`, or `unknown` where the protocol cannot tell */
  constructor(expected: PoseExpectations, liveStatus: Status) {
    this.#expected = expected;
    this.#liveStatus = liveStatus;
  }

  get toolCount(): number {
    return this.#tools.length;
  }

  /** Begins to count live poses anew. */
  forget(): void {
    this.live.length = 0;
  }

  tools(list: readonly ToolInfo[]): void {
    this.#called('tools');
    if (list.length < this.#tools.length) this.#fail('the list of tools became shorter');
    this.#tools = list;
  }

  pose(tool: number, sample: PoseSample, frameNumber: number): void {
    this.#called('pose');
    if (!(Number.isInteger(tool) && tool >= 0 && tool < this.#tools.length)) this.#fail(`a pose of tool ${tool}, which is none`);
    this.last[tool] = sample.status;
    if (sample.status === this.#liveStatus) this.live[tool] = (this.live[tool] ?? 0) + 1;
    this.#checkTimes(tool, sample);
    this.#checkPose(tool, sample);
    if (sample.status === 'disconnected') return;
    if (frameNumber !== 0 && frameNumber < (this.#frames[tool] ?? 0)) {
      this.#fail(`tool ${tool}: frame ${frameNumber} after frame ${this.#frames[tool]}`);
    }
    this.#frames[tool] = frameNumber;
  }

  flush(): void {
    this.#called('flush');
  }

  connection(state: ConnectionState): void {
    this.#called('connection');
    const was = this.states.at(-1);
    this.states.push(state);
    // A new connection may count anew.
    this.#frames.length = 0;
    if (state !== 'disconnected' || was !== 'connected') return;
    for (let tool = 0; tool < this.#tools.length; tool += 1) {
      if (this.last[tool] !== 'disconnected') this.#fail(`the device went, and tool ${tool} was left ${this.last[tool]}`);
    }
  }

  fault(fault: DriverFault): void {
    this.#called('fault');
    this.faults.push(fault);
    if (this.faults.length > 1000) this.#fail('it told more than 1000 faults');
  }

  #called(what: string): void {
    if (this.stopped) this.#fail(`it called ${what}() after stop()`);
  }

  #fail(what: string): void {
    if (this.failures.length < 20 && !this.failures.includes(what)) this.failures.push(what);
  }

  #checkTimes(tool: number, sample: PoseSample): void {
    const { measuredAt, arrivedAt } = sample;
    if (!Number.isFinite(measuredAt) || !Number.isFinite(arrivedAt)) this.#fail(`tool ${tool}: times that are no numbers`);
    // Two samples of one moment are told a microsecond apart.
    if (measuredAt > arrivedAt + 1) this.#fail(`tool ${tool}: measured ${measuredAt - arrivedAt} ms after it arrived`);
    // A stale pose keeps the time of its measurement, however often it is told.
    if (sample.status === 'stale') return;
    const before = this.#measured[tool] ?? Number.NEGATIVE_INFINITY;
    if (measuredAt < before - ROUNDING_MS) this.#fail(`tool ${tool}: measured ${before - measuredAt} ms before the last one`);
    this.#measured[tool] = measuredAt;
  }

  #checkPose(tool: number, sample: PoseSample): void {
    const numbers = sample.values.subarray(3);
    if (!numbers.every(Number.isFinite)) {
      if (isLive(sample.status)) this.#fail(`tool ${tool}: ${sample.status} with numbers that are none`);
      return;
    }
    if (isLive(sample.status) && Math.abs(Math.hypot(...sample.values.subarray(6)) - 1) > 0.01) {
      this.#fail(`tool ${tool}: ${sample.status} with a quaternion that is no rotation`);
    }
    if (!this.#expected.isPossible(tool, sample)) {
      this.#fail(
        `tool ${tool}: ${sample.status} at ${[...numbers].map((v) => v.toFixed(3)).join(' ')}, which the device never sent`,
      );
    }
  }
}
