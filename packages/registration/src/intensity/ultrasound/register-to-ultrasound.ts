import { invert, NavError, type Point, requireSameFrame, type Transform, transform } from '@trocar/core';
import { identity4, multiply4, Random } from '@trocar/core/math';
import { type AnyVolume, requireNoShear, type Volume } from '@trocar/core/volume';
import { type ExpectedTre, expectedTreOf } from '../../accuracy/expected-tre.js';
import { aboutOrigin } from '../../accuracy/pose-covariance.js';
import type { ResultOutcome } from '../../outcome.js';
import { lc2WorkerCrew } from '../../worker/pool.js';
import { Breath } from '../breath.js';
import { inlineLc2Crew, type Lc2Crew } from './crew.js';
import { boxOf } from './cubes-of.js';
import { type Gathered, gather, type UltrasoundEvidence } from './evidence.js';
import { lc2Module } from './kernels/wasm-lc2.js';
import { type Judgement, judged, type UltrasoundFinding } from './knowing.js';
import { levelsOf, type Sources, type UltrasoundMetric } from './levels.js';
import { isCt } from './modality.js';
import { type SearchOptions, search } from './search.js';
import { Lc2Workshop } from './workshop.js';

/** How to register to ultrasound. */
export interface UltrasoundRegistrationOptions<U extends string, M extends string> {
  /** Where to start: ultrasound from moving. Default: both already share their coordinates. */
  readonly initial?: Transform<U, M>;
  /** How far `initial` may be off at the middle of the ultrasound, mm. Default 10. */
  readonly searchMm?: number;
  /** How far `initial` may be turned, degrees. Default 10. */
  readonly searchDeg?: number;
  /**
   * What the moving images are. Of CT the values are windowed to soft tissue, and what borders send back along the beam helps to
   * explain the ultrasound. Default: as each says; one that says nothing is CT where it has air at −1000 and tissue around 0.
   */
  readonly modality?: 'ct' | 'mr';
  /**
   * Where the beams come from: the middle of the probe's face, or the fan's apex behind it. With it the first 6 mm and
   * shadows are left out. Default: unknown, everything in the fan is used; for CT the apex is taken from the fan's shape.
   */
  readonly probe?: Point<U>;
  /**
   * `lc2` (default): how far the moving images explain the ultrasound. `mind`: how alike both are to themselves around each
   * place (MIND-SSC), which asks nothing of their intensities, and finds less. Each is checked by the other.
   */
  readonly metric?: UltrasoundMetric;
  /** Seed of the starts: the same input and seed give the same result. Default 1. */
  readonly seed?: number;
  /**
   * How many workers to use, 0 … 64: the result does not depend on it, to the last bit. Default 0: everything in the caller's
   * thread, with pauses. Two or more help; workers are kept for half a minute for the next registration.
   */
  readonly threads?: number;
  /** Makes the Web Worker of `intensity.worker.js`, where a page's bundler does not find it by itself. */
  readonly createWorker?: () => Worker;
  /**
   * Ends the registration: it throws `registration/aborted`, at the next pause, which is some hundredths of a second away, and
   * while images are made ready, large ones without workers above all, some tenths.
   */
  readonly signal?: AbortSignal;
  /** Called with the fraction done, 0 … 1. */
  readonly progress?: (fraction: number) => void;
}

/** A rigid registration of CT or MR to ultrasound. */
export interface UltrasoundRegistration<U extends string, M extends string> {
  /** `ambiguous` where another pose explains the ultrasound about as well, `failed` where nothing shows that this one does. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly UltrasoundFinding[];
  /**
   * Ultrasound from moving, with covariance: what other patches of the same ultrasound would have given. What is not rigid,
   * brain shift above all, is in it only as far as it shows between patches.
   */
  readonly usFromMoving: Transform<U, M>;
  /** Probability that the pose is right to about 2.5 mm, 0 … 1: from the evidence, calibrated on simulated ultrasound. */
  readonly confidence: number;
  readonly evidence: UltrasoundEvidence;
  /** Expected target registration error at a point of the ultrasound's frame, mm. */
  expectedTre(target: Point<U>): ExpectedTre;
}

/**
 * Registers CT or MR to an ultrasound volume, rigidly, by LC2: which pose explains the ultrasound, patch by patch, as a
 * mixture of the moving images' intensities and edges. Several moving images of one frame (T1 and FLAIR, say) explain it
 * together. Searched from many starts around `initial`, so that it need not be close.
 *
 * @param us ultrasound volume, compounded: echoes, log-compressed as usual, one value (0, as a rule) outside the fan
 * @param moving one or more CT or MR volumes in one frame
 * @throws NavError `frame/mismatch`, `registration/bad-option`, `registration/sheared-volume`, `registration/no-overlap`
 * (too little of the ultrasound on the moving images at `initial`, or nothing in its fan), `registration/failed` (a worker that
 * died), `registration/aborted`
 */
export async function registerToUltrasound<U extends string, M extends string>(
  us: Volume<U>,
  moving: readonly Volume<M>[],
  options: UltrasoundRegistrationOptions<U, M> = {},
): Promise<UltrasoundRegistration<U, M>> {
  const first = requireImages(us, moving);
  const { searchMm, searchRad, seed, metric } = requireOptions(us, first, options);
  const initial = options.initial?.matrix ?? identity4();
  // The moving images are taken to where they are thought to lie: what is searched is then a small motion in one frame.
  const ct = (v: Volume<M>): boolean => (options.modality === undefined ? isCt(v) : options.modality === 'ct');
  const placed = moving.map((v) => ({
    ...v,
    modality: ct(v) ? 'CT' : 'MR',
    frameFromIndex: multiply4(identity4(), initial, v.frameFromIndex),
  }));
  const breath = new Breath(options.signal);
  options.progress?.(0);
  await breath.take();
  const crew = await crewOf(options);
  // Where little is searched, rivals are still looked for further out: without them nothing can be said.
  const range = { searchMm: Math.max(searchMm, LEAST_MM), searchRad: Math.max(searchRad, LEAST_RAD) };
  const sources = {
    us,
    moving: placed,
    marginMm: marginOf(us, range.searchMm, range.searchRad),
    probe: options.probe?.xyz,
    metric,
  };
  const gathered = await gatheredBy(
    crew,
    { ...sources, breathe: () => breath.take() },
    {
      ...range,
      random: new Random(seed),
      progress: (fraction) => options.progress?.(fraction),
    },
  );
  const judgement = judged(gathered.evidence, { searchMm, searchDeg: (searchRad * 180) / Math.PI, images: moving.length });
  options.progress?.(1);
  return assembled(us, first, initial, gathered, judgement);
}

async function crewOf({
  threads = 0,
  signal,
  createWorker,
}: Pick<UltrasoundRegistrationOptions<string, string>, 'threads' | 'signal' | 'createWorker'>): Promise<Lc2Crew> {
  if (threads > 0) return lc2WorkerCrew(threads, signal, createWorker);
  return inlineLc2Crew(new Lc2Workshop(await lc2Module()), signal);
}

/** Searches, and gathers what speaks for what was found. */
async function gatheredBy(crew: Lc2Crew, sources: Sources, how: Omit<SearchOptions, 'crew'>): Promise<Gathered> {
  try {
    const levels = await levelsOf(sources, crew);
    how.progress(0.1);
    const progress = (fraction: number): void => how.progress(0.1 + 0.8 * fraction);
    const found = await search(levels, identity4(), { ...how, crew, progress });
    return await gather(levels, found, identity4(), crew);
  } finally {
    crew.close();
  }
}

/** The least range that starts are drawn from. */
const LEAST_MM = 8;
const LEAST_RAD = 0.14;

function assembled<U extends string, M extends string>(
  us: Volume<U>,
  moving: Volume<M>,
  initial: ArrayLike<number>,
  { evidence, matrix, covariance, pivot }: Gathered,
  judgement: Judgement,
): UltrasoundRegistration<U, M> {
  const placedFromUs = transform(us.frame, us.frame, matrix, {
    ...(covariance && { covariance: aboutOrigin(covariance, pivot) }),
  });
  const usFromPlaced = invert(placedFromUs);
  const usFromMoving = transform(us.frame, moving.frame, multiply4(identity4(), usFromPlaced.matrix, initial), {
    ...(usFromPlaced.covariance && { covariance: usFromPlaced.covariance }),
    provenance: { method: `${evidence.metric}-rigid` },
  });
  return {
    ...judgement,
    usFromMoving,
    evidence,
    expectedTre(target) {
      requireSameFrame(us.frame, target.frame, 'Predicting the target registration error');
      return expectedTreOf(usFromMoving, target);
    },
  };
}

function requireImages<U extends string, M extends string>(us: Volume<U>, moving: readonly Volume<M>[]): Volume<M> {
  const first = moving[0];
  if (first === undefined)
    throw new NavError('registration/bad-option', 'Registering to ultrasound needs at least one moving image.');
  for (const v of moving) requireSameFrame(first.frame, v.frame, 'Registering several images to ultrasound at once');
  for (const v of [us, ...moving]) requireNoShear(v, 'Registering to ultrasound');
  return first;
}

function requireOptions<U extends string, M extends string>(
  us: Volume<U>,
  moving: Volume<M>,
  options: UltrasoundRegistrationOptions<U, M>,
): { readonly searchMm: number; readonly searchRad: number; readonly seed: number; readonly metric: UltrasoundMetric } {
  if (options.probe !== undefined) requireSameFrame(us.frame, options.probe.frame, 'The place of the probe');
  const { initial, searchMm = 10, searchDeg = 10, seed = 1, threads = 0, metric = 'lc2' } = options;
  if (initial !== undefined) {
    requireSameFrame(us.frame, initial.to, 'The initial transform');
    requireSameFrame(moving.frame, initial.from, 'The initial transform');
  }
  const inRange = (x: number, most: number): boolean => x >= 0 && x <= most;
  if (!inRange(searchMm, 50) || !inRange(searchDeg, 45) || !Number.isInteger(seed)) {
    throw new NavError(
      'registration/bad-option',
      `searchMm must be 0 … 50, searchDeg 0 … 45 and seed a whole number, got ${searchMm}, ${searchDeg} and ${seed}. ` +
        'Images that are further apart need an initial transform.',
      { detail: { searchMm, searchDeg, seed } },
    );
  }
  if (!Number.isInteger(threads) || !inRange(threads, 64)) {
    throw new NavError('registration/bad-option', `threads must be a whole number from 0 to 64, got ${threads}.`, {
      detail: { threads },
    });
  }
  if (options.modality !== undefined && options.modality !== 'ct' && options.modality !== 'mr')
    throw new NavError('registration/bad-option', `modality must be ct or mr, got ${String(options.modality)}.`);
  if (metric !== 'lc2' && metric !== 'mind')
    throw new NavError('registration/bad-option', `metric must be lc2 or mind, got ${String(metric)}.`, { detail: { metric } });
  return { searchMm, searchRad: (searchDeg * Math.PI) / 180, seed, metric };
}

/** How far the ultrasound may come to reach beyond its own box, mm. */
function marginOf(us: AnyVolume, searchMm: number, searchRad: number): number {
  const { low, high } = boxOf(us);
  const half = Math.hypot(...[0, 1, 2].map((r) => ((high[r] as number) - (low[r] as number)) / 2));
  return 1.5 * searchMm + half * Math.min(1, 1.5 * searchRad) + 5;
}
