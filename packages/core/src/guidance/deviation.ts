import { NavError } from '../base/index.js';
import { hasPose, isLive, type Path, type PoseView, pointCovariance, requireSameFrame, type Status } from '../frames/index.js';
import { radiusQuantile } from '../math/index.js';
import type { StraightPlan } from './plan.js';

/** How {@link Deviation} looks at a tool. */
export interface DeviationOptions {
  /**
   * The direction the instrument points in and goes in along, in its tip frame; made unit length. Default (0, 0, −1): out
   * of the tool along −z, as NDI's pointers are defined.
   */
  readonly toolAxis?: readonly [number, number, number];
}

/** Doubles kept: distance, depth remaining, depth from entry, lateral, angle, age, tip x, y, z. */
const COUNT = 9;

/**
 * Where a tool's tip is against a straight plan: filled again and again, without allocating, from one pose of the plan's
 * frame from the tip. Look at {@link status} first: without a pose every number is NaN, and with a pose that is not live
 * ({@link isLive}) the numbers say where the tool was, not where it is.
 */
export class Deviation<in out F extends string> {
  readonly plan: StraightPlan<F>;
  readonly #axis: readonly [number, number, number];
  readonly #values = new Float64Array(COUNT).fill(Number.NaN);
  readonly #covariance = new Float64Array(36).fill(Number.NaN);
  readonly #dof = new Float64Array(1).fill(Number.POSITIVE_INFINITY);
  readonly #bound = new Float64Array(1).fill(Number.NaN);
  #boundStale = false;
  #status: Status = 'missing';

  /** @throws NavError `guidance/bad-plan` where the tool axis is no direction */
  constructor(plan: StraightPlan<F>, options: DeviationOptions = {}) {
    this.plan = plan;
    const [x, y, z] = options.toolAxis ?? [0, 0, -1];
    const length = Math.hypot(x, y, z);
    if (!(length > 0 && Number.isFinite(length))) {
      throw new NavError(
        'guidance/bad-plan',
        `The tool axis [${x}, ${y}, ${z}] is no direction. Give a finite vector that is not zero.`,
      );
    }
    this.#axis = [x / length, y / length, z / length];
  }

  /**
   * Reads a path at its graph's query time into `view`, then the deviation from it. Returns the status.
   * @throws NavError `frame/mismatch` where the path does not lead to the plan's frame
   */
  read<Tip extends string>(path: Path<F, Tip>, view: PoseView): Status {
    if (path.to.name !== this.plan.frame.name) requireSameFrame(this.plan.frame, path.to, 'Measuring a deviation');
    path.read(view);
    return this.measure(view);
  }

  /** The deviation of a pose of the plan's frame from the tip; that the view is one, the caller answers for. */
  measure(view: PoseView): Status {
    const v = this.#values;
    this.#status = view.status;
    this.#boundStale = false;
    this.#bound[0] = Number.NaN;
    v.fill(Number.NaN);
    v[5] = (view.times[0] as number) - (view.times[1] as number);
    if (!hasPose(view.status)) return view.status;
    this.#place(view.matrix, v);
    this.#boundStale = view.covarianceKnown;
    if (view.covarianceKnown) {
      this.#covariance.set(view.covariance);
      this.#dof[0] = view.degreesOfFreedom;
    }
    return view.status;
  }

  #place(m: Float64Array, v: Float64Array): void {
    const { entry, target, axis } = this.plan;
    const ax = axis[0];
    const ay = axis[1];
    const az = axis[2];
    const x = m[12] as number;
    const y = m[13] as number;
    const z = m[14] as number;
    const tx = (target.xyz[0] as number) - x;
    const ty = (target.xyz[1] as number) - y;
    const tz = (target.xyz[2] as number) - z;
    const remaining = tx * ax + ty * ay + tz * az;
    const lx = tx - remaining * ax;
    const ly = ty - remaining * ay;
    const lz = tz - remaining * az;
    v[0] = Math.sqrt(tx * tx + ty * ty + tz * tz);
    v[1] = remaining;
    v[2] = (x - (entry.xyz[0] as number)) * ax + (y - (entry.xyz[1] as number)) * ay + (z - (entry.xyz[2] as number)) * az;
    v[3] = Math.sqrt(lx * lx + ly * ly + lz * lz);
    const tool = this.#axis;
    const ux = (m[0] as number) * tool[0] + (m[4] as number) * tool[1] + (m[8] as number) * tool[2];
    const uy = (m[1] as number) * tool[0] + (m[5] as number) * tool[1] + (m[9] as number) * tool[2];
    const uz = (m[2] as number) * tool[0] + (m[6] as number) * tool[1] + (m[10] as number) * tool[2];
    const cx = uy * az - uz * ay;
    const cy = uz * ax - ux * az;
    const cz = ux * ay - uy * ax;
    // atan2 keeps its digits where acos of the dot product has none: near 0°.
    v[4] = (Math.atan2(Math.sqrt(cx * cx + cy * cy + cz * cz), ux * ax + uy * ay + uz * az) * 180) / Math.PI;
    v[6] = x;
    v[7] = y;
    v[8] = z;
  }

  /** The status of the pose that was measured last. */
  get status(): Status {
    return this.#status;
  }
  /** Whether the numbers hold for the present. */
  get isLive(): boolean {
    return isLive(this.#status);
  }
  /** From the tip to the target, mm, never negative. */
  get distanceToTargetMm(): number {
    return this.#values[0] as number;
  }
  /** What is left to go along the planned axis, mm: positive before the target, negative past it. */
  get depthRemainingMm(): number {
    return this.#values[1] as number;
  }
  /** How far the tip has gone along the planned axis from the entry, mm: negative while outside. */
  get depthFromEntryMm(): number {
    return this.#values[2] as number;
  }
  /** From the tip to the planned line, mm, at right angles to it. */
  get lateralMm(): number {
    return this.#values[3] as number;
  }
  /** Between the tool's axis and the planned one, degrees, 0 … 180. */
  get angleDeg(): number {
    return this.#values[4] as number;
  }
  /** How old the oldest measurement in the pose was at the query time, ms: also known while the tool is missing. */
  get ageMs(): number {
    return this.#values[5] as number;
  }

  /** The tip in the plan's frame, mm, into `out`; NaN without a pose. */
  tip(out: Float64Array): Float64Array {
    const v = this.#values;
    out[0] = v[6] as number;
    out[1] = v[7] as number;
    out[2] = v[8] as number;
    return out;
  }

  /**
   * The radius around the shown tip that holds the true one with 95 % probability, mm, from everything along the path:
   * tracking, tip calibration, registration. NaN where any of it is unknown. Computed when first asked for.
   */
  get tipError95Mm(): number {
    if (this.#boundStale) {
      this.#boundStale = false;
      pointCovariance(scratch3x3, this.#covariance, this.tip(scratchTip));
      this.#bound[0] = radiusQuantile(scratch3x3, 0.95, this.#dof[0] as number);
    }
    return this.#bound[0] as number;
  }
}

const scratch3x3 = new Float64Array(9);
const scratchTip = new Float64Array(3);
