import type { Stiffness } from './stiffness.js';

type Size = readonly [number, number, number];

/**
 * An approximate inverse of stiffness plus evenly spread image curvature on a lattice, for conjugate gradients: both are nearly
 * diagonal in cosines, whose slope at the lattice's ends is zero (Strang 1999, SIAM Rev. 41:135). First differences are so exactly;
 * second ones but for the outermost nodes.
 */
export class CosinePreconditioner {
  readonly #size: Size;
  readonly #bases: readonly [Float32Array, Float32Array, Float32Array];
  /** One over the operator's value at each frequency, 3 a node. */
  readonly #inverse: Float32Array;
  readonly #first: Float32Array;
  readonly #second: Float32Array;

  /**
   * @param size nodes along each axis
   * @param spacingMm of the nodes
   * @param curvature of the images, per node and component, per mm²: its mean
   */
  constructor(size: Size, spacingMm: number, stiffness: Stiffness, curvature: number) {
    this.#size = size;
    this.#bases = [cosines(size[0]), cosines(size[1]), cosines(size[2])];
    this.#inverse = inverseOf(size, spacingMm, stiffness, curvature);
    this.#first = new Float32Array(this.#inverse.length);
    this.#second = new Float32Array(this.#inverse.length);
  }

  /** The approximate inverse of the operator on `v`, into `out`: 3 a node. */
  apply(v: Float32Array, out: Float32Array): void {
    const [ni, nj, nk] = this.#size;
    const [bi, bj, bk] = this.#bases;
    const [a, b] = [this.#first, this.#second];
    along(v, a, bi, { inner: 3, nodes: ni, outer: nj * nk }, false);
    along(a, b, bj, { inner: 3 * ni, nodes: nj, outer: nk }, false);
    along(b, a, bk, { inner: 3 * ni * nj, nodes: nk, outer: 1 }, false);
    for (let n = 0; n < a.length; n += 1) a[n] = (a[n] as number) * (this.#inverse[n] as number);
    along(a, b, bk, { inner: 3 * ni * nj, nodes: nk, outer: 1 }, true);
    along(b, a, bj, { inner: 3 * ni, nodes: nj, outer: nk }, true);
    along(a, out, bi, { inner: 3, nodes: ni, outer: nj * nk }, true);
  }
}

/** The orthonormal cosines (DCT-II): row k is frequency k. */
function cosines(n: number): Float32Array {
  const out = new Float32Array(n * n);
  for (let k = 0; k < n; k += 1) {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / n);
    for (let p = 0; p < n; p += 1) out[n * k + p] = scale * Math.cos((Math.PI * k * (p + 0.5)) / n);
  }
  return out;
}

function inverseOf([ni, nj, nk]: Size, h: number, { stretch, bulk, bend }: Stiffness, curvature: number): Float32Array {
  const out = new Float32Array(3 * ni * nj * nk);
  // Of the first difference squared.
  const lambda = (k: number, n: number): number => 2 - 2 * Math.cos((Math.PI * k) / n);
  for (let k = 0, m = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1) {
        const l = [lambda(i, ni), lambda(j, nj), lambda(k, nk)];
        const sum = (l[0] as number) + (l[1] as number) + (l[2] as number);
        // A cubic spline read at its nodes: (1 4 1) / 6.
        const seen = l.reduce((product, x) => product * (1 - x / 6) ** 2, 1);
        const elastic = (stretch / (h * h)) * sum + (bend / h ** 4) * sum * sum;
        for (let r = 0; r < 3; r += 1, m += 1) {
          const x = l[r] as number;
          out[m] = 1 / (elastic + (bulk / (4 * h * h)) * x * (4 - x) + curvature * seen);
        }
      }
    }
  }
  return out;
}

interface Shape {
  readonly inner: number;
  readonly nodes: number;
  readonly outer: number;
}

function along(
  source: Float32Array,
  out: Float32Array,
  basis: Float32Array,
  { inner, nodes, outer }: Shape,
  back: boolean,
): void {
  out.fill(0);
  for (let o = 0; o < outer; o += 1) {
    for (let k = 0; k < nodes; k += 1) {
      const to = inner * (o * nodes + k);
      for (let p = 0; p < nodes; p += 1) {
        const w = basis[back ? nodes * p + k : nodes * k + p] as number;
        const from = inner * (o * nodes + p);
        for (let n = 0; n < inner; n += 1) out[to + n] = (out[to + n] as number) + w * (source[from + n] as number);
      }
    }
  }
}
