import { point, transform } from '@trocar/core';
import { multiply4, type Random } from '@trocar/core/math';
import { prepareSurface, registerSurface } from '@trocar/registration';
import {
  CT,
  cap,
  disturbance,
  errorAt,
  headMesh,
  randomHead,
  SurfaceSampler,
  seenBy,
  TRACKER,
  touched,
} from '../../packages/registration/src/testing/surfaces.js';

/** Expected over simulated TRE (rms) of each configuration, and the share of errors under their 95 % bound, %. */
export interface Covered {
  readonly ratios: number[];
  readonly share: number;
}

/** Monte Carlo over heads, patches, counts, noise, outliers and targets drawn at random. */
export function coverage(random: Random, configurations: number, runs: number): Covered {
  const ratios: number[] = [];
  let covered = 0;
  for (let c = 0; c < configurations; c += 1) {
    const mesh = headMesh(randomHead(random), 4);
    const prepared = prepareSurface(mesh);
    const direction = [random.between(-0.5, 0.5), -1, random.between(-0.2, 0.4)];
    const sampler = new SurfaceSampler(mesh, cap([0, 0, 0], direction, random.between(50, 70)));
    const model = { count: 40 + random.below(160), noiseMm: random.between(0.3, 1), outliers: c % 2 === 0 ? 0 : 0.1 };
    const target = [random.between(-40, 40), random.between(-20, 50), random.between(-30, 50)];
    let errors = 0;
    let expected = 0;
    for (let run = 0; run < runs; run += 1) {
      const truth = disturbance(random, [0, 0, 0], 170 * random.uniform(), 200);
      const points = seenBy(truth, touched(random, sampler, model));
      const start = multiply4(new Float64Array(16), disturbance(random, [0, 0, 0], 4, 4), truth);
      const result = registerSurface(CT, TRACKER, prepared, points, { start: transform(CT, TRACKER, start) });
      const error = errorAt(result.edge.matrix, truth, target);
      const { rmsMm, p95Mm } = result.expectedTre(point(CT, target));
      errors += error * error;
      expected += rmsMm * rmsMm;
      if (error <= p95Mm) covered += 1;
    }
    ratios.push(Math.sqrt(expected / errors));
  }
  return { ratios, share: (100 * covered) / (configurations * runs) };
}
