import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { frame, transform } from '../../frames/index.js';
import { fromQuaternion, Random } from '../../math/index.js';
import { ellipsoidMesh } from '../../testing/ablation/ellipsoid-mesh.js';
import { marginMap } from './margin.js';
import { type AblationTarget, ablationTarget } from './target.js';
import { ellipsoidZone, type PlacedProbe, placeProbe } from './zone.js';

const CT = frame('ct');
const TIP = frame('tip');
/** What is promised: margins to this, mm, and shares to this. */
const MARGIN_MM = 0.1;
const SHARE = 0.001;

/** A probe whose zone has this centre, turned at random; the centre lies 7 mm back along its shaft. */
function probe(random: Random, centre: readonly number[], radii: readonly number[]): PlacedProbe<'ct'> {
  const m = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [0, 0, 0]);
  for (let k = 0; k < 3; k += 1) m[12 + k] = (centre[k] as number) - 7 * (m[8 + k] as number);
  return placeProbe(transform(CT, TIP, m), { radiiMm: radii as [number, number, number], centreMm: 7 });
}

/** Of a solid of revolution about x: what lies inside both profiles (squared radii), over the first alone. */
function shareOfProfiles(inner: (x: number) => number, outer: (x: number) => number, half: number): number {
  let [both, all] = [0, 0];
  const steps = 20_000;
  for (let n = 0; n < steps; n += 1) {
    const x = -half + (2 * half * (n + 0.5)) / steps;
    const a = Math.max(0, inner(x));
    all += a;
    both += Math.min(a, Math.max(0, outer(x)));
  }
  return both / all;
}

const CENTRE = [31, -12, 57];
const ball = (R: number): AblationTarget<'ct'> => ablationTarget(ellipsoidMesh(CT, CENTRE, [R, R, R]));
const small = ball(15);
const away = (x: number): number[] => [(CENTRE[0] as number) + x, CENTRE[1] as number, CENTRE[2] as number];

describe('margins about a ball', () => {
  it('in a ball beside it: least margin, covered share and shares of the surface as by formula', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 24, noNaN: true }), fc.double({ min: 12, max: 30, noNaN: true }), (x, Z) => {
        const R = 15;
        const map = marginMap(small, ellipsoidZone([probe(new Random(3), away(x), [Z, Z, Z])]));
        expect(Math.abs(map.minimalMarginMm - (Z - R - x))).toBeLessThan(MARGIN_MM);
        const covered = shareOfProfiles(
          (u) => R * R - u * u,
          (u) => Z * Z - (u - x) ** 2,
          R,
        );
        expect(Math.abs(map.coveredShare - covered)).toBeLessThan(SHARE);
        // Points at the height u of the ball are √(R² − 2ux + x²) from the zone's centre: a cap's area goes with its height.
        const below = (mm: number): number => {
          const s = Z - mm;
          if (x < 1e-3) return R > s ? 1 : 0;
          const u = s <= 0 ? R : (R * R + x * x - s * s) / (2 * x);
          return (Math.min(R, Math.max(-R, u)) + R) / (2 * R);
        };
        // A margin wrong by 0.005 mm, the triangles' sagitta, moves a cap's edge by that over 2x.
        const edge = SHARE + 0.005 / (2 * Math.max(x, 1e-9));
        expect(Math.abs(map.surfaceBelow.mm0 - below(0))).toBeLessThan(edge);
        expect(Math.abs(map.surfaceBelow.mm5 - below(5))).toBeLessThan(edge);
        expect(Math.abs(map.surfaceBelow.mm10 - below(10))).toBeLessThan(edge);
      }),
      { numRuns: 12 * inject('effort') },
    );
  });

  it('in the overlap of two balls is the distance to the seam where the seam is nearest', () => {
    for (const [x, Z] of [
      [10, 20],
      [8, 18],
      [13, 21],
    ] as const) {
      const zone = ellipsoidZone([probe(new Random(1), away(x), [Z, Z, Z]), probe(new Random(2), away(-x), [Z, Z, Z])]);
      const map = marginMap(small, zone);
      // The nearest point of the ball to the seam, a ring of radius √(Z² − x²) around its middle.
      expect(Math.abs(map.minimalMarginMm - Math.min(Math.sqrt(Z * Z - x * x) - 15, Z + x - 15))).toBeLessThan(MARGIN_MM);
      const covered = shareOfProfiles(
        (u) => 225 - u * u,
        (u) => Z * Z - (Math.abs(u) - x) ** 2,
        15,
      );
      expect(Math.abs(map.coveredShare - covered)).toBeLessThan(SHARE);
      expect(zone.errorMm).toBeLessThan(MARGIN_MM);
    }
  });

  it('in overlapping ellipsoids at any angle is the distance to the nearest of many points on their boundary', () => {
    const random = new Random(77);
    const probes = [
      [4, 3, 0],
      [-6, 2, 3],
      [1, -8, -2],
    ].map((d) =>
      probe(
        random,
        d.map((v, k) => v + (CENTRE[k] as number)),
        [14, 16, 22].map((r) => r + random.between(-2, 2)),
      ),
    );
    const zone = ellipsoidZone(probes);
    for (let n = 0; n < 20 * inject('effort'); n += 1) {
      const p = CENTRE.map((v) => v + random.between(-9, 9));
      const nearest = Math.min(...probes.map((_, i) => nearestOn(probes, i, p, random)));
      const d = zone.distance(p);
      expect(d < 0).toBe(probes.some((one) => level(one, p) < 0));
      expect(Math.abs(d)).toBeLessThan(nearest + 0.01);
      expect(Math.abs(d)).toBeGreaterThan(nearest - zone.errorMm - 0.01);
    }
    expect(zone.errorMm).toBeLessThan(MARGIN_MM);
  });

  it('in an ellipsoid around it, along each of its axes', () => {
    const map = marginMap(small, ellipsoidZone([probe(new Random(5), CENTRE, [17, 21, 26])]));
    expect(Math.abs(map.minimalMarginMm - 2)).toBeLessThan(MARGIN_MM);
    expect(Math.abs(Math.max(...map.marginsMm) - 11)).toBeLessThan(MARGIN_MM);
    expect(map.coveredShare).toBe(1);
    expect(map.surfaceBelow.mm0).toBe(0);
  });

  it('in an ellipsoid too small for it covers the share of the two volumes', () => {
    const map = marginMap(small, ellipsoidZone([probe(new Random(6), CENTRE, [9, 11, 13])]));
    expect(Math.abs(map.coveredShare - (9 * 11 * 13) / 15 ** 3)).toBeLessThan(SHARE);
    expect(map.surfaceBelow.mm0).toBe(1);
  });
});

/** Below 0 inside a probe's ellipsoid. */
function level({ matrix: m, shape }: PlacedProbe<'ct'>, p: readonly number[]): number {
  let sum = -1;
  for (let c = 0; c < 3; c += 1) {
    let along = 0;
    for (let k = 0; k < 3; k += 1) {
      const centre = (m[12 + k] as number) + shape.centreMm * (m[8 + k] as number);
      along += (m[4 * c + k] as number) * ((p[k] as number) - centre);
    }
    sum += (along / (shape.radiiMm[c] as number)) ** 2;
  }
  return sum;
}

/** The distance to one probe's ellipsoid outside all others: by trying points all over it, then ever nearer to the best. */
function nearestOn(probes: readonly PlacedProbe<'ct'>[], i: number, p: readonly number[], random: Random): number {
  const one = probes[i] as PlacedProbe<'ct'>;
  let best = Number.POSITIVE_INFINITY;
  let at = [0, 0, 0];
  for (let n = 0; n < 5000; n += 1) {
    const reach = n < 2000 ? 10 : 0.3 * 0.996 ** (n - 2000);
    const raw = at.map((v) => v + reach * random.normal());
    const length = Math.hypot(...raw);
    const u = raw.map((v) => v / length);
    const q = [0, 1, 2].map((k) => {
      const m = one.matrix;
      let v = (m[12 + k] as number) + one.shape.centreMm * (m[8 + k] as number);
      for (let c = 0; c < 3; c += 1) v += (m[4 * c + k] as number) * (one.shape.radiiMm[c] as number) * (u[c] as number);
      return v;
    });
    const away = Math.hypot(...q.map((v, k) => v - (p[k] as number)));
    if (away < best && probes.every((other) => other === one || level(other, q) >= 0)) {
      best = away;
      at = u;
    }
  }
  return best;
}
