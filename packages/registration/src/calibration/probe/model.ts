import { fromRotationVector, multiply4 } from '@trocar/core/math';
import { at } from '../../points/rigid-fit.js';
import { dotOf, type Labelling } from './linear.js';
import type { ProbeTrack, WireObservation } from './observations.js';
import type { NWirePhantom, PhantomWire } from './phantom.js';

/** Parameters: a small turn (rad) and shift (mm) of the image in the probe's frame, logarithms of the pixels' two edges, the lag in ms. */
export const PARAMETERS = 9;
export const LAG = 8;

/** One choice of the parameters. */
export interface ProbeState {
  /** Rigid: directions of columns and rows, and the place of pixel (0, 0), mm; 16 doubles, column-major. */
  readonly pose: Float64Array;
  readonly columnMm: number;
  readonly rowMm: number;
  readonly lagMs: number;
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
  };
}

/** What the fit looks at. */
export interface WireModel {
  readonly observations: readonly WireObservation[];
  readonly track: ProbeTrack;
  readonly phantom: NWirePhantom;
  readonly labelling: Labelling;
}

/** Scratch of misfitsOf(): image axes from phantom, 3 × 4, column by column. */
const fromPhantom = new Float64Array(12);
const pose4 = new Float64Array(16);

/**
 * Where the plane of an image cuts the wires less where their dots are, along columns and rows, mm: two numbers a wire.
 * NaN where a wire lies in the plane.
 */
export function misfitsOf(out: Float64Array, model: WireModel, state: ProbeState, image: number): void {
  const { phantom, labelling, observations, track } = model;
  track.probeFromPhantom(pose4, image, state.lagMs);
  toImageAxes(state.pose, pose4);
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

/** A coordinate of a point of the phantom along the image's axes, mm: columns, rows, out of the plane. */
function inImage(axis: number, p: readonly [number, number, number]): number {
  const f = fromPhantom;
  return at(f, axis) * p[0] + at(f, 3 + axis) * p[1] + at(f, 6 + axis) * p[2] + at(f, 9 + axis);
}

/** Fills `fromPhantom`: the pose's axes and place, turned round, times probe-from-phantom. */
function toImageAxes(pose: Float64Array, m: Float64Array): void {
  for (let axis = 0; axis < 3; axis += 1) {
    const [x, y, z] = [at(pose, 4 * axis), at(pose, 4 * axis + 1), at(pose, 4 * axis + 2)];
    for (let c = 0; c < 3; c += 1) {
      fromPhantom[3 * c + axis] = x * at(m, 4 * c) + y * at(m, 4 * c + 1) + z * at(m, 4 * c + 2);
    }
    fromPhantom[9 + axis] = x * (at(m, 12) - at(pose, 12)) + y * (at(m, 13) - at(pose, 13)) + z * (at(m, 14) - at(pose, 14));
  }
}
