/** How much a lattice of control points resists: a quadratic form on coefficients. */
export interface Stiffness {
  /** Of ∫ |∇u|², mm⁻²: what the images do not show is drawn to rest. */
  readonly stretch: number;
  /** Of ∫ (div u)², mm⁻²: tissue hardly changes its volume. */
  readonly bulk: number;
  /** Of ∫ |∇∇u|², mm⁻⁴: bending. */
  readonly bend: number;
}

type Size = readonly [number, number, number];

/**
 * out += the derivative of ½ Σ (stretch |∇c|² + bulk (div c)² + bend |∇∇c|²) by the coefficients, differences of neighbouring
 * control points standing for derivatives. The sum is over nodes.
 * @param c 3 a node
 * @param spacingMm of the nodes
 */
export function addStiffness(out: Float32Array, c: Float32Array, size: Size, spacingMm: number, k: Stiffness): void {
  const steps = [3, 3 * size[0], 3 * size[0] * size[1]] as const;
  const h2 = spacingMm * spacingMm;
  for (const axis of [0, 1, 2] as const) {
    addFirst(out, c, size, axis, k.stretch / h2);
    if (k.bend > 0) addSecond(out, c, size, axis, k.bend / (h2 * h2));
  }
  if (k.bend > 0) {
    addMixed(out, c, size, [0, 1], (2 * k.bend) / (h2 * h2));
    addMixed(out, c, size, [0, 2], (2 * k.bend) / (h2 * h2));
    addMixed(out, c, size, [1, 2], (2 * k.bend) / (h2 * h2));
  }
  if (k.bulk > 0) addDivergence(out, c, size, steps, k.bulk / (4 * h2));
}

/** Runs of numbers that have a neighbour `reach` nodes on along an axis: start and end of each run, and the step to it. */
function runs(size: Size, axis: 0 | 1 | 2, reach: number): { step: number; block: number; run: number } {
  const step = axis === 0 ? 3 : axis === 1 ? 3 * size[0] : 3 * size[0] * size[1];
  const block = step * size[axis];
  return { step, block, run: Math.max(0, block - reach * step) };
}

function addFirst(out: Float32Array, c: Float32Array, size: Size, axis: 0 | 1 | 2, s: number): void {
  const { step, block, run } = runs(size, axis, 1);
  for (let from = 0; from < c.length; from += block) {
    for (let n = from; n < from + run; n += 1) {
      const d = s * ((c[n + step] as number) - (c[n] as number));
      out[n] = (out[n] as number) - d;
      out[n + step] = (out[n + step] as number) + d;
    }
  }
}

function addSecond(out: Float32Array, c: Float32Array, size: Size, axis: 0 | 1 | 2, s: number): void {
  const { step, block, run } = runs(size, axis, 2);
  for (let from = 0; from < c.length; from += block) {
    for (let n = from; n < from + run; n += 1) {
      const d = s * ((c[n] as number) - 2 * (c[n + step] as number) + (c[n + 2 * step] as number));
      out[n] = (out[n] as number) + d;
      out[n + step] = (out[n + step] as number) - 2 * d;
      out[n + 2 * step] = (out[n + 2 * step] as number) + d;
    }
  }
}

function addMixed(out: Float32Array, c: Float32Array, size: Size, [a, b]: readonly [0 | 1, 1 | 2], s: number): void {
  const inner = runs(size, a, 1);
  const outer = runs(size, b, 1);
  for (let block = 0; block < c.length; block += outer.block) {
    for (let from = block; from < block + outer.run; from += inner.block) {
      for (let n = from; n < from + inner.run; n += 1) {
        const [p, q, r] = [n + inner.step, n + outer.step, n + inner.step + outer.step];
        const d = s * ((c[n] as number) - (c[p] as number) - (c[q] as number) + (c[r] as number));
        out[n] = (out[n] as number) + d;
        out[p] = (out[p] as number) - d;
        out[q] = (out[q] as number) - d;
        out[r] = (out[r] as number) + d;
      }
    }
  }
}

function addDivergence(
  out: Float32Array,
  c: Float32Array,
  [ni, nj, nk]: Size,
  [sx, sy, sz]: readonly [number, number, number],
  s: number,
): void {
  for (let k = 1; k < nk - 1; k += 1) {
    for (let j = 1; j < nj - 1; j += 1) {
      for (let i = 1, n = sx * i + sy * j + sz * k; i < ni - 1; i += 1, n += 3) {
        const x = (c[n + sx] as number) - (c[n - sx] as number);
        const y = (c[n + sy + 1] as number) - (c[n - sy + 1] as number);
        const div = s * (x + y + (c[n + sz + 2] as number) - (c[n - sz + 2] as number));
        out[n + sx] = (out[n + sx] as number) + div;
        out[n - sx] = (out[n - sx] as number) - div;
        out[n + sy + 1] = (out[n + sy + 1] as number) + div;
        out[n - sy + 1] = (out[n - sy + 1] as number) - div;
        out[n + sz + 2] = (out[n + sz + 2] as number) + div;
        out[n - sz + 2] = (out[n - sz + 2] as number) - div;
      }
    }
  }
}
