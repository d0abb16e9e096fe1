import type { Random } from '@trocar/core/math';
import { type ByteImage, HOLE, WHITE } from './byte-image.js';
import { type DrawingOptions, Interpolator, type SampleSet } from './samples.js';

/** The inverse of the plastic number, the real root of x³ = x + 1, and its square. */
const KRONECKER = [0.7548776662466927, 0.5698402909980532] as const;
/** Among holes so many times as many places are tried at most. */
const MOST_TRIES = 20;

/**
 * Draws samples evenly, off the grid: a Kronecker sequence in each slice while the third coordinate rises, moved at random as a
 * whole (Niederreiter 1992, Random Number Generation and Quasi-Monte Carlo Methods, ch. 3). Such places miss an image's average by
 * less than as many random ones do, and neighbours in the list are neighbours in memory.
 * @param exchange what each of the image's 256 bytes stands for
 * @param radiusMm of the set: the unit of rotations
 */
export function drawEvenly(
  image: ByteImage,
  exchange: Uint8Array,
  random: Random,
  options: DrawingOptions,
  radiusMm: number,
): SampleSet {
  const { count: wanted, fixedBins, fine, centre } = options;
  const tries = Math.ceil(wanted / Math.max(image.holes ? valuedShare(image.values) : 1, 1 / MOST_TRIES));
  const [ni, nj, nk] = image.size;
  const values = new Interpolator(image, exchange);
  const x = new Float32Array(wanted);
  const y = new Float32Array(wanted);
  const z = new Float32Array(wanted);
  const rows = new Int32Array(wanted);
  const [ix, iy, iz, , jx, jy, jz, , kx, ky, kz] = image.frameFromIndex as unknown as Geometry;
  const [ox, oy, oz] = [0, 1, 2].map((r) => (image.frameFromIndex[12 + r] as number) - (centre[r] as number)) as [
    number,
    number,
    number,
  ];
  const binsPerByte = fixedBins / (WHITE + 1);
  let a = random.uniform();
  let b = random.uniform();
  const begin = random.uniform();
  let count = 0;
  for (let n = 0; n < tries && count < wanted; n += 1) {
    a += KRONECKER[0];
    a -= a | 0;
    b += KRONECKER[1];
    b -= b | 0;
    const u = a * (ni - 1);
    const v = b * (nj - 1);
    const w = ((n + begin) / tries) * (nk - 1);
    const value = values.at(u, v, w);
    if (!(value >= 0)) continue;
    x[count] = ix * u + jx * v + kx * w + ox;
    y[count] = iy * u + jy * v + ky * w + oy;
    z[count] = iz * u + jz * v + kz * w + oz;
    rows[count] = fine * ((value * binsPerByte) | 0);
    count += 1;
  }
  count -= count % 4;
  const part = <T extends Float32Array | Int32Array>(all: T): T => all.subarray(0, count) as T;
  return { count, x: part(x), y: part(y), z: part(z), rows: part(rows), fixedBins, fine, centre, radiusMm };
}

type Geometry = [number, number, number, 0, number, number, number, 0, number, number, number];

function valuedShare(values: Uint8Array): number {
  let valued = 0;
  for (const x of values) if (x !== HOLE) valued += 1;
  return valued / values.length;
}
