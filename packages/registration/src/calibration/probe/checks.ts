import { median } from '../../accuracy/robust.js';
import { at } from '../../points/rigid-fit.js';
import { fitProbe, type ProbeFit } from './fit.js';
import { dotOf } from './linear.js';
import { misfitsOf, PARAMETERS, type ProbeState, SIZE, type WireModel } from './model.js';
import type { WireObservation } from './observations.js';

/** How large something looks against what is said of it, and the standard deviation of that. */
export interface SizeCheck {
  readonly factor: number;
  readonly sd: number;
}

/**
 * How much larger than it is said to be the phantom would have to be for the tracker's millimetres: a fit with its size as one more parameter.
 * The pixels' edges follow the phantom's size, so only the tracked motion can tell: an image alone never does.
 */
export function phantomSizeOf(model: WireModel, fit: ProbeFit, estimateLag: boolean): SizeCheck {
  const images = model.observations.map((_, n) => n).filter((n) => at(fit.weights, n) > 0);
  const { state, covariance } = fitProbe(model, fit.state, { estimateLag, estimateSize: true, images, after: fit });
  return { factor: Math.exp(state.logSize), sd: Math.sqrt(at(covariance, SIZE * PARAMETERS + SIZE)) };
}

/**
 * For each image, how large the pattern of its dots is against where the plane cuts the wires: least squares of one about its middle onto the other. 1 where all
 * pixels are alike.
 */
export function imageScalesOf(model: WireModel, state: ProbeState): Float64Array {
  const count = model.phantom.patterns.length;
  const r = new Float64Array(6 * count);
  return Float64Array.from(model.observations, (_, image) => {
    misfitsOf(r, model, state, image);
    const { dots } = model.observations[image] as WireObservation;
    const seen = new Float64Array(6 * count);
    for (let k = 0; k < 3 * count; k += 1) {
      const index = dotOf(model.labelling, count, Math.floor(k / 3), k % 3);
      seen[2 * k] = state.columnMm * at(dots, index);
      seen[2 * k + 1] = state.rowMm * at(dots, index + 1);
    }
    const cut = seen.map((x, n) => x + at(r, n));
    const [a, b] = [centred(seen), centred(cut)];
    let [ab, bb] = [0, 0];
    for (let n = 0; n < a.length; n += 1) {
      ab += at(a, n) * at(b, n);
      bb += at(b, n) ** 2;
    }
    return ab / bb;
  });
}

/** Points less their mean. */
function centred(points: Float64Array): Float64Array {
  const mean = [0, 0];
  for (let n = 0; n < points.length; n += 1) mean[n & 1] = (mean[n & 1] as number) + (2 * at(points, n)) / points.length;
  return points.map((x, n) => x - (mean[n & 1] as number));
}

/** A change of scale between two images. */
export interface ScaleStep {
  /** The first image after it. */
  readonly index: number;
  /** How much smaller a pixel is after it than before: above 1, the picture is drawn larger. */
  readonly factor: number;
}

/** Images on either side of a change. */
const LEAST_SIDE = 6;
/** Smaller changes are no change of depth; and it must stand out from the images' own spread so much. */
const LEAST_STEP = 0.015;
/** Nor are larger ones: the fit is of something else. */
const MOST_STEP = Math.log(4);
const LEAST_Z = 8;

/** The change of scale between two stretches of images that stands out most; undefined where there is none. */
export function scaleStepIn(scales: Float64Array): ScaleStep | undefined {
  const known = [...scales.keys()].filter((n) => Number.isFinite(at(scales, n)) && at(scales, n) > 0);
  const logs = Float64Array.from(known, (n) => Math.log(at(scales, n)));
  let best: { at: number; step: number; z: number } | undefined;
  for (let k = LEAST_SIDE; k + LEAST_SIDE <= logs.length; k += 1) {
    const [first, second] = [logs.slice(0, k), logs.slice(k)];
    const [a, b] = [median(first), median(second)];
    const spread = Math.max(
      1e-4,
      1.4826 * median(Float64Array.from([...first.map((x) => Math.abs(x - a)), ...second.map((x) => Math.abs(x - b))])),
    );
    // The variance of a median is π/2 of that of a mean.
    const z = Math.abs(b - a) / (spread * Math.sqrt((Math.PI / 2) * (1 / first.length + 1 / second.length)));
    if (best === undefined || z > best.z) best = { at: known[k] as number, step: b - a, z };
  }
  if (best === undefined || best.z < LEAST_Z) return undefined;
  if (Math.abs(best.step) < LEAST_STEP || Math.abs(best.step) > MOST_STEP) return undefined;
  return { index: best.at, factor: Math.exp(best.step) };
}

/** Misfits that are as small as this, mm, are those of a fit of one depth. */
const GOOD_MM = 0.5;

/**
 * A change of depth in a recording: a step of the images' scales that goes away in a fit of the images on the longer side of it alone. Steps of a fit that
 * is wrong for other reasons, such as another wiring, stay.
 */
export function depthChangeOf(model: WireModel, fit: ProbeFit, estimateLag: boolean): ScaleStep | undefined {
  const step = scaleStepIn(imageScalesOf(model, fit.state));
  if (step === undefined) return undefined;
  const count = model.observations.length;
  const longer = step.index > count / 2 ? [0, step.index] : [step.index, count];
  const images = Array.from({ length: count }, (_, n) => n).slice(...longer);
  const alone = fitProbe(model, fit.state, { estimateLag, images });
  return rms(alone.sdMm) < Math.max(0.6 * rms(fit.sdMm), Math.min(GOOD_MM, 1.2 * rms(fit.sdMm))) ? step : undefined;
}

const rms = (values: Float64Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
