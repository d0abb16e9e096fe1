import { fromRotationVector, multiply4 } from '@trocar/core/math';
import { at } from '../../points/rigid-fit.js';
import { dotOf, type Labelling } from './linear.js';
import type { ProbeTrack, WireObservation } from './observations.js';
import type { NWirePhantom, PhantomWire } from './phantom.js';

/**
 * Parameters: a small turn (rad) and shift (mm) of the image in the probe's frame, logarithms of the pixels' two edges, the lag in ms, and the
 * logarithm of how much larger the phantom is than it is said to be.
 */
export const PARAMETERS = 10;
export const LAG = 8;
export const SIZE = 9;

/** One choice of the parameters. */
export interface ProbeState {
  /** Rigid: directions of columns and rows, and the place of pixel (0, 0), mm; 16 doubles, column-major. */
  readonly pose: Float64Array;
  readonly columnMm: number;
  readonly rowMm: number;
  readonly lagMs: number;
  /** Logarithm of the phantom's size over what is said of it, about its frame's origin: 0 unless that is checked. */
  readonly logSize: number;
}

/** Probe from image: p_probe = m · (column, row, 0). */
export function probeFromImageOf({ pose, columnMm, rowMm }: ProbeState): Float64Array {
  const m = Float64Array.from(pose);
  const across = (columnMm + rowMm) / 2;
  for (let r = 0; r < 3; r += 1) {
    m[r] = at(m, r) * columnMm;
    m[4 + r] = at(m, 4 + r) * rowMm;
    m[8 + r] = at(m, 8 + r) * across;
  }
  return m;
}

/** A state moved by a step of the parameters; the turn is about `pivot`, mm in the probe's frame, so that it and the shift are apart. */
export function moved(state: ProbeState, step: ArrayLike<number>, pivot: ArrayLike<number>): ProbeState {
  const turn = fromRotationVector(new Float64Array(16), [at(step, 0), at(step, 1), at(step, 2)]);
  for (let r = 0; r < 3; r += 1) {
    let turned = 0;
    for (let c = 0; c < 3; c += 1) turned += at(turn, 4 * c + r) * at(pivot, c);
    turn[12 + r] = at(pivot, r) - turned + at(step, 3 + r);
  }
  return {
    pose: multiply4(turn, turn, state.pose),
    columnMm: state.columnMm * Math.exp(at(step, 6)),
    rowMm: state.rowMm * Math.exp(at(step, 7)),
    lagMs: state.lagMs + at(step, LAG),
    logSize: state.logSize + at(step, SIZE),
  };
}

/** What the fit looks at. */
export interface WireModel {
  readonly observations: readonly WireObservation[];
  readonly track: ProbeTrack;
  readonly phantom: NWirePhantom;
  readonly labelling: Labelling;
}

/** Scratch: image axes from phantom, 3 × 4, column by column; and probe from phantom. */
const fromPhantom = new Float64Array(12);
const pose4 = new Float64Array(16);

/**
 * Where the plane of an image cuts the wires less where their dots are, along columns and rows, mm: two numbers a wire.
 * NaN where a wire lies in the plane.
 */
export function misfitsOf(out: Float64Array, model: WireModel, state: ProbeState, image: number): void {
  const { phantom, labelling, observations, track } = model;
  track.probeFromPhantom(pose4, image, state.lagMs);
  toImageAxes(state, pose4);
  const { dots } = observations[image] as WireObservation;
  const count = phantom.patterns.length;
  for (let p = 0; p < count; p += 1) {
    const pattern = phantom.patterns[p] as readonly PhantomWire[];
    for (let w = 0; w < 3; w += 1) {
      const { front, back } = pattern[w] as PhantomWire;
      const z = inImage(2, front);
      const s = z / (z - inImage(2, back));
      const index = dotOf(labelling, count, p, w);
      const to = 2 * (3 * p + w);
      const [x, y] = [inImage(0, front), inImage(1, front)];
      out[to] = x + s * (inImage(0, back) - x) - state.columnMm * at(dots, index);
      out[to + 1] = y + s * (inImage(1, back) - y) - state.rowMm * at(dots, index + 1);
    }
  }
}

/** How the image-axis coordinates of a wire's two ends change with the parameters: 3 × PARAMETERS each. */
const frontSlopes = new Float64Array(3 * PARAMETERS);
const backSlopes = new Float64Array(3 * PARAMETERS);
/** Steps of the lag for its derivative, ms. */
const LAG_STEP = 1;

/**
 * The misfits of an image and their derivatives: `slopes[n · PARAMETERS + p]` is that of the n-th with the p-th parameter. Those of the lag are
 * differences over ±1 ms, and only where they are asked for; all others are exact.
 * @param pivot as of moved()
 */
export function derivativesOf(
  misfits: Float64Array,
  slopes: Float64Array,
  model: WireModel,
  state: ProbeState,
  image: number,
  pivot: ArrayLike<number>,
  withLag: boolean,
): void {
  const { phantom, labelling, observations } = model;
  if (withLag) lagSlopes(misfits, slopes, model, state, image);
  misfitsOf(misfits, model, state, image);
  const { dots } = observations[image] as WireObservation;
  const count = phantom.patterns.length;
  for (let p = 0; p < count; p += 1) {
    const pattern = phantom.patterns[p] as readonly PhantomWire[];
    for (let w = 0; w < 3; w += 1) {
      const { front, back } = pattern[w] as PhantomWire;
      endSlopes(frontSlopes, state, front, pivot);
      endSlopes(backSlopes, state, back, pivot);
      const [zf, zb] = [inImage(2, front), inImage(2, back)];
      const s = zf / (zf - zb);
      const index = dotOf(labelling, count, p, w);
      for (let axis = 0; axis < 2; axis += 1) {
        const to = (2 * (3 * p + w) + axis) * PARAMETERS;
        const along = inImage(axis, back) - inImage(axis, front);
        for (let k = 0; k < PARAMETERS; k += 1) {
          if (k === LAG) continue;
          const slope = (zf * at(backSlopes, 2 * PARAMETERS + k) - zb * at(frontSlopes, 2 * PARAMETERS + k)) / (zf - zb) ** 2;
          const f = at(frontSlopes, axis * PARAMETERS + k);
          slopes[to + k] = f + s * (at(backSlopes, axis * PARAMETERS + k) - f) + along * slope;
        }
        slopes[to + 6 + axis] = -(axis === 0 ? state.columnMm : state.rowMm) * at(dots, index + axis);
      }
    }
  }
}

function lagSlopes(scratch: Float64Array, slopes: Float64Array, model: WireModel, state: ProbeState, image: number): void {
  misfitsOf(scratch, model, { ...state, lagMs: state.lagMs - LAG_STEP }, image);
  for (let n = 0; n < scratch.length; n += 1) slopes[n * PARAMETERS + LAG] = -at(scratch, n) / (2 * LAG_STEP);
  misfitsOf(scratch, model, { ...state, lagMs: state.lagMs + LAG_STEP }, image);
  for (let n = 0; n < scratch.length; n += 1) {
    slopes[n * PARAMETERS + LAG] = at(slopes, n * PARAMETERS + LAG) + at(scratch, n) / (2 * LAG_STEP);
  }
}

/**
 * Of y = Rᵀ (p − t), p a point in the probe's frame: a turn ω about the pivot and a shift δ of the image move it by −Rᵀ (ω × (p − pivot) + δ); the phantom's size by
 * Rᵀ times the point's place from the phantom's origin.
 */
function endSlopes(
  out: Float64Array,
  { pose, logSize }: ProbeState,
  point: readonly [number, number, number],
  pivot: ArrayLike<number>,
): void {
  out.fill(0);
  const size = Math.exp(logSize);
  let [x, y, z] = [at(pose4, 12) - at(pivot, 0), at(pose4, 13) - at(pivot, 1), at(pose4, 14) - at(pivot, 2)];
  const [a, b, c] = [size * point[0], size * point[1], size * point[2]];
  x += at(pose4, 0) * a + at(pose4, 4) * b + at(pose4, 8) * c;
  y += at(pose4, 1) * a + at(pose4, 5) * b + at(pose4, 9) * c;
  z += at(pose4, 2) * a + at(pose4, 6) * b + at(pose4, 10) * c;
  for (let axis = 0; axis < 3; axis += 1) {
    const [u, v, w] = [at(pose, 4 * axis), at(pose, 4 * axis + 1), at(pose, 4 * axis + 2)];
    const to = axis * PARAMETERS;
    out[to] = -(w * y - v * z);
    out[to + 1] = -(u * z - w * x);
    out[to + 2] = -(v * x - u * y);
    out[to + 3] = -u;
    out[to + 4] = -v;
    out[to + 5] = -w;
    out[to + SIZE] =
      at(fromPhantom, axis) * point[0] + at(fromPhantom, 3 + axis) * point[1] + at(fromPhantom, 6 + axis) * point[2];
  }
}

/** A coordinate of a point of the phantom along the image's axes, mm: columns, rows, out of the plane. */
function inImage(axis: number, p: readonly [number, number, number]): number {
  const f = fromPhantom;
  return at(f, axis) * p[0] + at(f, 3 + axis) * p[1] + at(f, 6 + axis) * p[2] + at(f, 9 + axis);
}

/** Fills `fromPhantom`: the pose's axes and place, turned round, times probe-from-phantom, times the phantom's size. */
function toImageAxes({ pose, logSize }: ProbeState, m: Float64Array): void {
  const size = Math.exp(logSize);
  for (let axis = 0; axis < 3; axis += 1) {
    const [x, y, z] = [at(pose, 4 * axis), at(pose, 4 * axis + 1), at(pose, 4 * axis + 2)];
    for (let c = 0; c < 3; c += 1) {
      fromPhantom[3 * c + axis] = size * (x * at(m, 4 * c) + y * at(m, 4 * c + 1) + z * at(m, 4 * c + 2));
    }
    fromPhantom[9 + axis] = x * (at(m, 12) - at(pose, 12)) + y * (at(m, 13) - at(pose, 13)) + z * (at(m, 14) - at(pose, 14));
  }
}
