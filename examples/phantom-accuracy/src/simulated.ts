import { type Instant, PoseSample } from '@trocar/core';
import { fromQuaternion, fromRotationVector, invertRigid, multiply4, Random, transformPoint } from '@trocar/core/math';
import { observePose, type TrackerModel } from '@trocar/core/testing';
import { calibrationPose } from '@trocar/registration';
import type { V3 } from './phantom.js';
import type { Prompt, Recordings } from './prompts.js';

/** How the simulated tracker and hand err; standard deviations per axis. */
export interface StationErrors {
  readonly tracker: Pick<TrackerModel, 'positionSdMm' | 'rotationSdRad'>;
  /** Of seating the tip in a divot, mm. */
  readonly seatingSdMm: number;
  /** A bent tip is off its calibrated place by this after calibration, mm in the pointer's frame. */
  readonly bentMm?: V3;
  /** Distances are this much too long: a wrong calibration of the volume. */
  readonly scale?: number;
}

/** An optical tracker at its usual distance. */
export const USUAL: StationErrors = { tracker: { positionSdMm: 0.1, rotationSdRad: 0.0005 }, seatingSdMm: 0.08 };
const TIP: V3 = [-18.5, 1.2, -158];
const PERIOD_MS = 1000 / 60;

/** A simulated station: what it records of a prompt. The same seed gives the same recordings. */
export function simulatedStation(seed: number, errors: StationErrors = USUAL): Recordings {
  const random = new Random(seed);
  const referenceFromPhantom = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [
    random.between(-80, 80),
    random.between(-80, 80),
    random.between(-160, -100),
  ]);
  return (prompt) => {
    const sd = errors.seatingSdMm;
    const seated = prompt.divot.at.map((v) => v + (prompt.how === 'still' ? 0 : sd * random.normal()));
    const bent = prompt.how === 'hold' ? (errors.bentMm ?? [0, 0, 0]) : [0, 0, 0];
    const tip = TIP.map((v, k) => v + (bent[k] as number));
    const stylusFromTip = fromQuaternion(new Float64Array(16), [0, 0, 0, 1], tip);
    const tipFromStylus = invertRigid(new Float64Array(16), stylusFromTip);
    const sample = new PoseSample();
    const pose = new Float64Array(16);
    return Array.from({ length: prompt.poses }, (_, n) => {
      const at = n * PERIOD_MS;
      multiply4(pose, multiply4(pose, referenceFromPhantom, held(prompt, seated, at)), tipFromStylus);
      for (let k = 0; k < 3; k += 1) pose[12 + k] = (errors.scale ?? 1) * (pose[12 + k] as number);
      observePose(sample, pose, at as Instant, errors.tracker, random);
      return calibrationPose(sample);
    });
  };
}

/** phantom from tip: the shaft (+z of the tip frame) along the way out, leaned, and swaying or turned where it is held by hand. */
function held(prompt: Prompt, tip: readonly number[], atMs: number): Float64Array {
  const s = atMs / 1000;
  const cone = prompt.how === 'turn' ? 0.6 * Math.abs(Math.sin(0.9 * s)) : prompt.how === 'hold' ? 0.02 : 0;
  const lean = (prompt.leanDeg * Math.PI) / 180;
  const azimuth = (prompt.azimuthDeg * Math.PI) / 180;
  const m = alongZ(prompt.divot.out);
  const turned = (x: number, y: number, z: number): Float64Array =>
    multiply4(m, m, fromRotationVector(new Float64Array(16), [x, y, z]));
  turned(lean * Math.cos(azimuth), lean * Math.sin(azimuth), 0);
  turned(cone * Math.cos(5 * s), cone * Math.sin(5 * s), 0);
  for (let k = 0; k < 3; k += 1) m[12 + k] = tip[k] as number;
  return m;
}

/** The shortest rotation of +z onto a direction. */
function alongZ(out: V3): Float64Array {
  const angle = Math.acos(Math.max(-1, Math.min(1, out[2])));
  const axis = Math.hypot(out[0], out[1]);
  const v = axis < 1e-9 ? [angle, 0, 0] : [(-angle * out[1]) / axis, (angle * out[0]) / axis, 0];
  const m = fromRotationVector(new Float64Array(16), v);
  // What was meant: the shaft leaves the divot along its way out.
  const z = transformPoint(new Float64Array(3), m, [0, 0, 1]);
  if (Math.hypot(...z.map((value, k) => value - (out[k] as number))) > 1e-9)
    throw new Error('A divot has no direction of unit length.');
  return m;
}
