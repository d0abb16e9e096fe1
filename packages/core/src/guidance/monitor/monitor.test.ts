import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { PoseView } from '../../frames/index.js';
import { fromRotationVector, Random } from '../../math/index.js';
import type { AlarmEvent } from './alarm.js';
import { ImageWatch } from './image-watch.js';
import { LinkWatch } from './link-watch.js';
import { Monitor } from './monitor.js';
import { ReferenceWatch } from './reference-watch.js';
import { ALARM_RULES } from './rules.js';
import { printedRules } from './rules-table.js';
import { type Watched, watched, watchedImage, watchedTool } from './watched.js';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));

type Change = (state: Watched) => void;
type Tool = Watched['tools'][number];

/** A procedure in which nothing is wrong. */
function good(): Watched {
  const tool = { ...watchedTool('stylus', 16), status: 'ok' as const, ageMs: 10, latenessMs: 1, clockDrift: 1e-5, tipOffMm: 0.2 };
  const state = watched([{ ...tool, expectedSerial: 'A', serial: 'A' }], [{ name: 'us', needed: true, ageMs: 40, limitMs: 350 }]);
  Object.assign(state.reference, { movedMm: 0.05, limitMm: 0.5, noiseMm: 0.2 });
  Object.assign(state.registration, { scale: 1.001, scaleSd: 0.001, verified: true });
  return Object.assign(state, { atMs: 0, navigating: true, planDifferences: [] });
}

const toolWith =
  (change: Partial<Tool>): Change =>
  (s) => {
    Object.assign(s.tools[0] as Tool, change);
  };

/** For each rule what raises it and nothing else. */
const CAUSES: Readonly<Record<string, readonly Change[]>> = {
  'pose-lost': (['missing', 'disconnected', 'unknown', 'outOfVolume'] as const).map((status) => toolWith({ status })),
  'pose-frozen': [toolWith({ status: 'stale' }), toolWith({ ageMs: 102 })],
  'latency-step': [toolWith({ latenessMs: 41 })],
  'clock-drift': [toolWith({ clockDrift: 0.0011 }), toolWith({ clockDrift: -0.0011 })],
  'image-stale': [(s) => Object.assign(s.images[0] as object, { ageMs: 351 })],
  'reference-moved': [
    (s) => Object.assign(s.reference, { movedMm: 0.51 }),
    (s) => Object.assign(s.reference, { touchesSayMoved: true }),
  ],
  'reference-unwatched': [
    (s) => Object.assign(s.reference, { movedMm: Number.NaN }),
    (s) => Object.assign(s.reference, { noiseMm: 0.6 }),
  ],
  'tool-swapped': [toolWith({ serial: 'B' }), toolWith({ tipOffMm: 1.01 })],
  'axes-wrong': ['mirrored', 'transposed', 'ras-lps'].map(
    (c) => (s) => Object.assign(s.registration, { refusal: `registration/${c}` }),
  ),
  'scale-wrong': [
    (s) => Object.assign(s.registration, { scale: 1.01 }),
    (s) => Object.assign(s.registration, { scale: 0.99 }),
    (s) => Object.assign(s.registration, { refusal: 'registration/scale' }),
  ],
  'registration-refused': [
    (s) => Object.assign(s.registration, { verified: false }),
    (s) => Object.assign(s.registration, { findings: ['no-consensus'] }),
    (s) => Object.assign(s.registration, { refusal: 'registration/failed' }),
  ],
  'wrong-patient': [(s) => Object.assign(s, { planDifferences: ['guidance/wrong-patient'] })],
  'wrong-side': [(s) => Object.assign(s, { planDifferences: ['guidance/wrong-side'] })],
  'wrong-series': [(s) => Object.assign(s, { planDifferences: ['guidance/wrong-series'] })],
  'wrong-frame-of-reference': [(s) => Object.assign(s, { planDifferences: ['guidance/wrong-frame-of-reference'] })],
  'restored-unverified': [(s) => Object.assign(s, { restored: true })],
};

/** Ticks through `ms` in steps of 10. */
function through(monitor: Monitor, state: Watched, ms: number): void {
  const end = state.atMs + ms;
  while (state.atMs < end) {
    state.atMs += 10;
    monitor.tick(state);
  }
}

describe('the rules', () => {
  it('each rule is raised by its causes, alone, and nothing is where all is well', () => {
    const fine = new Monitor();
    fine.tick(good());
    expect(fine.alarms).toEqual([]);
    expect(Object.keys(CAUSES).sort()).toEqual(ALARM_RULES.map((r) => r.id).sort());
    for (const [rule, causes] of Object.entries(CAUSES)) {
      for (const cause of causes) {
        const state = good();
        cause(state);
        const monitor = new Monitor();
        monitor.tick(state);
        expect(monitor.alarms.map((a) => a.rule)).toEqual([rule]);
      }
    }
  });

  it('a tool and an image that are laid aside raise nothing', () => {
    const state = good();
    toolWith({ needed: false, status: 'missing', latenessMs: 99, clockDrift: 1 })(state);
    Object.assign(state.images[0] as object, { needed: false, ageMs: 9999 });
    const monitor = new Monitor();
    monitor.tick(state);
    expect(monitor.alarms).toEqual([]);
  });

  it('what is not known raises no alarm of a number', () => {
    const state = good();
    toolWith({ latenessMs: Number.NaN, clockDrift: Number.NaN, tipOffMm: Number.NaN, serial: undefined })(state);
    Object.assign(state.registration, { scale: Number.NaN, scaleSd: Number.NaN, verified: undefined });
    const monitor = new Monitor();
    monitor.tick(state);
    expect(monitor.alarms).toEqual([]);
  });

  it('names tests that exist, and the table in docs/monitor.md is this one', () => {
    for (const rule of ALARM_RULES) expect(existsSync(join(ROOT, rule.test.split(':')[0] as string)), rule.test).toBe(true);
    expect(readFileSync(join(ROOT, 'docs/monitor.md'), 'utf8')).toContain(printedRules(ALARM_RULES));
  });
});

describe('alarms', () => {
  const setUp = (rule: string) => {
    const state = good();
    const monitor = new Monitor();
    const events: AlarmEvent[] = [];
    monitor.events.subscribe((e) => events.push(e));
    const [cause] = CAUSES[rule] ?? [];
    (cause as Change)(state);
    monitor.tick(state);
    return { state, monitor, events, mend: (): unknown => Object.assign(state, { ...good(), atMs: state.atMs }) };
  };

  it('latch where the rule says so, until a person resets them', () => {
    const { state, monitor, events, mend } = setUp('reference-moved');
    expect(monitor.blocks).toBe(true);
    expect(() => monitor.reset('reference-moved', '', 'A')).toThrow(/still holds/);
    mend();
    through(monitor, state, 600);
    expect(monitor.alarms[0]).toMatchObject({ phase: 'latched', rule: 'reference-moved', raisedAtMs: 0 });
    expect(monitor.blocks).toBe(true);
    monitor.reset('reference-moved', '', 'A');
    expect(monitor.alarms).toEqual([]);
    expect(events.map((e) => [e.what, e.by])).toEqual([
      ['raised', undefined],
      ['passed', undefined],
      ['reset', 'A'],
    ]);
  });

  it('that do not latch end half a second after their condition, and not before', () => {
    const { state, monitor, mend } = setUp('pose-lost');
    mend();
    through(monitor, state, 400);
    expect(monitor.alarms).toHaveLength(1);
    through(monitor, state, 200);
    expect(monitor.alarms).toEqual([]);
  });

  it('that come and go with every packet are one alarm', () => {
    const { state, monitor, events } = setUp('pose-lost');
    for (let k = 0; k < 50; k += 1) {
      toolWith({ status: k % 2 === 0 ? 'ok' : 'missing' })(state);
      through(monitor, state, 100);
    }
    expect(events.map((e) => e.what)).toEqual(['raised']);
  });

  it('say who acknowledged them and when, and come back unacknowledged', () => {
    const { state, monitor, events, mend } = setUp('latency-step');
    state.atMs = 50;
    monitor.tick(state);
    monitor.acknowledge('latency-step', 'stylus', 'B');
    expect(monitor.alarms[0]).toMatchObject({ phase: 'acknowledged', acknowledged: { by: 'B', atMs: 50 } });
    mend();
    through(monitor, state, 600);
    expect(monitor.alarms[0]).toMatchObject({ phase: 'latched', acknowledged: { by: 'B' } });
    toolWith({ latenessMs: 60 })(state);
    through(monitor, state, 10);
    expect(monitor.alarms[0]).toMatchObject({ phase: 'active', acknowledged: undefined });
    expect(events.map((e) => e.what)).toEqual(['raised', 'acknowledged', 'passed', 'again']);
  });

  it('are ordered by urgency, and outlive a crash', () => {
    const { state, monitor } = setUp('pose-lost');
    Object.assign(state.reference, { movedMm: 2 });
    through(monitor, state, 10);
    expect(monitor.alarms.map((a) => a.priority)).toEqual(['high', 'medium']);
    const again = new Monitor();
    again.restore(JSON.parse(JSON.stringify(monitor.save())));
    expect(again.alarms.map((a) => a.rule)).toEqual(['reference-moved', 'pose-lost']);
    again.tick(good());
    expect(again.blocks).toBe(true);
  });

  it('of high priority cannot be paused; a pause ends by itself', () => {
    const monitor = new Monitor();
    const state = good();
    monitor.tick(state);
    const refusals = [
      ['reference-moved', 1000, 'A'],
      ['pose-lost', 121_000, 'A'],
      ['pose-lost', 1000, ''],
      ['no-rule', 1, 'A'],
    ] as const;
    for (const [rule, ms, by] of refusals) {
      try {
        monitor.pause(rule, ms, by);
        expect.unreachable();
      } catch (error) {
        expect(isNavError(error, 'guidance/bad-option')).toBe(true);
      }
    }
    monitor.pause('pose-lost', 1000, 'A');
    toolWith({ status: 'missing' })(state);
    through(monitor, state, 990);
    expect(monitor.alarms).toEqual([]);
    through(monitor, state, 20);
    expect(monitor.alarms).toHaveLength(1);
  });

  it('refuse an answer without a name or to nothing, and time that runs back', () => {
    const { monitor, state } = setUp('pose-lost');
    expect(() => monitor.acknowledge('pose-lost', 'stylus', '')).toThrow(/nobody is named/);
    expect(() => monitor.acknowledge('pose-lost', 'probe', 'A')).toThrow(/no such alarm/);
    state.atMs = -1;
    expect(() => monitor.tick(state)).toThrow(/in order/);
  });

  it('the same array as long as nothing changes', () => {
    const { monitor, state } = setUp('pose-lost');
    const before = monitor.alarms;
    through(monitor, state, 1000);
    expect(monitor.alarms).toBe(before);
  });
});

describe('the watch of a link', () => {
  const run = (arrival: (n: number) => number, count: number): Tool => {
    const watch = new LinkWatch({ periodMs: 10 });
    const tool = watchedTool('a', 10);
    for (let n = 1; n <= count; n += 1) watch.push(Float64Array.of(n, arrival(n)));
    watch.fill(tool);
    return tool;
  };

  it('measures a step of the delay and the rate of the clock', () => {
    const random = new Random(7);
    const jitter = Array.from({ length: 2000 }, () => 4 * random.uniform());
    const still = run((n) => 10 * n + (jitter[n] as number), 600);
    expect(Math.abs(still.latenessMs)).toBeLessThan(2);
    // A third of what is alarmed: the jitter of 4 ms over the 3.4 s between the thirds.
    expect(Math.abs(still.clockDrift)).toBeLessThan(3.3e-4);
    const stepped = run((n) => 10 * n + (jitter[n] as number) + (n > 600 ? 70 : 0), 640);
    expect(Math.abs(stepped.latenessMs - 70)).toBeLessThan(3);
    const fast = run((n) => (10 * n) / 1.004 + (jitter[n] as number), 1500);
    expect(Math.abs(fast.clockDrift - 0.004)).toBeLessThan(3.3e-4);
  });

  it('begins anew when the frame numbers do', () => {
    const tool = run((n) => 10 * n, 100);
    expect(tool.latenessMs).toBe(Number.NaN);
    const watch = new LinkWatch({ periodMs: 10 });
    for (let n = 1; n <= 800; n += 1) watch.push(Float64Array.of(n, 10 * n));
    watch.push(Float64Array.of(1, 99_000));
    watch.fill(tool);
    expect(tool.latenessMs).toBe(Number.NaN);
  });
});

describe('the watch of the reference', () => {
  function reading(random: Random, n: number, moved: readonly number[], turnRad: number): PoseView {
    const view = new PoseView();
    fromRotationVector(view.matrix, [0, turnRad, 0]);
    for (let k = 0; k < 3; k += 1) view.matrix[12 + k] = 100 + (moved[k] ?? 0) + 0.15 * random.normal();
    view.status = 'ok';
    view.times[1] = 16 * n;
    return view;
  }

  it('finds 1 mm within half a second, and a turn by what it does at the target', () => {
    const cases = [
      [[0.6, 0.6, 0.53], 0],
      [[0, 0, 0], 0.01],
    ] as const;
    for (const [moved, turn] of cases) {
      const watch = new ReferenceWatch({
        points: [
          [0, 0, 0],
          [120, 0, 0],
        ],
      });
      const random = new Random(3);
      const state = good();
      for (let n = 0; n < 400; n += 1) watch.push(reading(random, n, [], 0));
      watch.fill(state.reference);
      expect(state.reference.movedMm).toBeLessThan(0.3);
      expect(state.reference.noiseMm).toBeLessThan(0.5);
      let frames = 0;
      do {
        watch.push(reading(random, 400 + frames, moved, turn));
        watch.fill(state.reference);
        frames += 1;
      } while (!(state.reference.movedMm > state.reference.limitMm) && frames < 100);
      expect(16 * frames).toBeLessThan(500);
    }
  });

  it('does not take one reading for many, nor one that is not live', () => {
    const watch = new ReferenceWatch({ points: [[0, 0, 0]] });
    const random = new Random(4);
    for (let n = 0; n < 200; n += 1) watch.push(reading(random, 5, [], 0));
    expect(watch.ready).toBe(false);
    const stale = reading(random, 6, [], 0);
    stale.status = 'stale';
    watch.push(stale);
    expect(() => new ReferenceWatch({ points: [] })).toThrow(/finite points/);
  });
});

it('an image that comes again with a new time is an old one', () => {
  const watch = new ImageWatch(100);
  const image = watchedImage('us');
  watch.push(Uint8Array.of(1, 2, 3), 0);
  watch.push(Uint8Array.of(1, 2, 3), 90);
  watch.fill(image, 150);
  expect(image.ageMs).toBe(150);
  watch.push(Uint8Array.of(1, 2, 4), 160);
  watch.fill(image, 170);
  expect(image).toEqual({ name: 'us', needed: true, ageMs: 10, limitMs: 100 });
});
