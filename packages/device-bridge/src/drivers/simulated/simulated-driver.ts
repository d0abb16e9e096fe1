import { type Clock, type Instant, NavError, PoseSample } from '@trocar/core';
import type { Driver, PoseSink } from '../../driver.js';
import type { PoseSource } from './pose-source.js';

/** A tracker without a protocol: poses straight from a function. */
export interface SimulatedDriverOptions {
  /** Names of the tools. */
  readonly tools: readonly string[];
  readonly clock: Clock;
  readonly poseOf: PoseSource;
  /** Frames per second. Default 60. */
  readonly rateHz?: number;
}

/**
 * A driver that makes up its poses: for examples, benchmarks and tests that are not about a protocol. Frames are due
 * at exact multiples of the period; a timer that comes late tells the newest only.
 * @throws NavError `bridge/bad-option`
 */
export function simulatedDriver(options: SimulatedDriverOptions): Driver {
  const { tools, clock, poseOf, rateHz = 60 } = options;
  if (!(rateHz > 0 && rateHz <= 10_000)) throw new NavError('bridge/bad-option', `A rate of ${rateHz} Hz cannot be simulated.`);
  const sample = new PoseSample();
  const period = 1000 / rateHz;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sink: PoseSink | undefined;
  const tell = (out: PoseSink, at: Instant, number: number): void => {
    for (const [tool, name] of tools.entries()) {
      fill(sample, poseOf(name, at), at, clock.now());
      out.pose(tool, sample, number);
    }
    out.flush();
  };
  const run = (out: PoseSink, start: Instant, next: number): void => {
    const due = Math.floor((clock.now() - start) / period);
    if (due >= next) tell(out, clock.plus(start, due * period), due);
    const following = Math.max(next, due + 1);
    timer = setTimeout(() => run(out, start, following), Math.max(0, start + following * period - clock.now()));
  };
  return {
    name: 'simulated tracker',
    start: async (to) => {
      if (sink !== undefined) throw new NavError('bridge/bad-option', 'The simulated driver is already running. Stop it first.');
      sink = to;
      to.tools(tools.map((name) => ({ name })));
      to.connection('connected', 'Simulated.');
      run(to, clock.now(), 1);
    },
    stop: async () => {
      clearTimeout(timer);
      sink?.connection('disconnected', 'Stopped.');
      sink = undefined;
    },
  };
}

function fill(sample: PoseSample, pose: ReturnType<PoseSource>, at: Instant, now: Instant): void {
  const v = sample.values;
  v.fill(Number.NaN);
  sample.measuredAt = at;
  sample.arrivedAt = now;
  sample.status = pose === undefined ? 'missing' : pose.outOfVolume === true ? 'outOfVolume' : 'ok';
  if (pose === undefined) return;
  sample.errorMm = pose.errorMm ?? 0.1;
  for (let k = 0; k < 3; k += 1) v[3 + k] = pose.position[k] ?? Number.NaN;
  for (let k = 0; k < 4; k += 1) v[6 + k] = pose.rotation[k] ?? Number.NaN;
}
