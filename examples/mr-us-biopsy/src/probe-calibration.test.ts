import { transformPoint } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { PLANE, PROBE } from './frames.js';
import { phantomCase } from './phantom-case.js';
import { isStoredPlane, PLANE_MIDDLE, storedPlane } from './probe.js';
import { PICTURES, ProbeCalibrationStep, whyNotCalibrated } from './probe-calibration.js';
import { SimulatedProcedure } from './simulated-procedure.js';

const seed = inject('seed');
const effort = inject('effort');
const phantom = phantomCase(seed);

/** How far a calibration puts what pictures show as the middle of the gland from where it is in the probe, mm. */
function errorMm(sim: SimulatedProcedure, matrix: ArrayLike<number>): number {
  const put = transformPoint(new Float64Array(3), matrix, PLANE_MIDDLE);
  const shown = [PLANE_MIDDLE[0], PLANE_MIDDLE[1], sim.truth.shownFrom(PLANE_MIDDLE[2])];
  const is = transformPoint(new Float64Array(3), sim.truth.probeFromPlane, shown);
  return Math.hypot(...put.map((x, k) => x - (is[k] as number)));
}

describe('the probe calibrated by a bead', () => {
  it('is where the truth has it, by about what it says, and is held against the beads again', () => {
    const [off, told]: [number[], number[]] = [[], []];
    for (let n = 0; n < 2 * effort; n += 1) {
      const sim = new SimulatedProcedure(phantom, seed + n);
      const expected: number[] = [];
      const accept = sim.procedure.acceptProbeCalibration.bind(sim.procedure);
      sim.procedure.acceptProbeCalibration = () => {
        expected.push(sim.procedure.calibration.found?.expectedMm ?? Number.NaN);
        return accept();
      };
      expect(sim.calibrateProbe()).toBeUndefined();
      const edge = sim.procedure.graph.get(PROBE, PLANE);
      expect(isStoredPlane(edge ?? storedPlane())).toBe(false);
      off.push(errorMm(sim, edge?.matrix ?? []));
      told.push(expected[0] as number);
      expect(sim.procedure.equipment.checks.beadsMm).toEqual([undefined, undefined, undefined]);
      expect(sim.checks()).toBeUndefined();
      expect(sim.procedure.acceptEquipment()).toBeUndefined();
    }
    const rms = (values: readonly number[]): number => Math.sqrt(values.reduce((s, x) => s + x * x, 0) / values.length);
    expect(rms(off)).toBeLessThan(2 * rms(told));
    expect(rms(told)).toBeLessThan(0.6);
  }, 120_000);

  it('mends a marker that was moved, which the stored calibration cannot', () => {
    const sim = new SimulatedProcedure(phantom, seed, {
      errors: { ...new SimulatedProcedure(phantom, seed).truth.errors, calibration: 6 },
    });
    expect(errorMm(sim, storedPlane().matrix)).toBeGreaterThan(2);
    expect(sim.checks()?.code).toMatch(/probe-off|no-bead/);
    expect(sim.calibrateProbe()).toBeUndefined();
    expect(errorMm(sim, sim.procedure.graph.get(PROBE, PLANE)?.matrix ?? [])).toBeLessThan(1.2);
  }, 120_000);

  it('is refused without pictures, without poses, and where it does not hold', () => {
    const sim = new SimulatedProcedure(phantom, seed);
    expect(sim.procedure.viewBead()?.code).toBe('image-stale');
    expect(sim.procedure.acceptProbeCalibration()?.code).toBe('not-calibrated');
    sim.truth.cover('probe', true);
    expect(sim.calibrateProbe()?.code).toMatch(/not-live|image-stale/);
    const edge = storedPlane();
    const good = { edge, pictures: PICTURES, heldOutMm: 0.5, expectedMm: 0.3, beadMm: 0.2, scale: 1 };
    expect(whyNotCalibrated(good)).toBeUndefined();
    expect(whyNotCalibrated({ ...good, heldOutMm: Number.NaN })?.code).toBe('calibration-poor');
    expect(whyNotCalibrated({ ...good, scale: 0.96 })?.code).toBe('calibration-scale');
    expect(whyNotCalibrated({ ...good, beadMm: 2 })?.code).toBe('calibration-off');
  });
});

describe('a calibration under review', () => {
  it('is dropped where the pictures that it was worked out of were put aside', () => {
    const step = new ProbeCalibrationStep();
    const { seen } = step;
    step.restart();
    const fit = {
      probeFromImage: new Float64Array(16),
      pixelMm: [0.1, 0.1],
      heldOutMm: 0.1,
      expectedMm: 0.1,
      turnSdRad: 0.01,
    } as const;
    expect(step.review(seen, fit)?.code).toBe('not-calibrated');
    expect(step.found).toBeUndefined();
    expect(step.review(step.seen, { code: 'calibration/narrow', message: 'too few' })?.code).toBe('calibration/narrow');
  });
});
