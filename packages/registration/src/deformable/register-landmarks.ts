import { type Frame, NavError, type Point, requireSameFrame, type Transform } from '@trocar/core';
import { identity4, invert4, transformPoint } from '@trocar/core/math';
import type { Finding, ResultOutcome } from '../outcome.js';
import { registerPoints } from '../points/register-points.js';
import { type Deformation, deformationOf, determinant9 } from './deformation.js';
import { inverseOf } from './dense-solve.js';
import { kelvinlets, type LandmarkKernel, thinPlate } from './landmark-kernels.js';

/** How landmarks are interpolated: as an elastic body would move, or with the least bending. */
export type LandmarkMethod = 'kelvinlet' | 'thin-plate';

/** How to deform by landmarks. */
export interface LandmarkDeformationOptions {
  /** Default `kelvinlet`. */
  readonly method?: LandmarkMethod;
}

/**
 * `contradictory`: two landmarks have come so much nearer or farther that tissue would have torn; `no-deformation`: landmarks left out are predicted no better than by the rigid motion, which is returned; `folds`: the map turns
 * space inside out somewhere among the landmarks.
 */
export type LandmarkDeformationFinding = Finding<'contradictory' | 'no-deformation' | 'folds'>;

/** A deformation by landmarks. */
export interface LandmarkDeformation<To extends string, From extends string> {
  readonly outcome: ResultOutcome;
  readonly findings: readonly LandmarkDeformationFinding[];
  readonly deformation: Deformation<To, From>;
  /** False where `deformation` is the rigid motion. */
  readonly deformed: boolean;
  readonly rigid: Transform<To, From>;
  /** How far each landmark would be missed had it not been given, mm: by the deformation, and by the rigid motion. */
  readonly leaveOneOutMm: readonly number[];
  readonly rigidLeaveOneOutMm: readonly number[];
  /** The chosen smoothing, as a share of the kernel; and of Kelvinlets the reach, mm. */
  readonly smoothing: number;
  readonly reachMm: number | undefined;
  /**
   * Expected error at a place of `from`, rms mm, were the tissue what the kernel says: large far from landmarks. NaN for
   * thin plates, whose error nobody can tell where there are no landmarks.
   */
  expectedRmsMm(p: Point<From>): number;
}

const LEAST = 6;
/** Their equations are solved some dozens of times, in one go. */
const MOST = 100;
/** Smoothings tried, as shares of the kernel's own scale, and reaches of Kelvinlets, as shares of the landmarks' spread. */
const SMOOTHINGS = [0, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1, 3];
const REACHES = [0.3, 0.6, 1.2, 2.4];
/** Places along each axis where folds are looked for. */
const LATTICE = 9;
/** A deformation must predict landmarks left out better than the rigid motion by this factor. */
const BETTER = 0.97;
/** And so on average over them, in standard errors. */
const SURE = 1.5;

/**
 * Deforms by pairs of landmarks: a rigid motion, and on top of it a smooth displacement whose smoothing (and reach) predict each
 * landmark best from all others. Smoothing keeps the error of touching the landmarks from becoming a deformation.
 * @throws NavError of `registerPoints`; `registration/too-few-points`, `registration/too-large` (over 100), `registration/bad-option`, `registration/coplanar` (thin plates of coplanar landmarks)
 */
export function registerLandmarks<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  toPoints: readonly Point<To>[],
  fromPoints: readonly Point<From>[],
  options: LandmarkDeformationOptions = {},
): LandmarkDeformation<To, From> {
  const { method = 'kelvinlet' } = options;
  if (method !== 'kelvinlet' && method !== 'thin-plate') {
    throw new NavError('registration/bad-option', `method must be kelvinlet or thin-plate, got ${String(method)}.`);
  }
  if (fromPoints.length > MOST) {
    throw new NavError('registration/too-large', `At most ${MOST} landmarks are taken, got ${fromPoints.length}: thin them out.`);
  }
  // Tissue that is pulled together is smaller: that is what is looked for.
  const rigid = registerPoints(to, from, toPoints, fromPoints, { allow: ['scale'] });
  if (fromPoints.length < LEAST) {
    throw new NavError(
      'registration/too-few-points',
      `A deformation needs at least ${LEAST} landmarks but was given ${fromPoints.length}: with fewer nothing can be left out to test it.`,
    );
  }
  const back = identity4();
  invert4(back, rigid.edge.matrix);
  const places = Float64Array.from(fromPoints.flatMap(({ xyz }) => Array.from(xyz)));
  const shifts = Float64Array.from(
    toPoints.flatMap(({ xyz }, n) =>
      Array.from(transformPoint(new Float64Array(3), back, xyz), (x, r) => x - (places[3 * n + r] as number)),
    ),
  );
  const fits = kernelsFor(method, places).flatMap(({ kernel, reachMm }) =>
    SMOOTHINGS.flatMap((s) => {
      const fit = fitOf(kernel, places, shifts, s);
      return fit === undefined ? [] : [{ ...fit, reachMm }];
    }),
  );
  if (fits.length === 0) {
    throw new NavError('registration/coplanar', 'The landmarks lie in a plane: thin plates need some off it. Use Kelvinlets.');
  }
  const best = fits.reduce((a, b) => (b.sum < a.sum ? b : a));
  return assembled(to, from, rigid, { places, shifts }, best);
}

type Best = Fit & { readonly reachMm: number | undefined };

function assembled<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  rigid: { readonly edge: Transform<To, From>; readonly residuals: ReadonlyArray<{ readonly leaveOneOutMm: number }> },
  { places, shifts }: { readonly places: Float64Array; readonly shifts: Float64Array },
  best: Best,
): LandmarkDeformation<To, From> {
  const rigidLeaveOneOutMm = rigid.residuals.map((r) => r.leaveOneOutMm);
  const rigidSum = rigidLeaveOneOutMm.reduce((s, x) => s + x * x, 0);
  const findings: LandmarkDeformationFinding[] = [];
  const gains = best.leaveOneOutMm.map((x, n) => (rigidLeaveOneOutMm[n] as number) ** 2 - x * x);
  const deformed = best.sum < BETTER * BETTER * rigidSum && zOf(gains) > SURE;
  if (!deformed) {
    findings.push({
      code: 'no-deformation',
      message:
        `Left out, landmarks are missed by ${rms(best.sum, places).toFixed(2)} mm with the deformation and by ` +
        `${rms(rigidSum, places).toFixed(2)} mm without: the rigid motion is returned.`,
    });
  }
  const torn = tornPair(places, shifts);
  if (torn !== undefined) {
    const [a, b, before, after] = torn;
    findings.push({
      code: 'contradictory',
      message:
        `Landmarks ${a + 1} and ${b + 1} lie ${before.toFixed(1)} mm apart on one side and ${after.toFixed(1)} mm on the other: tissue does not. ` +
        'Touch them again, or leave one out.',
    });
  }
  const deformation = bodyOf(to, from, Float64Array.from(rigid.edge.matrix), places, deformed ? best : undefined);
  if (deformed && foldsIn(deformation, places)) {
    findings.push({ code: 'folds', message: 'The deformation folds among the landmarks: two of them may be exchanged.' });
  }
  return {
    outcome: findings.some(({ code }) => code !== 'no-deformation') ? 'failed' : 'ok',
    findings,
    deformation,
    deformed,
    rigid: rigid.edge,
    leaveOneOutMm: best.leaveOneOutMm,
    rigidLeaveOneOutMm,
    smoothing: best.smoothing,
    reachMm: best.reachMm,
    expectedRmsMm(p) {
      requireSameFrame(from, p.frame, 'Expecting an error');
      return best.expectedRms(p.xyz);
    },
  };
}

/** The first two landmarks whose distance has changed by more than tissue allows: 3 mm and 60 %. */
function tornPair(places: Float64Array, shifts: Float64Array): readonly [number, number, number, number] | undefined {
  const moved = places.map((x, n) => x + (shifts[n] as number));
  const count = places.length / 3;
  for (let b = 0; b < count; b += 1) {
    for (let a = 0; a < b; a += 1) {
      const [before, after] = [Math.hypot(...apart(places, a, b)), Math.hypot(...apart(moved, a, b))];
      if (Math.abs(after - before) > Math.max(3, 0.6 * before)) return [a, b, before, after];
    }
  }
  return undefined;
}

/** The mean over its standard error. */
function zOf(x: readonly number[]): number {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const squares = x.reduce((s, v) => s + (v - mean) ** 2, 0);
  return mean / Math.max(Math.sqrt(squares / (x.length * (x.length - 1))), 1e-12);
}

function rms(sum: number, places: Float64Array): number {
  return Math.sqrt(sum / (places.length / 3));
}

function kernelsFor(
  method: LandmarkMethod,
  places: Float64Array,
): Array<{ kernel: LandmarkKernel; reachMm: number | undefined }> {
  if (method === 'thin-plate') return [{ kernel: thinPlate, reachMm: undefined }];
  const count = places.length / 3;
  const centre = [0, 1, 2].map((r) => places.reduce((s, x, n) => (n % 3 === r ? s + x / count : s), 0));
  const spread = Math.sqrt(places.reduce((s, x, n) => s + (x - (centre[n % 3] as number)) ** 2, 0) / count);
  return REACHES.map((share) => ({ kernel: kelvinlets(share * spread), reachMm: share * spread }));
}

interface Fit {
  readonly kernel: LandmarkKernel;
  /** 3 for each landmark; then, with a trend, 3 for 1, x, y, z each. */
  readonly forces: Float64Array;
  readonly leaveOneOutMm: readonly number[];
  readonly sum: number;
  readonly smoothing: number;
  expectedRms(p: ArrayLike<number>): number;
}

/** Solves for the forces, and leaves each landmark out in turn without solving anew: its miss is B⁻¹ₙₙ⁻¹ forceₙ. */
function fitOf(kernel: LandmarkKernel, places: Float64Array, shifts: Float64Array, smoothing: number): Fit | undefined {
  const count = places.length / 3;
  const n = 3 * count + kernel.trend.count;
  const system = systemOf(kernel, places, n, smoothing);
  const inverse = inverseOf(system, n);
  if (inverse === undefined) return undefined;
  const forces = new Float64Array(n);
  for (let r = 0; r < n; r += 1)
    for (let c = 0; c < 3 * count; c += 1)
      forces[r] = (forces[r] as number) + (inverse[r * n + c] as number) * (shifts[c] as number);
  const leaveOneOutMm: number[] = [];
  for (let k = 0; k < count; k += 1) {
    const own = Float64Array.from({ length: 9 }, (_, e) => inverse[(3 * k + Math.floor(e / 3)) * n + 3 * k + (e % 3)] as number);
    const miss = inverseOf(own, 3);
    if (miss === undefined) return undefined;
    const f = forces.subarray(3 * k, 3 * k + 3);
    leaveOneOutMm.push(
      Math.hypot(...[0, 1, 2].map((r) => [0, 1, 2].reduce((s, c) => s + (miss[3 * r + c] as number) * (f[c] as number), 0))),
    );
  }
  const sum = leaveOneOutMm.reduce((s, x) => s + x * x, 0);
  if (!Number.isFinite(sum)) return undefined;
  let energy = 0;
  for (let c = 0; c < 3 * count; c += 1) energy += (shifts[c] as number) * (forces[c] as number);
  const variance = energy / (3 * count);
  const expectedRms = (p: ArrayLike<number>): number =>
    kernel === thinPlate ? Number.NaN : Math.sqrt(Math.max(0, variance * remaining(kernel, places, inverse, n, p)));
  return { kernel, forces, leaveOneOutMm, sum, smoothing, expectedRms };
}

function systemOf(kernel: LandmarkKernel, places: Float64Array, n: number, smoothing: number): Float64Array {
  const count = places.length / 3;
  const system = new Float64Array(n * n);
  const block = new Float64Array(9);
  let scale = 0;
  for (let a = 0; a < count; a += 1) {
    for (let b = 0; b < count; b += 1) {
      kernel.block(block, ...apart(places, a, b));
      for (let e = 0; e < 9; e += 1) system[(3 * a + Math.floor(e / 3)) * n + 3 * b + (e % 3)] = block[e] as number;
      scale += Math.abs(block[0] as number) / (count * count);
    }
  }
  for (let k = 0; k < 3 * count; k += 1) system[k * n + k] = (system[k * n + k] as number) + smoothing * scale;
  const T = kernel.trend.count;
  const trend = new Float64Array(3 * T);
  for (let a = 0; a < count; a += 1) {
    kernel.trend.at(trend, places[3 * a] as number, places[3 * a + 1] as number, places[3 * a + 2] as number);
    for (let r = 0; r < 3; r += 1) {
      for (let t = 0; t < T; t += 1) {
        system[(3 * a + r) * n + 3 * count + t] = trend[T * r + t] as number;
        system[(3 * count + t) * n + 3 * a + r] = trend[T * r + t] as number;
      }
    }
  }
  return system;
}

function apart(places: Float64Array, a: number, b: number): [number, number, number] {
  return [0, 1, 2].map((r) => (places[3 * a + r] as number) - (places[3 * b + r] as number)) as [number, number, number];
}

/** tr(K(0) − k A⁻¹ kᵀ): the share of the kernel's variance that the landmarks leave at a place. */
function remaining(kernel: LandmarkKernel, places: Float64Array, inverse: Float64Array, n: number, p: ArrayLike<number>): number {
  const count = places.length / 3;
  const k = new Float64Array(3 * n);
  const block = new Float64Array(9);
  for (let a = 0; a < count; a += 1) {
    kernel.block(
      block,
      (p[0] as number) - (places[3 * a] as number),
      (p[1] as number) - (places[3 * a + 1] as number),
      (p[2] as number) - (places[3 * a + 2] as number),
    );
    for (let e = 0; e < 9; e += 1) k[Math.floor(e / 3) * n + 3 * a + (e % 3)] = block[e] as number;
  }
  const T = kernel.trend.count;
  const trend = new Float64Array(3 * T);
  kernel.trend.at(trend, p[0] as number, p[1] as number, p[2] as number);
  for (let r = 0; r < 3; r += 1) k.set(trend.subarray(T * r, T * (r + 1)), r * n + 3 * count);
  let sum = 3;
  for (let r = 0; r < 3; r += 1) {
    for (let i = 0; i < n; i += 1) {
      for (let j = 0; j < n; j += 1) sum -= (k[r * n + i] as number) * (inverse[i * n + j] as number) * (k[r * n + j] as number);
    }
  }
  return sum;
}

/** p_to = rigid · (p + u(p)). */
function bodyOf<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  linear: Float64Array,
  places: Float64Array,
  fit: Fit | undefined,
): Deformation<To, From> {
  const count = places.length / 3;
  const block = new Float64Array(9);
  const u = new Float64Array(3);
  const inner = new Float64Array(9);
  const trend = new Float64Array(36);
  const shift = (x: number, y: number, z: number): void => {
    u.fill(0);
    if (fit === undefined) return;
    const { forces, kernel } = fit;
    for (let a = 0; a < count; a += 1) {
      kernel.block(block, x - (places[3 * a] as number), y - (places[3 * a + 1] as number), z - (places[3 * a + 2] as number));
      for (let r = 0; r < 3; r += 1) {
        for (let c = 0; c < 3; c += 1) u[r] = (u[r] as number) + (block[3 * r + c] as number) * (forces[3 * a + c] as number);
      }
    }
    kernel.trend.at(trend, x, y, z);
    const T = kernel.trend.count;
    for (let r = 0; r < 3; r += 1) {
      for (let t = 0; t < T; t += 1) u[r] = (u[r] as number) + (trend[T * r + t] as number) * (forces[3 * count + t] as number);
    }
  };
  return deformationOf(to, from, {
    linear,
    provenance: {
      method: fit === undefined ? 'landmarks-rigid' : fit.kernel === thinPlate ? 'landmarks-thin-plate' : 'landmarks-kelvinlet',
    },
    map(out, p) {
      const [x, y, z] = [p[0] as number, p[1] as number, p[2] as number];
      shift(x, y, z);
      u[0] = x + (u[0] as number);
      u[1] = y + (u[1] as number);
      u[2] = z + (u[2] as number);
      return transformPoint(out, linear, u);
    },
    jacobian(out, p) {
      inner.fill(0);
      for (let r = 0; r < 9; r += 4) inner[r] = 1;
      if (fit !== undefined) addSlopes(inner, fit, places, p);
      for (let c = 0; c < 3; c += 1) {
        for (let r = 0; r < 3; r += 1) {
          out[3 * c + r] = [0, 1, 2].reduce((s, k) => s + (linear[4 * k + r] as number) * (inner[3 * c + k] as number), 0);
        }
      }
      return out;
    },
  });
}

function addSlopes(out: Float64Array, { kernel, forces }: Fit, places: Float64Array, p: ArrayLike<number>): void {
  const count = places.length / 3;
  for (let a = 0; a < count; a += 1) {
    const [dx, dy, dz] = [0, 1, 2].map((r) => (p[r] as number) - (places[3 * a + r] as number)) as [number, number, number];
    kernel.addSlope(out, dx, dy, dz, forces[3 * a] as number, forces[3 * a + 1] as number, forces[3 * a + 2] as number);
  }
  // The trend is linear in the place: its slope is a difference.
  const T = kernel.trend.count;
  const [here, there] = [new Float64Array(3 * T), new Float64Array(3 * T)];
  kernel.trend.at(here, 0, 0, 0);
  for (let c = 0; c < 3; c += 1) {
    kernel.trend.at(there, ...([0, 1, 2].map((k) => (k === c ? 1 : 0)) as [number, number, number]));
    for (let r = 0; r < 3; r += 1) {
      for (let t = T * r; t < T * (r + 1); t += 1) {
        out[3 * c + r] =
          (out[3 * c + r] as number) + ((there[t] as number) - (here[t] as number)) * (forces[3 * count + t - T * r] as number);
      }
    }
  }
}

/** Looks at det J at the landmarks, half way between each two, and on a lattice over the box around them. */
function foldsIn({ jacobian }: Pick<Deformation<string, string>, 'jacobian'>, places: Float64Array): boolean {
  const j = new Float64Array(9);
  const folds = (p: readonly number[]): boolean => !(determinant9(jacobian(j, p)) > 0);
  const count = places.length / 3;
  for (let a = 0; a < count; a += 1) {
    for (let b = 0; b <= a; b += 1) {
      if (folds([0, 1, 2].map((r) => ((places[3 * a + r] as number) + (places[3 * b + r] as number)) / 2))) return true;
    }
  }
  const along = [0, 1, 2].map((r) => places.filter((_, n) => n % 3 === r));
  const [low, high] = [along.map((x) => Math.min(...x)), along.map((x) => Math.max(...x))];
  for (let n = 0; n < LATTICE ** 3; n += 1) {
    const t = [n % LATTICE, Math.floor(n / LATTICE) % LATTICE, Math.floor(n / LATTICE ** 2)];
    const p = t.map((k, r) => (low[r] as number) + (k / (LATTICE - 1)) * ((high[r] as number) - (low[r] as number)));
    if (folds(p)) return true;
  }
  return false;
}
