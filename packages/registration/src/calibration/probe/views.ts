import { rotationAngleBetween } from '@trocar/core/math';
import { at } from '../../points/rigid-fit.js';
import type { WireObservation } from './observations.js';

/** Poses nearer than these to each other are of one view: a hand that holds still, and a tracker's noise; mm and rad. */
const ONE_VIEW = { mm: 2, rad: 0.035 } as const;

/**
 * Which view each image is of, by where the probe was held: images of one place err alike (how the target looks from there, what a tracker errs by there), so
 * that ten of them tell hardly more than one. A view that is taken up again later is the same one.
 * @returns for each image the number of its view, from 0 in the order in which they were first seen
 */
export function viewsOf(observations: readonly WireObservation[]): number[] {
  const firsts: ArrayLike<number>[] = [];
  return observations.map(({ phantomFromProbe: m }) => {
    const known = firsts.findIndex(
      (f) =>
        Math.hypot(...[12, 13, 14].map((n) => at(m, n) - at(f, n))) <= ONE_VIEW.mm && rotationAngleBetween(m, f) <= ONE_VIEW.rad,
    );
    return known >= 0 ? known : firsts.push(m) - 1;
  });
}

/**
 * How many independent images a recording is worth: n / (1 + (m − 1) ρ) with m images a view and the share ρ of the misfits' variance that a view has in common (intraclass
 * correlation, by the analysis of variance; Kish 1965, Survey Sampling, 8.2).
 * @param misfits of each image, the same number for each, mm
 */
export function effectiveImages(views: readonly number[], misfits: readonly Float64Array[]): number {
  const groups = new Map<number, Float64Array[]>();
  for (const [n, view] of views.entries()) groups.set(view, [...(groups.get(view) ?? []), misfits[n] as Float64Array]);
  const [count, many] = [misfits.length, groups.size];
  if (many === count || many < 2) return many;
  const parts = misfits[0]?.length ?? 0;
  let [between, within, squares] = [0, 0, 0];
  for (const own of groups.values()) {
    squares += own.length ** 2;
    for (let k = 0; k < parts; k += 1) {
      const mean = own.reduce((sum, r) => sum + at(r, k), 0) / own.length;
      // The misfits' own mean is 0: the fit's.
      between += own.length * mean ** 2;
      for (const r of own) within += (at(r, k) - mean) ** 2;
    }
  }
  const usual = (count - squares / count) / (many - 1);
  const [msb, msw] = [between / ((many - 1) * parts), within / ((count - many) * parts)];
  const shared = Math.max(0, (msb - msw) / usual);
  const rho = shared + msw > 0 ? shared / (shared + msw) : 0;
  return count / (1 + (squares / count - 1) * rho);
}
