import { isNavError, type Point, type Transform, transform } from '@trocar/core';
import type { StraightPlan } from '@trocar/core/guidance';
import type { PatientIdentity, Volume } from '@trocar/core/volume';
import { expectedTreOf } from '@trocar/registration';
import type { RigidVolumeRegistration } from '@trocar/registration/intensity';
import { keepsLimit, limitLine } from '../../suite/src/acceptance.js';
import type { Refusal } from '../../suite/src/refusal.js';

/**
 * Where the second image stands.
 *
 * - `absent`: there is none.
 * - `waiting`: it is not registered; a person starts it, or goes on without.
 * - `running`: it is being registered; {@link ImageStep.preview} is the best pose so far, and no result.
 * - `review`: a pose is proposed, for a person to accept or reject.
 * - `accepted`: it lies on the first image, as {@link ImageStep.accepted} says.
 * - `left`: the procedure goes on without it.
 */
export type ImageStage = 'absent' | 'waiting' | 'running' | 'review' | 'accepted' | 'left';

/** What a person and a report need of a registration of the two images. */
export type ImageResult = Pick<
  RigidVolumeRegistration<'ct', 'second'>,
  'outcome' | 'findings' | 'confidence' | 'fixedFromMoving' | 'seconds' | 'starts'
>;

/** What a running registration tells. */
export interface ImageProgress {
  readonly signal: AbortSignal;
  /** 0 … 1 */
  progress(fraction: number): void;
  preview(ctFromSecond: Transform<'ct', 'second'>): void;
}

/** Registers the second image to the first: `registerVolumes`, here, in a worker or in Node. */
export type RegisterImages = (first: Volume<'ct'>, second: Volume<'second'>, how: ImageProgress) => Promise<ImageResult>;

/** A second image that was accepted, and on what grounds. */
export interface AcceptedImage {
  /**
   * Where it lies. Of one accepted by eye it carries no covariance: an error that nobody measured is unknown.
   */
  readonly edge: Transform<'ct', 'second'>;
  /** By its own checks, or by a person who compared the images although the checks did not hold. */
  readonly how: 'checked' | 'by-eye';
  readonly result: ImageResult;
  /** UTC, ISO 8601. */
  readonly at: string;
}

/** Findings that no look at the images outweighs: the file is wrong, or there is nothing to compare. */
const BEYOND_EYE: ReadonlySet<string> = new Set(['mirrored', 'little-overlap', 'not-affine']);

/** The registration of a second image as a step of the procedure, without a screen. It needs no tracker. */
export class ImageStep {
  readonly second: Volume<'second'> | undefined;
  /** What the last request, or the last run, had to say against it. */
  refusal: Refusal | undefined;
  readonly #first: Volume<'ct'>;
  readonly #register: RegisterImages;
  #stage: ImageStage;
  #fraction = 0;
  #preview: Transform<'ct', 'second'> | undefined;
  #result: ImageResult | undefined;
  #accepted: AcceptedImage | undefined;
  #abort: AbortController | undefined;

  constructor(first: Volume<'ct'>, second: Volume<'second'> | undefined, register: RegisterImages) {
    this.#first = first;
    this.second = second;
    this.#register = register;
    this.#stage = second === undefined ? 'absent' : 'waiting';
  }

  get stage(): ImageStage {
    return this.#stage;
  }
  /** Whether a person still has to decide. */
  get isOpen(): boolean {
    return this.#stage === 'waiting' || this.#stage === 'running' || this.#stage === 'review';
  }
  /** How far a running registration is, 0 … 1. */
  get fraction(): number {
    return this.#fraction;
  }
  /** What is to be accepted, or was. */
  get result(): ImageResult | undefined {
    return this.#result;
  }
  get accepted(): AcceptedImage | undefined {
    return this.#accepted;
  }
  /** Where to draw the second image now: the best pose so far, the proposal, or what was accepted. */
  get pose(): Transform<'ct', 'second'> | undefined {
    return this.#accepted?.edge ?? this.#result?.fixedFromMoving ?? this.#preview;
  }

  /**
   * Registers from the beginning; ends in `review`, or in `waiting` with a refusal. Never rejects for what images, or their
   * files, can be.
   */
  async start(): Promise<Refusal | undefined> {
    const { second } = this;
    if (second === undefined || (this.#stage !== 'waiting' && this.#stage !== 'review')) {
      return this.#refuse('wrong-stage', 'There is no second image to be registered now.');
    }
    const other = otherPatient(this.#first.patient, second.patient);
    if (other !== undefined) return this.#refuse('other-patient', other);
    const abort = new AbortController();
    this.#forget();
    this.#abort = abort;
    this.#stage = 'running';
    try {
      const result = await this.#register(this.#first, second, {
        signal: abort.signal,
        progress: (fraction) => {
          if (this.#abort === abort) this.#fraction = fraction;
        },
        preview: (pose) => {
          if (this.#abort === abort) this.#preview = pose;
        },
      });
      if (this.#abort !== abort) return this.refusal;
      this.#result = result;
      this.#end('review');
      return undefined;
    } catch (error) {
      // An aborted run has been dealt with by whoever aborted it; its error comes late.
      if (this.#abort !== abort) return this.refusal;
      this.#end('waiting');
      if (!isNavError(error)) throw error;
      return this.#refuse(error.code, error.message);
    }
  }

  /** Ends a running registration, at once: nothing of it is kept. */
  abort(): void {
    if (this.#stage !== 'running') return;
    const running = this.#abort;
    this.#forget();
    this.#stage = 'waiting';
    this.#refuse('aborted', 'The registration was stopped: nothing of it is kept.');
    running?.abort();
  }

  /** The error expected at a point of the first image, 95 %, mm; NaN where the result does not stand, and nothing is known. */
  tre95Mm(p: Point<'ct'>): number {
    if (this.#accepted?.how === 'by-eye' || this.#result?.outcome !== 'ok') return Number.NaN;
    return expectedTreOf(this.#result.fixedFromMoving, p).p95Mm;
  }

  /** Why the proposal may not be accepted as checked, undefined where it may. */
  whyNotChecked(plan: StraightPlan<'ct'>): Refusal | undefined {
    const result = this.#result;
    if (result === undefined) return { code: 'wrong-stage', message: 'There is no registration to accept.' };
    if (result.outcome !== 'ok') {
      return { code: result.outcome, message: `The registration is ${result.outcome}: it can only be accepted by eye.` };
    }
    const p95 = this.tre95Mm(plan.target);
    if (Number.isFinite(p95) && keepsLimit(plan, p95)) return undefined;
    const message = `The error at the target is too large for this plan: ${limitLine(plan, p95)}.`;
    return { code: 'beyond-plan-limit', message };
  }

  /** Why not even a person who compared the images may accept the proposal, undefined where one may. */
  whyNotByEye(): Refusal | undefined {
    const result = this.#result;
    if (result === undefined) return { code: 'wrong-stage', message: 'There is no registration to accept.' };
    const found = result.findings.find((f) => BEYOND_EYE.has(f.code));
    return found && { code: found.code, message: `This cannot be accepted by eye either. ${found.message}` };
  }

  /** Accepts a proposal whose own checks hold, within the limit of the plan. */
  accept(plan: StraightPlan<'ct'>): Refusal | undefined {
    const not = this.#stage === 'review' ? this.whyNotChecked(plan) : NOTHING;
    if (not !== undefined || this.#result === undefined) return this.#refuseWith(not ?? NOTHING);
    return this.#accept('checked', this.#result, this.#result.fixedFromMoving);
  }

  /**
   * Accepts a proposal whose checks do not hold, because a person has compared the images: recorded as such, and without
   * an error bound from then on.
   * @param compared the person says to have compared both images
   */
  acceptByEye(compared: boolean): Refusal | undefined {
    const not = this.#stage === 'review' ? this.whyNotByEye() : NOTHING;
    if (not !== undefined || this.#result === undefined) return this.#refuseWith(not ?? NOTHING);
    if (!compared) return this.#refuse('not-compared', 'Compare both images in all three views first, and say that you did.');
    const { fixedFromMoving, outcome, findings } = this.#result;
    const why = [outcome, ...findings.map((f) => f.code)].join(', ');
    const provenance = { method: 'by-eye', inputs: `${fixedFromMoving.provenance?.method ?? 'registration'}: ${why}` };
    const edge = transform(fixedFromMoving.to, fixedFromMoving.from, fixedFromMoving.matrix, { provenance });
    return this.#accept('by-eye', this.#result, edge);
  }

  /** Rejects the proposal, or takes back what was accepted: the image is not registered again. */
  reject(): Refusal | undefined {
    if (this.#stage !== 'review' && this.#stage !== 'accepted' && this.#stage !== 'left') return this.#refuseWith(NOTHING);
    this.#forget();
    this.#stage = 'waiting';
    return undefined;
  }

  /** Takes back what was accepted: the procedure goes on without the second image, which {@link reject} lets register again. */
  takeBack(): Refusal | undefined {
    if (this.#stage !== 'accepted') return this.#refuseWith(NOTHING);
    this.#forget();
    this.#stage = 'left';
    return undefined;
  }

  /** Goes on without the second image. */
  leave(): Refusal | undefined {
    if (this.#stage !== 'waiting' && this.#stage !== 'review') return this.#refuseWith(NOTHING);
    this.#forget();
    this.#stage = 'left';
    return undefined;
  }

  #accept(how: AcceptedImage['how'], result: ImageResult, edge: Transform<'ct', 'second'>): undefined {
    this.#accepted = { how, result, edge, at: new Date().toISOString() };
    this.#stage = 'accepted';
    this.refusal = undefined;
  }

  #end(stage: ImageStage): void {
    this.#abort = undefined;
    this.#preview = undefined;
    this.#stage = stage;
  }

  #forget(): void {
    this.#abort = undefined;
    this.#preview = undefined;
    this.#result = undefined;
    this.#accepted = undefined;
    this.#fraction = 0;
    this.refusal = undefined;
  }

  #refuse(code: string, message: string): Refusal {
    return this.#refuseWith({ code, message });
  }

  #refuseWith(refusal: Refusal): Refusal {
    this.refusal = refusal;
    return refusal;
  }
}

const NOTHING: Refusal = { code: 'wrong-stage', message: 'There is nothing to be decided of the second image now.' };

/** An ID of another hospital is no other patient where the date of birth is the same. */
function otherPatient(a: PatientIdentity, b: PatientIdentity): string | undefined {
  const differ = (key: keyof PatientIdentity): boolean => a[key] !== undefined && b[key] !== undefined && a[key] !== b[key];
  const sameBirth = a.birthDate !== undefined && a.birthDate === b.birthDate;
  const what = [
    ...(differ('id') && !sameBirth ? ['patient ID'] : []),
    ...(differ('birthDate') ? ['date of birth'] : []),
    ...(differ('sex') ? ['sex'] : []),
  ];
  if (what.length === 0) return undefined;
  return `The two images are not of the same patient: their ${what.join(' and ')} differ. Load the right file.`;
}
