import { UNKNOWN } from '@trocar/core/guidance';

/** A share of 1 as whole percent; what is not quite certain is never called 100 %. */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return UNKNOWN;
  const percent = Math.round(100 * share);
  return `${share < 1 && percent === 100 ? '>\u202f99' : share > 0 && percent === 0 ? '<\u202f1' : percent}\u202f%`;
}
