import { NavError } from '../../base/index.js';
import {
  type AnyFrame,
  type AnyTransform,
  type Frame,
  isLive,
  type Path,
  PoseView,
  pointCovariance,
  requireSameFrame,
  type Status,
  type Transform,
} from '../../frames/index.js';
import { symmetricEigen, transformDirection, transformPoint } from '../../math/index.js';
import type { Volume } from '../../volume/index.js';
import { type BiopsyGun, biopsyGun } from './instrument.js';

/** A straight channel that leads a needle, fixed to what is tracked (an ultrasound probe, a holder). */
export interface NeedleGuide {
  /** Where the needle leaves it, in the tracked frame, mm. */
  readonly origin: readonly [number, number, number];
  /** The way the needle goes, in the tracked frame; made unit length. */
  readonly direction: readonly [number, number, number];
  /** How far the tip was beyond `origin` before firing, mm: by the depth stop, less the guide's length. */
  readonly insertedMm: number;
}

/** A transform with its covariance, whose frames are checked at run time. */
type ErrorSource = AnyTransform & Pick<Transform<string, string>, 'covariance'>;

/** What {@link recordCore} is told beside the pose. */
export interface CoreRecording<F extends string> {
  /** A name for this core, unique in the procedure: `R-base-1`. */
  readonly id: string;
  /** Who fired. */
  readonly by: string;
  /** When, UTC, ISO 8601 with a Z. */
  readonly at: string;
  readonly gun: BiopsyGun;
  /** The images that the core is recorded in. */
  readonly image: Pick<Volume<NoInfer<F>>, 'frame' | 'frameOfReferenceUid'>;
  /** For a tracked needle, from its tip the way it goes in; made unit length. Default (0, 0, −1). Not with a guide. */
  readonly toolAxis?: readonly [number, number, number];
  /** Where not the needle is tracked but what guides it. */
  readonly guide?: NeedleGuide;
  /**
   * The registration that the path begins with (image from tracker). Its error is the same for all cores made by it, and
   * {@link biopsyMap} needs to know it apart.
   */
  readonly registration?: ErrorSource;
}

/**
 * A core as it was taken. Frozen through and through; plain numbers, so it can be stored as JSON.
 *
 * Places are in `frame`, mm; covariances are row-major, of ξ = (ρ mm, φ rad) with T_true = Exp(ξ) T about the frame's origin.
 */
export interface AnyBiopsyCore {
  readonly id: string;
  readonly by: string;
  readonly at: string;
  readonly gun: BiopsyGun;
  readonly frame: AnyFrame;
  readonly frameOfReferenceUid: string;
  /** The ends of the sampled segment after firing: `near` towards the hub, `far` towards the tip. */
  readonly near: readonly number[];
  readonly far: readonly number[];
  /** `frame` from what was tracked, 16 numbers, column-major. */
  readonly pose: readonly number[];
  /** `ok` or `predicted`: nothing else becomes a core. */
  readonly status: Status;
  /** How old the oldest measurement in the pose was when it was read, ms; NaN on a path without measurements. */
  readonly ageMs: number;
  /** 6×6, of the pose. */
  readonly covariance: readonly number[];
  readonly degreesOfFreedom: number;
  /** 3×3 of the place (mm²) at `near`, in the middle and at `far`. */
  readonly covarianceAlong: {
    readonly near: readonly number[];
    readonly middle: readonly number[];
    readonly far: readonly number[];
  };
  /** The part of `covariance` that is the registration's, and the registration's matrix; undefined where it was not told. */
  readonly registration: { readonly matrix: readonly number[]; readonly covariance: readonly number[] } | undefined;
}

/** An {@link AnyBiopsyCore} whose frame is known to the compiler. */
export interface BiopsyCore<in out F extends string> extends AnyBiopsyCore {
  readonly frame: Frame<F>;
}

/**
 * Records a core from the pose at the moment of firing: reads the path at its graph's query time. A pose that is not live, or whose
 * error is not known, cannot become a core.
 * @throws NavError `biopsy/not-live` for any status but `ok` and `predicted`, `biopsy/no-covariance`, `frame/mismatch` where path and
 * image do not agree, `guidance/wrong-frame-of-reference` for an image that does not name its own, `biopsy/bad-core` for a record
 * that says too little, or a registration that is not the path's, `biopsy/bad-instrument`
 */
export function recordCore<F extends string, Tip extends string>(
  path: Path<F, Tip>,
  recording: CoreRecording<NoInfer<F>>,
  view: PoseView = new PoseView(),
): BiopsyCore<F> {
  requireSameFrame(recording.image.frame, path.to, 'Recording a core');
  const frameOfReferenceUid = checkedRecord(recording);
  requireUsable(path.read(view), view, recording.id);
  const { near, far } = segmentOf(view.matrix, recording);
  const at = (p: readonly number[]): readonly number[] => numbers(pointCovariance(new Float64Array(9), view.covariance, p));
  const middle = near.map((v, k) => (v + (far[k] as number)) / 2);
  return Object.freeze({
    id: recording.id,
    by: recording.by,
    at: recording.at,
    gun: biopsyGun(recording.gun),
    frame: path.to,
    frameOfReferenceUid,
    near: numbers(near),
    far: numbers(far),
    pose: numbers(view.matrix),
    status: view.status,
    ageMs: view.ageMs,
    covariance: numbers(view.covariance),
    degreesOfFreedom: view.degreesOfFreedom,
    covarianceAlong: Object.freeze({ near: at(near), middle: at(middle), far: at(far) }),
    registration: sharedPart(recording.registration, view, path.to),
  });
}

/** A recording whose frame does not matter. */
type Told = Omit<CoreRecording<string>, 'image'> & { readonly image: { readonly frameOfReferenceUid: string | undefined } };

function checkedRecord(recording: Told): string {
  const { id, by, at, image } = recording;
  if (id.trim() === '' || by.trim() === '') throw bad('A core needs an id, and the name of who fired.');
  const utc = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(at) && Number.isFinite(Date.parse(at));
  if (!utc) throw bad(`The time of core "${id}" must be UTC in ISO 8601 with a Z, got "${at}".`);
  if (image.frameOfReferenceUid === undefined || image.frameOfReferenceUid === '') {
    throw new NavError(
      'guidance/wrong-frame-of-reference',
      `Core "${id}" cannot be recorded in images that name no frame of reference: it could not be found in them again.`,
    );
  }
  return image.frameOfReferenceUid;
}

function requireUsable(status: Status, view: PoseView, id: string): void {
  if (!isLive(status)) {
    throw new NavError(
      'biopsy/not-live',
      `Core "${id}" was not recorded: its pose is "${status}", so nobody knows where the needle was when it fired. ` +
        'Make the tool seen, hold still, and record it from a live pose.',
      { detail: { status, ageMs: view.ageMs } },
    );
  }
  if (!view.covarianceKnown) {
    throw new NavError(
      'biopsy/no-covariance',
      `Core "${id}" was not recorded: the error of its pose is not known. Give every edge of the path a covariance or a noise.`,
    );
  }
}

function segmentOf(matrix: Float64Array, recording: Told): { near: number[]; far: number[] } {
  const { guide, toolAxis = [0, 0, -1], gun } = recording;
  if (guide !== undefined && recording.toolAxis !== undefined) throw badNeedle('A guide has a direction: leave toolAxis out.');
  const along = guide?.direction ?? toolAxis;
  const length = Math.hypot(...along);
  const inserted = guide?.insertedMm ?? 0;
  if (!(length > 0 && Number.isFinite(length)) || !Number.isFinite(inserted) || !(guide?.origin ?? []).every(Number.isFinite)) {
    throw badNeedle('The way of the needle needs a finite direction that is not zero, a finite origin and insertion.');
  }
  const axis = transformDirection(
    new Float64Array(3),
    matrix,
    along.map((v) => v / length),
  );
  const from = transformPoint(new Float64Array(3), matrix, guide?.origin ?? [0, 0, 0]);
  const farMm = inserted + gun.throwMm - gun.deadEndMm;
  const on = (mm: number): number[] => [0, 1, 2].map((k) => (from[k] as number) + mm * (axis[k] as number));
  return { near: on(farMm - gun.notchMm), far: on(farMm) };
}

/** The registration's share of the error, once it is sure that it is one. */
function sharedPart(registration: ErrorSource | undefined, view: PoseView, to: AnyFrame): AnyBiopsyCore['registration'] {
  if (registration === undefined) return undefined;
  requireSameFrame(to, registration.to, "A core's registration");
  const shared = registration.covariance;
  if (shared === undefined) {
    throw new NavError('biopsy/no-covariance', 'The registration of a core has no covariance. Leave it out, or register again.');
  }
  // What remains for tracking and calibration must be a covariance. In units of each component's own deviation.
  const sd = Array.from({ length: 6 }, (_, i) => Math.sqrt(Math.max(view.covariance[7 * i] as number, 1e-300)));
  const rest = Array.from(
    view.covariance,
    (c, n) => (c - (shared[n] as number)) / ((sd[Math.floor(n / 6)] as number) * (sd[n % 6] as number)),
  );
  if (!((symmetricEigen(rest, 6).values[5] as number) >= -1e-6)) {
    throw bad(
      'The registration given with a core has a larger error than the whole path: it is not the one that the path begins with.',
    );
  }
  return Object.freeze({ matrix: numbers(registration.matrix), covariance: numbers(shared) });
}

function numbers(values: ArrayLike<number>): readonly number[] {
  return Object.freeze(Array.from(values));
}

function bad(message: string): NavError<'biopsy/bad-core'> {
  return new NavError('biopsy/bad-core', message);
}

function badNeedle(message: string): NavError<'biopsy/bad-instrument'> {
  return new NavError('biopsy/bad-instrument', message);
}
