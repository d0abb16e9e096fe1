import { cholesky, choleskySolve } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import type { SurfaceIndex } from './surface-index.js';

/**
 * A pose of the cloud: nine numbers of the rotation, column-major, then where the cloud's centroid goes, mm. Turning about
 * the centroid keeps the equations well conditioned far from the frame's origin.
 */
export type CloudPose = Float64Array;

/** Which distances a step is made from: the grid's or exact ones. */
export type Precision = 'grid' | 'exact';

/** A robust loss: the weight of a squared residual by its size in units of the kernel's width. */
export type Kernel = 'geman-mcclure' | 'tukey' | 'squares';

/** Noise of this many radii of curvature is as large as the detail. */
const FINE_DETAIL = 0.1;

/**
 * Moves a cloud onto a surface, one Gauss–Newton step at a time. All memory is made once; steps allocate nothing.
 *
 * Point-to-plane (Chen & Medioni 1992): with d the distance along n, lever q = R x, and the motion ξ = (ρ, Lφ) about the
 * centroid, d changes by a · ξ with a = (n, q × n / L); L, the cloud's size, makes the two halves comparable.
 */
export class Aligner {
  readonly surface: SurfaceIndex;
  readonly count: number;
  /** The cloud about its centroid, mm, in the order in which it is thinned out: any first part is spread over all. */
  readonly cloud: Float64Array;
  /** Standard deviation of each point relative to the mean. */
  readonly relative: Float64Array;
  /** Root-mean-square distance of the cloud from its centroid, mm. */
  readonly size: number;
  /** Mean of x xᵀ over the cloud about its centroid, 3×3, mm². */
  readonly scatter: Float64Array = new Float64Array(9);
  /** Per point: its place in the surface's frame, mm. */
  readonly placed: Float64Array;
  /** Per point: unit direction of the distance. */
  readonly direction: Float64Array;
  /** Per point: distance along the direction, mm. */
  readonly distance: Float64Array;
  readonly weight: Float64Array;
  /** The last step found, in full: (ρ, L φ), mm. */
  readonly motion: Float64Array = new Float64Array(6);
  /** Per point: slot of its nearest triangle (exact precision only), kept as a hint. */
  readonly slots: Int32Array;
  /** Per point: its nearest point (exact precision only). */
  readonly foot: Float64Array;
  /** Unit normals of the cloud, where it has some: the steps are symmetric then. Zero where unknown. */
  normals: Float64Array | undefined;
  /**
   * Variance of the noise that exact distances are freed of the mean effect of, mm²: across a surface of mean curvature H
   * noise of variance σ² leaves points σ² H further out than they were (half the trace of the distance's Hessian). 0 for none.
   */
  noiseVariance = 0;
  readonly #smooth = new Float64Array(4);
  readonly #h = new Float64Array(36);
  readonly #factor = new Float64Array(36);
  readonly #pull = new Float64Array(6);
  readonly #taken = new Float64Array(6);
  readonly #answer = new Float64Array(7);
  readonly #sorted: Float64Array;

  constructor(surface: SurfaceIndex, cloud: Float64Array, relative: Float64Array) {
    this.surface = surface;
    this.count = cloud.length / 3;
    this.cloud = cloud;
    this.relative = relative;
    for (let n = 0; n < cloud.length; n += 3) {
      for (let i = 0; i < 9; i += 1) {
        this.scatter[i] = at(this.scatter, i) + (at(cloud, n + Math.floor(i / 3)) * at(cloud, n + (i % 3))) / this.count;
      }
    }
    this.size = Math.sqrt(at(this.scatter, 0) + at(this.scatter, 4) + at(this.scatter, 8));
    this.placed = new Float64Array(cloud.length);
    this.direction = new Float64Array(cloud.length);
    this.foot = new Float64Array(cloud.length);
    this.distance = new Float64Array(this.count);
    this.weight = new Float64Array(this.count);
    this.slots = new Int32Array(this.count).fill(-1);
    this.#sorted = new Float64Array(this.count);
  }

  /** Puts the first `count` points where the pose says. */
  place(pose: CloudPose, count: number): void {
    const { cloud, placed } = this;
    for (let o = 0; o < 3 * count; o += 3) {
      const x = cloud[o] as number;
      const y = cloud[o + 1] as number;
      const z = cloud[o + 2] as number;
      placed[o] = (pose[0] as number) * x + (pose[3] as number) * y + (pose[6] as number) * z + (pose[9] as number);
      placed[o + 1] = (pose[1] as number) * x + (pose[4] as number) * y + (pose[7] as number) * z + (pose[10] as number);
      placed[o + 2] = (pose[2] as number) * x + (pose[5] as number) * y + (pose[8] as number) * z + (pose[11] as number);
    }
  }

  /** Places the first `count` points and measures how far each is from the surface. */
  measure(pose: CloudPose, count: number, precision: Precision): void {
    this.place(pose, count);
    const { surface, placed, direction, distance, foot, slots } = this;
    const answer = this.#answer;
    for (let n = 0; n < count; n += 1) {
      if (precision === 'grid') {
        surface.near(answer, placed, 3 * n);
      } else {
        slots[n] = surface.nearExactly(answer, placed, 3 * n, slots[n] as number);
        foot[3 * n] = answer[4] as number;
        foot[3 * n + 1] = answer[5] as number;
        foot[3 * n + 2] = answer[6] as number;
      }
      direction[3 * n] = answer[0] as number;
      direction[3 * n + 1] = answer[1] as number;
      direction[3 * n + 2] = answer[2] as number;
      distance[n] = answer[3] as number;
    }
    if (precision === 'exact' && this.noiseVariance > 0) this.#unbend(count);
  }

  /** Takes the mean effect of noise on a curved surface off the distances. */
  #unbend(count: number): void {
    const { surface, slots, foot, direction, distance, relative } = this;
    const smooth = this.#smooth;
    for (let n = 0; n < count; n += 1) {
      surface.smoothAt(smooth, slots[n] as number, foot, 3 * n);
      let dot = 0;
      for (let k = 0; k < 3; k += 1) dot += (smooth[k] as number) * (direction[3 * n + k] as number);
      const variance = this.noiseVariance * (relative[n] as number) ** 2;
      // Only where the noise is well below the detail: else the expansion does not hold, and on a rough surface the
      // correction would feed on itself.
      const bend = Math.sqrt(variance) * (smooth[3] as number);
      const lift = (variance * (smooth[3] as number)) / (1 + (bend / FINE_DETAIL) ** 2);
      distance[n] = (distance[n] as number) - (dot < 0 ? -lift : lift);
    }
  }

  /**
   * Sizes of the measured distances of the first `count` points over their relative standard deviations, smallest first:
   * a view that the next call overwrites.
   */
  sortedSizes(count: number): Float64Array {
    const sorted = this.#sorted.subarray(0, count);
    for (let n = 0; n < count; n += 1) sorted[n] = Math.abs(this.distance[n] as number) / (this.relative[n] as number);
    return sorted.sort();
  }

  /** Weighs the measured points with a kernel of this width, mm. */
  weigh(count: number, kernel: Kernel, widthMm: number): void {
    const { distance, relative, weight } = this;
    const width2 = widthMm * widthMm;
    for (let n = 0; n < count; n += 1) {
      const sd = relative[n] as number;
      const s2 = ((distance[n] as number) / sd) ** 2 / width2;
      const root = kernel === 'squares' ? 1 : kernel === 'tukey' ? Math.max(0, 1 - s2) : 1 / (1 + s2);
      weight[n] = (root * root) / (sd * sd);
    }
  }

  /**
   * One damped step from the weighed distances; changes the pose.
   * @param damping share of the total weight that is added to each diagonal element
   * @param widest the longest step, as a share of the cloud's size
   * @returns how far the step moved the cloud, mm (root mean square, at most); −1 where there was none to make
   */
  step(pose: CloudPose, count: number, damping: number, widest: number): number {
    return this.solve(pose, count, damping) < 0 ? -1 : this.take(pose, widest, 1);
  }

  /**
   * Finds a step from the weighed distances; see {@link motion}.
   * @returns Newton's decrement √(gᵀ H⁻¹ g), mm: the step in standard deviations of the pose along it, times that of one
   * point; −1 where there is no step to make
   */
  solve(pose: CloudPose, count: number, damping: number): number {
    const total = this.#accumulate(pose, count);
    if (!(total > 0)) return -1;
    const h = this.#h;
    for (let i = 0; i < 6; i += 1) h[7 * i] = (h[7 * i] as number) + damping * total;
    if (!cholesky(this.#factor, h, 6)) return -1;
    const x = choleskySolve(this.motion, this.#factor, this.#pull, 6);
    let squares = 0;
    for (let i = 0; i < 6; i += 1) {
      squares += (x[i] as number) * (this.#pull[i] as number);
      x[i] = -(x[i] as number);
    }
    return Math.sqrt(Math.max(0, squares));
  }

  /** Takes a share of the step found; returns how far it moved the cloud, mm. */
  take(pose: CloudPose, widest: number, share: number): number {
    const x = this.motion;
    const full = Math.hypot(at(x, 0), at(x, 1), at(x, 2)) + Math.hypot(at(x, 3), at(x, 4), at(x, 5));
    const limit = widest * this.size;
    const scale = share * full > limit ? limit / full : share;
    const taken = this.#taken;
    for (let i = 0; i < 6; i += 1) taken[i] = scale * (x[i] as number) * (i < 3 ? 1 : 1 / this.size);
    move(pose, taken);
    return scale * full;
  }

  /** The normal equations of the weighed distances, into the object's own memory; returns the sum of weights. */
  #accumulate(pose: CloudPose, count: number): number {
    const { placed, direction, distance, weight, normals } = this;
    const h = this.#h.fill(0);
    const g = this.#pull.fill(0);
    const px = pose[9] as number;
    const py = pose[10] as number;
    const pz = pose[11] as number;
    const inverse = 1 / this.size;
    let total = 0;
    for (let n = 0; n < count; n += 1) {
      const w = weight[n] as number;
      if (!(w > 0)) continue;
      total += w;
      const o = 3 * n;
      let nx = direction[o] as number;
      let ny = direction[o + 1] as number;
      let nz = direction[o + 2] as number;
      let d = distance[n] as number;
      if (normals !== undefined) {
        const half = symmetric(this.#answer, pose, normals, o, nx, ny, nz);
        d *= half;
        nx = this.#answer[0] as number;
        ny = this.#answer[1] as number;
        nz = this.#answer[2] as number;
      }
      const qx = (placed[o] as number) - px;
      const qy = (placed[o + 1] as number) - py;
      const qz = (placed[o + 2] as number) - pz;
      const a3 = (qy * nz - qz * ny) * inverse;
      const a4 = (qz * nx - qx * nz) * inverse;
      const a5 = (qx * ny - qy * nx) * inverse;
      const wx = w * nx;
      const wy = w * ny;
      const wz = w * nz;
      h[0] = (h[0] as number) + wx * nx;
      h[6] = (h[6] as number) + wx * ny;
      h[7] = (h[7] as number) + wy * ny;
      h[12] = (h[12] as number) + wx * nz;
      h[13] = (h[13] as number) + wy * nz;
      h[14] = (h[14] as number) + wz * nz;
      h[18] = (h[18] as number) + wx * a3;
      h[19] = (h[19] as number) + wy * a3;
      h[20] = (h[20] as number) + wz * a3;
      h[21] = (h[21] as number) + w * a3 * a3;
      h[24] = (h[24] as number) + wx * a4;
      h[25] = (h[25] as number) + wy * a4;
      h[26] = (h[26] as number) + wz * a4;
      h[27] = (h[27] as number) + w * a3 * a4;
      h[28] = (h[28] as number) + w * a4 * a4;
      h[30] = (h[30] as number) + wx * a5;
      h[31] = (h[31] as number) + wy * a5;
      h[32] = (h[32] as number) + wz * a5;
      h[33] = (h[33] as number) + w * a3 * a5;
      h[34] = (h[34] as number) + w * a4 * a5;
      h[35] = (h[35] as number) + w * a5 * a5;
      g[0] = (g[0] as number) + wx * d;
      g[1] = (g[1] as number) + wy * d;
      g[2] = (g[2] as number) + wz * d;
      g[3] = (g[3] as number) + w * a3 * d;
      g[4] = (g[4] as number) + w * a4 * d;
      g[5] = (g[5] as number) + w * a5 * d;
    }
    return total;
  }
}

/**
 * The direction of the symmetric distance (Rusinkiewicz 2019, ACM TOG 38:85): the mean of the surface's normal and the
 * cloud's own, turned by the pose, into `out[0…2]`. A pair of points on one circle arc then has no distance left, so a
 * patch may slide along a curved surface in one step.
 * @returns what the distance along the surface's normal is multiplied by to be one along the mean direction
 */
function symmetric(
  out: Float64Array,
  r: CloudPose,
  normals: Float64Array,
  o: number,
  nx: number,
  ny: number,
  nz: number,
): number {
  const a = normals[o] as number;
  const b = normals[o + 1] as number;
  const c = normals[o + 2] as number;
  const x = (r[0] as number) * a + (r[3] as number) * b + (r[6] as number) * c;
  const y = (r[1] as number) * a + (r[4] as number) * b + (r[7] as number) * c;
  const z = (r[2] as number) * a + (r[5] as number) * b + (r[8] as number) * c;
  const dot = x * nx + y * ny + z * nz;
  // Of an estimated normal the side is unknown; one far off the surface's says nothing.
  const sign = dot < -0.5 ? -1 : dot > 0.5 ? 1 : 0;
  const sx = nx + sign * x;
  const sy = ny + sign * y;
  const sz = nz + sign * z;
  const length = Math.sqrt(sx * sx + sy * sy + sz * sz);
  out[0] = sx / length;
  out[1] = sy / length;
  out[2] = sz / length;
  return (sx * nx + sy * ny + sz * nz) / length;
}

/** pose ← the motion (ρ, φ) about the centroid after it; the rotation stays orthonormal to rounding (Rodrigues). */
export function move(pose: CloudPose, xi: ArrayLike<number>): void {
  const x = at(xi, 3);
  const y = at(xi, 4);
  const z = at(xi, 5);
  const angle2 = x * x + y * y + z * z;
  const angle = Math.sqrt(angle2);
  const s = angle < 1e-8 ? 1 - angle2 / 6 : Math.sin(angle) / angle;
  const c = angle < 1e-4 ? 0.5 - angle2 / 24 : (1 - Math.cos(angle)) / angle2;
  for (let o = 0; o < 9; o += 3) {
    const a = pose[o] as number;
    const b = pose[o + 1] as number;
    const d = pose[o + 2] as number;
    const u = y * d - z * b;
    const v = z * a - x * d;
    const w = x * b - y * a;
    pose[o] = a + s * u + c * (y * w - z * v);
    pose[o + 1] = b + s * v + c * (z * u - x * w);
    pose[o + 2] = d + s * w + c * (x * v - y * u);
  }
  for (let k = 0; k < 3; k += 1) pose[9 + k] = at(pose, 9 + k) + at(xi, k);
}
