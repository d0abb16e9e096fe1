import { NavError } from '../../base/index.js';
import type { Volume } from '../../volume/index.js';
import { pausesOf } from '../pauses.js';
import { type HeatAccount, HeatLedger } from './account.js';
import { chebyshevStep, type HeatState, longestStep, slopeInto, stagesFor } from './chebyshev.js';
import { DoseRate } from './dose.js';
import { onGridOf } from './dose-map.js';
import { fastestRate, type HeatModel, heatModel } from './heat-model.js';
import { PerfusionCurve } from './perfusion.js';
import { type AnyBioheatProblem, type BioheatProblem, checkProblem } from './problem.js';

/** How {@link simulateBioheat} is run. */
export interface BioheatRun {
  /** Ends it early with `thermal/aborted`. */
  readonly signal?: AbortSignal;
  /** Called now and then with the fraction of the time done, 0 to 1. */
  readonly progress?: (fraction: number) => void;
}

/** What {@link simulateBioheat} finds. */
export interface BioheatResult<F extends string> {
  /** At the end, °C. */
  readonly temperature: Volume<F>;
  /** The highest at any step, °C. */
  readonly peak: Volume<F>;
  /** Equivalent minutes at 43 °C; 0 in vessels, whose wall is not modelled. */
  readonly dose: Volume<F>;
  /** Tissue that was above 95 °C, ml: where water boils, and the equation is no longer true. */
  readonly boilingMl: number;
  /** Where the heat went, J. */
  readonly energy: HeatAccount;
  /** Steps taken, steps refused for their error, evaluations of the equation. */
  readonly steps: { readonly taken: number; readonly refused: number; readonly evaluations: number };
}

/** Above this many stages a step gains little, and the stages' rounding begins to add up. */
const MOST_STAGES = 40;
/** Tissue boils from about here on, °C. */
const BOILING_C = 95;
/** How long to compute before other work gets its turn, ms. */
const TURN_MS = 40;
/** The temperature span for which the rate of perfusion is bounded, K. */
const SPAN_K = 100;

/**
 * A PREVIEW of an ablation: Pennes' bioheat equation (Pennes 1948, J. Appl. Physiol. 1:93) by finite volumes on the voxels of a label
 * map, with perfusion, large vessels as heat sinks, and the thermal dose. Second order in space and time; each step's error is
 * estimated and held below `toleranceK`.
 *
 * It is not a prediction to treat by. It does not know: the applicator's true field and how it changes as tissue dries, water that
 * boils away (above about 95 °C temperatures are too high: `boilingMl` says of how much), properties that change with temperature, vessels thinner than a few
 * voxels, blood that warms on its way, shrinking tissue, nor this patient's perfusion, which differs from tables by a factor of two.
 * Metabolic heat is left out: tissue at rest is at the blood's temperature.
 *
 * Pure, and of plain data, so it runs as well in a worker. It lets other work run every few dozen milliseconds.
 * @throws NavError `thermal/bad-problem`, `volume/sheared`, `thermal/bad-option`, `thermal/aborted`
 */
export async function simulateBioheat<F extends string>(
  problem: BioheatProblem<F>,
  run: BioheatRun = {},
): Promise<BioheatResult<F>> {
  checkProblem(problem);
  const curve = new PerfusionCurve(problem.perfusionByTemperature);
  const rate = new DoseRate(problem.convention);
  const model = heatModel(problem);
  const march = new March(model, curve, problem);
  const ledger = new HeatLedger(model, curve, rate);
  const total = problem.power.reduce((sum, p) => sum + p.seconds, 0);
  let done = 0;
  const progress = (): void => run.progress?.(Math.min(1, done / total));
  const pause = pausesOf({ signal: run.signal, everyMs: TURN_MS, aborted, progress });
  for (const piece of problem.power) {
    march.begin(piece.factor);
    for (let left = piece.seconds; left > 0; ) {
      const step = march.advance(left);
      ledger.enter(march, step, piece.factor);
      if (problem.coagulationCem43Min !== undefined && ledger.coagulate(problem.coagulationCem43Min)) march.changed();
      // What is left by rounding is no step.
      left = left - step > 1e-9 * piece.seconds ? left - step : 0;
      done += step;
      await pause();
    }
  }
  run.progress?.(1);
  return resultOf(problem.labels, model, march, ledger);
}

function resultOf<F extends string>(labels: Volume<F>, model: HeatModel, march: March, ledger: HeatLedger): BioheatResult<F> {
  const inner = (a: Float64Array): Float32Array => Float32Array.from(a.subarray(model.pad, model.pad + model.cells));
  const { taken, refused, evaluations } = march;
  return {
    temperature: onGridOf(labels, inner(march.latest), '°C'),
    peak: onGridOf(labels, inner(ledger.peak), '°C'),
    dose: onGridOf(labels, inner(ledger.dose), 'min'),
    boilingMl: ledger.hotterThan(BOILING_C),
    energy: ledger.close(march.latest),
    steps: { taken, refused, evaluations },
  };
}

/** The temperature as it goes forward in steps of its own choosing. */
class March {
  /** °C and K/s before the latest step, and after it. */
  before: Float64Array;
  latest: Float64Array;
  slopeBefore: Float64Array;
  slopeLatest: Float64Array;
  taken = 0;
  refused = 0;
  evaluations = 0;
  readonly #state: HeatState;
  readonly #model: HeatModel;
  readonly #rate: number;
  readonly #toleranceK: number;
  readonly #maxStepS: number;
  #spare: Float64Array;
  #stepS = 0;

  constructor(model: HeatModel, curve: PerfusionCurve, { toleranceK = 0.05, maxStepS = 10 }: AnyBioheatProblem) {
    this.#model = model;
    this.#state = { model, curve, factor: 0 };
    this.#rate = Math.max(fastestRate(model, curve.steepest(SPAN_K)), 1e-12);
    this.#toleranceK = toleranceK;
    this.#maxStepS = Math.min(maxStepS, longestStep(MOST_STAGES, this.#rate));
    const array = (): Float64Array => new Float64Array(model.initial.length);
    this.latest = model.initial.slice();
    this.before = array();
    this.slopeBefore = array();
    this.slopeLatest = array();
    this.#spare = array();
  }

  /** A new piece of the power begins: the slope jumps, so the step begins short again. */
  begin(factor: number): void {
    this.#state.factor = factor;
    this.#stepS = Math.min(this.#maxStepS, 1 / this.#rate);
    this.changed();
  }

  /** The equation is another than at the latest step. */
  changed(): void {
    slopeInto(this.slopeLatest, this.latest, this.#state);
    this.evaluations += 1;
  }

  /** One accepted step of at most `leftS`; returns how long it was, s. */
  advance(leftS: number): number {
    [this.before, this.latest] = [this.latest, this.before];
    [this.slopeBefore, this.slopeLatest] = [this.slopeLatest, this.slopeBefore];
    const work = [this.latest, this.#spare] as [Float64Array, Float64Array];
    for (;;) {
      // Two equal steps at the end, not a long one and a splinter.
      const most = Math.min(this.#stepS, this.#maxStepS);
      const step = leftS <= most ? leftS : Math.min(most, leftS / 2);
      const stages = stagesFor(step, this.#rate);
      const end = chebyshevStep(this.before, this.slopeBefore, work, this.#state, step, stages);
      slopeInto(this.slopeLatest, end, this.#state);
      this.evaluations += stages;
      const error = this.#error(end, step);
      const grow = Math.min(5, Math.max(0.1, 0.8 * Math.cbrt(this.#toleranceK / Math.max(error, 1e-12))));
      this.#stepS = Math.max(step * grow, 1e-3 / this.#rate);
      if (error <= this.#toleranceK || step <= 1e-3 / this.#rate) {
        this.#spare = end === work[0] ? work[1] : work[0];
        this.latest = end;
        this.taken += 1;
        return step;
      }
      this.refused += 1;
    }
  }

  /**
   * The estimated error of a step, K (Sommeijer et al. 1998, § 3): root mean square over the cells that change by more than a tenth of
   * the tolerance. The largest would follow single cells whose perfusion has just stopped, where the error dies out at once.
   */
  #error(end: Float64Array, step: number): number {
    const { pad, cells } = this.#model;
    const { before, slopeBefore, slopeLatest } = this;
    const least = this.#toleranceK / 10;
    let sum = 0;
    let count = 1;
    for (let n = pad; n < pad + cells; n += 1) {
      const change = (end[n] as number) - (before[n] as number);
      const error = 0.4 * step * ((slopeBefore[n] as number) + (slopeLatest[n] as number)) - 0.8 * change;
      if (!(Math.abs(change) <= least && Math.abs(error) <= least)) count += 1;
      sum += error * error;
    }
    return Math.sqrt(sum / count);
  }
}

function aborted(cause: unknown): NavError {
  return new NavError('thermal/aborted', 'The bioheat preview was stopped by the caller.', { cause });
}
