import { type AnyFrame, NavError, type Point, requireSameFrame } from '@trocar/core';
import { symmetricEigen } from '@trocar/core/math';
import { at } from './rigid-fit.js';

/** Below this ratio of their second to their first width, points count as lying on one line. */
const LINE_RATIO = 0.03;

/** A million kilometres, mm: farther away nothing is measured, and what says so is a number for none. */
const FARTHEST_MM = 1e12;

/** Nearer than this share of the layout's width, two points are one. */
const SAME_POINT = 1e-3;

/**
 * The coordinates of paired points, 3N each, once they can be registered at all.
 * @throws NavError `registration/count-mismatch`, `registration/not-finite`, `frame/mismatch`
 */
export function coordinatesOf<F extends string>(side: string, inFrame: AnyFrame, points: readonly Point<F>[]): Float64Array {
  const out = new Float64Array(3 * points.length);
  points.forEach((p, k) => {
    requireSameFrame(inFrame, p.frame, `Registering the ${side} points`);
    for (let i = 0; i < 3; i += 1) {
      const value = p.xyz[i];
      if (value === undefined || !(Math.abs(value) < FARTHEST_MM)) {
        throw new NavError(
          'registration/not-finite',
          `The ${side} point ${k + 1} (counting from 1) is [${Array.from(p.xyz)}]. Localise it again, or leave the pair out.`,
          { detail: { side, index: k } },
        );
      }
      out[3 * k + i] = value;
    }
  });
  return out;
}

/** @throws NavError `registration/count-mismatch` */
export function requireSameCount(to: number, from: number): void {
  if (to !== from) {
    throw new NavError(
      'registration/count-mismatch',
      `There are ${to} "to" points but ${from} "from" points. Pair each point with its counterpart.`,
      { detail: { to, from } },
    );
  }
}

/** More pairs than this are no fiducials, and their distances alone would take minutes. */
const MOST_PAIRS = 10_000;

/** @throws NavError `registration/too-few-points`, `registration/too-large` */
export function requireEnough(used: number, given: number): void {
  if (used > MOST_PAIRS) {
    throw new NavError(
      'registration/too-large',
      `Paired points can be registered up to ${MOST_PAIRS} pairs, and there are ${used}. Take a part of them, or register clouds as surfaces.`,
      { detail: { used, most: MOST_PAIRS } },
    );
  }
  if (used < 3) {
    const left = given > used ? ` (${given - used} left out by a weight of 0)` : '';
    throw new NavError(
      'registration/too-few-points',
      `A rigid registration needs at least 3 pairs of points and has ${used}${left}. Localise more; 4 to 6 are advisable.`,
      { detail: { used, given } },
    );
  }
}

/**
 * Root-mean-square widths of a layout along its principal axes, widest first, mm.
 * @param used which points count
 */
export function widthsOf(xyz: ArrayLike<number>, used: readonly number[]): [number, number, number] {
  const mean = new Float64Array(3);
  for (const k of used) for (let i = 0; i < 3; i += 1) mean[i] = at(mean, i) + at(xyz, 3 * k + i) / used.length;
  const scatter = new Float64Array(9);
  for (const k of used) {
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < 3; j += 1) {
        scatter[3 * i + j] = at(scatter, 3 * i + j) + (at(xyz, 3 * k + i) - at(mean, i)) * (at(xyz, 3 * k + j) - at(mean, j));
      }
    }
  }
  const { values } = symmetricEigen(scatter, 3);
  const width = (i: number): number => Math.sqrt(Math.max(0, at(values, i)) / used.length);
  return [width(0), width(1), width(2)];
}

/** Whether the points in use lie on one line, as far as their shape alone tells. */
export function isLine(xyz: ArrayLike<number>, used: readonly number[]): boolean {
  const [first, second] = widthsOf(xyz, used);
  return !(second > LINE_RATIO * first);
}

/**
 * Refuses a layout that cannot fix a pose: two points in one place, or all on a line.
 * @throws NavError `registration/duplicate-points`, `registration/collinear`
 */
export function requireLayout(side: string, xyz: ArrayLike<number>, used: readonly number[]): void {
  const [first, second] = widthsOf(xyz, used);
  for (let a = 1; a < used.length; a += 1) {
    for (let b = 0; b < a; b += 1) {
      const i = used[b] as number;
      const j = used[a] as number;
      const apart = Math.hypot(
        at(xyz, 3 * i) - at(xyz, 3 * j),
        at(xyz, 3 * i + 1) - at(xyz, 3 * j + 1),
        at(xyz, 3 * i + 2) - at(xyz, 3 * j + 2),
      );
      if (!(apart > SAME_POINT * first)) {
        throw new NavError(
          'registration/duplicate-points',
          `The ${side} points ${i + 1} and ${j + 1} (counting from 1) are the same place (${apart.toFixed(3)} mm apart). ` +
            'Localise the second fiducial again, or leave one of the two pairs out.',
          { detail: { side, indices: [i, j], apartMm: apart } },
        );
      }
    }
  }
  if (!(second > LINE_RATIO * first)) {
    throw new NavError(
      'registration/collinear',
      `The ${side} points lie on a line: ${first.toFixed(1)} mm wide along it and only ${second.toFixed(2)} mm across, ` +
        'so the rotation about it is unknown. Add a point well away from the line.',
      { detail: { side, widthsMm: [first, second] } },
    );
  }
}

/**
 * Refuses two sides that no motion brings together: other points, another order, or metres against millimetres.
 * @param fleMm the localisation error that the residuals of the best fit would mean
 * @param extentMm root-mean-square width of the layout along its longest axis
 * @throws NavError `registration/failed`
 */
export function requireMatch(fleMm: number, extentMm: number): void {
  if (!(fleMm > extentMm)) return;
  throw new NavError(
    'registration/failed',
    `The two sides do not match: after the best fit they are still ${Number(fleMm.toPrecision(2))} mm apart, in a layout only ` +
      `${Number(extentMm.toPrecision(2))} mm wide. Check which points belong together, and that both sides are in millimetres.`,
    { detail: { fleMm, extentMm } },
  );
}

/** A pose whose rotation is less certain than this (one standard deviation, rad) is refused. */
const MOST_ROTATION_SD = 0.2;

/** Above this the predicted error is no longer good to 2 %, and the pose is found `uncertain-rotation`. */
export const CERTAIN_ROTATION_SD = 0.1;

/**
 * Refuses points that spread too little for their noise: they may not lie on a line, but might as well.
 * @param sd standard deviation of the rotation about its least certain axis, rad
 * @throws NavError `registration/collinear`
 */
export function requireRotationKnown(sd: number, fleMm: number): void {
  if (!(sd <= MOST_ROTATION_SD)) {
    throw new NavError(
      'registration/collinear',
      `The points spread too little for their localisation error of ${Number(fleMm.toPrecision(2))} mm: the rotation about one axis ` +
        `is only known to ${Number.isFinite(sd) ? `±${((sd * 180) / Math.PI).toFixed(0)}°` : 'no useful degree'}. Add a point well away from the others.`,
      { detail: { rotationSdRad: sd, fleMm } },
    );
  }
}
