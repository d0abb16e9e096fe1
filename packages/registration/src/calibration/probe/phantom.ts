import { NavError } from '@trocar/core';

/** A straight wire between two walls of a phantom: both ends in the phantom's frame, mm. */
export interface PhantomWire {
  readonly name: string;
  readonly front: readonly [number, number, number];
  readonly back: readonly [number, number, number];
}

/** Three wires in a plane that look like an N: two parallel sides, and a middle wire from near one to near the other. */
export type NWire = readonly [PhantomWire, PhantomWire, PhantomWire];

/** A phantom of N-wires, all of whose sides are parallel. */
export interface NWirePhantom {
  readonly name: string;
  /** In the order in which an image shows them from its top to its bottom. */
  readonly patterns: readonly NWire[];
}

const wire = (name: string, x: number, xBack: number, z: number): PhantomWire => ({
  name,
  front: [x, 0, z],
  back: [xBack, 40, z],
});

/**
 * Wirings of the fCal phantom (Queen's University PerkLab), mm in the phantom's frame: `1.0` with two N-wires and `1.2` with three, as in
 * the configurations that PLUS publishes.
 */
export function fCalPhantom(version: '1.0' | '1.2'): NWirePhantom {
  const third: NWire = [wire('E3_e3', 20, 20, 5), wire('F3_j3', 25, 45, 5), wire('K3_k3', 50, 50, 5)];
  const fourth: NWire = [wire('E4_e4', 20, 20, 0), wire('J4_f4', 45, 25, 0), wire('K4_k4', 50, 50, 0)];
  if (version === '1.0') return { name: 'fCal 1.0', patterns: [third, fourth] };
  const second: NWire = [wire('E2_e2', 20, 20, 10), wire('I2_f2', 40, 25, 10), wire('J2_j2', 45, 45, 10)];
  return { name: 'fCal 1.2', patterns: [second, third, fourth] };
}

/** An N-wire as calibration uses it. */
export interface WirePattern {
  /** Where the middle wire meets the first and the last, mm in the phantom. */
  readonly meets: readonly [Float64Array, Float64Array];
  /** Between the sides, at right angles to them, mm. */
  readonly widthMm: number;
}

/**
 * Where middle wires meet their sides.
 * @throws NavError `calibration/bad-option` where the sides are not parallel, or a middle wire is, or the three are in no plane
 */
export function patternsOf(phantom: NWirePhantom): WirePattern[] {
  if (phantom.patterns.length === 0) throw badPhantom(phantom, 'has no N-wires');
  return phantom.patterns.map((pattern, n) => {
    const [a, middle, b] = pattern;
    const side = unit(minus(a.back, a.front));
    const other = unit(minus(b.back, b.front));
    if (!(Math.abs(dot(side, other)) > 0.9999)) throw badPhantom(phantom, `has sides of N-wire ${n + 1} that are not parallel`);
    const meets = [a, b].map((w) => meet(middle, w)) as [Float64Array | undefined, Float64Array | undefined];
    if (meets[0] === undefined || meets[1] === undefined) {
      throw badPhantom(phantom, `has a middle wire in N-wire ${n + 1} that does not meet both sides in their plane`);
    }
    const across = minus(b.front, a.front);
    const along = dot(across, side);
    return { meets: [meets[0], meets[1]], widthMm: Math.sqrt(dot(across, across) - along * along) };
  });
}

const badPhantom = (phantom: NWirePhantom, what: string): NavError =>
  new NavError('calibration/bad-option', `The phantom "${phantom.name}" ${what}. Check the ends of its wires, in mm.`);

/** Where two lines meet; undefined where they are parallel or pass each other by more than 0.1 mm. */
function meet(a: PhantomWire, b: PhantomWire): Float64Array | undefined {
  const u = minus(a.back, a.front);
  const v = minus(b.back, b.front);
  const w = minus(b.front, a.front);
  const [uu, uv, vv, uw, vw] = [dot(u, u), dot(u, v), dot(v, v), dot(u, w), dot(v, w)];
  const determinant = uu * vv - uv * uv;
  if (!(determinant > 1e-6 * uu * vv)) return undefined;
  const s = (uw * vv - vw * uv) / determinant;
  const t = (uw * uv - vw * uu) / determinant;
  const p = [0, 1, 2].map((r) => (a.front[r] as number) + s * (u[r] as number));
  const q = [0, 1, 2].map((r) => (b.front[r] as number) + t * (v[r] as number));
  return Math.hypot(...minus(p, q)) <= 0.1 ? Float64Array.from(p) : undefined;
}

const minus = (a: ArrayLike<number>, b: ArrayLike<number>): number[] => [0, 1, 2].map((r) => (a[r] as number) - (b[r] as number));
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  (a[0] as number) * (b[0] as number) + (a[1] as number) * (b[1] as number) + (a[2] as number) * (b[2] as number);
const unit = (a: readonly number[]): number[] => a.map((x) => x / Math.hypot(...a));
