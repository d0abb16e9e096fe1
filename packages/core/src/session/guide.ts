import { type Path, PoseView } from '../frames/index.js';
import { Deviation, type GuidanceState, guidanceState, type StraightPlan } from '../guidance/index.js';
import { fillNumbers, NUMBER_COUNT } from './guidance-numbers.js';
import type { GuideSetup } from './guidance-setup.js';

/** What is known of one tip at a query time. Owned by its run and overwritten by the next tick. */
export interface GuideReading<F extends string> {
  readonly name: string;
  /** The images' frame from the tip. */
  readonly view: PoseView;
  /** From the plan; undefined where there is none. */
  readonly deviation: Deviation<F> | undefined;
  readonly state: GuidanceState;
  /** Every number, in the order of `GUIDANCE_NUMBERS`. */
  readonly numbers: Float64Array;
}

/** One tip, guided. */
export class Guide<F extends string> implements GuideReading<F> {
  readonly name: string;
  readonly view: PoseView = new PoseView();
  readonly numbers: Float64Array = new Float64Array(NUMBER_COUNT).fill(Number.NaN);
  deviation: Deviation<F> | undefined;
  state: GuidanceState = 'noPose';
  readonly #setup: GuideSetup;
  readonly #path: Path<F, string>;

  constructor(setup: GuideSetup, path: Path<F, string>) {
    this.name = setup.name;
    this.#setup = setup;
    this.#path = path;
  }

  setPlan(plan: StraightPlan<F> | undefined): void {
    const { toolAxis } = this.#setup;
    this.deviation = plan && new Deviation(plan, toolAxis === undefined ? {} : { toolAxis });
    this.state = 'noPose';
  }

  read(): void {
    const { deviation, view } = this;
    this.#path.read(view);
    if (deviation !== undefined) {
      deviation.measure(view);
      this.state = guidanceState(deviation, this.state, this.#setup.limits);
    }
    fillNumbers(this.numbers, view, deviation, this.state);
  }
}
