import { NavError } from '@trocar/core';
import { confusedAxes } from './axes.js';
import { at, fitRigid, type RigidFit, residualAt } from './rigid-fit.js';

/** Odds against chance that another order of the points must reach before the given one is refused. */
const ORDER_ODDS = Math.log(1e4);

/** The same for a mirrored side, which is rarer, and which thin layouts resemble by chance. */
const MIRROR_ODDS = Math.log(1e6);

/** All orders are tried up to this many points; above, every exchange of two. */
const EXHAUSTIVE = 8;

/** In larger sets only the worst-fitting points are tried for an exchange. */
const CANDIDATES = 24;

/** What a rival fit is judged by. */
export interface Evidence {
  readonly degreesOfFreedom: number;
  /** σ² in mm² where the noise level is known: `squares` / σ² is then a χ². */
  readonly variance: number | undefined;
}

/**
 * The sum of squares that a rival must stay below to beat `squares` at these odds, given as their logarithm.
 *
 * A likelihood ratio: (S / S′)^(ν/2) with σ profiled out. With σ known it is exp((S − S′) / 2σ²), and the rival must explain
 * the misfit besides: where its own residuals are larger than σ, they take σ's place, or any of two bad fits would win.
 */
export function toBeat(squares: number, logOdds: number, evidence: Evidence): number {
  const { variance, degreesOfFreedom } = evidence;
  if (variance === undefined) return squares * Math.exp((-2 * logOdds) / degreesOfFreedom);
  return Math.min(squares - 2 * logOdds * variance, squares / (1 + (2 * logOdds) / degreesOfFreedom));
}

/**
 * Refuses pairs that another reading explains far better: one side mirrored, or points paired in another order.
 *
 * Orders are searched exhaustively up to 8 points, by branch and bound on the distances between points (for any
 * order, Σ wᵢ wⱼ (Δdᵢⱼ)² ≤ W · S), and by exchanging two above that. A symmetric layout fits several orders alike and
 * cannot be judged: nothing is refused then.
 *
 * @param used indices of the pairs in use
 * @param extent width of the layout, mm: misfits at its rounding are no evidence
 * @throws NavError `registration/mirrored`, `registration/swapped` (detail: `order`, the better order of the `from` points).
 * Mirrored sides tell in the detail `axes` which confusion of axes explains them, where the frames are nearly aligned
 */
export function requireOrder(
  to: ArrayLike<number>,
  from: ArrayLike<number>,
  weights: ArrayLike<number>,
  used: readonly number[],
  fit: RigidFit,
  extent: number,
  evidence: Evidence,
): void {
  if (fit.squares <= used.length * (1e-6 * extent) ** 2) return;
  const rival = new Rivals(to, from, weights, used, fit, evidence).best();
  const mirrored = fit.mirroredSquares < toBeat(fit.squares, MIRROR_ODDS, evidence);
  const rms = (squares: number): string => Math.sqrt(squares / used.length).toFixed(2);
  if (mirrored && !(rival !== undefined && rival.squares < fit.mirroredSquares)) {
    const axes = confusedAxes(to, from, used);
    throw new NavError(
      'registration/mirrored',
      `One side is a mirror image of the other: the points match within ${rms(fit.mirroredSquares)} mm once mirrored, but only ` +
        `within ${rms(fit.squares)} mm as given. ${suspicion(axes)}`,
      { detail: { rmsMm: Number(rms(fit.squares)), mirroredRmsMm: Number(rms(fit.mirroredSquares)), ...(axes && { axes }) } },
    );
  }
  if (rival === undefined) return;
  const moved = used.filter((k) => rival.order[k] !== k);
  const names = moved.map((k) => k + 1);
  const what =
    moved.length === 2
      ? `Points ${names[0]} and ${names[1]} (counting from 1) seem to be exchanged`
      : `Points ${names.slice(0, -1).join(', ')} and ${names.at(-1)} (counting from 1) seem to be in the wrong order`;
  throw new NavError(
    'registration/swapped',
    `${what}: another order fits within ${rms(rival.squares)} mm, this one only within ${rms(fit.squares)} mm. ` +
      'Localise these fiducials again in the planned order.',
    { detail: { indices: moved, order: Array.from(rival.order) } },
  );
}

function suspicion(axes: string | undefined): string {
  if (axes === undefined) return 'Check for a flipped axis or left and right exchanged.';
  return `One side seems to have ${axes}: correct that side's coordinates.`;
}

/** The search for an order that fits significantly better than the given one; the odds are raised by the number of orders tried. */
class Rivals {
  readonly #to: ArrayLike<number>;
  readonly #from: ArrayLike<number>;
  readonly #weights: ArrayLike<number>;
  readonly #used: readonly number[];
  readonly #fit: RigidFit;
  readonly #evidence: Evidence;
  #best: { order: Int32Array; squares: number } | undefined;
  #limit = 0;

  constructor(
    to: ArrayLike<number>,
    from: ArrayLike<number>,
    weights: ArrayLike<number>,
    used: readonly number[],
    fit: RigidFit,
    evidence: Evidence,
  ) {
    this.#to = to;
    this.#from = from;
    this.#weights = weights;
    this.#used = used;
    this.#fit = fit;
    this.#evidence = evidence;
  }

  best(): { readonly order: Int32Array; readonly squares: number } | undefined {
    this.#exchanges();
    if (this.#used.length <= EXHAUSTIVE) this.#allOrders();
    return this.#best;
  }

  #identity(): Int32Array {
    return Int32Array.from({ length: this.#weights.length }, (_, k) => k);
  }

  #try(order: Int32Array): void {
    const { squares } = fitRigid(this.#to, this.#from, this.#weights, order);
    if (squares < this.#limit) {
      this.#limit = squares;
      this.#best = { order: order.slice(), squares };
    }
  }

  #exchanges(): void {
    const candidates = this.#worst();
    const n = candidates.length;
    this.#limit = toBeat(this.#fit.squares, ORDER_ODDS + Math.log((n * (n - 1)) / 2), this.#evidence);
    const order = this.#identity();
    for (let a = 1; a < n; a += 1) {
      for (let b = 0; b < a; b += 1) {
        const i = candidates[a] as number;
        const j = candidates[b] as number;
        order[i] = j;
        order[j] = i;
        this.#try(order);
        order[i] = i;
        order[j] = j;
      }
    }
  }

  /** The pairs with the largest residuals: an exchange always leaves large ones. */
  #worst(): readonly number[] {
    if (this.#used.length <= CANDIDATES) return this.#used;
    const r = new Float64Array(3);
    const size = (k: number): number => {
      residualAt(r, this.#fit.matrix, this.#to, this.#from, k);
      return at(this.#weights, k) * (at(r, 0) ** 2 + at(r, 1) ** 2 + at(r, 2) ** 2);
    };
    const sizes = new Map(this.#used.map((k) => [k, size(k)]));
    return [...this.#used].sort((a, b) => (sizes.get(b) as number) - (sizes.get(a) as number)).slice(0, CANDIDATES);
  }

  #allOrders(): void {
    const n = this.#used.length;
    let orders = -1;
    for (let k = 1, factorial = 1; k <= n; k += 1) {
      factorial *= k;
      orders = factorial - 1;
    }
    const limit = toBeat(this.#fit.squares, ORDER_ODDS + Math.log(orders), this.#evidence);
    this.#limit = this.#best === undefined ? limit : Math.min(this.#limit, limit);
    if (!(this.#limit > 0)) return;
    this.#branch(0, 0, 0, this.#identity(), distances(this.#to, this.#used), distances(this.#from, this.#used));
  }

  /** Gives the `depth`-th point each free counterpart in turn, while the distances still allow a good enough fit. */
  #branch(depth: number, taken: number, stress: number, order: Int32Array, dTo: Float64Array, dFrom: Float64Array): void {
    const n = this.#used.length;
    if (depth === n) {
      this.#try(order);
      return;
    }
    const own = this.#used[depth] as number;
    for (let m = 0; m < n; m += 1) {
      if (taken & (1 << m)) continue;
      let more = stress;
      for (let d = 0; d < depth; d += 1) {
        const other = this.#used[d] as number;
        const partner = this.#used.indexOf(order[other] as number);
        const gap = at(dTo, depth * n + d) - at(dFrom, m * n + partner);
        more += at(this.#weights, own) * at(this.#weights, other) * gap * gap;
      }
      if (more > n * this.#limit) continue;
      order[own] = this.#used[m] as number;
      this.#branch(depth + 1, taken | (1 << m), more, order, dTo, dFrom);
    }
    order[own] = own;
  }
}

function distances(xyz: ArrayLike<number>, used: readonly number[]): Float64Array {
  const n = used.length;
  const out = new Float64Array(n * n);
  used.forEach((a, i) => {
    used.forEach((b, j) => {
      out[i * n + j] = Math.hypot(
        at(xyz, 3 * a) - at(xyz, 3 * b),
        at(xyz, 3 * a + 1) - at(xyz, 3 * b + 1),
        at(xyz, 3 * a + 2) - at(xyz, 3 * b + 2),
      );
    });
  });
  return out;
}
