import { Random } from '@trocar/core/math';
import { headPhantom } from '@trocar/core/testing';
import { SignedMeshDistance } from '@trocar/core/volume';
import { describe, expect, it } from 'vitest';
import { phantomStructures } from './structures.js';

describe('the structures to avoid of the phantom', () => {
  const phantom = headPhantom({ spacingMm: 16 });
  const structures = phantomStructures();
  const parts = { Ventricles: 'ventricles', Vessels: 'vessels' } as const;

  it('are its ventricles and its vessels', () => {
    expect(structures.map((s) => s.name)).toEqual(Object.keys(parts));
  });

  it.each(structures)('$name are as far as they truly are, to 0.2 mm, from anywhere in the head', ({ name, mesh }) => {
    const distance = new SignedMeshDistance({ positions: Float64Array.from(mesh.positions), triangles: mesh.indices });
    const random = new Random(41);
    const truth = (p: ArrayLike<number>): number =>
      phantom.signedDistance(parts[name as keyof typeof parts], p[0] as number, p[1] as number, p[2] as number);
    let inside = 0;
    const near = (n: number): number[] => {
      // Half of the points near the surface itself: within 6 mm of one of its vertices.
      const v = Math.floor(random.between(0, mesh.positions.length / 3));
      const spread = n % 2 === 0 ? 6 : 60;
      return [0, 1, 2].map((k) => (mesh.positions[3 * v + k] as number) + random.between(-spread, spread));
    };
    for (let n = 0; n < 2000; n += 1) {
      const p = near(n);
      const mm = truth(p);
      // Within a part of several solids the true distance is only known to be no less deep.
      if (mm < 0) {
        inside += 1;
        expect(distance.from(p), `${p}`).toBeLessThan(0.2);
      } else expect(Math.abs(distance.from(p) - mm), `${p}`).toBeLessThan(0.2);
    }
    expect(inside).toBeGreaterThan(50);
  });
});
