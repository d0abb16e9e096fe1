import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame } from '../frames/index.js';
import { determinant3, fromQuaternion, invert4, Random, transformPoint } from '../math/index.js';
import { cornersOf, shearDegrees, spacingOf } from '../volume/index.js';
import { abdomenPhantom, assertWithin, headPhantom, type Phantom, within } from './index.js';
import { ball, ellipsoid, tube } from './solid.js';

const phantoms = [
  ['head', headPhantom],
  ['abdomen', abdomenPhantom],
] as const;

function indexOf(p: Phantom, xyz: ArrayLike<number>): [number, number, number] {
  const inverse = new Float64Array(16);
  invert4(inverse, p.volume.frameFromIndex);
  return [...transformPoint(new Float64Array(3), inverse, xyz)].map(Math.round) as [number, number, number];
}

function voxelAt(p: Phantom, xyz: ArrayLike<number>): number {
  const [i, j, k] = indexOf(p, xyz);
  const [ni, nj] = p.volume.size;
  return p.volume.voxels[i + ni * (j + nj * k)] as number;
}

describe('solids', () => {
  it('know the distance to an ellipsoid as a fine sampling of its surface does', () => {
    const random = new Random(3);
    for (let n = 0; n < 12; n += 1) {
      const radii = [random.between(5, 40), random.between(5, 40), random.between(5, 40)] as const;
      const s = ellipsoid([1, 2, 3], radii);
      const p = [0, 1, 2].map(() => random.between(-45, 45)) as [number, number, number];
      let nearest = Number.POSITIVE_INFINITY;
      for (let a = 0; a < 700; a += 1) {
        for (let b = 0; b < 1400; b += 1) {
          const u = (Math.PI * (a + 0.5)) / 700;
          const v = (2 * Math.PI * b) / 1400;
          const x = 1 + radii[0] * Math.sin(u) * Math.cos(v) - p[0];
          const y = 2 + radii[1] * Math.sin(u) * Math.sin(v) - p[1];
          const z = 3 + radii[2] * Math.cos(u) - p[2];
          nearest = Math.min(nearest, x * x + y * y + z * z);
        }
      }
      // The nearest of samples at most 0.1 mm from their neighbours is too far by less than (0.1 mm)² / 2d.
      const d = s.distance(...p);
      expect(Math.abs(Math.abs(d) - Math.sqrt(nearest))).toBeLessThan(0.02);
      const inside = p.reduce((sum, v, k) => sum + ((v - (k + 1)) / (radii[k] as number)) ** 2, 0) < 1;
      expect(d < 0).toBe(inside);
    }
  });

  it('agree with the obvious ones: a ball as an ellipsoid, its centre, a capsule', () => {
    const round = ellipsoid([0, 0, 0], [10, 10, 10]);
    assertWithin(within.mm(1e-9), round.distance(30, -40, 0), 40);
    assertWithin(within.mm(1e-9), round.distance(0, 0, 0), -10);
    assertWithin(within.mm(1e-9), ellipsoid([0, 0, 0], [30, 20, 10]).distance(0, 0, 0), -10);
    assertWithin(within.mm(1e-9), ellipsoid([0, 0, 0], [30, 20, 10]).distance(35, 0, 0), 5);
    assertWithin(within.mm(1e-12), ball([1, 1, 1], 2).distance(1, 1, 4), 1);
    const bent = tube(
      [
        [0, 0, 0],
        [10, 0, 0],
        [10, 10, 0],
      ],
      2,
    );
    assertWithin(within.mm(1e-12), [bent.distance(5, 3, 0), bent.distance(13, 5, 0), bent.distance(-5, 0, 0)], [1, 1, 3]);
  });
});

describe.each(phantoms)('the %s phantom', (_, make) => {
  it('is the same for the same seed, and differs only in its noise for another', () => {
    const a = make({ spacingMm: 6 });
    const b = make({ spacingMm: 6 });
    const other = make({ spacingMm: 6, seed: 2 });
    expect(b.volume.voxels).toEqual(a.volume.voxels);
    expect(other.volume.voxels).not.toEqual(a.volume.voxels);
    expect(other.labels).toEqual(a.labels);
    expect(other.fiducials).toEqual(a.fiducials);
  });

  it('paints what its truth says: labels, CT numbers, and nothing outside the skin', () => {
    const p = make({ spacingMm: 4, noise: 0 });
    const [ni, nj, nk] = p.volume.size;
    const x = new Float64Array(3);
    const random = new Random(9);
    let differ = 0;
    for (let n = 0; n < 20_000; n += 1) {
      const [i, j, k] = [random.below(ni), random.below(nj), random.below(nk)];
      transformPoint(x, p.volume.frameFromIndex, [i, j, k]);
      const [a, b, c] = x as unknown as [number, number, number];
      const at = i + ni * (j + nj * k);
      if (p.labels[at] !== p.labelAt(a, b, c)) differ += 1;
      // Far outside everything there is air.
      if (p.signedDistance('skin', a, b, c) > 12) expect(p.volume.voxels[at]).toBe(-1000);
    }
    expect(differ).toBe(0);
    expect(voxelAt(p, p.targets[0]?.xyz as Float64Array)).toBe(make === headPhantom ? 70 : 62);
  });

  it('has eight divots just above the skin, reachable, and unlike their mirror image', () => {
    const p = make({ spacingMm: 1, size: [2, 2, 2] });
    expect(p.fiducials).toHaveLength(8);
    p.fiducials.forEach((f, n) => {
      const [x, y, z] = Array.from(f.xyz) as [number, number, number];
      assertWithin(within.mm(0.01), p.signedDistance('skin', x, y, z), 4, `fiducial ${n}`);
      expect(p.labelNames[p.labelAt(x, y, z)]).toBe(`divot ${n + 1}`);
      const [a, b, c] = p.fiducialNormals[n] as [number, number, number];
      assertWithin(within.mm(1e-9), Math.hypot(a, b, c), 1, 'normal');
      for (let s = 6; s < 120; s += 2) expect(p.labelAt(x + s * a, y + s * b, z + s * c)).toBe(0);
      const mirrored = p.fiducials.map((g) =>
        Math.hypot((g.xyz[0] as number) + x - 8, (g.xyz[1] as number) - y, (g.xyz[2] as number) - z),
      );
      expect(Math.min(...mirrored)).toBeGreaterThan(5);
    });
  });

  it('offers a way from the skin to the tumour that meets no vessel, ventricle, gas or bone of the far side', () => {
    const p = make({ spacingMm: 1, size: [2, 2, 2] });
    const [e, t] = [p.entry.xyz, p.targets[0]?.xyz as ArrayLike<number>];
    const met = new Set<string>();
    for (let s = 0; s <= 1; s += 1 / 400) {
      const q = [0, 1, 2].map((r) => (e[r] as number) + s * ((t[r] as number) - (e[r] as number))) as [number, number, number];
      met.add(p.labelNames[p.labelAt(...q)] as string);
    }
    expect(met.has('tumour')).toBe(true);
    for (const name of ['vessels', 'ventricles', 'gas', 'sinus', 'gallbladder', 'stomach']) expect(met.has(name)).toBe(false);
    assertWithin(within.mm(0.01), p.signedDistance('skin', ...(Array.from(e) as [number, number, number])), 0, 'entry');
  });

  it('covers the same body in any orientation of the grid', () => {
    for (const axes of ['LPS', 'RAS', 'ASR', 'PIR', 'RPS']) {
      const p = make({ spacingMm: 5, axes, noise: 0 });
      const t = p.targets[0]?.xyz as Float64Array;
      expect(voxelAt(p, t)).toBe(make === headPhantom ? 70 : 62);
      const right = axes.split('').filter((l) => 'LPS'.includes(l)).length;
      const [a, b, c] = axes.split('').map((l) => 'LPSRAI'.indexOf(l) % 3) as [number, number, number];
      const even = (b - a + 3) % 3 === 1 && (c - b + 3) % 3 === 1;
      const mirrors = ((3 - right) % 2 === 1) === even;
      expect(determinant3(p.volume.frameFromIndex) < 0).toBe(mirrors);
    }
  });

  it('moves with all its truth', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed);
        const m = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [30, -20, 10]);
        const home = make({ size: [2, 2, 2] });
        const away = make({ size: [2, 2, 2], frameFromBody: m, frame: frame('mr') });
        const t = transformPoint(new Float64Array(3), m, home.targets[0]?.xyz as Float64Array);
        assertWithin(within.mm(1e-9), away.targets[0]?.xyz as Float64Array, t);
        const q = [random.between(-90, 90), random.between(-90, 90), random.between(-90, 90)] as const;
        const moved = transformPoint(new Float64Array(3), m, q);
        assertWithin(
          within.mm(1e-9),
          away.signedDistance('skin', ...(moved as unknown as [number, number, number])),
          home.signedDistance('skin', ...q),
        );
      }),
      { numRuns: 10 * inject('effort') },
    );
  });
});

describe('a phantom', () => {
  it('has the grid it was asked for, oblique or tilted', () => {
    const p = headPhantom({ spacingMm: [3, 4, 5], obliqueRad: [0.2, -0.1, 0.3], noise: 0 });
    assertWithin(within.mm(1e-12), spacingOf(p.volume), [3, 4, 5]);
    expect(shearDegrees(p.volume)).toBeLessThan(1e-9);
    expect(voxelAt(p, p.targets[0]?.xyz as Float64Array)).toBe(70);
    const tilted = headPhantom({ spacingMm: 4, tiltDegrees: 18.5, noise: 0 });
    expect(shearDegrees(tilted.volume)).toBeCloseTo(18.5, 9);
    expect(voxelAt(tilted, tilted.targets[0]?.xyz as Float64Array)).toBe(70);
    const cube = headPhantom({ size: [40, 50, 60] });
    expect(cube.volume.size).toEqual([40, 50, 60]);
    const corners = cornersOf(cube.volume);
    const across = Math.hypot(...[0, 1, 2].map((r) => (corners[7]?.[r] as number) - (corners[0]?.[r] as number)));
    expect(across).toBeGreaterThan(360);
  });

  it('has MR that is brighter at one side, never negative, and noisier than nothing', () => {
    const p = headPhantom({ contrast: 'mr', spacingMm: 4 });
    expect(p.volume.modality).toBe('MR');
    const brain = p.labelNames.indexOf('brain');
    let low = 1e9;
    let lowest = 0;
    let high = 0;
    p.labels.forEach((label, n) => {
      const v = p.volume.voxels[n] as number;
      lowest = Math.min(lowest, v);
      if (label === brain) {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
    });
    expect(lowest).toBe(0);
    expect(high / low).toBeGreaterThan(1.3);
    const air = Array.from(p.volume.voxels).filter((_, n) => p.labels[n] === 0);
    const mean = air.reduce((a, b) => a + b, 0) / air.length;
    // Rayleigh: the mean of the magnitude of noise alone is σ √(π/2); border voxels of the skin raise it a little.
    expect(mean).toBeGreaterThan(15 * 1.2);
    expect(mean).toBeLessThan(15 * 1.9);
  });

  it('refuses axes, sizes, places and parts that make no sense', () => {
    const codeOf = (run: () => unknown): unknown => {
      try {
        run();
      } catch (error) {
        return isNavError(error) ? error.code : error;
      }
      return undefined;
    };
    expect(codeOf(() => headPhantom({ axes: 'LRS' }))).toBe('volume/bad-geometry');
    expect(codeOf(() => headPhantom({ spacingMm: 0 }))).toBe('volume/bad-geometry');
    expect(codeOf(() => headPhantom({ frameFromBody: new Float64Array(16) }))).toBe('volume/bad-geometry');
    expect(codeOf(() => headPhantom({ size: [2, 2, 2] }).signedDistance('spleen', 0, 0, 0))).toBe('volume/bad-geometry');
  });
});
