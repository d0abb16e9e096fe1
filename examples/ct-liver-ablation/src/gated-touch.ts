import type { PoseView } from '@trocar/core';
import type { GatePhase } from '@trocar/core/guidance';
import type { Refusal } from '../../suite/src/refusal.js';
import { type Touch, TouchInProgress, type TouchLimits } from '../../suite/src/touch.js';
import { WHY_NOT } from './why-not.js';

/** A touch waits so long for the gate at most, ms. */
const PATIENCE_MS = 15_000;

/** What is touched. */
export type MarkKind = 'fiducial' | 'landmark';

/** A touch that was asked for, and how far it is. */
export interface Touching {
  readonly kind: MarkKind;
  readonly index: number;
  /** Of the dwell, 0 … 1. */
  readonly progress: number;
  /** Whether it waits for the gate. */
  readonly waiting: boolean;
}

/**
 * A touch at the end of expiration: it begins when the gate opens, and begins anew when the gate closed before it had ended. Places of the
 * skin then are those of the CT, and places measured in different breaths belong together.
 */
export class GatedTouch {
  readonly #limits: TouchLimits;
  #armed: { readonly kind: MarkKind; readonly index: number; readonly atMs: number } | undefined;
  #touch: TouchInProgress | undefined;

  constructor(limits: TouchLimits) {
    this.#limits = limits;
  }

  /** Asks for a touch. */
  arm(kind: MarkKind, index: number, atMs: number): void {
    this.#armed = { kind, index, atMs };
    this.#touch = undefined;
  }

  /** What is being touched. */
  now(view: PoseView): Touching | undefined {
    const armed = this.#armed;
    return armed && { ...armed, progress: this.#touch?.progress(view.at) ?? 0, waiting: this.#touch === undefined };
  }

  get isBusy(): boolean {
    return this.#armed !== undefined;
  }

  /** Takes the stylus's tip as it was measured; what came of the touch, once it has ended. */
  add(
    view: PoseView,
    phase: GatePhase,
  ): { readonly kind: MarkKind; readonly index: number; readonly answer: Touch | Refusal } | undefined {
    const armed = this.#armed;
    if (armed === undefined) return undefined;
    const { kind, index } = armed;
    let answer: Touch | Refusal | undefined;
    if (phase === 'open') {
      this.#touch ??= new TouchInProgress(view.at, this.#limits);
      answer = this.#touch.add(view);
    } else {
      this.#touch = undefined;
      if (view.at - armed.atMs > PATIENCE_MS) answer = WHY_NOT.noGate;
    }
    if (answer === undefined) return undefined;
    this.#armed = undefined;
    this.#touch = undefined;
    return { kind, index, answer };
  }
}
