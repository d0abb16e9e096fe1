import { CHANNELS, type Descriptors } from '../../intensity/ultrasound/mind.js';

/** How unlike the images are at each cube, and how that changes with the displacement there. */
export interface Comparison {
  /** Mean squared difference of the descriptors; NaN where there is none on either side. */
  readonly difference: Float32Array;
  /** Half its derivative by the place in the moving image, per cube: 3 a cube. */
  readonly slope: Float32Array;
  /** Mean of ∂m ∂mᵀ, per cube²: xx, xy, xz, yy, yz, zz of each cube. */
  readonly square: Float32Array;
}

/** Room for a comparison of so many cubes. */
export function comparison(cubes: number): Comparison {
  return {
    difference: new Float32Array(cubes),
    slope: new Float32Array(3 * cubes),
    square: new Float32Array(6 * cubes),
  };
}

/**
 * Compares fixed descriptors with moving ones at given places: trilinear, with the derivative of the interpolation itself.
 * @param places in the moving descriptors' cubes, 3 a fixed cube
 */
export function compare(out: Comparison, fixed: Descriptors, moving: readonly Descriptors[], places: Float32Array): void {
  const first = moving[0] as Descriptors;
  const [ni, nj, nk] = first.size;
  const [sj, sk] = [CHANNELS * ni, CHANNELS * ni * nj];
  const f = fixed.values;
  const share = 1 / (CHANNELS * moving.length);
  const cubes = out.difference.length;
  for (let n = 0; n < cubes; n += 1) {
    const x = places[3 * n] as number;
    const y = places[3 * n + 1] as number;
    const z = places[3 * n + 2] as number;
    const i = Math.floor(x);
    const j = Math.floor(y);
    const k = Math.floor(z);
    out.difference[n] = Number.NaN;
    if (!(i >= 0 && j >= 0 && k >= 0 && i < ni - 1 && j < nj - 1 && k < nk - 1)) continue;
    if (Number.isNaN(f[CHANNELS * n] as number)) continue;
    const [u, v, w] = [x - i, y - j, z - k];
    const at = CHANNELS * i + sj * j + sk * k;
    let [d, gx, gy, gz, xx, xy, xz, yy, yz, zz] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (const { values: m } of moving) {
      for (let c = 0; c < CHANNELS; c += 1) {
        const p = at + c;
        const a0 = m[p] as number;
        const a1 = m[p + CHANNELS] as number;
        const b0 = m[p + sj] as number;
        const b1 = m[p + sj + CHANNELS] as number;
        const c0 = m[p + sk] as number;
        const c1 = m[p + sk + CHANNELS] as number;
        const d0 = m[p + sk + sj] as number;
        const d1 = m[p + sk + sj + CHANNELS] as number;
        const a = a0 + u * (a1 - a0);
        const b = b0 + u * (b1 - b0);
        const e = c0 + u * (c1 - c0);
        const g = d0 + u * (d1 - d0);
        const low = a + v * (b - a);
        const high = e + v * (g - e);
        const dz = high - low;
        const dy = b - a + w * (g - e - (b - a));
        const dxLow = a1 - a0 + v * (b1 - b0 - (a1 - a0));
        const dxHigh = c1 - c0 + v * (d1 - d0 - (c1 - c0));
        const dx = dxLow + w * (dxHigh - dxLow);
        const r = low + w * dz - (f[CHANNELS * n + c] as number);
        d += r * r;
        gx += r * dx;
        gy += r * dy;
        gz += r * dz;
        xx += dx * dx;
        xy += dx * dy;
        xz += dx * dz;
        yy += dy * dy;
        yz += dy * dz;
        zz += dz * dz;
      }
    }
    if (Number.isNaN(d)) continue;
    out.difference[n] = share * d;
    out.slope.set([share * gx, share * gy, share * gz], 3 * n);
    out.square.set([share * xx, share * xy, share * xz, share * yy, share * yz, share * zz], 6 * n);
  }
}
