import { PoseSample, point, type Status, transform } from '@trocar/core';
import { fromQuaternion } from '@trocar/core/math';
import { type ManualClock, manualClock } from '@trocar/core/testing';
import { describe, expect, it } from 'vitest';
import { type NavigationCase, phantomCase } from './case.js';
import { CT, STYLUS, TIP, TOOLS, type ToolName } from './frames.js';
import { Procedure } from './procedure.js';
import { calibratedStylus, HiddenTruth, USUAL_ERRORS } from './truth.js';

const given = phantomCase(1, 16);

/** A procedure in a simulated world, driven frame by frame. */
class Bench {
  readonly clock: ManualClock = manualClock(0);
  readonly truth: HiddenTruth;
  readonly procedure: Procedure;
  readonly sample = new PoseSample();
  /** What the tracker says instead of `ok`, by tool. */
  readonly said = new Map<ToolName, Status>();

  constructor(of: NavigationCase = given, seed = 4) {
    this.truth = new HiddenTruth(of, seed);
    this.procedure = new Procedure({
      clock: this.clock,
      case: of,
      stylusFromTip: calibratedStylus(USUAL_ERRORS.tipSdMm),
      trackerNoise: USUAL_ERRORS.tracker,
      guidanceLimits: { onTargetMm: 2 },
    });
  }

  frame(): void {
    this.clock.advance(1000 / 60);
    for (const tool of TOOLS) {
      this.truth.observe(this.sample, tool, this.clock.now());
      const said = this.said.get(tool);
      if (said !== undefined && this.sample.status === 'ok') this.sample.status = said;
      this.procedure.buffers[tool].push(this.sample);
    }
    this.procedure.update();
  }

  until(done: () => boolean, frames = 2000): void {
    for (let n = 0; !done(); n += 1) {
      if (n === frames) throw new Error('It never happened.');
      this.frame();
    }
  }

  touch(index: number): void {
    this.truth.hand.placeAt(index);
    this.frame();
    this.procedure.touch(index);
    this.until(() => this.procedure.touching === undefined);
  }

  touchAll(): void {
    given.fiducials.forEach((_, i) => {
      this.touch(i);
    });
  }
}

describe('the procedure', () => {
  it('goes from connecting to the target, and says at every step what is true', () => {
    const b = new Bench();
    expect(b.procedure.stage).toBe('connect');
    b.frame();
    expect(b.procedure.stage).toBe('collect');
    expect(b.procedure.guidance).toBe('noPose');
    b.touchAll();
    expect(b.procedure.touches.every((t) => t !== undefined && t.samples >= 24)).toBe(true);
    expect(b.procedure.register()).toBeUndefined();
    expect(b.procedure.stage).toBe('review');
    expect(b.procedure.tipInImage.hasPose).toBe(false);
    expect(b.procedure.accept()).toBeUndefined();
    const { registration, bound } = b.procedure.proposal ?? expect.unreachable();
    expect(b.truth.trueTreMm(registration.edge, given.plan.target)).toBeLessThan(bound.p95Mm * 2);
    b.truth.hand.insert(b.clock.now());
    const tip = new Float64Array(3);
    let [frames, within] = [0, 0];
    b.until(() => {
      if (b.procedure.deviation.isLive) {
        const off = b.truth.tipErrorMm(b.procedure.deviation.tip(tip), b.clock.now());
        frames += 1;
        if (off <= b.procedure.deviation.tipError95Mm) within += 1;
      }
      return b.clock.now() > b.truth.hand.arrivesAt + 200;
    });
    // One registration, good or bad, is in all of these frames: only gross dishonesty shows here, coverage in the study.
    expect(within / frames).toBeGreaterThan(0.5);
    expect(b.procedure.guidance).toBe('onTarget');
    expect(b.procedure.deviation.angleDeg).toBeLessThan(8);
    expect(b.procedure.finish()).toBeUndefined();
    expect(b.procedure.stage).toBe('finished');
  });

  it('does not mind a table that moves under patient and reference together', () => {
    const b = new Bench();
    b.frame();
    b.touchAll();
    b.procedure.register();
    b.procedure.accept();
    b.truth.hand.placeAt(0);
    b.frame();
    const before = b.procedure.deviation.distanceToTargetMm;
    b.truth.moveTable([40, -25, 10]);
    b.frame();
    expect(Math.abs(b.procedure.deviation.distanceToTargetMm - before)).toBeLessThan(1.5);
  });

  it('shows past the target as past it', () => {
    const b = new Bench();
    b.frame();
    b.touchAll();
    b.procedure.register();
    b.procedure.accept();
    b.truth.hand.insert(b.clock.now(), 8);
    b.until(() => b.clock.now() > b.truth.hand.arrivesAt + 100);
    expect(b.procedure.guidance).toBe('pastTarget');
    expect(b.procedure.deviation.depthRemainingMm).toBeLessThan(-6);
    expect(b.procedure.finish()?.code).toBe('not-on-target');
  });
});

describe('the procedure refuses, and says why', () => {
  it('a touch with a hidden tool, before or during it', () => {
    for (const tool of TOOLS) {
      const b = new Bench();
      b.frame();
      b.truth.cover(tool, true);
      b.frame();
      expect(b.procedure.touch(0)?.code).toBe('not-visible');
      b.truth.cover(tool, false);
      b.frame();
      expect(b.procedure.touch(0)).toBeUndefined();
      for (let n = 0; n < 10; n += 1) b.frame();
      b.truth.cover(tool, true);
      b.frame();
      expect(b.procedure.touching).toBeUndefined();
      expect(b.procedure.refusal?.code).toBe('not-visible');
      expect(b.procedure.touches[0]).toBeUndefined();
    }
  });

  it.each(['unknown', 'outOfVolume', 'predicted', 'stale'] as const)('a touch by a pose that is %s', (status) => {
    const b = new Bench();
    b.frame();
    b.procedure.touch(0);
    b.frame();
    b.said.set('stylus', status);
    b.frame();
    expect(b.procedure.refusal?.code).toBe('not-live');
    expect(b.procedure.touches[0]).toBeUndefined();
  });

  it('a touch by a hand that moves, and keeps the one before it', () => {
    const b = new Bench();
    b.frame();
    b.touch(0);
    const kept = b.procedure.touches[0];
    b.truth.hand.touch(3, b.clock.now());
    b.procedure.touch(0);
    b.until(() => b.procedure.touching === undefined);
    expect(b.procedure.refusal?.code).toBe('moved');
    expect(b.procedure.touches[0]).toBe(kept);
  });

  it('a touch with a tracker that is frozen or too slow', () => {
    const b = new Bench();
    b.frame();
    b.procedure.touch(0);
    for (let n = 0; n < 60 && b.procedure.touching !== undefined; n += 1) {
      b.clock.advance(16);
      b.procedure.update();
    }
    // Held poses become stale, which is no measurement.
    expect(b.procedure.refusal?.code).toBe('not-live');
    b.frame();
    b.procedure.touch(0);
    while (b.procedure.touching !== undefined) {
      b.clock.advance(120);
      b.frame();
    }
    expect(b.procedure.refusal?.code).toBe('too-few-samples');
  });

  it('steps that are not its turn', () => {
    const b = new Bench();
    expect(b.procedure.touch(0)?.code).toBe('wrong-stage');
    b.frame();
    expect(b.procedure.touch(99)?.code).toBe('no-such-fiducial');
    expect(b.procedure.accept()?.code).toBe('wrong-stage');
    expect(b.procedure.finish()?.code).toBe('wrong-stage');
    expect(b.procedure.register()?.code).toBe('too-few-fiducials');
    b.procedure.touch(0);
    expect(b.procedure.register()?.code).toBe('still-touching');
    expect(b.procedure.stage).toBe('collect');
  });

  it('fiducials touched in the wrong order', () => {
    const b = new Bench();
    b.frame();
    b.touchAll();
    const t = b.procedure.touches;
    [t[0], t[1]] = [t[1], t[0]];
    expect(b.procedure.register()?.code).toBe('registration/swapped');
    expect(b.procedure.stage).toBe('collect');
  });

  it('a fiducial that was touched 12 mm beside it, unless a person takes it knowingly', () => {
    const b = new Bench();
    b.frame();
    b.touchAll();
    const touch = b.procedure.touches[2] ?? expect.unreachable();
    b.procedure.touches[2] = {
      ...touch,
      point: { ...touch.point, xyz: Array.from(touch.point.xyz).map((v, k) => (k === 1 ? v + 12 : v)) },
    };
    b.procedure.register();
    expect(b.procedure.accept()?.code).toBe('suspect');
    expect(b.procedure.refusal?.message).toMatch(/3/);
    expect(b.procedure.stage).toBe('review');
    b.procedure.reject();
    b.touch(2);
    b.procedure.register();
    expect(b.procedure.accept()).toBeUndefined();
  });

  it('a registration during which the reference moved against the patient (movement that was not detected)', () => {
    const b = new Bench();
    b.frame();
    b.touchAll();
    // The reference slips by 8 mm after half of the touches: the others are seen that much elsewhere.
    for (let i = 4; i < 8; i += 1) {
      const touch = b.procedure.touches[i] ?? expect.unreachable();
      const slipped = Array.from(touch.point.xyz).map((v, k) => (k === 2 ? v + 8 : v));
      b.procedure.touches[i] = { ...touch, point: { ...touch.point, xyz: slipped } };
    }
    b.procedure.register();
    expect(b.procedure.accept(true)?.code).toBe('moved-between-touches');
    expect(b.procedure.stage).toBe('review');
    expect(b.procedure.reject()).toBeUndefined();
  });

  it('a stylus whose calibration has no known error', () => {
    const clock = manualClock(0);
    const truth = new HiddenTruth(given, 4);
    const stylusFromTip = transform(STYLUS, TIP, fromQuaternion(new Float64Array(16), [0, 0, 0, 1], [-18.5, 1.2, -158]));
    const procedure = new Procedure({ clock, case: given, stylusFromTip });
    const sample = new PoseSample();
    const frame = (): void => {
      clock.advance(16);
      for (const tool of TOOLS) {
        truth.observe(sample, tool, clock.now());
        procedure.buffers[tool].push(sample);
      }
      procedure.update();
    };
    frame();
    given.fiducials.forEach((_, i) => {
      truth.hand.placeAt(i);
      frame();
      procedure.touch(i);
      while (procedure.touching !== undefined) frame();
    });
    procedure.register();
    expect(procedure.accept()?.code).toBe('no-bound');
  });

  it('a plan that is none, and keeps the one before it', () => {
    const b = new Bench();
    const here = point(CT, [1, 2, 3]);
    expect(b.procedure.planTo(here, here)?.code).toBe('guidance/bad-plan');
    expect(b.procedure.plan).toBe(given.plan);
    expect(b.procedure.planTo(point(CT, [1, 2, 80]), here)).toBeUndefined();
    expect(b.procedure.plan.lengthMm).toBe(77);
  });
});

describe('a covered tool', () => {
  it('is missing at the next update: no number is left standing', () => {
    const b = new Bench();
    b.frame();
    b.touchAll();
    b.procedure.register();
    b.procedure.accept();
    b.frame();
    expect(b.procedure.deviation.isLive).toBe(true);
    for (const tool of TOOLS) {
      b.truth.cover(tool, true);
      b.frame();
      expect(b.procedure.guidance).toBe('noPose');
      expect(b.procedure.deviation.distanceToTargetMm).toBeNaN();
      expect(b.procedure.tipInImage.worstEdge?.from.name).toBe(tool);
      b.truth.cover(tool, false);
      b.frame();
      expect(b.procedure.deviation.isLive).toBe(true);
    }
    b.procedure.buffers.stylus.connected = false;
    b.procedure.update();
    expect(b.procedure.deviation.status).toBe('disconnected');
  });
});
