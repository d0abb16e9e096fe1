/**
 * The distance from a point to an ellipsoid's surface.
 *
 * With y = |p| and radii e, the foot of the perpendicular is x_k = e_k² y_k / (t + e_k²) at the largest root t of
 * F(t) = Σ (e_k y_k / (t + e_k²))² − 1 (Eberly 2013, "Distance from a Point to an Ellipse, an Ellipsoid, or a
 * Hyperellipsoid", sec. 3). Right of its last pole F falls and is convex, so Newton's method from the left of the root
 * never passes it. Worked in units of the least radius.
 */

/** Newton from beside a pole gains a factor of 1.5 a step: from 1e-150 mm that is 860 steps, from 1e-12 of a radius 70. */
const STEPS = 1000;
/** Below this a coordinate is 0: its square is no number any more. */
const NOTHING = 1e-150;

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
  const x = magnitude(p[0] as number);
  const y = magnitude(p[1] as number);
  const z = magnitude(p[2] as number);
  const s = root(a / least, b / least, c / least, x / least, y / least, z / least);
  foot[0] = onAxis(a / least, x, s);
  foot[1] = onAxis(b / least, y, s);
  foot[2] = onAxis(c / least, z, s);
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

/**
 * The root as s = t + 1, in units of the least radius: its distance from the last pole, which so keeps its digits near the middle. 0 where F stays
 * below 0 down to the pole.
 */
function root(a: number, b: number, c: number, x: number, y: number, z: number): number {
  const [da, db, dc] = [a * a - 1, b * b - 1, c * c - 1];
  let s = Math.max(a * x - da, b * y - db, c * z - dc, 0);
  for (let n = 0; n < STEPS; n += 1) {
    // A coordinate of 0 has no pole.
    const ra = over(a * x, s + da);
    const rb = over(b * y, s + db);
    const rc = over(c * z, s + dc);
    const f = ra * ra + rb * rb + rc * rc - 1;
    if (s === 0 && f <= 0) return 0;
    const slope = over(ra * ra, s + da) + over(rb * rb, s + db) + over(rc * rc, s + dc);
    const next = s + f / (2 * slope);
    // Rounding decides from here on: what Newton still asks for is below it, or backwards.
    if (!(next > s)) break;
    s = next;
  }
  return s;
}

function magnitude(v: number): number {
  const size = Math.abs(v);
  return size < NOTHING ? 0 : size;
}

/** A quotient whose numerator 0 wins. */
function over(a: number, b: number): number {
  return a === 0 ? 0 : a / b;
}

/** A coordinate of the foot; NaN on the plane of symmetry of the shortest axis, where s gives 0/0. @param e in units of the least radius */
function onAxis(e: number, y: number, s: number): number {
  const below = s + (e * e - 1);
  return below === 0 ? Number.NaN : (e * e * y) / below;
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
