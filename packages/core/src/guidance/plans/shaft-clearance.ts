import type { SignedField } from '../../volume/index.js';

/** Doubles kept for an end of a piece: how far along the shaft, lower bound of the distance there, radius of the error there. */
const END = 3;
/** Each halving leaves one more piece at most: enough for a shaft of a million kilometres and the smallest tolerance. */
const MOST_PIECES = 60;

/** From the tip backwards, in the fields' frame. */
export interface Shaft {
  /** x, y, z of the tip, mm; then the unit direction from the tip to the hub; then how far the shaft goes that way, mm. */
  readonly line: Float64Array;
  /**
   * What the square of the error's radius is along the shaft, mm²: c₀ + c₁ t + c₂ t² at t mm from the tip. The root of the mean square of
   * an error that is linear in t; so its root is convex, and largest at an end of any piece. NaN: not known.
   */
  readonly error: Float64Array;
}

/** A shaft at the origin without an error, to be filled. */
export function emptyShaft(): Shaft {
  return { line: new Float64Array(7), error: new Float64Array(3) };
}

/**
 * The mean square of a pose's error along a shaft, as {@link Shaft.error}'s coefficients into it: E|ρ + φ × p|² for p on its line is
 * tr P + 2 p·E[ρ × φ] + |p|² tr R − pᵀ R p, with P and R the covariance's blocks of ρ and φ. In one go, and not by the 3×3 covariances of
 * places, for it is wanted with every pose.
 * @param covariance 6×6 row-major as in PoseView.covariance, at the origin of the shaft's frame
 */
export function meanSquareAlong({ line, error }: Shaft, covariance: Float64Array): void {
  const c = covariance;
  error[0] = (c[0] as number) + (c[7] as number) + (c[14] as number);
  error[1] = 0;
  error[2] = 0;
  const trace = (c[21] as number) + (c[28] as number) + (c[35] as number);
  for (let i = 0; i < 3; i += 1) {
    const j = (i + 1) % 3;
    const k = (i + 2) % 3;
    const twice = 2 * ((c[6 * j + 3 + k] as number) - (c[6 * k + 3 + j] as number));
    error[0] = (error[0] as number) + twice * (line[i] as number);
    error[1] = (error[1] as number) + twice * (line[3 + i] as number);
    for (let n = 0; n < 3; n += 1) {
      const weight = (i === n ? trace : 0) - (c[6 * (3 + i) + 3 + n] as number);
      error[0] = (error[0] as number) + weight * (line[i] as number) * (line[n] as number);
      error[1] = (error[1] as number) + 2 * weight * (line[i] as number) * (line[3 + n] as number);
      error[2] = (error[2] as number) + weight * (line[3 + i] as number) * (line[3 + n] as number);
    }
  }
}

/**
 * The least distance from a shaft's middle line to a structure, by branch and bound; allocates nothing.
 *
 * A piece of the line whose ends are at least a and b from the structure (a + b > L, its length) is nowhere nearer than where the two
 * spheres that are free of it meet: √(a² − x²) with x = (L² + a² − b²) / 2L, or the smaller of a and b where that plane lies beyond an end.
 * That is far more than what follows from the distance changing by at most 1 mm a mm, (a + b − L) / 2, which remains for what lies
 * inside. Pieces that may hold something nearer by more than the tolerance are halved. The bounds kept on the way make the answer
 * certain: {@link least} is never above the true least distance, and by no more than the tolerance below the field's own least bound.
 */
export class ShaftClearance {
  readonly #tolerance: number;
  readonly #pieces = new Float64Array(2 * END * MOST_PIECES);
  readonly #sample = new Float64Array(3);
  readonly #place = new Float64Array(3);
  /** Smallest sampled: distance, lower bound, lower bound less error; where the last was; 0 where a bound of the field's went in. */
  readonly #best = new Float64Array(5);
  /** Never above the true one: distance, distance less error. */
  readonly #certain = new Float64Array(2);
  /** How many places were looked at last. */
  evaluations = 0;

  /** @param toleranceMm at least 0.01 */
  constructor(toleranceMm = 0.1) {
    this.#tolerance = Math.max(0.01, toleranceMm);
  }

  /**
   * Into `out`: [0] the least distance sampled, mm, negative inside: the field's own value and so its best guess; [1] what the true one is
   * certainly not below; [2] the same less the radius of the error at each place, NaN where that is not known; [3] where that was, mm from the tip; [4] 1 where [0] is a
   * value of the field, 0 where it is itself only a lower bound. All NaN for a shaft that is not finite.
   */
  measureInto<F extends string>(out: Float64Array, field: SignedField<F>, shaft: Shaft): void {
    const best = this.#best;
    const certain = this.#certain;
    best.fill(Number.POSITIVE_INFINITY);
    best[4] = 1;
    certain.fill(Number.POSITIVE_INFINITY);
    this.evaluations = 0;
    const pieces = this.#pieces;
    pieces[0] = 0;
    pieces[END] = shaft.line[6] as number;
    this.#evaluate(field, shaft, 0);
    this.#evaluate(field, shaft, END);
    let top = Number.isNaN(this.#sample[0] as number) ? 0 : 1;
    if (top === 0) best.fill(Number.NaN);
    while (top > 0) {
      const from = 2 * END * (top - 1);
      if (this.#done(from)) top -= 1;
      else {
        this.#halve(field, shaft, from);
        top += 1;
      }
    }
    out[0] = best[0] as number;
    out[1] = Math.min(certain[0] as number, best[1] as number);
    out[2] = Number.isNaN(shaft.error[0] as number) ? Number.NaN : Math.min(certain[1] as number, best[2] as number);
    out[3] = best[3] as number;
    out[4] = best[4] as number;
  }

  /** The field at an end of a piece, whose place along the shaft stands there. */
  #evaluate<F extends string>(field: SignedField<F>, shaft: Shaft, o: number): void {
    const { line, error } = shaft;
    const pieces = this.#pieces;
    const t = pieces[o] as number;
    const p = this.#place;
    for (let k = 0; k < 3; k += 1) p[k] = (line[k] as number) + t * (line[3 + k] as number);
    field.sampleInto(this.#sample, p);
    const value = this.#sample[0] as number;
    const least = this.#sample[1] as number;
    const square = (error[0] as number) + t * ((error[1] as number) + t * (error[2] as number));
    // An error that is not known moves no bound: the answer that would need it is NaN in the end.
    const radius = square > 0 ? Math.sqrt(square) : 0;
    pieces[o + 1] = least;
    pieces[o + 2] = radius;
    const best = this.#best;
    if (value < (best[0] as number)) {
      best[0] = value;
      best[4] = this.#sample[2] as number;
    }
    if (least < (best[1] as number)) best[1] = least;
    if (least - radius < (best[2] as number)) {
      best[2] = least - radius;
      best[3] = t;
    }
    this.evaluations += 1;
  }

  /** Whether a piece holds nothing that matters; then its bounds are kept. */
  #done(o: number): boolean {
    const pieces = this.#pieces;
    const best = this.#best;
    const length = (pieces[o + END] as number) - (pieces[o] as number);
    const a = pieces[o + 1] as number;
    const b = pieces[o + END + 1] as number;
    let low = (a + b - length) / 2;
    if (a > 0 && b > 0 && low > 0) {
      const x = (length * length + a * a - b * b) / (2 * length);
      const sphere = Math.sqrt(Math.max(0, a * a - x * x));
      low = Math.max(low, x <= 0 || x >= length ? Math.min(a, b) : sphere);
    }
    low = Math.min(low, a, b);
    const worst = Math.max(pieces[o + 2] as number, pieces[o + END + 2] as number);
    // Deep inside, a tenth of the depth is as good as a tenth of a millimetre.
    const slack = this.#tolerance + 0.1 * Math.max(0, -(best[1] as number));
    const settled = low >= (best[1] as number) - slack && !(low - worst < (best[2] as number) - slack);
    if (!settled && length > this.#tolerance) return false;
    const certain = this.#certain;
    certain[0] = Math.min(certain[0] as number, low);
    certain[1] = Math.min(certain[1] as number, low - worst);
    return true;
  }

  /** Puts the halves of a piece in its place: the one that begins nearer to the structure on top, to be looked at first. */
  #halve<F extends string>(field: SignedField<F>, shaft: Shaft, o: number): void {
    const pieces = this.#pieces;
    const next = o + 2 * END;
    const nearFirst = (pieces[o + 1] as number) < (pieces[o + END + 1] as number);
    const middle = ((pieces[o] as number) + (pieces[o + END] as number)) / 2;
    // The old piece keeps its far half, the new one takes the near half.
    pieces.copyWithin(next, o, o + 2 * END);
    const kept = nearFirst ? o : o + END;
    const taken = nearFirst ? next + END : next;
    pieces[kept] = middle;
    this.#evaluate(field, shaft, kept);
    pieces.copyWithin(taken, kept, kept + END);
  }
}
