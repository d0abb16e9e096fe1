import { type Frame, frame } from '@trocar/core';
import { fromQuaternion, Random, transformPoint } from '@trocar/core/math';
import { type Volume, volume } from '@trocar/core/volume';

/** A small pair for the tests of registration to ultrasound, here and in browsers. */
export interface SmallUltrasoundPair {
  readonly us: Volume<'us'>;
  readonly mr: Volume<'mr'>;
  /** Ultrasound from MR, where it really is: column-major, mm. */
  readonly usFromMr: Float64Array;
}

const SIZE = 44;
const SPACING = 1.1;
/** Random values lie on a lattice of this pitch, mm; between them the field is trilinear. */
const PITCH = 3.5;
const NODES = 32;

/**
 * A cone of echoes that are brighter the further a random field is from its mean, with noise of their own, and an image of the
 * field itself. Without sines and logarithms: engines may round those differently in the last digit.
 */
export function smallUltrasoundPair(seed: number): SmallUltrasoundPair {
  const random = new Random(seed);
  const table = Float64Array.from({ length: NODES ** 3 }, () => random.between(0, 1));
  const field = (p: ArrayLike<number>): number =>
    trilinear(
      table,
      [0, 1, 2].map((r) => (p[r] as number) / PITCH + NODES / 2),
    );
  const q = [2, -1.5, 3, 60].map((x) => x / Math.sqrt(4 + 2.25 + 9 + 3600));
  const usFromMr = fromQuaternion(new Float64Array(16), q, [2.5, -2, 1.5]);
  const body = new Float64Array(3);
  const us = drawn(frame('us'), 'US', (p) => {
    if (Math.hypot(p[0] as number, p[1] as number) > 6 + 0.6 * ((p[2] as number) + 22)) return 0;
    const away = Math.abs(field(p) - 0.5);
    return Math.round(20 + 300 * away + 20 * random.between(-1, 1));
  });
  const mr = drawn(frame('mr'), 'MR', (p) =>
    Math.round(1000 * field(transformPoint(body, usFromMr, p)) + 30 * random.between(-1, 1)),
  );
  return { us, mr, usFromMr };
}

function drawn<F extends string>(own: Frame<F>, modality: string, value: (p: Float64Array) => number): Volume<F> {
  const low = (-SPACING * (SIZE - 1)) / 2;
  const voxels = new Int16Array(SIZE ** 3);
  const p = new Float64Array(3);
  for (let n = 0; n < voxels.length; n += 1) {
    p[0] = low + SPACING * (n % SIZE);
    p[1] = low + SPACING * (Math.floor(n / SIZE) % SIZE);
    p[2] = low + SPACING * Math.floor(n / (SIZE * SIZE));
    voxels[n] = value(p);
  }
  const frameFromIndex = [SPACING, 0, 0, 0, 0, SPACING, 0, 0, 0, 0, SPACING, 0, low, low, low, 1];
  return volume({ frame: own, voxels, size: [SIZE, SIZE, SIZE], frameFromIndex, modality });
}

function trilinear(table: Float64Array, at: readonly number[]): number {
  const [x, y, z] = at.map((v) => Math.min(NODES - 2, Math.max(0, Math.floor(v)))) as [number, number, number];
  const [u, v, w] = [(at[0] as number) - x, (at[1] as number) - y, (at[2] as number) - z];
  let sum = 0;
  for (let c = 0; c < 8; c += 1) {
    const weight = (c & 1 ? u : 1 - u) * (c & 2 ? v : 1 - v) * (c & 4 ? w : 1 - w);
    sum += weight * (table[x + (c & 1) + NODES * (y + ((c >> 1) & 1) + NODES * (z + (c >> 2)))] as number);
  }
  return sum;
}

/**
 * What `registerToUltrasound(us, [mr], {seed: 7, searchMm: 5, searchDeg: 5})` makes of `smallUltrasoundPair(5)`: the matrix
 * usFromMoving, byte by byte.
 */
export const SMALL_PAIR_BITS: string =
  '095a21e272cdef3f65a3d725972eb93f8f8a408f8d3eaa3f00000000000000007beb42f9e0f8b9bfa1adae601cc6ef3f3860c5cd7985af3f' +
  '00000000000000000fbe54f74df5a6bf524328dda6feb0bfacf18eb6abe5ef3f0000000000000000b6ecbae9ac080440b9ec414f524100c0' +
  '01f5d43bcceff73f000000000000f03f';
