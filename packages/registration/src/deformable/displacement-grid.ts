import { type Frame, NavError, type Provenance } from '@trocar/core';
import { determinant3, identity4, invert4 } from '@trocar/core/math';
import { type AnyVolume, SHEAR_LIMIT_DEGREES, shearDegrees, spacingOf } from '@trocar/core/volume';
import { cubicSlopes, cubicWeights } from './cubic-spline.js';
import { type Deformation, deformationOf, type JacobianMap, type PointMap } from './deformation.js';

/** Where the control points of a spline lie, and what they hold. */
export interface ControlGridInit {
  /** p = m · (i, j, k): 16 doubles, column-major, mm; axes at right angles, which may be oblique and may mirror. */
  readonly gridFrameFromIndex: ArrayLike<number>;
  /** Control points along i, j, k. */
  readonly gridSize: readonly [number, number, number];
  /** Displacements, mm along the frame's axes, three to a control point, i fastest. */
  readonly coefficients: Float32Array | Float64Array;
}

/** Control points added on each side, all zero: as far as the outermost spline reaches, and one to end on. */
const PAD = 3;

/**
 * Displacements as cubic B-splines on a regular grid, u(x) = Σ c_k β³(index(x) − k) (Rueckert 1999, IEEE TMI 18:712), over all
 * of space: beyond the outermost control points u falls smoothly to zero within two cells. (ITK and elastix cut it off at the
 * last full cell, which tears; what is written for them carries {@link padded} zeros and so says the same everywhere.)
 */
export class ControlGrid {
  readonly frameFromIndex: Float64Array;
  readonly size: readonly [number, number, number];
  readonly coefficients: Float32Array | Float64Array;
  /** index = matrix · p. */
  readonly indexFromFrame: Float64Array = identity4();
  readonly #padded: Float32Array | Float64Array;
  readonly #n: readonly [number, number, number];
  readonly #w = new Float64Array(12);
  readonly #d = new Float64Array(12);
  readonly #local = new Float64Array(9);

  /** @throws NavError `registration/bad-option`, `registration/not-finite`, `registration/sheared-volume` */
  constructor(init: ControlGridInit) {
    requireGrid(init);
    this.frameFromIndex = Float64Array.from(init.gridFrameFromIndex);
    this.size = [...init.gridSize];
    this.coefficients = init.coefficients.slice();
    invert4(this.indexFromFrame, this.frameFromIndex);
    this.#padded = paddedBy(PAD, this.size, this.coefficients);
    this.#n = [this.size[0] + 2 * PAD, this.size[1] + 2 * PAD, this.size[2] + 2 * PAD];
  }

  /** Control points' spacing along i, j, k, mm. */
  get spacing(): [number, number, number] {
    return spacingOf(this);
  }

  /** The same spline with so many zeros around it that ITK's region of validity ends where the displacement is zero. */
  padded(): ControlGridInit {
    const m = this.frameFromIndex.slice();
    for (let r = 0; r < 3; r += 1) {
      for (let c = 0; c < 3; c += 1) m[12 + r] = (m[12 + r] as number) - PAD * (m[4 * c + r] as number);
    }
    return { gridFrameFromIndex: m, gridSize: this.#n, coefficients: this.#padded };
  }

  /** Whether the four control points around x along each axis exist: where ITK evaluates the spline. */
  covers(x: number, y: number, z: number): boolean {
    const m = this.indexFromFrame;
    for (let a = 0; a < 3; a += 1) {
      const i = (m[a] as number) * x + (m[4 + a] as number) * y + (m[8 + a] as number) * z + (m[12 + a] as number);
      if (!(i >= 1 && i <= (this.size[a] as number) - 2)) return false;
    }
    return true;
  }

  /** u at a place, mm, into `out`. */
  displacement(out: Float64Array, x: number, y: number, z: number): void {
    const at = this.#locate(x, y, z, false);
    let [ux, uy, uz] = [0, 0, 0];
    if (at >= 0) {
      const [c, w] = [this.#padded, this.#w];
      const [ni, nj] = this.#n;
      for (let k = 0; k < 4; k += 1) {
        for (let j = 0; j < 4; j += 1) {
          const wjk = (w[8 + k] as number) * (w[4 + j] as number);
          let n = at + 3 * ni * (j + nj * k);
          for (let i = 0; i < 4; i += 1, n += 3) {
            const full = wjk * (w[i] as number);
            ux += full * (c[n] as number);
            uy += full * (c[n + 1] as number);
            uz += full * (c[n + 2] as number);
          }
        }
      }
    }
    out[0] = ux;
    out[1] = uy;
    out[2] = uz;
  }

  /** ∂u_r / ∂x_c at a place into `out`: 9 doubles, column-major. */
  gradient(out: Float64Array, x: number, y: number, z: number): void {
    const at = this.#locate(x, y, z, true);
    out.fill(0);
    if (at < 0) return;
    const g = this.#local;
    g.fill(0);
    const [c, w, d] = [this.#padded, this.#w, this.#d];
    const [ni, nj] = this.#n;
    for (let k = 0; k < 4; k += 1) {
      for (let j = 0; j < 4; j += 1) {
        const [wj, wk] = [w[4 + j] as number, w[8 + k] as number];
        const [dj, dk] = [(d[4 + j] as number) * wk, wj * (d[8 + k] as number)];
        const wjk = wj * wk;
        let n = at + 3 * ni * (j + nj * k);
        for (let i = 0; i < 4; i += 1, n += 3) {
          const [wi, di] = [w[i] as number, (d[i] as number) * wjk];
          for (let r = 0; r < 3; r += 1) {
            const v = c[n + r] as number;
            g[r] = (g[r] as number) + di * v;
            g[3 + r] = (g[3 + r] as number) + wi * dj * v;
            g[6 + r] = (g[6 + r] as number) + wi * dk * v;
          }
        }
      }
    }
    const m = this.indexFromFrame;
    for (let col = 0; col < 3; col += 1) {
      for (let r = 0; r < 3; r += 1) {
        let sum = 0;
        for (let a = 0; a < 3; a += 1) sum += (g[3 * a + r] as number) * (m[4 * col + a] as number);
        out[3 * col + r] = sum;
      }
    }
  }

  /** Sets the weights of the 64 control points around a place, and returns where the first one's displacement stands; −1 outside. */
  #locate(x: number, y: number, z: number, slopes: boolean): number {
    const m = this.indexFromFrame;
    let at = 0;
    let stride = 3;
    for (let a = 0; a < 3; a += 1) {
      const i = (m[a] as number) * x + (m[4 + a] as number) * y + (m[8 + a] as number) * z + (m[12 + a] as number) + PAD;
      const cell = Math.floor(i);
      const n = this.#n[a] as number;
      if (!(cell >= 1 && cell <= n - 3)) return -1;
      cubicWeights(this.#w, 4 * a, i - cell);
      if (slopes) cubicSlopes(this.#d, 4 * a, i - cell);
      at += stride * (cell - 1);
      stride *= n;
    }
    return at;
  }
}

/** What {@link splineDeformation} is made from. */
export interface SplineDeformationInit extends ControlGridInit {
  /** The rigid or affine start A: to-from-from, 16 doubles, column-major, mm. */
  readonly initial: ArrayLike<number>;
  readonly provenance?: Provenance;
}

/** A deformation held as cubic B-splines: what image registration of our own returns, and what ITK's files can hold. */
export interface SplineDeformation<To extends string, From extends string> extends Deformation<To, From> {
  readonly grid: ControlGrid;
}

/**
 * p_to = A · (p + u(p)): displacements u in the frame of `from`, as cubic B-splines over all of it, then a linear map. In ITK's
 * terms a composite of a BSplineTransform, applied first, and an AffineTransform.
 * @throws NavError `registration/bad-option`, `registration/not-finite`, `registration/sheared-volume`, `transform/corrupt`
 */
export function splineDeformation<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  init: SplineDeformationInit,
): SplineDeformation<To, From> {
  const grid = new ControlGrid(init);
  const a = Float64Array.from(init.initial);
  if (a.length !== 16 || !a.every(Number.isFinite) || determinant3(a) === 0) {
    throw new NavError('registration/bad-option', 'A deformation’s start must be a finite matrix of 16 numbers with an inverse.');
  }
  const linear = linearMaps(a);
  const u = new Float64Array(3);
  const map: PointMap = (out, p) => {
    const [x, y, z] = [p[0] as number, p[1] as number, p[2] as number];
    grid.displacement(u, x, y, z);
    return linear.place(out, x + (u[0] as number), y + (u[1] as number), z + (u[2] as number));
  };
  const jacobian: JacobianMap = (out, p) => {
    grid.gradient(out, p[0] as number, p[1] as number, p[2] as number);
    for (let c = 0; c < 3; c += 1) {
      out[4 * c] = (out[4 * c] as number) + 1;
    }
    return linear.columns(out);
  };
  const parts = { map, jacobian, linear: a, ...(init.provenance && { provenance: init.provenance }) };
  return { ...deformationOf(to, from, parts), grid };
}

/** A matrix applied to a place, and from the left to the columns of a 3×3. */
function linearMaps(m: Float64Array): {
  place(out: Float64Array, x: number, y: number, z: number): Float64Array;
  columns(inOut: Float64Array): Float64Array;
} {
  const [a, b, c, , d, e, f, , g, h, i, , s, t, u] = m as unknown as number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    place(out, x, y, z) {
      out[0] = a * x + d * y + g * z + s;
      out[1] = b * x + e * y + h * z + t;
      out[2] = c * x + f * y + i * z + u;
      return out;
    },
    columns(out) {
      for (let k = 0; k < 9; k += 3) {
        const [x, y, z] = [out[k] as number, out[k + 1] as number, out[k + 2] as number];
        out[k] = a * x + d * y + g * z;
        out[k + 1] = b * x + e * y + h * z;
        out[k + 2] = c * x + f * y + i * z;
      }
      return out;
    },
  };
}

/**
 * A control grid along a volume's axes that covers its voxels: the second control point lies on the first voxel's centre.
 * @param spacingMm distance of control points; along each axis it is taken as given
 * @throws NavError `registration/bad-option`
 */
export function controlGridOver(
  v: Pick<AnyVolume, 'frameFromIndex' | 'size'>,
  spacingMm: number,
): Pick<ControlGridInit, 'gridFrameFromIndex' | 'gridSize'> {
  if (!(spacingMm > 0 && spacingMm < Infinity)) {
    throw new NavError('registration/bad-option', `A control grid of ${spacingMm} mm is none: give a positive spacing.`);
  }
  const h = spacingOf(v);
  const m = Float64Array.from(v.frameFromIndex);
  const size: [number, number, number] = [0, 0, 0];
  for (let c = 0; c < 3; c += 1) {
    const factor = spacingMm / (h[c] as number);
    for (let r = 0; r < 3; r += 1) {
      m[4 * c + r] = (m[4 * c + r] as number) * factor;
      m[12 + r] = (m[12 + r] as number) - (m[4 * c + r] as number);
    }
    size[c as 0] = Math.max(1, Math.ceil(((v.size[c] as number) - 1) / factor - 1e-9)) + 3;
  }
  return { gridFrameFromIndex: m, gridSize: size };
}

function paddedBy<A extends Float32Array | Float64Array>(pad: number, [ni, nj, nk]: readonly [number, number, number], c: A): A {
  const [pi, pj, pk] = [ni + 2 * pad, nj + 2 * pad, nk + 2 * pad];
  const out = new (c.constructor as new (n: number) => A)(3 * pi * pj * pk);
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      const from = 3 * ni * (j + nj * k);
      out.set(c.subarray(from, from + 3 * ni), 3 * (pad + pi * (j + pad + pj * (k + pad))));
    }
  }
  return out;
}

function requireGrid({ gridFrameFromIndex: m, gridSize: size, coefficients }: ControlGridInit): void {
  const count = 3 * size.reduce((a, b) => a * b, 1);
  if (size.length !== 3 || !size.every((n) => Number.isInteger(n) && n >= 1) || coefficients.length !== count) {
    throw new NavError(
      'registration/bad-option',
      `A control grid of ${size.join('×')} needs ${count} coefficients but was given ${coefficients.length}.`,
      { detail: { size, given: coefficients.length } },
    );
  }
  const whole = m.length === 16 && Array.from(m).every((x) => Number.isFinite(x));
  if (!whole || !(Math.abs(determinant3(m)) > 1e-9 * spacingOf({ frameFromIndex: m }).reduce((a, b) => a * b, 1))) {
    throw new NavError(
      'registration/bad-option',
      'A control grid needs a finite, invertible matrix of 16 numbers, column-major.',
    );
  }
  const degrees = shearDegrees({ frameFromIndex: m });
  if (degrees > SHEAR_LIMIT_DEGREES) {
    throw new NavError(
      'registration/sheared-volume',
      `A control grid must have right-angled axes, but this one is sheared by ${degrees.toFixed(2)}°.`,
      { detail: { degrees } },
    );
  }
  const bad = coefficients.findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) {
    throw new NavError('registration/not-finite', `Coefficient ${bad} of the control grid is ${coefficients[bad]}.`, {
      detail: { index: bad },
    });
  }
}
