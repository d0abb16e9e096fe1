import { type AffineTransform, affineTransform } from '@trocar/core';
import { cholesky, choleskySolve, fromRotationVector, identity4, Random, transformPoint } from '@trocar/core/math';
import { simulateUltrasound } from '@trocar/core/testing';
import { type AnyVolume, cornersOf, percentiles, Sampler, type Volume, volume } from '@trocar/core/volume';
import { fitRigid } from '../points/rigid-fit.js';

/** How a deformed brain is made. The same options give the same bytes. */
export interface DeformedBrainOptions {
  /**
   * `remap`: MR before and after, the second with its intensities bent so that they no longer rise together, and noise of its
   * own. `ultrasound`: MR before, ultrasound during.
   */
  readonly kind: 'remap' | 'ultrasound';
  readonly seed: number;
  /** How far the brain moves where it moves most, mm; 0 for a rigid pair. */
  readonly shiftMm: number;
  /** Whether a ball of tissue is missing in the fixed image, filled with fluid. */
  readonly resected?: boolean;
  /** Voxel edge of the MR, mm. Default 1. */
  readonly spacingMm?: number;
}

/** Images from before (moving) and during (fixed) an operation, and the truth between them. */
export interface DeformedBrain {
  readonly fixed: Volume<'us'>;
  /** One or, for ultrasound, two that share a grid. */
  readonly moving: readonly Volume<'mr'>[];
  /** Pairs of places in the brain, away from the hole: mm in each frame, interleaved. */
  readonly fixedPlaces: Float64Array;
  readonly movingPlaces: Float64Array;
  /** The rigid motion that brings these together best: moving from fixed. */
  readonly bestRigid: AffineTransform<'mr', 'us'>;
  /**
   * `fixedPlaces` without what single frames of ultrasound were recorded off: a tracker's noise, which differs from frame to
   * frame and is no motion of tissue. What all frames share (calibration, latency, speed of sound) is in them. Equal to
   * `fixedPlaces` where there are no frames.
   */
  readonly steadyPlaces: Float64Array;
  /** Errors that a map from fixed to moving leaves at `fixedPlaces` (or at `steadyPlaces`, where given), mm in the moving frame. */
  errorsOf(map: (out: Float64Array, p: ArrayLike<number>) => ArrayLike<number>, places?: Float64Array): Float64Array;
}

/** A map of places: into `out`. */
type Motion = (out: Float64Array, p: ArrayLike<number>) => Float64Array;

/** A brain that has moved, with known truth. */
export function deformedBrain(options: DeformedBrainOptions): DeformedBrain {
  const { seed, shiftMm, resected = false, spacingMm = 1 } = options;
  if (options.kind === 'remap') {
    const { us, t1 } = simulateUltrasound({ seed, mrSpacingMm: spacingMm, errors: 0, ultrasoundSpacingMm: 4 });
    return deformedImage(t1, t1, us, { seed, shiftMm, resected });
  }
  const s = simulateUltrasound({ seed, shiftMm, resected, mrSpacingMm: spacingMm });
  const flat = (points: ReadonlyArray<{ readonly xyz: ArrayLike<number> }>): Float64Array =>
    Float64Array.from(points.flatMap(({ xyz }) => Array.from(xyz)));
  const brain = judged(s.us, [s.t1, s.flair], flat(s.targets.us), flat(s.targets.mr));
  // The same operation recorded without errors: the same places, for the errors are drawn whether they are used or not.
  const exact = simulateUltrasound({ seed, shiftMm, resected, ultrasoundSpacingMm: 6, mrSpacingMm: 8, errors: 0 });
  return { ...brain, steadyPlaces: steadied(brain.fixedPlaces, flat(exact.targets.us)) };
}

/** Exact places with the affine part, by least squares, of what recorded ones are off: the rest is noise of single frames. */
function steadied(recorded: Float64Array, exact: Float64Array): Float64Array {
  const count = exact.length / 3;
  const middle = [0, 1, 2].map((r) => exact.reduce((s, x, n) => (n % 3 === r ? s + x / count : s), 0));
  const row = (n: number): number[] => [1, ...middle.map((m, r) => ((exact[3 * n + r] as number) - m) / 20)];
  const normal = new Float64Array(16);
  const right = [0, 1, 2].map(() => new Float64Array(4));
  for (let n = 0; n < count; n += 1) {
    const x = row(n);
    for (let a = 0; a < 4; a += 1) {
      for (let b = 0; b < 4; b += 1) normal[4 * a + b] = (normal[4 * a + b] as number) + (x[a] as number) * (x[b] as number);
      right.forEach((v, r) => {
        v[a] = (v[a] as number) + (x[a] as number) * ((recorded[3 * n + r] as number) - (exact[3 * n + r] as number));
      });
    }
  }
  const lower = new Float64Array(16);
  if (!cholesky(lower, normal, 4)) throw new Error('The places lie in a plane.');
  const fits = right.map((v) => choleskySolve(new Float64Array(4), lower, v, 4));
  return exact.map((x, n) => x + row(Math.floor(n / 3)).reduce((s, t, a) => s + t * (fits[n % 3]?.[a] as number), 0));
}

/**
 * An image deformed by two regularised Kelvinlets (de Goes & James 2017), moved rigidly, its intensities remapped and its
 * noise renewed, as the fixed image of a pair; `moving` is left as it is.
 * @param source what is deformed: on the same frame as `moving`
 * @param named gives the name of the fixed image's frame
 */
export function deformedImage(
  moving: Volume<'mr'>,
  source: Volume<'mr'>,
  named: Volume<'us'>,
  { seed, shiftMm, resected }: { readonly seed: number; readonly shiftMm: number; readonly resected: boolean },
): DeformedBrain {
  const random = new Random(7919 * seed + 13);
  const sampler = new Sampler(source);
  const { centre, radii } = bodyOf(source);
  const place = (share: number): number[] => centre.map((c, r) => c + share * random.between(-1, 1) * (radii[r] as number));
  const pull = pulls(random, centre, radii, shiftMm);
  const hole = resected ? { at: place(0.3), mm: random.between(6, 10) } : undefined;
  const usFromMr = fromRotationVector(identity4(), triple(random, 0.3));
  usFromMr.set(triple(random, 20), 12);
  const fixed = during(source, sampler, named, usFromMr, pull, hole, random);
  const before: number[] = [];
  const after: number[] = [];
  const [, dark] = percentiles(source, [0.02, 0.25]) as [number, number];
  for (let tries = 0; before.length < 1500 && tries < 50_000; tries += 1) {
    const p = place(0.8);
    const value = sampler.at(p[0] as number, p[1] as number, p[2] as number);
    if (!(value > dark) || (hole && distance(p, hole.at) < hole.mm + 3)) continue;
    before.push(...p);
    after.push(...transformPoint(new Float64Array(3), usFromMr, pull(new Float64Array(3), p)));
  }
  return judged(fixed, [moving], Float64Array.from(after), Float64Array.from(before));
}

function triple(random: Random, most: number): number[] {
  return [random.between(-most, most), random.between(-most, most), random.between(-most, most)];
}

function distance(p: ArrayLike<number>, q: ArrayLike<number>): number {
  return Math.hypot(
    (p[0] as number) - (q[0] as number),
    (p[1] as number) - (q[1] as number),
    (p[2] as number) - (q[2] as number),
  );
}

function bodyOf(v: AnyVolume): { readonly centre: number[]; readonly radii: number[] } {
  const corners = cornersOf(v);
  const ends = [0, 1, 2].map((r) => {
    const x = corners.map((c) => c[r] as number);
    return [Math.min(...x), Math.max(...x)] as const;
  });
  return { centre: ends.map(([a, b]) => (a + b) / 2), radii: ends.map(([a, b]) => (b - a) / 2) };
}

/** One pull from the surface and a weaker one elsewhere, which together move no place by more than about `shiftMm`. */
function pulls(random: Random, centre: readonly number[], radii: readonly number[], shiftMm: number): Motion {
  const towards = triple(random, 1);
  const length = Math.hypot(...towards);
  const one = Math.min(...radii);
  const at = centre.map((c, r) => c + (0.7 * one * (towards[r] as number)) / length);
  const inwards = towards.map((t) => (-shiftMm * t) / length);
  const first = kelvinlet(at, inwards, 0.6 * one);
  const second = kelvinlet(
    centre.map((c, r) => c + 0.5 * random.between(-1, 1) * (radii[r] as number)),
    triple(random, 0.3 * shiftMm),
    0.4 * one,
  );
  return (out, p) => {
    const a = first(p);
    const b = second(p);
    for (let r = 0; r < 3; r += 1) out[r] = (p[r] as number) + (a[r] as number) + (b[r] as number);
    return out;
  };
}

/** Displacement of a regularised Kelvinlet (eq. 6 there), ν = 0.48, scaled to `shift` at its own place. */
function kelvinlet(at: readonly number[], shift: readonly number[], reachMm: number): (p: ArrayLike<number>) => number[] {
  const b = 1 / (4 * (1 - 0.48));
  const f = shift.map((s) => (reachMm * s) / (1.5 - b));
  return (p) => {
    const d = at.map((a, r) => (p[r] as number) - a);
    const re = Math.hypot(...d, reachMm);
    const along = (b * d.reduce((s, x, r) => s + x * (f[r] as number), 0)) / re ** 3;
    const own = (1 - b) / re + (0.5 * reachMm * reachMm) / re ** 3;
    return d.map((x, r) => own * (f[r] as number) + along * x);
  };
}

function during(
  source: Volume<'mr'>,
  sampler: Sampler,
  named: Volume<'us'>,
  usFromMr: Float64Array,
  pull: Motion,
  hole: { readonly at: readonly number[]; readonly mm: number } | undefined,
  random: Random,
): Volume<'us'> {
  const [low, high] = percentiles(source, [0.02, 0.98]) as [number, number];
  const bend = [random.between(0.25, 0.75), random.between(0.5, 1), random.between(0, 2 * Math.PI)] as const;
  /** Bright and dark fold over: grey levels of two tissues change places. */
  const remap = (value: number): number => {
    const t = (value - low) / (high - low);
    return 600 + 300 * Math.sin(bend[1] * 5 * t + bend[2]) + 250 * Math.abs(t - bend[0]);
  };
  const fluid = random.between(300, 900);
  const m = source.frameFromIndex;
  const [ni, nj, nk] = source.size;
  const voxels = new Int16Array(ni * nj * nk);
  const y = new Float64Array(3);
  const x = new Float64Array(3);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        for (let r = 0; r < 3; r += 1) {
          y[r] = (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
        }
        undone(x, y, pull);
        const value = sampler.at(x[0] as number, x[1] as number, x[2] as number);
        const clean = hole !== undefined && distance(x, hole.at) < hole.mm ? fluid : Number.isNaN(value) ? 0 : remap(value);
        voxels[n] = Math.round(clean + 25 * random.normal());
      }
    }
  }
  const frameFromIndex = new Float64Array(16);
  for (let c = 0; c < 4; c += 1) {
    const column = [0, 1, 2].map((r) => m[4 * c + r] as number);
    for (let r = 0; r < 3; r += 1) {
      frameFromIndex[4 * c + r] = column.reduce(
        (s, v, q) => s + (usFromMr[4 * q + r] as number) * v,
        c === 3 ? (usFromMr[12 + r] as number) : 0,
      );
    }
  }
  frameFromIndex[15] = 1;
  return volume({ frame: named.frame, voxels, size: source.size, frameFromIndex, modality: 'MR' });
}

/** The place that a motion carries to y: x ← x + y − motion(x). */
function undone(x: Float64Array, y: ArrayLike<number>, motion: Motion): void {
  const z = new Float64Array(3);
  x.set([y[0] as number, y[1] as number, y[2] as number]);
  for (let n = 0; n < 6; n += 1) {
    motion(z, x);
    for (let r = 0; r < 3; r += 1) x[r] = (x[r] as number) + (y[r] as number) - (z[r] as number);
  }
}

/** The rigid motion, column-major, that brings places nearest to others, in the mean square: x, y, z of each, mm. */
export function bestRigidOf(to: Float64Array, from: Float64Array): Float64Array {
  return Float64Array.from(fitRigid(to, from, new Float64Array(from.length / 3).fill(1)).matrix);
}

function judged(
  fixed: Volume<'us'>,
  moving: readonly Volume<'mr'>[],
  fixedPlaces: Float64Array,
  movingPlaces: Float64Array,
): DeformedBrain {
  const count = fixedPlaces.length / 3;
  const to = (moving[0] as Volume<'mr'>).frame;
  return {
    fixed,
    moving,
    fixedPlaces,
    movingPlaces,
    steadyPlaces: fixedPlaces,
    bestRigid: affineTransform(to, fixed.frame, bestRigidOf(movingPlaces, fixedPlaces)),
    errorsOf(map, places = fixedPlaces) {
      const out = new Float64Array(3);
      return Float64Array.from({ length: count }, (_, n) => {
        const q = map(out, places.subarray(3 * n, 3 * n + 3));
        return distance(q, movingPlaces.subarray(3 * n, 3 * n + 3));
      });
    },
  };
}
