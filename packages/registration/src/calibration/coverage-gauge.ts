import { cholesky, choleskySolve } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';

/** Sectors of the gauge. */
export const SECTORS = 8;

/** How much of the cone a pivot recording has visited. */
export interface CoverageGauge {
  /** 0 … 1: the mean over the sectors. */
  readonly coverage: number;
  /** 0 … 1 for each of {@link SECTORS} sectors: the farthest tilt towards it over the target. */
  readonly sectors: Float64Array;
  /** Unit vectors in the tracker's frame, 3 for each sector: where the shaft leans in it, across the mean shaft. */
  readonly directions: Float64Array;
  /** The mean direction from marker to tip, in the tracker's frame. */
  readonly shaft: Float64Array;
  /** Where the shaft of the pose added last stands: its lean along the first and the third sector's direction, rad. */
  readonly current: Float64Array;
  /** The tip by plain least squares so far, mm; NaN while the poses do not determine it. Not robust: for display. */
  readonly tipMm: Float64Array;
  /** Root-mean-square misfit of it, mm. */
  readonly rmsMm: number;
  /** What to do next, for a person. */
  readonly hint: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const SUMS = 16;
/** Until so many poses are kept nothing is said. */
const FEWEST = 10;
/** A sector is done at this share of the target. */
const DONE = 0.9;

/** Sums over poses from which tip, misfit and coverage follow; nothing is allocated after construction. */
export class RunningPivot {
  readonly #frame: string;
  readonly #target: number;
  /** Σ R (9, row-major), Σ t (3), Σ Rᵀt (3), Σ |t|². */
  readonly #sums = new Float64Array(SUMS);
  #count = 0;
  readonly #matrix = new Float64Array(9);
  readonly #right = new Float64Array(3);
  readonly #pivot = new Float64Array(3);
  readonly #leans = new Float64Array(2);
  readonly #gauge: Mutable<CoverageGauge> = {
    coverage: 0,
    sectors: new Float64Array(SECTORS),
    directions: new Float64Array(3 * SECTORS),
    shaft: new Float64Array(3),
    current: new Float64Array(2),
    tipMm: new Float64Array(3).fill(Number.NaN),
    rmsMm: Number.NaN,
    hint: '',
  };

  constructor(frame: string, target: number) {
    this.#frame = frame;
    this.#target = target;
  }

  /** Adds the matrix at `start` to the sums (`sign` 1), or takes it out (−1). */
  add(matrices: Float64Array, start: number, sign: number): void {
    const s = this.#sums;
    const x = at(matrices, start + 12);
    const y = at(matrices, start + 13);
    const z = at(matrices, start + 14);
    this.#count += sign;
    for (let r = 0; r < 3; r += 1) {
      for (let c = 0; c < 3; c += 1) s[3 * r + c] = at(s, 3 * r + c) + sign * at(matrices, start + 4 * c + r);
      s[9 + r] = at(s, 9 + r) + sign * at(matrices, start + 12 + r);
      const turned = at(matrices, start + 4 * r) * x + at(matrices, start + 4 * r + 1) * y + at(matrices, start + 4 * r + 2) * z;
      s[12 + r] = at(s, 12 + r) + sign * turned;
    }
    s[15] = at(s, 15) + sign * (x * x + y * y + z * z);
  }

  reset(): void {
    this.#sums.fill(0);
    this.#count = 0;
    const g = this.#gauge;
    g.sectors.fill(0);
    g.tipMm.fill(Number.NaN);
    g.coverage = 0;
    g.rmsMm = Number.NaN;
    g.hint = '';
  }

  gauge(matrices: Float64Array, kept: number): CoverageGauge {
    const g = this.#gauge;
    g.sectors.fill(0);
    g.coverage = 0;
    const known = this.#solve();
    if (kept < FEWEST || !known) {
      g.hint = 'Set the tip into its divot and tilt the tool slowly in all directions.';
      return g;
    }
    this.#axes();
    for (let k = 0; k < kept; k += 1) {
      this.#lean(matrices, 16 * k);
      this.#visit();
    }
    g.current.set(this.#leans);
    let sum = 0;
    for (let i = 0; i < SECTORS; i += 1) sum += at(g.sectors, i);
    g.coverage = sum / SECTORS;
    g.hint = this.#hint();
    return g;
  }

  /** Tip, pivot and misfit from the sums: (I − R̄ᵀR̄) p = R̄ᵀt̄ − mean Rᵀt. */
  #solve(): boolean {
    const g = this.#gauge;
    const n = this.#count;
    const m = this.#sums;
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < 3; j += 1) {
        const product = at(m, i) * at(m, j) + at(m, 3 + i) * at(m, 3 + j) + at(m, 6 + i) * at(m, 6 + j);
        this.#matrix[3 * i + j] = (i === j ? 1 : 0) - product / (n * n);
      }
      this.#right[i] = (at(m, i) * at(m, 9) + at(m, 3 + i) * at(m, 10) + at(m, 6 + i) * at(m, 11)) / (n * n) - at(m, 12 + i) / n;
    }
    const sound =
      n >= FEWEST && cholesky(this.#matrix, this.#matrix, 3) && Math.min(at(this.#matrix, 4), at(this.#matrix, 8)) > 0.02;
    g.rmsMm = Number.NaN;
    g.tipMm.fill(Number.NaN);
    if (!sound) return false;
    choleskySolve(g.tipMm, this.#matrix, this.#right, 3);
    let squares = at(m, 15) / n;
    for (let i = 0; i < 3; i += 1) {
      this.#pivot[i] =
        (at(m, 9 + i) + at(m, 3 * i) * at(g.tipMm, 0) + at(m, 3 * i + 1) * at(g.tipMm, 1) + at(m, 3 * i + 2) * at(g.tipMm, 2)) /
        n;
      squares += at(g.tipMm, i) ** 2 + (2 * at(g.tipMm, i) * at(m, 12 + i)) / n - at(this.#pivot, i) ** 2;
    }
    g.rmsMm = Math.sqrt(Math.max(0, squares));
    return true;
  }

  /** The mean shaft, and the sectors' directions across it: the first as near as can be to the frame's x, or y. */
  #axes(): void {
    const { shaft, directions, tipMm } = this.#gauge;
    const m = this.#sums;
    for (let i = 0; i < 3; i += 1) {
      shaft[i] = at(m, 3 * i) * at(tipMm, 0) + at(m, 3 * i + 1) * at(tipMm, 1) + at(m, 3 * i + 2) * at(tipMm, 2);
    }
    const size = Math.sqrt(at(shaft, 0) ** 2 + at(shaft, 1) ** 2 + at(shaft, 2) ** 2);
    for (let i = 0; i < 3; i += 1) shaft[i] = size > 0 ? at(shaft, i) / size : i === 2 ? 1 : 0;
    const [x, y, z] = [at(shaft, 0), at(shaft, 1), at(shaft, 2)];
    const along = Math.abs(x) < 0.8 ? 0 : 1;
    const part = at(shaft, along);
    const scale = 1 / Math.sqrt(1 - part * part);
    const [a, b, c] = [((along === 0 ? 1 : 0) - part * x) * scale, ((along === 1 ? 1 : 0) - part * y) * scale, -part * z * scale];
    const [u, v, w] = [y * c - z * b, z * a - x * c, x * b - y * a];
    for (let s = 0; s < SECTORS; s += 1) {
      const [cosine, sine] = [Math.cos((2 * Math.PI * s) / SECTORS), Math.sin((2 * Math.PI * s) / SECTORS)];
      directions[3 * s] = cosine * a + sine * u;
      directions[3 * s + 1] = cosine * b + sine * v;
      directions[3 * s + 2] = cosine * c + sine * w;
    }
  }

  /** The lean of one pose's shaft: its angle from the mean shaft, split along the first and third sector's directions. */
  #lean(matrices: Float64Array, start: number): void {
    const { shaft, directions, tipMm } = this.#gauge;
    const p = Math.sqrt(at(tipMm, 0) ** 2 + at(tipMm, 1) ** 2 + at(tipMm, 2) ** 2);
    let [along, first, third] = [0, 0, 0];
    for (let i = 0; i < 3; i += 1) {
      const d =
        (at(matrices, start + i) * at(tipMm, 0) +
          at(matrices, start + 4 + i) * at(tipMm, 1) +
          at(matrices, start + 8 + i) * at(tipMm, 2)) /
        p;
      along += d * at(shaft, i);
      first += d * at(directions, i);
      third += d * at(directions, 6 + i);
    }
    const across = Math.sqrt(first * first + third * third);
    const scale = across > 0 ? Math.atan2(across, along) / across : 0;
    this.#leans[0] = first * scale;
    this.#leans[1] = third * scale;
  }

  /** Counts the present lean for its sector. */
  #visit(): void {
    const { sectors } = this.#gauge;
    const [a, b] = [at(this.#leans, 0), at(this.#leans, 1)];
    const sector = Math.round((SECTORS * Math.atan2(b, a)) / (2 * Math.PI) + SECTORS) % SECTORS;
    sectors[sector] = Math.max(at(sectors, sector), Math.min(1, Math.sqrt(a * a + b * b) / this.#target));
  }

  #hint(): string {
    const { sectors, directions } = this.#gauge;
    let least = 0;
    for (let s = 1; s < SECTORS; s += 1) if (at(sectors, s) < at(sectors, least)) least = s;
    if (at(sectors, least) >= DONE) return 'All directions are covered.';
    // The tip stays: the handle leans the other way than the tip points.
    let axis = 0;
    for (let i = 1; i < 3; i += 1)
      if (Math.abs(at(directions, 3 * least + i)) > Math.abs(at(directions, 3 * least + axis))) axis = i;
    const sign = at(directions, 3 * least + axis) > 0 ? '−' : '+';
    return `Tilt the handle farther towards ${sign}${'xyz'[axis]} of "${this.#frame}".`;
  }
}
