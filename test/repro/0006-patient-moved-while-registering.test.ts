import { frame, isNavError, PoseView, point } from '@trocar/core';
import { ReferenceWatch, watched } from '@trocar/core/guidance';
import { fromQuaternion, fromRotationVector, invertRigid, multiply4, Random, transformPoint } from '@trocar/core/math';
import { registerPoints } from '@trocar/registration';
import { describe, expect, inject, it } from 'vitest';

/**
 * A small movement of the patient during automatic registration was not detected (recall; 33 reports, 11 injuries). Here the patient moves
 * against the reference while fiducials are touched: the second body shows it, and the registration itself does not fit.
 */

const [ct, reference] = [frame('ct'), frame('reference')];
const seed = inject('seed');
const effort = inject('effort');
const FLE_MM = 0.5;

const FIDUCIALS = [
  [70, 20, -30],
  [-68, 30, -20],
  [60, -50, 40],
  [-55, -60, 45],
  [5, -95, 0],
  [0, 80, 60],
  [40, 60, -60],
  [-30, 10, 95],
  [10, -20, 100],
  [-50, 70, -40],
] as const;

/** A motion of the patient against the reference: so far, turned by so much about the patient's middle. */
function motion(random: Random, mm: number, rad: number): Float64Array {
  const d = [random.normal(), random.normal(), random.normal()];
  const turn = [random.normal(), random.normal(), random.normal()];
  const m = fromRotationVector(
    new Float64Array(16),
    turn.map((v) => (rad * v) / Math.hypot(...turn)),
  );
  for (let k = 0; k < 3; k += 1) m[12 + k] = (mm * (d[k] as number)) / Math.hypot(...d);
  return m;
}

/** Codes with which the registration is refused, or of its findings, where the patient moved after five touches. */
function registered(random: Random, moved: Float64Array): readonly string[] {
  const place = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [20, 150, -40]);
  const sd = FLE_MM / Math.sqrt(3);
  const touched = FIDUCIALS.map((f, k) => {
    const p = k < 5 ? f : transformPoint(new Float64Array(3), moved, f);
    const r = transformPoint(new Float64Array(3), place, p);
    return point(reference, [0, 1, 2].map((i) => (r[i] as number) + sd * random.normal()) as [number, number, number]);
  });
  const known = FIDUCIALS.map((f) => point(ct, f));
  try {
    return registerPoints(ct, reference, known, touched, { fleMm: FLE_MM }).findings.map((f) => f.code);
  } catch (error) {
    if (!isNavError(error)) throw error;
    return [error.code];
  }
}

describe('a patient who moves while being registered', () => {
  it('by 3 mm and 2° is not registered without a finding', () => {
    for (let k = 0; k < 10 * effort; k += 1) {
      const random = new Random(seed * 1000 + k);
      expect(registered(random, motion(random, 3, 0.035)), `seed ${seed * 1000 + k}`).not.toEqual([]);
    }
  });

  it('and does not move is registered', () => {
    const still = fromRotationVector(new Float64Array(16), [0, 0, 0]);
    let findings = 0;
    for (let k = 0; k < 40; k += 1) findings += registered(new Random(seed * 1000 + 500 + k), still).length > 0 ? 1 : 0;
    // Each of three tests may be wrong once in a thousand.
    expect(findings).toBeLessThan(3);
  });

  it('by 1 mm is seen by the second body within half a second, whatever the camera does', () => {
    for (let k = 0; k < 10; k += 1) {
      const random = new Random(seed * 1000 + 700 + k);
      const moved = motion(random, 1, 0);
      const watch = new ReferenceWatch({
        points: [
          [0, 0, 0],
          [0, -150, 0],
        ],
      });
      const state = watched([]);
      const secondFromReference = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [30, -60, 110]);
      const second = invertRigid(new Float64Array(16), moved);
      let frames = 0;
      for (let n = 0; n < 400; n += 1) {
        const view = new PoseView();
        view.status = 'ok';
        view.times[1] = (1000 / 60) * n;
        if (n < 300) view.matrix.set(secondFromReference);
        else multiply4(view.matrix, second, secondFromReference);
        for (let i = 12; i < 15; i += 1) view.matrix[i] = (view.matrix[i] as number) + 0.15 * random.normal();
        watch.push(view);
        watch.fill(state.reference);
        if (n < 300) expect(state.reference.movedMm > state.reference.limitMm).toBe(false);
        else if (!(state.reference.movedMm > state.reference.limitMm)) frames += 1;
      }
      expect((1000 / 60) * frames).toBeLessThan(500);
    }
  });
});
