import { Random } from '@trocar/core/math';
import { median } from '../accuracy/robust.js';
import { at } from '../points/rigid-fit.js';
import type { SettledFit } from './hand-eye-lasting.js';
import { type HandEyeModel, PoseTerm } from './hand-eye-model.js';

/** How well poses that took no part in a fit are foretold. */
export interface HoldOut {
  readonly folds: number;
  /** Root mean square over held-out poses that are not outliers of the whole fit. */
  readonly rmsDeg: number;
  readonly rmsMm: number;
  /** Median over all held-out poses, outliers too. */
  readonly medianDeg: number;
  readonly medianMm: number;
}

/**
 * Size of pose i's misfit: its rotation, deg, and how far it puts the origin at which list B's noise turns, mm.
 * @param term as evaluated
 */
export function misfitOf(term: PoseTerm): { readonly deg: number; readonly mm: number } {
  const r = term.residual;
  const [x, y, z] = [at(r, 3), at(r, 4), at(r, 5)];
  const l = term.leverB;
  // The rotation's own displacement of the lever's end, to first order; residuals of poses in use are small.
  const d = [
    at(r, 0) + y * at(l, 2) - z * at(l, 1),
    at(r, 1) + z * at(l, 0) - x * at(l, 2),
    at(r, 2) + x * at(l, 1) - y * at(l, 0),
  ];
  return { deg: (Math.hypot(x, y, z) * 180) / Math.PI, mm: Math.hypot(...d) };
}

/**
 * k-fold cross-validation with a seeded shuffle; recordings (poses with times) are split into stretches of consecutive poses instead, because
 * neighbours in a recording share their errors and would vouch for each other.
 */
export function holdOut(
  model: HandEyeModel,
  fit: SettledFit,
  { folds, seed, stretches }: { readonly folds: number; readonly seed: number; readonly stretches: boolean },
): HoldOut | undefined {
  const { count } = model.pairs;
  const k = Math.min(folds, Math.floor(count / 2));
  if (k < 2 || count - Math.ceil(count / k) < 4) return undefined;
  const fold = assignment(count, k, seed, stretches);
  const degrees = new Float64Array(count);
  const distances = new Float64Array(count);
  const term = new PoseTerm();
  for (let f = 0; f < k; f += 1) {
    const weights = fit.weights.map((w, i) => (at(fold, i) === f ? 0 : w));
    if (weights.reduce((a, b) => a + b, 0) < 4) return undefined;
    const trained = fit.refit(weights);
    for (let i = 0; i < count; i += 1) {
      if (at(fold, i) !== f) continue;
      term.evaluate(model, trained, i, false);
      const { deg, mm } = misfitOf(term);
      degrees[i] = deg;
      distances[i] = mm;
    }
  }
  const rms = (values: Float64Array): number => {
    let sum = 0;
    let n = 0;
    values.forEach((v, i) => {
      if (at(fit.weights, i) > 0) [sum, n] = [sum + v * v, n + 1];
    });
    return Math.sqrt(sum / n);
  };
  const [rmsDeg, rmsMm] = [rms(degrees), rms(distances)];
  return { folds: k, rmsDeg, rmsMm, medianDeg: median(degrees), medianMm: median(distances) };
}

/** The fold of each pose. */
function assignment(count: number, folds: number, seed: number, stretches: boolean): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  if (!stretches) {
    const random = new Random(seed);
    for (let i = count - 1; i > 0; i -= 1) {
      const j = random.below(i + 1);
      [order[i], order[j]] = [at(order, j), at(order, i)];
    }
  }
  const fold = new Int32Array(count);
  order.forEach((pose, place) => {
    fold[pose] = Math.floor((place * folds) / count);
  });
  return fold;
}
