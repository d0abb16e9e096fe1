import type { CubeImage } from './cube-image.js';

/** Ultrasound patches at one resolution: which places are looked at, and which of them make a patch. */
export interface Patches {
  /** x, y, z of every place used, mm in the ultrasound's frame. */
  readonly places: Float64Array;
  /** Ultrasound there. */
  readonly values: Float64Array;
  /** Patch p is made of `members[starts[p] … starts[p + 1]]`. */
  readonly starts: Int32Array;
  readonly members: Int32Array;
  /** Standard deviation of the ultrasound in each patch: its weight. */
  readonly weights: Float64Array;
  /** Half the patches' edge, mm. */
  readonly radiusMm: number;
}

/** How patches are laid. */
export interface PatchLayout {
  /** Half the edge, cubes: a patch has (2 radius + 1)³. */
  readonly radius: number;
  /** From one patch to the next, cubes. */
  readonly stride: number;
  /** At most so many patches, those of the strongest contrast. */
  readonly most: number;
  /** Least share of a patch in the fan. Default 0.5. */
  readonly share?: number;
}

/** A patch needs this share of its places in the fan. */
const LEAST_SHARE = 0.5;

interface Candidate {
  readonly members: number[];
  readonly sd: number;
}

/**
 * Patches over the part of an ultrasound image that is not NaN, chosen by their contrast.
 *
 * std(u) as weight and "more than half of the patch seen" are Wein's (2013, MICCAI 8149:34).
 */
export function layPatches(image: CubeImage, layout: PatchLayout): Patches {
  const candidates: Candidate[] = [];
  const { radius, stride } = layout;
  const firsts = image.size.map((s) => Math.floor(((s - 1) % stride) / 2));
  for (let k = firsts[2] as number; k < image.size[2]; k += stride) {
    for (let j = firsts[1] as number; j < image.size[1]; j += stride) {
      for (let i = firsts[0] as number; i < image.size[0]; i += stride) {
        const candidate = patchAt(image, i, j, k, radius, layout.share);
        if (candidate !== undefined) candidates.push(candidate);
      }
    }
  }
  candidates.sort((a, b) => b.sd - a.sd);
  return gathered(image, candidates.slice(0, layout.most), layout);
}

function patchAt(image: CubeImage, i: number, j: number, k: number, radius: number, share?: number): Candidate | undefined {
  const { size, values } = image;
  const members: number[] = [];
  let sum = 0;
  let squares = 0;
  for (let c = Math.max(0, k - radius); c <= Math.min(size[2] - 1, k + radius); c += 1) {
    for (let b = Math.max(0, j - radius); b <= Math.min(size[1] - 1, j + radius); b += 1) {
      const row = size[0] * (b + size[1] * c);
      for (let a = Math.max(0, i - radius); a <= Math.min(size[0] - 1, i + radius); a += 1) {
        const x = values[row + a] as number;
        if (Number.isNaN(x)) continue;
        members.push(row + a);
        sum += x;
        squares += x * x;
      }
    }
  }
  const n = members.length;
  if (n < (share ?? LEAST_SHARE) * (2 * radius + 1) ** 3) return undefined;
  const variance = squares / n - (sum / n) ** 2;
  return variance > 1e-12 ? { members, sd: Math.sqrt(variance) } : undefined;
}

function gathered(image: CubeImage, patches: readonly Candidate[], layout: PatchLayout): Patches {
  const { size, spacingMm, origin, values } = image;
  const place = new Int32Array(values.length).fill(-1);
  for (const patch of patches) for (const n of patch.members) place[n] = 0;
  // In the image's order, so that what is sampled one after the other lies close together.
  const used: number[] = [];
  for (let n = 0; n < place.length; n += 1) if (place[n] === 0) place[n] = used.push(n) - 1;
  const starts = new Int32Array(patches.length + 1);
  const members = new Int32Array(patches.reduce((sum, p) => sum + p.members.length, 0));
  let at = 0;
  patches.forEach((patch, p) => {
    for (const n of patch.members) {
      members[at] = place[n] as number;
      at += 1;
    }
    starts[p + 1] = at;
  });
  const places = new Float64Array(3 * used.length);
  used.forEach((n, s) => {
    places[3 * s] = origin[0] + spacingMm * (n % size[0]);
    places[3 * s + 1] = origin[1] + spacingMm * (Math.floor(n / size[0]) % size[1]);
    places[3 * s + 2] = origin[2] + spacingMm * Math.floor(n / (size[0] * size[1]));
  });
  return {
    places,
    values: Float64Array.from(used, (n) => values[n] as number),
    starts,
    members,
    weights: Float64Array.from(patches, (p) => p.sd),
    radiusMm: layout.radius * spacingMm,
  };
}

/** Some of the patches, by their number; with them which of all places they are made of, in the order of their places. */
export function chosen(
  patches: Patches,
  choose: (p: number) => boolean,
): { readonly patches: Patches; readonly used: readonly number[] } {
  const kept = Array.from(patches.weights.keys()).filter(choose);
  const own = kept.map((p) => patches.members.subarray(patches.starts[p], patches.starts[p + 1]));
  const renamed = new Int32Array(patches.values.length).fill(-1);
  for (const list of own) for (const s of list) renamed[s] = 0;
  const used: number[] = [];
  for (let s = 0; s < renamed.length; s += 1) if (renamed[s] === 0) renamed[s] = used.push(s) - 1;
  const starts = new Int32Array(kept.length + 1);
  own.forEach((list, p) => {
    starts[p + 1] = (starts[p] as number) + list.length;
  });
  const members = new Int32Array(starts[kept.length] as number);
  own.forEach((list, p) => {
    members.set(
      list.map((s) => renamed[s] as number),
      starts[p],
    );
  });
  const places = new Float64Array(3 * used.length);
  used.forEach((s, n) => {
    for (let r = 0; r < 3; r += 1) places[3 * n + r] = patches.places[3 * s + r] as number;
  });
  const values = Float64Array.from(used, (s) => patches.values[s] as number);
  const weights = Float64Array.from(kept, (p) => patches.weights[p] as number);
  return { patches: { places, values, starts, members, weights, radiusMm: patches.radiusMm }, used };
}
