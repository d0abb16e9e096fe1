import { type Frame, requireSameFrame } from '../../frames/index.js';
import type { Mesh } from '../../volume/index.js';
import { type AblationTarget, FieldWalk, insideShare } from './target.js';
import type { AblationZone } from './zone.js';

/** How well a zone covers a target, the error of their poses left aside. */
export interface MarginMap<in out F extends string> {
  readonly frame: Frame<F>;
  /** The target's surface that {@link marginsMm} is of. */
  readonly surface: Mesh<F>;
  /**
   * The margin at each vertex of the surface, mm: the distance from there to the boundary of the zone, positive where the vertex lies in the
   * zone, negative where it does not (the quantitative ablation margin of Sandu et al. 2021, Front. Oncol. 11:623098).
   */
  readonly marginsMm: Float64Array;
  /** The least margin on the surface, mm: the minimal ablative margin. */
  readonly minimalMarginMm: number;
  /** The vertex that has it. */
  readonly worstVertex: number;
  /** The part of the target's volume that lies in the zone (A0), 0 … 1. */
  readonly coveredShare: number;
  /**
   * The part of the surface, by area, whose margin is below 0, below 5 and below 10 mm, 0 … 1. Each contains the ones before.
   */
  readonly surfaceBelow: { readonly mm0: number; readonly mm5: number; readonly mm10: number };
}

/**
 * The margins of a zone about a target, at every vertex of the target's surface.
 * @throws NavError `frame/mismatch`
 */
export function marginMap<F extends string>(target: AblationTarget<F>, zone: AblationZone<NoInfer<F>>): MarginMap<F> {
  requireSameFrame(target.frame, zone.frame, 'Measuring ablation margins');
  const { positions } = target.surface;
  const marginsMm = new Float64Array(positions.length / 3);
  let worstVertex = 0;
  for (let n = 0; n < marginsMm.length; n += 1) {
    marginsMm[n] = -zone.distance(positions.subarray(3 * n, 3 * n + 3));
    if ((marginsMm[n] as number) < (marginsMm[worstVertex] as number)) worstVertex = n;
  }
  const below = (mm: number): number => areaBelow(target.surface, marginsMm, mm);
  return Object.freeze({
    frame: target.frame,
    surface: target.surface,
    marginsMm,
    minimalMarginMm: marginsMm[worstVertex] as number,
    worstVertex,
    coveredShare: coveredShare(target, zone),
    surfaceBelow: Object.freeze({ mm0: below(0), mm5: below(5), mm10: below(10) }),
  });
}

/** The part of a target's volume inside a zone, 0 … 1: cells are counted by how much of them is inside. */
export function coveredShare<F extends string>(target: AblationTarget<F>, zone: AblationZone<NoInfer<F>>): number {
  requireSameFrame(target.frame, zone.frame, 'Measuring the covered share');
  const { places, volumes, sizeMm } = target.cells();
  const walk = new FieldWalk((p) => zone.distance(p), sizeMm);
  let covered = 0;
  let all = 0;
  for (let n = 0; n < volumes.length; n += 1) {
    const volume = volumes[n] as number;
    all += volume;
    const p = places.subarray(3 * n, 3 * n + 3);
    const inZone = insideShare(walk.at(p), sizeMm);
    const inTarget = volume / sizeMm ** 3;
    covered +=
      inZone === 0 || inZone === 1 || inTarget === 1 ? volume * inZone : sizeMm ** 3 * inBoth(target, zone, p, inTarget, inZone);
  }
  return covered / all;
}

/**
 * The share of a cell that is inside two bodies whose surfaces both pass it, from the share inside each: the smaller one where the surfaces lie
 * alike, what is more than the whole where they face each other, the product where they are square to each other; by the cosine between.
 */
function inBoth(a: Distances, b: Distances, p: ArrayLike<number>, inA: number, inB: number): number {
  const u = gradient(a, p);
  const v = gradient(b, p);
  const cosine = (u[0] * v[0] + u[1] * v[1] + u[2] * v[2]) / (Math.hypot(...u) * Math.hypot(...v));
  const product = inA * inB;
  const end = cosine >= 0 ? Math.min(inA, inB) : Math.max(0, inA + inB - 1);
  return Number.isNaN(cosine) ? product : product + Math.abs(cosine) * (end - product);
}

interface Distances {
  distance(p: ArrayLike<number>): number;
}

/** The gradient of a distance, by differences over 0.02 mm. */
function gradient(of: Distances, p: ArrayLike<number>): [number, number, number] {
  const at = [p[0], p[1], p[2]] as [number, number, number];
  const along = (k: 0 | 1 | 2): number => {
    const [low, high] = [[...at], [...at]];
    low[k] = at[k] - 0.01;
    high[k] = at[k] + 0.01;
    return of.distance(high) - of.distance(low);
  };
  return [along(0), along(1), along(2)];
}

/** The part of a surface's area where a value, linear on each triangle, is below a level. */
function areaBelow(
  { positions, triangles }: Mesh<string> | Pick<Mesh<string>, 'positions' | 'triangles'>,
  values: Float64Array,
  level: number,
): number {
  let below = 0;
  let all = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t], triangles[t + 1], triangles[t + 2]] as [number, number, number];
    const area = triangleArea(positions, a, b, c);
    all += area;
    below += area * shareBelow((values[a] as number) - level, (values[b] as number) - level, (values[c] as number) - level);
  }
  return below / all;
}

/** The share of a triangle where a linear function with these values at the corners is negative. */
function shareBelow(a: number, b: number, c: number): number {
  const negative = Number(a < 0) + Number(b < 0) + Number(c < 0);
  if (negative === 0 || negative === 3) return negative / 3;
  // The corner that is alone on its side cuts off a triangle similar along each of its two sides.
  if (negative === 1) return a < 0 ? cutOff(a, b, c) : b < 0 ? cutOff(b, c, a) : cutOff(c, a, b);
  return 1 - (a >= 0 ? cutOff(a, b, c) : b >= 0 ? cutOff(b, c, a) : cutOff(c, a, b));
}

function cutOff(alone: number, b: number, c: number): number {
  return (alone / (alone - b)) * (alone / (alone - c));
}

function triangleArea(p: Float64Array, a: number, b: number, c: number): number {
  const side = (m: number, n: number, k: number): number => (p[3 * n + k] as number) - (p[3 * m + k] as number);
  const [ux, uy, uz] = [side(a, b, 0), side(a, b, 1), side(a, b, 2)];
  const [vx, vy, vz] = [side(a, c, 0), side(a, c, 1), side(a, c, 2)];
  return Math.hypot(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx) / 2;
}
