import { NavError } from '@trocar/core';
import { identity4, invertRigid, multiply4, transformPoint } from '@trocar/core/math';
import { type Volume, volume } from '@trocar/core/volume';
import type { FanShape } from './fan.js';
import { REFERENCE } from './frames.js';

/** One frame of a sweep with the pose it was taken at. */
export interface SweptFrame {
  /** Echoes 1 … 255 per line and sample, samples fastest. */
  readonly echoes: Uint8Array;
  /** Reference from the ultrasound's plane: rigid, 16 doubles, column-major, mm. */
  readonly referenceFromPlane: Float64Array;
  /** When it was taken, host ms. */
  readonly atMs: number;
}

/** Voxel edge of the compounded volume, mm. */
export const COMPOUND_MM = 0.7;
/** The first millimetres under the face show the face, no tissue. */
const NEAR_FIELD_MM = 1;
const MOST_VOXELS = 12e6;

/**
 * The frames of a sweep as one volume: every pixel into the voxel it lies in, voxels averaged (pixel-based nearest neighbour, as in
 * Solberg 2007, Ultrasound Med. Biol. 33:991), and a voxel that no pixel met filled from its neighbours where three of them were met.
 * What no frame showed is 0. The grid lies along the middle frame's axes.
 * @throws NavError `registration/no-overlap` for fewer than two frames, or frames too far apart to be one sweep
 */
export function compound(frames: readonly SweptFrame[], fan: FanShape, h: number = COMPOUND_MM): Volume<'reference'> {
  const middle = frames[frames.length >> 1];
  if (middle === undefined || frames.length < 2) {
    throw new NavError(
      'registration/no-overlap',
      `A volume needs at least two frames, and the sweep has ${frames.length}. Sweep again.`,
    );
  }
  const gridFromReference = invertRigid(identity4(), middle.referenceFromPlane);
  const places = fan.places();
  const poses = frames.map((f) => multiply4(identity4(), gridFromReference, f.referenceFromPlane));
  const { low, size } = boxAround(poses, fan, h);
  const sum = new Float32Array(size[0] * size[1] * size[2]);
  const count = new Uint16Array(sum.length);
  const skipped = Math.ceil(NEAR_FIELD_MM / fan.stepMm);
  frames.forEach(({ echoes }, n) => {
    splat(sum, count, { echoes, pose: poses[n] as Float64Array, places, skipped, fan, low, size, h });
  });
  const origin = transformPoint(new Float64Array(3), middle.referenceFromPlane, low);
  const frameFromIndex = Float64Array.from(middle.referenceFromPlane, (x, n) =>
    n < 12 ? h * x : n < 15 ? (origin[n - 12] as number) : 1,
  );
  return volume({
    frame: REFERENCE,
    voxels: filled(sum, count, size),
    size,
    frameFromIndex,
    modality: 'US',
    series: { description: `sweep of ${frames.length} frames` },
  });
}

type Triple = readonly [number, number, number];

interface Splat {
  readonly echoes: Uint8Array;
  readonly pose: Float64Array;
  readonly places: Float64Array;
  readonly skipped: number;
  readonly fan: FanShape;
  readonly low: Triple;
  readonly size: Triple;
  readonly h: number;
}

/** Each sample, and one half way to the next line, where the lines of a deep fan lie further apart than voxels. */
function splat(sum: Float32Array, count: Uint16Array, s: Splat): void {
  const { echoes, pose: m, places, fan, low, size, h } = s;
  const { lines, samples } = fan;
  for (let line = 0; line < lines; line += 1) {
    for (let k = s.skipped; k < samples; k += 1) {
      const n = line * samples + k;
      const next = line + 1 < lines ? n + samples : n;
      for (let half = 0; half < (next === n ? 1 : 2); half += 1) {
        const x = half === 0 ? (places[2 * n] as number) : ((places[2 * n] as number) + (places[2 * next] as number)) / 2;
        const z =
          half === 0 ? (places[2 * n + 1] as number) : ((places[2 * n + 1] as number) + (places[2 * next + 1] as number)) / 2;
        const i = Math.round(((m[0] as number) * x + (m[8] as number) * z + (m[12] as number) - low[0]) / h);
        const j = Math.round(((m[1] as number) * x + (m[9] as number) * z + (m[13] as number) - low[1]) / h);
        const l = Math.round(((m[2] as number) * x + (m[10] as number) * z + (m[14] as number) - low[2]) / h);
        if (i < 0 || j < 0 || l < 0 || i >= size[0] || j >= size[1] || l >= size[2]) continue;
        const v = i + size[0] * (j + size[1] * l);
        const echo = half === 0 ? (echoes[n] as number) : ((echoes[n] as number) + (echoes[next] as number)) / 2;
        sum[v] = (sum[v] as number) + echo;
        count[v] = (count[v] as number) + 1;
      }
    }
  }
}

/** The corners of all fans, in the grid's axes, mm. */
function boxAround(poses: readonly Float64Array[], fan: FanShape, h: number): { low: Triple; size: Triple } {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  const p = new Float64Array(3);
  for (const pose of poses) {
    for (const corner of fan.outline()) {
      transformPoint(p, pose, corner);
      for (let k = 0; k < 3; k += 1) {
        low[k] = Math.min(low[k] as number, p[k] as number);
        high[k] = Math.max(high[k] as number, p[k] as number);
      }
    }
  }
  const size = low.map((l, k) => Math.ceil(((high[k] as number) - l) / h) + 1) as unknown as Triple;
  if (!(size[0] * size[1] * size[2] <= MOST_VOXELS)) {
    throw new NavError(
      'registration/no-overlap',
      `The frames of the sweep lie ${(size[1] * h).toFixed(0)} mm apart: that is no sweep of a prostate. Check the tracking, and sweep again.`,
      { detail: { size } },
    );
  }
  return { low: low as unknown as Triple, size };
}

function filled(sum: Float32Array, count: Uint16Array, [ni, nj, nk]: Triple): Uint8Array {
  const out = new Uint8Array(sum.length);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        const own = count[n] as number;
        out[n] = own > 0 ? Math.max(1, Math.round((sum[n] as number) / own)) : meanAround(sum, count, [ni, nj, nk], i, j, k);
      }
    }
  }
  return out;
}

function meanAround(sum: Float32Array, count: Uint16Array, [ni, nj, nk]: Triple, i: number, j: number, k: number): number {
  let [total, met, hits] = [0, 0, 0];
  for (let z = Math.max(0, k - 1); z <= Math.min(nk - 1, k + 1); z += 1) {
    for (let y = Math.max(0, j - 1); y <= Math.min(nj - 1, j + 1); y += 1) {
      for (let x = Math.max(0, i - 1); x <= Math.min(ni - 1, i + 1); x += 1) {
        const v = x + ni * (y + nj * z);
        if (count[v] === 0) continue;
        total += sum[v] as number;
        hits += count[v] as number;
        met += 1;
      }
    }
  }
  return met >= 3 ? Math.max(1, Math.round(total / hits)) : 0;
}
