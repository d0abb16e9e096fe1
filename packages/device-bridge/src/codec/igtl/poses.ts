import type { PoseSample } from '@trocar/core';
import { quaternionOf } from '@trocar/core/math';
import { type IgtlFrame, nameAt } from './frame.js';
import { QTDATA_ELEMENT, TDATA_ELEMENT } from './tracking-data.js';
import { isRigid, readMatrix, TRANSFORM_SIZE } from './transform.js';

/**
 * How reading a pose ended. `wrong-size`: the content has not its type's size. `not-rigid`: the matrix scales, shears
 * or mirrors, as that from an image's pixels does: no pose can hold it. `no-orientation`: a position only.
 */
export type PoseReading = 'ok' | 'wrong-size' | 'not-rigid' | 'no-orientation';

const matrix = new Float64Array(16);
const quaternion = new Float64Array(4);

/**
 * The matrix of a TRANSFORM frame into 16 doubles, column-major, mm; false, and `out` untouched, where the content
 * has not 48 bytes. Allocates nothing.
 */
export function readTransform(frame: IgtlFrame, out: Float64Array): boolean {
  if (frame.contentEnd - frame.contentStart !== TRANSFORM_SIZE) return false;
  readMatrix(frame.view, frame.contentStart, out, 0);
  return true;
}

/**
 * Position and quaternion of a TRANSFORM frame into a sample. Its times and its status stay as they are: the protocol
 * has no status, see `plusStatus`. Allocates nothing.
 */
export function readTransformPose(frame: IgtlFrame, sample: PoseSample): PoseReading {
  return readTransform(frame, matrix) ? fromMatrix(matrix, 0, sample) : 'wrong-size';
}

/** Position and quaternion of 16 doubles (column-major, mm) into a sample, as {@link readTransformPose}. */
export function readMatrixPose(values: Float64Array, sample: PoseSample): PoseReading {
  return fromMatrix(values, 0, sample);
}

/**
 * Position and quaternion of a POSITION (or QTRANS) frame into a sample, as {@link readTransformPose}. Of the short
 * form with three numbers the scalar part is taken positive, as the reference library does. Where the message has no
 * orientation only the position is set.
 */
export function readPositionPose(frame: IgtlFrame, sample: PoseSample): PoseReading {
  const { view, contentStart: at } = frame;
  const size = frame.contentEnd - at;
  if (size !== 12 && size !== 24 && size !== 28) return 'wrong-size';
  const v = sample.values;
  for (let k = 0; k < 3; k += 1) v[3 + k] = view.getFloat32(at + 4 * k);
  if (size === 12) return 'no-orientation';
  for (let k = 0; k < 3; k += 1) v[6 + k] = view.getFloat32(at + 12 + 4 * k);
  if (size === 28) {
    v[9] = view.getFloat32(at + 24);
  } else {
    const x = v[6] as number;
    const y = v[7] as number;
    const z = v[8] as number;
    v[9] = Math.sqrt(Math.max(0, 1 - x * x - y * y - z * z));
  }
  return 'ok';
}

function fromMatrix(values: Float64Array, base: number, sample: PoseSample): PoseReading {
  let m = values;
  if (base !== 0 || values !== matrix) {
    m = matrix;
    for (let i = 0; i < 16; i += 1) m[i] = values[base + i] as number;
  }
  if (!isRigid(m)) return 'not-rigid';
  quaternionOf(quaternion, m);
  const v = sample.values;
  v[3] = m[12] as number;
  v[4] = m[13] as number;
  v[5] = m[14] as number;
  v[6] = quaternion[0] as number;
  v[7] = quaternion[1] as number;
  v[8] = quaternion[2] as number;
  v[9] = quaternion[3] as number;
  return 'ok';
}

/** The tools of one TDATA or QTDATA frame: reused, and grown only where a message has more tools than any before. */
export class ToolPoses {
  /** How many tools the last message had; what is behind them is old. */
  count = 0;
  readonly names: string[] = [];
  /** As sent: 1 tracker, 2 six, 3 three, 4 five degrees of freedom. */
  toolTypes: Uint8Array = new Uint8Array(0);
  /** 16 doubles a tool, column-major, mm; filled by TDATA. */
  matrices: Float64Array = new Float64Array(0);
  /** x y z (mm), qx qy qz qw: 7 doubles a tool; filled by QTDATA. */
  quaternions: Float64Array = new Float64Array(0);
  #fromMatrices = true;

  /**
   * Takes a TDATA or QTDATA frame; false, with {@link count} 0, where its size is no whole number of tools. Names are
   * cached: no allocation for tools met before.
   */
  read(frame: IgtlFrame): boolean {
    this.#fromMatrices = frame.type === 'TDATA';
    const element = this.#fromMatrices ? TDATA_ELEMENT : QTDATA_ELEMENT;
    const count = (frame.contentEnd - frame.contentStart) / element;
    this.count = 0;
    if (!Number.isInteger(count)) return false;
    this.#reserve(count);
    const { bytes, view } = frame;
    for (let i = 0, at = frame.contentStart; i < count; i += 1, at += element) {
      this.names[i] = nameAt(bytes, view, at);
      this.toolTypes[i] = view.getUint8(at + 20);
      if (this.#fromMatrices) readMatrix(view, at + 22, this.matrices, 16 * i);
      else for (let k = 0; k < 7; k += 1) this.quaternions[7 * i + k] = view.getFloat32(at + 22 + 4 * k);
    }
    this.count = count;
    return true;
  }

  /** Position and quaternion of tool `i` into a sample, as {@link readTransformPose}. */
  pose(i: number, sample: PoseSample): PoseReading {
    if (this.#fromMatrices) return fromMatrix(this.matrices, 16 * i, sample);
    const v = sample.values;
    for (let k = 0; k < 7; k += 1) v[3 + k] = this.quaternions[7 * i + k] as number;
    return 'ok';
  }

  #reserve(count: number): void {
    if (count <= this.toolTypes.length) return;
    const room = Math.max(count, 2 * this.toolTypes.length);
    this.toolTypes = new Uint8Array(room);
    this.matrices = new Float64Array(16 * room);
    this.quaternions = new Float64Array(7 * room);
  }
}
