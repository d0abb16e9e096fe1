import { NavError } from '../base/index.js';
import { type Frame, type Point, point, requireSameFrame } from '../frames/index.js';

/** What {@link straightPlan} is made from. */
export interface StraightPlanInit<F extends string> {
  /** Where the instrument goes in. */
  readonly entry: Point<F>;
  /** Where its tip is to end. */
  readonly target: Point<NoInfer<F>>;
  /** DICOM Frame of Reference UID of the images it was planned on: what `requirePlanFor` holds it to. */
  readonly frameOfReferenceUid?: string;
  /**
   * The largest error at the target that this plan allows a registration, mm: its 95 % bound must not be above it. What
   * it may be depends on what lies beside the target, so it is the plan's to say. Default: the plan says nothing.
   */
  readonly maxTre95Mm?: number;
}

/** A straight way from an entry to a target. Immutable; it never moves with a registration. */
export interface StraightPlan<in out F extends string> {
  readonly frame: Frame<F>;
  readonly entry: Point<F>;
  readonly target: Point<F>;
  /** Unit direction from entry to target, in `frame`. */
  readonly axis: readonly [number, number, number];
  /** From entry to target, mm. */
  readonly lengthMm: number;
  readonly frameOfReferenceUid: string | undefined;
  /** The largest 95 % bound of the error at the target that a registration may have, mm; undefined: no limit was set. */
  readonly maxTre95Mm: number | undefined;
}

/** Entry and target nearer than this leave the direction to rounding and a slip of the mouse. */
const SHORTEST_MM = 1;

/** A limit above this limits nothing: it is in another unit, or a slip, mm. */
const LOOSEST_LIMIT_MM = 50;

/**
 * A straight plan.
 * @throws NavError `guidance/bad-plan` where entry and target are less than 1 mm apart, or the limit of the error is not
 * above 0 and at most 50 mm; `frame/mismatch` where they are in two frames, `pose/not-finite` where a coordinate is not
 * finite
 */
export function straightPlan<F extends string>(init: StraightPlanInit<F>): StraightPlan<F> {
  requireSameFrame(init.entry.frame, init.target.frame, 'A straight plan');
  const entry = point(init.entry.frame, init.entry.xyz);
  const target = point(init.entry.frame, init.target.xyz);
  const way = [0, 1, 2].map((k) => (target.xyz[k] as number) - (entry.xyz[k] as number)) as [number, number, number];
  const lengthMm = Math.hypot(...way);
  if (!(lengthMm >= SHORTEST_MM && Number.isFinite(lengthMm))) {
    throw new NavError(
      'guidance/bad-plan',
      `Entry and target are ${lengthMm.toPrecision(3)} mm apart, which gives no direction. Put them at least ${SHORTEST_MM} mm apart.`,
      { detail: { lengthMm } },
    );
  }
  const { maxTre95Mm } = init;
  if (maxTre95Mm !== undefined && !(maxTre95Mm > 0 && maxTre95Mm <= LOOSEST_LIMIT_MM)) {
    throw new NavError(
      'guidance/bad-plan',
      `The limit of the error at the target is ${maxTre95Mm} mm. Give one above 0 and at most ${LOOSEST_LIMIT_MM} mm, or none.`,
      { detail: { maxTre95Mm } },
    );
  }
  return Object.freeze({
    frame: entry.frame,
    entry,
    target,
    axis: way.map((v) => v / lengthMm) as [number, number, number],
    lengthMm,
    frameOfReferenceUid: init.frameOfReferenceUid,
    maxTre95Mm,
  });
}
