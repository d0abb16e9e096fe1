import { type Frame, frame, type Point, point } from '@trocar/core';
import { fromRotationVector, invertRigid, type Random, transformPoint } from '@trocar/core/math';
import { headPhantom } from '@trocar/core/testing';
import { isosurface, type Mesh, volume } from '@trocar/core/volume';

/** Seeded surfaces and clouds with known truth, for this package's own tests and benchmarks. */

/** The frame that the surfaces here are in: LPS. */
export const CT: Frame<'ct'> = frame('ct');
/** The frame that the clouds here are in. */
export const TRACKER: Frame<'tracker'> = frame('tracker');

/** A signed distance or the like: negative inside. */
export type Field = (x: number, y: number, z: number) => number;

/** The surface where a field is 0 within a box, mm. */
export function meshOf(
  field: Field,
  box: readonly [number, number, number, number, number, number],
  spacingMm: number,
): Mesh<'ct'> {
  const size = [0, 1, 2].map((k) => Math.ceil(((box[3 + k] as number) - (box[k] as number)) / spacingMm) + 1) as [
    number,
    number,
    number,
  ];
  const voxels = new Float32Array(size[0] * size[1] * size[2]);
  const at = (i: number, j: number, k: number): number =>
    field(box[0] + i * spacingMm, box[1] + j * spacingMm, box[2] + k * spacingMm);
  // Blocks of five voxels that the surface cannot pass take the value of their middle: no field here changes faster than distance.
  for (let k = 0; k < size[2]; k += 5) {
    for (let j = 0; j < size[1]; j += 5) {
      for (let i = 0; i < size[0]; i += 5) {
        const middle = at(i + 2, j + 2, k + 2);
        const far = Math.abs(middle) > 8 * spacingMm;
        for (let c = k; c < Math.min(k + 5, size[2]); c += 1) {
          for (let b = j; b < Math.min(j + 5, size[1]); b += 1) {
            for (let a = i; a < Math.min(i + 5, size[0]); a += 1)
              voxels[(c * size[1] + b) * size[0] + a] = far ? -middle : -at(a, b, c);
          }
        }
      }
    }
  }
  const frameFromIndex = [spacingMm, 0, 0, 0, 0, spacingMm, 0, 0, 0, 0, spacingMm, 0, box[0], box[1], box[2], 1];
  return isosurface(volume({ frame: CT, voxels, size, frameFromIndex }), 0, { largestOnly: true });
}

/** How a head is shaped. Everything differs from person to person. */
export interface HeadShape {
  /** Half axes of the skull, mm. */
  readonly skull: readonly [number, number, number];
  /** How far the nose stands out, mm; 0 for none. */
  readonly noseMm: number;
  /** How far the ears stand out, mm. */
  readonly earMm: number;
  /** How far the jaw is set back (+) or forward (−), mm. */
  readonly jawMm: number;
}

/** A head drawn at random. */
export function randomHead(random: Random): HeadShape {
  return {
    skull: [random.between(66, 84), random.between(84, 104), random.between(78, 98)],
    noseMm: random.between(12, 28),
    earMm: random.between(6, 16),
    jawMm: random.between(-8, 14),
  };
}

/** The skin of a head: ellipsoids joined smoothly; the face looks to −y (anterior). Not exactly a distance, but its zero is exact. */
export function headField({ skull, noseMm, earMm, jawMm }: HeadShape): Field {
  const [a, b, c] = skull;
  const parts: (readonly [number, number, number, number, number, number])[] = [
    [0, 0, 0, a, b, c],
    [2, -0.32 * b + jawMm, -0.62 * c, 0.72 * a, 0.6 * b, 0.72 * c],
    [0, 0.3 * b, -1.0 * c, 0.62 * a, 0.55 * b, 0.7 * c],
    [a, 4, -0.28 * c, earMm, 14, 27],
    [-a + 1, 6, -0.31 * c, earMm, 13, 25],
    [-0.38 * a, -0.86 * b, -0.1 * c, 14, 11, 7],
    [0.4 * a, -0.85 * b, -0.09 * c, 14, 11, 7],
  ];
  if (noseMm > 0) parts.push([1.5, -0.93 * b, -0.36 * c, 12, noseMm, 24]);
  return (x, y, z) => {
    let sum = 0;
    for (const [cx, cy, cz, rx, ry, rz] of parts) {
      const [u, v, w] = [(x - cx) / rx, (y - cy) / ry, (z - cz) / rz];
      const value = Math.sqrt(u * u + v * v + w * w);
      const slope = Math.sqrt((u / rx) ** 2 + (v / ry) ** 2 + (w / rz) ** 2);
      const near = slope === 0 ? -Math.min(rx, ry, rz) : (value * (value - 1)) / slope;
      sum += Math.exp(Math.max(-50, Math.min(50, -near / 3)));
    }
    return -3 * Math.log(sum);
  };
}

/** A head's skin as a mesh; 3.1 mm gives about 38 000 triangles. */
export function headMesh(shape: HeadShape, spacingMm = 3.1): Mesh<'ct'> {
  const [a, b, c] = shape.skull;
  return meshOf(headField(shape), [-a - 25, -b - 38, -1.5 * c - 6, a + 25, b + 12, c + 8], spacingMm);
}

/** The skin of the head phantom, its markers left out, as a mesh of about 38 000 triangles. */
export function phantomHeadMesh(spacingMm = 3.1): Mesh<'ct'> {
  const phantom = headPhantom({ spacingMm: 12, noise: 0 });
  return meshOf((x, y, z) => phantom.signedDistance('skin', x, y, z), [-94, -118, -112, 106, 122, 148], spacingMm);
}

/** Which part of a surface is touched: by place and outward normal. */
export type Patch = (p: ArrayLike<number>, normal: ArrayLike<number>) => boolean;

/** What lies within `degrees` of a direction, seen from a place inside. */
export function cap(centre: readonly number[], direction: readonly number[], degrees: number): Patch {
  const length = Math.hypot(...direction);
  const least = Math.cos((degrees * Math.PI) / 180);
  return (p) => {
    const d = centre.map((c, k) => (p[k] as number) - c);
    return d.reduce((sum, x, k) => sum + x * (direction[k] as number), 0) > least * length * Math.hypot(...d);
  };
}

/** Strips about planes through a place: a real tracing with a pointer, in a few strokes. */
export function strokes(
  within: Patch,
  centre: readonly number[],
  normals: readonly (readonly number[])[],
  widthMm: number,
): Patch {
  return (p, n) =>
    within(p, n) &&
    normals.some(
      (u) =>
        Math.abs(u.reduce((sum, x, k) => sum + x * ((p[k] as number) - (centre[k] as number)), 0) / Math.hypot(...u)) < widthMm,
    );
}

/** Draws points of a surface, uniformly by area, within a patch. */
export class SurfaceSampler {
  readonly #mesh: Mesh<'ct'>;
  readonly #triangles: number[] = [];
  readonly #sums: number[] = [];

  constructor(mesh: Mesh<'ct'>, patch: Patch = () => true) {
    this.#mesh = mesh;
    let sum = 0;
    for (let t = 0; 3 * t < mesh.triangles.length; t += 1) {
      const [a, b, c] = this.#corners(t);
      const u = b.map((x, k) => x - (a[k] as number));
      const v = c.map((x, k) => x - (a[k] as number));
      const n = cross(u, v);
      const area = Math.hypot(...n) / 2;
      const middle = a.map((x, k) => (x + (b[k] as number) + (c[k] as number)) / 3);
      if (
        !(area > 0) ||
        !patch(
          middle,
          n.map((x) => x / (2 * area)),
        )
      )
        continue;
      sum += area;
      this.#triangles.push(t);
      this.#sums.push(sum);
    }
    if (sum === 0) throw new Error('The patch holds no triangle.');
  }

  #corners(t: number): [number[], number[], number[]] {
    const { positions, triangles } = this.#mesh;
    return [0, 1, 2].map((n) =>
      Array.from(positions.subarray(3 * (triangles[3 * t + n] as number), 3 * (triangles[3 * t + n] as number) + 3)),
    ) as [number[], number[], number[]];
  }

  /** A point of the surface, mm, and the unit normal there. */
  draw(random: Random): { readonly place: number[]; readonly normal: number[] } {
    const at = random.uniform() * (this.#sums[this.#sums.length - 1] as number);
    let low = 0;
    let high = this.#sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sums[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    const [a, b, c] = this.#corners(this.#triangles[low] as number);
    let s = random.uniform();
    let t = random.uniform();
    if (s + t > 1) [s, t] = [1 - s, 1 - t];
    const u = b.map((x, k) => x - (a[k] as number));
    const v = c.map((x, k) => x - (a[k] as number));
    const n = cross(u, v);
    const length = Math.hypot(...n);
    return { place: a.map((x, k) => x + s * (u[k] as number) + t * (v[k] as number)), normal: n.map((x) => x / length) };
  }
}

function cross(u: readonly number[], v: readonly number[]): number[] {
  return [0, 1, 2].map(
    (k) => (u[(k + 1) % 3] as number) * (v[(k + 2) % 3] as number) - (u[(k + 2) % 3] as number) * (v[(k + 1) % 3] as number),
  );
}

/** What is touched, and how badly. */
export interface CloudModel {
  readonly count: number;
  /** Standard deviation along each axis, mm. */
  readonly noiseMm: number;
  /** Share of points that are 3 to 15 mm off the surface. */
  readonly outliers?: number;
  /** Where outliers lie: `lifted` off the surface, as by hair or a pointer raised too early (default), or in `any` direction. */
  readonly stray?: 'lifted' | 'any';
}

/** Points of a surface with noise and outliers, in the surface's frame, mm. */
export function touched(
  random: Random,
  sampler: SurfaceSampler,
  { count, noiseMm, outliers = 0, stray = 'lifted' }: CloudModel,
): number[][] {
  return Array.from({ length: count }, (_, n) => {
    const { place, normal } = sampler.draw(random);
    const p = place.map((x) => x + noiseMm * random.normal());
    if (n >= Math.round(outliers * count)) return p;
    const direction = stray === 'lifted' ? normal : [random.normal(), random.normal(), random.normal()];
    const far = random.between(3, 15) / Math.hypot(...direction);
    return p.map((x, k) => x + far * (direction[k] as number));
  });
}

/** A rigid matrix that turns by `degrees` about a random axis through `centre` and shifts by `mm` in a random direction. */
export function disturbance(random: Random, centre: readonly number[], degrees: number, mm: number): Float64Array {
  const unit = (): number[] => {
    const v = [random.normal(), random.normal(), random.normal()];
    return v.map((x) => x / Math.hypot(...v));
  };
  const m = fromRotationVector(
    new Float64Array(16),
    unit().map((x) => (x * degrees * Math.PI) / 180),
  );
  const shift = unit().map((x) => x * mm);
  const turned = transformPoint(new Float64Array(3), m, centre);
  for (let k = 0; k < 3; k += 1) m[12 + k] = (centre[k] as number) - (turned[k] as number) + (shift[k] as number);
  return m;
}

/** Points of the surface's frame as the tracker sees them: moved by the inverse of the true surface-from-tracker. */
export function seenBy(ctFromTracker: ArrayLike<number>, places: readonly ArrayLike<number>[]): Point<'tracker'>[] {
  const inverse = invertRigid(new Float64Array(16), ctFromTracker);
  return places.map((p) => point(TRACKER, transformPoint(new Float64Array(3), inverse, p)));
}

/** How far apart two ct-from-tracker poses put a place that is truly at `target` (in ct), mm. */
export function errorAt(found: ArrayLike<number>, truth: ArrayLike<number>, target: readonly number[]): number {
  const seen = transformPoint(new Float64Array(3), invertRigid(new Float64Array(16), truth), target);
  const shown = transformPoint(new Float64Array(3), found, seen);
  return Math.hypot(...target.map((x, k) => x - (shown[k] as number)));
}
