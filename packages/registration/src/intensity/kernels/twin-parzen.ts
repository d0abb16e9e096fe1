import type { Entropies, JointShares, ParzenWindow } from '../mutual-information.js';
import type { SampleSet } from '../samples.js';

const DOUBLE = new Float64Array(1);
/** Its low and its high word: every platform is little-endian. */
const WORDS = new Int32Array(DOUBLE.buffer);

/**
 * The natural logarithm of a positive, normal number; of 0 about −709, so that 0 · log 0 = 0. The same operations as in
 * assembly/mutual-information.as, so that engines, which round their own logarithm each in its way, agree.
 */
export function log(p: number): number {
  DOUBLE[0] = p;
  const high = WORDS[1] as number;
  const k = (high - 0x3fe6a09e) >> 20;
  WORDS[1] = high - (k << 20);
  const m = DOUBLE[0] as number;
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let r = 1 / 21;
  for (let odd = 19; odd >= 3; odd -= 2) r = r * z + 1 / odd;
  const twice = s + s;
  const tail = twice * z * r;
  return k * Math.LN2 + (twice + tail);
}

/** The histogram side of the kernel in typed arrays. */
export class TwinHistogram {
  #joint = new Float64Array(0);
  #jointLogs = new Float64Array(0);
  #fixed = new Float64Array(0);
  #fixedLogs = new Float64Array(0);
  #moving = new Float64Array(0);
  #movingLogs = new Float64Array(0);

  entropies(s: SampleSet, window: ParzenWindow, counts: Uint32Array, inside: number): Entropies {
    const cells = s.fixedBins * window.movingBins;
    this.#joint = new Float64Array(cells);
    this.#jointLogs = new Float64Array(cells);
    this.#fixed = new Float64Array(s.fixedBins);
    this.#fixedLogs = new Float64Array(s.fixedBins);
    this.#moving = new Float64Array(window.movingBins);
    this.#movingLogs = new Float64Array(window.movingBins);
    this.#smooth(s, window, counts, 1 / inside);
    return {
      fixed: entropy(this.#fixed, this.#fixedLogs),
      moving: entropy(this.#moving, this.#movingLogs),
      joint: entropy(this.#joint, this.#jointLogs),
    };
  }

  #smooth(s: SampleSet, { movingBins, fine, first, values }: ParzenWindow, counts: Uint32Array, share: number): void {
    const joint = this.#joint;
    const moving = this.#moving;
    for (let a = 0; a < s.fixedBins; a += 1) {
      let sum = 0;
      for (let v = 0; v < fine; v += 1) {
        const count = counts[a * fine + v] as number;
        if (count === 0) continue;
        sum += count;
        const q = count * share;
        const at = a * movingBins + (first[v] as number);
        for (let w = 0; w < 4; w += 1) joint[at + w] = (joint[at + w] as number) + q * (values[4 * v + w] as number);
      }
      this.#fixed[a] = sum * share;
      for (let b = 0; b < movingBins; b += 1) moving[b] = (moving[b] as number) + (joint[a * movingBins + b] as number);
    }
  }

  shares(): JointShares {
    return { joint: this.#joint, jointLogs: this.#jointLogs, fixedLogs: this.#fixedLogs, movingLogs: this.#movingLogs };
  }

  weigh(
    s: SampleSet,
    { movingBins: nb, fine, first, slopes }: ParzenWindow,
    counts: Uint32Array,
    [joint, margin]: readonly [number, number],
    table: Float32Array,
  ): void {
    const logs = this.#jointLogs;
    const w = new Float64Array(logs.length);
    for (let n = 0; n < w.length; n += 1) w[n] = joint * (logs[n] as number) - margin * (this.#movingLogs[n % nb] as number);
    for (let a = 0; a < s.fixedBins; a += 1) {
      for (let v = 0; v < fine; v += 1) {
        if (counts[a * fine + v] === 0) continue;
        const at = a * nb + (first[v] as number);
        const t = 4 * v;
        const one = (w[at] as number) * (slopes[t] as number) + (w[at + 2] as number) * (slopes[t + 2] as number);
        const two = (w[at + 1] as number) * (slopes[t + 1] as number) + (w[at + 3] as number) * (slopes[t + 3] as number);
        table[a * fine + v] = one + two;
      }
    }
  }
}

/** In two sums, of the even and of the odd places: as two lanes. */
function entropy(p: Float64Array, logs: Float64Array): number {
  let even = 0;
  let odd = 0;
  for (let n = 0; n < p.length; n += 2) {
    const [a, b] = [p[n] as number, p[n + 1] as number];
    const [la, lb] = [log(a), log(b)];
    logs[n] = la;
    logs[n + 1] = lb;
    even -= a * la;
    odd -= b * lb;
  }
  return even + odd;
}
