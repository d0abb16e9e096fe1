import type { DoseRate } from './dose.js';
import type { HeatModel } from './heat-model.js';
import type { PerfusionCurve } from './perfusion.js';

/** Where heat went, J. */
export interface HeatAccount {
  /** Put in by the source. */
  readonly deposited: number;
  /** Held by the tissue beyond what it held at the start. */
  readonly stored: number;
  /** Carried off by perfusion. */
  readonly perfused: number;
  /** Taken by large vessels through their walls. */
  readonly vessels: number;
  /** Lost through the faces of the grid. */
  readonly borders: number;
  /**
   * deposited − stored − perfused − vessels − borders. Each is added up by itself, so what is missing is the error of integration in
   * time; far more than a thousandth of what was deposited means that the result is not to be used.
   */
  readonly missing: number;
}

/** A step as it is entered. */
interface Step {
  readonly before: Float64Array;
  readonly latest: Float64Array;
  readonly slopeBefore: Float64Array;
  readonly slopeLatest: Float64Array;
}

/** Dose, peak and energy, gathered step by step. */
export class HeatLedger {
  /** Equivalent minutes at 43 °C, with the model's padding. */
  readonly dose: Float64Array;
  /** °C, with the model's padding. */
  readonly peak: Float64Array;
  readonly #model: HeatModel;
  readonly #curve: PerfusionCurve;
  readonly #rate: DoseRate;
  #deposited = 0;
  #perfused = 0;
  #vessels = 0;
  #borders = 0;
  readonly #watts: number;

  constructor(model: HeatModel, curve: PerfusionCurve, rate: DoseRate) {
    this.#model = model;
    this.#curve = curve;
    this.#rate = rate;
    this.dose = new Float64Array(model.initial.length);
    this.peak = model.initial.slice();
    this.#watts = model.heat.reduce((sum, w) => sum + w, 0);
  }

  /**
   * Enters a step. Between its ends the temperature is the cubic with the slopes found there: the losses are its integral by
   * Simpson's rule, the dose that of two straight lines through its middle.
   */
  enter(step: Step, seconds: number, factor: number): void {
    const { pad, cells, perfusion, loss, fixed, perJoule, arterialC } = this.#model;
    const { before, latest, slopeBefore, slopeLatest } = step;
    const floor = this.#rate.floorC;
    const curve = this.#curve;
    let perfused = 0;
    let borders = 0;
    for (let n = pad; n < pad + cells; n += 1) {
      if (perJoule[n] === 0) continue;
      const a = before[n] as number;
      const c = latest[n] as number;
      const b = (a + c) / 2 + (seconds / 8) * ((slopeBefore[n] as number) - (slopeLatest[n] as number));
      const mean = (a + 4 * b + c) / 6;
      const p = perfusion[n] as number;
      if (p !== 0) {
        perfused += curve.constant
          ? p * (mean - arterialC)
          : (p * (curve.at(a) * (a - arterialC) + 4 * curve.at(b) * (b - arterialC) + curve.at(c) * (c - arterialC))) / 6;
      }
      borders += (loss[n] as number) * mean - (fixed[n] as number);
      if (c > (this.peak[n] as number)) this.peak[n] = c;
      if (a < floor && b < floor && c < floor) continue;
      this.dose[n] = (this.dose[n] as number) + this.#rate.overLine(a, b, seconds / 2) + this.#rate.overLine(b, c, seconds / 2);
    }
    this.#deposited += seconds * factor * this.#watts;
    this.#perfused += seconds * perfused;
    this.#borders += seconds * borders;
    this.#vessels += seconds * this.#toVessels(step, seconds);
  }

  #toVessels({ before, latest, slopeBefore, slopeLatest }: Step, seconds: number): number {
    const { tissue, vessel, wattsPerK } = this.#model.walls;
    let watts = 0;
    for (let w = 0; w < tissue.length; w += 1) {
      const n = tissue[w] as number;
      const ends = (before[n] as number) + (latest[n] as number);
      const middle = ends / 2 + (seconds / 8) * ((slopeBefore[n] as number) - (slopeLatest[n] as number));
      watts += (wattsPerK[w] as number) * ((ends + 4 * middle) / 6 - (latest[vessel[w] as number] as number));
    }
    return watts;
  }

  /** Ends perfusion for good where the dose is at least so many minutes; whether anything changed. */
  coagulate(cem43Min: number): boolean {
    const { pad, cells, perfusion } = this.#model;
    let changed = false;
    for (let n = pad; n < pad + cells; n += 1) {
      if (perfusion[n] === 0 || !((this.dose[n] as number) >= cem43Min)) continue;
      perfusion[n] = 0;
      changed = true;
    }
    return changed;
  }

  /** How much tissue was hotter than that at any step, ml. */
  hotterThan(celsius: number): number {
    const { pad, cells, perJoule, cellMl } = this.#model;
    let count = 0;
    for (let n = pad; n < pad + cells; n += 1) if (perJoule[n] !== 0 && (this.peak[n] as number) > celsius) count += 1;
    return count * cellMl;
  }

  /** The account at the end. */
  close(latest: Float64Array): HeatAccount {
    const { pad, cells, perJoule, initial } = this.#model;
    let stored = 0;
    for (let n = pad; n < pad + cells; n += 1) {
      if (perJoule[n] !== 0) stored += ((latest[n] as number) - (initial[n] as number)) / (perJoule[n] as number);
    }
    const [deposited, perfused, vessels, borders] = [this.#deposited, this.#perfused, this.#vessels, this.#borders];
    return { deposited, stored, perfused, vessels, borders, missing: deposited - stored - perfused - vessels - borders };
  }
}
