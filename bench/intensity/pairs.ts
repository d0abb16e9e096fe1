import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AffineTransform, frame } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { fromRotationVector, invertRigid, multiply4, Random, transformPoint } from '@trocar/core/math';
import { abdomenPhantom, headPhantom, type Phantom } from '@trocar/core/testing';
import { percentiles, regrid, Sampler, type Volume, volume } from '@trocar/core/volume';

/** Two images of one body with what is known of the truth. */
export interface Pair {
  readonly name: string;
  readonly fixed: Volume<'fixed'>;
  readonly moving: Volume<'moving'>;
  /** Places in the fixed frame where errors are judged, mm. */
  readonly places: readonly Float64Array[];
  /** moving from fixed, 4×4 column-major; absent where nobody knows it. */
  readonly truth: Float64Array | undefined;
  /** Error up to which a result is right, mm on average over the places. */
  readonly toleranceMm: number;
}

export const fixedFrame = frame('fixed');
export const movingFrame = frame('moving');

/** Where real data lie: none of it belongs to the project. */
export const DATA: string =
  process.env['TROCAR_DATA'] ?? resolve(fileURLToPath(new URL('.', import.meta.url)), '../../../shared/data');

/** A rigid matrix from a rotation vector, rad, and a translation, mm. */
export function poseOf(turn: ArrayLike<number>, shift: ArrayLike<number>): Float64Array {
  const m = fromRotationVector(new Float64Array(16), turn);
  m.set(Array.from(shift), 12);
  return m;
}

/** A random pose up to so many radians about, and millimetres along, each axis. */
export function randomPose(random: Random, rad: number, mm: number): Float64Array {
  const triple = (most: number): number[] => [0, 1, 2].map(() => random.between(-most, most));
  return poseOf(triple(rad), triple(mm));
}

/** Mean and largest distance between where two maps put the places, mm. */
export function errorBetween(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  places: readonly Float64Array[],
): { readonly mean: number; readonly worst: number } {
  const errors = places.map((p) => {
    const x = transformPoint(new Float64Array(3), a, p);
    const y = transformPoint(new Float64Array(3), b, p);
    return Math.hypot(...x.map((v, i) => v - (y[i] as number)));
  });
  return { mean: errors.reduce((s, e) => s + e, 0) / errors.length, worst: Math.max(...errors) };
}

/** Places on a grid 15 mm apart where a phantom has body. */
function placesIn(phantom: Phantom<'fixed'>): Float64Array[] {
  const out: Float64Array[] = [];
  const { size, frameFromIndex: m } = phantom.volume;
  for (let i = 0.08; i < 0.95; i += 0.1) {
    for (let j = 0.08; j < 0.95; j += 0.1) {
      for (let k = 0.08; k < 0.95; k += 0.1) {
        const p = transformPoint(new Float64Array(3), m, [i * size[0], j * size[1], k * size[2]]);
        if (phantom.signedDistance('skin', ...(Array.from(p) as [number, number, number])) < -3) out.push(p);
      }
    }
  }
  return out;
}

/** How a phantom pair is made. */
export interface PhantomPairOptions {
  readonly body: 'head' | 'abdomen';
  readonly seed: number;
  /** moving from fixed. */
  readonly pose: Float64Array;
  readonly spacingMm?: number;
  readonly size?: readonly [number, number, number];
  readonly noise?: number;
  /** Slices of the moving image this thick instead, mm. */
  readonly thickMm?: number;
}

/** A CT-like and an MR-like phantom, the second moved, on an oblique grid that mirrors, with receive field and Rician noise. */
export function phantomPair({ body, seed, pose, spacingMm, size, noise, thickMm }: PhantomPairOptions): Pair {
  const make = body === 'head' ? headPhantom : abdomenPhantom;
  const grid = { ...(spacingMm !== undefined && { spacingMm }), ...(size && { size }), ...(noise !== undefined && { noise }) };
  const fixed = make({ ...grid, frame: fixedFrame, contrast: 'ct', seed });
  const thick = thickMm === undefined ? {} : { spacingMm: [spacingMm ?? 2, spacingMm ?? 2, thickMm] as const };
  const moving = make({
    ...grid,
    ...thick,
    frame: movingFrame,
    contrast: 'mr',
    seed: seed + 1000,
    axes: 'RPS',
    obliqueRad: [0.1, -0.05, 0.2],
    frameFromBody: pose,
  });
  return {
    name: `${body} phantom`,
    fixed: fixed.volume,
    moving: moving.volume,
    places: placesIn(fixed),
    truth: pose,
    toleranceMm: 2,
  };
}

/**
 * The moving image made from the fixed one by a known rigid motion: resampled on a turned grid, its values mapped so that
 * neither order nor sign is kept, times a receive field, with Rician noise.
 */
export function remappedPair(name: string, fixed: Volume<'fixed'>, seed: number, pose: Float64Array): Pair {
  const random = new Random(seed);
  const [low, high] = percentiles(fixed, [0.005, 0.995]) as [number, number];
  const inverse = invertRigid(new Float64Array(16), pose);
  const turn = poseOf([0.05, 0.08, -0.06], [0, 0, 0]);
  const [ni, nj, nk] = fixed.size;
  const centre = transformPoint(new Float64Array(3), fixed.frameFromIndex, [(ni - 1) / 2, (nj - 1) / 2, (nk - 1) / 2]);
  const grid = multiply4(new Float64Array(16), turn, fixed.frameFromIndex);
  // The turned grid about the moved body's middle.
  const middle = transformPoint(new Float64Array(3), grid, [(ni - 1) / 2, (nj - 1) / 2, (nk - 1) / 2]);
  const home = transformPoint(new Float64Array(3), pose, centre);
  for (let r = 0; r < 3; r += 1) grid[12 + r] = (grid[12 + r] as number) + (home[r] as number) - (middle[r] as number);
  const map = multiply4(new Float64Array(16), inverse, grid);
  const sampler = new Sampler(fixed);
  const voxels = new Int16Array(ni * nj * nk);
  const p = new Float64Array(3);
  const phase = random.between(0, 6);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        p[0] = i;
        p[1] = j;
        p[2] = k;
        transformPoint(p, map, p);
        const value = sampler.at(p[0], p[1], p[2]);
        const t = Number.isNaN(value) ? 0 : Math.min(1, Math.max(0, (value - low) / (high - low)));
        const signal = 900 * Math.sin(Math.PI * t ** 0.8) ** 2 * (1 - 0.4 * t) + 250 * t;
        const field = 1 + 0.2 * Math.sin((3 * i) / ni + phase) * Math.cos((2 * j) / nj - (2.5 * k) / nk);
        voxels[n] = Math.round(Math.hypot(signal * field + 15 * random.normal(), 15 * random.normal()));
      }
    }
  }
  const moving = volume({ frame: movingFrame, voxels, size: fixed.size, frameFromIndex: grid, modality: 'MR' });
  return { name, fixed, moving, places: brightPlaces(fixed, low + 0.2 * (high - low)), truth: pose, toleranceMm: 2 };
}

/** Places in an image where it is brighter than a value, on a grid of about 12³. */
export function brightPlaces(v: Volume<'fixed'>, above: number): Float64Array[] {
  const sampler = new Sampler(v);
  const out: Float64Array[] = [];
  for (let i = 0.06; i < 0.97; i += 0.08) {
    for (let j = 0.06; j < 0.97; j += 0.08) {
      for (let k = 0.06; k < 0.97; k += 0.08) {
        const index = [i * (v.size[0] - 1), j * (v.size[1] - 1), k * (v.size[2] - 1)] as const;
        if (sampler.atIndex(...index) > above) out.push(transformPoint(new Float64Array(3), v.frameFromIndex, index));
      }
    }
  }
  return out;
}

/** A real image, or nothing where the data are not here. */
export async function realVolume<F extends 'fixed' | 'moving'>(path: string, inFrame: F): Promise<Volume<F> | undefined> {
  const file = resolve(DATA, path);
  return existsSync(file) ? readVolume(file, { frame: frame<string>(inFrame) as never }) : undefined;
}

/** The real CT and MR of a meat phantom, half a turn apart, with the matrices that were derived, not published, for them. */
export interface MeatPair extends Pair {
  /** By the whole body: its reference here. */
  readonly truth: Float64Array;
  /** By the bones alone, which lie elsewhere, for the meat has bent between the scans. */
  readonly bones: Float64Array;
}

/** The meat phantom, scored at places of bone; nothing where the data are not here. */
export async function meatPair(): Promise<MeatPair | undefined> {
  const fixed = await realVolume('phantom-ct-mr/pork_CT_0p78x0p78x1p25.nii.gz', 'fixed');
  const moving = await realVolume('phantom-ct-mr/pork_MR_T2_1x1x2p5.nii.gz', 'moving');
  if (fixed === undefined || moving === undefined) return undefined;
  // Rows of CT from MR, LPS mm.
  const derived = JSON.parse(readFileSync(resolve(DATA, 'phantom-ct-mr/derived_rigid_MR_to_CT_LPS.json'), 'utf8')) as Record<
    'whole_body_NMI' | 'bone_refined_NMI',
    readonly (readonly number[])[]
  >;
  const [truth, bones] = [derived.whole_body_NMI, derived.bone_refined_NMI].map((rows) => {
    const m = Float64Array.from({ length: 16 }, (_, n) => rows[n % 4]?.[n >> 2] as number);
    return invertRigid(new Float64Array(16), m);
  }) as [Float64Array, Float64Array];
  return { name: 'meat phantom, real', fixed, moving, places: brightPlaces(fixed, 300), truth, bones, toleranceMm: 2 };
}

/** The volume on a grid of so many voxels that covers the same. */
export function regridded<F extends string>(v: Volume<F>, size: readonly [number, number, number]): Volume<F> {
  const m = Float64Array.from(v.frameFromIndex);
  for (let a = 0; a < 3; a += 1) {
    const f = (v.size[a as 0 | 1 | 2] as number) / (size[a] as number);
    for (let r = 0; r < 3; r += 1) {
      m[4 * a + r] = f * (v.frameFromIndex[4 * a + r] as number);
      m[12 + r] = (m[12 + r] as number) + ((f - 1) / 2) * (v.frameFromIndex[4 * a + r] as number);
    }
  }
  return regrid(v, { size, frameFromIndex: m });
}

/** What elastix or anyone starts from. */
export type Start = AffineTransform<'moving', 'fixed'>;
