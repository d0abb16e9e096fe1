import { cholesky, choleskySolve } from '@trocar/core/math';
import { type DeformableRegistration, deformableConfidenceTerms } from '@trocar/registration/deformable';

/** A registration, and whether it was right. */
export interface Judged {
  readonly name: string;
  /** Mean error, mm; NaN where there is no truth. */
  readonly error: number;
  readonly right: boolean;
  readonly found: DeformableRegistration<'us', 'mr'>;
}

/** Edges of the table's rows. */
const EDGES = [0, 0.2, 0.5, 0.8, 0.9, 0.95, 1.000001] as const;

/** Prints how many results of each confidence were right, Brier's score, and what passed for right with 0.9 or more. */
export function reliability(all: readonly Judged[]): void {
  for (let n = 1; n < EDGES.length; n += 1) {
    const [low, high] = [EDGES[n - 1] as number, EDGES[n] as number];
    const inside = all.filter(({ found }) => found.confidence >= low && found.confidence < high);
    const told = inside.reduce((sum, { found }) => sum + found.confidence, 0) / inside.length;
    const right = inside.filter((j) => j.right).length;
    console.log(`confidence ${low} – ${Math.min(1, high)}: ${right} right of ${inside.length}, told ${told.toFixed(2)}`);
  }
  const brier = all.reduce((sum, { found, right }) => sum + (found.confidence - (right ? 1 : 0)) ** 2, 0) / all.length;
  console.log(`Brier score ${brier.toFixed(3)} over ${all.length}`);
  const passed = all.filter(({ found, right }) => found.outcome === 'ok' && found.confidence >= 0.9 && !right);
  console.log(`ok, 0.9 or more, and wrong: ${passed.length} (${passed.map(({ name }) => name).join('; ')})`);
}

/** Each weight is drawn to 0 as by a normal prior of this standard deviation: separable cases have no finite fit. */
const PRIOR_SD = 4;

/** Weights of the logistic function of the terms that these results are most likely under: Newton's method. */
export function fitted(all: readonly Judged[]): number[] {
  const rows = all.map(({ found }) => deformableConfidenceTerms(found.evidence));
  const K = rows[0]?.length ?? 0;
  const w = new Float64Array(K);
  for (let round = 0; round < 50; round += 1) {
    const hessian = new Float64Array(K * K);
    const slope = Float64Array.from(w, (x) => -x / PRIOR_SD ** 2);
    for (let a = 0; a < K; a += 1) hessian[(K + 1) * a] = 1 / PRIOR_SD ** 2;
    rows.forEach((t, n) => {
      const p = 1 / (1 + Math.exp(-t.reduce((sum, x, a) => sum + x * (w[a] as number), 0)));
      for (let a = 0; a < K; a += 1) {
        slope[a] = (slope[a] as number) + ((all[n]?.right ? 1 : 0) - p) * (t[a] as number);
        for (let b = 0; b < K; b += 1) {
          hessian[K * a + b] = (hessian[K * a + b] as number) + p * (1 - p) * (t[a] as number) * (t[b] as number);
        }
      }
    });
    const lower = new Float64Array(K * K);
    if (!cholesky(lower, hessian, K)) break;
    choleskySolve(new Float64Array(K), lower, slope, K).forEach((step, a) => {
      w[a] = (w[a] as number) + step;
    });
  }
  return [...w];
}
