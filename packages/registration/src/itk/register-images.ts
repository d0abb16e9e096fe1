import {
  type AffineTransform,
  affineTransform,
  type Frame,
  invert,
  invertAffine,
  NavError,
  requireSameFrame,
  type Transform,
  transform,
} from '@trocar/core';
import { identity4, rigidityError, transformPoint } from '@trocar/core/math';
import { type AnyVolume, cornersOf, type Volume } from '@trocar/core/volume';
import { openEngine } from '#itk/engine';
import type { ResultOutcome } from '../outcome.js';
import { deformation, type ElastixDeformation } from './deformation.js';
import { type DeformationShape, linearStart, shapeOf } from './deformation-checks.js';
import { affineParameterMap, chainedMatrix, isLinear } from './elastix-transform.js';
import type { Engine } from './engine.js';
import { type DeformationEvidence, deformationFindings, findingsOf, type ImageFinding } from './findings.js';
import { factorsFor, itkImageOf, type Picture, pictureOf, shrunk } from './image.js';
import { fitted, MOST_BYTES } from './memory.js';
import { type Agreement, agreementOf } from './metric.js';
import { type ParameterMap, runnable } from './parameters.js';
import { type RegistrationKind, type Stage, stagesOf } from './stages.js';

/** How to register two images. */
export interface ImageRegistrationOptions<K extends RegistrationKind, F extends string, M extends string> {
  readonly kind: K;
  /**
   * elastix parameter maps to run instead of our own, one after the other: texts in elastix's file format, or objects.
   * Rigid allows Euler and translation transforms, affine any linear ones, B-spline all. They run as one call of elastix
   * on the full images, as its command line does, so `progress` tells only their beginning and their end.
   */
  readonly parameters?: ReadonlyArray<string | ParameterMap>;
  /**
   * Where to start: the moving image's frame from the fixed one's; `centres` lays the images' centres on each other without
   * turning. Default: both images already share their coordinates.
   */
  readonly initial?: AffineTransform<M, F> | 'centres';
  /**
   * Spacing of the finest B-spline control grid, mm; twice that comes first. Default 60: wide, because a narrower grid
   * invents more where the images show nothing. Not for `parameters`.
   */
  readonly gridSpacingMm?: number;
  /** A B-spline that moves anything farther than this beyond its linear start has failed, mm. Default 30. */
  readonly plausibleMm?: number;
  /** Ends the worker, and with it the registration. */
  readonly signal?: AbortSignal;
  /** Called as each stage begins (ours: a resolution) and at the end, with the fraction of the stages done, 0 … 1. */
  readonly progress?: (fraction: number, stage: string) => void;
  /** Memory the registration may take inside its WebAssembly module, bytes. Default 3e9; images are made coarser to fit. */
  readonly maxBytes?: number;
}

/** What every image registration tells. */
export interface ImageRegistrationReport {
  /** `failed` with any finding but `reduced`. Convergence alone proves nothing; `ok` says only that nothing was found. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly ImageFinding[];
  /** Agreement at the start and at the end, on the full images: our own figure, whatever was optimised. */
  readonly before: Agreement;
  readonly after: Agreement;
  /** Wall-clock time, ms: altogether, and stage by stage. */
  readonly totalMs: number;
  readonly stages: ReadonlyArray<{ readonly name: string; readonly ms: number }>;
  /** The result as elastix transform parameters (fixed points to moving points), in order of application. */
  readonly parameterMaps: readonly ParameterMap[];
}

/** A rigid result. It carries no covariance: what images say about their own uncertainty is not measured here. */
export interface RigidImageRegistration<F extends string, M extends string> extends ImageRegistrationReport {
  readonly kind: 'rigid';
  /** Where a point of the fixed image's frame lies in the moving one's: what elastix optimises. */
  readonly movingFromFixed: Transform<M, F>;
  /** Its inverse: where a point of the moving image's frame lies in the fixed one's. */
  readonly fixedFromMoving: Transform<F, M>;
}

/** An affine result. */
export interface AffineImageRegistration<F extends string, M extends string> extends ImageRegistrationReport {
  readonly kind: 'affine';
  readonly movingFromFixed: AffineTransform<M, F>;
  readonly fixedFromMoving: AffineTransform<F, M>;
}

/** A deformable result. */
export interface DeformableImageRegistration<F extends string, M extends string> extends ImageRegistrationReport {
  readonly kind: 'bspline';
  /** Fixed points to moving points: the linear part alone where what was found does not stand its checks. */
  readonly deformation: ElastixDeformation<M, F>;
  /** Whether `deformation` is what was found; `parameterMaps` has it in either case. */
  readonly deformed: boolean;
  /** The linear part it begins with (the identity where there is none), and the agreement under that alone. */
  readonly linearMovingFromFixed: AffineTransform<M, F>;
  readonly linear: Agreement;
  /** What it does beyond that. */
  readonly shape: DeformationShape;
}

/** The result that belongs to a kind. */
export type ImageRegistration<K extends RegistrationKind, F extends string, M extends string> = K extends 'rigid'
  ? RigidImageRegistration<F, M>
  : K extends 'affine'
    ? AffineImageRegistration<F, M>
    : DeformableImageRegistration<F, M>;

/**
 * Registers two images by their content with elastix, in a worker of its own.
 *
 * Our own parameters: mutual information, adaptive stochastic gradient descent, three resolutions, one call each; B-spline
 * after rigid. The same input gives the same result, in Node and in browsers.
 *
 * Given parameters do what the elastix program does with the same files, to a ten-thousandth of a millimetre, an initial
 * transform being its `-t0`. That ends where elastix no longer repeats itself: a B-spline with long steps (without
 * `MaximumStepLength`, a voxel) may multiply rounding errors, and come out millimetres apart with one thread and with two.
 *
 * @throws NavError `registration/sheared-volume`, `registration/too-large`, `registration/no-overlap`,
 * `registration/bad-parameters`, `registration/aborted`, `registration/failed`, `assets/not-configured` (browser),
 * `assets/missing`, `frame/mismatch`
 */
export async function registerImages<K extends RegistrationKind, F extends string, M extends string>(
  fixed: Volume<F>,
  moving: Volume<M>,
  options: ImageRegistrationOptions<K, F, M>,
): Promise<ImageRegistration<K, F, M>> {
  const started = performance.now();
  const full = { fixed: pictureOf(fixed, 'fixed'), moving: pictureOf(moving, 'moving') };
  const plan = stagesOf(options, full.fixed);
  const initial = initialMatrix(fixed, moving, options.initial);
  if (options.kind === 'rigid' && rigidityError(initial) > 1e-6) {
    throw new NavError(
      'registration/bad-parameters',
      'A rigid registration cannot start from a transform that scales or shears.',
    );
  }
  const finest = Math.min(...plan.map((stage) => stage.spacingMm));
  const fit = fitted(averaged(full.fixed, finest), averaged(full.moving, finest), options.maxBytes ?? MOST_BYTES);
  const before = agreementOf(full.fixed, full.moving, (out, p) => transformPoint(out, initial, p));
  if (before.overlap === 0) throw noOverlap();
  const engine = openEngine();
  try {
    const { maps, stages } = await runStages(engine, plan, fit, initial, options);
    const result = deformation(moving.frame, fixed.frame, maps);
    const after = agreementOf(full.fixed, full.moving, result.map);
    const evidence = options.kind === 'bspline' ? evidenceOf(full, result, options.plausibleMm) : undefined;
    const findings = findingsOf(before, after, fit.reduced);
    const against = evidence === undefined ? [] : deformationFindings(after, evidence);
    findings.push(...against);
    const report: ImageRegistrationReport = {
      outcome: findings.some((f) => f.code !== 'reduced') ? 'failed' : 'ok',
      findings,
      before,
      after,
      totalMs: performance.now() - started,
      stages,
      parameterMaps: maps,
    };
    if (evidence === undefined)
      return linearResult(options.kind, fixed.frame, moving.frame, report) as ImageRegistration<K, F, M>;
    const linearMovingFromFixed = affineTransform(moving.frame, fixed.frame, linearStart(maps), { method: 'elastix-linear' });
    const { linear, shape } = evidence;
    // What does not stand its own checks is not handed on as a result; `parameterMaps` still has it, to be looked at.
    const deformed = against.length === 0;
    const kept = deformed ? result : deformation(moving.frame, fixed.frame, [affineParameterMap(linearStart(maps))]);
    const found = { kind: 'bspline' as const, deformation: kept, deformed, linearMovingFromFixed, linear, shape, ...report };
    return found as ImageRegistration<RegistrationKind, F, M> as ImageRegistration<K, F, M>;
  } finally {
    engine.close();
  }
}

/** How a deformation on the full images compares with its linear start, and what it does beyond it. */
function evidenceOf(
  full: Images,
  found: Pick<ElastixDeformation<string, string>, 'map' | 'parameterMaps'>,
  plausibleMm = 30,
): DeformationEvidence {
  const start = linearStart(found.parameterMaps);
  const linear = agreementOf(full.fixed, full.moving, (out, p) => transformPoint(out, start, p));
  return { linear, shape: shapeOf(full.fixed, found.parameterMaps, found.map), plausibleMm };
}

function linearResult<F extends string, M extends string>(
  kind: RegistrationKind,
  fixed: Frame<F>,
  moving: Frame<M>,
  report: ImageRegistrationReport,
): RigidImageRegistration<F, M> | AffineImageRegistration<F, M> {
  const matrix = chainedMatrix(report.parameterMaps);
  const provenance = { method: `elastix-${kind}` };
  if (kind === 'rigid') {
    const movingFromFixed = transform(moving, fixed, matrix, { provenance });
    return { kind, movingFromFixed, fixedFromMoving: invert(movingFromFixed), ...report };
  }
  const movingFromFixed = affineTransform(moving, fixed, matrix, provenance);
  return { kind: 'affine', movingFromFixed, fixedFromMoving: invertAffine(movingFromFixed), ...report };
}

interface Images {
  readonly fixed: Picture;
  readonly moving: Picture;
}

async function runStages(
  engine: Engine,
  plan: readonly Stage[],
  images: Images,
  initial: ArrayLike<number>,
  options: Pick<ImageRegistrationOptions<RegistrationKind, string, string>, 'signal' | 'progress'>,
): Promise<{ readonly maps: readonly ParameterMap[]; readonly stages: Array<{ name: string; ms: number }> }> {
  // An identity is left out rather than passed: elastix then runs as it would from the command line without -t0.
  let maps: readonly ParameterMap[] = isIdentity(initial) ? [] : [affineParameterMap(initial)];
  const stages: Array<{ name: string; ms: number }> = [];
  for (const [n, stage] of plan.entries()) {
    options.progress?.(n / plan.length, stage.name);
    const started = performance.now();
    const found = await runElastix(engine, stage, images, maps, options.signal);
    // Our own linear stages are one transform; what given parameters made stays as elastix gave it.
    maps = stage.spacingMm > 0 && found.every(isLinear) ? [affineParameterMap(chainedMatrix(found))] : found;
    stages.push({ name: stage.name, ms: performance.now() - started });
  }
  options.progress?.(1, 'done');
  return { maps, stages };
}

const ARGUMENTS = ['0', '0', '1', '2', '--memory-io', '--fixed', '1', '--moving', '2'] as const;

function isIdentity(m: ArrayLike<number>): boolean {
  return identity4().every((x, n) => x === m[n]);
}

async function runElastix(
  engine: Engine,
  stage: Stage,
  images: Images,
  initial: readonly ParameterMap[],
  signal: AbortSignal | undefined,
): Promise<readonly ParameterMap[]> {
  const answer = await engine.run(
    {
      package: '@itk-wasm/elastix',
      pipeline: 'elastix',
      args: [...ARGUMENTS, ...(initial.length > 0 ? ['--initial-transform-parameter-object', '3'] : [])],
      inputs: [
        { type: 'JsonCompatible', data: stage.parameters.map(runnable) },
        { type: 'Image', data: itkImageOf(averaged(images.fixed, stage.spacingMm)) },
        { type: 'Image', data: itkImageOf(averaged(images.moving, stage.spacingMm)) },
        ...(initial.length > 0 ? [{ type: 'JsonCompatible' as const, data: initial }] : []),
      ],
      outputs: [{ type: 'Image' }, { type: 'TransformList' }, { type: 'JsonCompatible' }],
    },
    signal,
  );
  const found = answer.ok ? (answer.outputs[2] as readonly ParameterMap[] | undefined) : undefined;
  if (found === undefined || found.length === 0) throw failed(stage, images, answer.ok ? 'it gave no transform' : answer.reason);
  return found;
}

/** The picture with voxels averaged to about that spacing, mm; as it is for 0. */
function averaged(picture: Picture, spacingMm: number): Picture {
  return spacingMm > 0 ? shrunk(picture, factorsFor(picture, spacingMm)) : picture;
}

/** elastix ends with a bare number whatever went wrong; what can be checked beforehand has been. */
function failed(stage: Stage, images: Images, reason: string): NavError {
  const sizes = `${images.fixed.size.join('×')} and ${images.moving.size.join('×')} voxels`;
  if (/memory|OOM|Aborted|RangeError/i.test(reason)) {
    return new NavError(
      'registration/too-large',
      `elastix ran out of memory in stage "${stage.name}" on ${sizes} (${reason}). Lower maxBytes, or crop the images.`,
      { detail: { stage: stage.name, reason } },
    );
  }
  return new NavError(
    'registration/failed',
    `elastix gave up in stage "${stage.name}" on ${sizes} (${reason}). Most often too little of the images overlaps on the way: ` +
      'start nearer, for example with initial: "centres"; or a parameter does not fit the images.',
    { detail: { stage: stage.name, reason } },
  );
}

function initialMatrix<F extends string, M extends string>(
  fixed: Volume<F>,
  moving: Volume<M>,
  initial: ImageRegistrationOptions<RegistrationKind, F, M>['initial'],
): Float64Array {
  const matrix = identity4();
  if (initial === 'centres') {
    const [f, m] = [middleOf(fixed), middleOf(moving)];
    for (let i = 0; i < 3; i += 1) matrix[12 + i] = (m[i] as number) - (f[i] as number);
    return matrix;
  }
  if (initial === undefined) return matrix;
  requireSameFrame(moving.frame, initial.to, 'The initial transform');
  requireSameFrame(fixed.frame, initial.from, 'The initial transform');
  matrix.set(Array.from(initial.matrix));
  return matrix;
}

/** The middle of a volume in its frame, mm. */
function middleOf(v: AnyVolume): number[] {
  const corners = cornersOf(v);
  return [0, 1, 2].map((i) => corners.reduce((sum, c) => sum + (c[i] as number), 0) / corners.length);
}

function noOverlap(): NavError {
  return new NavError(
    'registration/no-overlap',
    'No part of the fixed image lies on the moving one at the start. Give an initial transform, or initial: "centres".',
  );
}
