import { NavError } from '@trocar/core';
import { cholesky, choleskySolve, fisherTail, invertSymmetric, twoSidedZ } from '@trocar/core/math';
import { multiply } from '../accuracy/matrices.js';
import { centreOf, informationOf, leverOf } from '../accuracy/pose-covariance.js';
import type { Pairs } from './estimate.js';
import type { MapModel } from './models.js';
import { indicesInUse, type PointResidual } from './residuals.js';
import { at, residualAt } from './rigid-fit.js';

/** A similarity or an affine map, and how far it can be trusted. */
export interface ModelEstimate {
  readonly model: MapModel;
  readonly matrix: Float64Array;
  readonly converged: boolean;
  /** Centroid of the fitted points in the `to` frame, mm: the parameters' changes are about it. */
  readonly centre: Float64Array;
  /** Cov(ξ), size × size row-major, in the noise model's scale. */
  readonly covariance: Float64Array;
  readonly bread: Float64Array;
  /** 3N − size for the pairs in use. */
  readonly freedom: number;
  readonly chiSquare: number;
  /** What multiplies the noise model's covariances; NaN where nothing is left to estimate it from. */
  readonly scale: number;
}

/**
 * Fits the map and its covariance: as for a rigid motion (accuracy/pose-covariance), with the model's own design in place of
 * [I | −[q]×].
 * @throws NavError `registration/coplanar` where the points do not fix the map
 */
export function estimateModel(pairs: Pairs, weights: Float64Array, model: MapModel): ModelEstimate {
  const { noise } = pairs;
  const { matrix, converged } = fitModel(pairs, weights, model);
  const centre = centreOf(matrix, pairs.from, weights);
  const sums = accumulate(pairs, weights, model, matrix, centre);
  if (!cholesky(new Float64Array(model.size ** 2), sums.information, model.size)) throw unfixed(model);
  const bread = invertSymmetric(sums.information, model.size);
  const covariance = noise.exact ? bread : multiply(bread, multiply(sums.meat, bread, model.size), model.size);
  const freedom = 3 * indicesInUse(weights).length - model.size;
  const expected = noise.exact ? freedom : expectedSquares(pairs, weights, model, matrix, centre, bread, covariance);
  const chiSquare = freedom > 0 ? (sums.squares / expected) * freedom : 0;
  return {
    model,
    matrix,
    converged,
    centre,
    covariance,
    bread,
    freedom,
    chiSquare,
    scale: noise.known ? 1 : chiSquare / freedom,
  };
}

/** The map alone. */
export function fitModel(pairs: Pairs, weights: Float64Array, model: MapModel): Pick<ModelEstimate, 'matrix' | 'converged'> {
  const matrix = model.fit(pairs.to, pairs.from, weights);
  if (matrix === undefined) throw unfixed(model);
  const converged = pairs.noise.exact && !pairs.noise.isotropic ? refine(pairs, weights, model, matrix) : true;
  return { matrix, converged };
}

function unfixed(model: MapModel): NavError<'registration/coplanar'> {
  return new NavError(
    'registration/coplanar',
    `The points do not fix ${model.name === 'affine' ? 'an affine map' : 'a similarity'}: they lie in one plane, or nearly. ` +
      'Add points well away from that plane, or register a rigid motion.',
  );
}

interface Sums {
  readonly information: Float64Array;
  readonly meat: Float64Array;
  readonly pull: Float64Array;
  readonly squares: number;
}

/** Σ DᵀΩD, Σ DᵀΩΣΩD, Σ DᵀΩr and Σ rᵀΩr. */
function accumulate(
  pairs: Pairs,
  weights: ArrayLike<number>,
  model: MapModel,
  matrix: ArrayLike<number>,
  centre: ArrayLike<number>,
): Sums {
  const n = model.size;
  const information = new Float64Array(n * n);
  const meat = new Float64Array(n * n);
  const pull = new Float64Array(n);
  const design = new Float64Array(3 * n);
  const own = [new Float64Array(9), new Float64Array(9), new Float64Array(3), new Float64Array(3)] as const;
  const [omega, sigma, q, r] = own;
  let squares = 0;
  for (let k = 0; k < weights.length; k += 1) {
    if (!(at(weights, k) > 0)) continue;
    informationOf(omega, pairs.noise, weights, k, matrix);
    leverOf(q, matrix, pairs.from, k, centre);
    residualAt(r, matrix, pairs.to, pairs.from, k);
    model.design(design, q);
    addQuadratic(information, omega, design, n);
    if (!pairs.noise.exact) {
      pairs.noise.covariance(sigma, k, matrix);
      addQuadratic(meat, multiply(omega, multiply(sigma, omega, 3), 3), design, n);
    }
    for (let a = 0; a < 3; a += 1) {
      let f = 0;
      for (let b = 0; b < 3; b += 1) f += at(omega, 3 * a + b) * at(r, b);
      squares += at(r, a) * f;
      for (let i = 0; i < n; i += 1) pull[i] = at(pull, i) + at(design, n * a + i) * f;
    }
  }
  return { information, meat, pull, squares };
}

/** out += Dᵀ W D. */
function addQuadratic(out: Float64Array, w: ArrayLike<number>, design: ArrayLike<number>, n: number): void {
  for (let a = 0; a < 3; a += 1) {
    for (let b = 0; b < 3; b += 1) {
      const factor = at(w, 3 * a + b);
      if (factor === 0) continue;
      for (let i = 0; i < n; i += 1) {
        const left = factor * at(design, n * a + i);
        if (left !== 0) for (let j = 0; j < n; j += 1) out[n * i + j] = at(out, n * i + j) + left * at(design, n * b + j);
      }
    }
  }
}

function refine(pairs: Pairs, weights: ArrayLike<number>, model: MapModel, matrix: Float64Array): boolean {
  for (let iteration = 0; iteration < 60; iteration += 1) {
    const centre = centreOf(matrix, pairs.from, weights);
    const { information, pull } = accumulate(pairs, weights, model, matrix, centre);
    if (!cholesky(information, information, model.size)) return false;
    choleskySolve(pull, information, pull, model.size);
    model.step(matrix, pull, centre);
    const linear = Math.hypot(...pull.subarray(3));
    if (Math.hypot(at(pull, 0), at(pull, 1), at(pull, 2)) < 1e-9 && linear < 1e-11) return true;
  }
  return false;
}

/** D C Dᵀ at q from the centre, 3×3, new. */
export function carriedBy(model: MapModel, covariance: ArrayLike<number>, q: ArrayLike<number>): Float64Array {
  const n = model.size;
  const design = new Float64Array(3 * n);
  model.design(design, q);
  const half = new Float64Array(3 * n);
  const out = new Float64Array(9);
  for (let a = 0; a < 3; a += 1) {
    for (let j = 0; j < n; j += 1) {
      let sum = 0;
      for (let i = 0; i < n; i += 1) sum += at(design, n * a + i) * at(covariance, n * i + j);
      half[n * a + j] = sum;
    }
    for (let b = 0; b < 3; b += 1) {
      let sum = 0;
      for (let j = 0; j < n; j += 1) sum += at(half, n * a + j) * at(design, n * b + j);
      out[3 * a + b] = sum;
    }
  }
  return out;
}

/** Covariance of pair k's residual in the noise model's scale: Σ − D P DᵀΩΣ − its transpose + D C Dᵀ. */
function residualSpread(
  pairs: Pairs,
  weights: ArrayLike<number>,
  { model, matrix, centre, bread, covariance }: Pick<ModelEstimate, 'model' | 'matrix' | 'centre' | 'bread' | 'covariance'>,
  k: number,
): Float64Array {
  const sigma = new Float64Array(9);
  const omega = new Float64Array(9);
  const q = new Float64Array(3);
  pairs.noise.covariance(sigma, k, matrix);
  informationOf(omega, pairs.noise, weights, k, matrix);
  leverOf(q, matrix, pairs.from, k, centre);
  const map = carriedBy(model, covariance, q);
  const taken = multiply(carriedBy(model, bread, q), multiply(omega, sigma, 3), 3);
  return sigma.map((s, i) => s + at(map, i) - at(taken, i) - at(taken, 3 * (i % 3) + Math.floor(i / 3)));
}

function expectedSquares(
  pairs: Pairs,
  weights: ArrayLike<number>,
  model: MapModel,
  matrix: Float64Array,
  centre: Float64Array,
  bread: Float64Array,
  covariance: Float64Array,
): number {
  const omega = new Float64Array(9);
  let expected = 0;
  for (const k of indicesInUse(weights)) {
    informationOf(omega, pairs.noise, weights, k, matrix);
    const spread = multiply(omega, residualSpread(pairs, weights, { model, matrix, centre, bread, covariance }, k), 3);
    expected += at(spread, 0) + at(spread, 4) + at(spread, 8);
  }
  return expected;
}

/** Residuals of all pairs, those left out included, with their leave-one-out tests. */
export function modelResiduals(pairs: Pairs, estimate: ModelEstimate, rounding: number): PointResidual[] {
  const { weights } = pairs.noise;
  return Array.from({ length: weights.length }, (_, k) => {
    const vector = residualAt(new Float64Array(3), estimate.matrix, pairs.to, pairs.from, k);
    const spread = residualSpread(pairs, weights, estimate, k);
    return {
      vector,
      mm: Math.hypot(...vector),
      inlier: at(weights, k) > 0,
      expectedMm: rms(spread, estimate.scale),
      ...leftOut(pairs, estimate.model, k, rounding),
    };
  });
}

const UNTOLD = { leaveOneOutMm: Number.NaN, leaveOneOutExpectedMm: Number.NaN, zScore: Number.NaN };

function leftOut(
  pairs: Pairs,
  model: MapModel,
  k: number,
  rounding: number,
): Pick<PointResidual, 'leaveOneOutMm' | 'leaveOneOutExpectedMm' | 'zScore'> {
  const weights = pairs.noise.weights.slice();
  weights[k] = 0;
  const others = indicesInUse(weights).length;
  if (others < model.least || (!pairs.noise.known && 3 * others <= model.size)) return UNTOLD;
  let rest: ModelEstimate;
  try {
    rest = estimateModel(pairs, weights, model);
  } catch {
    return UNTOLD;
  }
  const d = residualAt(new Float64Array(3), rest.matrix, pairs.to, pairs.from, k);
  const q = new Float64Array(3);
  leverOf(q, rest.matrix, pairs.from, k, rest.centre);
  const own = new Float64Array(9);
  pairs.noise.covariance(own, k, rest.matrix);
  const spread = carriedBy(model, rest.covariance, q).map((s, i) => s + at(own, i));
  const inverse = invertSymmetric(spread, 3);
  let squared = 0;
  for (let i = 0; i < 3; i += 1) for (let j = 0; j < 3; j += 1) squared += at(d, i) * at(inverse, 3 * i + j) * at(d, j);
  const freedom = pairs.noise.known ? Number.POSITIVE_INFINITY : rest.freedom;
  const mm = Math.hypot(...d);
  return {
    leaveOneOutMm: mm,
    leaveOneOutExpectedMm: rms(spread, rest.scale),
    zScore: mm <= rounding ? 0 : twoSidedZ(fisherTail(squared / (3 * rest.scale), 3, freedom)),
  };
}

function rms(covariance: ArrayLike<number>, scale: number): number {
  return Math.sqrt(Math.max(0, at(covariance, 0) + at(covariance, 4) + at(covariance, 8)) * scale);
}
