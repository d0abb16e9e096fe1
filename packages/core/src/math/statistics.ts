import { NavError } from '../base/index.js';

/**
 * Distributions behind the error bars: chi-square, Student's t, Fisher's F, and the length of a three-dimensional
 * error whose covariance was known or estimated.
 *
 * Series and continued fractions follow Abramowitz & Stegun 1964, chapters 6 and 26; the continued fractions are
 * evaluated by the method of Lentz 1976 (Applied Optics 15:668). Relative accuracy is 1e-12 or better.
 */

const TINY = 1e-300;
const ROUNDING = 1e-16;

/** Above this many degrees of freedom Student's t is the normal distribution to seven digits. */
const NORMAL_FROM = 1e7;

/** ln Γ(x) for x > 0: Stirling's series (A&S 6.1.41), shifted to where eight terms reach double precision. */
export function logGamma(x: number): number {
  let shift = 0;
  let y = x;
  while (y < 12) {
    shift += Math.log(y);
    y += 1;
  }
  const z = 1 / (y * y);
  const series =
    1 / 12 -
    z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z * (1 / 1188 - z * (691 / 360360 - z * (1 / 156 - (z * 3617) / 122400))))));
  return (y - 0.5) * Math.log(y) - y + 0.9189385332046728 + series / y - shift;
}

/** Q(a, x) = Γ(a, x) / Γ(a), the upper regularised incomplete gamma function, for a > 0 and x ≥ 0. */
export function gammaQ(a: number, x: number): number {
  if (!(x > 0)) return Number.isNaN(x) ? Number.NaN : 1;
  if (x === Infinity) return 0;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? 1 - front * gammaSeries(a, x) : front * gammaFraction(a, x);
}

/** P(a, x) = 1 − Q(a, x), without the loss of digits where it is small. */
export function gammaP(a: number, x: number): number {
  if (!(x > 0)) return Number.isNaN(x) ? Number.NaN : 0;
  if (x === Infinity) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? front * gammaSeries(a, x) : 1 - front * gammaFraction(a, x);
}

/** A&S 6.5.29. */
function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < 100_000 && term > sum * ROUNDING; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** A&S 6.5.31. */
function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < 100_000; n += 1) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / nonZero(an * d + b);
    c = nonZero(b + an / c);
    h *= c * d;
    if (Math.abs(c * d - 1) < 4 * ROUNDING) break;
  }
  return h;
}

/** I_x(a, b), the regularised incomplete beta function, for a, b > 0 and 0 ≤ x ≤ 1 (A&S 26.5.8). */
export function regularisedBeta(x: number, a: number, b: number): number {
  if (!(x > 0)) return Number.isNaN(x) ? Number.NaN : 0;
  if (x >= 1) return 1;
  return betaWith(x, 1 - x, a, b, logGamma(a + b) - logGamma(a) - logGamma(b));
}

/** I_x(a, b) with y = 1 − x (exact also where x is near 1) and the logarithm of 1 / B(a, b) already known. */
function betaWith(x: number, y: number, a: number, b: number, logFront: number): number {
  const front = Math.exp(logFront + a * Math.log(x) + b * Math.log(y));
  if (x < (a + 1) / (a + b + 2)) return (front * betaFraction(x, a, b)) / a;
  return 1 - (front * betaFraction(y, b, a)) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < 100_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    h *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    h *= c * d;
    if (Math.abs(c * d - 1) < 4 * ROUNDING) break;
  }
  return h;
}

function nonZero(x: number): number {
  return Math.abs(x) < TINY ? TINY : x;
}

/** P(χ² ≤ x) with that many degrees of freedom (> 0, not necessarily whole). */
export function chiSquareCdf(x: number, degreesOfFreedom: number): number {
  return gammaP(degreesOfFreedom / 2, x / 2);
}

/** P(χ² > x): the p-value of a χ² test, exact also where it is tiny. */
export function chiSquareTail(x: number, degreesOfFreedom: number): number {
  return gammaQ(degreesOfFreedom / 2, x / 2);
}

/** P(F > x) for Fisher's F with n and m degrees of freedom; m may be Infinity. */
export function fisherTail(x: number, n: number, m: number): number {
  if (m >= NORMAL_FROM) return chiSquareTail(n * x, n);
  return regularisedBeta(m / (m + n * x), m / 2, n / 2);
}

/**
 * The x that χ² with that many degrees of freedom stays below with this probability.
 * @param probability 0 < p < 1
 * @throws NavError `math/out-of-range`
 */
export function chiSquareQuantile(probability: number, degreesOfFreedom: number): number {
  requireArguments(probability, degreesOfFreedom);
  if (degreesOfFreedom === Infinity) return Infinity;
  return chiSquareFromOdds(Math.log(probability / (1 - probability)), degreesOfFreedom);
}

/**
 * The z ≥ 0 that a standard normal deviates by, to either side, with probability `p`: how surprising a test result
 * is, on the scale of standard deviations. Infinity for p = 0, 0 for p = 1.
 */
export function twoSidedZ(p: number): number {
  if (Number.isNaN(p)) return Number.NaN;
  if (p >= 1) return 0;
  if (!(p > 0)) return Infinity;
  return Math.sqrt(chiSquareFromOdds(Math.log1p(-p) - Math.log(p), 1));
}

/** What a law says at the point asked for: P below, P above, and the density per unit of the point's logarithm. */
const law = { below: 0, above: 0, density: 0 };

/** The χ² law being inverted: half its degrees of freedom. Module state, like `law`, so that nothing is allocated. */
const chi = { a: 0, logFront: 0 };

function chiSquareFromOdds(logOdds: number, degreesOfFreedom: number): number {
  chi.a = degreesOfFreedom / 2;
  chi.logFront = -logGamma(chi.a);
  return Math.exp(solveLogOdds(chiSquareAt, logOdds, Math.log(wilsonHilferty(logOdds, degreesOfFreedom))));
}

function chiSquareAt(logX: number): void {
  const x = Math.exp(logX) / 2;
  law.below = gammaP(chi.a, x);
  law.above = gammaQ(chi.a, x);
  law.density = Math.exp(chi.logFront + chi.a * Math.log(x) - x);
}

/** A first guess at a χ² quantile (Wilson & Hilferty 1931), from one at the normal quantile (A&S 26.2.22). */
function wilsonHilferty(logOdds: number, n: number): number {
  const t = Math.sqrt(2 * Math.log1p(Math.exp(Math.min(Math.abs(logOdds), 600))));
  const z = Math.sign(logOdds) * (t - (2.30753 + 0.27061 * t) / (1 + t * (0.99229 + 0.04481 * t)));
  const root = 1 - 2 / (9 * n) + z * Math.sqrt(2 / (9 * n));
  return n * Math.max(root, 0.05) ** 3;
}

/**
 * Newton's method for logOdds(P(x)) = target over the logarithm of x, kept inside a shrinking bracket. Both tails of
 * every law here are nearly straight in these coordinates, so a handful of steps is enough.
 */
function solveLogOdds(evaluate: (logX: number) => void, target: number, start: number): number {
  let low = -2000;
  let high = 700;
  let x = start;
  for (let n = 0; n < 200; n += 1) {
    evaluate(x);
    const odds = Math.log(law.below) - Math.log(law.above);
    const step = ((target - odds) * law.below * law.above) / law.density;
    // What is left after a step is about its square.
    if (Math.abs(step) <= 1e-6) return x + step;
    if (odds < target) low = x;
    else high = x;
    const next = x + Math.max(-20, Math.min(2, step));
    x = next > low && next < high ? next : (Math.max(low, x - 40) + Math.min(high, x + 4)) / 2;
  }
  return x;
}

const lambda = new Float64Array(3);
/** Weight, and the squares of the three direction cosines, of each node on an octant of the sphere. */
let coarse: Float64Array | undefined;
let fine: Float64Array | undefined;
/** The length being inverted: that of an error with eigenvalues 1, middle, least. */
const shape: { middle: number; least: number; rule: Float64Array } = { middle: 0, least: 0, rule: new Float64Array(0) };

/**
 * The r that |x| stays below with probability p, for x = s · N(0, Σ) in three dimensions, where s² is the ratio by
 * which an estimated variance misses: 1 where Σ was known, ν/χ²_ν where its scale was estimated with ν degrees of
 * freedom. So for p = 0.95 it is the radius of the 95 % sphere about an estimate; mm where Σ is mm².
 *
 * Exact, by x = Λ^½ ρ u with u uniform on the sphere and ρ the length of a three-dimensional Student's t (or χ₃):
 * P(|x| ≤ r) is the mean of P(ρ ≤ r / √(uᵀΛu)) over u, integrated by a product rule and inverted by Newton's method.
 * Isotropic Σ gives √(3 σ² F(3, ν)); rank 1 gives Student's t; rank 0 gives 0. Accurate to 1e-6 relative (1e-4 for
 * ν < 3 and a singular Σ). Allocates nothing after its first call.
 *
 * @param covariance 9 numbers, symmetric; negative eigenvalues count as 0, a NaN gives NaN
 * @param probability 0 < p < 1
 * @param degreesOfFreedom ν > 0; Infinity (the default) where Σ is known
 * @throws NavError `math/out-of-range`
 */
export function radiusQuantile(
  covariance: ArrayLike<number>,
  probability: number,
  degreesOfFreedom: number = Number.POSITIVE_INFINITY,
): number {
  requireArguments(probability, degreesOfFreedom);
  eigenvalues3(lambda, covariance);
  const largest = lambda[0] as number;
  if (Number.isNaN(largest)) return Number.NaN;
  if (!(largest > 0)) return 0;
  if (largest === Infinity) return Infinity;
  const middle = (lambda[1] as number) / largest;
  const least = (lambda[2] as number) / largest;
  coarse ??= sphereRule(12, 6);
  const round = least > 0.1 && degreesOfFreedom >= 3;
  if (!round) fine ??= sphereRule(24, 12);
  shape.middle = middle;
  shape.least = least;
  shape.rule = (round ? coarse : fine) as Float64Array;
  radial.prepare(degreesOfFreedom);
  // Satterthwaite's χ² with the same mean and variance, only to start from.
  const sum = 1 + middle + least;
  const squares = 1 + middle * middle + least * least;
  const logOdds = Math.log(probability / (1 - probability));
  const start = 0.5 * Math.log((squares / sum) * wilsonHilferty(logOdds, (sum * sum) / squares));
  return Math.sqrt(largest) * Math.exp(solveLogOdds(radiusAt, logOdds, start));
}

/** The law of |x| at e^logR, for eigenvalues 1, middle, least. */
function radiusAt(logR: number): void {
  const { middle, least, rule } = shape;
  const r = Math.exp(logR);
  let above = 0;
  let slope = 0;
  for (let n = 0; n < rule.length; n += 4) {
    const g = (rule[n + 1] as number) + middle * (rule[n + 2] as number) + least * (rule[n + 3] as number);
    if (!(g > 0)) continue;
    const rho = r / Math.sqrt(g);
    radial.at(rho);
    above += (rule[n] as number) * radial.above;
    slope += (rule[n] as number) * radial.density * rho;
  }
  law.above = above;
  law.below = 1 - above;
  law.density = slope;
}

/**
 * The length ρ of a standard Student's t in three dimensions: P(ρ > r) = P(|t| > r) + 2 r f(r), with f the density of
 * the one-dimensional t; the normal case is its limit.
 */
const radial = {
  above: 0,
  density: 0,
  nu: 0,
  /** Whether ν is a whole number for which the finite sums below are quick. */
  whole: false,
  logBeta: 0,
  peak: 0,
  prepare(nu: number): void {
    this.nu = nu;
    if (nu >= NORMAL_FROM) return;
    this.whole = Number.isInteger(nu) && nu <= 300;
    this.logBeta = logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5723649429247001;
    this.peak = Math.exp(this.logBeta - 0.5 * Math.log(nu));
  },
  at(r: number): void {
    const { nu } = this;
    if (nu >= NORMAL_FROM) {
      const f = 0.3989422804014327 * Math.exp((-r * r) / 2);
      this.above = normalTails(r, f) + 2 * r * f;
      this.density = 2 * r * r * f;
      return;
    }
    const spread = nu + r * r;
    const cosine2 = nu / spread;
    const f = this.peak * cosine2 ** ((nu + 1) / 2);
    const tails = this.whole ? wholeStudentTails(nu, r, cosine2) : betaWith(cosine2, (r * r) / spread, nu / 2, 0.5, this.logBeta);
    this.above = tails + 2 * r * f;
    this.density = (2 * r * r * f * (nu + 1)) / spread;
  },
};

/** P(|z| > r) for the standard normal of density f at r ≥ 0: A&S 26.2.11 near the middle, 6.5.31 in the tails. */
function normalTails(r: number, f: number): number {
  if (r >= 3) return f * r * gammaFraction(0.5, (r * r) / 2);
  let term = r;
  let sum = r;
  for (let n = 3; term > sum * ROUNDING; n += 2) {
    term *= (r * r) / n;
    sum += term;
  }
  return 1 - 2 * f * sum;
}

/** P(|t| > r) for a whole number of degrees of freedom, with cosine2 = ν / (ν + r²): A&S 26.7.3 and 26.7.4. */
function wholeStudentTails(nu: number, r: number, cosine2: number): number {
  const sine = Math.sqrt(1 - cosine2);
  const odd = nu % 2 === 1;
  let term = odd ? sine * Math.sqrt(cosine2) : sine;
  let sum = nu === 1 ? 0 : term;
  for (let n = odd ? 3 : 2; n <= nu - 2; n += 2) {
    term *= (cosine2 * (n - 1)) / n;
    sum += term;
  }
  if (!odd) return 1 - sum;
  return 1 - (2 / Math.PI) * (Math.atan(r / Math.sqrt(nu)) + sum);
}

/**
 * A rule over an octant of the unit sphere, which is all of it for an even function: Gauss–Legendre along the axis of
 * the largest eigenvalue, midpoints (spectral for a periodic function) around it.
 */
function sphereRule(along: number, around: number): Float64Array {
  const rule = new Float64Array(4 * along * around);
  let at = 0;
  for (let i = 0; i < along; i += 1) {
    const [node, weight] = legendreNode(along, i);
    const z = (node + 1) / 2;
    for (let j = 0; j < around; j += 1) {
      const phi = ((j + 0.5) / around) * (Math.PI / 2);
      const ring = 1 - z * z;
      rule.set([weight / 2 / around, z * z, ring * Math.cos(phi) ** 2, ring * Math.sin(phi) ** 2], at);
      at += 4;
    }
  }
  return rule;
}

/** Node and weight i of the n-point Gauss–Legendre rule on [−1, 1] (A&S 25.4.29). */
function legendreNode(n: number, i: number): [number, number] {
  let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
  let slope = 1;
  for (let iteration = 0; iteration < 50; iteration += 1) {
    let p = 1;
    let before = 0;
    for (let k = 1; k <= n; k += 1) [p, before] = [((2 * k - 1) * x * p - (k - 1) * before) / k, p];
    slope = (n * (x * p - before)) / (x * x - 1);
    const step = p / slope;
    x -= step;
    if (Math.abs(step) < 1e-16) break;
  }
  return [x, 2 / ((1 - x * x) * slope * slope)];
}

/**
 * Eigenvalues of a symmetric 3×3 matrix, largest first, none negative, into `out` (Smith 1961, CACM 4:168). Worked on
 * the matrix divided by its trace, so that no scale of units under- or overflows.
 */
function eigenvalues3(out: Float64Array, c: ArrayLike<number>): void {
  const trace = (c[0] as number) + (c[4] as number) + (c[8] as number);
  if (!(trace > 0 && trace < Infinity)) {
    out.fill(trace > 0 ? Infinity : Number.isNaN(trace) ? Number.NaN : 0);
    return;
  }
  const xy = ((c[1] as number) + (c[3] as number)) / (2 * trace);
  const xz = ((c[2] as number) + (c[6] as number)) / (2 * trace);
  const yz = ((c[5] as number) + (c[7] as number)) / (2 * trace);
  const x = (c[0] as number) / trace - 1 / 3;
  const y = (c[4] as number) / trace - 1 / 3;
  const z = (c[8] as number) / trace - 1 / 3;
  const p = Math.sqrt((x * x + y * y + z * z + 2 * (xy * xy + xz * xz + yz * yz)) / 6);
  const determinant = x * (y * z - yz * yz) - xy * (xy * z - yz * xz) + xz * (xy * yz - y * xz);
  const phi = p > 0 ? Math.acos(Math.max(-1, Math.min(1, determinant / (2 * p * p * p)))) / 3 : 0;
  const first = 1 / 3 + 2 * p * Math.cos(phi);
  const third = 1 / 3 + 2 * p * Math.cos(phi + (2 * Math.PI) / 3);
  out[0] = first * trace;
  out[1] = Math.max(0, 1 - first - third) * trace;
  out[2] = Math.max(0, third) * trace;
}

function requireArguments(probability: number, degreesOfFreedom: number): void {
  if (!(probability > 0 && probability < 1 && degreesOfFreedom > 0)) {
    throw new NavError(
      'math/out-of-range',
      `A quantile needs a probability between 0 and 1 and degrees of freedom above 0, got ${probability} and ${degreesOfFreedom}.`,
      { detail: { probability, degreesOfFreedom } },
    );
  }
}
