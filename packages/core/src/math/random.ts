/**
 * A seeded generator: the same seed gives the same numbers on every machine, so a failing run can be run again.
 *
 * xoshiro128** (Blackman & Vigna 2018), seeded through splitmix32. Not for secrets.
 */
export class Random {
  readonly #state = new Uint32Array(4);
  #spare = Number.NaN;

  /** @param seed any 32-bit integer; other numbers are truncated to one. */
  constructor(seed: number) {
    let z = seed | 0;
    for (let i = 0; i < 4; i += 1) {
      z = (z + 0x9e3779b9) | 0;
      let t = z ^ (z >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      this.#state[i] = t ^ (t >>> 15);
    }
  }

  /** The next 32 random bits, 0 … 2³² − 1. */
  nextUint32(): number {
    const s = this.#state;
    const s1 = s[1] as number;
    const five = Math.imul(s1, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const t = s1 << 9;
    const s2 = (s[2] as number) ^ (s[0] as number);
    const s3 = (s[3] as number) ^ s1;
    s[1] = s1 ^ s2;
    s[0] = (s[0] as number) ^ s3;
    s[2] = s2 ^ t;
    s[3] = (s3 << 11) | (s3 >>> 21);
    return result;
  }

  /** Uniform in [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** An integer, uniform in 0 … n − 1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal: mean 0, standard deviation 1 (polar Box–Muller, Marsaglia & Bray 1964). */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const spare = this.#spare;
      this.#spare = Number.NaN;
      return spare;
    }
    for (;;) {
      const u = this.between(-1, 1);
      const v = this.between(-1, 1);
      const s = u * u + v * v;
      if (s > 0 && s < 1) {
        const scale = Math.sqrt((-2 * Math.log(s)) / s);
        this.#spare = v * scale;
        return u * scale;
      }
    }
  }

  /** A unit quaternion (x, y, z, w) uniform over all rotations (four normals, normalised), into `out`. */
  rotation(out: Float64Array): Float64Array {
    let norm = 0;
    for (let i = 0; i < 4; i += 1) {
      const x = this.normal();
      out[i] = x;
      norm += x * x;
    }
    const scale = 1 / Math.sqrt(norm);
    for (let i = 0; i < 4; i += 1) out[i] = (out[i] as number) * scale;
    return out;
  }
}
