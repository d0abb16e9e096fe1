import { type Frame, FrameGraph, frame, type Instant, type PoseBuffer, PoseSample, PoseView, type Status } from '@trocar/core';
import { fromRotationVector, identity4, multiply4, type Random } from '@trocar/core/math';
import { observePose, type TrackerModel } from '@trocar/core/testing';

export const TRACKER: Frame<'tracker'> = frame('tracker');
/** The marker on the phantom, later on the patient. */
export const REFERENCE: Frame<'reference'> = frame('reference');
export const PROBE: Frame<'probe'> = frame('probe');
export const POINTER: Frame<'pointer'> = frame('pointer');
export const TIP: Frame<'tip'> = frame('tip');
export const IMAGE: Frame<'image'> = frame('image');
export const PHANTOM: Frame<'phantom'> = frame('phantom');
export const MR: Frame<'mr'> = frame('mr');

/** Noise of each pose per axis: 0.25 mm and 0.3° in all. */
export const TRACKER_NOISE: { readonly positionSdMm: number; readonly rotationSdRad: number } = {
  positionSdMm: 0.25 / Math.sqrt(3),
  rotationSdRad: (0.3 * Math.PI) / 180 / Math.sqrt(3),
};

/** Poses a second, and how long a pointer is held for a touch. */
const PERIOD_MS = 25;
const HOLD_MS = 500;

/** Where a tool truly is: reference from tool, 16 doubles, at a time in ms. */
export type Motion = (timeMs: number) => Float64Array;

/** A pose as the graph told it. */
export interface ReadPose {
  readonly matrix: Float64Array;
  readonly status: Status;
  readonly timeMs: number;
}

/** A matrix of a rotation vector, rad, and a shift, mm. */
export function rigid(turn: readonly number[], shift: ArrayLike<number>): Float64Array {
  const m = fromRotationVector(identity4(), turn);
  for (let r = 0; r < 3; r += 1) m[12 + r] = shift[r] as number;
  return m;
}

/** Turns up to `rad` and shifts up to `mm` along each axis, about where `about` is. */
export function drawRigid(random: Random, rad: number, mm: number, about: ArrayLike<number> = [0, 0, 0]): Float64Array {
  const three = (x: number): number[] => [0, 1, 2].map(() => random.between(-x, x));
  return rigid(
    three(rad),
    three(mm).map((x, r) => x + (about[r] as number)),
  );
}

/** Products of matrices. */
export function product(...matrices: readonly ArrayLike<number>[]): Float64Array {
  return matrices.reduce((a: Float64Array, b) => multiply4(identity4(), a, b), identity4());
}

/**
 * Tracker and frame graph of one operation. Time passes as tools move; every pose is observed with noise and goes through the
 * product's own buffers, and every question through its paths.
 */
export class Station {
  readonly graph: FrameGraph = new FrameGraph();
  /** Tracker from reference, where it truly is. */
  readonly trackerFromReference: Float64Array;
  readonly #random: Random;
  readonly #buffers: Readonly<Record<'reference' | 'probe' | 'pointer', PoseBuffer>>;
  readonly #sample = new PoseSample();
  readonly #view = new PoseView();
  #now = 1000;

  constructor(random: Random) {
    this.#random = random;
    this.trackerFromReference = drawRigid(random, 1, 100, [0, 0, -1200]);
    const how = { capacity: 1024, noise: TRACKER_NOISE };
    this.#buffers = {
      reference: this.graph.stream(TRACKER, REFERENCE, how),
      probe: this.graph.stream(TRACKER, PROBE, how),
      pointer: this.graph.stream(TRACKER, POINTER, how),
    };
  }

  get nowMs(): number {
    return this.#now;
  }

  /** Lets a tool move for a while. @param occluded from and to, ms from now: the tracker does not see it */
  move(
    tool: 'probe' | 'pointer',
    durationMs: number,
    motion: Motion,
    occluded: readonly (readonly [number, number])[] = [],
  ): void {
    const start = this.#now;
    const occlusions = occluded.map(([from, to]) => ({ fromMs: start + from, toMs: start + to }));
    for (let t = start; t <= start + durationMs; t += PERIOD_MS) {
      this.#push('reference', this.trackerFromReference, t, TRACKER_NOISE);
      this.#push(tool, product(this.trackerFromReference, motion(t)), t, { ...TRACKER_NOISE, occlusions });
      this.#now = t;
    }
    this.#now += 1000;
  }

  #push(tool: 'reference' | 'probe' | 'pointer', trackerFromTool: Float64Array, t: number, model: TrackerModel): void {
    observePose(this.#sample, trackerFromTool, t as Instant, model, this.#random);
    this.#buffers[tool].push(this.#sample);
  }

  /** What the graph says of `to` from `from` at a time: matrix and status. The view is used again by the next question. */
  at<To extends string, From extends string>(timeMs: number, to: Frame<To>, from: Frame<From>): PoseView {
    this.graph.tick(timeMs as Instant);
    this.graph.path(to, from).read(this.#view);
    return this.#view;
  }

  /** The pose over a stretch of time. */
  poses<To extends string, From extends string>(
    [fromMs, toMs]: readonly [number, number],
    stepMs: number,
    to: Frame<To>,
    from: Frame<From>,
  ): ReadPose[] {
    const out: ReadPose[] = [];
    for (let t = fromMs; t <= toMs; t += stepMs) {
      const view = this.at(t, to, from);
      out.push({ matrix: view.matrix.slice(), status: view.status, timeMs: t });
    }
    return out;
  }

  /**
   * Holds the pointer and reads where its calibrated tip is, mm in the reference's frame: the mean over half a second.
   * @param referenceFromPointer where the pointer truly is
   */
  touch(referenceFromPointer: Float64Array): Float64Array {
    const start = this.#now;
    this.move('pointer', HOLD_MS, () => referenceFromPointer);
    const seen = this.poses([start, start + HOLD_MS], PERIOD_MS, REFERENCE, TIP);
    return Float64Array.from([12, 13, 14], (n) => seen.reduce((sum, { matrix }) => sum + (matrix[n] as number), 0) / seen.length);
  }
}
