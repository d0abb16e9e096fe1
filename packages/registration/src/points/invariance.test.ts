import { frame } from '@trocar/core';
import { invertRigid, multiply4, Random, transformPoint } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { type PointNoise, type PointRegistration, registerPoints } from '../index.js';
import { headLayout, localised, moved, pointsIn, randomPose } from '../testing/layouts.js';

const image = frame('image');
const tracker = frame('tracker');
const runs = Math.min(200, 20 * inject('effort'));

type Cloud = readonly ArrayLike<number>[];

const register = (to: Cloud, from: Cloud, noise: PointNoise): PointRegistration<'image', 'tracker'> =>
  registerPoints(image, tracker, pointsIn(image, to), pointsIn(tracker, from), noise);

/** A covariance whose axes are turned any way, row-major, mm². */
function covarianceOf(random: Random): Float64Array {
  const turn = randomPose(random);
  const sd = [0, 1, 2].map(() => random.between(0.2, 1.5));
  return turnedBy(
    Float64Array.from({ length: 9 }, (_, n) => (n % 4 === 0 ? (sd[n / 4] as number) ** 2 : 0)),
    turn,
  );
}

/** R C Rᵀ. */
function turnedBy(c: ArrayLike<number>, m: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: 9 }, (_, n) => {
    const [i, j] = [Math.floor(n / 3), n % 3];
    let sum = 0;
    for (let a = 0; a < 3; a += 1)
      for (let b = 0; b < 3; b += 1) sum += (m[4 * a + i] as number) * (c[3 * a + b] as number) * (m[4 * b + j] as number);
    return sum;
  });
}

/** Largest distance between what two matrices make of some places, mm. */
const apart = (a: ArrayLike<number>, b: ArrayLike<number>, places: Cloud): number =>
  Math.max(
    ...places.map((p) => {
      const [x, y] = [a, b].map((m) => transformPoint(new Float64Array(3), m, p));
      return Math.hypot(...[0, 1, 2].map((i) => (x?.[i] as number) - (y?.[i] as number)));
    }),
  );

describe('a registration with errors of their own shape on both sides', () => {
  const scenes = Array.from({ length: runs }, (_, run) => {
    const random = new Random(400 + run + inject('seed'));
    const from = headLayout(random, 4 + random.below(8));
    const to = localised(random, moved(randomPose(random), from), [1, 0.6, 1.2]);
    const covariances = { to: from.map(() => covarianceOf(random)), from: from.map(() => covarianceOf(random)) };
    return { random, from, to, covariances };
  });

  // Maximum likelihood does not know which side is which; a fit that weighs with turned covariances but leaves their slope out does.
  it('is the inverse of the registration of the sides exchanged', () => {
    for (const { from, to, covariances } of scenes) {
      const there = register(to, from, { covariances });
      const back = register(from, to, { covariances: { to: covariances.from, from: covariances.to } });
      expect(apart(invertRigid(new Float64Array(16), there.edge.matrix), back.edge.matrix, to)).toBeLessThan(1e-8);
      expect(back.fleMm).toBeCloseTo(there.fleMm, 8);
    }
  });

  it('moves with either side, and does not depend on the order', () => {
    for (const { random, from, to, covariances } of scenes) {
      const plain = register(to, from, { covariances }).edge.matrix;
      const [a, b] = [randomPose(random), randomPose(random)];
      const other = register(moved(a, to), moved(b, from), {
        covariances: { to: covariances.to.map((c) => turnedBy(c, a)), from: covariances.from.map((c) => turnedBy(c, b)) },
      }).edge.matrix;
      const carried = multiply4(
        new Float64Array(16),
        multiply4(new Float64Array(16), a, plain),
        invertRigid(new Float64Array(16), b),
      );
      expect(apart(other, carried, moved(b, from))).toBeLessThan(1e-8);
      const back = register([...to].reverse(), [...from].reverse(), {
        covariances: { to: [...covariances.to].reverse(), from: [...covariances.from].reverse() },
      });
      expect(apart(back.edge.matrix, plain, from)).toBeLessThan(1e-8);
    }
  });
});
