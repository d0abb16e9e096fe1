import { NavError } from '../../base/index.js';
import { requireSameFrame } from '../../frames/index.js';
import type { AnyBiopsyCore, BiopsyCore } from './core.js';
import { Displacements, type Nodes, nodesOf, scalesOf } from './displaced.js';
import { type BiopsyTarget, requireTargets } from './target.js';

/** What counts as sampled, and how finely it is integrated. */
export interface SamplingOptions {
  /** The least length of core within the target, mm. Default 1. */
  readonly atLeastMm?: number;
  /** Nodes of the integral. Default 8192, which is within half a point of a probability; 1024 to look at while moving. */
  readonly nodes?: number;
}

/** What one core sampled of a target. */
export interface CoreSampling {
  readonly core: string;
  /** That at least so many mm of it lay within. */
  readonly probability: number;
  /** Its mean length within, mm. */
  readonly expectedMm: number;
}

/** What the cores together sampled of a target. */
export interface TargetSampling {
  readonly target: string;
  /** That at least one core sampled it. */
  readonly probability: number;
  /** By core, in the order they were given. */
  readonly cores: readonly CoreSampling[];
}

/** What was sampled with what probability. */
export interface BiopsyMap {
  readonly atLeastMm: number;
  readonly targets: readonly TargetSampling[];
}

/**
 * The probability that a core sampled a target: the integral over its pose's error, six-dimensional and Student's where the error's
 * scale was estimated. The same numbers give the same answer.
 * @throws NavError `frame/mismatch`, `guidance/bad-option`, `biopsy/bad-core` for degrees of freedom that are none
 */
export function coreSampling<F extends string>(
  core: BiopsyCore<F>,
  target: BiopsyTarget<NoInfer<F>>,
  options: SamplingOptions = {},
): CoreSampling {
  const { atLeastMm, count } = checked(options);
  requireTargets(core.frame, [target]);
  const nodes = nodesOf(count, 0);
  const axes = new Displacements(core.covariance, middleOf(core), core.gun.notchMm / 2);
  const scales = scalesOf(nodes, freedomOf(core));
  const ends = endsOf(core, count, (places, n) => axes.move(places, nodes.normals, 6 * n, scales[n] as number));
  const { hits, expectedMm } = sampledBy(ends, target, atLeastMm);
  return { core: core.id, probability: hits.reduce((a, b) => a + b, 0) / count, expectedMm };
}

/**
 * The biopsy map: for each target, which cores sampled it with what probability, and with what probability any did.
 *
 * Cores made by one registration share its error: if it is off, all are off together, and a second core beside the first adds less
 * than two independent chances would. So that error is drawn once for all of them, and the rest (tracking, calibration) for each by
 * itself. Cores that do not tell their registration are taken to share all of their error, which gives the smaller answer where they
 * lie side by side. Where the scale of the errors was estimated, it is taken as one factor for all.
 * @throws NavError `frame/mismatch`, `guidance/wrong-frame-of-reference` where the cores are not all of one, `biopsy/bad-core` for two
 * cores of one id, `guidance/bad-option`
 */
export function biopsyMap<F extends string>(
  cores: readonly BiopsyCore<F>[],
  targets: readonly BiopsyTarget<NoInfer<F>>[],
  options: SamplingOptions = {},
): BiopsyMap {
  const { atLeastMm, count } = checked(options);
  requireTogether(cores);
  if (cores[0] !== undefined) requireTargets(cores[0].frame, targets);
  const drawn = drawAll(cores, count);
  return {
    atLeastMm,
    targets: targets.map((target) => {
      const missed = new Uint8Array(count).fill(1);
      const each = cores.map((core, c) => {
        const { hits, expectedMm } = sampledBy(drawn[c] as Float64Array, target, atLeastMm);
        let sum = 0;
        for (let n = 0; n < count; n += 1) {
          sum += hits[n] as number;
          if (hits[n] === 1) missed[n] = 0;
        }
        return { core: core.id, probability: sum / count, expectedMm };
      });
      return { target: target.name, probability: 1 - missed.reduce((a, b) => a + b, 0) / count, cores: each };
    }),
  };
}

/** A target with what speaks for sampling it next. */
export interface NextTarget {
  readonly target: string;
  /** Its weight times the probability that it was not sampled yet. */
  readonly gain: number;
}

/**
 * Which target to sample next: all of them, the one with the most to gain first.
 * @param weights by target name: how much a sample of it is worth, for instance the suspicion it was given. Default 1
 */
export function nextTargets(map: BiopsyMap, weights: Readonly<Record<string, number>> = {}): readonly NextTarget[] {
  return map.targets
    .map(({ target, probability }) => ({ target, gain: (weights[target] ?? 1) * (1 - probability) }))
    .sort((a, b) => b.gain - a.gain);
}

/** Both ends of every core at every node, with the errors they share. */
function drawAll(cores: readonly AnyBiopsyCore[], count: number): Float64Array[] {
  const scaleNodes = nodesOf(count, 0);
  const groups: string[] = [];
  const middle = meanOf(cores.map(middleOf));
  const lever = Math.max(1, ...cores.map((core) => Math.hypot(...middleOf(core).map((v, k) => v - (middle[k] as number)))));
  return cores.map((core, c) => {
    const key = JSON.stringify(core.registration ?? 'untold');
    if (!groups.includes(key)) groups.push(key);
    // The first group's error goes with the scale's quantiles; others, and what is a core's own, go their own ways.
    const shared: Nodes = nodesOf(count, groups.indexOf(key));
    const own: Nodes = nodesOf(count, 100 + c);
    const scales = scalesOf(scaleNodes, freedomOf(core));
    const common = new Displacements(core.registration?.covariance ?? core.covariance, middle, lever);
    const rest =
      core.registration &&
      new Displacements(minus(core.covariance, core.registration.covariance), middleOf(core), core.gun.notchMm / 2);
    return endsOf(core, count, (places, n) => {
      const scale = scales[n] as number;
      rest?.move(places, own.normals, 6 * n, scale);
      common.move(places, shared.normals, 6 * n, scale);
    });
  });
}

function endsOf(core: AnyBiopsyCore, count: number, move: (places: Float64Array, node: number) => void): Float64Array {
  const ends = new Float64Array(6 * count);
  for (let n = 0; n < count; n += 1) {
    const places = ends.subarray(6 * n, 6 * n + 6);
    places.set(core.near, 0);
    places.set(core.far, 3);
    move(places, n);
  }
  return ends;
}

function sampledBy(
  ends: Float64Array,
  target: Pick<BiopsyTarget<string>, 'lengthInside'>,
  atLeastMm: number,
): { hits: Uint8Array; expectedMm: number } {
  const hits = new Uint8Array(ends.length / 6);
  const [a, b] = [new Float64Array(3), new Float64Array(3)];
  let sum = 0;
  for (let n = 0; n < hits.length; n += 1) {
    for (let k = 0; k < 3; k += 1) {
      a[k] = ends[6 * n + k] as number;
      b[k] = ends[6 * n + 3 + k] as number;
    }
    const length = target.lengthInside(a, b);
    sum += length;
    if (length >= atLeastMm) hits[n] = 1;
  }
  return { hits, expectedMm: sum / hits.length };
}

function checked({ atLeastMm = 1, nodes = 8192 }: SamplingOptions): { atLeastMm: number; count: number } {
  if (!(atLeastMm > 0 && Number.isFinite(atLeastMm) && Number.isInteger(nodes) && nodes >= 64 && nodes <= 2 ** 20)) {
    throw new NavError(
      'guidance/bad-option',
      `Sampling needs a least length above 0 mm and 64 … ${2 ** 20} nodes, got ${atLeastMm} mm and ${nodes}.`,
    );
  }
  return { atLeastMm, count: nodes };
}

function requireTogether(cores: readonly AnyBiopsyCore[]): void {
  const first = cores[0];
  const ids = new Set<string>();
  for (const core of cores) {
    if (first === undefined) return;
    requireSameFrame(first.frame, core.frame, `Core "${core.id}"`);
    if (core.frameOfReferenceUid !== first.frameOfReferenceUid) {
      throw new NavError(
        'guidance/wrong-frame-of-reference',
        `Core "${core.id}" was recorded in ${core.frameOfReferenceUid}, core "${first.id}" in ${first.frameOfReferenceUid}. ` +
          'Make a map of the cores of one, or register the images and carry them over.',
      );
    }
    if (ids.has(core.id)) {
      throw new NavError('biopsy/bad-core', `Two cores are called "${core.id}". Give each its own id, and each only once.`);
    }
    ids.add(core.id);
  }
}

/** Infinite degrees of freedom come back from JSON as null; anything else that is no number above 0 would shrink the error. */
function freedomOf(core: AnyBiopsyCore): number {
  const freedom = (core.degreesOfFreedom as number | null) ?? Number.POSITIVE_INFINITY;
  if (freedom > 0) return freedom;
  throw new NavError(
    'biopsy/bad-core',
    `Core "${core.id}" has ${freedom} degrees of freedom. Read it again from where it was stored.`,
  );
}

const middleOf = (core: AnyBiopsyCore): number[] => core.near.map((v, k) => (v + (core.far[k] as number)) / 2);

function meanOf(places: readonly (readonly number[])[]): number[] {
  return [0, 1, 2].map((k) => places.reduce((sum, p) => sum + (p[k] as number), 0) / Math.max(1, places.length));
}

function minus(a: readonly number[], b: readonly number[]): number[] {
  return a.map((v, n) => v - (b[n] as number));
}
