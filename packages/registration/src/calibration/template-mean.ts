import { fromQuaternion, multiply4, quaternionOf, rotationVectorOf, symmetricEigen } from '@trocar/core/math';
import { huberWeight, madScale, median } from '../accuracy/robust.js';
import { at } from '../points/rigid-fit.js';

/**
 * The mean of poses that ought to be one.
 *
 * Positions: arithmetic. Rotations: the unit quaternion that maximises Σ w (q · q_k)², the largest eigenvector of
 * Σ w q qᵀ, which is the mean in the chordal metric and does not care that q and −q are one rotation (Markley 2007,
 * J. Guid. Control Dyn. 30:1193).
 */
export function meanPose(matrices: readonly ArrayLike<number>[], weights: ArrayLike<number>): Float64Array {
  const q = new Float64Array(4);
  const scatter = new Float64Array(16);
  const t = new Float64Array(3);
  let total = 0;
  matrices.forEach((m, k) => {
    const w = at(weights, k);
    total += w;
    quaternionOf(q, m);
    for (let i = 0; i < 4; i += 1)
      for (let j = 0; j < 4; j += 1) scatter[4 * i + j] = at(scatter, 4 * i + j) + w * at(q, i) * at(q, j);
    for (let i = 0; i < 3; i += 1) t[i] = at(t, i) + w * at(m, 12 + i);
  });
  const { vectors } = symmetricEigen(scatter, 4);
  return fromQuaternion(
    new Float64Array(16),
    [0, 4, 8, 12].map((i) => at(vectors, i)),
    t.map((x) => x / total),
  );
}

/** How `b` differs from `a`: of the positions, mm, and the rotation vector of R_b R_aᵀ, rad, both in the common frame. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): [Float64Array, Float64Array] {
  const moved = Float64Array.from({ length: 3 }, (_, i) => at(b, 12 + i) - at(a, 12 + i));
  const back = new Float64Array(16);
  for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) back[4 * c + r] = at(a, 4 * r + c);
  back[15] = 1;
  const turned = Float64Array.from(b);
  turned.fill(0, 12, 15);
  return [moved, rotationVectorOf(new Float64Array(3), multiply4(turned, turned, back))];
}

/** The mean of poses of one insertion, and how still they were. */
export interface StillPose {
  readonly mean: Float64Array;
  /** Poses that agree. */
  readonly used: number;
  /** Root mean square about the mean, over the poses that agree. */
  readonly movedMm: number;
  readonly movedRad: number;
}

/** Poses this many robust standard deviations off are wrong ones. */
const FAR = 6;
/** No tracker repeats better than this: mm and rad. */
const FLOOR_MM = 1e-4;
const FLOOR_RAD = 1e-6;

/** The Huber mean of poses, starting from the pose that lies nearest to the middle of all. */
export function stillPose(matrices: readonly ArrayLike<number>[]): StillPose {
  let mean: ArrayLike<number> = middleOf(matrices);
  let weights: number[] = [];
  for (let step = 0; step < 10; step += 1) {
    const off = matrices.map((m) => difference(mean, m).map((v) => Math.hypot(...v)) as [number, number]);
    const scale = [0, 1].map((i) => Math.max(i === 0 ? FLOOR_MM : FLOOR_RAD, madScale(Float64Array.from(off, (o) => o[i as 0]))));
    weights = off.map((o) => {
      const s = Math.max(o[0] / (scale[0] as number), o[1] / (scale[1] as number));
      return s > FAR ? 0 : huberWeight(s, 3);
    });
    mean = meanPose(matrices, weights);
  }
  const kept = matrices.filter((_, k) => at(weights, k) > 0).map((m) => difference(mean, m));
  const rms = (part: 0 | 1): number => Math.sqrt(kept.reduce((sum, d) => sum + Math.hypot(...d[part]) ** 2, 0) / kept.length);
  return { mean: Float64Array.from(mean), used: kept.length, movedMm: rms(0), movedRad: rms(1) };
}

/** The pose whose position is nearest to the median position. */
function middleOf(matrices: readonly ArrayLike<number>[]): ArrayLike<number> {
  const centre = [12, 13, 14].map((i) => median(Float64Array.from(matrices, (m) => at(m, i))));
  let best = matrices[0] as ArrayLike<number>;
  let least = Number.POSITIVE_INFINITY;
  for (const m of matrices) {
    const away = Math.hypot(...centre.map((c, i) => at(m, 12 + i) - c));
    if (away < least) [best, least] = [m, away];
  }
  return best;
}
