import { type RowRuns, RUN_LENGTH } from './runs.js';
import { type Sums, TO_STEPS } from './slab.js';

/**
 * What LinearSplat does for means of pixels that all count alike, in one loop with nothing but numbers in it: the commonest case.
 * @param row index of the row's first pixel
 */
export function addLinearMean(to: Sums, runs: RowRuns, pixels: Uint8Array, row: number): void {
  const { list, count, start, step } = runs;
  const { sums, plane, strides } = to;
  const strideJ = 2 * strides[0];
  const strideK = 2 * strides[1];
  const [bx, by, bz] = [start[0] as number, start[1] as number, start[2] as number];
  const [dx, dy, dz] = [step[0] as number, step[1] as number, step[2] as number];
  const [dxy, dxz, dyz] = [dx * dy, dx * dz, dy * dz];
  for (let n = 0, at = 0; n < count; n += 1, at += RUN_LENGTH) {
    const u = list[at] as number;
    const [i, j, k] = [list[at + 1] as number, list[at + 2] as number, list[at + 3] as number];
    const length = (list[at + RUN_LENGTH] as number) - u;
    let m0 = 0;
    let m1 = 0;
    let m2 = 0;
    let m3 = 0;
    for (let s = 0, p = row + u; s < length; s += 1, p += 1) {
      const v = pixels[p] as number;
      const vs = v * s;
      m0 += v;
      m1 += vs;
      m2 += vs * s;
      m3 += vs * s * s;
    }
    const x = bx + u * dx - i;
    const y = by + u * dy - j;
    const z = bz + u * dz - k;
    const xy1 = x * dy + y * dx;
    let c = 2 * i + strideJ * j + strideK * (k - plane);
    // Grey values first, then weights: the same sums of powers of s alone.
    for (let part = 0; part < 2; part += 1, c += 1) {
      const sx = x * m0 + dx * m1;
      const sy = y * m0 + dy * m1;
      const sxy = x * y * m0 + xy1 * m1 + dxy * m2;
      const sxz = x * z * m0 + (x * dz + z * dx) * m1 + dxz * m2;
      const syz = y * z * m0 + (y * dz + z * dy) * m1 + dyz * m2;
      const sxyz = z * sxy + dz * (x * y * m1 + xy1 * m2 + dxy * m3);
      const b = z * m0 + dz * m1 - sxz - syz + sxyz;
      const a = m0 - sx - sy + sxy;
      sums[c] = (sums[c] as number) + (a - b + TO_STEPS - TO_STEPS);
      sums[c + 2] = (sums[c + 2] as number) + (sx - sxy - sxz + sxyz + TO_STEPS - TO_STEPS);
      const cj = c + strideJ;
      sums[cj] = (sums[cj] as number) + (sy - sxy - syz + sxyz + TO_STEPS - TO_STEPS);
      sums[cj + 2] = (sums[cj + 2] as number) + (sxy - sxyz + TO_STEPS - TO_STEPS);
      const ck = c + strideK;
      sums[ck] = (sums[ck] as number) + (b + TO_STEPS - TO_STEPS);
      sums[ck + 2] = (sums[ck + 2] as number) + (sxz - sxyz + TO_STEPS - TO_STEPS);
      const cjk = ck + strideJ;
      sums[cjk] = (sums[cjk] as number) + (syz - sxyz + TO_STEPS - TO_STEPS);
      sums[cjk + 2] = (sums[cjk + 2] as number) + (sxyz + TO_STEPS - TO_STEPS);
      m0 = length;
      m1 = (length * (length - 1)) / 2;
      m2 = (m1 * (2 * length - 1)) / 3;
      m3 = m1 * m1;
    }
  }
}
