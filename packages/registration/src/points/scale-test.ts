import { chiSquareTail, cholesky, choleskySolve, fisherTail } from '@trocar/core/math';
import { leverOf, trueInformation } from '../accuracy/pose-covariance.js';
import type { Estimate, Pairs } from './estimate.js';
import { at, residualAt } from './rigid-fit.js';

/** What a seventh parameter, one factor on all lengths, would change. */
export interface ScaleTest {
  /** to / from: 1.01 where the `to` side is 1 % larger. */
  readonly scale: number;
  /** One standard deviation of `scale`. */
  readonly sd: number;
  /** Probability of so large a deviation from 1 where it is 0.2 % at most. */
  readonly pValue: number;
}

/** Scales that no one corrects for: deviations are tested against this, not against none. */
const TRIFLE = 0.002;

/**
 * Whether a similarity fits better than the rigid estimate: a generalised least-squares step for the seven parameters
 * (ρ, φ, s − 1), whose design [I | −[q]× | q] is linear in the scale. The deviation's square over its variance is χ²₁ where
 * the noise level is known, and F(1, 3N − 7) where it is taken from the similarity's own residuals (a likelihood ratio
 * in either case). Where a known level is too small for the similarity's residuals too, as with an outlier, the latter
 * counts: the scale must explain the misfit. Undefined where too few points are in use.
 */
export function scaleTest(pairs: Pairs, weights: ArrayLike<number>, estimate: Estimate): ScaleTest | undefined {
  const { information, pull, squares, used } = normalEquations(pairs, weights, estimate);
  const freedom = 3 * used - 7;
  if (freedom < 1 || !cholesky(information, information, 7)) return undefined;
  const step = choleskySolve(new Float64Array(7), information, pull, 7);
  const unit = choleskySolve(new Float64Array(7), information, [0, 0, 0, 0, 0, 0, 1], 7);
  const variance = at(unit, 6);
  let left = squares;
  for (let i = 0; i < 7; i += 1) left -= at(step, i) * at(pull, i);
  left = Math.max(left, 0);
  const deviation = at(step, 6);
  const ratio = Math.max(0, Math.abs(deviation) - TRIFLE) ** 2 / variance;
  const relative = fisherTail((ratio * freedom) / left, 1, freedom);
  const { known } = pairs.noise;
  const plausible = known && chiSquareTail(left, freedom) > 0.001;
  return {
    scale: 1 + deviation,
    sd: Math.sqrt(variance * (known ? 1 : left / freedom)),
    pValue: plausible ? chiSquareTail(ratio, 1) : relative,
  };
}

function normalEquations(
  pairs: Pairs,
  weights: ArrayLike<number>,
  estimate: Estimate,
): { information: Float64Array; pull: Float64Array; squares: number; used: number } {
  const information = new Float64Array(49);
  const pull = new Float64Array(7);
  const omega = new Float64Array(9);
  const q = new Float64Array(3);
  const r = new Float64Array(3);
  const { matrix, uncertainty } = estimate;
  let squares = 0;
  let used = 0;
  for (let k = 0; k < weights.length; k += 1) {
    if (!(at(weights, k) > 0)) continue;
    used += 1;
    trueInformation(omega, pairs.noise, k, matrix);
    leverOf(q, matrix, pairs.from, k, uncertainty.centre);
    residualAt(r, matrix, pairs.to, pairs.from, k);
    const [x, y, z] = [at(q, 0), at(q, 1), at(q, 2)];
    const design = [
      [1, 0, 0, 0, z, -y, x],
      [0, 1, 0, -z, 0, x, y],
      [0, 0, 1, y, -x, 0, z],
    ] as const;
    for (let a = 0; a < 3; a += 1) {
      for (let b = 0; b < 3; b += 1) {
        const w = at(omega, 3 * a + b);
        squares += at(r, a) * w * at(r, b);
        for (let i = 0; i < 7; i += 1) {
          const left = at(design[a] as ArrayLike<number>, i) * w;
          pull[i] = at(pull, i) + left * at(r, b);
          for (let j = 0; j < 7; j += 1)
            information[7 * i + j] = at(information, 7 * i + j) + left * at(design[b] as ArrayLike<number>, j);
        }
      }
    }
  }
  return { information, pull, squares, used };
}
