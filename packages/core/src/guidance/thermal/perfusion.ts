/** What perfusion is multiplied by at a temperature: straight between the given pairs, constant beyond them. */
export class PerfusionCurve {
  /** Whether it is 1 everywhere. */
  readonly constant: boolean;
  readonly #celsius: Float64Array;
  readonly #factor: Float64Array;

  constructor(pairs: readonly (readonly [number, number])[] = []) {
    this.#celsius = Float64Array.from(pairs, (p) => p[0]);
    this.#factor = Float64Array.from(pairs, (p) => p[1]);
    this.constant = this.#factor.every((f) => f === 1);
  }

  /** The factor at a temperature, °C. */
  at(celsius: number): number {
    const c = this.#celsius;
    const f = this.#factor;
    const last = c.length - 1;
    if (last < 0) return 1;
    if (celsius <= (c[0] as number)) return f[0] as number;
    for (let n = 1; n <= last; n += 1) {
      const high = c[n] as number;
      if (celsius > high) continue;
      const low = c[n - 1] as number;
      const from = f[n - 1] as number;
      return (from + ((celsius - low) / (high - low)) * ((f[n] as number) - from)) as number;
    }
    return f[last] as number;
  }

  /** A bound of how fast d(factor · ΔT)/dT gets, per unit of perfusion, while ΔT stays within `spanK`. */
  steepest(spanK: number): number {
    let factor = this.#factor.length === 0 ? 1 : Math.max(...this.#factor);
    let slope = 0;
    for (let n = 1; n < this.#celsius.length; n += 1) {
      const rise = (this.#factor[n] as number) - (this.#factor[n - 1] as number);
      slope = Math.max(slope, Math.abs(rise) / ((this.#celsius[n] as number) - (this.#celsius[n - 1] as number)));
    }
    factor += slope * spanK;
    return factor;
  }
}
