import type { Refusal } from '../src/refusal.js';
import { order, pause } from './link.js';
import { t } from './texts/index.js';

/** How far beside a fiducial the hand touches when it is to slip, mm. */
const SLIP_MM = 6;

/** What a hand touches for: `Procedure` of an example. */
export interface Touching {
  /** Whether fiducials are touched in this step. */
  readonly canTouch: boolean;
  readonly touching: object | undefined;
  /** What the last touch had to say. */
  readonly refusal: Refusal | undefined;
  touch(index: number): unknown;
}

/** What is pivoted. */
export interface Pivoting {
  readonly calibration: { readonly isRecording: boolean };
  startPivot(): Refusal | undefined;
  stopPivot(): unknown;
}

/**
 * The errands of the simulated hand, and what goes wrong in the simulated room: what a person would do while this page only
 * watches. One errand at a time; touches follow each other in a row.
 */
export class Errands<T extends string> {
  /** Tools that are covered. */
  readonly covered: Set<T> = new Set<T>();
  /** Whether the tracker hangs. */
  frozen = false;
  /** What went wrong with the last order; empty when all is well. */
  trouble = '';
  /** The next touch goes beside its fiducial. */
  slips = false;
  #busy = false;
  #toTouch: number[] = [];
  #went = -1;

  /** Whether the hand is on its way, or still has somewhere to go. */
  get busy(): boolean {
    return this.#busy || this.#toTouch.length > 0;
  }

  /** Asks the hand for something and waits until it is done. False where it does not answer. */
  async send(what: object): Promise<boolean> {
    this.#busy = true;
    try {
      await pause(await order(what));
      this.trouble = '';
      return true;
    } catch (error) {
      this.trouble = t('The simulated hand does not answer: {why}', {
        why: error instanceof Error ? error.message : String(error),
      });
      return false;
    } finally {
      this.#busy = false;
    }
  }

  /** Covers a tool, or uncovers it. */
  cover(tool: T): void {
    const hidden = !this.covered.has(tool);
    if (hidden) this.covered.add(tool);
    else this.covered.delete(tool);
    void this.send({ cover: tool, hidden });
  }

  /** Has the tracker hang, or run again. */
  freeze(): void {
    this.frozen = !this.frozen;
    void this.send({ freeze: this.frozen });
  }

  /** Touches fiducials, one after the other. */
  touch(...fiducials: readonly number[]): void {
    this.#toTouch = [...fiducials];
    this.#went = -1;
  }

  /** Goes to the divot, records, and pivots within a cone. */
  async pivot(of: Pivoting, coneDeg: number): Promise<void> {
    if (!(await this.send({ divot: true }))) return;
    if (of.startPivot() !== undefined) return;
    await this.send({ pivot: { coneDeg } });
    if (of.calibration.isRecording) of.stopPivot();
  }

  /** Once per frame: the next fiducial in the row. A refused touch ends the row: the person decides. */
  goOn(of: Touching): void {
    if (this.#busy || of.touching !== undefined) return;
    const next = this.#toTouch[0];
    if (next === undefined) return;
    if (!of.canTouch) this.#toTouch = [];
    else if (this.#went === next) this.#arrived(of);
    else this.#goTo(of, next);
  }

  #arrived(of: Touching): void {
    this.#went = -1;
    if (of.refusal === undefined) this.#toTouch.shift();
    else this.#toTouch = [];
  }

  #goTo(of: Touching, index: number): void {
    const besideMm = this.slips ? SLIP_MM : 0;
    this.slips = false;
    void this.send({ touch: index, besideMm }).then((went) => {
      if (!went) {
        this.#toTouch = [];
        return;
      }
      this.#went = index;
      of.touch(index);
    });
  }
}
