/** Tells whether any of many numbers differs from last time (FNV-1a over their 32-bit floats); allocates nothing. */
export class Fingerprint {
  readonly #number = new Float32Array(1);
  readonly #bits = new Int32Array(this.#number.buffer);
  #now = 0;
  #last: number | undefined;

  /** Takes numbers in. */
  add(numbers: ArrayLike<number>): void {
    for (let k = 0; k < numbers.length; k += 1) {
      this.#number[0] = numbers[k] as number;
      this.#now = Math.imul(this.#now ^ (this.#bits[0] as number), 16777619);
    }
  }

  /** Takes a small whole number in. */
  addInteger(n: number): void {
    this.#now = Math.imul(this.#now ^ n, 16777619);
  }

  /** Whether what was taken in since the last call differs from what had been taken in before it; begins anew. */
  changed(): boolean {
    const differs = this.#now !== this.#last;
    this.#last = this.#now;
    this.#now = 0;
    return differs;
  }

  /** Makes the next {@link changed} say yes. */
  forget(): void {
    this.#last = undefined;
  }
}
