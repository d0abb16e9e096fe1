import { NavError } from '../../base/index.js';
import {
  type Frame,
  frame as frameNamed,
  isLive,
  type Path,
  type Point,
  type PoseView,
  requireSameFrame,
  type Transform,
  transform,
} from '../../frames/index.js';
import { transformPoint } from '../../math/index.js';
import { MeshDistance } from '../../volume/index.js';
import { ellipsoidDistance } from './ellipsoid.js';
import { type Ellipsoid, ellipsoidOf, tipPose, within, type ZoneShape } from './placed.js';
import { unionSurface } from './union-surface.js';

/** A zone's shape at a pose: what one probe destroys. */
export interface PlacedProbe<in out F extends string> {
  readonly frame: Frame<F>;
  readonly shape: ZoneShape;
  /** The pose of the tip, frame-from-tip: 16 doubles, column-major, mm. */
  readonly matrix: ArrayLike<number>;
  /** As in Transform.covariance, in `frame`; absent: unknown, which is not zero. */
  readonly covariance?: ArrayLike<number>;
  /** Degrees of freedom behind it; absent: Infinity. */
  readonly degreesOfFreedom?: number;
}

/** Destroyed tissue in a frame. */
export interface AblationZone<in out F extends string> {
  readonly frame: Frame<F>;
  /**
   * The signed distance from a point to the boundary of the zone, mm: negative inside.
   * @param p mm, in `frame`
   */
  distance(p: ArrayLike<number>): number;
  /** Whether a point lies in the zone: the sign of {@link distance}, found sooner, to a few hundredths of a millimetre. */
  contains(p: ArrayLike<number>): boolean;
  /** How far {@link distance} may be from the truth, mm, where the surface it was made from is the truth. */
  readonly errorMm: number;
}

/** Beyond this no applicator burns, mm: a length in another unit. */
const LARGEST_MM = 200;

/**
 * A probe at a planned or measured pose.
 * @throws NavError `ablation/bad-zone` for a radius or an offset that is not in millimetres
 */
export function placeProbe<F extends string, Tip extends string>(
  frameFromTip: Transform<F, Tip>,
  shape: ZoneShape,
): PlacedProbe<F> {
  return Object.freeze({
    frame: frameFromTip.to,
    shape: checkedShape(shape),
    matrix: Float64Array.from(frameFromTip.matrix),
    ...(frameFromTip.covariance !== undefined && { covariance: Float64Array.from(frameFromTip.covariance) }),
    ...(frameFromTip.degreesOfFreedom !== undefined && { degreesOfFreedom: frameFromTip.degreesOfFreedom }),
  });
}

/** What {@link plannedProbe} is made from. */
export interface PlannedProbeInit<F extends string> {
  readonly frame: Frame<F>;
  /** The pose of the tip, 16 numbers, column-major; or where the shaft enters and the tip ends, x, y, z, mm. */
  readonly matrix: ArrayLike<number> | { readonly entry: Point<F>; readonly tip: Point<F> };
  readonly shape: ZoneShape;
  /** How well the pose will be kept, as in Transform.covariance. Default: unknown. */
  readonly covariance?: ArrayLike<number> | 'exact';
}

/**
 * A probe where a plan puts it: its shaft on the line from entry to tip, its roll the shortest turn from +z; the roll matters only to a zone that is
 * not round.
 * @throws NavError `ablation/bad-zone`, `frame/not-rigid`, `frame/bad-covariance`, `frame/mismatch`
 */
export function plannedProbe<F extends string>({ frame, matrix, shape, covariance }: PlannedProbeInit<F>): PlacedProbe<F> {
  let pose: ArrayLike<number>;
  if ('entry' in matrix) {
    requireSameFrame(frame, matrix.entry.frame, 'Placing a probe');
    requireSameFrame(frame, matrix.tip.frame, 'Placing a probe');
    pose = tipPose(matrix.entry.xyz, matrix.tip.xyz);
  } else pose = matrix;
  return placeProbe(transform(frame, PLANNED_TIP, pose, covariance === undefined ? {} : { covariance }), shape);
}

/** The tip of a probe that is not there yet. */
const PLANNED_TIP = frameNamed('planned-tip');

/**
 * The probe where its tracked tool is at the graph's query time, or undefined where that pose is not live
 * (isLive): where the tool was, is no place to burn.
 * @param view reused; says the status afterwards
 * @throws NavError `ablation/bad-zone`
 */
export function trackedProbe<F extends string, Tip extends string>(
  path: Path<F, Tip>,
  view: PoseView,
  shape: ZoneShape,
): PlacedProbe<F> | undefined {
  const checked = checkedShape(shape);
  path.read(view);
  if (!isLive(view.status)) return undefined;
  return Object.freeze({
    frame: path.to,
    shape: checked,
    matrix: Float64Array.from(view.matrix),
    ...(view.covarianceKnown && { covariance: Float64Array.from(view.covariance), degreesOfFreedom: view.degreesOfFreedom }),
  });
}

/**
 * The zone of one or several probes: the union of their ellipsoids. No heat is added up where they overlap.
 *
 * The distance is exact outside. Inside it is exact where the nearest point of the deepest ellipsoid's surface lies in no other; elsewhere
 * the nearest boundary is a seam, or a part of another's surface, and is found on triangles inscribed in the union, which
 * makes the depth too small by at most {@link AblationZone.errorMm} (measured on those triangles; 0 for one probe).
 * @throws NavError `ablation/bad-zone` without a probe; `frame/mismatch`
 */
export function ellipsoidZone<F extends string>(probes: readonly PlacedProbe<F>[]): EllipsoidZone<F> {
  return new EllipsoidZone(probes);
}

/** See {@link ellipsoidZone}. */
export class EllipsoidZone<in out F extends string> implements AblationZone<F> {
  readonly frame: Frame<F>;
  readonly probes: readonly PlacedProbe<F>[];
  readonly #parts: readonly Ellipsoid[];
  readonly #local = new Float64Array(3);
  readonly #foot = new Float64Array(3);
  readonly #nearest = new Float64Array(3);
  readonly #found = new Float64Array(4);
  #slot = -1;
  #surface: { readonly field: MeshDistance; readonly errorMm: number } | undefined;

  /** Made by {@link ellipsoidZone}. */
  constructor(probes: readonly PlacedProbe<F>[]) {
    const first = probes[0];
    if (first === undefined) throw new NavError('ablation/bad-zone', 'A zone needs at least one probe.');
    for (const probe of probes) requireSameFrame(first.frame, probe.frame, 'Joining ablation zones');
    this.frame = first.frame;
    this.probes = [...probes];
    this.#parts = probes.map((probe) => ellipsoidOf(probe));
  }

  get errorMm(): number {
    return this.#parts.length === 1 ? 0 : this.#union().errorMm;
  }

  distance(p: ArrayLike<number>): number {
    let best = Number.POSITIVE_INFINITY;
    let at = 0;
    for (let i = 0; i < this.#parts.length; i += 1) {
      const d = this.#distanceTo(i, p, this.#foot);
      if (d < best) {
        best = d;
        at = i;
        this.#nearest.set(this.#foot);
      }
    }
    if (best >= 0 || this.#parts.length === 1) return best;
    const { matrix } = this.#parts[at] as Ellipsoid;
    transformPoint(this.#nearest, matrix, this.#nearest);
    if (!this.#covered(this.#nearest, at)) return best;
    this.#slot = this.#union().field.closest(this.#found, p, this.#slot);
    return Math.min(best, -Math.sqrt(this.#found[3] as number));
  }

  contains(p: ArrayLike<number>): boolean {
    return this.#covered(p, -1);
  }

  #distanceTo(i: number, p: ArrayLike<number>, foot: Float64Array): number {
    const { inverse, radii } = this.#parts[i] as Ellipsoid;
    return ellipsoidDistance(foot, transformPoint(this.#local, inverse, p), radii);
  }

  /** Whether a point lies inside another ellipsoid than `except`. */
  #covered(p: ArrayLike<number>, except: number): boolean {
    return this.#parts.some((part, i) => i !== except && within(part, p, this.#local));
  }

  #union(): { readonly field: MeshDistance; readonly errorMm: number } {
    if (this.#surface === undefined) {
      const { surface, errorMm } = unionSurface(this.#parts);
      this.#surface = { field: new MeshDistance(surface), errorMm };
    }
    return this.#surface;
  }
}

/** A shape that is in millimetres. @throws NavError `ablation/bad-zone` */
function checkedShape(shape: ZoneShape): ZoneShape {
  const radii = [...shape.radiiMm];
  const sound = radii.length === 3 && radii.every((r) => r > 0 && r <= LARGEST_MM) && Math.abs(shape.centreMm) <= LARGEST_MM;
  if (!sound) {
    throw new NavError(
      'ablation/bad-zone',
      `A zone with radii [${radii}] mm, ${shape.centreMm} mm from the tip, is none. Give three radii above 0 and an offset, both at ` +
        `most ${LARGEST_MM} mm.`,
      { detail: { radiiMm: radii, centreMm: shape.centreMm } },
    );
  }
  return Object.freeze({ radiiMm: Object.freeze(radii) as unknown as ZoneShape['radiiMm'], centreMm: shape.centreMm });
}
