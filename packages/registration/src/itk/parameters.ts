import { NavError } from '@trocar/core';

/** An elastix parameter map: each name with its values, all as text. */
export type ParameterMap = Readonly<Record<string, readonly string[]>>;

/**
 * Reads elastix's parameter file format: one `(Name value "text value" …)` a line, `//` starts a comment.
 * @throws NavError `registration/bad-parameters` naming the line
 */
export function parseParameterMap(text: string): ParameterMap {
  const map: Record<string, readonly string[]> = {};
  text.split(/\r?\n/).forEach((raw, n) => {
    const line = withoutComment(raw).trim();
    if (line === '') return;
    const body = /^\((.*)\)$/.exec(line)?.[1];
    const tokens = body?.match(/"[^"]*"|[^\s"]+/g) ?? [];
    const [name, ...values] = tokens.map((t) => (t.startsWith('"') ? t.slice(1, -1) : t));
    if (name === undefined || values.length === 0 || (body?.match(/"/g)?.length ?? 0) % 2 !== 0) {
      throw bad(`Line ${n + 1} of the parameters is not of the form (Name value …): ${raw.trim().slice(0, 80)}`, { line: n + 1 });
    }
    if (name in map) throw bad(`Line ${n + 1} of the parameters gives ${name} a second time.`, { line: n + 1, name });
    map[name] = values;
  });
  return map;
}

function withoutComment(line: string): string {
  // Two slashes inside quotes are part of the text.
  const start = /^(?:[^"/]|"[^"]*"|\/(?!\/))*/.exec(line)?.[0].length ?? 0;
  return line.startsWith('//', start) ? line.slice(0, start) : line;
}

/** A parameter map in elastix's file format. Numbers stand bare, everything else in quotes. */
export function formatParameterMap(map: ParameterMap): string {
  const shown = (value: string): string => (value !== '' && Number.isFinite(Number(value)) ? value : `"${value}"`);
  return Object.entries(map)
    .map(([name, values]) => `(${[name, ...values.map(shown)].join(' ')})\n`)
    .join('');
}

/** What the bundled elastix can be asked for: anything else would end it with a bare number, or be misread afterwards. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  Registration: ['MultiResolutionRegistration', 'MultiMetricMultiResolutionRegistration'],
  Transform: [
    'TranslationTransform',
    'EulerTransform',
    'SimilarityTransform',
    'AffineTransform',
    'BSplineTransform',
    'RecursiveBSplineTransform',
  ],
  Metric: [
    'AdvancedMattesMutualInformation',
    'AdvancedMeanSquares',
    'AdvancedNormalizedCorrelation',
    'NormalizedMutualInformation',
    'AdvancedKappaStatistic',
    'TransformBendingEnergyPenalty',
    'TransformRigidityPenalty',
    'NormalizedGradientCorrelation',
    'GradientDifference',
    'PatternIntensity',
  ],
  Optimizer: [
    'AdaptiveStochasticGradientDescent',
    'StandardGradientDescent',
    'RegularStepGradientDescent',
    'QuasiNewtonLBFGS',
    'ConjugateGradientFRPR',
    'ConjugateGradient',
    'Simplex',
    'Powell',
    'FullSearch',
    'FiniteDifferenceGradientDescent',
    'SimultaneousPerturbation',
    'CMAEvolutionStrategy',
    'RSGDEachParameterApart',
    'AdaGrad',
    'AdaptiveStochasticLBFGS',
    'AdaptiveStochasticVarianceReducedGradient',
    'PreconditionedStochasticGradientDescent',
  ],
  // Added transforms and images laid straight would be run, but not be what the resulting maps are read as.
  HowToCombineTransforms: ['Compose'],
  UseDirectionCosines: ['true'],
};

/**
 * A parameter map as it is run: checked, and with the result image kept. (Asking elastix to leave the image out makes the
 * bundled one register twice.)
 * @throws NavError `registration/bad-parameters`
 */
export function runnable(map: ParameterMap): Record<string, readonly string[]> {
  const kind = map['Transform']?.[0];
  if (kind === undefined) throw bad('The parameters name no Transform.');
  for (const [name, allowed] of Object.entries(KNOWN)) {
    for (const value of map[name] ?? []) {
      if (!allowed.includes(value)) {
        throw bad(`${name} "${value}" is not available here. Choose one of ${allowed.join(', ')}.`, { name, value });
      }
    }
  }
  const dimensions = [...(map['FixedImageDimension'] ?? []), ...(map['MovingImageDimension'] ?? [])];
  if (dimensions.some((d) => d !== '3')) throw bad('The parameters are for images of another dimension than 3.');
  const unwritten = map['WriteResultImage']?.[0] === 'false';
  return {
    ...map,
    WriteResultImage: ['true'],
    FinalBSplineInterpolationOrder: unwritten ? ['1'] : (map['FinalBSplineInterpolationOrder'] ?? ['1']),
    ResultImagePixelType: ['float'],
  };
}

function bad(message: string, detail: Record<string, unknown> = {}): NavError<'registration/bad-parameters'> {
  return new NavError('registration/bad-parameters', message, { detail });
}

/** Settings that all stages of our own share: mutual information on random samples, images as they are given. */
const COMMON: ParameterMap = {
  Registration: ['MultiResolutionRegistration'],
  FixedImagePyramid: ['FixedGenericImagePyramid'],
  MovingImagePyramid: ['MovingGenericImagePyramid'],
  ImagePyramidSchedule: ['1', '1', '1'],
  NumberOfResolutions: ['1'],
  Interpolator: ['LinearInterpolator'],
  ResampleInterpolator: ['FinalLinearInterpolator'],
  Resampler: ['DefaultResampler'],
  Metric: ['AdvancedMattesMutualInformation'],
  NumberOfHistogramBins: ['32'],
  Optimizer: ['AdaptiveStochasticGradientDescent'],
  ASGDParameterEstimationMethod: ['DisplacementDistribution'],
  AutomaticParameterEstimation: ['true'],
  AutomaticScalesEstimation: ['true'],
  AutomaticTransformInitialization: ['false'],
  ImageSampler: ['RandomCoordinate'],
  NewSamplesEveryIteration: ['true'],
  UseDirectionCosines: ['true'],
  HowToCombineTransforms: ['Compose'],
  DefaultPixelValue: ['0'],
  RandomSeed: ['121212'],
};

/** One resolution of a rigid or affine registration. */
export function linearStage(kind: 'rigid' | 'affine'): ParameterMap {
  return {
    ...COMMON,
    Transform: [kind === 'rigid' ? 'EulerTransform' : 'AffineTransform'],
    NumberOfSpatialSamples: ['4096'],
    MaximumNumberOfIterations: ['250'],
  };
}

/**
 * One resolution of a B-spline registration: a wide grid, many samples, steps of 1 mm at most. elastix's own default (a fine
 * grid, few samples, long steps) makes a good rigid result worse.
 */
export function bsplineStage(gridSpacingMm: number): ParameterMap {
  return {
    ...COMMON,
    Transform: ['BSplineTransform'],
    FinalGridSpacingInPhysicalUnits: [String(gridSpacingMm)],
    GridSpacingSchedule: ['1'],
    MaximumStepLength: ['1'],
    NumberOfSpatialSamples: ['4096'],
    MaximumNumberOfIterations: ['200'],
  };
}
