/**
 * The ellipse in which a plane cuts an ellipsoid x = c + A u, |u| = 1, exactly.
 *
 * In the u's the ellipsoid is the unit sphere and the plane w · u = h with w = Aᵀ n, h = d − n · c; its circle, with middle
 * h w / |w|² and radius √(1 − h² / |w|²), mapped back by A, is the cut: middle + p cos θ + q sin θ with conjugate half-diameters
 * p and q. Reused for every frame; allocates nothing.
 */
export class EllipsoidCut {
  /** Middle of the ellipse, mm. */
  readonly middle: Float64Array = new Float64Array(3);
  /** Two conjugate half-diameters, mm. */
  readonly p: Float64Array = new Float64Array(3);
  readonly q: Float64Array = new Float64Array(3);
  readonly #w = new Float64Array(3);
  readonly #e1 = new Float64Array(3);
  readonly #e2 = new Float64Array(3);

  /**
   * Finds the cut; whether there is one.
   * @param axes semi-axes as columns, lengths in mm: 3×3 column-major
   * @param centre mm
   * @param normal unit normal of the plane
   * @param through a point of the plane, mm
   */
  cut(axes: ArrayLike<number>, centre: ArrayLike<number>, normal: ArrayLike<number>, through: ArrayLike<number>): boolean {
    const w = this.#w;
    let h = 0;
    let square = 0;
    for (let k = 0; k < 3; k += 1) {
      h += (normal[k] as number) * ((through[k] as number) - (centre[k] as number));
      const part =
        (axes[3 * k] as number) * (normal[0] as number) +
        (axes[3 * k + 1] as number) * (normal[1] as number) +
        (axes[3 * k + 2] as number) * (normal[2] as number);
      w[k] = part;
      square += part * part;
    }
    const length = Math.sqrt(square);
    const away = h / length;
    if (!(Math.abs(away) < 1)) return false;
    for (let k = 0; k < 3; k += 1) w[k] = (w[k] as number) / length;
    perpendicular(this.#e1, w);
    crossed(this.#e2, w, this.#e1);
    const radius = Math.sqrt(1 - away * away);
    times(this.middle, axes, w);
    times(this.p, axes, this.#e1);
    times(this.q, axes, this.#e2);
    for (let i = 0; i < 3; i += 1) {
      this.middle[i] = (centre[i] as number) + away * (this.middle[i] as number);
      this.p[i] = radius * (this.p[i] as number);
      this.q[i] = radius * (this.q[i] as number);
    }
    return true;
  }
}

/** A column-major 3×3, times v, into `out`. */
function times(out: Float64Array, m: ArrayLike<number>, v: Float64Array): void {
  for (let i = 0; i < 3; i += 1) {
    out[i] =
      (m[i] as number) * (v[0] as number) + (m[3 + i] as number) * (v[1] as number) + (m[6 + i] as number) * (v[2] as number);
  }
}

/** A unit vector at right angles to a unit vector. */
function perpendicular(out: Float64Array, w: Float64Array): void {
  const x = w[0] as number;
  const y = w[1] as number;
  const z = w[2] as number;
  if (Math.abs(z) < 0.7) {
    const f = 1 / Math.sqrt(x * x + y * y);
    out[0] = -y * f;
    out[1] = x * f;
    out[2] = 0;
    return;
  }
  const f = 1 / Math.sqrt(y * y + z * z);
  out[0] = 0;
  out[1] = -z * f;
  out[2] = y * f;
}

function crossed(out: Float64Array, a: Float64Array, b: Float64Array): void {
  out[0] = (a[1] as number) * (b[2] as number) - (a[2] as number) * (b[1] as number);
  out[1] = (a[2] as number) * (b[0] as number) - (a[0] as number) * (b[2] as number);
  out[2] = (a[0] as number) * (b[1] as number) - (a[1] as number) * (b[0] as number);
}
