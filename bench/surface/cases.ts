import { type Point, type Transform, transform } from '@trocar/core';
import { multiply4, Random, transformPoint } from '@trocar/core/math';
import type { Mesh } from '@trocar/core/volume';
import { type PreparedSurface, registerSurface } from '@trocar/registration';
import {
  CT,
  cap,
  disturbance,
  errorAt,
  SurfaceSampler,
  seenBy,
  TRACKER,
  touched,
} from '../../packages/registration/src/testing/surfaces.js';
import { type PeerJob, runVtk } from './peer.js';

/** One row of the comparison: what is touched, and how far off it starts. */
export interface Case {
  readonly name: string;
  readonly count: number;
  readonly noiseMm: number;
  readonly outliers: number;
  readonly degrees: number;
  readonly mm: number;
  /** Outliers in any direction, and not only lifted off the surface. */
  readonly stray?: 'lifted' | 'any';
}

/** The cases of VTK's measured figures, and the one that combines the hard halves of two. */
export const CASES: readonly Case[] = [
  { name: '200 points, 0.5 mm noise, start 5°/5 mm', count: 200, noiseMm: 0.5, outliers: 0, degrees: 5, mm: 5 },
  { name: '200 points, 0.5 mm noise, start 15°/15 mm', count: 200, noiseMm: 0.5, outliers: 0, degrees: 15, mm: 15 },
  {
    name: '200 points, 0.5 mm noise, 10 % outliers, start 10°/10 mm',
    count: 200,
    noiseMm: 0.5,
    outliers: 0.1,
    degrees: 10,
    mm: 10,
  },
  {
    name: '1000 points, 1 mm noise, 10 % outliers, start 10°/10 mm',
    count: 1000,
    noiseMm: 1,
    outliers: 0.1,
    degrees: 10,
    mm: 10,
  },
  {
    name: '200 points, 0.5 mm noise, 10 % outliers, start 15°/15 mm',
    count: 200,
    noiseMm: 0.5,
    outliers: 0.1,
    degrees: 15,
    mm: 15,
  },
  {
    name: '200 points, 0.5 mm noise, 10 % outliers in any direction, start 15°/15 mm',
    count: 200,
    noiseMm: 0.5,
    outliers: 0.1,
    degrees: 15,
    mm: 15,
    stray: 'any',
  },
];

/** A surface with what is touched of it and what must be hit in it. */
export interface Scene {
  readonly name: string;
  readonly mesh: Mesh<'ct'>;
  readonly prepared: PreparedSurface<'ct'>;
  readonly centre: readonly number[];
}

/** Four deep places, mm. */
function targetsOf({ centre }: Scene): number[][] {
  return [
    [0, 0, 0],
    [35, 0, 10],
    [-30, 25, 20],
    [0, -20, -15],
  ].map((t) => t.map((x, k) => x + (centre[k] as number)));
}

interface Trial {
  readonly truth: Float64Array;
  readonly points: Point<'tracker'>[];
  readonly start: Transform<'ct', 'tracker'>;
}

function trials(
  scene: Scene,
  { count, noiseMm, outliers, degrees, mm, stray = 'lifted' }: Case,
  runs: number,
  seed: number,
): Trial[] {
  const random = new Random(seed);
  const sampler = new SurfaceSampler(scene.mesh, cap(scene.centre, [0, -1, 0.15], 45));
  return Array.from({ length: runs }, () => {
    const truth = disturbance(random, [0, 0, 0], 180 * random.uniform(), 300);
    const points = seenBy(truth, touched(random, sampler, { count, noiseMm, outliers, stray }));
    const off = multiply4(new Float64Array(16), disturbance(random, scene.centre, degrees, mm), truth);
    return { truth, points, start: transform(CT, TRACKER, off) };
  });
}

/** TRE of every target of every trial, mm, and processor time of every trial, ms. */
export interface Figures {
  readonly tre: number[];
  readonly ms: number[];
}

/** One case, ours and (where there is one) the peer's with 100 iterations and with 1000 on all points. */
export interface Measured {
  readonly ours: Figures;
  readonly outcomes: Record<string, number>;
  /** Ours on the points that are none of the outliers alone: what knowing them would give. */
  readonly floor: number[];
  readonly peer100: Figures | undefined;
  readonly peer1000: Figures | undefined;
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Runs one case: each trial's data go to both contenders. */
export function measure(scene: Scene, one: Case, runs: number, seed: number, python: string | undefined): Measured {
  const all = trials(scene, one, runs, seed);
  const targets = targetsOf(scene);
  const ours: Figures = { tre: [], ms: [] };
  const outcomes: Record<string, number> = {};
  const floor: number[] = [];
  for (const { truth, points, start } of all) {
    const from = processorMs();
    const result = registerSurface(CT, TRACKER, scene.prepared, points, { start });
    ours.ms.push(processorMs() - from);
    ours.tre.push(...targets.map((t) => errorAt(result.edge.matrix, truth, t)));
    outcomes[result.outcome] = (outcomes[result.outcome] ?? 0) + 1;
    // Outliers come first.
    const good = points.slice(Math.round(one.outliers * one.count));
    const known = registerSurface(CT, TRACKER, scene.prepared, good, { start: transform(CT, TRACKER, truth) });
    floor.push(...targets.map((t) => errorAt(known.edge.matrix, truth, t)));
  }
  if (python === undefined) return { ours, outcomes, floor, peer100: undefined, peer1000: undefined };
  const peer = (iterations: number, landmarks: number): Figures =>
    peerFigures(scene, all, targets, python, iterations, landmarks);
  return { ours, outcomes, floor, peer100: peer(100, 200), peer1000: peer(1000, one.count) };
}

function peerFigures(
  scene: Scene,
  all: readonly Trial[],
  targets: readonly number[][],
  python: string,
  iterations: number,
  landmarks: number,
): Figures {
  const jobs = all.map(({ points, start }): PeerJob => {
    const p = new Float64Array(3);
    return { points: points.flatMap(({ xyz }) => Array.from(transformPoint(p, start.matrix, xyz))), iterations, landmarks };
  });
  const tre: number[] = [];
  const answers = runVtk(python, scene.mesh, jobs);
  answers.forEach(({ matrix }, n) => {
    const { truth, start } = all[n] as Trial;
    const found = multiply4(new Float64Array(16), matrix, start.matrix);
    tre.push(...targets.map((t) => errorAt(found, truth, t)));
  });
  return { tre, ms: answers.map((a) => a.ms) };
}

/** A quantile by rank. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(p * (sorted.length - 1))] ?? Number.NaN;
}
