import { type Frame, frame } from '@trocar/core';
import { fromQuaternion, fromRotationVector, multiply4, type Random, transformPoint } from '@trocar/core/math';
import type { CalibrationPose, PoseList } from '../calibration/poses.js';

/** Simulated recordings of a tracked tool, with known truth, for this package's own tests. */

export const tracker: Frame<'tracker'> = frame('tracker');
export const stylus: Frame<'stylus'> = frame('stylus');

/** How a pivot recording is made. Everything left out is perfect, or as usual. */
export interface PivotScene {
  readonly count: number;
  /** Half-angle of the cone that the shaft fills, rad. */
  readonly coneRad: number;
  /** The tool is turned about its shaft by up to this to either side, rad. Default π. */
  readonly spinRad?: number;
  /** Standard deviations per axis of the marker's position (mm) and rotation (rad). */
  readonly positionSdMm?: number;
  readonly rotationSdRad?: number;
  /** What of the noise is left one pose later: 0 … 1. Default 0, independent. */
  readonly noiseDecay?: number;
  /** A hand's smooth path instead of independent orientations: poses per change of direction. */
  readonly posesPerMove?: number;
  /** Share of poses that are grossly wrong, by up to `outlierMm` in position and 0.5 rad in rotation. */
  readonly outlierShare?: number;
  readonly outlierMm?: number;
  /** Length of the tool. Default 160 mm. */
  readonly tipMm?: number;
  /** The tip slides this far over the recording, mm. */
  readonly slideMm?: number;
}

/** A recording and what is true of it. */
export interface PivotRecording {
  readonly list: PoseList<'tracker', 'stylus'>;
  /** Tip in the tool's frame, mm. */
  readonly tip: Float64Array;
  /** Where it stood, in the tracker's frame, mm. */
  readonly pivot: Float64Array;
  /** Which poses were spoilt. */
  readonly spoilt: readonly boolean[];
}

/** A unit vector evenly spread over the sphere. */
export function direction(random: Random): [number, number, number] {
  for (;;) {
    const v: [number, number, number] = [random.normal(), random.normal(), random.normal()];
    const size = Math.hypot(...v);
    if (size > 1e-6) return [v[0] / size, v[1] / size, v[2] / size];
  }
}

/** A rotation and a translation as a pose. */
export function posed(rotation: ArrayLike<number>, t: ArrayLike<number>): Float64Array {
  const m = Float64Array.from(rotation);
  for (let i = 0; i < 3; i += 1) m[12 + i] = t[i] as number;
  return m;
}

/** The rotation by `angle` about `axis`. */
export function turn(axis: ArrayLike<number>, angle: number): Float64Array {
  return fromRotationVector(
    new Float64Array(16),
    [0, 1, 2].map((i) => angle * (axis[i] as number)),
  );
}

/** Noise of a tracker: the matrix with its position and its rotation (about the tool's own axes) a little wrong. */
export function observed(matrix: ArrayLike<number>, position: ArrayLike<number>, rotation: ArrayLike<number>): Float64Array {
  const out = multiply4(new Float64Array(16), matrix, fromRotationVector(new Float64Array(16), rotation));
  for (let i = 0; i < 3; i += 1) out[12 + i] = (out[12 + i] as number) + (position[i] as number);
  return out;
}

/** Six numbers, each a stationary first-order process of variance 1. */
export function lastingNoise(random: Random, decay: number): () => Float64Array {
  const state = Float64Array.from({ length: 6 }, () => random.normal());
  const fresh = Math.sqrt(1 - decay * decay);
  return () => {
    for (let i = 0; i < 6; i += 1) state[i] = decay * (state[i] as number) + fresh * random.normal();
    return state;
  };
}

/** A recording of a tool that is tilted about its tip. */
export function pivotRecording(random: Random, scene: PivotScene): PivotRecording {
  const length = scene.tipMm ?? 160;
  const tip = Float64Array.from(direction(random), (x) => length * x);
  const pivot = Float64Array.from([random.between(-200, 200), random.between(-200, 200), random.between(-1800, -800)]);
  const orientations = orientationsOf(random, scene, tip);
  const noise = lastingNoise(random, scene.noiseDecay ?? 0);
  const away = direction(random);
  const spoilt: boolean[] = [];
  const poses = orientations.map((rotation, k): CalibrationPose => {
    const from = transformPoint(new Float64Array(3), rotation, tip);
    const slid = (scene.slideMm ?? 0) * (k / scene.count - 0.5);
    const truth = posed(
      rotation,
      [0, 1, 2].map((i) => (pivot[i] as number) + slid * (away[i] as number) - (from[i] as number)),
    );
    const n = noise();
    const p = [0, 1, 2].map((i) => (scene.positionSdMm ?? 0) * (n[i] as number));
    const r = [3, 4, 5].map((i) => (scene.rotationSdRad ?? 0) * (n[i] as number));
    const gross = random.uniform() < (scene.outlierShare ?? 0);
    const [axis, where] = [direction(random), direction(random)];
    const size = random.between(0.2, 1);
    spoilt.push(gross);
    if (gross) {
      for (let i = 0; i < 3; i += 1) {
        p[i] = (p[i] as number) + size * (scene.outlierMm ?? 50) * (where[i] as number);
        r[i] = (r[i] as number) + 0.5 * size * (axis[i] as number);
      }
    }
    return { matrix: observed(truth, p, r), timeMs: (k * 1000) / 60, status: 'ok' };
  });
  return { list: { to: tracker, from: stylus, poses }, tip, pivot, spoilt };
}

/** Tilts within the cone about a random main orientation, times turns about the shaft. */
function orientationsOf(random: Random, scene: PivotScene, tip: Float64Array): Float64Array[] {
  const main = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [0, 0, 0]);
  const size = Math.hypot(...tip);
  const shaft = Array.from(tip, (x) => x / size) as [number, number, number];
  const spin = scene.spinRad ?? Math.PI;
  const cone = (): [number, number, number] => {
    const angle = Math.acos(1 - random.uniform() * (1 - Math.cos(scene.coneRad)));
    const around = random.between(0, 2 * Math.PI);
    return [angle * Math.cos(around), angle * Math.sin(around), random.between(-spin, spin)];
  };
  const [a, b] = across(shaft);
  let [from, to] = [cone(), cone()];
  return Array.from({ length: scene.count }, (_, k) => {
    const moves = scene.posesPerMove ?? 1;
    const phase = (k % moves) / moves;
    if (k % moves === 0) [from, to] = [to, cone()];
    const f = moves === 1 ? 1 : 0.5 - 0.5 * Math.cos(Math.PI * phase);
    const [x, y, z] = [0, 1, 2].map((i) => (from[i] as number) + f * ((to[i] as number) - (from[i] as number))) as [
      number,
      number,
      number,
    ];
    const tilt = fromRotationVector(
      new Float64Array(16),
      [0, 1, 2].map((i) => x * (a[i] as number) + y * (b[i] as number)),
    );
    const tilted = multiply4(new Float64Array(16), main, tilt);
    return multiply4(tilted, tilted, turn(shaft, z));
  });
}

/** Two unit vectors across a third. */
export function across(v: readonly [number, number, number]): [[number, number, number], [number, number, number]] {
  const [x, y, z] = v;
  const helper: [number, number, number] = Math.abs(x) < 0.6 ? [1, 0, 0] : [0, 1, 0];
  const a = cross(v, helper);
  const size = Math.hypot(...a);
  const unit: [number, number, number] = [a[0] / size, a[1] / size, a[2] / size];
  return [unit, cross([x, y, z], unit)];
}

function cross(a: readonly number[], b: readonly number[]): [number, number, number] {
  const [ax, ay, az] = a as [number, number, number];
  const [bx, by, bz] = b as [number, number, number];
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}
