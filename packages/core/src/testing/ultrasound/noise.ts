/** Random functions of position: the same seed and place give the same value, whatever is asked for in between. */

/** A hash of three whole numbers and a seed, uniform over 32 bits. */
export function hash(i: number, j: number, k: number, seed: number): number {
  let h = Math.imul(i, 0x27d4eb2d) ^ Math.imul(j, 0x165667b1) ^ Math.imul(k, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  return (h ^ (h >>> 15)) >>> 0;
}

/** Nearly normal numbers of mean 0 and standard deviation 1 from 32 random bits: four bytes summed (Irwin–Hall). */
export function normalOf(bits: number): number {
  const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
  return (sum - 510) / 147.8;
}

/** Nodes of a smooth noise along an axis: it repeats after so many. */
const NODES = 32;

/** Without a bend at the nodes (Perlin 2002, ACM TOG 21:681). */
function blend(t: number): number {
  return t * t * t * (t * (6 * t - 15) + 10);
}

/** A smooth random function of position, mm, of about unit variance; it repeats after 32 times its length. */
export function smoothNoise(seed: number, lengthMm: number): (x: number, y: number, z: number) => number {
  const table = new Float64Array(NODES ** 3);
  // Interpolation takes out variance between the nodes: 1.5 brings it back.
  for (let n = 0; n < table.length; n += 1) table[n] = 1.5 * normalOf(hash(n, 7, 11, seed));
  const last = NODES - 1;
  return (x, y, z) => {
    const u = x / lengthMm;
    const v = y / lengthMm;
    const w = z / lengthMm;
    const i = Math.floor(u);
    const j = Math.floor(v);
    const k = Math.floor(w);
    const fu = blend(u - i);
    const fv = blend(v - j);
    const fw = blend(w - k);
    const i0 = i & last;
    const i1 = (i + 1) & last;
    const j0 = NODES * (j & last);
    const j1 = NODES * ((j + 1) & last);
    const k0 = NODES * NODES * (k & last);
    const k1 = NODES * NODES * ((k + 1) & last);
    const a = between(table, i0 + j0 + k0, i1 + j0 + k0, fu);
    const b = between(table, i0 + j0 + k1, i1 + j0 + k1, fu);
    const p = a + fv * (between(table, i0 + j1 + k0, i1 + j1 + k0, fu) - a);
    return p + fw * (b + fv * (between(table, i0 + j1 + k1, i1 + j1 + k1, fu) - b) - p);
  };
}

/** Linear between two nodes. */
function between(table: Float64Array, from: number, to: number, f: number): number {
  const a = table[from] as number;
  return a + f * ((table[to] as number) - a);
}
