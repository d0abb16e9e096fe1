import { describe, expect, inject, it } from 'vitest';
import { frame, transform } from '../../frames/index.js';
import { chiSquareCdf, fromQuaternion, Random } from '../../math/index.js';
import { ellipsoidMesh } from '../../testing/ablation/ellipsoid-mesh.js';
import { monteCarloCoverage } from '../../testing/ablation/monte-carlo-coverage.js';
import { coverageProbability } from './coverage.js';
import { surfaceZone } from './surface-zone.js';
import { ablationTarget } from './target.js';
import { ellipsoidZone, type PlacedProbe, placeProbe } from './zone.js';

const CT = frame('ct');
const TIP = frame('tip');
const CENTRE = [40, -25, 110];
const R = 12;
const surface = ellipsoidMesh(CT, CENTRE, [R, R, R], 16);
const target = ablationTarget(surface);
/** What is promised: two points of a hundred. */
const POINTS = 0.02;

/** Independent errors about a place, sd in mm and rad per axis, as a covariance about the origin of CT. */
function about(p: readonly number[], sdMm: readonly number[], sdRad: readonly number[]): Float64Array {
  const out = new Float64Array(36);
  const [x, y, z] = p as [number, number, number];
  // ρ = δ − φ × p = δ + [p]× φ.
  const cross = [0, -z, y, z, 0, -x, -y, x, 0];
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      const cell = 6 * i + j;
      out[cell] = i === j ? (sdMm[i] as number) ** 2 : 0;
      for (let k = 0; k < 3; k += 1) {
        out[cell] =
          (out[cell] as number) + (cross[3 * i + k] as number) * (cross[3 * j + k] as number) * (sdRad[k] as number) ** 2;
      }
      out[6 * i + 3 + j] = out[6 * (3 + j) + i] = (cross[3 * i + j] as number) * (sdRad[j] as number) ** 2;
    }
    out[7 * (i + 3)] = (sdRad[i] as number) ** 2;
  }
  return out;
}

function probe(
  random: Random,
  offset: readonly number[],
  radii: readonly number[],
  covariance: Float64Array | 'exact' = 'exact',
  degreesOfFreedom = Number.POSITIVE_INFINITY,
): PlacedProbe<'ct'> {
  const m = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [0, 0, 0]);
  for (let k = 0; k < 3; k += 1) m[12 + k] = (CENTRE[k] as number) + (offset[k] as number) - 9 * (m[8 + k] as number);
  const pose = transform(CT, TIP, m, { covariance, degreesOfFreedom });
  return placeProbe(pose, { radiiMm: radii as [number, number, number], centreMm: 9 });
}

describe('the probability of complete coverage', () => {
  it.each([
    [17, 0, 2.5],
    [18, 3, 2],
    [19.5, 5, 1],
  ])('of a ball in a ball of %d mm, margin %d mm, sd %d mm is that of a length of three normal errors', (Z, marginMm, sd) => {
    const zone = ellipsoidZone([probe(new Random(4), [0, 0, 0], [Z, Z, Z], about(CENTRE, [sd, sd, sd], [0, 0, 0]))]);
    const { probability, standardError } = coverageProbability(target, zone, { marginMm });
    const truth = chiSquareCdf(((Z - R - marginMm) / sd) ** 2, 3);
    expect(Math.abs(probability - truth)).toBeLessThan(POINTS);
    expect(standardError).toBeLessThan(0.01);
  });

  it('along one line is that of one normal error, and moves together, not point by point', () => {
    const zone = ellipsoidZone([probe(new Random(4), [0, 0, 0], [14, 14, 14], about(CENTRE, [2, 0, 0], [0, 0, 0]))]);
    // P(|x| ≤ 2 mm) with sd 2 mm; were the points independent, it would be next to nothing.
    expect(Math.abs(coverageProbability(target, zone).probability - chiSquareCdf(1, 1))).toBeLessThan(POINTS);
  });

  it('agrees with plain Monte Carlo: probes off centre, several, with rotations, shared errors and few degrees of freedom', () => {
    const random = new Random(1000 + inject('seed'));
    // The test's own points: ours take others, and fewer.
    const points = Array.from({ length: surface.positions.length / 3 }, (_, n) =>
      Array.from(surface.positions.subarray(3 * n, 3 * n + 3)),
    );
    for (let n = 0; n < 3 * inject('effort'); n += 1) {
      const between = (a: number, b: number): number => random.between(a, b);
      const errors = (): Float64Array =>
        about(
          CENTRE.map((v) => v + between(-60, 60)),
          [between(0.3, 1.5), between(0.3, 1.5), between(0.3, 1.5)],
          [0.02, between(0, 0.02), 0.01],
        );
      const count = 1 + (n % 3);
      const probes = Array.from({ length: count }, (_, i) => {
        const offset = [0, 1, 2].map(() => between(-1, 1) * (count === 1 ? 1.2 : 4));
        const radii = [0, 1, 2].map(() => between(14, 17) + (count === 1 ? 1 : 0));
        return probe(random, offset, radii, errors(), i === 0 && n % 2 === 1 ? 7 : Number.POSITIVE_INFINITY);
      });
      const shared = n % 2 === 0 ? { frame: CT, covariance: errors(), degreesOfFreedom: 5 } : undefined;
      const truth = monteCarloCoverage(points, probes, shared, random, 1500);
      const found = coverageProbability(target, ellipsoidZone(probes), shared ? { shared } : {});
      const sampling = Math.sqrt((truth * (1 - truth)) / 1500);
      expect(Math.abs(found.probability - truth)).toBeLessThan(POINTS + 2 * sampling);
    }
  });

  it('of a zone seen in an image is that of the same zone as a formula', () => {
    const covariance = about(CENTRE, [1.5, 0.5, 1], [0.02, 0.02, 0.02]);
    const seen = surfaceZone(ellipsoidMesh(CT, CENTRE, [15, 14, 16], 24));
    const m = fromQuaternion(new Float64Array(16), [0, 0, 0, 1], CENTRE);
    const formula = placeProbe(transform(CT, TIP, m, { covariance: 'exact' }), { radiiMm: [15, 14, 16], centreMm: 0 });
    const shared = { frame: CT, covariance };
    const a = coverageProbability(target, seen, { shared, shifts: 4 });
    const b = coverageProbability(target, ellipsoidZone([formula]), { shared, shifts: 4 });
    expect(Math.abs(a.probability - b.probability)).toBeLessThan(0.015);
    expect(b.probability).toBeGreaterThan(0.2);
    expect(b.probability).toBeLessThan(0.99);
  });

  it('is 1 with poses that have no error in a zone with margin, 0 in one that misses a corner, and finds a hole inside', () => {
    expect(coverageProbability(target, ellipsoidZone([probe(new Random(1), [1, 0, 0], [14, 14, 14])])).probability).toBe(1);
    expect(coverageProbability(target, ellipsoidZone([probe(new Random(1), [3, 0, 0], [14, 14, 14])])).probability).toBe(0);
    const sides = [1, -1].flatMap((s) => [
      [s, 0, 0],
      [0, s, 0],
      [0, 0, s],
    ]);
    const around = sides.map((d) =>
      probe(
        new Random(1),
        d.map((v) => 14 * v),
        [12, 12, 12],
      ),
    );
    expect(coverageProbability(target, ellipsoidZone(around)).probability).toBe(0);
  });

  it('is refused where an error is not known, and for an image without a registration', () => {
    const known = probe(new Random(1), [0, 0, 0], [20, 20, 20]);
    const { covariance: _, ...unknown } = known;
    const code = expect.objectContaining({ code: 'ablation/unknown-error' });
    expect(() => coverageProbability(target, ellipsoidZone([known, unknown]))).toThrow(code);
    expect(() => coverageProbability(target, ellipsoidZone([known]), { shared: { frame: CT } })).toThrow(code);
    expect(() => coverageProbability(target, surfaceZone(surface))).toThrow(code);
    const bent = new Float64Array(36).fill(1);
    bent[0] = -1;
    expect(() => coverageProbability(target, ellipsoidZone([known]), { shared: { frame: CT, covariance: bent } })).toThrow(
      expect.objectContaining({ code: 'frame/bad-covariance' }),
    );
    expect(() => coverageProbability(target, ellipsoidZone([known]), { marginMm: -1 })).toThrow(
      expect.objectContaining({ code: 'ablation/bad-option' }),
    );
  });
});
