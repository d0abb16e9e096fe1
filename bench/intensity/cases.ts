import { transform } from '@trocar/core';
import { fromRotationVector, multiply4, Random, transformPoint } from '@trocar/core/math';
import { type Volume, volume } from '@trocar/core/volume';
import type { VolumeRegistrationOptions } from '@trocar/registration/intensity';
import { fixedFrame, movingFrame, type Pair, phantomPair, poseOf, randomPose } from './pairs.js';

/** A registration to be tried: easy, hard or hopeless. */
export interface Case {
  readonly family: string;
  readonly pair: Pair;
  readonly options: VolumeRegistrationOptions<'rigid', 'fixed', 'moving'>;
}

/** What kinds of cases there are, and how often each comes. */
const FAMILIES: ReadonlyArray<readonly [string, number]> = [
  ['plain', 4],
  ['flipped', 3],
  ['cropped', 5],
  ['noisy', 4],
  ['thick', 2],
  ['unrelated', 2],
  ['symmetric', 2],
  ['noise', 1],
  ['misled', 2],
];

const BODIES = ['head', 'abdomen'] as const;

/** The case of a seed: the same on every machine. */
export function caseOf(seed: number): Case {
  const random = new Random(seed * 2654435761);
  const family = familyOf(random);
  const body = BODIES[random.below(2)] as (typeof BODIES)[number];
  const spacingMm = body === 'head' ? random.between(2.5, 4) : random.between(3.5, 5);
  const base = { body, seed: seed % 100000, spacingMm, pose: randomPose(random, 0.5236, 30) };
  const options = { seed };
  const plain = (): Pair => phantomPair(base);
  if (family === 'flipped') return { family, options, pair: phantomPair({ ...base, pose: flipped(base.pose, random) }) };
  if (family === 'cropped') {
    const pair = plain();
    return { family, options, pair: { ...pair, moving: cropped(pair.moving, random) } };
  }
  if (family === 'noisy') return { family, options, pair: phantomPair({ ...base, noise: 60 * 2 ** random.between(0, 4.5) }) };
  if (family === 'thick') return { family, options, pair: phantomPair({ ...base, thickMm: random.between(6, 12) }) };
  if (family === 'unrelated') {
    const other = phantomPair({ ...base, body: body === 'head' ? 'abdomen' : 'head' });
    return { family, options, pair: { ...plain(), moving: other.moving } };
  }
  if (family === 'symmetric') return { family, options, pair: symmetricPair(random, base.pose) };
  if (family === 'noise') {
    const pair = plain();
    return { family, options, pair: { ...pair, moving: noiseLike(pair.moving, random) } };
  }
  if (family === 'misled') {
    const astray = multiply4(new Float64Array(16), base.pose, poseOf([0.6, 0, 0], [60, 0, 40]));
    const initial = transform(movingFrame, fixedFrame, astray);
    return { family, options: { ...options, initial, searchMm: 25, searchDeg: 20 }, pair: plain() };
  }
  return { family: 'plain', options, pair: plain() };
}

function familyOf(random: Random): string {
  const place = random.between(
    0,
    FAMILIES.reduce((sum, [, share]) => sum + share, 0),
  );
  let reached = 0;
  for (const [name, share] of FAMILIES) {
    reached += share;
    if (place < reached) return name;
  }
  return 'plain';
}

/** Turned by 180° about one axis, about the middle of a body. */
function flipped(pose: Float64Array, random: Random): Float64Array {
  const axis = random.below(3);
  const turn = fromRotationVector(
    new Float64Array(16),
    [0, 1, 2].map((a) => (a === axis ? Math.PI : 0)),
  );
  return multiply4(new Float64Array(16), pose, turn);
}

/** A box of 35 % to 75 % of the image along each of one to three axes. */
function cropped(v: Volume<'moving'>, random: Random): Volume<'moving'> {
  const axes = 1 + random.below(2);
  const low = [0, 0, 0];
  const size = [...v.size] as [number, number, number];
  for (let n = 0; n < axes; n += 1) {
    const a = random.below(3) as 0 | 1 | 2;
    const kept = Math.floor(v.size[a] * random.between(0.35, 0.75));
    low[a] = random.below(v.size[a] - kept + 1);
    size[a] = kept;
  }
  const voxels = new Int16Array(size[0] * size[1] * size[2]);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      const from = (low[0] as number) + v.size[0] * (j + (low[1] as number) + v.size[1] * (k + (low[2] as number)));
      for (let i = 0; i < size[0]; i += 1, n += 1) voxels[n] = v.voxels[from + i] as number;
    }
  }
  const frameFromIndex = Float64Array.from(v.frameFromIndex);
  frameFromIndex.set(transformPoint(new Float64Array(3), v.frameFromIndex, low), 12);
  return volume({ frame: v.frame, voxels, size, frameFromIndex });
}

function noiseLike(v: Volume<'moving'>, random: Random): Volume<'moving'> {
  const voxels = Int16Array.from(v.voxels, () => Math.round(100 + 30 * random.normal()));
  return volume({ frame: v.frame, voxels, size: v.size, frameFromIndex: v.frameFromIndex });
}

/** Two ellipsoids of revolution, one in the other: nothing tells a turn about their axis, and little a half-turn. */
function symmetricPair(random: Random, pose: Float64Array): Pair {
  const n = 48;
  const frameFromIndex = Float64Array.of(4, 0, 0, 0, 0, 4, 0, 0, 0, 0, 4, 0, -94, -94, -94, 1);
  const lump = random.between(0, 14);
  const values = (contrast: readonly number[]): Int16Array => {
    const out = new Int16Array(n * n * n);
    for (let i = 0; i < out.length; i += 1) {
      const [x, y, z] = [i % n, Math.floor(i / n) % n, Math.floor(i / (n * n))].map((c) => 4 * c - 94) as [
        number,
        number,
        number,
      ];
      const outer = Math.hypot(x / 70, y / 70, z / 85);
      const inner = Math.hypot(x / 45, y / 45, z / 50);
      const spot = Math.hypot(x - 30, y, z - 10) < lump ? 3 : 0;
      const part = spot || (inner < 1 ? 2 : outer < 1 ? 1 : 0);
      out[i] = (contrast[part] as number) + 12 * random.normal();
    }
    return out;
  };
  const size = [n, n, n] as const;
  const fixed = volume({ frame: fixedFrame, voxels: values([-1000, 40, 300, 700]), size, frameFromIndex });
  const moved = multiply4(new Float64Array(16), pose, frameFromIndex);
  const moving = volume({ frame: movingFrame, voxels: values([5, 700, 250, 500]), size, frameFromIndex: moved });
  const places = [-60, 0, 60].flatMap((x) => [-60, 0, 60].map((z) => Float64Array.of(x, 20, z)));
  return { name: 'symmetric', fixed, moving, places, truth: pose, toleranceMm: 3 };
}
