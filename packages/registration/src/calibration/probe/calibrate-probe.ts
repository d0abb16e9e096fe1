import { type AffineTransform, affineTransform, type Frame, NavError } from '@trocar/core';
import type { Finding, ResultOutcome } from '../../outcome.js';
import { at } from '../../points/rigid-fit.js';
import { depthChangeOf, phantomSizeOf, type ScaleStep, type SizeCheck } from './checks.js';
import { errorBoundAt, expectedErrorAt, fitProbe, type ProbeFit } from './fit.js';
import { type Labelling, linearProbe, middlePoints } from './linear.js';
import { LAG, misfitsOf, PARAMETERS, type ProbeState, probeFromImageOf, type WireModel } from './model.js';
import {
  haveTimes,
  ProbeTrack,
  requireMotion,
  requireObservations,
  requirePoses,
  requireReadable,
  type TimedProbePose,
  type WireObservation,
} from './observations.js';
import { type NWirePhantom, patternsOf, type WirePattern } from './phantom.js';
import { reassigned } from './reassign.js';
import { startOf } from './start.js';
import { type CheckedProbe, distancesOf, type ProbeValidation } from './validate-probe.js';
import { crossedWires } from './wiring.js';

/** What a probe calibration may be told. */
export interface ProbeOptions {
  /**
   * How much later than an image's time the pose is that belongs to it, ms. `estimate` (the default where images have times) finds it
   * together with everything else; 0 takes the times as they are.
   */
  readonly lagMs?: number | 'estimate';
  /** A lag is looked for within this, ms to either side. Default 1000. */
  readonly mostLagMs?: number;
  /**
   * All poses of the recording by their times, those of images without wires as well: a lag reads between them. Default those of the
   * images.
   */
  readonly poses?: readonly TimedProbePose[];
  /** Which dots are which wires; by default the way round that fits. */
  readonly labelling?: Labelling;
  /** Stretches of images for the cross-validation; 0 for none. Default 5. */
  readonly folds?: number;
  /** Description or hash of the input, kept in the edge's provenance. */
  readonly inputs?: string;
}

/**
 * Something about a probe's calibration that a person must look at.
 *
 * `wiring`: a middle wire runs the other way than it is said to; `many-outliers`: more than 20 % of the images disagree with the rest; `poor-fit`: held-out middle wires are more than 2 mm off on average;
 * `labelling`: another way to number the wires fits about as well; `lag-unknown`: the lag is known to no better than 20 ms;
 * `not-converged`: the fit did not settle; `depth-changed`: pixels are of another size from some image on; `pixel-shape`: the edges of a pixel differ
 * by more than 25 %; `scale`: the tracker's millimetres make the phantom more than 4 % larger or smaller than it is said to be.
 */
export type ProbeFinding = Finding<
  | 'wiring'
  | 'many-outliers'
  | 'poor-fit'
  | 'labelling'
  | 'lag-unknown'
  | 'not-converged'
  | 'depth-changed'
  | 'pixel-shape'
  | 'scale'
>;

/** What one image says. */
export interface ProbeResidual {
  readonly index: number;
  /** False where it was left out as an outlier. */
  readonly used: boolean;
  /** Root mean square distance in the image between dots and where the plane cuts the wires, mm. */
  readonly rmsMm: number;
}

/** What the error of a calibration is told from. */
export interface ProbeCounts {
  /** Images in the fit. */
  readonly used: number;
  /** Groups of them (views of a target that stands still; stretches of a recording) whose errors are taken for independent of each other. */
  readonly groups: number;
  /** How many independent images they are worth: images of one view err alike. Of wires, whose images are of views of their own, as many as were used. */
  readonly effective: number;
}

/** Where a tracked probe's images lie. */
export interface ProbeCalibration<Probe extends string, Image extends string> extends CheckedProbe {
  readonly outcome: ResultOutcome;
  /** Probe from image: p_probe = m · (column, row, 0), pixel centres at integers. Affine: its columns are the pixels' edges, mm. */
  readonly edge: AffineTransform<Probe, Image>;
  readonly probeFromImage: Float64Array;
  /** Edges of a pixel along a row and down a column, mm. */
  readonly pixelMm: readonly [number, number];
  /** The pose that belongs to an image is that of so much later; and its standard deviation, NaN where it was given. */
  readonly lagMs: number;
  readonly lagSdMs: number;
  readonly labelling: Labelling;
  /** The closed-form solution at a lag of 0, as PLUS's fCal has it: to compare with. */
  readonly linear: { readonly probeFromImage: Float64Array; readonly fit: ProbeValidation };
  /** At the middle wires of the images it was made from. */
  readonly fit: ProbeValidation;
  /** At those of stretches of images that were held out in turn; undefined without folds. */
  readonly heldOut: ProbeValidation | undefined;
  readonly residuals: readonly ProbeResidual[];
  /**
   * How much larger than said the phantom would be by the tracker's millimetres. Its spread in recordings of people is 2 %, more than its standard
   * deviation says: a scale that is 1 % wrong cannot be seen in it.
   */
  readonly phantomSize: SizeCheck;
  readonly findings: readonly ProbeFinding[];
  /**
   * 10 × 10, of a small turn (rad) about the middle of the dots and a shift (mm) of the image in the probe's frame, logarithms of a pixel's two edges, the lag
   * (ms) and the phantom's size; rows of what was not estimated are 0.
   */
  readonly covariance: Float64Array;
  /**
   * The error to be expected of the calibration at a pixel, mm (root mean square, from the covariance of all parameters but the lag);
   * what the tracker adds is not in it.
   */
  expectedErrorMm(column: number, row: number): number;
  /** What that error stays below with a probability (default 0.95), mm; it knows from how few independent images it is told. */
  errorBoundMm(column: number, row: number, probability?: number): number;
  /** What the error is told from. */
  readonly counts: ProbeCounts;
}

/** Images needed, and those that each fold leaves. */
const LEAST_IMAGES = 12;
const SCAN_MS = 50;
/** About so many images are enough to look for the lag. */
const SCAN_IMAGES = 80;

/**
 * Calibrates a tracked probe by images of an N-wire phantom: the closed form first, then maximum likelihood over all wires of all
 * images: image and plane meet each wire where its dot is, in columns and rows, with noise levels of their own for sides and middle wires;
 * a rigid motion, two pixel edges and, where images have times, the lag between images and poses. Images that disagree are left out.
 *
 * Model after Carbajal 2013 (Int. J. CARS 8:855) and PLUS's fCal (Lasso 2014, IEEE Trans. Biomed. Eng. 61:2527), with the lag inside.
 * @throws NavError `calibration/too-few-poses`, `calibration/not-finite`, `calibration/not-rigid`, `calibration/bad-option`,
 *   `calibration/motionless`, `calibration/narrow` where the images do not determine the map
 */
export function calibrateProbe<Probe extends string, Image extends string>(
  probe: Frame<Probe>,
  image: Frame<Image>,
  phantom: NWirePhantom,
  observations: readonly WireObservation[],
  options: ProbeOptions = {},
): ProbeCalibration<Probe, Image> {
  const patterns = patternsOf(phantom);
  requireObservations(observations, 3 * patterns.length, LEAST_IMAGES);
  requireMotion(observations);
  const timed = haveTimes(observations);
  const wanted = options.lagMs ?? (timed ? 'estimate' : 0);
  if (wanted !== 0 && !timed) throw new NavError('calibration/bad-option', 'A lag needs images with times.');
  if (options.poses !== undefined) requirePoses(options.poses);
  const asMeasured = new ProbeTrack(observations, 'measured');
  const track = wanted === 0 ? asMeasured : new ProbeTrack(observations, 'smoothed', options.poses);
  if (wanted !== 0) requireReadable(observations, options.poses ?? [], track, wanted === 'estimate' ? 0 : wanted, LEAST_IMAGES);
  const start = new Start(observations, track, patterns, options, wanted);
  const linear = linearProbe(observations, asMeasured, patterns, start.labelling)?.probeFromImage ?? start.probeFromImage;
  const { model, fit } = fitted({ observations, track, phantom, labelling: start.labelling }, start.state, wanted === 'estimate');
  const probeFromImage = probeFromImageOf(fit.state);
  const middles = (poses: ProbeTrack, lagMs: number): Float64Array =>
    middlePoints(model.observations, poses, patterns, start.labelling, lagMs);
  const heldOut = crossValidate(model, patterns, fit.state, wanted === 'estimate', options.folds ?? 5);
  const lagSdMs = wanted === 'estimate' ? Math.sqrt(at(fit.covariance, LAG * PARAMETERS + LAG)) : Number.NaN;
  const phantomSize = phantomSizeOf(model, fit, wanted === 'estimate');
  const crossed = crossedWires(model, fit.state.lagMs);
  const findings = [
    ...wiringOf(phantom, crossed),
    ...scaleFindingsOf(fit, phantomSize, depthChangeOf(model, fit, wanted === 'estimate')),
    ...findingsOf(fit, heldOut, lagSdMs, start.rival),
  ];
  const used = fit.weights.filter((w) => w > 0).length;
  const provenance = { method: 'n-wire', ...(options.inputs !== undefined && { inputs: options.inputs }) };
  return {
    outcome: findings.some(({ code }) => code === 'labelling') ? 'ambiguous' : findings.length > 0 ? 'failed' : 'ok',
    edge: affineTransform(probe, image, probeFromImage, provenance),
    probeFromImage,
    pixelMm: [fit.state.columnMm, fit.state.rowMm],
    lagMs: fit.state.lagMs,
    lagSdMs,
    labelling: start.labelling,
    linear: { probeFromImage: linear, fit: distancesOf(middles(asMeasured, 0), linear) },
    fit: distancesOf(middles(track, fit.state.lagMs), probeFromImage),
    heldOut,
    residuals: residualsOf(model, fit),
    phantomSize,
    findings,
    covariance: fit.covariance,
    expectedErrorMm: (column, row) => expectedErrorAt(fit, column, row),
    errorBoundMm: (column, row, probability = 0.95) => errorBoundAt(fit, column, row, probability),
    counts: { used, groups: fit.clusters, effective: used },
  };
}

/** Rounds in which spots are chosen anew, at most. */
const MOST_ROUNDS = 3;

/** The fit of all images, their dots chosen anew among their spots as long as that changes any. */
function fitted(first: WireModel, from: ProbeState, estimateLag: boolean): { model: WireModel; fit: ProbeFit } {
  const images = first.observations.map((_, n) => n);
  let model = first;
  let fit = fitProbe(model, from, { estimateLag, images });
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const observations = reassigned(model, fit);
    if (observations === undefined) break;
    model = { ...model, observations };
    fit = fitProbe(model, fit.state, { estimateLag, images });
  }
  return { model, fit };
}

function wiringOf({ patterns }: NWirePhantom, crossed: readonly number[]): ProbeFinding[] {
  if (crossed.length === 0) return [];
  const names = crossed.map((n) => `${n + 1} (${patterns[n]?.[1].name})`).join(' and ');
  const message = `The images fit much better where the middle wire of N-wire ${names} runs the other way: its ends are exchanged in the description, or in the phantom.`;
  return [{ code: 'wiring', message }];
}

/** The closed form: how the wires are numbered, and about how large the lag is. */
class Start {
  readonly labelling: Labelling;
  readonly state: ProbeState;
  /** The closed form at that lag. */
  readonly probeFromImage: Float64Array;
  /** How much worse the next best way to number the wires fits; Infinity where it was given. */
  readonly rival: number;

  constructor(
    observations: readonly WireObservation[],
    track: ProbeTrack,
    patterns: readonly WirePattern[],
    options: ProbeOptions,
    wanted: number | 'estimate',
  ) {
    const given = options.labelling;
    const ways = [false, true].flatMap((mirrored) => [false, true].map((upsideDown) => ({ mirrored, upsideDown })));
    const lags = wanted === 'estimate' ? scan(options.mostLagMs ?? 1000) : [wanted];
    const every = lags.length > 1 ? Math.ceil(observations.length / SCAN_IMAGES) : 1;
    const tried = (given === undefined ? ways : [given]).flatMap((labelling) => {
      const fits = lags.flatMap((lagMs) => {
        const fit = linearProbe(observations, track, patterns, labelling, lagMs, every);
        return fit === undefined ? [] : [{ labelling, lagMs, ...fit }];
      });
      fits.sort((a, b) => a.rmsMm - b.rmsMm);
      return fits.slice(0, 1);
    });
    tried.sort((a, b) => a.rmsMm - b.rmsMm);
    const [best, next] = tried;
    if (best === undefined) {
      throw new NavError(
        'calibration/narrow',
        'The images do not determine the map from pixels: their middle dots lie in one line. Move the probe along the phantom and tilt it.',
      );
    }
    this.labelling = best.labelling;
    this.state = startOf(best.probeFromImage, best.lagMs);
    this.probeFromImage = best.probeFromImage;
    this.rival = next === undefined ? Number.POSITIVE_INFINITY : next.rmsMm / best.rmsMm;
  }
}

const scan = (most: number): number[] =>
  Array.from({ length: 2 * Math.floor(most / SCAN_MS) + 1 }, (_, n) => SCAN_MS * (n - Math.floor(most / SCAN_MS)));

/** Each stretch of images against a fit without it. Poses of its images are read for the lag; its dots are not. */
function crossValidate(
  model: WireModel,
  patterns: readonly WirePattern[],
  from: ProbeState,
  estimateLag: boolean,
  folds: number,
): ProbeValidation | undefined {
  const count = model.observations.length;
  if (folds < 2) return undefined;
  const points: Float64Array[] = [];
  for (let fold = 0; fold < folds; fold += 1) {
    const [first, end] = [Math.floor((fold * count) / folds), Math.floor(((fold + 1) * count) / folds)];
    const images = model.observations.map((_, n) => n).filter((n) => n < first || n >= end);
    const { state } = fitProbe(model, from, { estimateLag, images });
    const m = probeFromImageOf(state);
    const all = middlePoints(model.observations, model.track, patterns, model.labelling, state.lagMs);
    const own = all.slice(5 * patterns.length * first, 5 * patterns.length * end);
    // Kept as misfits: pixels that a map of their own has put in place.
    for (let k = 0; k < own.length; k += 5) {
      for (let r = 0; r < 3; r += 1)
        own[k + 2 + r] = at(own, k + 2 + r) - at(m, r) * at(own, k) - at(m, 4 + r) * at(own, k + 1) - at(m, 12 + r);
      own[k] = 0;
      own[k + 1] = 0;
    }
    points.push(own);
  }
  const joined = Float64Array.from(points.flatMap((own) => [...own]));
  return distancesOf(joined, new Float64Array(16));
}

function residualsOf(model: WireModel, fit: ProbeFit): ProbeResidual[] {
  return model.observations.map((_, index) => {
    const r = new Float64Array(6 * model.phantom.patterns.length);
    misfitsOf(r, model, fit.state, index);
    return { index, used: at(fit.weights, index) > 0, rmsMm: Math.sqrt((2 * r.reduce((sum, x) => sum + x * x, 0)) / r.length) };
  });
}

function findingsOf(fit: ProbeFit, heldOut: ProbeValidation | undefined, lagSdMs: number, rival: number): ProbeFinding[] {
  const findings: ProbeFinding[] = [];
  const out = fit.weights.filter((w) => w === 0).length;
  const count = fit.weights.length;
  if (out > 0.2 * count)
    findings.push({ code: 'many-outliers', message: `${out} of ${count} images disagree with the rest. Look at their dots.` });
  if (heldOut !== undefined && heldOut.meanMm > 2) {
    findings.push({
      code: 'poor-fit',
      message: `Held-out wires are ${heldOut.meanMm.toFixed(1)} mm off. Check the phantom's registration and its wiring.`,
    });
  }
  if (rival < 1.2) {
    findings.push({
      code: 'labelling',
      message: 'The wires can be numbered in two ways that fit alike. Say which with `labelling`.',
    });
  }
  if (lagSdMs > 20) {
    findings.push({
      code: 'lag-unknown',
      message: `The lag is known to ±${lagSdMs.toFixed(0)} ms only. Move the probe faster, or give the lag.`,
    });
  }
  if (!fit.converged)
    findings.push({ code: 'not-converged', message: 'The fit did not settle. Take more images, from more sides.' });
  return findings;
}

/** A phantom that looks so much larger or smaller is not the one that was described, or the tracker's unit is wrong. */
const MOST_SIZE = Math.log(1.04);
const MOST_ASPECT = 1.25;

function scaleFindingsOf({ state }: ProbeFit, size: SizeCheck, step: ScaleStep | undefined): ProbeFinding[] {
  const findings: ProbeFinding[] = [];
  if (step !== undefined) {
    const percent = (100 * (step.factor - 1)).toFixed(1);
    const message = `From image ${step.index} on pictures are drawn ${percent} % larger: the depth setting was changed. Calibrate each depth by itself.`;
    findings.push({ code: 'depth-changed', message, index: step.index });
  }
  const aspect = Math.max(state.columnMm / state.rowMm, state.rowMm / state.columnMm);
  if (aspect > MOST_ASPECT) {
    const message = `A pixel comes out ${state.columnMm.toFixed(4)} × ${state.rowMm.toFixed(4)} mm large, which no machine draws. Check the phantom's wiring.`;
    findings.push({ code: 'pixel-shape', message });
  }
  const off = Math.log(size.factor);
  if (Math.abs(off) > MOST_SIZE && Math.abs(off) > 3 * size.sd) {
    const message = `By the tracker's millimetres the phantom is ${size.factor.toFixed(3)} times as large as described. Check its wiring, the units, and the lag.`;
    findings.push({ code: 'scale', message });
  }
  return findings;
}
