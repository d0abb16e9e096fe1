import type { PoseView } from '@trocar/core';
import { transformPoint } from '@trocar/core/math';
import type { Refusal } from '../../suite/src/refusal.js';
import type { SweptFrame } from './compound.js';
import type { LiveFrame } from './live-images.js';
import { PLANE_MIDDLE } from './probe.js';

/** What may be wrong with a sweep. */
export interface SweepFinding {
  readonly code: 'gap' | 'too-fast' | 'lost-tracking' | 'dropped-frames' | 'short';
  readonly message: string;
  /** Nothing can be registered with it. */
  readonly stops: boolean;
}

/** How a sweep is judged. Lengths are of the middle of the plane, {@link PLANE_MIDDLE}. */
export const SWEEP_LIMITS = {
  /** Planes further apart than this leave a gap, mm; twice as far, the sweep cannot be used. */
  gapMm: 2,
  /** A probe that goes faster blurs what the tracker and the scanner measure at different moments, mm/s. */
  speedMmS: 25,
  /** A sweep that is shorter does not cover a gland, mm. */
  leastMm: 36,
} as const;

const SPEED_OVER_MS = 300;

/** Pieces that the coverage is shown in, mm. */
export const COVERAGE_MM = 2;
/** The coverage is shown over so many pieces. */
const PIECES = 32;

/** The frames of a sweep as they come, and what they cover. */
export class SweepStep {
  readonly #frames: SweptFrame[] = [];
  readonly #middles: Float64Array[] = [];
  readonly #bins = new Uint16Array(PIECES);
  #from: Float64Array | undefined;
  #axis: Float64Array | undefined;
  #lost = 0;
  #dropped = 0;
  #fast = 0;
  #last: LiveFrame | undefined;
  recording = false;

  get frames(): readonly SweptFrame[] {
    return this.#frames;
  }
  /** How many frames came while the probe was not seen. */
  get lost(): number {
    return this.#lost;
  }
  get dropped(): number {
    return this.#dropped;
  }
  /** How many frames lie in each piece of {@link COVERAGE_MM} along the sweep, from where it began. */
  get coverage(): Uint16Array {
    return this.#bins;
  }

  start(): void {
    this.#frames.length = 0;
    this.#middles.length = 0;
    this.#bins.fill(0);
    this.#lost = this.#dropped = this.#fast = 0;
    this.#last = this.#from = this.#axis = undefined;
    this.recording = true;
  }

  /**
   * Takes a picture with the pose it was taken at. The pose must be a measurement at that moment: held or predicted ones are left out,
   * and counted.
   * @param view reference from plane, at the picture's time
   */
  add(frame: LiveFrame, view: PoseView): void {
    if (!this.recording) return;
    const before = this.#last;
    this.#last = frame;
    if (before !== undefined && frame.number === before.number) return;
    if (before !== undefined) this.#dropped += Math.max(0, frame.number - before.number - 1);
    if (view.status !== 'ok') {
      this.#lost += 1;
      return;
    }
    const middle = transformPoint(new Float64Array(3), view.matrix, PLANE_MIDDLE);
    if (this.#speed(middle, frame.atMs) > SWEEP_LIMITS.speedMmS) this.#fast += 1;
    this.#frames.push({ echoes: frame.echoes, referenceFromPlane: Float64Array.from(view.matrix), atMs: frame.atMs });
    this.#middles.push(middle);
    this.#cover(middle, view.matrix);
  }

  /** Over the last third of a second, mm/s: from one picture to the next it would be the tracker's noise. */
  #speed(middle: Float64Array, atMs: number): number {
    for (let n = this.#frames.length - 1; n >= 0; n -= 1) {
      const ms = atMs - (this.#frames[n] as SweptFrame).atMs;
      if (ms >= SPEED_OVER_MS) return (1000 * distance(this.#middles[n] as Float64Array, middle)) / ms;
    }
    return 0;
  }

  #cover(middle: Float64Array, m: Float64Array): void {
    this.#from ??= middle;
    this.#axis ??= m.slice(4, 7);
    const along = [0, 1, 2].reduce(
      (sum, k) => sum + ((middle[k] as number) - (this.#from?.[k] as number)) * (this.#axis?.[k] as number),
      0,
    );
    const bin = Math.floor(along / COVERAGE_MM);
    if (bin >= 0 && bin < PIECES) this.#bins[bin] = (this.#bins[bin] as number) + 1;
  }

  stop(): void {
    this.recording = false;
  }

  /** From the first plane to the last, mm. */
  get lengthMm(): number {
    const [first, last] = [this.#middles[0], this.#middles.at(-1)];
    return first === undefined || last === undefined ? 0 : distance(first, last);
  }

  /** Where the planes lie along the sweep, in order of place, for a hand may go back; mm from the first. */
  get #along(): number[] {
    const first = this.#middles[0] as Float64Array;
    const axis = this.#axis as Float64Array;
    // Across the planes only: a probe that slides within its plane leaves no gap.
    const along = this.#middles.map((m) =>
      [0, 1, 2].reduce((sum, k) => sum + ((m[k] as number) - (first[k] as number)) * (axis[k] as number), 0),
    );
    return along.sort((a, b) => a - b);
  }

  /** The widest gap between neighbouring planes, and how far from the beginning it is; mm. */
  get widestGap(): { readonly mm: number; readonly atMm: number } {
    const along = this.#along;
    let widest = { mm: 0, atMm: 0 };
    for (let n = 1; n < along.length; n += 1) {
      const mm = (along[n] as number) - (along[n - 1] as number);
      if (mm > widest.mm) widest = { mm, atMm: along[n - 1] as number };
    }
    return widest;
  }

  /** Where neighbouring planes are further apart than {@link SWEEP_LIMITS} allows; mm along the sweep, from where it began. */
  get gaps(): readonly { readonly fromMm: number; readonly toMm: number }[] {
    const along = this.#along;
    return along.flatMap((toMm, n) => {
      const fromMm = n === 0 ? toMm : (along[n - 1] as number);
      return toMm - fromMm > SWEEP_LIMITS.gapMm ? [{ fromMm, toMm }] : [];
    });
  }

  /** What a person must know of the sweep. */
  get findings(): readonly SweepFinding[] {
    const findings: SweepFinding[] = [];
    const { mm, atMm } = this.widestGap;
    const { gapMm, leastMm, speedMmS } = SWEEP_LIMITS;
    if (mm > gapMm) {
      const message = `A gap of ${mm.toFixed(1)} mm, ${atMm.toFixed(0)} mm from the beginning: nothing was seen there.`;
      findings.push({ code: 'gap', message, stops: mm > 2 * gapMm });
    }
    if (this.#fast > 0) {
      const message = `${this.#fast} frames were taken faster than ${speedMmS} mm/s: their place is uncertain.`;
      findings.push({ code: 'too-fast', message, stops: this.#fast > this.#frames.length / 4 });
    }
    if (this.#lost > 0) {
      const message = `The probe was not seen in ${this.#lost} frames: they were left out.`;
      findings.push({ code: 'lost-tracking', message, stops: this.#lost > this.#frames.length });
    }
    if (this.#dropped > 0) {
      findings.push({ code: 'dropped-frames', message: `${this.#dropped} frames of the scanner did not arrive.`, stops: false });
    }
    if (!this.recording && this.lengthMm < leastMm) {
      const message = `The sweep is ${this.lengthMm.toFixed(0)} mm long, and a gland needs ${leastMm} mm. Sweep from apex to base.`;
      findings.push({ code: 'short', message, stops: true });
    }
    return findings;
  }

  /** Why the sweep cannot be used; undefined where it can. */
  whyNot(): Refusal | undefined {
    if (this.recording) return { code: 'still-sweeping', message: 'The sweep is still being recorded. End it first.' };
    const stops = this.findings.find((f) => f.stops);
    return stops && { code: stops.code, message: `${stops.message} Sweep again.` };
  }
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.hypot(...[0, 1, 2].map((k) => (a[k] as number) - (b[k] as number)));
}
