import { type Frame, NavError, type Point, point, type Status } from '@trocar/core';
import { at } from '../points/rigid-fit.js';
import type { PreparedSurface } from './prepare-surface.js';
import type { SurfaceRegistration } from './register-surface.js';
import { directionName, type PatientDirection } from './words.js';

/** How points are collected. */
export interface SurfaceCollectorOptions {
  /** Most points kept. Default 1000. */
  readonly capacity?: number;
  /** Points nearer than this to one already kept are not kept, mm. Default 2. */
  readonly spacingMm?: number;
  /** No fewer points than this are enough. Default 50. */
  readonly leastPoints?: number;
  /** Enough is when no motion of the cloud is less certain than this, mm (one standard deviation). Default 0.5. */
  readonly goalMm?: number;
}

/** What became of an offered point. */
export type Collected = 'taken' | 'too-near' | 'not-ok' | 'full';

/** How far the points already go, and what to touch next. */
export interface Coverage {
  /** 0 … 1: 1 where enough. */
  readonly measure: number;
  readonly enough: boolean;
  /** What to touch, for a person; undefined where enough. */
  readonly hint: string | undefined;
  /** Where, once registered: the patient direction from the points touched, and a place there in the surface's frame, mm. */
  readonly direction: PatientDirection | undefined;
  readonly place: Float64Array | undefined;
}

/**
 * Collects the points of a pointer moved over a surface, live: {@link add} allocates nothing. Points too near to others, and
 * poses that are not `ok`, are not taken: a hidden or predicted tool touches nothing.
 */
export class SurfaceCollector<in out F extends string> {
  readonly frame: Frame<F>;
  readonly #options: Required<SurfaceCollectorOptions>;
  readonly #xyz: Float64Array;
  #count = 0;

  /** @throws NavError `registration/bad-option` */
  constructor(frame: Frame<F>, options: SurfaceCollectorOptions = {}) {
    this.frame = frame;
    this.#options = { capacity: 1000, spacingMm: 2, leastPoints: 50, goalMm: 0.5, ...options };
    const { capacity, spacingMm, goalMm } = this.#options;
    if (!(Number.isInteger(capacity) && capacity >= 1 && capacity <= 1e6 && spacingMm >= 0 && goalMm > 0)) {
      throw new NavError(
        'registration/bad-option',
        `A collector cannot hold ${capacity} points ${spacingMm} mm apart for ${goalMm} mm.`,
      );
    }
    this.#xyz = new Float64Array(3 * capacity);
  }

  /** Points kept. */
  get count(): number {
    return this.#count;
  }

  /**
   * Offers a point.
   * @param xyz the tip in the collector's frame, mm
   * @param status of the pose that it comes from
   */
  add(xyz: ArrayLike<number>, status: Status): Collected {
    const x = xyz[0] as number;
    const y = xyz[1] as number;
    const z = xyz[2] as number;
    if (status !== 'ok' || !Number.isFinite(x + y + z)) return 'not-ok';
    const n = 3 * this.#count;
    if (n >= this.#xyz.length) return 'full';
    const kept = this.#xyz;
    const least = this.#options.spacingMm * this.#options.spacingMm;
    for (let o = n - 3; o >= 0; o -= 3) {
      const dx = (kept[o] as number) - x;
      const dy = (kept[o + 1] as number) - y;
      const dz = (kept[o + 2] as number) - z;
      if (dx * dx + dy * dy + dz * dz < least) return 'too-near';
    }
    kept[n] = x;
    kept[n + 1] = y;
    kept[n + 2] = z;
    this.#count += 1;
    return 'taken';
  }

  /** Takes back the last `count` points: a stroke that slipped. */
  undo(count: number): void {
    this.#count = Math.max(0, this.#count - Math.max(0, Math.floor(count)));
  }

  /** Forgets all points. */
  clear(): void {
    this.#count = 0;
  }

  /** The points kept, new. */
  points(): Point<F>[] {
    return Array.from({ length: this.#count }, (_, n) => point(this.frame, this.#xyz.subarray(3 * n, 3 * n + 3)));
  }

  /**
   * How far the points go. Once registered, by the motion that they hold back least: the hint names where on the surface a
   * touch would hold it back most, as a patient direction (LPS). Before, by their number and how flat they lie.
   */
  coverage<To extends string>(surface?: PreparedSurface<To>, registration?: SurfaceRegistration<To, F>): Coverage {
    const { leastPoints, goalMm } = this.#options;
    if (surface === undefined || registration === undefined) return this.#unregistered();
    const { weakest } = registration;
    const measure = Math.min(1, this.#count / leastPoints, goalMm / weakest.sdMm);
    const enough = measure >= 1 && registration.outcome === 'ok';
    if (enough) return { measure, enough, hint: undefined, direction: undefined, place: undefined };
    const place = placeAgainst(
      surface as unknown as PreparedSurface<string>,
      registration as unknown as SurfaceRegistration<string, string>,
    );
    const direction = directionName(place.map((p, k) => p - at(weakest.centroid, k)));
    const side =
      direction === 'head'
        ? 'the top, towards the head'
        : direction === 'feet'
          ? 'lower, towards the feet'
          : `the ${direction} side`;
    return { measure: Math.min(measure, 0.99), enough, hint: `Touch ${side}.`, direction, place };
  }

  #unregistered(): Coverage {
    const { leastPoints } = this.#options;
    const measure = Math.min(0.5, (0.5 * this.#count) / leastPoints);
    const missing = leastPoints - this.#count;
    const hint = missing > 0 ? `Touch ${missing} more points, well spread.` : 'Register, to see what else to touch.';
    return { measure, enough: false, hint, direction: undefined, place: undefined };
  }
}

/** Points this near are touched already, as a share of the cloud's size. */
const TOUCHED = 0.3;

/** Where on the surface, away from what was touched, a point would hold the weakest motion back most, mm. */
function placeAgainst(
  surface: PreparedSurface<string>,
  { weakest, residuals }: SurfaceRegistration<string, string>,
): Float64Array {
  const { anchors, anchorNormals } = surface.index;
  const { motion, centroid, sizeMm } = weakest;
  let best = -1;
  let most = -1;
  for (let o = 0; o < anchors.length; o += 3) {
    const [x, y, z] = [at(anchors, o), at(anchors, o + 1), at(anchors, o + 2)];
    if (residuals.some(({ foot }) => Math.hypot(at(foot, 0) - x, at(foot, 1) - y, at(foot, 2) - z) < TOUCHED * sizeMm)) continue;
    const [nx, ny, nz] = [at(anchorNormals, o), at(anchorNormals, o + 1), at(anchorNormals, o + 2)];
    const [qx, qy, qz] = [x - at(centroid, 0), y - at(centroid, 1), z - at(centroid, 2)];
    // How far the motion carries the surface along its normal there.
    const lift =
      at(motion, 0) * nx +
      at(motion, 1) * ny +
      at(motion, 2) * nz +
      (at(motion, 3) * (qy * nz - qz * ny) + at(motion, 4) * (qz * nx - qx * nz) + at(motion, 5) * (qx * ny - qy * nx)) / sizeMm;
    if (Math.abs(lift) > most) {
      most = Math.abs(lift);
      best = o;
    }
  }
  return best < 0 ? centroid : anchors.slice(best, best + 3);
}
