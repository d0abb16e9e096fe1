import { type AffineTransform, affineTransform } from '@trocar/core';
import { fromRotationVector, identity4, invert4, multiply4, Random, transformPoint } from '@trocar/core/math';
import { type Volume, volume } from '@trocar/core/volume';
import { type DeformedBrain, deformedBrain } from '../../packages/registration/src/testing/deformed-brain.js';

/** Two images and where a deformable registration of them starts. */
export interface Case {
  readonly name: string;
  readonly brain: DeformedBrain;
  readonly fixed: Volume<'us'>;
  readonly moving: readonly Volume<'mr'>[];
  readonly start: AffineTransform<'mr', 'us'>;
  /** Whether both show the same brain: else nothing that is found is right. */
  readonly same: boolean;
}

/** A vector of this length in a random direction. */
function direction(random: Random, length: number): number[] {
  const v = [random.normal(), random.normal(), random.normal()];
  return v.map((x) => (length * x) / Math.hypot(...v));
}

/** The best rigid motion with an error of so many mm at the middle of the places, and as many degrees, in random directions. */
export function startOf(brain: DeformedBrain, size: number, random: Random): AffineTransform<'mr', 'us'> {
  const count = brain.fixedPlaces.length / 3;
  const middle = [0, 1, 2].map((r) => brain.fixedPlaces.reduce((s, x, n) => (n % 3 === r ? s + x : s), 0) / count);
  const off = fromRotationVector(identity4(), direction(random, (size * Math.PI) / 180));
  const moved = transformPoint(new Float64Array(3), off, middle);
  off.set(
    direction(random, size).map((d, r) => (middle[r] as number) + d - (moved[r] as number)),
    12,
  );
  const { to, from, matrix } = brain.bestRigid;
  return affineTransform(to, from, multiply4(identity4(), matrix, off));
}

/** Fixed from moving. */
export function turnedRound(map: AffineTransform<'mr', 'us'>): Float64Array {
  const out = identity4();
  invert4(out, map.matrix);
  return out;
}

/** Blocks of 2³ voxels averaged: a coarser image that costs an eighth. */
function halved<F extends string>(v: Volume<F>): Volume<F> {
  const size = v.size.map((n) => n >> 1) as [number, number, number];
  const m = Float64Array.from(v.frameFromIndex);
  for (let r = 0; r < 3; r += 1) {
    for (let c = 0; c < 3; c += 1) {
      m[12 + r] = (m[12 + r] as number) + 0.5 * (m[4 * c + r] as number);
      m[4 * c + r] = 2 * (m[4 * c + r] as number);
    }
  }
  const voxels = new Uint8Array(size[0] * size[1] * size[2]);
  const [ni, nj] = v.size;
  for (let n = 0; n < voxels.length; n += 1) {
    const at = 2 * (n % size[0]) + ni * (2 * (Math.floor(n / size[0]) % size[1]) + nj * 2 * Math.floor(n / (size[0] * size[1])));
    let [sum, seen] = [0, 0];
    for (let c = 0; c < 8; c += 1) {
      const x = v.voxels[at + (c & 1) + ni * (((c >> 1) & 1) + nj * (c >> 2))] as number;
      sum += x;
      if (x > 0) seen += 1;
    }
    voxels[n] = seen >= 4 ? Math.round(sum / seen) : 0;
  }
  return volume({ frame: v.frame, voxels, size, frameFromIndex: m, modality: v.modality });
}

/** Noise added where the image shows something, in units of its own standard deviation. */
function noisy(v: Volume<'us'>, units: number, random: Random): Volume<'us'> {
  const shown = Float64Array.from(v.voxels).filter((x) => x > 0);
  const mean = shown.reduce((a, b) => a + b, 0) / shown.length;
  const sd = Math.sqrt(shown.reduce((a, b) => a + (b - mean) ** 2, 0) / shown.length);
  const voxels = Float32Array.from(v.voxels, (x) => (x > 0 ? Math.max(1, x + units * sd * random.normal()) : 0));
  return { ...v, voxels };
}

/** The moving image's mirror image, in its place: a brain that the fixed image does not show. */
function mirrored(v: Volume<'mr'>): Volume<'mr'> {
  const voxels = v.voxels.slice();
  const ni = v.size[0];
  for (let line = 0; line < voxels.length; line += ni) voxels.subarray(line, line + ni).reverse();
  return { ...v, voxels };
}

/**
 * What a deformable registration meets, good and bad, of one seed: a start a little off; 6 to 10 mm and degrees off; with noise;
 * another brain; and (every other seed) no deformation. Coarser than the pairs that accuracy is told of, and so quicker.
 */
export function casesOf(kind: 'remap' | 'ultrasound', seed: number): Case[] {
  const random = new Random(5000 + seed);
  const still = seed % 2 === 0;
  const shiftMm = random.between(3, 10);
  const whole = deformedBrain({
    kind,
    seed,
    shiftMm: still ? 0 : shiftMm,
    resected: !still,
    ...(kind === 'remap' && { spacingMm: 2 }),
  });
  const fixed = kind === 'ultrasound' ? halved(whole.fixed) : whole.fixed;
  const of = (name: string, startMm: number, parts: Partial<Case> = {}): Case => ({
    name: `${kind} ${seed}${still ? ' still' : ''} ${name}`,
    brain: whole,
    fixed,
    moving: whole.moving,
    start: startOf(whole, startMm, random),
    same: true,
    ...parts,
  });
  return [
    of('near', random.between(1, 4)),
    of('far', random.between(6, 10)),
    of('noise', random.between(1, 4), { fixed: noisy(fixed, random.between(0.5, 3), random) }),
    of('other brain', random.between(1, 4), { moving: whole.moving.map(mirrored), same: false }),
  ];
}
