/** A solid body with analytic truth, in millimetres of its own (body) coordinates. */
export interface Solid {
  /**
   * Signed distance to the surface, mm, negative inside. Exact for balls, ellipsoids, tubes and half-spaces; of a
   * union exact outside, of an intersection exact inside, else never larger than the truth.
   */
  distance(x: number, y: number, z: number): number;
  /** The same sign, and the same to first order near the surface, but cheap: what painting uses. */
  near(x: number, y: number, z: number): number;
  /** An axis-aligned box around it: min x, y, z, max x, y, z; infinite where it is. */
  readonly box: readonly [number, number, number, number, number, number];
  /** Of a union: what it is made of, which can be painted one after the other. */
  readonly pieces?: readonly Solid[];
}

type V3 = readonly [number, number, number];

/**
 * An ellipsoid with its axes along x, y, z. Distance by Eberly 2013, "Distance from a Point to an Ellipse, an
 * Ellipsoid, or a Hyperellipsoid", sec. 3.3, bisected.
 */
export function ellipsoid(centre: V3, radii: V3): Solid {
  const [cx, cy, cz] = centre;
  const [rx, ry, rz] = radii;
  return {
    distance: (x, y, z) => ellipsoidDistance(x - cx, y - cy, z - cz, radii),
    near: (x, y, z) => {
      const u = (x - cx) / rx;
      const v = (y - cy) / ry;
      const w = (z - cz) / rz;
      const value = Math.sqrt(u * u + v * v + w * w);
      const slope = Math.sqrt((u * u) / (rx * rx) + (v * v) / (ry * ry) + (w * w) / (rz * rz));
      return slope === 0 ? -Math.min(rx, ry, rz) : (value * (value - 1)) / slope;
    },
    box: [cx - rx, cy - ry, cz - rz, cx + rx, cy + ry, cz + rz],
  };
}

/** A ball. */
export function ball(centre: V3, radius: number): Solid {
  const [cx, cy, cz] = centre;
  const distance = (x: number, y: number, z: number): number => Math.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) - radius;
  return {
    distance,
    near: distance,
    box: [cx - radius, cy - radius, cz - radius, cx + radius, cy + radius, cz + radius],
  };
}

/** All points within `radius` of a line through the given points: a vessel, a rib, a vertebral column. */
export function tube(points: readonly V3[], radius: number): Solid {
  return union(...points.slice(1).map((b, i) => capsule(points[i] as V3, b, radius)));
}

/** All points within `radius` of a segment. */
function capsule(a: V3, b: V3, radius: number): Solid {
  const distance = (x: number, y: number, z: number): number => Math.sqrt(segmentDistanceSquared(x, y, z, a, b)) - radius;
  const low = (k: 0 | 1 | 2): number => Math.min(a[k], b[k]) - radius;
  const high = (k: 0 | 1 | 2): number => Math.max(a[k], b[k]) + radius;
  return { distance, near: distance, box: [low(0), low(1), low(2), high(0), high(1), high(2)] };
}

/** Everything on the side of a plane that its unit normal points away from: n · p ≤ offset. */
export function halfSpace(normal: V3, offset: number): Solid {
  const [a, b, c] = normal;
  const distance = (x: number, y: number, z: number): number => a * x + b * y + c * z - offset;
  const inf = Number.POSITIVE_INFINITY;
  return { distance, near: distance, box: [-inf, -inf, -inf, inf, inf, inf] };
}

/** What lies in any of them. */
export function union(...solids: readonly Solid[]): Solid {
  return { ...combine(solids, Math.min, Math.min, Math.max), pieces: solids.flatMap((s) => s.pieces ?? [s]) };
}

/** What lies in all of them. */
export function intersection(...solids: readonly Solid[]): Solid {
  return combine(solids, Math.max, Math.max, Math.min);
}

function combine(
  solids: readonly Solid[],
  pick: (a: number, b: number) => number,
  low: (...v: number[]) => number,
  high: (...v: number[]) => number,
): Solid {
  const fold = (of: (s: Solid) => number): number => {
    let value = of(solids[0] as Solid);
    for (let i = 1; i < solids.length; i += 1) value = pick(value, of(solids[i] as Solid));
    return value;
  };
  const edge = (k: number, choose: (...v: number[]) => number): number => choose(...solids.map((s) => s.box[k] as number));
  return {
    distance: (x, y, z) => fold((s) => s.distance(x, y, z)),
    near: (x, y, z) => fold((s) => s.near(x, y, z)),
    box: [edge(0, low), edge(1, low), edge(2, low), edge(3, high), edge(4, high), edge(5, high)],
  };
}

function segmentDistanceSquared(x: number, y: number, z: number, a: V3, b: V3): number {
  const ux = b[0] - a[0];
  const uy = b[1] - a[1];
  const uz = b[2] - a[2];
  const px = x - a[0];
  const py = y - a[1];
  const pz = z - a[2];
  const length2 = ux * ux + uy * uy + uz * uz;
  const along = length2 === 0 ? 0 : (px * ux + py * uy + pz * uz) / length2;
  const f = Math.min(1, Math.max(0, along));
  return (px - f * ux) ** 2 + (py - f * uy) ** 2 + (pz - f * uz) ** 2;
}

function ellipsoidDistance(x: number, y: number, z: number, radii: V3): number {
  const order = [0, 1, 2].sort((a, b) => (radii[b] as number) - (radii[a] as number));
  const e = order.map((k) => radii[k] as number) as [number, number, number];
  const p = [Math.abs(x), Math.abs(y), Math.abs(z)];
  // On a plane of symmetry the foot of the perpendicular need not be unique: a hair's breadth off it is.
  const y3 = order.map((k) => Math.max(p[k] as number, 1e-12 * e[2])) as [number, number, number];
  const r0 = (e[0] / e[2]) ** 2;
  const r1 = (e[1] / e[2]) ** 2;
  const z3 = y3.map((v, i) => v / (e[i] as number)) as [number, number, number];
  // s = t + 1 runs over (0, ∞): kept apart from t so that it keeps its digits near the middle surface.
  const w0 = (r0 * y3[0]) / e[0];
  const w1 = (r1 * y3[1]) / e[1];
  const excess = (s: number): number => (w0 / (s + (r0 - 1))) ** 2 + (w1 / (s + (r1 - 1))) ** 2 + (z3[2] / s) ** 2 - 1;
  let low = z3[2];
  let high = Math.max(low, Math.hypot(w0, w1, z3[2]));
  for (let i = 0; i < 200 && high - low > 1e-16 * high; i += 1) {
    const middle = (low + high) / 2;
    if (excess(middle) > 0) low = middle;
    else high = middle;
  }
  const s = (low + high) / 2;
  const foot = [(r0 * y3[0]) / (s + (r0 - 1)), (r1 * y3[1]) / (s + (r1 - 1)), y3[2] / s];
  const d = Math.hypot(...foot.map((f, i) => f - (y3[i] as number)));
  return z3[0] ** 2 + z3[1] ** 2 + z3[2] ** 2 < 1 ? -d : d;
}
