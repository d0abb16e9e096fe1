import {
  type AffineTransform,
  affineTransform,
  invert,
  invertAffine,
  NavError,
  requireSameFrame,
  type Transform,
  transform,
} from '@trocar/core';
import { identity4, rigidityError } from '@trocar/core/math';
import { type AnyVolume, spacingOf, type Volume } from '@trocar/core/volume';
import { canShare } from '#worker/host';
import type { ResultOutcome } from '../outcome.js';
import { workerCrew } from '../worker/pool.js';
import { type Attempt, attempt, better } from './attempt.js';
import { Breath } from './breath.js';
import { confidenceOf, isMirrored, outcomeOf, unmirroredChance, type VolumeFinding, volumeFindings } from './confidence.js';
import { type Crew, inlineCrew } from './crew.js';
import type { Detail } from './evaluate.js';
import { gatherFor, type RegistrationEvidence } from './evidence.js';
import { type Finished, finished } from './finish.js';
import { borrowKernel, kernelModule, returnKernel } from './kernels/wasm.js';
import { QUICK, refined, THOROUGH } from './locate.js';
import { mirrorEverywhere, mirrorEvidence, reflected } from './mirror.js';
import { type Motion, type MotionKind, matrixOf, motionOf } from './motion.js';
import type { IntensityMetric } from './mutual-information.js';
import { type Scene, sceneOf } from './scene.js';
import { type Candidate, worth } from './search.js';
import { type SearchLimits, searchSpace } from './search-space.js';
import { supplied } from './supplies.js';
import { poseCovariance } from './uncertainty.js';
import { type Reached, Workshop } from './workshop.js';

/** How to register two volumes. */
export interface VolumeRegistrationOptions<K extends MotionKind, F extends string, M extends string> {
  /** What the map may do: move and turn; also grow evenly; also stretch and shear. Default `rigid`. */
  readonly transform?: K;
  /** Mutual information, or its normalised form, which is steadier where the images overlap only in part. Default `mi`. */
  readonly metric?: IntensityMetric;
  /** Where the moving image is thought to be: moving from fixed. Default: both share their coordinates. */
  readonly initial?: AffineTransform<M, F>;
  /** The answer is sought within this distance of `initial`, mm at the fixed centre. Default: anywhere. */
  readonly searchMm?: number;
  /** The answer is sought within this rotation of `initial`, degrees. Default: any. */
  readonly searchDeg?: number;
  /** Only what lies where these are above 0 counts: the image's own frame, any grid. */
  readonly fixedMask?: Volume<F>;
  readonly movingMask?: Volume<M>;
  /** Of the samples. The same seed gives the same result. Default 1. */
  readonly seed?: number;
  /**
   * Workers to share the work with; 0, the default, does it in the caller's thread, with pauses. The result is the same to
   * the last bit however many there are.
   */
  readonly threads?: number;
  /** In a page: makes the worker of `intensity.worker.js` where a bundler does not find it by itself. */
  readonly createWorker?: () => Worker;
  readonly signal?: AbortSignal;
  /** Called with the fraction done, 0 … 1, and the stage. */
  readonly progress?: (fraction: number, stage: string) => void;
  /** Called with the best pose so far: moving from fixed, 16 doubles, column-major, mm. */
  readonly preview?: (movingFromFixed: Float64Array) => void;
}

/** What every registration of volumes tells. */
export interface VolumeRegistrationReport {
  /**
   * `failed` with any finding but `ambiguous` and `reduced`; `ambiguous` where another pose is as good. The best pose comes
   * with the answer in either case, for a person to look at.
   */
  readonly outcome: ResultOutcome;
  readonly findings: readonly VolumeFinding[];
  /** The probability that the result is right, 0 … 1, fitted to phantoms: see docs/image-registration.md. */
  readonly confidence: number;
  readonly evidence: RegistrationEvidence;
  readonly metric: IntensityMetric;
  /** How many poses were tried in the search. */
  readonly starts: number;
  readonly seconds: number;
}

/** A rigid result. */
export interface RigidVolumeRegistration<F extends string, M extends string> extends VolumeRegistrationReport {
  readonly kind: 'rigid';
  readonly fixedFromMoving: Transform<F, M>;
  readonly movingFromFixed: Transform<M, F>;
}

/** A similarity or affine result. */
export interface AffineVolumeRegistration<F extends string, M extends string> extends VolumeRegistrationReport {
  readonly kind: 'similarity' | 'affine';
  readonly fixedFromMoving: AffineTransform<F, M>;
  readonly movingFromFixed: AffineTransform<M, F>;
}

/** The result that belongs to a kind. */
export type VolumeRegistration<K extends MotionKind, F extends string, M extends string> = K extends 'rigid'
  ? RigidVolumeRegistration<F, M>
  : AffineVolumeRegistration<F, M>;

/**
 * Registers two volumes of one body by mutual information (Mattes 2003, IEEE TMI 22:120), from anywhere, and says how sure
 * it is.
 *
 * Coarse to fine on bytes of both images: hundreds of poses that cover all rotations are scored on samples of the fixed image,
 * the best are refined with the analytic slope, and the winner is judged against the best pose elsewhere, with fixed and moving
 * exchanged, by its edges, by what changes when it may stretch, and against the moving image's mirror image. Where that leaves
 * doubt, thousands of poses are tried. The
 * kernels are WebAssembly; samples, sums and order are fixed, so the same input and seed give the same bits in Node and Chromium,
 * whatever the number of workers. A rigid edge carries its covariance.
 *
 * The pixels' unit, sign and order do not matter; their scale may be wrong by a little only for `similarity` and `affine`.
 * Voxels that are no number, or masked out, do not count.
 * @throws NavError `registration/sheared-volume`, `registration/failed` (an image that shows nothing, is thinner than four
 * voxels, or a worker that died), `registration/no-overlap` (a mask that leaves nothing), `registration/bad-parameters` (a start
 * that scales), `registration/bad-option`, `registration/aborted`, `frame/mismatch`
 */
export async function registerVolumes<F extends string, M extends string, K extends MotionKind = 'rigid'>(
  fixed: Volume<F>,
  moving: Volume<M>,
  options: VolumeRegistrationOptions<K, F, M> = {},
): Promise<VolumeRegistration<K, F, M>> {
  const started = performance.now();
  const kind: MotionKind = options.transform ?? 'rigid';
  const metric = options.metric ?? 'mi';
  requireOptions(options);
  const breath = new Breath(options.signal, (options.threads ?? 0) > 0 && canShare());
  requireStart(options.initial, fixed, moving);
  // Workers start while the images are made ready.
  const workers = await crewOf(options);
  const scene = await sceneOf(fixed, moving, options, breath).catch((error: unknown) => {
    workers.close();
    throw error;
  });
  const { ladder, centre } = scene;
  const crew = supplied(workers, scene.levels, () => (options.threads ? breath.turn() : breath.take()));
  const initial = motionOf(options.initial?.matrix ?? identity4(), centre);
  let done = 0;
  const tell = (fraction: number, best: Motion): void => {
    // A search that begins anew is no less done.
    done = Math.max(done, fraction);
    options.progress?.(done, 'searching');
    options.preview?.(matrixOf(best, centre));
  };
  try {
    const { found, mirrored, tried } = await sought(crew, scene, initial, options, tell);
    const { finest, located } = found;
    const top = ladder.spacings.length - 1;
    const best = kind === 'rigid' ? finest : await refined(crew, ladder, finest, kind, Math.max(ladder.judgedLevel, top - 1));
    const { evidence: gathered, detailed } =
      kind === 'rigid'
        ? { evidence: found.evidence, detailed: finest }
        : await gatherFor(crew, { ...scene, runnerUp: found.runnerUp }, kind, best, found.evidence);
    const finish = kind === 'rigid' ? found.finish : await finished(crew, scene, kind, best.motion);
    const judged = { ...gathered, finishMm: finish.apartMm };
    const evidence = { ...judged, ...(await mirrorEvidence(crew, scene, kind, detailed, { judged: found.judged, mirrored })) };
    const confidence = isMirrored(evidence) ? 0 : confidenceOf(judged) * unmirroredChance(evidence);
    const reduced = [...scene.fixedFactors, ...scene.movingFactors].some((f) => f > 1);
    const findings = volumeFindings(evidence, { confidence, allowed: located.allowed, reduced, linear: finish.motion.linear });
    options.progress?.(1, 'done');
    const covariance = kind === 'rigid' ? covarianceOf(finest, finish, scene, fixed, moving) : undefined;
    return result(fixed, moving, kind, matrixOf(finish.motion, centre), covariance, {
      outcome: outcomeOf(findings),
      findings,
      confidence,
      evidence,
      metric,
      starts: tried,
      seconds: (performance.now() - started) / 1000,
    }) as VolumeRegistration<K, F, M>;
  } finally {
    crew.close();
  }
}

/**
 * Searches quickly; where that leaves doubt, thoroughly; and where the mirror image then fits better than the image itself, looks
 * for the image where its mirror image lies: what is nearly symmetric and noisy is found there.
 */
async function sought(
  crew: Crew,
  scene: Scene,
  initial: Motion,
  limits: SearchLimits,
  tell: (fraction: number, best: Motion) => void,
): Promise<{ readonly found: Attempt; readonly mirrored: Candidate; readonly tried: number }> {
  const quick = await attempt(crew, scene, searchSpace(scene, initial, limits, false), QUICK, tell);
  let tried = quick.located.tried;
  // Where much of the fixed image is not on the moving one, the two are cut in different places: hard to find.
  const sure = outcomeOf(quick.findings) === 'ok' && quick.confidence >= SURE && quick.evidence.overlap >= MUCH_OVERLAP;
  if (sure && worth(quick.mirrored) <= worth(quick.judged)) return { found: quick, mirrored: quick.mirrored, tried };
  const space = searchSpace(scene, initial, limits, true);
  const again = sure ? undefined : await attempt(crew, scene, space, THOROUGH, tell);
  const found = again === undefined ? quick : better(quick, again);
  if (again !== undefined) tried += again.located.tried;
  // What a thorough search found, is only right where as thorough a search finds no better mirror image.
  const mirrored = sure ? quick.mirrored : await mirrorEverywhere(crew, scene, initial, found.mirrored);
  if (worth(mirrored) <= worth(found.judged)) return { found, mirrored, tried };
  const starts = [found.judged.motion, ...reflected(scene, mirrored.motion).filter((motion) => space.allows(motion))];
  const beside = await attempt(crew, scene, { ...space, starts, others: [] }, QUICK, tell);
  return {
    found: worth(beside.judged) > worth(found.judged) ? beside : found,
    mirrored: worth(beside.mirrored) > worth(mirrored) ? beside.mirrored : mirrored,
    tried: tried + beside.located.tried,
  };
}

function requireOptions({
  searchMm,
  searchDeg,
  threads,
}: Pick<VolumeRegistrationOptions<MotionKind, string, string>, 'searchMm' | 'searchDeg' | 'threads'>): void {
  const positive = (x: number): boolean => x > 0;
  const checks: ReadonlyArray<readonly [string, number | undefined, (x: number) => boolean, string]> = [
    ['searchMm', searchMm, positive, 'above 0'],
    ['searchDeg', searchDeg, positive, 'above 0'],
    ['threads', threads, (x) => Number.isInteger(x) && x >= 0 && x <= 64, 'a whole number from 0 to 64'],
  ];
  for (const [name, value, fits, what] of checks) {
    if (value === undefined || fits(value)) continue;
    throw new NavError('registration/bad-option', `${name} must be ${what}, got ${value}.`, { detail: { name, value } });
  }
}

function covarianceOf(
  finest: Reached,
  finish: Finished,
  scene: Scene,
  fixed: AnyVolume,
  moving: AnyVolume,
): Float64Array | undefined {
  const spacing = Math.max(...[fixed, moving].map((v) => Math.cbrt(spacingOf(v).reduce((a, b) => a * b, 1))));
  return poseCovariance((finest.detail as Detail).covariance, finish.motion, scene.ladder.radiusMm, spacing);
}

/** From this confidence on the quick search is enough. */
const SURE = 0.9;
const MUCH_OVERLAP = 0.6;

async function crewOf({
  threads = 0,
  signal,
  createWorker,
}: Pick<VolumeRegistrationOptions<MotionKind, string, string>, 'threads' | 'signal' | 'createWorker'>): Promise<Crew> {
  if (threads > 0) return workerCrew(threads, signal, createWorker);
  const kernel = borrowKernel(await kernelModule());
  return inlineCrew(new Workshop(kernel), signal, () => returnKernel(kernel));
}

function result<F extends string, M extends string>(
  fixed: Volume<F>,
  moving: Volume<M>,
  kind: MotionKind,
  matrix: Float64Array,
  covariance: Float64Array | undefined,
  report: VolumeRegistrationReport,
): RigidVolumeRegistration<F, M> | AffineVolumeRegistration<F, M> {
  const provenance = { method: `mutual-information-${kind}` };
  if (kind === 'rigid') {
    const movingFromFixed = transform(moving.frame, fixed.frame, matrix, { provenance, ...(covariance && { covariance }) });
    return { kind, movingFromFixed, fixedFromMoving: invert(movingFromFixed), ...report };
  }
  const movingFromFixed = affineTransform(moving.frame, fixed.frame, matrix, provenance);
  return { kind, movingFromFixed, fixedFromMoving: invertAffine(movingFromFixed), ...report };
}

/** @throws NavError `frame/mismatch`, `registration/bad-parameters` */
function requireStart<F extends string, M extends string>(
  initial: AffineTransform<M, F> | undefined,
  fixed: Volume<F>,
  moving: Volume<M>,
): void {
  if (initial === undefined) return;
  requireSameFrame(moving.frame, initial.to, 'The initial transform');
  requireSameFrame(fixed.frame, initial.from, 'The initial transform');
  if (rigidityError(initial.matrix) > 1e-6) {
    throw new NavError(
      'registration/bad-parameters',
      'A registration of volumes starts from a rigid transform; this one scales or shears.',
    );
  }
}
