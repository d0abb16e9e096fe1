/** What is made of the device pixel ratio: once, and again where that changes. */
export class PerRatio<T> {
  readonly #make: (dpr: number) => T;
  #dpr = Number.NaN;
  #made: T | undefined;

  constructor(make: (dpr: number) => T) {
    this.#make = make;
  }

  /** For that ratio: the same object as long as it is the same. */
  at(dpr: number): T {
    if (dpr !== this.#dpr) {
      this.#made = this.#make(dpr);
      this.#dpr = dpr;
    }
    return this.#made as T;
  }
}
