import type { PlacedProbe } from '../../guidance/index.js';

/** As many probes as are drawn in one zone. */
export const MOST_PROBES = 8;
/** Two surfaces nearer to each other than this part of their radius are one: the first of them is drawn. */
export const ALIKE = 1e-4;

/**
 * Ellipsoids that are drawn as their union. For each: its axes with their lengths as columns and its centre, mm (as {@link EllipsoidCut} takes
 * them), and the rows that take a point of the frame into its unit ball. Placing one and asking allocate nothing.
 */
export class UnionOfEllipsoids {
  /** Of each: nine numbers of axes. */
  readonly axes: readonly Float64Array[] = Array.from({ length: MOST_PROBES }, () => new Float64Array(9));
  readonly centres: readonly Float64Array[] = Array.from({ length: MOST_PROBES }, () => new Float64Array(3));
  /** Of each: three rows of four, unit ball from frame. */
  readonly rows: readonly Float64Array[] = Array.from({ length: MOST_PROBES }, () => new Float64Array(12));
  count = 0;

  /** Lays an ellipsoid. @param m frame-from-tip, column-major, rigid. @param shape in the tip's frame, mm */
  place(n: number, m: ArrayLike<number>, { radiiMm, centreMm }: PlacedProbe<string>['shape']): void {
    const axes = this.axes[n] as Float64Array;
    const centre = this.centres[n] as Float64Array;
    const rows = this.rows[n] as Float64Array;
    for (let k = 0; k < 3; k += 1) centre[k] = (m[12 + k] as number) + centreMm * (m[8 + k] as number);
    for (let a = 0; a < 3; a += 1) {
      const r = radiiMm[a] as number;
      let along = 0;
      for (let k = 0; k < 3; k += 1) {
        const u = m[4 * a + k] as number;
        axes[3 * a + k] = r * u;
        rows[4 * a + k] = u / r;
        along += u * (centre[k] as number);
      }
      rows[4 * a + 3] = -along / r;
    }
  }

  /** Whether a point lies in another one than `except`, so that nothing is drawn of `except` there. */
  hides(except: number, p: ArrayLike<number>): boolean {
    for (let n = 0; n < this.count; n += 1) {
      if (n === except) continue;
      const w = this.rows[n] as Float64Array;
      let sum = 0;
      for (let o = 0; o < 12; o += 4) {
        const v =
          (w[o] as number) * (p[0] as number) +
          (w[o + 1] as number) * (p[1] as number) +
          (w[o + 2] as number) * (p[2] as number) +
          (w[o + 3] as number);
        sum += v * v;
      }
      if (sum < (n < except ? 1 + ALIKE : 1 - ALIKE)) return true;
    }
    return false;
  }
}
