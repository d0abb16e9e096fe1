import { UNKNOWN } from '../../guidance/index.js';

/** Of a normal variable: below this with 95 %. */
const ONE_SIDED_95 = 1.6449;
/** Narrow, and no line breaks there: as between a number and its unit everywhere. */
const GAP = '\u202f';

/**
 * A probability in whole percent: `87 %`; never 100 and never 0, which no sampling says: `> 99 %`, `< 1 %`. A dash where it is not known.
 * @param p 0 … 1
 */
export function formatProbability(p: number): string {
  if (!(p >= 0 && p <= 1)) return UNKNOWN;
  if (p >= 0.995) return `>${GAP}99${GAP}%`;
  return p < 0.005 ? `<${GAP}1${GAP}%` : `${Math.round(100 * p)}${GAP}%`;
}

/**
 * What a sampled probability is not below with 95 %, as far as the sampling goes: `≥ 86 %`, rounded down.
 * @param p 0 … 1. @param standardError of `p`
 */
export function formatProbabilityBound(p: number, standardError: number): string {
  if (!(p >= 0 && p <= 1 && standardError >= 0)) return UNKNOWN;
  const least = Math.min(0.99, Math.max(0, p - ONE_SIDED_95 * standardError));
  return `≥${GAP}${Math.floor(100 * least + 1e-9)}${GAP}%`;
}
