import type { AnyBiopsyCore } from '../../guidance/index.js';
import { radiusQuantile } from '../../math/index.js';
import { cross, unit } from '../planes.js';
import type { SurfaceMesh } from '../surface.js';

/** Directions around the core, and from its side to each pole. */
const AROUND = 28;
const CAP = 7;
const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];
/** How the cylinder of a core at a predicted pose is broken along itself, mm. */
const PIECE_MM = 2.5;
const GAP_MM = 1.25;

/** The way of a core's sampled segment from hub to tip, unit, with two directions across it. */
function axesOf(core: AnyBiopsyCore): { along: ArrayLike<number>; right: ArrayLike<number>; up: ArrayLike<number> } {
  const along = unit(core.far.map((v, k) => v - (core.near[k] as number)));
  const right = unit(cross(along, Math.abs(along[2] as number) < 0.9 ? [0, 0, 1] : [0, 1, 0]));
  return { along, right, up: cross(right, along) };
}

/**
 * Where the sampled segment may lie: around each of its places the ellipsoid that holds the true one with 95 %, dᵀ C⁻¹ d ≤ 3 F₃,ν. A closed surface:
 * half of the ellipsoid at either end, and between them the rims of those at the ends and in the middle. Where C changes along the core the
 * rims are joined straight.
 */
export function coreRegion(core: AnyBiopsyCore): SurfaceMesh {
  // Infinity comes back from JSON as null.
  const reach = radiusQuantile(IDENTITY, 0.95, (core.degreesOfFreedom as number | null) ?? Number.POSITIVE_INFINITY);
  const { along, right, up } = axesOf(core);
  const { near, middle, far } = core.covarianceAlong;
  const centre = core.near.map((v, k) => (v + (core.far[k] as number)) / 2);
  const rings: { readonly at: readonly number[]; readonly c: readonly number[]; readonly lean: number }[] = [];
  for (let n = CAP; n >= 0; n -= 1) rings.push({ at: core.near, c: near, lean: (-Math.PI / 2) * (n / CAP) });
  rings.push({ at: centre, c: middle, lean: 0 });
  for (let n = 0; n <= CAP; n += 1) rings.push({ at: core.far, c: far, lean: (Math.PI / 2) * (n / CAP) });
  const positions = new Float32Array(3 * AROUND * rings.length);
  const normals = new Float32Array(positions.length);
  for (const [r, { at, c, lean }] of rings.entries()) {
    for (let n = 0; n < AROUND; n += 1) {
      const turn = (2 * Math.PI * n) / AROUND;
      const [x, y, z] = [Math.cos(lean) * Math.cos(turn), Math.cos(lean) * Math.sin(turn), Math.sin(lean)];
      const d = [0, 1, 2].map((k) => x * (right[k] as number) + y * (up[k] as number) + z * (along[k] as number));
      const cd = [0, 1, 2].map((i) => [0, 1, 2].reduce((sum, j) => sum + (c[3 * i + j] as number) * (d[j] as number), 0));
      const length = Math.sqrt(
        Math.max(
          0,
          cd.reduce((sum, v, i) => sum + v * (d[i] as number), 0),
        ),
      );
      const f = length > 1e-9 ? reach / length : 0;
      const o = 3 * (r * AROUND + n);
      positions.set(
        cd.map((v, k) => (at[k] as number) + f * v),
        o,
      );
      normals.set(d, o);
    }
  }
  return { positions, normals, indices: ringIndices(rings.length) };
}

/** The sampled segment as a cylinder: whole, or in pieces where the pose was predicted. */
export function coreCylinder(core: AnyBiopsyCore, radiusMm: number): SurfaceMesh {
  const { along, right, up } = axesOf(core);
  const length = Math.hypot(...core.far.map((v, k) => v - (core.near[k] as number)));
  const pieces: [number, number][] = [];
  if (core.status === 'ok') pieces.push([0, length]);
  else for (let s = 0; s < length; s += PIECE_MM + GAP_MM) pieces.push([s, Math.min(length, s + PIECE_MM)]);
  const positions: number[] = [];
  const normals: number[] = [];
  const indices: number[] = [];
  for (const [from, to] of pieces) {
    const first = positions.length / 3;
    // Ends are flat: rings of no radius close them.
    for (const [s, r, z] of [
      [from, 0, -1],
      [from, 1, -1],
      [from, 1, 0],
      [to, 1, 0],
      [to, 1, 1],
      [to, 0, 1],
    ] as const) {
      for (let n = 0; n < AROUND; n += 1) {
        const turn = (2 * Math.PI * n) / AROUND;
        const [x, y] = [Math.cos(turn), Math.sin(turn)];
        for (let k = 0; k < 3; k += 1) {
          const across = x * (right[k] as number) + y * (up[k] as number);
          positions.push((core.near[k] as number) + s * (along[k] as number) + radiusMm * r * across);
          normals.push(z === 0 ? across : z * (along[k] as number));
        }
      }
    }
    indices.push(...Array.from(ringIndices(6), (v) => v + first));
  }
  return { positions: Float32Array.from(positions), normals: Float32Array.from(normals), indices: Uint32Array.from(indices) };
}

/** Triangles between rings of {@link AROUND} vertices, outward where right × up points back along the rings. */
function ringIndices(rings: number): Uint32Array {
  const out: number[] = [];
  for (let r = 0; r + 1 < rings; r += 1) {
    for (let n = 0; n < AROUND; n += 1) {
      const a = r * AROUND + n;
      const b = r * AROUND + ((n + 1) % AROUND);
      out.push(a, a + AROUND, b, b, a + AROUND, b + AROUND);
    }
  }
  return Uint32Array.from(out);
}
