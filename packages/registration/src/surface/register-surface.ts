import { type Frame, NavError, type Point, requireSameFrame, type Transform, transform } from '@trocar/core';
import { identity4, invertRigid, multiply4, Random, transformPoint } from '@trocar/core/math';
import { type ExpectedTre, expectedTreOf } from '../accuracy/expected-tre.js';
import type { ResultOutcome } from '../outcome.js';
import { requireNoFlip } from '../points/axes.js';
import { at } from '../points/rigid-fit.js';
import { Aligner, type CloudPose } from './aligner.js';
import { type Cloud, cloudOf, estimatedNormals, requireUnits } from './cloud.js';
import { findingsOf, outcomeOf, type SurfaceRegistrationFinding } from './findings.js';
import { distinct, type Fit, fitsNear, fitsOf, gapOf, lossesOf } from './fit.js';
import { doubtful, type Judged, judge } from './judge.js';
import { mirroredBetter, refuseMirrored, requireLps, type Structure, turnBetween } from './mistakes.js';
import type { PreparedSurface } from './prepare-surface.js';
import { searchEverywhere } from './search.js';
import type { FreeMotion } from './words.js';

export type { SurfaceRegistrationFinding } from './findings.js';

/** What {@link registerSurface} may be told beside the points. */
export interface SurfaceRegistrationOptions<To extends string = string, From extends string = string> {
  /** A pose to begin at, as from a few landmarks. Without one the whole surface is searched. */
  readonly start?: Transform<To, From> | undefined;
  /** Search the whole surface although a start is given. Default: only without a start. */
  readonly search?: boolean;
  /** Standard deviation of the points' error along one axis, mm: one number, or one for each point. Default: estimated. */
  readonly sdMm?: number | ArrayLike<number>;
  /** Whether `sdMm` is in millimetres to rely on, or only says how the points compare. Default: `known`. */
  readonly scale?: 'known' | 'estimated';
  /** `symmetric` uses normals estimated from the cloud too, on the way: for dense clouds. Default: `point-to-plane`. */
  readonly method?: 'point-to-plane' | 'symmetric';
  /** A noise level above this is no registration. Default: 5 % of the cloud's size, at most 3 mm. */
  readonly maxSigmaMm?: number;
  /**
   * `half-turn`: the patient was truly turned over, so that a pose near the half-turn about the patient's long axis is no
   * mix-up of RAS and LPS. As for `registerPoints`.
   */
  readonly allow?: readonly 'half-turn'[];
  /** Known localisation error of the targets, mm (rms length): added to every expected TRE. Default 0. */
  readonly targetFleMm?: number;
  /** Seed of the search's choices. Default 1. */
  readonly seed?: number;
  /** Description or hash of the input, kept in the edge's provenance. */
  readonly inputs?: string;
}

/** How one point fits. */
export interface SurfaceResidual {
  /** Distance from the surface, mm: positive outside (as its triangles are wound), negative inside. */
  readonly mm: number;
  /** How much it counted in the fit, 0 … 1. */
  readonly weight: number;
  readonly inlier: boolean;
  /** The nearest point of the surface, in the `to` frame, mm. */
  readonly foot: Float64Array;
}

/** Another pose that a start led to. */
export interface SurfaceRival<in out To extends string, in out From extends string> {
  readonly edge: Transform<To, From>;
  readonly sigmaMm: number;
  /** By how many standard deviations of sampling noise the answer explains the points better than this does. */
  readonly gap: number;
  /** How many starts led to it. */
  readonly starts: number;
}

/** A surface registration. */
export interface SurfaceRegistration<in out To extends string, in out From extends string> {
  readonly outcome: ResultOutcome;
  readonly findings: readonly SurfaceRegistrationFinding[];
  /** to-from-from, with covariance and provenance. */
  readonly edge: Transform<To, From>;
  /** In the order of the points. */
  readonly residuals: readonly SurfaceResidual[];
  /** Root mean square of the inliers' distances, mm. A health figure, NOT the accuracy: show `expectedTre`. */
  readonly rmsMm: number;
  /** Standard deviation of one point's error across the surface, mm: as known, or a robust estimate. */
  readonly sigmaMm: number;
  readonly inliers: number;
  /** Share of the points that belong to the surface. */
  readonly overlap: number;
  /** The cloud's size error that would fit best: +0.01 for points 1 % too far apart, and its standard deviation. */
  readonly scale: { readonly error: number; readonly sd: number };
  /** The motion that the points hold back least. */
  readonly weakest: FreeMotion;
  /** Correlation of neighbouring points' distances, and its z-score: noise has none, a misfit has. */
  readonly structure: Structure;
  /** How many starts were followed, and how many led to the answer. */
  readonly starts: { readonly tried: number; readonly agreeing: number };
  readonly rivals: readonly SurfaceRival<To, From>[];
  /** Expected target registration error at a point of the `to` frame, mm. */
  expectedTre(target: Point<To>): ExpectedTre;
}

/**
 * Registers a cloud of touched points to a surface: the rigid motion that lays it on the surface, with what may be
 * expected of it.
 *
 * Iterated closest points, point-to-plane (Chen & Medioni 1992) or symmetric on the way (Rusinkiewicz 2019), under a robust
 * kernel narrowed from 10 mm to three standard deviations of what is seen, ended with Tukey's biweight on exact distances.
 * With a start the fit is repeated from starts turned by 15°; without one the whole surface is searched. A different pose
 * that explains the points about as well makes the outcome `ambiguous`.
 *
 * @param to frame of the surface, usually the image (LPS)
 * @param from frame of the points, usually the tracker or the patient reference
 * @throws NavError `registration/too-few-points`, `registration/not-finite`, `registration/collinear`,
 * `registration/duplicate-points` (all in one place), `registration/bad-weights`, `registration/units`,
 * `registration/no-overlap` (wider than the surface, or a start that puts the points elsewhere), `registration/mirrored`,
 * `registration/ras-lps`, `frame/mismatch`
 */
export function registerSurface<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  surface: PreparedSurface<To>,
  points: readonly Point<NoInfer<From>>[],
  options: SurfaceRegistrationOptions<NoInfer<To>, NoInfer<From>> = {},
): SurfaceRegistration<To, From> {
  requireSameFrame(to, surface.frame, 'Registering to the surface');
  const cloud = cloudOf(from, points, options.sdMm, options.scale ?? 'known');
  requireUnits(cloud, surface as unknown as PreparedSurface<string>);
  const aligner = new Aligner(surface.index, cloud.centred, cloud.relative);
  if (options.method === 'symmetric') aligner.normals = estimatedNormals(cloud.centred);
  const start = options.start === undefined ? undefined : startOf(to, from, options.start, cloud);
  if (start !== undefined) requireNear(aligner, start, surface.diagonalMm);
  const seed = options.seed ?? 1;
  const near = start === undefined || options.search === true ? undefined : fitsNear(aligner, start, cloud.known);
  let fits = near ?? found(aligner, start, cloud, seed);
  let judged = judge(aligner, fits[0] as Fit, cloud, options.maxSigmaMm);
  if (near !== undefined && start !== undefined) requireLps(aligner, near[0] as Fit, start, cloud.centroid);
  let mirrored = mirroredBetter(aligner, judged.fit, near === undefined || structured(judged));
  if (near !== undefined && (mirrored !== undefined || doubtful(judged))) {
    // The start may have led astray: before anything is said of the points, they are looked for everywhere.
    fits = distinct(aligner, [...near, ...found(aligner, undefined, cloud, seed)]);
    judged = judge(aligner, fits[0] as Fit, cloud, options.maxSigmaMm);
    mirrored = mirroredBetter(aligner, judged.fit, true);
  }
  if (mirrored !== undefined) refuseMirrored(mirrored);
  const result = assembled(to, from, { aligner, cloud, fits, judged, options });
  const turnedOver = options.allow?.includes('half-turn') === true;
  if (!turnedOver) requireNoHalfTurn(result, points);
  if (start !== undefined && options.start !== undefined && options.search !== true) {
    if (!turnedOver) requireNoHalfTurn(result, points, options.start.matrix);
    requireSameWay(start, judged.fit.pose);
  }
  return result;
}

/**
 * Whether neighbouring points err alike more than noise alone makes them (once in 160 good clouds), or worse: enough to look for
 * the mirror image from everywhere, which takes a third of a second. A mirrored face lies on a face to a millimetre.
 */
function structured({ suspect, structure }: Judged): boolean {
  return suspect || structure.z > 2.5;
}

/** Poses from everywhere, and from a start where there is one. */
function found(aligner: Aligner, start: CloudPose | undefined, cloud: Cloud, seed: number): Fit[] {
  const candidates = searchEverywhere(aligner, new Random(seed), 12);
  if (start !== undefined) candidates.push({ pose: start, score: 0, starts: 1 });
  return fitsOf(aligner, candidates, cloud.known);
}

/**
 * Each inlier with its foot makes a pair: judged as pairs of points are. With a start the points are taken as it lays them, so
 * that a surface in the other convention is seen.
 */
function requireNoHalfTurn<To extends string, From extends string>(
  { edge, residuals }: SurfaceRegistration<To, From>,
  points: readonly Point<From>[],
  start: ArrayLike<number> = identity4(),
): void {
  const feet = new Float64Array(3 * points.length);
  const given = new Float64Array(3 * points.length);
  const used: number[] = [];
  residuals.forEach(({ foot, inlier }, n) => {
    feet.set(foot, 3 * n);
    transformPoint(given.subarray(3 * n, 3 * n + 3), start, (points[n] as Point<From>).xyz);
    if (inlier) used.push(n);
  });
  const back = invertRigid(new Float64Array(16), start);
  requireNoFlip(multiply4(new Float64Array(16), edge.matrix, back), feet, given, used);
}

/** A turn from the start beyond this contradicts it, rad (75°). */
const OTHER_WAY = (75 * Math.PI) / 180;

/** @throws NavError `registration/no-overlap` where only a quite different pose than the start fits */
function requireSameWay(start: CloudPose, end: CloudPose): void {
  const turn = turnBetween(start, end);
  if (turn <= OTHER_WAY) return;
  const degrees = (turn * 180) / Math.PI;
  throw new NavError(
    'registration/no-overlap',
    `Near the start the points do not lie on the surface; they do after a turn of ${degrees.toFixed(0)}°. The start or the surface is wrong. ` +
      'Check both, or give no start: then the whole surface is searched.',
    { detail: { degrees } },
  );
}

/** A caller's transform as a pose of the centred cloud. */
function startOf<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  start: Transform<To, From>,
  { centroid }: Cloud,
): CloudPose {
  requireSameFrame(to, start.to, 'Starting a surface registration');
  requireSameFrame(from, start.from, 'Starting a surface registration');
  const pose = new Float64Array(12);
  for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) pose[3 * c + r] = at(start.matrix, 4 * c + r);
  for (let r = 0; r < 3; r += 1) {
    let sum = at(start.matrix, 12 + r);
    for (let c = 0; c < 3; c += 1) sum += at(start.matrix, 4 * c + r) * at(centroid, c);
    pose[9 + r] = sum;
  }
  return pose;
}

function requireNear(aligner: Aligner, start: CloudPose, diagonalMm: number): void {
  aligner.measure(start, aligner.count, 'grid');
  const off = at(aligner.sortedSizes(aligner.count), aligner.count >> 1);
  if (off <= 0.5 * diagonalMm) return;
  throw new NavError(
    'registration/no-overlap',
    `The start puts the points ${off.toFixed(0)} mm from the surface, which is ${diagonalMm.toFixed(0)} mm across. ` +
      'Give a better start, or none: then the whole surface is searched.',
    { detail: { medianMm: off, surfaceMm: diagonalMm } },
  );
}

interface Assembly<To extends string, From extends string> {
  readonly aligner: Aligner;
  readonly cloud: Cloud;
  readonly fits: readonly Fit[];
  readonly judged: Judged;
  readonly options: SurfaceRegistrationOptions<To, From>;
}

function assembled<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  { aligner, cloud, fits, judged, options }: Assembly<To, From>,
): SurfaceRegistration<To, From> {
  const best = fits[0] as Fit;
  const { uncertainty } = judged;
  const edge = transform(to, from, matrixOf(best.pose, cloud.centroid), {
    covariance: uncertainty.covariance,
    ...(Number.isFinite(uncertainty.degreesOfFreedom) && { degreesOfFreedom: uncertainty.degreesOfFreedom }),
    provenance: {
      method: `surface-${options.method ?? 'point-to-plane'}`,
      ...(options.inputs !== undefined && { inputs: options.inputs }),
    },
  });
  const losses = fits.length > 1 ? lossesOf(aligner, best.pose, best.sigma) : new Float64Array(0);
  const rivals = fits.slice(1).map((fit) => ({
    edge: transform(to, from, matrixOf(fit.pose, cloud.centroid)),
    sigmaMm: fit.sigma,
    gap: gapOf(losses, lossesOf(aligner, fit.pose, best.sigma)),
    starts: fit.starts,
  }));
  const findings = findingsOf(judged, rivals);
  const target = options.targetFleMm === undefined ? {} : { targetFleMm: options.targetFleMm };
  return {
    outcome: outcomeOf(findings),
    findings,
    edge,
    residuals: residualsOf(cloud, judged),
    rmsMm: judged.rmsMm,
    sigmaMm: best.sigma,
    inliers: uncertainty.inliers,
    overlap: judged.overlap,
    scale: uncertainty.scale,
    weakest: judged.weakest,
    structure: judged.structure,
    starts: { tried: fits.reduce((sum, f) => sum + f.starts, 0), agreeing: best.starts },
    rivals,
    expectedTre(p) {
      requireSameFrame(to, p.frame, 'Predicting the target registration error');
      return expectedTreOf(edge, p, target);
    },
  };
}

function residualsOf({ order }: Cloud, { signed, weights, feet }: Judged): SurfaceResidual[] {
  const out: SurfaceResidual[] = new Array(order.length);
  order.forEach((given, n) => {
    const weight = at(weights, n);
    out[given] = { mm: at(signed, n), weight, inlier: weight > 0, foot: feet.slice(3 * n, 3 * n + 3) };
  });
  return out;
}

/** The 4×4 matrix of a pose of the centred cloud, column-major, made orthonormal to rounding. */
function matrixOf(pose: CloudPose, centroid: Float64Array): Float64Array {
  const m = new Float64Array(16);
  for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) m[4 * c + r] = at(pose, 3 * c + r);
  for (let r = 0; r < 3; r += 1) {
    m[12 + r] =
      at(pose, 9 + r) - at(pose, r) * at(centroid, 0) - at(pose, 3 + r) * at(centroid, 1) - at(pose, 6 + r) * at(centroid, 2);
  }
  m[15] = 1;
  return m;
}
