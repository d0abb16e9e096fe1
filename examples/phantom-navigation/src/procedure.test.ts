import { point, transform } from '@trocar/core';
import { fromQuaternion } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import { STYLUS, TIP } from '../../suite/src/frames.js';
import { USUAL_ERRORS } from '../../suite/src/truth.js';
import { type NavigationCase, phantomCase, planOn } from './case.js';
import { CT } from './frames.js';
import { SimulatedProcedure } from './simulated-procedure.js';

const given = phantomCase(1, 16);

const GUIDANCE = { trackerNoise: USUAL_ERRORS.tracker, guidanceLimits: { onTargetMm: 2 } };

function simulated(of: NavigationCase = given): SimulatedProcedure {
  return new SimulatedProcedure(of, 4, GUIDANCE);
}

/** As if a fiducial had been touched so far beside it. */
function slip({ procedure }: SimulatedProcedure, index: number, mm: number): void {
  const touch = procedure.touches[index] ?? expect.unreachable();
  const xyz = Array.from(touch.point.xyz).map((v, k) => (k === 2 ? v + mm : v));
  procedure.registration.setTouch(index, { ...touch, point: { ...touch.point, xyz } });
}

describe('the procedure', () => {
  it('goes from connecting to the target, and says at every step what is true', () => {
    const b = simulated();
    expect(b.procedure.stage).toBe('connect');
    b.frame();
    expect(b.procedure.stage).toBe('calibrate');
    expect(b.procedure.useStoredStylus()).toBeUndefined();
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
    const b = simulated();
    b.beginWithStored();
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
    const b = simulated();
    b.beginWithStored();
    b.touchAll();
    b.procedure.register();
    b.procedure.accept();
    b.truth.hand.insert(b.clock.now(), 8);
    b.until(() => b.clock.now() > b.truth.hand.arrivesAt + 100);
    expect(b.procedure.guidance).toBe('pastTarget');
    expect(b.procedure.deviation.depthRemainingMm).toBeLessThan(-6);
    expect(b.procedure.finish()?.code).toBe('not-on-target');
    b.frame();
    expect(b.procedure.refusal?.message).toMatch(/when asked, it was [78]\.\d\smm from it/u);
    // A distance of a moment ago is not to be read beside a tip that nobody sees.
    b.truth.cover('stylus', true);
    b.until(() => b.procedure.guidance === 'noPose');
    expect(b.procedure.refusal).toBeUndefined();
    expect(b.procedure.finish()?.code).toBe('not-visible');
  });
});

describe('the procedure refuses, and says why', () => {
  it('a touch with a hidden tool, before or during it', () => {
    for (const tool of ['stylus', 'reference'] as const) {
      const b = simulated();
      b.beginWithStored();
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
    const b = simulated();
    b.beginWithStored();
    b.procedure.touch(0);
    b.frame();
    b.said.set('stylus', status);
    b.frame();
    expect(b.procedure.refusal?.code).toBe('not-live');
    expect(b.procedure.touches[0]).toBeUndefined();
  });

  it('a touch by a hand that moves, and keeps the one before it', () => {
    const b = simulated();
    b.beginWithStored();
    b.touch(0);
    const kept = b.procedure.touches[0];
    b.truth.hand.touch(3, b.clock.now());
    b.procedure.touch(0);
    b.until(() => b.procedure.touching === undefined);
    expect(b.procedure.refusal?.code).toBe('moved');
    expect(b.procedure.touches[0]).toBe(kept);
  });

  it('a touch with a tracker that is frozen or too slow', () => {
    const b = simulated();
    b.beginWithStored();
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
    const b = simulated();
    expect(b.procedure.touch(0)?.code).toBe('wrong-stage');
    b.frame();
    expect(b.procedure.touch(0)?.code).toBe('wrong-stage');
    b.procedure.useStoredStylus();
    expect(b.procedure.useStoredStylus()?.code).toBe('wrong-stage');
    expect(b.procedure.touch(99)?.code).toBe('no-such-fiducial');
    expect(b.procedure.accept()?.code).toBe('wrong-stage');
    expect(b.procedure.finish()?.code).toBe('wrong-stage');
    expect(b.procedure.register()?.code).toBe('too-few-fiducials');
    b.procedure.touch(0);
    expect(b.procedure.register()?.code).toBe('still-touching');
    expect(b.procedure.stage).toBe('collect');
  });

  it('fiducials touched in the wrong order', () => {
    const b = simulated();
    b.beginWithStored();
    b.touchAll();
    const [first, second] = b.procedure.touches;
    b.procedure.registration.setTouch(0, second);
    b.procedure.registration.setTouch(1, first);
    expect(b.procedure.register()?.code).toBe('registration/swapped');
    expect(b.procedure.stage).toBe('collect');
  });

  it('a fiducial that was touched 6 mm beside it, unless a person takes it knowingly', () => {
    const b = simulated({ ...given, plan: planOn(given.volume, given.plan.entry, given.plan.target) });
    b.beginWithStored();
    b.touchAll();
    slip(b, 2, 6);
    b.procedure.register();
    expect(b.procedure.accept()?.code).toBe('suspect');
    expect(b.procedure.refusal?.message).toMatch(/Fiducial 3 /);
    expect(b.procedure.stage).toBe('review');
    b.procedure.reject();
    b.touch(2);
    b.procedure.register();
    expect(b.procedure.accept()).toBeUndefined();
  });

  it('a registration during which the reference moved against the patient (movement that was not detected)', () => {
    const b = simulated();
    b.beginWithStored();
    b.touchAll();
    // The reference slips by 8 mm after half of the touches: the others are seen that much elsewhere.
    for (let i = 4; i < 8; i += 1) {
      slip(b, i, 8);
    }
    b.procedure.register();
    expect(b.procedure.accept(true)?.code).toBe('moved-between-touches');
    expect(b.procedure.stage).toBe('review');
    expect(b.procedure.reject()).toBeUndefined();
  });

  it('a stylus whose calibration has no known error', () => {
    const matrix = fromQuaternion(new Float64Array(16), [0, 0, 0, 1], [-18.5, 1.2, -158]);
    const b = new SimulatedProcedure(given, 4, { storedStylus: transform(STYLUS, TIP, matrix) });
    b.beginWithStored();
    b.touchAll();
    b.procedure.register();
    expect(b.procedure.accept()?.code).toBe('no-bound');
  });

  it('a plan that is none, and keeps the one before it', () => {
    const b = simulated();
    const here = point(CT, [1, 2, 3]);
    expect(b.procedure.planTo(here, here)?.code).toBe('guidance/bad-plan');
    expect(b.procedure.plan).toBe(given.plan);
    expect(b.procedure.planTo(point(CT, [1, 2, 80]), here)).toBeUndefined();
    expect(b.procedure.plan.lengthMm).toBe(77);
  });
});

describe('a covered tool', () => {
  it('is missing at the next update: no number is left standing', () => {
    const b = simulated();
    b.beginWithStored();
    b.touchAll();
    b.procedure.register();
    b.procedure.accept();
    b.frame();
    expect(b.procedure.deviation.isLive).toBe(true);
    for (const tool of ['stylus', 'reference'] as const) {
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
