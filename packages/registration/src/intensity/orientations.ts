import { product3, turned } from './motion.js';

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

/** tan(35° / 2) / √3. With these about each box rotation no rotation is farther than 35° from the nearest, 20° on average (measured). */
const BETWEEN = 0.18203782;

/** 216 rotations that cover all, 3×3 row-major: each box rotation, and eight turned by 35° about the box's diagonals. */
export function allRotations(): Float64Array[] {
  const turns = [turned(0, 0, 0)];
  for (const x of [BETWEEN, -BETWEEN]) {
    for (const y of [BETWEEN, -BETWEEN]) {
      for (const z of [BETWEEN, -BETWEEN]) turns.push(turned(x, y, z));
    }
  }
  return boxRotations().flatMap((box) => turns.map((turn) => product3(turn, box)));
}
