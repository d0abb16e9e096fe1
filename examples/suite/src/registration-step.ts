import type { Frame, Point, Transform } from '@trocar/core';
import { fisherTail, transformPoint, twoSidedZ } from '@trocar/core/math';
import { type PointRegistration, registerPoints } from '@trocar/registration';
import { type TargetBound, targetBound } from './bound.js';
import { REFERENCE } from './frames.js';
import { isRefusal, type Refusal, tried } from './refusal.js';
import type { Touch } from './touch.js';

/** How one touched fiducial fits, in one word. */
export type FitFlag = 'fits' | 'watch' | 'suspect' | 'leftOut' | 'untold';

/** How one touched fiducial fits the registration, mm in the image. */
export interface FiducialFit {
  /** Which fiducial, from 0. */
  readonly index: number;
  /** From where it is marked to where the registration puts its touch: what is drawn as an arrow. */
  readonly offset: readonly [number, number, number];
  /** Length of the residual; NaN for one that was left out: it has no residual, only {@link leaveOneOutMm}. */
  readonly residualMm: number;
  readonly expectedMm: number;
  /** How far the touch lies from where all OTHERS put it. */
  readonly leaveOneOutMm: number;
  readonly leaveOneOutExpectedMm: number;
  /** How surprising that is, in standard deviations; NaN where the others cannot tell. */
  readonly zScore: number;
  readonly flag: FitFlag;
}

/** Leaving out one fiducial would help. */
export interface DropSuggestion {
  readonly index: number;
  /** The bound at the target without it, 95 %, mm; NaN where the others do not suffice. */
  readonly without95Mm: number;
  /** What is odd about it. */
  readonly finding: string;
  /** That, and what to do. */
  readonly message: string;
}

/** A registration that waits to be accepted. */
export interface Proposal<F extends string> {
  readonly registration: PointRegistration<F, 'reference'>;
  /** Which fiducials went in, in the order of the residuals. */
  readonly fiducials: readonly number[];
  /** Of the error at the plan's target. */
  readonly bound: TargetBound;
  /** Every touched fiducial, those that were left out too, in the order of the fiducials. */
  readonly fits: readonly FiducialFit[];
  readonly suggestion: DropSuggestion | undefined;
}

/** Fewer than this leave the noise level a guess. */
export const FEWEST_FIDUCIALS = 4;

/** Two touches nearer to each other than this share of the way between their fiducials are one place touched twice. */
const SAME_PLACE_SHARE = 0.2;

/** In one registration out of twenty, chance alone makes a fiducial worth a second look. */
const WATCH_PROBABILITY = 0.05;

/**
 * What the fiducials say: which were touched, which of them count, and the registration that follows. Every change is
 * made and registered in one go, or refused and nothing is changed.
 */
export class RegistrationStep<F extends string> {
  readonly #touches: (Touch | undefined)[];
  readonly #image: Frame<F>;
  readonly #fiducials: readonly Point<F>[];
  readonly #excluded = new Set<number>();

  /** @param fiducials as they are marked in the image */
  constructor(image: Frame<F>, fiducials: readonly Point<F>[]) {
    this.#image = image;
    this.#fiducials = fiducials;
    this.#touches = fiducials.map(() => undefined);
  }

  /** One per fiducial; undefined until it is touched. */
  get touches(): readonly (Touch | undefined)[] {
    return this.#touches;
  }

  /** Whether a person left a fiducial out. */
  isExcluded(index: number): boolean {
    return this.#excluded.has(index);
  }

  /** Leaves a fiducial out, or takes it in again. Returns what takes this back. */
  setExcluded(index: number, excluded: boolean): () => void {
    const before = this.#excluded.has(index);
    if (excluded) this.#excluded.add(index);
    else this.#excluded.delete(index);
    return () => void this.setExcluded(index, before);
  }

  /** Takes a touch, in place of one before it, or forgets it. Returns what takes this back. */
  setTouch(index: number, touch: Touch | undefined): () => void {
    const before = this.#touches[index];
    this.#touches[index] = touch;
    return () => {
      this.#touches[index] = before;
    };
  }

  /** Why a new touch cannot be of this fiducial: it is where another one was touched. */
  samePlace(index: number, { point }: Touch): Refusal | undefined {
    const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      Math.hypot(...[0, 1, 2].map((k) => (a[k] as number) - (b[k] as number)));
    const marked = (i: number): ArrayLike<number> => (this.#fiducials[i] as Point<F>).xyz;
    const other = this.#touches.findIndex(
      (t, i) =>
        t !== undefined && i !== index && apart(t.point.xyz, point.xyz) < SAME_PLACE_SHARE * apart(marked(i), marked(index)),
    );
    if (other < 0) return undefined;
    return {
      code: 'same-place',
      message: `That is where fiducial ${other + 1} was touched. Fiducial ${index + 1} lies elsewhere: the touch was not taken.`,
    };
  }

  /** Begins anew: nothing is touched, nothing left out. */
  forgetAll(): void {
    this.#touches.fill(undefined);
    this.#excluded.clear();
  }

  /** The fiducials that count: touched, and not left out. */
  get used(): number[] {
    return this.touches.flatMap((t, i) => (t === undefined || this.#excluded.has(i) ? [] : [i]));
  }

  /** The registration of the fiducials that count, or why there is none. */
  propose<Tool extends string, Tip extends string>(stylusFromTip: Transform<Tool, Tip>, target: Point<F>): Proposal<F> | Refusal {
    const { used } = this;
    if (used.length < FEWEST_FIDUCIALS) {
      const message = `${used.length} fiducials were touched and count; at least ${FEWEST_FIDUCIALS} are needed.`;
      return { code: 'too-few-fiducials', message };
    }
    const proposal = tried((): Proposal<F> => {
      const made = this.#register(used, stylusFromTip, target);
      const suggestion = this.#suggestion(made, stylusFromTip, target);
      return { ...made, fits: this.#fits(made, suggestion), suggestion };
    });
    if (!isRefusal(proposal) || proposal.code !== 'registration/scale') return proposal;
    // A tip that is too far along the shaft makes every touch too far in, or out.
    const message = `A stylus that is longer or shorter than calibrated looks the same: calibrate it again first. ${proposal.message}`;
    return { code: proposal.code, message };
  }

  #register<Tool extends string, Tip extends string>(
    fiducials: readonly number[],
    stylusFromTip: Transform<Tool, Tip>,
    target: Point<F>,
  ): Pick<Proposal<F>, 'registration' | 'fiducials' | 'bound'> {
    const marked = fiducials.map((i) => this.#fiducials[i] as Point<F>);
    const touches = fiducials.map((i) => this.touches[i] as Touch);
    // The noise level is deliberately not told: it is estimated from the residuals, and the bound allows for that.
    const registration = registerPoints(
      this.#image,
      REFERENCE,
      marked,
      touches.map((t) => t.point),
    );
    return { registration, fiducials, bound: targetBound(registration, marked, touches, stylusFromTip, target) };
  }

  /** Which fiducial to leave out, where the numbers speak for it: the bound without it is that of a person's registration. */
  #suggestion<Tool extends string, Tip extends string>(
    { registration, fiducials }: Pick<Proposal<F>, 'registration' | 'fiducials'>,
    stylusFromTip: Transform<Tool, Tip>,
    target: Point<F>,
  ): DropSuggestion | undefined {
    const place = registration.dropSuggestion?.index ?? registration.findings.find((f) => f.code === 'outlier')?.index;
    if (place === undefined) return undefined;
    const index = fiducials[place] as number;
    const { leaveOneOutMm, leaveOneOutExpectedMm } = registration.residuals[place] as (typeof registration.residuals)[number];
    const others = fiducials.filter((i) => i !== index);
    const without = others.length < FEWEST_FIDUCIALS ? undefined : tried(() => this.#register(others, stylusFromTip, target));
    const helps = without !== undefined && !isRefusal(without);
    const finding =
      `Fiducial ${index + 1} was touched ${leaveOneOutMm.toFixed(1)} mm from where the others put it; ` +
      `${leaveOneOutExpectedMm.toFixed(1)} mm is usual.`;
    const message = `${finding} Touch it again${helps ? ', or leave it out' : ''}.`;
    return { index, without95Mm: helps ? without.bound.p95Mm : Number.NaN, finding, message };
  }

  #fits(
    { registration, fiducials }: Pick<Proposal<F>, 'registration' | 'fiducials'>,
    suggestion: DropSuggestion | undefined,
  ): FiducialFit[] {
    const watch = twoSidedZ(WATCH_PROBABILITY / fiducials.length);
    return this.touches.flatMap((touch, index): FiducialFit[] => {
      if (touch === undefined) return [];
      const place = fiducials.indexOf(index);
      if (place < 0) return [this.#leftOut(index, touch, registration)];
      const r = registration.residuals[place] as (typeof registration.residuals)[number];
      const [x = 0, y = 0, z = 0] = r.vector;
      const unusual = r.zScore > watch ? 'watch' : Number.isNaN(r.zScore) ? 'untold' : 'fits';
      return [
        {
          index,
          // A residual goes from the touch to the mark.
          offset: [-x, -y, -z],
          residualMm: r.mm,
          expectedMm: r.expectedMm,
          leaveOneOutMm: r.leaveOneOutMm,
          leaveOneOutExpectedMm: r.leaveOneOutExpectedMm,
          zScore: r.zScore,
          flag: suggestion?.index === index ? 'suspect' : unusual,
        },
      ];
    });
  }

  /** One that was left out, beside a registration that knows nothing of it: all that is expected is its own error, and theirs. */
  #leftOut(index: number, touch: Touch, registration: PointRegistration<F, 'reference'>): FiducialFit {
    const marked = this.#fiducials[index] as Point<F>;
    const found = transformPoint(new Float64Array(3), registration.edge.matrix, touch.point.xyz);
    const offset = [0, 1, 2].map((k) => (found[k] as number) - (marked.xyz[k] as number)) as [number, number, number];
    const leaveOneOutMm = Math.hypot(...offset);
    const leaveOneOutExpectedMm = Math.hypot(registration.expectedTre(marked).rmsMm, registration.fleMm);
    const freedom = registration.edge.degreesOfFreedom ?? Number.POSITIVE_INFINITY;
    const surprise = fisherTail((leaveOneOutMm / leaveOneOutExpectedMm) ** 2, 3, freedom);
    return {
      index,
      offset,
      residualMm: Number.NaN,
      expectedMm: Number.NaN,
      leaveOneOutMm,
      leaveOneOutExpectedMm,
      zScore: twoSidedZ(surprise),
      flag: 'leftOut',
    };
  }
}
