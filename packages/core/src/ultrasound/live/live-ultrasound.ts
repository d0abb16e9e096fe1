import { NavError } from '../../base/index.js';
import { type Frame, type FrameGraph, hasPose, type Path, PoseView, type Status, worstStatus } from '../../frames/index.js';
import { identity4, multiply4 } from '../../math/index.js';
import { type ImageFrame, imageFault } from '../../recording/index.js';
import type { SweepFrame } from '../sweep.js';
import {
  type CalibrationState,
  calibrationHolds,
  type LiveCalibration,
  requireCalibration,
  sameGeometry,
} from './calibration.js';

/** What live images are matched with. */
export interface LiveUltrasoundOptions<F extends string, P extends string> {
  /** Where the probe's poses stream in, on the same clock as the images' times. */
  readonly graph: FrameGraph;
  /** Poses are given as `frame` from `probe`. */
  readonly frame: Frame<F>;
  readonly probe: Frame<P>;
  /** One for each depth that is used; the one that holds for an image is taken. Default none. */
  readonly calibrations?: readonly LiveCalibration[];
  /** An image waits so long for the poses around its time, ms from the first update() after it came, and is then shown without one. Default 60. */
  readonly waitMs?: number;
  /** A pose measured so much before the image counts as of the same moment, ms. Default 2: anything older is waited past. */
  readonly poseWithinMs?: number;
  /** An image with a time longer ago than this is stale, ms. Default 250. */
  readonly staleAfterMs?: number;
}

/** Why the shown image has no live place. */
export type LiveReason = 'ok' | 'no-image' | 'image-stale' | 'calibration' | 'calibration-unverified' | 'pose';

/** What became of the images so far. */
export interface LiveCounts {
  /** Taken, shown with the pose of their moment, and shown without one. */
  images: number;
  matched: number;
  withoutPose: number;
  /** Not shown: a newer one was ready before. */
  skipped: number;
  /** Not taken: older than one before, or no image. */
  refused: number;
  /** Times that size, depth or spacing changed. */
  geometryChanges: number;
}

interface Waiting {
  readonly frame: ImageFrame;
  /** The first update() that saw it; NaN before. */
  since: number;
}

/** Images that wait for their poses; a pose stream that is so far behind is none. */
const MOST_WAITING = 8;

/**
 * Live images and where the probe was when each was taken. An image is shown with the pose of its own moment, between the two poses measured
 * around it, which the newest image has to wait for: one period of the tracker, at most {@link LiveUltrasoundOptions.waitMs}. It is never
 * shown with a pose of another moment.
 *
 * {@link push} what comes, {@link update} once per drawn frame, then draw {@link image} with {@link view}. A change of size, depth or spacing
 * ends the calibration at that image; one that holds for the new geometry, if there is one, takes its place.
 */
export class LiveUltrasound<in out F extends string, in out P extends string> {
  readonly counts: LiveCounts = { images: 0, matched: 0, withoutPose: 0, skipped: 0, refused: 0, geometryChanges: 0 };
  readonly #options: Required<Pick<LiveUltrasoundOptions<F, P>, 'waitMs' | 'poseWithinMs' | 'staleAfterMs'>>;
  readonly #time = new Float64Array(1).fill(Number.NaN);
  readonly #path: Path<F, P>;
  #calibrations: readonly LiveCalibration[] = [];
  readonly #waiting: { readonly frame: ImageFrame /** The first update() that saw it. */; since: number }[] = [];
  #newest: ImageFrame | undefined;
  /** Of the newest image's geometry; and a person's word that it holds. */
  #calibration: LiveCalibration | undefined;
  #confirmed = false;
  #image: ImageFrame | undefined;
  #shownCalibration: LiveCalibration | undefined;
  #shownState: CalibrationState = 'none';
  #view = new PoseView();
  #candidate = new PoseView();
  #status: Status = 'missing';
  #reason: LiveReason = 'no-image';

  /** @throws NavError `ultrasound/bad-option`, `ultrasound/bad-geometry` */
  constructor(options: LiveUltrasoundOptions<F, P>) {
    const { graph, frame, probe, waitMs = 60, poseWithinMs = 2, staleAfterMs = 250 } = options;
    if (!(waitMs >= 0 && poseWithinMs >= 0 && staleAfterMs > 0)) {
      throw new NavError(
        'ultrasound/bad-option',
        `Live ultrasound needs waitMs and poseWithinMs of 0 or more and staleAfterMs above 0; got ${waitMs}, ${poseWithinMs}, ${staleAfterMs}.`,
      );
    }
    this.#options = { waitMs, poseWithinMs, staleAfterMs };
    this.#path = graph.path(frame, probe, this.#time);
    this.setCalibrations(options.calibrations ?? []);
  }

  /**
   * The calibrations from now on; for images that wait as well.
   * @throws NavError `ultrasound/bad-option`, `ultrasound/bad-geometry`
   */
  setCalibrations(calibrations: readonly LiveCalibration[]): void {
    this.#calibrations = calibrations.map(requireCalibration);
    this.#calibration = this.#newest && this.#for(this.#newest);
    const image = this.#image;
    if (image === undefined || this.#for(image) === this.#shownCalibration) return;
    // What is shown was placed by one that is no longer said to hold.
    this.#shownCalibration = undefined;
    clear(this.#view, 'missing');
  }

  /** The calibration that holds for an image: one that is known to, or else one that nothing speaks against. */
  #for(frame: ImageFrame): LiveCalibration | undefined {
    const of = (state: CalibrationState): LiveCalibration | undefined =>
      this.#calibrations.find((each) => calibrationHolds(each, frame) === state);
    return of('valid') ?? of('unverified');
  }

  /**
   * A person says that the calibration holds for the images that come now, where the device itself says neither depth nor spacing. Until
   * their size changes.
   */
  confirmGeometry(): void {
    this.#confirmed = this.#newest !== undefined;
  }

  /** The calibration for the newest image; undefined where none holds. */
  get calibration(): LiveCalibration | undefined {
    return this.#calibration;
  }

  /** Of the newest image: what `calibration` is worth. */
  get calibrationState(): CalibrationState {
    const frame = this.#newest;
    if (frame === undefined || this.#calibrations.length === 0) return 'none';
    if (this.#calibration === undefined) return 'mismatch';
    const state = calibrationHolds(this.#calibration, frame);
    return state === 'unverified' && this.#confirmed ? 'valid' : state;
  }

  /** The image to draw; undefined before the first. */
  get image(): ImageFrame | undefined {
    return this.#image;
  }

  /** The pose of the probe at the image's moment, `frame` from `probe`, read anew by each {@link update}; without a pose all NaN. */
  get view(): PoseView {
    return this.#view;
  }

  /** The worst of image and pose, at the last {@link update}: only `ok` and `predicted` are of the present. */
  get status(): Status {
    return this.#status;
  }

  get reason(): LiveReason {
    return this.#reason;
  }

  /** How far apart in time image and pose can be, ms: the image's own bound and twice the lag's deviation; NaN where either is unknown. */
  get mismatchBoundMs(): number {
    return (this.#image?.boundMs ?? Number.NaN) + 2 * (this.#shownCalibration?.lagSdMs ?? Number.NaN);
  }

  /**
   * Takes an image, which must stay as it is: images of a bridge's client do; of those that a driver tells in the same process the pixels
   * must be copied. One that is not newer than the last is refused, and counted.
   */
  push(frame: ImageFrame): void {
    const last = this.#newest;
    if (imageFault(frame) !== undefined || !(last === undefined || frame.measuredAt > last.measuredAt)) {
      this.counts.refused += 1;
      return;
    }
    this.counts.images += 1;
    this.#newest = frame;
    if (last !== undefined && !sameGeometry(last, frame)) {
      this.counts.geometryChanges += 1;
      this.#confirmed = false;
    }
    if (last === undefined || !sameGeometry(last, frame)) this.#calibration = this.#for(frame);
    this.#waiting.push({ frame, since: Number.NaN });
    if (this.#waiting.length <= MOST_WAITING) return;
    this.#waiting.shift();
    this.counts.skipped += 1;
  }

  /** Chooses what to draw. @param now host ms, of the same clock as the images and poses */
  update(now: number): Status {
    for (let i = this.#waiting.length - 1; i >= 0; i -= 1) {
      const waiting = this.#waiting[i] as Waiting;
      if (Number.isNaN(waiting.since)) waiting.since = now;
      if (!this.#isReady(waiting.frame, now - waiting.since)) continue;
      this.#show(waiting.frame);
      this.counts.skipped += i;
      this.#waiting.splice(0, i + 1);
      break;
    }
    this.#judge(now);
    return this.#status;
  }

  /** Reads the pose of an image's moment; whether there is no sense in waiting for a better one. */
  #isReady(frame: ImageFrame, waitedMs: number): boolean {
    const calibration = this.#for(frame);
    this.#time[0] = frame.measuredAt + (calibration?.lagMs ?? 0);
    const view = this.#candidate;
    this.#path.read(view);
    // No age at all: the poses before and after are there, or nothing along the path moves.
    const within = hasPose(view.status) && !(view.ageMs > this.#options.poseWithinMs);
    if (calibration !== undefined && within) return true;
    if (!within) clear(view, hasPose(view.status) ? 'missing' : view.status);
    if (calibration === undefined) clear(view, 'missing');
    return calibration === undefined || waitedMs >= this.#options.waitMs;
  }

  #show(frame: ImageFrame): void {
    [this.#view, this.#candidate] = [this.#candidate, this.#view];
    this.#image = frame;
    this.#shownCalibration = this.#for(frame);
    const state = this.#shownCalibration === undefined ? 'mismatch' : calibrationHolds(this.#shownCalibration, frame);
    const confirmed = this.#confirmed && this.#newest !== undefined && sameGeometry(this.#newest, frame);
    this.#shownState = state === 'unverified' && confirmed ? 'valid' : state;
    if (this.#view.hasPose) this.counts.matched += 1;
    else this.counts.withoutPose += 1;
  }

  #judge(now: number): void {
    const image = this.#image;
    if (image === undefined) {
      this.#status = 'missing';
      this.#reason = 'no-image';
      return;
    }
    const pose = this.#view.status;
    const unverified = this.#shownState === 'unverified';
    const old = now - image.measuredAt > this.#options.staleAfterMs;
    this.#status = worstStatus(worstStatus(pose, old ? 'stale' : 'ok'), unverified ? 'unknown' : 'ok');
    if (old) this.#reason = 'image-stale';
    else if (this.#shownCalibration === undefined) this.#reason = 'calibration';
    else if (!this.#view.isLive) this.#reason = 'pose';
    else this.#reason = unverified ? 'calibration-unverified' : 'ok';
  }

  /**
   * The shown image as a frame of a sweep: `frameFromImage` takes (column, row, 0) in pixels to mm in `frame`. Its status is that of the pose;
   * undefined where there is no image, it is not grey of 8 bits, or no calibration holds.
   */
  sweepFrame(): SweepFrame | undefined {
    const image = this.#image;
    const calibration = this.#shownCalibration;
    if (image === undefined || calibration === undefined || image.number !== 'u8' || image.components !== 1) return undefined;
    const m = multiply4(identity4(), this.#view.matrix, calibration.probeFromImage);
    const status = worstStatus(this.#view.status, this.#shownState === 'unverified' ? 'unknown' : 'ok');
    return { pixels: image.pixels, frameFromImage: m, timeMs: image.measuredAt + (calibration.lagMs ?? 0), status };
  }
}

/** Takes the pose out of a view: there is none of that moment. */
function clear(view: PoseView, status: Status): void {
  view.status = status;
  view.matrix.fill(Number.NaN);
  view.covariance.fill(Number.NaN);
  view.covarianceKnown = false;
}
