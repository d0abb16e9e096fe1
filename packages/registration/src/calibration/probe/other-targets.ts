import { affineTransform, type Frame, NavError } from '@trocar/core';
import { cholesky, choleskySolve } from '@trocar/core/math';
import { at } from '../../points/rigid-fit.js';
import type { ProbeCalibration, ProbeCounts, ProbeFinding } from './calibrate-probe.js';
import { errorBoundAt, expectedErrorAt } from './fit.js';
import { LAG, PARAMETERS, probeFromImageOf } from './model.js';
import { haveTimes, ProbeTrack, requireMotion, requireObservations, type WireObservation } from './observations.js';
import { startOf } from './start.js';
import { fitTarget, type StaticTarget, type TargetFit, type TargetModel, targetMisfits } from './static-target.js';
import { summaryOf } from './validate-probe.js';
import { effectiveImages, viewsOf } from './views.js';

/** An image of a small target, such as the crossing of two wires or a bead. */
export interface PointObservation {
  /** Its column and row, pixels. */
  readonly point: readonly [number, number];
  /** p_reference = m · p_probe, 16 doubles, column-major, mm: in anything that stands still with the target. */
  readonly referenceFromProbe: ArrayLike<number>;
  readonly timeMs?: number;
}

/** An image of a flat wall, such as the bottom of a water tank, which shows as a line. */
export interface WallObservation {
  /** Two points of the line, far apart: column and row, pixels. */
  readonly line: readonly [readonly [number, number], readonly [number, number]];
  readonly referenceFromProbe: ArrayLike<number>;
  readonly timeMs?: number;
}

/** What these calibrations may be told. */
export interface TargetOptions {
  /** The pose that belongs to an image is that of so much later, ms, or `estimate` beside the rest. Default 0. */
  readonly lagMs?: number | 'estimate';
  /** Stretches of images for the cross-validation; 0 for none. Default 5. */
  readonly folds?: number;
  readonly inputs?: string;
  /**
   * Which view each image is of, a number for each: what images of one view err by is taken to be alike, and the error is told from the differences between views. By
   * default images whose poses are within 2 mm and 2° of each other are of one.
   */
  readonly views?: readonly number[];
  /**
   * Standard deviation along columns and rows of what all images err by alike, mm: such as which part of a bead echoes. The images cannot tell it; it goes into the told
   * error. Default 0.
   */
  readonly sharedMm?: number;
}

const LEAST_IMAGES = 15;
const MOST_MISFIT_MM = 2;

/** A point: its place in the reference. */
const POINT: StaticTarget = {
  dots: 1,
  misfits: 3,
  free: 3,
  moved: (target, step) => target.map((x, r) => x + at(step, r)),
  misfit: (out, to, target, x, y, z) => {
    out[to] = x - at(target, 0);
    out[to + 1] = y - at(target, 1);
    out[to + 2] = z - at(target, 2);
  },
};

/** A plane n · p = d: unit normal and distance. */
const WALL: StaticTarget = {
  dots: 2,
  misfits: 1,
  free: 3,
  moved: (target, step) => {
    const n = [at(target, 0), at(target, 1), at(target, 2)] as const;
    const least = n.map(Math.abs).indexOf(Math.min(...n.map(Math.abs)));
    const e = cross(
      n,
      [0, 1, 2].map((r) => (r === least ? 1 : 0)),
    );
    const length = Math.hypot(...e);
    const f = cross(n, e);
    const turned = n.map((x, r) => x + (at(step, 0) * (e[r] as number) + at(step, 1) * (f[r] as number)) / length);
    const whole = Math.hypot(...turned);
    return Float64Array.of(...turned.map((x) => x / whole), at(target, 3) + 100 * at(step, 2));
  },
  misfit: (out, to, target, x, y, z) => {
    out[to] = at(target, 0) * x + at(target, 1) * y + at(target, 2) * z - at(target, 3);
  },
};

const cross = (a: ArrayLike<number>, b: ArrayLike<number>): number[] =>
  [0, 1, 2].map((r) => at(a, (r + 1) % 3) * at(b, (r + 2) % 3) - at(a, (r + 2) % 3) * at(b, (r + 1) % 3));

/**
 * Calibrates a tracked probe by images of one point that stands still (crossed wires, a bead): its place by the calibration is the same in all of them. The closed form, which is linear
 * in the map and the place, first; then maximum likelihood with a rigid motion, two pixel edges and the place (Prager 1998, Ultrasound Med. Biol.
 * 24:855). The probe must be turned about all axes.
 * @throws NavError `calibration/too-few-poses`, `calibration/not-finite`, `calibration/not-rigid`, `calibration/bad-option`,
 *   `calibration/motionless`, `calibration/narrow`
 */
export function calibrateProbeByPoint<Probe extends string, Image extends string>(
  probe: Frame<Probe>,
  image: Frame<Image>,
  observations: readonly PointObservation[],
  options: TargetOptions = {},
): ProbeCalibration<Probe, Image> {
  const seen = observations.map(({ point, referenceFromProbe, timeMs }) =>
    asWire(Float64Array.from(point), referenceFromProbe, timeMs),
  );
  return calibrate(probe, image, seen, POINT, 'point-target', options, (model, lagMs) => {
    const found = linearWith(model, lagMs, 3, (row, r, pose) => {
      for (let c = 0; c < 3; c += 1) row[9 + c] = c === r ? -1 : 0;
      return { weights: [0, 1, 2].map((c) => at(pose, 4 * c + r)), right: -at(pose, 12 + r) };
    });
    return found && [{ m: found.m, target: found.rest }];
  });
}

/** Directions that are tried for a wall's normal: half a sphere. */
const NORMALS = 160;
const BEST_NORMALS = 3;

/**
 * Calibrates a tracked probe by images of a flat wall, whose line is always in one plane (the Cambridge method without its phantom; Prager 1998): for each of many normals
 * the closed form, from the best of them maximum likelihood with a rigid motion, two pixel edges and the plane. Tilt and turn the probe about all axes, at
 * several heights: with less the map is not determined.
 * @throws NavError as calibrateProbeByPoint()
 */
export function calibrateProbeBySingleWall<Probe extends string, Image extends string>(
  probe: Frame<Probe>,
  image: Frame<Image>,
  observations: readonly WallObservation[],
  options: TargetOptions = {},
): ProbeCalibration<Probe, Image> {
  const seen = observations.map(({ line, referenceFromProbe, timeMs }) =>
    asWire(Float64Array.from(line.flat()), referenceFromProbe, timeMs),
  );
  return calibrate(probe, image, seen, WALL, 'single-wall', options, (model, lagMs) => {
    const starts = Array.from({ length: NORMALS }, (_, k) => {
      const z = (k + 0.5) / NORMALS;
      const [s, turn] = [Math.sqrt(1 - z * z), k * Math.PI * (3 - Math.sqrt(5))];
      const n = [s * Math.cos(turn), s * Math.sin(turn), z] as const;
      const found = linearWith(model, lagMs, 1, (row, _r, pose) => {
        row[9] = -1;
        const weights = [0, 1, 2].map((c) => [0, 1, 2].reduce((sum, r) => sum + (n[r] as number) * at(pose, 4 * c + r), 0));
        return { weights, right: -[0, 1, 2].reduce((sum, r) => sum + (n[r] as number) * at(pose, 12 + r), 0) };
      });
      return found && { m: found.m, target: Float64Array.of(...n, at(found.rest, 0)), rms: found.rms };
    }).filter((start) => start !== undefined);
    return starts.sort((a, b) => a.rms - b.rms).slice(0, BEST_NORMALS);
  });
}

function asWire(dots: Float64Array, referenceFromProbe: ArrayLike<number>, timeMs: number | undefined): WireObservation {
  return { dots, phantomFromProbe: referenceFromProbe, ...(timeMs !== undefined && { timeMs }) };
}

interface Guess {
  readonly m: Float64Array;
  readonly target: Float64Array;
}

/** Weights of the dot's place in the probe for one equation, and its right side. */
type Equation = (
  row: Float64Array,
  r: number,
  pose: Float64Array,
) => { readonly weights: readonly number[]; readonly right: number };

/** Least squares of a map's nine numbers and a target's, each dot giving `equations` equations that are linear in them. */
function linearWith(
  { observations, track, kind }: TargetModel,
  lagMs: number,
  equations: number,
  equation: Equation,
): { m: Float64Array; rest: Float64Array; rms: number } | undefined {
  const size = 9 + (equations === 3 ? 3 : 1);
  const [normal, right, pose] = [new Float64Array(size * size), new Float64Array(size), new Float64Array(16)];
  let [squares, count] = [0, 0];
  observations.forEach(({ dots }, n) => {
    if (!track.covers(n, lagMs)) return;
    track.referenceFromProbe(pose, n, lagMs);
    for (let k = 0; k < kind.dots; k += 1) {
      // Pixels in hundreds keep the normal equations well conditioned.
      const [u, v] = [at(dots, 2 * k) / 100, at(dots, 2 * k + 1) / 100];
      for (let r = 0; r < equations; r += 1) {
        const row = new Float64Array(size);
        const { weights, right: b } = equation(row, r, pose);
        for (let c = 0; c < 3; c += 1) {
          row[c] = (weights[c] as number) * u;
          row[3 + c] = (weights[c] as number) * v;
          row[6 + c] = weights[c] as number;
        }
        for (let i = 0; i < size; i += 1) {
          right[i] = at(right, i) + at(row, i) * b;
          for (let j = 0; j < size; j += 1) normal[i * size + j] = at(normal, i * size + j) + at(row, i) * at(row, j);
        }
        squares += b * b;
        count += 1;
      }
    }
  });
  const lower = normal.slice();
  for (let i = 0; i < size; i += 1) lower[i * size + i] = at(lower, i * size + i) * (1 + 1e-12);
  if (count < size || !cholesky(lower, lower, size)) return undefined;
  const x = choleskySolve(new Float64Array(size), lower, right, size);
  if (!x.every((value) => Number.isFinite(value))) return undefined;
  const left = squares - x.reduce((sum, value, i) => sum + value * at(right, i), 0);
  const m = new Float64Array(16);
  for (let r = 0; r < 3; r += 1) [m[r], m[4 + r], m[12 + r]] = [at(x, r) / 100, at(x, 3 + r) / 100, at(x, 6 + r)];
  m[15] = 1;
  return { m, rest: x.slice(9), rms: Math.sqrt(Math.max(0, left) / count) };
}

function calibrate<Probe extends string, Image extends string>(
  probe: Frame<Probe>,
  image: Frame<Image>,
  observations: readonly WireObservation[],
  kind: StaticTarget,
  method: string,
  options: TargetOptions,
  guess: (model: TargetModel, lagMs: number) => readonly Guess[] | undefined,
): ProbeCalibration<Probe, Image> {
  requireObservations(observations, kind.dots, LEAST_IMAGES);
  requireMotion(observations);
  const wanted = options.lagMs ?? 0;
  if (wanted !== 0 && !haveTimes(observations)) throw new NavError('calibration/bad-option', 'A lag needs images with times.');
  const views = options.views ?? viewsOf(observations);
  if (views.length !== observations.length) {
    const message = `There are ${observations.length} images and ${views.length} numbers of their views.`;
    throw new NavError('calibration/bad-option', message);
  }
  const model: TargetModel = {
    observations,
    kind,
    views,
    track: new ProbeTrack(observations, wanted === 0 ? 'measured' : 'smoothed'),
  };
  const [estimateLag, lagMs] = [wanted === 'estimate', wanted === 'estimate' ? 0 : wanted];
  const images = observations.map((_, n) => n);
  const { sharedMm = 0 } = options;
  if (!(sharedMm >= 0))
    throw new NavError('calibration/bad-option', `What images err by alike is 0 mm or more, not ${sharedMm}.`);
  const fits = (guess(model, lagMs) ?? [])
    .filter(({ m }) => Math.min(columnLength(m, 0), columnLength(m, 4)) > 1e-6)
    .map(({ m, target }) => fitTarget(model, { state: startOf(m, lagMs), target }, images, estimateLag));
  fits.sort((a, b) => a.sdMm - b.sdMm);
  const fit = fits[0] && withShared(fits[0], sharedMm);
  if (fit === undefined) {
    throw new NavError(
      'calibration/narrow',
      'The images do not determine the map from pixels. Turn and tilt the probe about all axes, at several depths.',
    );
  }
  const linear = guess(model, 0)?.[0]?.m ?? probeFromImageOf(fit.state);
  const heldOut = crossValidated(model, fit, estimateLag, options.folds ?? 5);
  const lagSdMs = estimateLag ? Math.sqrt(at(fit.covariance, LAG * PARAMETERS + LAG)) : Number.NaN;
  const findings = findingsOf(fit, heldOut?.meanMm, lagSdMs);
  const provenance = { method, ...(options.inputs !== undefined && { inputs: options.inputs }) };
  const probeFromImage = probeFromImageOf(fit.state);
  const state0 = startOf(linear, 0);
  return {
    outcome: findings.length > 0 ? 'failed' : 'ok',
    edge: affineTransform(probe, image, probeFromImage, provenance),
    probeFromImage,
    pixelMm: [fit.state.columnMm, fit.state.rowMm],
    lagMs: fit.state.lagMs,
    lagSdMs,
    labelling: { mirrored: false, upsideDown: false },
    linear: {
      probeFromImage: linear,
      fit: summaryOf(
        distances({ ...model, track: new ProbeTrack(observations, 'measured') }, { state: state0, target: fit.target }, images),
      ),
    },
    fit: summaryOf(distances(model, fit, images)),
    heldOut,
    residuals: images.map((index) => ({
      index,
      used: at(fit.weights, index) > 0,
      rmsMm: rms(targetMisfits(model, fit.state, fit.target, index)),
    })),
    phantomSize: { factor: Number.NaN, sd: Number.NaN },
    findings,
    covariance: fit.covariance,
    expectedErrorMm: (column, row) => expectedErrorAt(fit, column, row),
    errorBoundMm: (column, row, probability = 0.95) => errorBoundAt(fit, column, row, probability),
    counts: countsOf(model, fit, images),
  };
}

/** A shift of all dots in the image is one of the image in the probe: in the plane of it. */
function withShared(fit: TargetFit, sdMm: number): TargetFit {
  const covariance = fit.covariance.slice();
  const { pose } = fit.state;
  for (let r = 0; r < 3; r += 1) {
    for (let c = 0; c < 3; c += 1) {
      const inPlane = at(pose, r) * at(pose, c) + at(pose, 4 + r) * at(pose, 4 + c);
      const n = (3 + r) * PARAMETERS + 3 + c;
      covariance[n] = at(covariance, n) + sdMm * sdMm * inPlane;
    }
  }
  return { ...fit, covariance };
}

function countsOf(model: TargetModel, fit: TargetFit, images: readonly number[]): ProbeCounts {
  const used = images.filter((n) => at(fit.weights, n) > 0);
  const misfits = used.map((n) => targetMisfits(model, fit.state, fit.target, n));
  const effective = effectiveImages(
    used.map((n) => model.views[n] as number),
    misfits,
  );
  return { used: used.length, groups: fit.clusters, effective };
}

const columnLength = (m: Float64Array, from: number): number => Math.hypot(at(m, from), at(m, from + 1), at(m, from + 2));
const rms = (values: Float64Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);

/** How far each dot is from the target, mm; NaN for images without a pose at the lag. */
function distances(
  model: TargetModel,
  { state, target }: Pick<TargetFit, 'state' | 'target'>,
  images: readonly number[],
): Float64Array {
  const { kind, track } = model;
  return Float64Array.from(
    images.flatMap((n) => {
      const r = targetMisfits(model, state, target, n);
      const known = track.covers(n, state.lagMs);
      return Array.from({ length: kind.dots }, (_, k) =>
        known ? Math.hypot(...r.subarray(k * kind.misfits, (k + 1) * kind.misfits)) : Number.NaN,
      );
    }),
  );
}

function crossValidated(
  model: TargetModel,
  fit: TargetFit,
  estimateLag: boolean,
  folds: number,
): ReturnType<typeof summaryOf> | undefined {
  const count = model.observations.length;
  if (folds < 2) return undefined;
  const all: number[] = [];
  for (let fold = 0; fold < folds; fold += 1) {
    const [first, end] = [Math.floor((fold * count) / folds), Math.floor(((fold + 1) * count) / folds)];
    const numbers = Array.from({ length: count }, (_, n) => n);
    const without = fitTarget(
      model,
      fit,
      numbers.filter((n) => n < first || n >= end),
      estimateLag,
      false,
    );
    all.push(...distances(model, without, numbers.slice(first, end)));
  }
  return summaryOf(Float64Array.from(all));
}

function findingsOf(fit: TargetFit, heldOutMm: number | undefined, lagSdMs: number): ProbeFinding[] {
  const findings: ProbeFinding[] = [];
  const [out, count] = [fit.weights.filter((w) => w === 0).length, fit.weights.length];
  if (out > 0.2 * count)
    findings.push({
      code: 'many-outliers',
      message: `${out} of ${count} images disagree with the rest. Look at their dots and lines.`,
    });
  if (heldOutMm !== undefined && heldOutMm > MOST_MISFIT_MM)
    findings.push({ code: 'poor-fit', message: `Held-out images are ${heldOutMm.toFixed(1)} mm off. Did the target move?` });
  if (lagSdMs > 20)
    findings.push({
      code: 'lag-unknown',
      message: `The lag is known to ±${lagSdMs.toFixed(0)} ms only. Move the probe faster, or give the lag.`,
    });
  if (!fit.converged)
    findings.push({ code: 'not-converged', message: 'The fit did not settle. Take more images, from more sides.' });
  return findings;
}
