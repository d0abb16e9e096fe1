import type { Point } from '@trocar/core';
import { type AblationConfirmation, type AblationTarget, confirmAblation } from '@trocar/core/guidance';
import type { Volume } from '@trocar/core/volume';
import { type RegistrationVerification, verifyRegistration } from '@trocar/registration';
import type { RigidVolumeRegistration } from '@trocar/registration/intensity';
import { isRefusal, type Refusal, tried } from '../../suite/src/refusal.js';
import type { AblationCase } from './case.js';
import { NECROSIS, type PostCt } from './post-ct.js';

/** What is needed of a registration of the two CTs. */
export type PostRegistration = Pick<
  RigidVolumeRegistration<'ct', 'post'>,
  'outcome' | 'findings' | 'confidence' | 'fixedFromMoving' | 'movingFromFixed' | 'seconds'
>;

/** Registers the CT after to the CT before: `registerVolumes`, here, in a worker or in Node. */
export type RegisterPost = (
  before: Volume<'ct'>,
  after: Volume<'post'>,
  how: { readonly signal: AbortSignal; progress(fraction: number): void },
) => Promise<PostRegistration>;

/** Anatomy that both CTs show must lie within this of itself, root mean square, shown with 95 % confidence, mm. */
const MOST_ANATOMY_MM = 4;
/** How well a fork of a vessel is marked in the two CTs together, mm rms. */
const ANATOMY_FLE_MM = 2;

/**
 * Where the confirmation stands.
 *
 * - `waiting`: for the CT after; `running`: it is being registered; `review`: a registration is proposed;
 * - `confirmed`: margins stand; `refused`: there is no registration that holds, and so no margin.
 */
export type ConfirmStage = 'waiting' | 'running' | 'review' | 'confirmed' | 'refused';

/**
 * The confirmation on a CT after the ablation. Its registration must hold by its own evidence and at anatomy that it was not made from;
 * where it does not, no margin is ever computed.
 */
export class ConfirmStep {
  readonly case: AblationCase;
  readonly target: AblationTarget<'ct'>;
  readonly marginMm: number;
  readonly #register: RegisterPost;
  #stage: ConfirmStage = 'waiting';
  #post: PostCt | undefined;
  #fraction = 0;
  #result: PostRegistration | undefined;
  #check: RegistrationVerification | undefined;
  #confirmation: AblationConfirmation<'ct'> | undefined;

  constructor(given: AblationCase, target: AblationTarget<'ct'>, marginMm: number, register: RegisterPost) {
    this.case = given;
    this.target = target;
    this.marginMm = marginMm;
    this.#register = register;
  }

  get stage(): ConfirmStage {
    return this.#stage;
  }
  get post(): PostCt | undefined {
    return this.#post;
  }
  /** How much of the registration is done, 0 … 1. */
  get fraction(): number {
    return this.#fraction;
  }
  get result(): PostRegistration | undefined {
    return this.#result;
  }
  /** At anatomy that the registration was not made from. */
  get check(): RegistrationVerification | undefined {
    return this.#check;
  }
  get confirmation(): AblationConfirmation<'ct'> | undefined {
    return this.#confirmation;
  }

  /** Takes the CT after the ablation, registers it to the CT before and checks that. */
  async take(post: PostCt, signal: AbortSignal = new AbortController().signal): Promise<Refusal | undefined> {
    const other = this.#otherPatient(post);
    if (other !== undefined) return other;
    this.#post = post;
    this.#result = undefined;
    this.#check = undefined;
    this.#confirmation = undefined;
    this.#stage = 'running';
    try {
      const progress = (fraction: number): void => {
        this.#fraction = fraction;
      };
      this.#result = await this.#register(this.case.volume, post.volume, { signal, progress });
    } catch (error) {
      this.#stage = 'refused';
      return tried<never>(() => {
        throw error;
      }) as Refusal;
    }
    const check = tried(() => this.#verify(post.anatomy, this.#result as PostRegistration));
    if (!isRefusal(check)) this.#check = check;
    const not = isRefusal(check) ? check : this.whyNot;
    this.#stage = not === undefined ? 'review' : 'refused';
    return not;
  }

  #otherPatient({ volume }: PostCt): Refusal | undefined {
    const { id } = this.case.volume.patient;
    if (id !== undefined && volume.patient.id === id) return undefined;
    return {
      code: 'guidance/wrong-patient',
      message: 'The CT after the ablation is another patient’s, or does not say whose it is. Load the one of this patient.',
    };
  }

  #verify(anatomy: readonly Point<'post'>[], { fixedFromMoving }: PostRegistration): RegistrationVerification {
    const landmarks = this.case.anatomy.flatMap((known, n) => {
      const measured = anatomy[n];
      return measured === undefined ? [] : [{ known, measured }];
    });
    return verifyRegistration(fixedFromMoving, landmarks, { limitMm: MOST_ANATOMY_MM, fleMm: ANATOMY_FLE_MM });
  }

  /** Why the registration may not be used; undefined where it may. */
  get whyNot(): Refusal | undefined {
    const [result, check] = [this.#result, this.#check];
    if (result === undefined)
      return { code: 'ablation/unregistered', message: 'The CT after the ablation is not registered yet.' };
    if (result.outcome !== 'ok') {
      const why = result.findings.map((f) => f.message).join(' ');
      return {
        code: 'registration/failed',
        message: `The CT after the ablation could not be registered: ${why} No margin can be told.`,
      };
    }
    if (result.fixedFromMoving.covariance === undefined) {
      return { code: 'ablation/unknown-error', message: 'The error of the registration is not known: no margin can be told.' };
    }
    if (check === undefined || check.accepted) return undefined;
    const why = check.findings.map((f) => f.message).join(' ');
    return {
      code: 'registration-not-verified',
      message: `Anatomy does not lie where the registration puts it (${check.rmsMm.toFixed(1)} mm): ${why} No margin can be told.`,
    };
  }

  /** Accepts the registration that was checked, and tells the margins. */
  accept(): Refusal | undefined {
    const { post } = this;
    if (this.#stage !== 'review' || post === undefined || this.#result === undefined) {
      return this.whyNot ?? { code: 'wrong-stage', message: 'There is no registration of a CT after the ablation to accept.' };
    }
    const { fixedFromMoving } = this.#result;
    const told = tried(() =>
      confirmAblation({
        target: this.target,
        necrosis: { labels: post.necrosis, label: NECROSIS },
        preFromPost: fixedFromMoving,
        marginMm: this.marginMm,
        shifts: 6,
      }),
    );
    if (isRefusal(told)) return told;
    this.#confirmation = told;
    this.#stage = 'confirmed';
    return undefined;
  }

  /** Takes the CT away: another one is to be loaded. */
  reset(): void {
    this.#stage = 'waiting';
    this.#post = undefined;
    this.#result = undefined;
    this.#check = undefined;
    this.#confirmation = undefined;
    this.#fraction = 0;
  }
}
