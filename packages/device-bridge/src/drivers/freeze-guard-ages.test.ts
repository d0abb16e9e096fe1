import { ClockMap, FrameGraph, frame, type Instant, PoseSample, PoseView } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import { NdiFrame } from '../codec/ndi/index.js';
import { poseBufferSink } from '../driver.js';
import { freezeGuard } from './freeze-guard.js';
import { NdiTracking } from './ndi/index.js';

const PERIOD = 1000 / 60;
const DELAY = 5;

/** A tool behind the NDI tracking, the guard and a path, as a driver of that tracker joins them. */
class Bench {
  readonly graph = new FrameGraph();
  readonly buffer = this.graph.stream(frame('tracker'), frame('stylus'));
  readonly path = this.graph.path(frame('tracker'), frame('stylus'));
  readonly view = new PoseView();
  readonly tracking = new NdiTracking();
  readonly faults: string[] = [];
  readonly #sink = freezeGuard(poseBufferSink({ stylus: this.buffer }, (fault) => this.faults.push(fault.code)));
  readonly #frame = new NdiFrame();
  readonly #toolOf = new Int16Array(256).fill(-1);

  constructor() {
    this.#toolOf[1] = 0;
    this.#sink.tools([{ name: 'stylus' }]);
    this.#sink.connection('connected', '');
  }

  /** The reply of a frame number with the tool at x, arrived at `ms`; and the path's answer at that moment. */
  reply(frameNumber: number, x: number, ms: number): PoseView {
    const f = this.#frame;
    f.begin(0x0801);
    const i = f.addHandle(1, 1);
    f.values.set([1, 0, 0, 0, x, 20, -1500, 0.1], i * 8);
    f.portStatus[i] = 0x31;
    f.frameNumber[i] = frameNumber;
    this.tracking.push(f, Float64Array.of(ms), this.#toolOf, 1, this.#sink);
    return this.at(ms);
  }

  at(ms: number): PoseView {
    this.graph.tick(ms as Instant);
    this.path.read(this.view);
    return this.view;
  }
}

describe('the age of a pose of an NDI tracker', () => {
  it('is that of its frame, however late the packet was', () => {
    const bench = new Bench();
    const random = new Random(3);
    for (let n = 1; n <= 1500; n += 1) {
      const late = n > 700 && n % 50 === 0 ? 60 : -Math.log(1 - random.uniform());
      const view = bench.reply(n, n, 1000 + n * PERIOD + DELAY + late);
      // The constant delay is not to be seen; the rest of the lateness is.
      if (n > 700) expect(Math.abs(view.ageMs - late)).toBeLessThan(0.1);
      expect(view.status).toBe('ok');
    }
    expect(bench.tracking.clockMap.restarts).toBe(0);
  });

  it('goes on when its tracker freezes, whose frames go on: stale within one frame and 100 ms', () => {
    const bench = new Bench();
    const lastTrue = 800;
    let seen = Number.NaN;
    for (let n = 1; n <= 900; n += 1) {
      const view = bench.reply(n, Math.min(n, lastTrue), n * PERIOD + DELAY);
      if (view.status === 'stale' && Number.isNaN(seen)) seen = view.at;
      if (n === 900) expect(view.ageMs).toBeCloseTo(100 * PERIOD, 1);
    }
    expect(seen - (lastTrue * PERIOD + DELAY)).toBeLessThanOrEqual(100 + PERIOD + 0.001);
    expect(bench.faults).toEqual(['device/frozen']);
    expect(bench.reply(901, 5, 901 * PERIOD + DELAY)).toMatchObject({ status: 'ok' });
    expect(bench.view.ageMs).toBeLessThan(0.1);
  });

  it('is right again from the third packet on after the tracker restarted its counter, and never negative', () => {
    const bench = new Bench();
    for (let n = 1; n <= 1000; n += 1) bench.reply(n, n, n * PERIOD + DELAY);
    for (let n = 1; n <= 100; n += 1) {
      const view = bench.reply(n, n + 0.5, (1200 + n) * PERIOD + DELAY);
      expect(view.status).toBe('ok');
      expect(view.ageMs).toBeGreaterThanOrEqual(0);
      expect(view.ageMs).toBeLessThan(0.1);
    }
    expect(bench.tracking.clockMap.restarts).toBe(1);
  });

  it('after the host slept is stale until a new packet comes, and then right', () => {
    const bench = new Bench();
    for (let n = 1; n <= 1000; n += 1) bench.reply(n, n, n * PERIOD + DELAY);
    // Its clock ran on while nobody looked.
    const woken = 1000 * PERIOD + 3_600_000;
    expect(bench.at(woken).status).toBe('stale');
    expect(bench.view.ageMs).toBeCloseTo(3_600_000, -2);
    const now = 1000 + Math.ceil(3_600_000 / PERIOD) + 1;
    expect(bench.reply(now, 7, now * PERIOD + DELAY)).toMatchObject({ status: 'ok' });
    expect(bench.view.ageMs).toBeLessThan(1);
  });

  it('after the host slept with its clock standing still is right from the third packet on, and never from the future', () => {
    const bench = new Bench();
    for (let n = 1; n <= 1000; n += 1) bench.reply(n, n, n * PERIOD + DELAY);
    for (let n = 1; n <= 60; n += 1) {
      const view = bench.reply(1000 + 216_000 + n, n, (1000 + n) * PERIOD + DELAY);
      expect(view.ageMs).toBeGreaterThanOrEqual(0);
      expect(view.ageMs).toBeLessThan(PERIOD);
    }
    expect(bench.view.status).toBe('ok');
    expect(bench.buffer.faults.fromTheFuture).toBe(0);
  });
});

describe('a UTC that steps under a device', () => {
  it.each([3_600_000, -3_600_000, 250, -250])(
    'by %d ms leaves no pose from the future and none that looks old for long',
    (step) => {
      // As an OpenIGTLink driver maps it: the stamp, through a clock map of known unit, into the buffer.
      const map = new ClockMap({ unitMs: 1, wrap: Number.POSITIVE_INFINITY });
      const graph = new FrameGraph();
      const buffer = graph.stream(frame('tracker'), frame('stylus'));
      const path = graph.path(frame('tracker'), frame('stylus'));
      const view = new PoseView();
      const sample = new PoseSample();
      sample.status = 'ok';
      let bad = 0;
      for (let n = 0; n < 2000; n += 1) {
        const arrived = n * PERIOD + DELAY;
        const cell = Float64Array.of(1.79e12 + n * PERIOD + (n < 1000 ? 0 : step));
        map.push(Float64Array.of(cell[0] as number, arrived));
        map.map(cell);
        sample.values.set([cell[0] as number, arrived, 0, n, 0, 0, 0, 0, 0, 1]);
        buffer.push(sample);
        graph.tick(arrived as Instant);
        path.read(view);
        expect(view.ageMs).toBeGreaterThanOrEqual(0);
        if (view.status !== 'ok' || view.ageMs > 1) bad += 1;
      }
      expect(map.restarts).toBe(1);
      expect(bad).toBeLessThanOrEqual(Math.ceil(100 / PERIOD));
      expect(buffer.faults.fromTheFuture).toBe(0);
    },
  );
});
