import { point, transform } from '@trocar/core';
import { multiply4, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
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
} from '../testing/surfaces.js';
import { prepareSurface } from './prepare-surface.js';
import { registerSurface } from './register-surface.js';

describe('the expected error of a surface registration', () => {
  it('is the simulated one to 10 %, and its 95 % bound covers, over random heads, patches, noise and outliers', () => {
    const random = new Random(inject('seed') + 6);
    const configurations = 3;
    const runs = 100 * inject('effort');
    let squares = 0;
    let predicted = 0;
    let covered = 0;
    let total = 0;
    for (let c = 0; c < configurations; c += 1) {
      const mesh = headMesh(randomHead(random), 5);
      const prepared = prepareSurface(mesh);
      const direction = [random.between(-0.5, 0.5), -1, random.between(-0.2, 0.4)];
      const sampler = new SurfaceSampler(mesh, cap([0, 0, 0], direction, random.between(50, 70)));
      const model = { count: 40 + random.below(160), noiseMm: random.between(0.3, 1), outliers: c % 2 === 0 ? 0 : 0.1 };
      const target = [random.between(-40, 40), random.between(-20, 50), random.between(-30, 50)];
      for (let run = 0; run < runs; run += 1) {
        const truth = disturbance(random, [0, 0, 0], 170 * random.uniform(), 200);
        const points = seenBy(truth, touched(random, sampler, model));
        const start = multiply4(new Float64Array(16), disturbance(random, [0, 0, 0], 4, 4), truth);
        const result = registerSurface(CT, TRACKER, prepared, points, { start: transform(CT, TRACKER, start) });
        const error = errorAt(result.edge.matrix, truth, target);
        const expected = result.expectedTre(point(CT, target));
        // Each configuration counts alike, whatever its level.
        squares += (error / expected.rmsMm) ** 2;
        predicted += 1;
        total += 1;
        if (error <= expected.p95Mm) covered += 1;
      }
    }
    const ratio = Math.sqrt(predicted / squares);
    console.log(
      `surface TRE: predicted / simulated ${ratio.toFixed(3)}, coverage ${((100 * covered) / total).toFixed(1)} % of ${total}`,
    );
    expect(ratio).toBeGreaterThan(0.9);
    expect(ratio).toBeLessThan(1.1);
    // The sampling noise of so few runs on top of the 93 to 97 % that npm run bench -- surface holds it to.
    const slack = 2.6 * Math.sqrt((0.05 * 0.95) / total);
    expect(covered / total).toBeGreaterThanOrEqual(0.93 - slack);
    expect(covered / total).toBeLessThanOrEqual(0.97 + slack);
  });
});
