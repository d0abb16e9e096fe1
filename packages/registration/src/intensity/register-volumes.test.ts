import { fromRotationVector, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { ctHead, errorsOf, headPlaces, mrHead, through } from '../testing/phantoms.js';
import { registerVolumes } from './register-volumes.js';

const fixed = ctHead(3);
const places = headPlaces(fixed);

function poseOf(turn: readonly number[], shift: readonly number[]): Float64Array {
  const pose = fromRotationVector(new Float64Array(16), turn);
  pose.set(shift, 12);
  return pose;
}

describe('registerVolumes', () => {
  it('finds a CT-like and an MR-like head, on an oblique mirrored grid, from far starts and half-turns', async () => {
    const random = new Random(inject('seed'));
    const near = (most: number): number[] => [0, 1, 2].map(() => random.between(-most, most));
    const poses = [poseOf(near(0.5), near(30)), poseOf([Math.PI, 0, 0], near(10)), poseOf([0, 0, Math.PI], near(10))];
    for (const pose of poses) {
      const found = await registerVolumes(fixed.volume, mrHead(3, pose).volume);
      const { worst } = errorsOf(
        places,
        (p) => through(found.movingFromFixed, p),
        (p) => through({ matrix: pose }, p),
      );
      expect(found.outcome).toBe('ok');
      expect(worst).toBeLessThan(0.8);
    }
  });
});
