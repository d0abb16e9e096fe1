import { UNKNOWN } from '@trocar/core/guidance';

/** A share of 1 as whole percent; nothing here is certain: from 99.5 % on it is `> 99 %`. */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return UNKNOWN;
  const percent = Math.round(100 * share);
  return `${percent >= 100 ? '>\u202f99' : share > 0 && percent === 0 ? '<\u202f1' : percent}\u202f%`;
}
