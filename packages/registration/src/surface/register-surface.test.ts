import { transform } from '@trocar/core';
import { multiply4, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import {
  CT,
  cap,
  disturbance,
  errorAt,
  headMesh,
  phantomHeadMesh,
  randomHead,
  SurfaceSampler,
  seenBy,
  TRACKER,
  touched,
} from '../testing/surfaces.js';
import { prepareSurface } from './prepare-surface.js';
import { registerSurface } from './register-surface.js';

const FRONT = cap([0, 0, 10], [0, -1, 0.15], 62);
const TARGETS = [
  [0, 0, 10],
  [35, 0, 20],
  [-30, 25, 30],
  [0, -20, -5],
];

function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(p * (sorted.length - 1))] as number;
}

describe('surface registration from a start pose', () => {
  const seed = inject('seed');
  it.each([
    { name: 'the head phantom', make: () => phantomHeadMesh(4) },
    { name: 'a head drawn at random', make: () => headMesh(randomHead(new Random(seed + 3)), 4) },
  ])('$name: 200 points, 10 % outliers, 15°/15 mm off: deep targets to 0.45 mm (median), 0.7 mm (p90)', ({ make }) => {
    const random = new Random(seed);
    const surface = make();
    const prepared = prepareSurface(surface);
    const sampler = new SurfaceSampler(surface, FRONT);
    const errors: number[] = [];
    for (let run = 0; run < 12 * inject('effort'); run += 1) {
      const truth = disturbance(random, [0, 0, 0], 180 * random.uniform(), 300);
      const points = seenBy(truth, touched(random, sampler, { count: 200, noiseMm: 0.5, outliers: 0.1 }));
      const off = multiply4(new Float64Array(16), disturbance(random, [0, 0, 0], 15, 15), truth);
      const result = registerSurface(CT, TRACKER, prepared, points, { start: transform(CT, TRACKER, off) });
      errors.push(...TARGETS.map((t) => errorAt(result.edge.matrix, truth, t)));
    }
    expect(quantile(errors, 0.5)).toBeLessThan(0.45);
    expect(quantile(errors, 0.9)).toBeLessThan(0.7);
  });
});
