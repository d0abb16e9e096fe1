import type { ProbeSetting } from '@trocar/core/guidance';
import type { Errands } from '../../suite/page/errands.js';
import type { Refusal } from '../../suite/src/refusal.js';
import type { ToolName } from '../src/frames.js';
import type { Procedure } from '../src/procedure.js';
import type { Pointed } from '../src/tools-step.js';

/** How far a slip is, and how far the applicator is pulled when it moves during a burn, mm. */
const SLIP_MM = 6;
const PULL_MM = 9;
/** How far a bump pushes the reference, mm. */
const BUMP_MM = 4;
/** A breath is held for so long, ms. */
const HOLD_MS = 6000;

/** The simulated hand, patient and generator: what a person would do while this page only watches. */
export class SimulatedHand {
  /** The next touch goes beside its mark. */
  slips = false;
  readonly #errands: Errands<ToolName>;
  readonly #procedure: Procedure;
  #touching = false;

  constructor(errands: Errands<ToolName>, procedure: Procedure) {
    this.#errands = errands;
    this.#procedure = procedure;
  }

  /** Whether the hand is on its way, or a row of touches is not at its end. */
  get busy(): boolean {
    return this.#errands.busy || this.#touching;
  }

  /** Goes to the divot with a tool, records, and pivots it. */
  async pivot(tool: Pointed): Promise<void> {
    if (!(await this.#errands.send({ divot: tool }))) return;
    if (this.#procedure.startPivot(tool) !== undefined) return;
    await this.#errands.send({ pivot: { coneDeg: 38 } });
    if (this.#procedure.calibrating[tool].isRecording) this.#procedure.stopPivot(tool);
  }

  /** Touches marks one after the other: fiducials, or landmarks. A refused touch ends the row: the person decides. */
  async touch(kind: 'fiducial' | 'landmark', marks: readonly number[]): Promise<void> {
    if (this.busy) return;
    this.#touching = true;
    try {
      for (const index of marks) if (!(await this.#one(kind, index))) return;
    } finally {
      this.#touching = false;
    }
  }

  async #one(kind: 'fiducial' | 'landmark', index: number): Promise<boolean> {
    const procedure = this.#procedure;
    const first = kind === 'landmark' ? procedure.touches.length : 0;
    const besideMm = this.slips ? SLIP_MM : 0;
    this.slips = false;
    if (!(await this.#errands.send({ touch: first + index, besideMm }))) return false;
    const asked = kind === 'landmark' ? procedure.touchLandmark(index) : procedure.touch(index);
    if (asked !== undefined) return false;
    while (procedure.touching !== undefined) await new Promise((resolve) => setTimeout(resolve, 30));
    return procedure.refusal === undefined;
  }

  /** Leads the applicator along the planned way, or beside it. */
  async insert(besideMm = 0): Promise<void> {
    const { probe, planning } = this.#procedure;
    const way = planning.ways.find(({ name }) => name === probe?.name);
    if (way === undefined) return;
    const { entry, target } = way.plan;
    await this.#errands.send({ insert: { entry: Array.from(entry.xyz), target: Array.from(target.xyz), besideMm } });
  }

  /** Switches the generator on, once the procedure lets it. @param begin asks the procedure: why not, or undefined */
  async burn(begin: (setting: ProbeSetting) => Promise<Refusal | undefined>): Promise<void> {
    const setting = this.#procedure.probe?.setting;
    if (setting === undefined || (await begin(setting)) !== undefined) return;
    const { applicator, powerW, minutes } = setting;
    await this.#errands.send({ burn: { applicator: applicator.id, powerW, minutes } });
  }

  async retract(): Promise<void> {
    await this.#errands.send({ retract: true });
  }

  /** Pulls at the applicator: during a burn it then lies elsewhere. */
  async pull(): Promise<void> {
    await this.insert(PULL_MM);
  }

  hold(): void {
    void this.#errands.send({ hold: HOLD_MS });
  }

  bump(): void {
    void this.#errands.send({ bump: BUMP_MM });
  }
}
