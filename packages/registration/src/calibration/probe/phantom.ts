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

/** A published wiring of the fCal phantom. */
export type FCalVersion = '1.0' | '1.2' | '2.0';

/**
 * Wirings of the fCal phantom (Queen's University PerkLab), mm in the phantom's frame: `1.0` with two N-wires, `1.2` and `2.0` with three, as in
 * the configurations that PLUS publishes. The holes of the printed phantom 2.1 are those of 2.0. For the large 3.1 PLUS publishes no wiring: describe yours in the device set.
 */
export function fCalPhantom(version: FCalVersion): NWirePhantom {
  if (version === '2.0') return { name: 'fCal 2.0', patterns: FCAL_2 };
  const third: NWire = [wire('E3_e3', 20, 20, 5), wire('F3_j3', 25, 45, 5), wire('K3_k3', 50, 50, 5)];
  const fourth: NWire = [wire('E4_e4', 20, 20, 0), wire('J4_f4', 45, 25, 0), wire('K4_k4', 50, 50, 0)];
  if (version === '1.0') return { name: 'fCal 1.0', patterns: [third, fourth] };
  const second: NWire = [wire('E2_e2', 20, 20, 10), wire('I2_f2', 40, 25, 10), wire('J2_j2', 45, 45, 10)];
  return { name: 'fCal 1.2', patterns: [second, third, fourth] };
}

const FCAL_2: readonly NWire[] = [
  [wire('G1_g1', 30, 30, 20), wire('L1_h1', 55, 35, 20), wire('M1_m1', 60, 60, 20)],
  [wire('G3_g3', 30, 30, 10), wire('H3_l3', 35, 55, 10), wire('M3_m3', 60, 60, 10)],
  [wire('H5_h5', 35, 35, 0), wire('L5_i5', 55, 40, 0), wire('M5_m5', 60, 60, 0)],
];

/** An N-wire as calibration uses it. */
export interface WirePattern {
  /** Where the middle wire meets the first and the last, mm in the phantom. */
  readonly meets: readonly [Float64Array, Float64Array];
  /** Between the sides, at right angles to them, mm. */
  readonly widthMm: number;
  /**
   * Where a cut at right angles to the sides meets the first and the last wire, mm: along the first N-wire, and away from its plane. Undefined where the N-wires' sides are not
   * parallel to each other.
   */
  readonly cut: readonly [readonly [number, number], readonly [number, number]] | undefined;
}

/**
 * Where middle wires meet their sides.
 * @throws NavError `calibration/bad-option` where the sides are not parallel, or a middle wire is, or the three are in no plane; where N-wires or their sides are listed in
 *   no order in which an image could show them
 */
export function patternsOf(phantom: NWirePhantom): WirePattern[] {
  if (phantom.patterns.length === 0) throw badPhantom(phantom, 'has no N-wires');
  const first = (phantom.patterns[0] as NWire)[0];
  const along = unit(minus(first.back, first.front));
  const patterns = phantom.patterns.map((pattern, n): WirePattern => {
    const [a, middle, b] = pattern;
    const side = unit(minus(a.back, a.front));
    const other = unit(minus(b.back, b.front));
    if (!(Math.abs(dot(side, other)) > 0.9999)) throw badPhantom(phantom, `has sides of N-wire ${n + 1} that are not parallel`);
    const meets = [a, b].map((w) => meet(middle, w)) as [Float64Array | undefined, Float64Array | undefined];
    if (meets[0] === undefined || meets[1] === undefined) {
      throw badPhantom(phantom, `has a middle wire in N-wire ${n + 1} that does not meet both sides in their plane`);
    }
    const across = minus(b.front, a.front);
    const slid = dot(across, side);
    const isParallel = Math.abs(dot(along, side)) > 0.9999;
    const widthMm = Math.sqrt(dot(across, across) - slid * slid);
    return { meets: [meets[0], meets[1]], widthMm, cut: isParallel ? cutOf(phantom, pattern) : undefined };
  });
  requireOrder(phantom, patterns);
  return patterns;
}

/** The first N-wire's own axes: across its sides, and away from its plane. */
function cutOf({ patterns }: NWirePhantom, [a, , b]: NWire): WirePattern['cut'] {
  const [from, , to] = patterns[0] as NWire;
  const side = unit(minus(from.back, from.front));
  const skew = minus(to.front, from.front);
  const slid = dot(skew, side);
  const across = unit(skew.map((x, r) => x - slid * (side[r] as number)));
  const away = [1, 2, 0].map((i, r) => {
    const j = (r + 2) % 3;
    return (side[i] as number) * (across[j] as number) - (side[j] as number) * (across[i] as number);
  });
  const place = (w: PhantomWire): readonly [number, number] => {
    const p = minus(w.front, from.front);
    return [dot(p, across), dot(p, away)];
  };
  return [place(a), place(b)];
}

/** Planes of N-wires nearer to each other than this, mm, are one. */
const LEAST_APART = 0.5;

/** N-wires from one end to the other, and the sides of all on the same side. */
function requireOrder(phantom: NWirePhantom, patterns: readonly WirePattern[]): void {
  const named = (n: number): string => `N-wire ${n + 1} (${phantom.patterns[n]?.map((w) => w.name).join(', ')})`;
  const cuts = patterns.map(({ cut }) => cut);
  const away = cuts.map((cut) => (cut === undefined ? Number.NaN : (cut[0][1] + cut[1][1]) / 2));
  cuts.forEach((cut, n) => {
    if (cut !== undefined && cut[1][0] < cut[0][0])
      throw badPhantom(phantom, `lists the wires of ${named(n)} from the other side than those of the first N-wire`);
    const [before, last] = [(away[n - 1] as number) - (away[n - 2] as number), (away[n] as number) - (away[n - 1] as number)];
    if (Math.abs(last) < LEAST_APART) throw badPhantom(phantom, `has ${named(n)} in one plane with the N-wire before it`);
    if (before * last < 0) {
      throw badPhantom(phantom, `lists ${named(n)} out of order: N-wires go from top to bottom, as an image shows them`);
    }
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
