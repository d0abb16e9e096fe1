/** How one axis of a lattice is sampled: for each place its first node and the weights of that one and the next three. */
interface AxisWeights {
  readonly first: Int32Array;
  readonly weights: Float32Array;
}

/**
 * Displacements on a lattice of cubic B-spline control points, read at places on straight lines along the same axes: both ways
 * as three passes along the axes. Three components a node and a place, interleaved; i fastest.
 */
export class SplineLattice {
  readonly nodes: readonly [number, number, number];
  readonly places: readonly [number, number, number];
  readonly #axes: readonly [AxisWeights, AxisWeights, AxisWeights];
  readonly #rows: Float32Array;
  readonly #sheets: Float32Array;

  /**
   * @param nodes control points along each axis: every place lies between the second and the last but one
   * @param places places along each axis
   * @param start where the first place lies, in steps of nodes from node 0: the same along each axis
   * @param step from one place to the next, in steps of nodes
   */
  constructor(nodes: readonly [number, number, number], places: readonly [number, number, number], start: number, step: number) {
    this.nodes = nodes;
    this.places = places;
    const axis = (r: 0 | 1 | 2): AxisWeights => axisWeights(nodes[r], places[r], start, step);
    this.#axes = [axis(0), axis(1), axis(2)];
    this.#rows = new Float32Array(3 * places[0] * nodes[1] * nodes[2]);
    this.#sheets = new Float32Array(3 * places[0] * places[1] * nodes[2]);
  }

  /** The displacement at every place, into `out`. */
  evaluate(coefficients: Float32Array, out: Float32Array): void {
    const [ni, nj, nk] = this.nodes;
    const [pi, pj] = this.places;
    spread(coefficients, this.#rows, this.#axes[0], { inner: 3, nodes: ni, outer: nj * nk });
    spread(this.#rows, this.#sheets, this.#axes[1], { inner: 3 * pi, nodes: nj, outer: nk });
    spread(this.#sheets, out, this.#axes[2], { inner: 3 * pi * pj, nodes: nk, outer: 1 });
  }

  /** The transpose: what is given at the places, summed into the nodes by their weights. */
  gather(values: Float32Array, out: Float32Array): void {
    const [ni, nj, nk] = this.nodes;
    const [pi, pj] = this.places;
    collect(values, this.#sheets, this.#axes[2], { inner: 3 * pi * pj, nodes: nk, outer: 1 });
    collect(this.#sheets, this.#rows, this.#axes[1], { inner: 3 * pi, nodes: nj, outer: nk });
    collect(this.#rows, out, this.#axes[0], { inner: 3, nodes: ni, outer: nj * nk });
  }
}

/** Weights of the four nodes around a place `f` beyond the second of them. */
export function cubicWeights(f: number): [number, number, number, number] {
  const g = 1 - f;
  return [(g * g * g) / 6, (3 * f * f * f - 6 * f * f + 4) / 6, (3 * g * g * g - 6 * g * g + 4) / 6, (f * f * f) / 6];
}

function axisWeights(nodes: number, places: number, start: number, step: number): AxisWeights {
  const first = new Int32Array(places);
  const weights = new Float32Array(4 * places);
  for (let p = 0; p < places; p += 1) {
    const t = start + step * p;
    const base = Math.min(nodes - 3, Math.max(1, Math.floor(t)));
    first[p] = base - 1;
    weights.set(cubicWeights(t - base), 4 * p);
  }
  return { first, weights };
}

interface Shape {
  /** Numbers that lie side by side and are treated alike. */
  readonly inner: number;
  readonly nodes: number;
  readonly outer: number;
}

function spread(source: Float32Array, out: Float32Array, { first, weights }: AxisWeights, { inner, nodes, outer }: Shape): void {
  const places = first.length;
  for (let o = 0; o < outer; o += 1) {
    for (let p = 0; p < places; p += 1) {
      const from = inner * (o * nodes + (first[p] as number));
      const to = inner * (o * places + p);
      const a = weights[4 * p] as number;
      const b = weights[4 * p + 1] as number;
      const c = weights[4 * p + 2] as number;
      const d = weights[4 * p + 3] as number;
      for (let n = 0; n < inner; n += 1) {
        const at = from + n;
        out[to + n] =
          a * (source[at] as number) +
          b * (source[at + inner] as number) +
          c * (source[at + 2 * inner] as number) +
          d * (source[at + 3 * inner] as number);
      }
    }
  }
}

function collect(source: Float32Array, out: Float32Array, { first, weights }: AxisWeights, { inner, nodes, outer }: Shape): void {
  const places = first.length;
  out.fill(0, 0, inner * nodes * outer);
  for (let o = 0; o < outer; o += 1) {
    for (let p = 0; p < places; p += 1) {
      const from = inner * (o * places + p);
      const to = inner * (o * nodes + (first[p] as number));
      const a = weights[4 * p] as number;
      const b = weights[4 * p + 1] as number;
      const c = weights[4 * p + 2] as number;
      const d = weights[4 * p + 3] as number;
      for (let n = 0; n < inner; n += 1) {
        const x = source[from + n] as number;
        const at = to + n;
        out[at] = (out[at] as number) + a * x;
        out[at + inner] = (out[at + inner] as number) + b * x;
        out[at + 2 * inner] = (out[at + 2 * inner] as number) + c * x;
        out[at + 3 * inner] = (out[at + 3 * inner] as number) + d * x;
      }
    }
  }
}

/**
 * The same displacement on a lattice twice as fine (the two-scale relation of cubic B-splines, weights 1 4 6 4 1 over 8).
 * Node 1 of both lies at the same place.
 */
export function refinedCoefficients(
  coarse: Float32Array,
  nodes: readonly [number, number, number],
  fine: readonly [number, number, number],
): Float32Array {
  let values = coarse;
  const size: [number, number, number] = [...nodes];
  for (const axis of [0, 1, 2] as const) {
    const inner = 3 * (axis > 0 ? size[0] : 1) * (axis > 1 ? size[1] : 1);
    const outer = (axis < 1 ? size[1] : 1) * (axis < 2 ? size[2] : 1);
    values = refinedAlong(values, { inner, nodes: size[axis], outer }, fine[axis]);
    size[axis] = fine[axis];
  }
  return values;
}

function refinedAlong(source: Float32Array, { inner, nodes, outer }: Shape, fine: number): Float32Array {
  const out = new Float32Array(inner * fine * outer);
  for (let o = 0; o < outer; o += 1) {
    const at = (node: number): number => inner * (o * nodes + Math.min(nodes - 1, Math.max(0, node)));
    for (let m = 0; m < fine; m += 1) {
      // Fine node m lies at (m + 1) / 2 in coarse nodes.
      const middle = (m + 1) >> 1;
      const even = (m & 1) === 1;
      const to = inner * (o * fine + m);
      const [a, b, c] = even ? [at(middle - 1), at(middle), at(middle + 1)] : [at(middle), at(middle + 1), 0];
      for (let n = 0; n < inner; n += 1) {
        out[to + n] = even
          ? ((source[a + n] as number) + 6 * (source[b + n] as number) + (source[c + n] as number)) / 8
          : ((source[a + n] as number) + (source[b + n] as number)) / 2;
      }
    }
  }
  return out;
}
