import type { Lesion, MeasuredErrors } from '@trocar/core/analysis';
import type { LiverTumours } from '@trocar/core/testing';

/** Which of the components that a network marks are taken for lesions. */
export interface LesionRule {
  readonly leastMl: number;
  /** Least mean probability. */
  readonly leastConfidence: number;
}

/** Every speck above what nobody would call a lesion: how the network was scored before a rule was chosen. */
export const NO_RULE: LesionRule = { leastMl: 0.15, leastConfidence: 0 };

/** A smaller false lesion is not counted as invented, ml. */
const COUNTED_ML = 0.3;

/** A phantom and every component marked in it, measured without errors of the network. */
export interface Marked {
  readonly phantom: LiverTumours<'ct'>;
  readonly lesions: readonly Lesion<'ct'>[];
}

type Truth = LiverTumours<'ct'>['tumours'][number];

/** Tumours found with the lesion that found each, and what is left over on either side. */
export interface Matches {
  readonly found: readonly { readonly truth: Truth; readonly lesion: Lesion<'ct'>; readonly offMm: readonly number[] }[];
  readonly missed: number;
  readonly invented: number;
}

/** Lesions that the rule keeps. */
export function kept(lesions: readonly Lesion<'ct'>[], { leastMl, leastConfidence }: LesionRule): Lesion<'ct'>[] {
  return lesions.filter((l) => l.volumeMl >= leastMl && (l.confidence ?? 1) >= leastConfidence);
}

/** Each tumour with the nearest free lesion whose centroid lies within half its diameter. What the image cuts off counts for neither. */
export function matches(phantom: LiverTumours<'ct'>, lesions: readonly Lesion<'ct'>[]): Matches {
  const free = new Set(lesions.filter((lesion) => !lesion.cutOff));
  const found: Matches['found'][number][] = [];
  for (const truth of phantom.tumours) {
    const off = (l: Lesion<'ct'>): number[] =>
      [0, 1, 2].map((r) => (l.centroid.xyz[r] as number) - (truth.centroid.xyz[r] as number));
    const lesion = [...free].sort((a, b) => Math.hypot(...off(a)) - Math.hypot(...off(b)))[0];
    if (lesion === undefined || Math.hypot(...off(lesion)) > truth.diameterMm / 2) continue;
    free.delete(lesion);
    found.push({ truth, lesion, offMm: off(lesion) });
  }
  const invented = [...free].filter((l) => l.volumeMl > COUNTED_ML).length;
  return { found, missed: phantom.tumours.length - found.length, invented };
}

/** What a missed tumour costs in invented ones, where a rule is chosen. */
const MISSED_COSTS = 2;

/**
 * The rule with the least of 2 · missed + invented on some phantoms, of equal ones the one that drops least; and with it the standard deviations whose
 * 1.96-fold holds 95 of 100 errors there: the ⌈0.95 (n + 1)⌉-th smallest of n (split conformal), the largest where n is too small.
 */
export function calibrated(marked: readonly Marked[]): { rule: LesionRule; cost: number; errors: Omit<MeasuredErrors, 'on'> } {
  let best: { rule: LesionRule; cost: number } | undefined;
  for (const leastConfidence of [0, 0.55, 0.6, 0.62, 0.64, 0.66, 0.68, 0.7, 0.75, 0.8]) {
    for (const leastMl of [0.15, 0.3, 0.5]) {
      const rule = { leastMl, leastConfidence };
      const all = marked.map((m) => matches(m.phantom, kept(m.lesions, rule)));
      const cost = all.reduce((sum, m) => sum + MISSED_COSTS * m.missed + m.invented, 0);
      console.log(JSON.stringify({ ...rule, missed: total(all, 'missed'), invented: total(all, 'invented') }));
      if (best === undefined || cost < best.cost) best = { rule, cost };
    }
  }
  if (best === undefined) throw new Error('No rule was tried.');
  const { rule, cost } = best;
  const pairs = marked.flatMap((m) => matches(m.phantom, kept(m.lesions, rule)).found);
  const errors = {
    boundarySdMm: quantile(pairs.map(({ truth, lesion }) => boundaryNeeded(lesion, truth.volumeMl))),
    diameterSdMm: quantile(pairs.map(({ truth, lesion: l }) => needed(l.diameterMm - truth.diameterMm, l.diameterSdMm))),
    centroidSdMm: quantile(pairs.flatMap(({ lesion, offMm }) => offMm.map((x) => needed(x, lesion.centroidSdMm)))),
  };
  return { rule, cost, errors };
}

function total(all: readonly Matches[], key: 'missed' | 'invented'): number {
  return all.reduce((sum, m) => sum + m[key], 0);
}

/** The standard deviation beside that of the voxels with which 1.96 of both hold an error. */
function needed(error: number, voxelSd: number): number {
  return Math.sqrt(Math.max(0, (error / 1.96) ** 2 - voxelSd ** 2));
}

/** The same for a volume, as a shift of the boundary, mm: over the surface of a ball of the found volume, a tenth more for its shape. */
function boundaryNeeded({ volumeMl, volumeSdMl }: Lesion<'ct'>, trueMl: number): number {
  const radiusMm = Math.cbrt((3000 * volumeMl) / (4 * Math.PI));
  return (1000 * needed(volumeMl - trueMl, volumeSdMl)) / (1.1 * 4 * Math.PI * radiusMm ** 2);
}

function quantile(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length, Math.ceil(0.95 * (sorted.length + 1))) - 1] ?? Number.NaN;
}
