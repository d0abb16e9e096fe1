import { fromRotationVector } from '@trocar/core/math';
import { product3 } from './motion.js';

/** The 24 rotations that put a box's axes on each other, 3×3 row-major, the identity first. */
export function boxRotations(): Float64Array[] {
  const out: Float64Array[] = [];
  for (const [a, b, c] of [
    [0, 1, 2],
    [1, 2, 0],
    [2, 0, 1],
    [0, 2, 1],
    [2, 1, 0],
    [1, 0, 2],
  ] as const) {
    const even = (b - a + 3) % 3 === 1;
    for (const p of [1, -1]) {
      for (const q of [1, -1]) {
        const m = new Float64Array(9);
        m[a] = p;
        m[3 + b] = q;
        m[6 + c] = even ? p * q : -p * q;
        out.push(m);
      }
    }
  }
  return out;
}

/** With these about each box rotation no rotation is farther than 35° from the nearest, 20° on average (measured). */
const BETWEEN = (35 * Math.PI) / 180;

/** 216 rotations that cover all, 3×3 row-major: each box rotation, and eight turned by 35° about the box's diagonals. */
export function allRotations(): Float64Array[] {
  const near = [fromRotationVector(new Float64Array(16), [0, 0, 0])];
  for (const x of [1, -1]) {
    for (const y of [1, -1]) {
      for (const z of [1, -1]) {
        near.push(
          fromRotationVector(
            new Float64Array(16),
            [x, y, z].map((d) => (d * BETWEEN) / Math.sqrt(3)),
          ),
        );
      }
    }
  }
  const turns = near.map((m) => Float64Array.from({ length: 9 }, (_, n) => m[4 * (n % 3) + Math.floor(n / 3)] as number));
  return boxRotations().flatMap((box) => turns.map((turn) => product3(turn, box)));
}
