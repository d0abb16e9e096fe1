import { afterEach, describe, expect, it } from 'vitest';
import { type GatePhase, gatedStatus, MotionGate } from '../../guidance/index.js';
import { PALETTE } from '../palette.js';
import { GateIndicator } from './index.js';
import { countOf, host, pictureOf } from './test-support/rig.js';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A gate on sin⁴ breathing of 8 mm, 4 s a breath, with an indicator that is asked with every sample. */
function breathing(): { gate: MotionGate; indicator: GateIndicator; to: (ms: number) => void; now: Float64Array } {
  const there = host(320, 160);
  const gate = new MotionGate({ expirationAlong: [0, 0, -1] });
  const indicator = new GateIndicator(there, { pixelRatio: 1 });
  ends.push(() => {
    indicator.dispose();
    there.remove();
  });
  const now = Float64Array.of(0);
  const sample = new Float64Array(4);
  const to = (ms: number): void => {
    for (; (now[0] as number) < ms; now[0] = (now[0] as number) + 50) {
      sample[0] = now[0] as number;
      sample[3] = 8 * Math.sin((Math.PI * (now[0] as number)) / 4000) ** 4;
      gate.push(sample);
      indicator.update(gate, now);
      indicator.settle(now, 250);
    }
  };
  return { gate, indicator, to, now };
}

describe('the gate’s indicator', () => {
  it('says what the gate says at every moment of a minute, and no more than that', () => {
    const { gate, indicator, to, now } = breathing();
    const seen = new Set<GatePhase>();
    for (let ms = 50; ms <= 60_000; ms += 50) {
      to(ms);
      const asked = Float64Array.of((now[0] as number) - 50);
      expect(indicator.phase).toBe(gate.phase(asked[0] as number));
      expect(indicator.status).toBe(indicator.phase === 'unknown' ? 'unknown' : 'ok');
      // Where it says open, and only there, may a live pose be drawn as live.
      expect(gatedStatus('ok', indicator.phase) === 'ok').toBe(indicator.phase === 'open');
      seen.add(indicator.phase);
    }
    expect([...seen].sort()).toEqual(['closed', 'open', 'unknown']);
  });

  it('is unknown as soon as the gate was not asked in time, whatever that said last', () => {
    const { indicator, to, now } = breathing();
    to(40_100);
    expect(indicator.phase).toBe('open');
    const before = countOf(pictureOf(indicator.canvas), PALETTE.fiducial);
    indicator.settle(Float64Array.of((now[0] as number) + 200), 250);
    expect([indicator.phase, indicator.status]).toEqual(['open', 'ok']);
    indicator.settle(Float64Array.of((now[0] as number) + 201), 250);
    expect([indicator.phase, indicator.status]).toEqual(['unknown', 'stale']);
    // The filled disc of the open gate is gone; the dashes of the band stay.
    expect(countOf(pictureOf(indicator.canvas), PALETTE.fiducial)).toBeLessThan(before - 300);
  });

  it('draws the newest sample at its level and the band’s edge where the gate opens, within 1.5 px', () => {
    const { gate, indicator, to } = breathing();
    to(41_500);
    const { width, height, data } = pictureOf(indicator.canvas);
    const head = Math.min(64, 0.36 * height);
    const [top, bottom] = [head + 2, height - 8];
    const y = (level: number): number => bottom - ((level + 0.25) / 1.5) * (bottom - top);
    // The line's edge: dashes of green in one row.
    const green = Array.from({ length: height }, (_, v) => {
      let n = 0;
      for (let u = 8; u < width - 40; u += 1)
        if (Math.abs((data[4 * (v * width + u) + 1] as number) - 0xbf) < 14 && (data[4 * (v * width + u)] as number) < 90) n += 1;
      return n;
    });
    expect(Math.abs(green.indexOf(Math.max(...green.slice(Math.ceil(top)))) + 0.5 - y(0.25))).toBeLessThan(1.5);
    // The dot of the closed gate is orange, at the right.
    let [sum, count] = [0, 0];
    for (let v = Math.ceil(top); v < bottom; v += 1) {
      for (let u = width - 30; u < width; u += 1) {
        const at = 4 * (v * width + u);
        if (Math.abs((data[at] as number) - 0xe6) > 12 || Math.abs((data[at + 1] as number) - 0x9f) > 12) continue;
        sum += v + 0.5;
        count += 1;
      }
    }
    expect(gate.level).toBeGreaterThan(0.4);
    expect(Math.abs(sum / count - y(gate.level))).toBeLessThan(1.5);
  });

  it('refuses limits that are not a gate’s', () => {
    const there = host();
    for (const gate of [{ openBelow: 0 }, { openBelow: 0.95, hysteresis: 0.1 }, { hysteresis: -1 }]) {
      expect(() => new GateIndicator(there, { gate })).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
    }
    expect(() => new GateIndicator(there, { seconds: 60 })).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
    expect(there.childElementCount).toBe(0);
    there.remove();
  });
});
