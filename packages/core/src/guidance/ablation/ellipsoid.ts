/**
 * The distance from a point to an ellipsoid's surface.
 *
 * With y = |p| and radii e, the foot of the perpendicular is x_k = e_k² y_k / (t + e_k²) at the largest root t of
 * F(t) = Σ (e_k y_k / (t + e_k²))² − 1 (Eberly 2013, "Distance from a Point to an Ellipse, an Ellipsoid, or a
 * Hyperellipsoid", sec. 3). Right of its last pole F falls and is convex, so Newton's method from the left of the root
 * never passes it. Worked in units of the least radius.
 */

/** Newton from beside a pole gains a factor of 1.5 a step; from 1e-12 of a radius that is 70 steps. */
const STEPS = 200;

/**
 * The signed distance from a point to an ellipsoid centred at the origin with its axes along x, y, z: negative inside, mm. Exact to
 * rounding, also on the planes of symmetry, where the nearest point of the surface need not be unique. Allocates nothing.
 * @param foot the nearest point of the surface, mm, is written here
 * @param p mm
 * @param radii three radii above 0, mm
 */
export function ellipsoidDistance(foot: Float64Array, p: ArrayLike<number>, radii: ArrayLike<number>): number {
  const a = radii[0] as number;
  const b = radii[1] as number;
  const c = radii[2] as number;
  const least = Math.min(a, b, c);
  const x = Math.abs(p[0] as number);
  const y = Math.abs(p[1] as number);
  const z = Math.abs(p[2] as number);
  const t = root(a / least, b / least, c / least, x / least, y / least, z / least) * least * least;
  foot[0] = onAxis(a, x, t);
  foot[1] = onAxis(b, y, t);
  foot[2] = onAxis(c, z, t);
  // On the shortest axis's plane of symmetry, near the middle: the foot leaves the plane, by what the other two leave over.
  for (let k = 0; k < 3; k += 1) if (Number.isNaN(foot[k] as number)) foot[k] = leftOver(foot, radii, k);
  let square = 0;
  for (let k = 0; k < 3; k += 1) {
    const away = Math.abs(p[k] as number) - (foot[k] as number);
    square += away * away;
    if ((p[k] as number) < 0) foot[k] = -(foot[k] as number);
  }
  const inside = (x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2 < 1;
  return inside ? -Math.sqrt(square) : Math.sqrt(square);
}

/** The root t in units of the least radius; −1 where F stays below 0 down to its last pole. */
function root(a: number, b: number, c: number, x: number, y: number, z: number): number {
  let t = Math.max(a * x - a * a, b * y - b * b, c * z - c * c, -1);
  for (let n = 0; n < STEPS; n += 1) {
    // A coordinate of 0 has no pole.
    const ra = x === 0 ? 0 : (a * x) / (t + a * a);
    const rb = y === 0 ? 0 : (b * y) / (t + b * b);
    const rc = z === 0 ? 0 : (c * z) / (t + c * c);
    const f = ra * ra + rb * rb + rc * rc - 1;
    if (t === -1 && f <= 0) return -1;
    const slope = over(ra * ra, t + a * a) + over(rb * rb, t + b * b) + over(rc * rc, t + c * c);
    const next = t + f / (2 * slope);
    // Rounding decides from here on: what Newton still asks for is below it, or backwards.
    if (!(next > t)) break;
    t = next;
  }
  return t;
}

/** A quotient whose numerator 0 wins. */
function over(a: number, b: number): number {
  return a === 0 ? 0 : a / b;
}

/** A coordinate of the foot; NaN on the plane of symmetry of the shortest axis, where t gives 0/0. */
function onAxis(e: number, y: number, t: number): number {
  const below = t + e * e;
  if (below <= e * e * 1e-15) return Number.NaN;
  return (e * e * y) / below;
}

/** What the other coordinates leave over for one that t does not give; shared among equal axes, the first takes it. */
function leftOver(foot: Float64Array, radii: ArrayLike<number>, k: number): number {
  let rest = 1;
  for (let j = 0; j < 3; j += 1) {
    const at = foot[j] as number;
    if (j !== k && !Number.isNaN(at)) rest -= (at / (radii[j] as number)) ** 2;
  }
  return (radii[k] as number) * Math.sqrt(Math.max(0, rest));
}
