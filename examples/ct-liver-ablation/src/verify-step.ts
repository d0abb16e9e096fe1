import type { Transform } from '@trocar/core';
import { type CheckLandmark, type RegistrationVerification, verifyRegistration } from '@trocar/registration';
import { isRefusal, type Refusal, tried } from '../../suite/src/refusal.js';
import type { Touch } from '../../suite/src/touch.js';
import type { Marked } from './case.js';

/** The registration must be shown to be better than this at landmarks, rms, mm. */
const LIMIT_MM = 3;
/** How well a landmark is marked and touched, rms, mm. */
const FLE_MM = 0.75;

/** The check of a registration at landmarks that it was not made from. The FRE plays no part in it. */
export class VerifyStep {
  readonly #landmarks: readonly Marked[];
  readonly #touches: (Touch | undefined)[];
  #result: RegistrationVerification | undefined;

  constructor(landmarks: readonly Marked[]) {
    this.#landmarks = landmarks;
    this.#touches = landmarks.map(() => undefined);
  }

  /** One per landmark; undefined until it is touched. */
  get touches(): readonly (Touch | undefined)[] {
    return this.#touches;
  }
  get result(): RegistrationVerification | undefined {
    return this.#result;
  }

  take(index: number, touch: Touch): void {
    this.#touches[index] = touch;
    this.#result = undefined;
  }

  forget(): void {
    this.#touches.fill(undefined);
    this.#result = undefined;
  }

  /** Holds a registration against what was touched; undefined where it holds. */
  check(edge: Transform<'ct', 'reference'>): Refusal | undefined {
    const landmarks = this.#touches.flatMap((touch, n): CheckLandmark<'ct', 'reference'>[] => {
      const known = this.#landmarks[n];
      return touch && known ? [{ known: known.at, measured: touch.point, label: String(n + 1) }] : [];
    });
    const checked = tried(() => verifyRegistration(edge, landmarks, { limitMm: LIMIT_MM, fleMm: FLE_MM }));
    if (isRefusal(checked)) return checked;
    this.#result = checked;
    if (checked.accepted) return undefined;
    return { code: 'registration-not-verified', message: checked.findings.map((f) => f.message).join(' ') };
  }
}
