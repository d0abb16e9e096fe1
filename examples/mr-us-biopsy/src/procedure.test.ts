import { coreSampling } from '@trocar/core/guidance';
import { symmetricEigen } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { isRefusal } from '../../suite/src/refusal.js';
import { AT_LEAST_MM } from './fire-step.js';
import { phantomCase } from './phantom-case.js';
import { type ScoredCore, SimulatedProcedure } from './simulated-procedure.js';
import { FEWER_HZ, STILL_HZ, withDrawnRegistration } from './test-support.js';

const seed = inject('seed');
const effort = inject('effort');
const phantom = phantomCase(seed);
const names = phantom.given.lesions.map((l) => l.name);

/** Squared distance of the true middle of a core from the recorded one, in units of its covariance. */
function mahalanobis2({ taken: { core }, truth }: ScoredCore): number {
  const d = core.near.map((v, k) => (v + (core.far[k] as number)) / 2 - (truth.middle[k] as number));
  const { values, vectors } = symmetricEigen(Float64Array.from(core.covarianceAlong.middle), 3);
  let sum = 0;
  for (let c = 0; c < 3; c += 1) {
    const along = d.reduce((s, v, k) => s + v * (vectors[3 * k + c] as number), 0);
    sum += along ** 2 / (values[c] as number);
  }
  return sum;
}
/** 95 % of χ² with three degrees of freedom. */
const CHI2_95 = 7.815;

function fired(sim: SimulatedProcedure): ScoredCore {
  const core = sim.fire();
  if (isRefusal(core)) throw new Error(`${core.code}: ${core.message}`);
  return core;
}

describe('the whole biopsy', () => {
  it('registers by its images within the stated bound, and records each core where it came from', async () => {
    for (let n = 0; n < effort; n += 1) {
      const own = n === 0 ? phantom : phantomCase(seed + n);
      const sim = new SimulatedProcedure(own, seed + n);
      await sim.toBiopsy();
      const { proposal, registration, verification } = sim.procedure;
      own.given.lesions.forEach(({ centre }, k) => {
        const error = sim.truth.registrationErrorMm(registration?.matrix ?? [], centre.xyz);
        expect(error).toBeLessThan(proposal?.tre95Mm[k] ?? 0);
      });
      expect(verification?.upperMm).toBeLessThan(2.5);
      for (const { name, side } of own.given.lesions) {
        sim.aimAt(name);
        const core = fired(sim);
        expect(mahalanobis2(core)).toBeLessThan(CHI2_95);
        expect(core.taken.side).toBe(core.truth.side);
        expect(core.taken.side).toBe(side);
      }
      expect(sim.procedure.next()).toBeUndefined();
    }
  }, 240_000);

  it('states probabilities that agree with what was hit, and regions that hold 95 % of the cores', async () => {
    const cores: { p: number; hit: boolean; inside: boolean }[] = [];
    let alarms = 0;
    for (let n = 0; n < 2 * effort; n += 1) {
      const sim = withDrawnRegistration(phantom, 100 + seed + n);
      sim.imagesHz = FEWER_HZ;
      await sim.toBiopsy();
      sim.imagesHz = STILL_HZ;
      // Beside the targets by up to the size of a lesion: where it is not certain what is hit.
      for (let k = 0; k < 9; k += 1) {
        const index = k % 3;
        sim.aimBeside(names[index] as string, [(k - 4) * 1.4, 0, ((k * 5) % 9) - 4]);
        // The gland does not move here: whoever is asked looks at landmarks, and goes on.
        if (sim.procedure.needsVerification) {
          alarms += 1;
          sim.verify();
          sim.run(150);
        }
        const core = fired(sim);
        const { target } = phantom.given.lesions[index] as (typeof phantom.given.lesions)[number];
        const p = coreSampling(core.taken.core, target, { atLeastMm: AT_LEAST_MM, nodes: 4096 }).probability;
        cores.push({ p, hit: (core.truth.inLesionsMm[index] ?? 0) >= AT_LEAST_MM, inside: mahalanobis2(core) < CHI2_95 });
      }
    }
    const expected = cores.reduce((sum, c) => sum + c.p, 0);
    const hits = cores.filter((c) => c.hit).length;
    const sd = Math.sqrt(cores.reduce((sum, c) => sum + c.p * (1 - c.p), 0));
    // Cores of one procedure share its registration: three standard deviations of the count, twice.
    expect(Math.abs(hits - expected)).toBeLessThan(6 * sd);
    expect(sd).toBeGreaterThan(1);
    expect(alarms).toBeLessThanOrEqual(0.1 * cores.length);
    // 95 % of them, to three standard deviations of so many.
    const outside = cores.filter((c) => !c.inside).length;
    expect(outside).toBeLessThanOrEqual(0.05 * cores.length + 3 * Math.sqrt(0.05 * 0.95 * cores.length));
    // What is called nearly certain is; what is called hardly possible hardly happens.
    const certain = cores.filter((c) => c.p > 0.95);
    expect(certain.filter((c) => c.hit).length).toBeGreaterThanOrEqual(0.9 * certain.length);
    const unlikely = cores.filter((c) => c.p < 0.05);
    expect(unlikely.filter((c) => c.hit).length).toBeLessThanOrEqual(Math.max(1, 0.15 * unlikely.length));
  }, 240_000);
});
