import type { DeformableEvidence } from './judge.js';

/** 0 up to `low`, 1 from `high` on, even between. */
function rising(x: number, low: number, high: number): number {
  return x > low ? Math.min(1, (x - low) / (high - low)) : 0;
}

/** The evidence as terms of a logistic function, the first being 1; each grows with the chance that the map is right. */
export function deformableConfidenceTerms(e: DeformableEvidence): number[] {
  return [
    1,
    rising(e.distinct.z, 2, 7),
    rising(e.distinct.share, 0.1, 0.4),
    rising(e.heldOut.z, 1, 5),
    1 - rising(e.halvesApartMm, 0.3, 1.2),
    rising(e.explained, 0.1, 0.4),
  ];
}

/**
 * Weights of the terms: round numbers, set by hand on a dozen right and wrong maps of phantoms; docs/deformable.md says how they held on
 * others, and `bench/deformable.ts --only confidence --fit` prints what its own runs would give.
 */
const WEIGHTS: readonly number[] = [-6, 4, 4, 1, 2, 1];

/** The probability that a map with this evidence is right. */
export function confidenceOf(e: DeformableEvidence): number {
  const x = deformableConfidenceTerms(e).reduce((sum, term, n) => sum + term * (WEIGHTS[n] as number), 0);
  return 1 / (1 + Math.exp(-x));
}
