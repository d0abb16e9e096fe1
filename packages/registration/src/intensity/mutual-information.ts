/** Which measure of agreement is optimised: mutual information, or its normalised form for images that overlap in part. */
export type IntensityMetric = 'mi' | 'nmi';

/** What a joint histogram says. */
export interface Information {
  /** Mutual information, nats; or (H(f) + H(m)) / H(f, m). What is optimised. */
  readonly value: number;
  /** Mutual information, nats. */
  readonly mi: number;
}

/**
 * Mutual information of a joint histogram whose moving side is smoothed by a cubic B-spline Parzen window, and its derivative
 * by the moving intensity (Mattes 2003, IEEE TMI 22:120; Thévenaz & Unser 2000, IEEE TIP 9:2083). The samples' intensities
 * are counted in fine steps and the window is laid over the counts: the same sum as over samples, at a fraction of the cost.
 */
export class ParzenHistogram {
  readonly #fixedBins: number;
  readonly #movingBins: number;
  readonly #fine: number;
  readonly #metric: IntensityMetric;
  /** First bin, four values and four slopes of the window at every fine step. */
  readonly #first: Int32Array;
  readonly #window: Float64Array;
  readonly #slope: Float64Array;
  readonly #joint: Float64Array;
  readonly #fixed: Float64Array;
  readonly #moving: Float64Array;
  /** log p(f, b) / p(b) of the last histogram, or its counterpart for the normalised form. */
  readonly #weight: Float64Array;
  readonly #logs: Float64Array;
  readonly #table: Float32Array;
  /** Of the last histogram: what the slopes are made from, when they are asked for. */
  #last: { readonly marginals: number; readonly hJoint: number; readonly counts: Uint32Array } = {
    marginals: 0,
    hJoint: 0,
    counts: new Uint32Array(0),
  };

  constructor(fixedBins: number, movingBins: number, fine: number, metric: IntensityMetric) {
    this.#fixedBins = fixedBins;
    this.#movingBins = movingBins;
    this.#fine = fine;
    this.#metric = metric;
    this.#first = new Int32Array(fine);
    this.#window = new Float64Array(4 * fine);
    this.#slope = new Float64Array(4 * fine);
    this.#joint = new Float64Array(fixedBins * movingBins);
    this.#fixed = new Float64Array(fixedBins);
    this.#moving = new Float64Array(movingBins);
    this.#weight = new Float64Array(fixedBins * movingBins);
    this.#logs = new Float64Array(fixedBins * movingBins);
    this.#table = new Float32Array(fixedBins * fine);
    // Bins 0 and the last only carry the window's skirts.
    const step = (movingBins - 4) / (fine - 1);
    for (let v = 0; v < fine; v += 1) {
      const u = 1 + v * step;
      const bin = Math.min(Math.floor(u), movingBins - 3);
      const t = u - bin;
      const r = 1 - t;
      this.#first[v] = bin - 1;
      this.#window.set([(r * r * r) / 6, (4 + t * t * (3 * t - 6)) / 6, (4 + r * r * (3 * r - 6)) / 6, (t * t * t) / 6], 4 * v);
      // By fine byte units: an intensity is a byte, and a byte is (fine − 1) / 254 steps.
      const perByte = (step * (fine - 1)) / 254;
      const slopes = [(-r * r) / 2, (t * (3 * t - 4)) / 2, (-r * (3 * r - 4)) / 2, (t * t) / 2];
      this.#slope.set(
        slopes.map((s) => s * perByte),
        4 * v,
      );
    }
  }

  /** @param inside how many samples the counts hold */
  informationOf(counts: Uint32Array, inside: number): Information {
    this.#smooth(counts, inside);
    const nb = this.#movingBins;
    let hFixed = 0;
    let hMoving = 0;
    let hJoint = 0;
    for (let a = 0; a < this.#fixedBins; a += 1) hFixed -= plogp(this.#fixed[a] as number);
    for (let b = 0; b < nb; b += 1) hMoving -= plogp(this.#moving[b] as number);
    for (let n = 0; n < this.#joint.length; n += 1) {
      const p = this.#joint[n] as number;
      if (!(p > 0)) continue;
      const log = Math.log(p);
      this.#logs[n] = log;
      hJoint -= p * log;
    }
    const mi = hFixed + hMoving - hJoint;
    const normalised = this.#metric === 'nmi';
    this.#last = { marginals: normalised ? hFixed + hMoving : 0, hJoint, counts };
    return { mi, value: normalised ? (hFixed + hMoving) / hJoint : mi };
  }

  #smooth(counts: Uint32Array, inside: number): void {
    const nb = this.#movingBins;
    const fine = this.#fine;
    const share = 1 / Math.max(1, inside);
    this.#joint.fill(0);
    this.#moving.fill(0);
    for (let a = 0; a < this.#fixedBins; a += 1) {
      let sum = 0;
      for (let v = 0; v < fine; v += 1) {
        const count = counts[a * fine + v] as number;
        if (count === 0) continue;
        sum += count;
        const q = count * share;
        const at = a * nb + (this.#first[v] as number);
        for (let w = 0; w < 4; w += 1)
          this.#joint[at + w] = (this.#joint[at + w] as number) + q * (this.#window[4 * v + w] as number);
      }
      this.#fixed[a] = sum * share;
      for (let b = 0; b < nb; b += 1) this.#moving[b] = (this.#moving[b] as number) + (this.#joint[a * nb + b] as number);
    }
  }

  /** The derivative of the measure by p(f, b), up to terms that sum to nothing. */
  #weigh(): void {
    const { marginals, hJoint } = this.#last;
    const nb = this.#movingBins;
    for (let b = 0; b < nb; b += 1) {
      const moving = Math.log(this.#moving[b] as number);
      for (let at = b; at < this.#joint.length; at += nb) {
        const p = this.#joint[at] as number;
        const joint = this.#logs[at] as number;
        if (!(p > 0)) this.#weight[at] = 0;
        else this.#weight[at] = marginals > 0 ? (joint * (marginals / hJoint) - moving) / hJoint : joint - moving;
      }
    }
  }

  /** Standard deviation of log p(f, b) / (p(f) p(b)) over the last histogram: what one sample says, nats. */
  spread(mi: number): number {
    const nb = this.#movingBins;
    let squares = 0;
    for (let a = 0; a < this.#fixedBins; a += 1) {
      for (let b = 0; b < nb; b += 1) {
        const p = this.#joint[a * nb + b] as number;
        if (!(p > 0)) continue;
        const gain = Math.log(p / ((this.#fixed[a] as number) * (this.#moving[b] as number)));
        squares += p * gain * gain;
      }
    }
    return Math.sqrt(Math.max(0, squares - mi * mi));
  }

  /**
   * How the measure of the last histogram grows with a sample's moving byte, times the number inside: by cell, and only for
   * cells with samples in them. A view.
   */
  slopes(): Float32Array {
    this.#weigh();
    const { counts } = this.#last;
    const nb = this.#movingBins;
    const fine = this.#fine;
    for (let a = 0; a < this.#fixedBins; a += 1) {
      for (let v = 0; v < fine; v += 1) {
        if (counts[a * fine + v] === 0) continue;
        const at = a * nb + (this.#first[v] as number);
        let sum = 0;
        for (let w = 0; w < 4; w += 1) sum += (this.#weight[at + w] as number) * (this.#slope[4 * v + w] as number);
        this.#table[a * fine + v] = sum;
      }
    }
    return this.#table;
  }
}

function plogp(p: number): number {
  return p > 0 ? p * Math.log(p) : 0;
}
