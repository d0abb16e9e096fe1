import type { BodyName } from '../../suite/src/frames.js';
import type { Procedure } from '../src/procedure.js';
import { type HandOrder, order, pause } from './server-link.js';

/** How far beside a fiducial the hand touches when it is to slip, mm. */
const SLIP_MM = 6;

/**
 * The errands of the simulated hand: what a person would do with the stylus while this page only watches. One errand at a
 * time; touches follow each other in a row.
 */
export class Errands {
  /** Tools that are covered. */
  readonly covered = new Set<BodyName>();
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
  async send(what: HandOrder): Promise<boolean> {
    this.#busy = true;
    try {
      await pause(await order(what));
      this.trouble = '';
      return true;
    } catch (error) {
      this.trouble = `The simulated hand does not answer: ${error instanceof Error ? error.message : String(error)}`;
      return false;
    } finally {
      this.#busy = false;
    }
  }

  /** Covers a tool, or uncovers it. */
  cover(tool: BodyName): void {
    const hidden = !this.covered.has(tool);
    if (hidden) this.covered.add(tool);
    else this.covered.delete(tool);
    void this.send({ cover: tool, hidden });
  }

  /** Touches fiducials, one after the other. */
  touch(...fiducials: readonly number[]): void {
    this.#toTouch = [...fiducials];
    this.#went = -1;
  }

  /** Goes to the divot, records, and pivots within a cone. */
  async pivot(procedure: Procedure, coneDeg: number): Promise<void> {
    if (!(await this.send({ divot: true }))) return;
    if (procedure.startPivot() !== undefined) return;
    await this.send({ pivot: { coneDeg } });
    if (procedure.calibration.isRecording) procedure.stopPivot();
  }

  /** Once per frame: the next fiducial in the row. A refused touch ends the row: the person decides. */
  goOn(procedure: Procedure): void {
    if (this.#busy || procedure.touching !== undefined) return;
    const next = this.#toTouch[0];
    if (next === undefined) return;
    if (procedure.stage !== 'collect' && procedure.stage !== 'review') this.#toTouch = [];
    else if (this.#went === next) this.#arrived(procedure);
    else this.#goTo(procedure, next);
  }

  #arrived(procedure: Procedure): void {
    this.#went = -1;
    if (procedure.refusal === undefined) this.#toTouch.shift();
    else this.#toTouch = [];
  }

  #goTo(procedure: Procedure, index: number): void {
    const besideMm = this.slips ? SLIP_MM : 0;
    this.slips = false;
    void this.send({ touch: index, besideMm }).then((went) => {
      if (!went) {
        this.#toTouch = [];
        return;
      }
      this.#went = index;
      procedure.touch(index);
    });
  }
}
