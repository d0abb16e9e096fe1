import { identity4, invert4, transformPoint } from '@trocar/core/math';
import { NECROSIS } from './post-ct.js';
import type { Procedure } from './procedure.js';

/** Zones on the grid of the planning CT, i fastest: 1 where a voxel's centre lies in one. */
export interface ZoneLabels {
  /** The necrosis as drawn on the CT afterwards, by its registration: the label of the nearest voxel there. */
  readonly confirmed: Uint8Array;
  /** Where the applicator was tracked, by its table; undefined where that is not known. */
  readonly expected: Uint8Array | undefined;
  /** The tumour enlarged by the margin that was asked for. */
  readonly margin: Uint8Array;
}

/** No zone reaches further from the tumour's surface, mm. */
const REACH_MM = 60;

type Inside = (p: Float64Array) => boolean;

/** The zones of a procedure that is confirmed. */
export function zoneLabels(procedure: Procedure): ZoneLabels {
  const { burning, confirming, planning } = procedure;
  const { target, demands } = planning;
  const zone = burning.achieved?.zone;
  return {
    confirmed: labelled(procedure, necrosisOf(confirming)),
    expected: zone && labelled(procedure, (p) => zone.contains(p)),
    margin: labelled(procedure, (p) => target.distance(p) <= demands.marginMm),
  };
}

function necrosisOf({ post, result }: Procedure['confirming']): Inside {
  if (post === undefined || result === undefined) return () => false;
  const { size, frameFromIndex, voxels } = post.necrosis;
  const toIndex = identity4();
  invert4(toIndex, frameFromIndex);
  const q = new Float64Array(3);
  return (p) => {
    transformPoint(q, result.movingFromFixed.matrix, p);
    transformPoint(q, toIndex, q);
    const [i, j, k] = [Math.round(q[0] as number), Math.round(q[1] as number), Math.round(q[2] as number)];
    const within = i >= 0 && j >= 0 && k >= 0 && i < size[0] && j < size[1] && k < size[2];
    return within && voxels[i + size[0] * (j + size[1] * k)] === NECROSIS;
  };
}

function labelled({ case: given, planning }: Procedure, inside: Inside): Uint8Array {
  const { size, frameFromIndex: m } = given.volume;
  const [low, high] = boxAbout(planning.target.surface.positions, m, size);
  const out = new Uint8Array(size[0] * size[1] * size[2]);
  const p = new Float64Array(3);
  for (let k = low[2]; k <= high[2]; k += 1) {
    for (let j = low[1]; j <= high[1]; j += 1) {
      for (let i = low[0]; i <= high[0]; i += 1) {
        for (let r = 0; r < 3; r += 1) {
          p[r] = (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
        }
        if (inside(p)) out[i + size[0] * (j + size[1] * k)] = 1;
      }
    }
  }
  return out;
}

type V3 = [number, number, number];

/** Indices of the box of voxels that holds all within {@link REACH_MM} of a surface. */
function boxAbout(positions: ArrayLike<number>, m: ArrayLike<number>, size: readonly number[]): readonly [V3, V3] {
  const toIndex = identity4();
  invert4(toIndex, m);
  const step = [0, 1, 2].map((c) => Math.hypot(m[4 * c] as number, m[4 * c + 1] as number, m[4 * c + 2] as number));
  const [low, high]: [V3, V3] = [
    [Infinity, Infinity, Infinity],
    [-Infinity, -Infinity, -Infinity],
  ];
  const q = new Float64Array(3);
  for (let n = 0; n < positions.length; n += 3) {
    transformPoint(q, toIndex, [positions[n] as number, positions[n + 1] as number, positions[n + 2] as number]);
    for (let c = 0; c < 3; c += 1) {
      low[c as 0] = Math.min(low[c as 0], q[c] as number);
      high[c as 0] = Math.max(high[c as 0], q[c] as number);
    }
  }
  for (const c of [0, 1, 2] as const) {
    const reach = REACH_MM / (step[c] as number);
    low[c] = Math.max(0, Math.floor(low[c] - reach));
    high[c] = Math.min((size[c] as number) - 1, Math.ceil(high[c] + reach));
  }
  return [low, high];
}
