/** How the displacement at one place follows from those at others: 3×3 blocks, row-major, and the trend they come on top of. */
export interface LandmarkKernel {
  /** K(d) into `out`: d = x − y, mm. */
  block(out: Float64Array, dx: number, dy: number, dz: number): void;
  /** ∂(K(d) f)_r / ∂d_c is ADDED to out[3 c + r]. */
  addSlope(out: Float64Array, dx: number, dy: number, dz: number, fx: number, fy: number, fz: number): void;
  /** What costs nothing, and is fitted beside it. */
  readonly trend: LandmarkTrend;
}

/** Displacements that are linear in so many numbers and in the place. */
export interface LandmarkTrend {
  readonly count: number;
  /** How each number moves the place, into `out`: 3 × count, row-major. */
  at(out: Float64Array, x: number, y: number, z: number): void;
}

const affine: LandmarkTrend = {
  count: 12,
  at(out, x, y, z) {
    out.fill(0);
    [1, x, y, z].forEach((value, t) => {
      for (let r = 0; r < 3; r += 1) out[12 * r + 3 * t + r] = value;
    });
  },
};

/** Shifts and small turns: beside a rigid fit they are nearly nothing, but leaving a landmark out must free them. */
const rigid: LandmarkTrend = {
  count: 6,
  at(out, x, y, z) {
    out.set([1, 0, 0, 0, z, -y, 0, 1, 0, -z, 0, x, 0, 0, 1, y, -x, 0]);
  },
};

/**
 * Thin plates in three dimensions: −|d| (Bookstein 1989, IEEE PAMI 11:567, with the kernel of three dimensions, Wahba 1990;
 * r² log r is that of two, and does not minimise bending here).
 */
export const thinPlate: LandmarkKernel = {
  trend: affine,
  block(out, dx, dy, dz) {
    out.fill(0);
    const r = -Math.hypot(dx, dy, dz);
    for (let n = 0; n < 9; n += 4) out[n] = r;
  },
  addSlope(out, dx, dy, dz, fx, fy, fz) {
    const r = Math.hypot(dx, dy, dz);
    if (r === 0) return;
    const f = [fx, fy, fz];
    [dx, dy, dz].forEach((d, c) => {
      for (let k = 0; k < 3; k += 1) out[3 * c + k] = (out[3 * c + k] as number) - (d / r) * (f[k] as number);
    });
  },
};

/** Tissue hardly changes its volume. */
const POISSON = 0.48;

/**
 * Regularised Kelvinlets: what an elastic body does that is pulled at a place (de Goes & James 2017, ACM TOG 36:40, eq. 6), scaled to
 * the identity at d = 0.
 * @param reachMm ε: how wide a pull is
 */
export function kelvinlets(reachMm: number): LandmarkKernel {
  const b = 1 / (4 * (1 - POISSON));
  const scale = reachMm / (1.5 - b);
  const e2 = reachMm * reachMm;
  return {
    trend: rigid,
    block(out, dx, dy, dz) {
      const re = Math.sqrt(dx * dx + dy * dy + dz * dz + e2);
      const own = scale * ((1 - b) / re + e2 / (2 * re ** 3));
      const along = (scale * b) / re ** 3;
      const d = [dx, dy, dz];
      for (let r = 0; r < 3; r += 1) {
        for (let c = 0; c < 3; c += 1) out[3 * r + c] = along * (d[r] as number) * (d[c] as number) + (r === c ? own : 0);
      }
    },
    addSlope(out, dx, dy, dz, fx, fy, fz) {
      const re2 = dx * dx + dy * dy + dz * dz + e2;
      const cubed = scale / re2 ** 1.5;
      const fifth = scale / re2 ** 2.5;
      const d = [dx, dy, dz];
      const f = [fx, fy, fz];
      const dot = dx * fx + dy * fy + dz * fz;
      for (let c = 0; c < 3; c += 1) {
        const dc = d[c] as number;
        const onForce = -(1 - b) * dc * cubed - 1.5 * e2 * dc * fifth;
        for (let r = 0; r < 3; r += 1) {
          const dr = d[r] as number;
          out[3 * c + r] =
            (out[3 * c + r] as number) +
            onForce * (f[r] as number) +
            b * cubed * ((r === c ? dot : 0) + dr * (f[c] as number)) -
            3 * b * fifth * dr * dot * dc;
        }
      }
    },
  };
}
