import { identity4 } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { isRefusal } from '../../suite/src/refusal.js';
import { phantomCase } from './phantom-case.js';
import { HELD_OUT_MARKS, INITIAL_MARKS, proposalOf, whyNotNavigable } from './register-step.js';
import { SWEEP_LIMITS } from './sweep-step.js';
import { type Drawing, FEWER_HZ, STILL_HZ, withDrawnRegistration } from './test-support.js';

const seed = inject('seed');
const effort = inject('effort');
/** Nothing is registered by its voxels here: coarse ones do. */
const phantom = phantomCase(seed, 1.4);
const names = phantom.given.lesions.map((l) => l.name);

describe('the equipment', () => {
  it('a mirrored image is found by the finger on the marked side, and by the beads where nobody looked', () => {
    const sim = withDrawnRegistration(phantom, seed, { faults: { mirrored: true } });
    expect(sim.checkEquipment()?.code).toBe('image-mirrored');
    sim.truth.finger = false;
    sim.arrive(sim.truth.hand.bead(0, sim.clock.now()));
    expect(sim.procedure.check(0)?.code).toMatch(/no-bead|probe-off/);
    expect(sim.procedure.acceptEquipment()?.code).toBe('not-checked');
  });

  it('another guide is found by its needle, to either side', () => {
    for (const guideOffMm of [3, -3]) {
      const sim = withDrawnRegistration(phantom, seed, { faults: { guideOffMm } });
      expect(sim.checkEquipment()?.code).toBe('guide-off');
      expect(sim.procedure.stage).toBe('calibrate');
    }
  });

  it('the right ones are accepted, over seeds', () => {
    for (let n = 0; n < 1 + effort; n += 1) expect(withDrawnRegistration(phantom, seed + n).checkEquipment()).toBeUndefined();
  });
});

/** One procedure from its equipment to the needle, with every fault on its way: each step begins where the one before ended. */
const drawing: Drawing = { outcome: 'failed' };
const sim = withDrawnRegistration(phantom, seed, {}, drawing);
sim.imagesHz = FEWER_HZ;

describe('a sweep', () => {
  it('with a gap is refused, and says where it is', () => {
    expect(sim.checkEquipment()).toBeUndefined();
    expect(sim.sweep('gap')?.code).toBe('gap');
    expect(sim.procedure.stage).toBe('sweep');
    const { atMm } = sim.procedure.sweep.widestGap;
    // The hand slips in the middle of its way.
    expect(Math.abs(atMm - sim.procedure.sweep.lengthMm / 2)).toBeLessThan(8);
    expect(sim.procedure.sweep.gaps.some(({ fromMm, toMm }) => fromMm <= atMm && toMm > atMm)).toBe(true);
  });

  it('that is too fast is refused', () => {
    expect(sim.sweep('too-fast')?.code).toMatch(/gap|too-fast/);
  });

  it('through lost tracking has a gap there, and its frames are counted', () => {
    expect(sim.sweep(undefined, { fromMs: 2000, toMs: 2900 })?.code).toBe('gap');
    // 0.9 s of them.
    expect(sim.procedure.sweep.lost).toBeGreaterThanOrEqual(Math.floor(0.9 * FEWER_HZ) - 1);
    expect(sim.procedure.sweep.findings.map((f) => f.code)).toContain('lost-tracking');
    expect(sim.procedure.stage).toBe('sweep');
  });

  it('after those is one of its own', () => {
    expect(sim.sweep()).toBeUndefined();
    // What is shown as a gap is what is told as one; a sweep that can be used has none of more than twice the limit.
    const { gaps, findings, lost } = sim.procedure.sweep;
    expect(lost).toBe(0);
    expect(gaps.length > 0).toBe(findings.some((f) => f.code === 'gap'));
    for (const { fromMm, toMm } of gaps) expect(toMm - fromMm).toBeLessThanOrEqual(2 * SWEEP_LIMITS.gapMm);
  });
});

describe('a registration', () => {
  it('needs its four marks', async () => {
    expect((await sim.procedure.register())?.code).toBe('marks-missing');
    sim.mark(INITIAL_MARKS.slice(0, 3));
    expect((await sim.procedure.register())?.message).toMatch(/right edge/);
  });

  it('that failed, or is ambiguous, is never navigated by', async () => {
    const made = {
      confidence: 0.5,
      findings: [],
      referenceFromMr: identity4(),
      covariance: new Float64Array(36),
      method: 'none',
      seconds: 0,
    };
    for (const outcome of ['failed', 'ambiguous'] as const) {
      expect(whyNotNavigable(proposalOf(phantom.given, { ...made, outcome }))?.code).toBe('registration-not-found');
      drawing.outcome = outcome;
      expect((await sim.register())?.code).toBe('registration-not-found');
    }
    expect(whyNotNavigable(proposalOf(phantom.given, { ...made, outcome: 'ok', covariance: undefined }))?.code).toBe(
      'bound-too-large',
    );
    expect(sim.procedure.stage).toBe('register');
    expect(sim.procedure.registration).toBeUndefined();
    expect(sim.procedure.verify()?.code).toBe('wrong-stage');
    expect(sim.procedure.takeCore('script', 10)).toMatchObject({ code: 'wrong-stage' });
  });

  it('is not used where its landmarks say that it is off', async () => {
    drawing.outcome = 'ok';
    expect(await sim.register()).toBeUndefined();
    sim.truth.moveGland([0, 0, 6]);
    expect(sim.verify()?.code).toBe('not-verified');
    expect(sim.procedure.stage).toBe('verify');
    sim.truth.moveGland([0, 0, 0]);
    expect(sim.verify()).toBeUndefined();
    expect(sim.procedure.stage).toBe('biopsy');
    sim.imagesHz = STILL_HZ;
    sim.aimAt(names[0] as string);
  });
});

describe('at the needle', () => {
  const stopMm = (): number => sim.procedure.aim.stop?.settingMm ?? 0;

  it('a covered probe shows no aim, and no core is recorded from it', () => {
    sim.truth.cover('probe', true);
    sim.run(300);
    expect(sim.procedure.aim.besideMm).toBeNaN();
    expect(sim.procedure.aim.probability).toBeNaN();
    const refused = sim.procedure.takeCore('script', 15);
    expect(refused).toMatchObject({ code: 'biopsy/not-live' });
    sim.truth.cover('probe', false);
    sim.run(300);
    expect(sim.procedure.aim.besideMm).toBeLessThan(4);
    expect(sim.procedure.fire.cores).toHaveLength(0);
  });

  it('an image that hangs stops the firing', () => {
    sim.truth.frozen = true;
    sim.run(600);
    expect(sim.procedure.takeCore('script', stopMm())).toMatchObject({ code: 'image-stale' });
    sim.truth.frozen = false;
    sim.run(300);
    expect(isRefusal(sim.fire())).toBe(false);
  });

  it('a gland that moves is seen in the live image, asked about, and no core is taken until it is verified', () => {
    sim.run(2500);
    expect(sim.procedure.needsVerification).toBe(false);
    sim.truth.moveGland([-1, 1, 5]);
    sim.run(3000);
    expect(sim.procedure.drift?.mm ?? 0).toBeGreaterThan(3);
    expect(sim.procedure.needsVerification).toBe(true);
    expect(sim.fire()).toMatchObject({ code: 'gland-moved' });
    // What was marked before it moved does not count.
    expect(sim.procedure.marksWanted).toEqual([...HELD_OUT_MARKS]);
    expect(sim.procedure.aim.probability).toBeNaN();
    expect(sim.procedure.verify()?.code).toBe('marks-missing');
    expect(sim.verify()?.code).toBe('not-verified');
    expect(sim.fire()).toMatchObject({ code: 'gland-moved' });
    // It lies as before again: landmarks say so.
    sim.truth.moveGland([0, 0, 0]);
    sim.run(200);
    sim.procedure.verifyAgain();
    expect(sim.verify()).toBeUndefined();
    sim.run(150);
    expect(isRefusal(sim.fire())).toBe(false);
  });

  it('a core is refused nowhere by a name that is taken, and the next target is the one with the most to gain', () => {
    const ids = sim.procedure.fire.cores.map((c) => c.core.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(names.slice(1)).toContain(sim.procedure.next()?.name);
  });
});
