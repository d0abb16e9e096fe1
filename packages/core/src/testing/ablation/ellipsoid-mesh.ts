import type { Frame } from '../../frames/index.js';
import { type Mesh, mesh } from '../../volume/index.js';

/**
 * An ellipsoid's surface as triangles, for tests: an octahedron divided, its corners on the surface, then all of it enlarged by what the
 * triangles' sagitta takes of the volume.
 * @param steps triangles along an edge of the octahedron
 */
export function ellipsoidMesh<F extends string>(
  frame: Frame<F>,
  centre: readonly number[],
  radii: readonly number[],
  steps = 40,
): Mesh<F> {
  const positions: number[] = [];
  const triangles: number[] = [];
  const ids = new Map<string, number>();
  const vertex = (p: readonly number[]): number => {
    const key = p.join();
    const known = ids.get(key) ?? positions.length / 3;
    if (!ids.has(key)) positions.push(...p);
    ids.set(key, known);
    return known;
  };
  for (const [sx, sy, sz] of [1, -1].flatMap((x) => [1, -1].flatMap((y) => [1, -1].map((z) => [x, y, z] as const)))) {
    const at = (i: number, j: number): number => vertex([sx * i, sy * j, sz * (steps - i - j)].map((v) => v + 0));
    for (let i = 0; i < steps; i += 1) {
      for (let j = 0; i + j < steps; j += 1) {
        const faces = [[at(i, j), at(i + 1, j), at(i, j + 1)]];
        if (i + j + 1 < steps) faces.push([at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)]);
        for (const face of faces) triangles.push(...(sx * sy * sz > 0 ? face : face.reverse()));
      }
    }
  }
  const placed = Float64Array.from(positions);
  for (let n = 0; n < placed.length; n += 3) {
    const length = Math.hypot(placed[n] as number, placed[n + 1] as number, placed[n + 2] as number);
    for (let k = 0; k < 3; k += 1) placed[n + k] = (placed[n + k] as number) / length;
  }
  const grow = Math.cbrt(((4 / 3) * Math.PI) / sphereVolume(placed, triangles));
  for (let n = 0; n < placed.length; n += 1) {
    placed[n] = (centre[n % 3] as number) + grow * (radii[n % 3] as number) * (placed[n] as number);
  }
  return mesh({ frame, positions: placed, triangles: Uint32Array.from(triangles) });
}

function sphereVolume(p: Float64Array, triangles: readonly number[]): number {
  let six = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [0, 1, 2].map((k) => p.subarray(3 * (triangles[t + k] as number))) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const at = (v: Float64Array, k: number): number => v[k] as number;
    six +=
      at(a, 0) * (at(b, 1) * at(c, 2) - at(b, 2) * at(c, 1)) +
      at(a, 1) * (at(b, 2) * at(c, 0) - at(b, 0) * at(c, 2)) +
      at(a, 2) * (at(b, 0) * at(c, 1) - at(b, 1) * at(c, 0));
  }
  return six / 6;
}
