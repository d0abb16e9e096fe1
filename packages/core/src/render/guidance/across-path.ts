import { hasPose, type PoseView } from '../../frames/index.js';
import type { StraightPlan } from '../../guidance/index.js';
import { vec3 } from '../../math/index.js';
import { cross, unit } from '../planes.js';
import { ellipseOf, inPlane, planarReach } from './quantities.js';

/**
 * Where a tool is across a planned way, as seen looking down it from entry to target: x to the right, y up, mm. Filled again and
 * again from poses of the plan's frame from the tip, without allocating; NaN where a thing is not known.
 */
export class AcrossPath<in out F extends string> {
  readonly plan: StraightPlan<F>;
  /** Unit directions of the plan's frame: right and up on the screen. right × up points back at whoever looks. */
  readonly right: Float64Array;
  readonly up: Float64Array;
  /** The tip: x, y. */
  readonly tip: Float64Array = new Float64Array(2).fill(Number.NaN);
  /** Where the tool's axis, carried on, meets the plane through the target across the way: x, y. */
  readonly aim: Float64Array = new Float64Array(2).fill(Number.NaN);
  /** The ellipse that holds the true tip, within this plane, with 95 %: longer and shorter semi-axis, mm; angle from right to up, rad. */
  readonly ellipse: Float64Array = new Float64Array(3).fill(Number.NaN);
  readonly #axis: readonly [number, number, number];
  readonly #at = vec3(0, 0, 0);
  /** How far the ellipse reaches, in standard deviations, and the degrees of freedom that this is of. */
  readonly #reach = new Float64Array(2).fill(Number.NaN);

  /**
   * @param toolAxis the direction the instrument goes in along, in its tip frame
   * @param up what is to be up on the screen, as near as the way allows. Default: the patient's head; for a way within 25° of
   * head to foot, the patient's front
   */
  constructor(plan: StraightPlan<F>, toolAxis: readonly [number, number, number] = [0, 0, -1], up?: ArrayLike<number>) {
    this.plan = plan;
    this.#axis = toolAxis;
    const wanted = up ?? (Math.abs(plan.axis[2]) < 0.9 ? [0, 0, 1] : [0, -1, 0]);
    // Looking along d with u up, the right hand is at d × u.
    this.right = unit(cross(plan.axis, wanted));
    this.up = cross(this.right, plan.axis);
  }

  /** The lateral deviation, mm. */
  get lateralMm(): number {
    const x = this.tip[0] as number;
    const y = this.tip[1] as number;
    return Math.sqrt(x * x + y * y);
  }

  /** Takes a pose of the plan's frame from the tip. */
  measure(view: PoseView): void {
    this.tip.fill(Number.NaN);
    this.aim.fill(Number.NaN);
    this.ellipse.fill(Number.NaN);
    if (!hasPose(view.status)) return;
    this.#place(view.matrix);
    if (view.covarianceKnown) this.#spread(view);
  }

  // No double goes in or out of a function by itself here: V8 would put each into an object of its own.
  #place(m: Float64Array): void {
    const { right: r, up: u } = this;
    const { xyz: t } = this.plan.target;
    const { axis: d } = this.plan;
    const a = this.#axis;
    const x = (m[12] as number) - (t[0] as number);
    const y = (m[13] as number) - (t[1] as number);
    const z = (m[14] as number) - (t[2] as number);
    const tipX = x * (r[0] as number) + y * (r[1] as number) + z * (r[2] as number);
    const tipY = x * (u[0] as number) + y * (u[1] as number) + z * (u[2] as number);
    this.tip[0] = tipX;
    this.tip[1] = tipY;
    const remaining = -(x * d[0] + y * d[1] + z * d[2]);
    const ax = (m[0] as number) * a[0] + (m[4] as number) * a[1] + (m[8] as number) * a[2];
    const ay = (m[1] as number) * a[0] + (m[5] as number) * a[1] + (m[9] as number) * a[2];
    const az = (m[2] as number) * a[0] + (m[6] as number) * a[1] + (m[10] as number) * a[2];
    const along = ax * d[0] + ay * d[1] + az * d[2];
    // A tool across the way, or one past the target, meets the plane nowhere, or behind itself.
    if (along < 0.2 * Math.sqrt(ax * ax + ay * ay + az * az) || remaining < 0) return;
    const f = remaining / along;
    this.aim[0] = tipX + f * (ax * (r[0] as number) + ay * (r[1] as number) + az * (r[2] as number));
    this.aim[1] = tipY + f * (ax * (u[0] as number) + ay * (u[1] as number) + az * (u[2] as number));
  }

  #spread(view: PoseView): void {
    for (let k = 0; k < 3; k += 1) this.#at[k] = view.matrix[12 + k] as number;
    if (view.degreesOfFreedom !== this.#reach[1]) {
      this.#reach[0] = planarReach(0.95, view.degreesOfFreedom);
      this.#reach[1] = view.degreesOfFreedom;
    }
    ellipseOf(inPlane(this.ellipse, view.covariance, this.#at, this.right, this.up, this.#reach));
  }
}
