import { describe, expect, it } from 'vitest';
import { Random } from '../../math/index.js';
import { type GatePhase, gatedStatus, MotionGate, type MotionGateOptions } from './motion-gate.js';

/** Breathing as Lujan et al. (1999, Med Phys 26:715) model it: z0 − b cos⁶(π t / τ) rests at expiration; 0 there, 1 at inspiration. */
const lujan = (t: number, periodMs: number): number => 1 - Math.cos((Math.PI * t) / periodMs) ** 6;

interface Course {
  readonly phases: readonly GatePhase[];
  readonly truths: readonly number[];
  readonly gate: MotionGate;
}

/** A marker at 30 Hz that moves along an oblique direction by `rangeMm` times the truth. */
function run(
  truth: (ms: number) => number,
  seconds: number,
  rangeMm: number,
  seed: number,
  options: MotionGateOptions = {},
): Course {
  const gate = new MotionGate(options);
  const random = new Random(seed);
  const phases: GatePhase[] = [];
  const truths: number[] = [];
  for (let ms = 0; ms < 1000 * seconds; ms += 1000 / 30) {
    const f = truth(ms) * rangeMm;
    const n = (): number => 0.12 * random.normal();
    gate.push(Float64Array.of(ms, 100 + 0.36 * f + n(), -50 + 0.48 * f + n(), -1500 + 0.8 * f + n()));
    phases.push(gate.phase(ms));
    truths.push(truth(ms));
  }
  return { phases, truths, gate };
}

describe('a gate on breathing', () => {
  it('is open at the end of expiration and only there, for depths and rates of breathing', () => {
    for (const [seed, periodMs, rangeMm] of [
      [11, 4000, 8],
      [12, 3000, 4],
      [13, 5500, 15],
      [14, 2500, 20],
    ] as const) {
      // Expiration is where the cosine's even power is small: most of the time.
      const inspired = (ms: number): number => 1 - lujan(ms, periodMs);
      const { phases, truths, gate } = run(inspired, 60, rangeMm, seed);
      const from = 30 * 30;
      let [open, wrong, low, missed] = [0, 0, 0, 0];
      for (let k = from; k < phases.length; k += 1) {
        expect(phases[k]).not.toBe('unknown');
        const truth = truths[k] as number;
        if (phases[k] === 'open') open += 1;
        if (phases[k] === 'open' && truth > 0.5) wrong += 1;
        if (truth < 0.12) low += 1;
        if (truth < 0.12 && phases[k] !== 'open') missed += 1;
      }
      expect(wrong / open, `seed ${seed}`).toBeLessThan(0.02);
      expect(missed / low, `seed ${seed}`).toBeLessThan(0.05);
      expect(Math.abs(gate.periodMs / periodMs - 1)).toBeLessThan(0.1);
      expect(Math.abs(gate.range / rangeMm - 1)).toBeLessThan(0.2);
    }
  });

  it('takes a direction that is given for where expiration is, against the dwell', () => {
    const dwellsHigh = (ms: number): number => lujan(ms, 4000);
    const usual = run(dwellsHigh, 40, 8, 21);
    const told = run(dwellsHigh, 40, 8, 21, { expirationAlong: [0, 0, -1] });
    const mean = (c: Course): number => {
      const open = c.truths.filter((_, k) => k > 900 && c.phases[k] === 'open');
      return open.reduce((a, b) => a + b, 0) / open.length;
    };
    expect(mean(usual)).toBeGreaterThan(0.8);
    expect(mean(told)).toBeLessThan(0.2);
  });

  it('is unknown at first, in noise, in a drift, and soon after the breath is held', () => {
    expect(run((ms) => 1 - lujan(ms, 4000), 8, 8, 31).phases.every((p) => p === 'unknown')).toBe(true);
    expect(run(() => 0, 60, 8, 32).phases.every((p) => p === 'unknown')).toBe(true);
    expect(run((ms) => ms / 60_000, 60, 8, 33).phases.every((p) => p === 'unknown')).toBe(true);
    const heldFromMs = 40_500;
    const held = run((ms) => 1 - lujan(Math.min(ms, heldFromMs), 4000), 60, 8, 34);
    expect(held.phases[30 * 40]).not.toBe('unknown');
    // 1.6 periods after the last extreme, which is no later than the hold.
    expect(held.phases.slice(Math.ceil(0.03 * (heldFromMs + 6500))).every((p) => p === 'unknown')).toBe(true);
  });

  it('is unknown where breaths come unevenly', () => {
    const random = new Random(41);
    const starts = [0];
    while ((starts.at(-1) as number) < 90_000) starts.push((starts.at(-1) as number) + (random.uniform() < 0.5 ? 1800 : 5200));
    const uneven = (ms: number): number => {
      const k = starts.findLastIndex((s) => s <= ms);
      const [from, to] = [starts[k] as number, starts[k + 1] as number];
      return Math.sin((Math.PI * (ms - from)) / (to - from)) ** 2;
    };
    const { phases } = run(uneven, 80, 8, 42);
    const known = phases.filter((p) => p !== 'unknown').length;
    expect(known / phases.length).toBeLessThan(0.35);
  });

  it('is unknown when the marker is not measured any more', () => {
    const { gate, phases } = run((ms) => 1 - lujan(ms, 4000), 40, 8, 51);
    expect(phases.at(-1)).not.toBe('unknown');
    expect(gate.phase(40_000 + 1500)).toBe('unknown');
  });

  it('draws nothing as live but through an open gate', () => {
    expect(gatedStatus('ok', 'open')).toBe('ok');
    expect(gatedStatus('ok', 'closed')).toBe('stale');
    expect(gatedStatus('predicted', 'unknown')).toBe('stale');
    expect(gatedStatus('missing', 'closed')).toBe('missing');
    expect(() => new MotionGate({ openBelow: 0.95 })).toThrow(/gate opens/);
  });
});
