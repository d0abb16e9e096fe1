import { Random } from '@trocar/core/math';
import { type CubeImage, gradient } from './cube-image.js';

/**
 * What a border of CT sends back along the beam: |d · ∇I| per mm, with d the direction of the beam through each cube. Wein 2008
 * (Med. Image Anal. 12:577) has (d · ∇μ) |∇μ| / (2 μ)² for the echo's power and takes its logarithm; of contrast that was
 * evened out locally the magnitude serves, and borders along the beam, which send nothing back, count for nothing.
 * @param probe where the beams come from, mm in the image's frame
 */
export function reflections(image: CubeImage, probe: ArrayLike<number>): CubeImage {
  const { size, origin, spacingMm: h } = image;
  const g = new Float64Array(3);
  const values = new Float32Array(image.values.length);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        gradient(g, image, i, j, k, n);
        const x = origin[0] + h * i - (probe[0] as number);
        const y = origin[1] + h * j - (probe[1] as number);
        const z = origin[2] + h * k - (probe[2] as number);
        const along = x * (g[0] as number) + y * (g[1] as number) + z * (g[2] as number);
        values[n] = Math.abs(along) / Math.max(h, Math.hypot(x, y, z));
      }
    }
  }
  return { ...image, values };
}

/** Where the beams of a fan come from, as its shape tells. */
interface FanApex {
  /** mm, in the image's frame. */
  readonly place: Float64Array;
  /** How far the fan's surface is from lying along beams from there or across them: 0 where all of it does, at most 1. */
  readonly misfit: number;
}

/** The fan's surface: places, mm, and outward unit normals, three numbers each. */
interface Surface {
  readonly places: Float64Array;
  readonly normals: Float64Array;
  readonly centre: Float64Array;
}

const MOST_PLACES = 900;
const DRAWN = 500;
/** The sides of a fan lie along its beams, its near and far ends across them: to this angle, rad. */
const ASKEW = 0.2;
/** A fan's apex fits to this, and any other place fits worse by this factor. */
const MOST_MISFIT = 0.4;
const LEAD = 1.4;

/**
 * The apex of a fan: where the planes of its sides meet, by consensus over triples of places on its surface (Fischler & Bolles
 * 1981, Commun. ACM 24:381), then by least squares over the sides. A sweep that tilts and slides has no single apex: this is
 * the one that fits best. The same image gives the same apex.
 * @param image NaN outside the fan
 * @returns undefined where the surface is no fan's, or another apex explains it about as well, as a box's does
 */
export function fanApex(image: CubeImage): FanApex | undefined {
  const surface = surfaceOf(image);
  const count = surface.places.length / 3;
  if (count < 60) return undefined;
  const random = new Random(1);
  const candidates: FanApex[] = [];
  for (let n = 0; n < DRAWN; n += 1) {
    const place = meetingOf(surface, [random.below(count), random.below(count), random.below(count)]);
    if (place !== undefined) candidates.push({ place, misfit: misfitOf(surface, place) });
  }
  candidates.sort((a, b) => a.misfit - b.misfit);
  const [first] = candidates;
  if (first === undefined) return undefined;
  const best = refined(surface, first);
  const other = candidates.find((c) => cosine(surface.centre, c.place, best.place) < 0.8);
  const clear = other === undefined || other.misfit > LEAD * best.misfit;
  return clear && best.misfit <= MOST_MISFIT ? best : undefined;
}

/** Normals from the smoothed fan; where it is cut off by the volume's border it has no surface. */
function surfaceOf({ size, spacingMm: h, origin, values }: CubeImage): Surface {
  const [ni, nj, nk] = size;
  const reach = 3;
  const places: number[] = [];
  const normals: number[] = [];
  const there = (i: number, j: number, k: number): boolean => !Number.isNaN(values[i + ni * (j + nj * k)] as number);
  for (let k = reach; k < nk - reach; k += 1) {
    for (let j = reach; j < nj - reach; j += 1) {
      for (let i = reach; i < ni - reach; i += 1) {
        if (!there(i, j, k)) continue;
        const edge =
          !there(i - 1, j, k) ||
          !there(i + 1, j, k) ||
          !there(i, j - 1, k) ||
          !there(i, j + 1, k) ||
          !there(i, j, k - 1) ||
          !there(i, j, k + 1);
        if (!edge) continue;
        const normal = normalAt(there, i, j, k, reach);
        if (normal === undefined) continue;
        places.push(origin[0] + h * i, origin[1] + h * j, origin[2] + h * k);
        normals.push(...normal);
      }
    }
  }
  return thinned(places, normals);
}

function normalAt(
  there: (i: number, j: number, k: number) => boolean,
  i: number,
  j: number,
  k: number,
  reach: number,
): [number, number, number] | undefined {
  let [x, y, z] = [0, 0, 0];
  for (let c = -reach; c <= reach; c += 1) {
    for (let b = -reach; b <= reach; b += 1) {
      for (let a = -reach; a <= reach; a += 1) {
        if (a * a + b * b + c * c > reach * reach || !there(i + a, j + b, k + c)) continue;
        x -= a;
        y -= b;
        z -= c;
      }
    }
  }
  const length = Math.hypot(x, y, z);
  return length > 0 ? [x / length, y / length, z / length] : undefined;
}

function thinned(places: readonly number[], normals: readonly number[]): Surface {
  const count = places.length / 3;
  const every = Math.max(1, count / MOST_PLACES);
  const keep = Array.from({ length: Math.floor(count / every) }, (_, n) => Math.floor(n * every));
  const some = (from: readonly number[]): Float64Array =>
    Float64Array.from(keep.flatMap((n) => [0, 1, 2].map((r) => from[3 * n + r] as number)));
  const centre = new Float64Array(3);
  const kept = some(places);
  for (let n = 0; n < kept.length; n += 1) {
    centre[n % 3] = (centre[n % 3] as number) + ((kept[n] as number) * 3) / kept.length;
  }
  return { places: kept, normals: some(normals), centre };
}

/** The point where the planes at three places meet: by Cramer's rule; undefined where they hardly do. */
function meetingOf({ places, normals }: Surface, three: readonly [number, number, number]): Float64Array | undefined {
  const [a, b, c] = three.map((n) => [0, 1, 2].map((r) => normals[3 * n + r] as number)) as [number[], number[], number[]];
  const [da, db, dc] = three.map((n) =>
    [0, 1, 2].reduce((sum, r) => sum + (normals[3 * n + r] as number) * (places[3 * n + r] as number), 0),
  ) as [number, number, number];
  const [bc, ca, ab] = [cross(b, c), cross(c, a), cross(a, b)];
  const volume = dot(a, bc);
  if (Math.abs(volume) < 0.02) return undefined;
  return Float64Array.from([0, 1, 2], (r) => (da * at(bc, r) + db * at(ca, r) + dc * at(ab, r)) / volume);
}

const at = (v: ArrayLike<number>, n: number): number => v[n] as number;
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  at(a, 0) * at(b, 0) + at(a, 1) * at(b, 1) + at(a, 2) * at(b, 2);
const cross = (a: ArrayLike<number>, b: ArrayLike<number>): number[] => [
  at(a, 1) * at(b, 2) - at(a, 2) * at(b, 1),
  at(a, 2) * at(b, 0) - at(a, 0) * at(b, 2),
  at(a, 0) * at(b, 1) - at(a, 1) * at(b, 0),
];

/** Cosine between the beams' direction and the surface's normal at a place: 0 on a side, −1 at the near end, 1 at the far one. */
function slant({ places, normals }: Surface, n: number, apex: ArrayLike<number>): number {
  const x = [0, 1, 2].map((r) => at(places, 3 * n + r) - at(apex, r));
  return dot(x, normals.subarray(3 * n, 3 * n + 3)) / Math.max(1e-9, Math.hypot(...x));
}

function misfitOf(surface: Surface, apex: ArrayLike<number>): number {
  const count = surface.places.length / 3;
  let sum = 0;
  for (let n = 0; n < count; n += 1) {
    const c = Math.min(1, Math.abs(slant(surface, n, apex)));
    const askew = Math.min(Math.asin(c), Math.acos(c)) / ASKEW;
    sum += Math.min(1, askew * askew);
  }
  return sum / count;
}

/** Least squares over the sides, as long as they fit no worse. */
function refined(surface: Surface, first: FanApex): FanApex {
  let best = first;
  for (let round = 0; round < 6; round += 1) {
    const place = meetingOfSides(surface, best.place);
    if (place === undefined) return best;
    const misfit = misfitOf(surface, place);
    if (misfit > best.misfit) return best;
    best = { place, misfit };
  }
  return best;
}

/** min Σ (n · (x − p))² over what lies along the beams from `apex`. */
function meetingOfSides(surface: Surface, apex: ArrayLike<number>): Float64Array | undefined {
  const { places, normals } = surface;
  const rows = [new Float64Array(3), new Float64Array(3), new Float64Array(3)] as const;
  const right = new Float64Array(3);
  for (let n = 0; n < places.length / 3; n += 1) {
    if (Math.abs(slant(surface, n, apex)) >= Math.sin(ASKEW)) continue;
    const normal = normals.subarray(3 * n, 3 * n + 3);
    const d = dot(normal, places.subarray(3 * n, 3 * n + 3));
    for (let r = 0; r < 3; r += 1) {
      right[r] = at(right, r) + d * at(normal, r);
      const own = rows[r] as Float64Array;
      for (let c = 0; c < 3; c += 1) own[c] = at(own, c) + at(normal, r) * at(normal, c);
    }
  }
  const [a, b, c] = rows;
  const [bc, ca, ab] = [cross(b, c), cross(c, a), cross(a, b)];
  const volume = dot(a, bc);
  const scale = at(a, 0) + at(b, 1) + at(c, 2);
  if (!(volume > 1e-6 * scale ** 3)) return undefined;
  return Float64Array.from(
    [0, 1, 2],
    (r) => (at(right, 0) * at(bc, r) + at(right, 1) * at(ca, r) + at(right, 2) * at(ab, r)) / volume,
  );
}

/** Cosine between the directions in which two places lie from a third. */
function cosine(from: ArrayLike<number>, a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [u, v] = [a, b].map((p) => [0, 1, 2].map((r) => at(p, r) - at(from, r))) as [number[], number[]];
  return dot(u, v) / Math.max(1e-9, Math.hypot(...u) * Math.hypot(...v));
}
