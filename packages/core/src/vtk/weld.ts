import type { Isosurface } from './surface-mesh.js';

/**
 * A surface whose vertices in one place are one: marching cubes makes several where a voxel has exactly the level, and triangles without
 * area between them, which go.
 * @param first for each vertex the first that lies in its place
 */
export function welded(surface: Isosurface, first: Uint32Array): Isosurface {
  const { indices } = surface;
  const out = new Uint32Array(indices.length);
  let n = 0;
  for (let t = 0; t < indices.length; t += 3) {
    const a = first[indices[t] as number] as number;
    const b = first[indices[t + 1] as number] as number;
    const c = first[indices[t + 2] as number] as number;
    if (a === b || b === c || c === a) continue;
    out[n] = a;
    out[n + 1] = b;
    out[n + 2] = c;
    n += 3;
  }
  return { ...surface, indices: out.slice(0, n) };
}

/** Some of a surface's triangles, without the vertices that none of them has. */
export function compacted({ positions, normals, errorMm }: Isosurface, indices: Uint32Array): Isosurface {
  const number = new Int32Array(positions.length / 3).fill(-1);
  const out = new Uint32Array(indices.length);
  const kept: number[] = [];
  for (let n = 0; n < indices.length; n += 1) {
    const v = indices[n] as number;
    if (number[v] === -1) number[v] = kept.push(v) - 1;
    out[n] = number[v] as number;
  }
  return { positions: some(positions, kept), normals: some(normals, kept), indices: out, errorMm };
}

function some(from: Float32Array, vertices: readonly number[]): Float32Array {
  const out = new Float32Array(3 * vertices.length);
  for (let n = 0; n < vertices.length; n += 1) {
    const o = 3 * (vertices[n] as number);
    out.set(from.subarray(o, o + 3), 3 * n);
  }
  return out;
}
