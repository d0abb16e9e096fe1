import { point, transform } from '@trocar/core';
import { multiply4, type Random } from '@trocar/core/math';
import { prepareSurface } from '../surface/prepare-surface.js';
import { registerSurface } from '../surface/register-surface.js';
import { CT, cap, disturbance, errorAt, headMesh, randomHead, SurfaceSampler, seenBy, TRACKER, touched } from './surfaces.js';

/** One registration beside the truth. */
export interface SurfaceTrial {
  readonly configuration: number;
  /** How far the target was misplaced, mm. */
  readonly errorMm: number;
  /** What was expected there, mm. */
  readonly rmsMm: number;
  readonly p95Mm: number;
}

/**
 * Monte Carlo over heads, patches, counts, noise, outliers (every second configuration) and targets drawn at random; starts
 * 4° and 4 mm off.
 * @param fineness edge of the heads' triangles, mm
 */
export function* surfaceTrials(random: Random, configurations: number, runs: number, fineness: number): Generator<SurfaceTrial> {
  for (let configuration = 0; configuration < configurations; configuration += 1) {
    const mesh = headMesh(randomHead(random), fineness);
    const prepared = prepareSurface(mesh);
    const direction = [random.between(-0.5, 0.5), -1, random.between(-0.2, 0.4)];
    const sampler = new SurfaceSampler(mesh, cap([0, 0, 0], direction, random.between(50, 70)));
    const outliers = configuration % 2 === 0 ? 0 : 0.1;
    const model = { count: 40 + random.below(160), noiseMm: random.between(0.3, 1), outliers };
    const target = [random.between(-40, 40), random.between(-20, 50), random.between(-30, 50)];
    for (let run = 0; run < runs; run += 1) {
      const truth = disturbance(random, [0, 0, 0], 170 * random.uniform(), 200);
      const points = seenBy(truth, touched(random, sampler, model));
      const start = multiply4(new Float64Array(16), disturbance(random, [0, 0, 0], 4, 4), truth);
      const result = registerSurface(CT, TRACKER, prepared, points, { start: transform(CT, TRACKER, start) });
      const { rmsMm, p95Mm } = result.expectedTre(point(CT, target));
      yield { configuration, errorMm: errorAt(result.edge.matrix, truth, target), rmsMm, p95Mm };
    }
  }
}
