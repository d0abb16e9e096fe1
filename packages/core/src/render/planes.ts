import { type Vec3, vec3 } from '../math/index.js';
import { type AnyVolume, cornersOf, type ReslicePlane } from '../volume/index.js';

/** The three slice views. */
export const SLICE_VIEWS = ['axial', 'coronal', 'sagittal'] as const;
/** One of {@link SLICE_VIEWS}. */
export type SliceViewName = (typeof SLICE_VIEWS)[number];
/** A slice view, or the 3D view. */
export type ViewName = SliceViewName | '3d';

/** Which way a slice lies on the screen: two perpendicular unit vectors of the volume's frame (LPS). */
export interface SliceAxes {
  /** Points to the right of the screen. */
  readonly right: ArrayLike<number>;
  /** Points to the top of the screen. */
  readonly up: ArrayLike<number>;
}

/**
 * Radiological axes in LPS: axial seen from the feet and coronal from the front, both with the patient's right on the
 * screen's left; sagittal seen from the patient's left, with the nose on the screen's left.
 */
export function patientAxes(view: SliceViewName): SliceAxes {
  switch (view) {
    case 'axial':
      return { right: vec3(1, 0, 0), up: vec3(0, -1, 0) };
    case 'coronal':
      return { right: vec3(1, 0, 0), up: vec3(0, 0, 1) };
    default:
      return { right: vec3(0, 1, 0), up: vec3(0, 0, 1) };
  }
}

/**
 * The axes of a volume's own grid that lie nearest to {@link patientAxes}: slices of an oblique series as they were
 * acquired. `up` is made perpendicular to `right`, so a sheared grid is followed along its rows.
 */
export function volumeAxes(v: Pick<AnyVolume, 'frameFromIndex'>, view: SliceViewName): SliceAxes {
  const m = v.frameFromIndex;
  const columns = [0, 4, 8].map((c) => unit(vec3(m[c] as number, m[c + 1] as number, m[c + 2] as number)));
  const nearest = (wanted: ArrayLike<number>, not: Vec3 | undefined): Vec3 => {
    const free = columns.filter((c) => c !== not);
    return free.reduce((best, c) => (Math.abs(dot(c, wanted)) > Math.abs(dot(best, wanted)) ? c : best));
  };
  const wanted = patientAxes(view);
  const rightColumn = nearest(wanted.right, undefined);
  const upColumn = nearest(wanted.up, rightColumn);
  const right = scaled(rightColumn, Math.sign(dot(rightColumn, wanted.right)) || 1);
  const along = dot(upColumn, right);
  const raw = vec3(
    (upColumn[0] as number) - along * (right[0] as number),
    (upColumn[1] as number) - along * (right[1] as number),
    (upColumn[2] as number) - along * (right[2] as number),
  );
  return { right, up: scaled(unit(raw), Math.sign(dot(raw, wanted.up)) || 1) };
}

/** right × up: points out of the screen, at the person who looks. */
export function outOf(axes: SliceAxes): Vec3 {
  return cross(axes.right, axes.up);
}

/**
 * The patient direction of a vector in LPS as letters, the strongest first: `L`, `AR`, `SPL`.
 *
 * A second or third letter is given where the vector leans that way by more than about 11° (DICOM PS3.3 C.7.6.1.1.1).
 */
export function orientationLetters(direction: ArrayLike<number>): string {
  return lettersAlong(direction, 1);
}

/** {@link orientationLetters} of a direction, or of its opposite (`sign` -1). Allocates nothing. */
export function lettersAlong(direction: ArrayLike<number>, sign: 1 | -1): string {
  const least = 0.2 * Math.sqrt(dot(direction, direction));
  let code = 0;
  // The axes from the one it lies along most: the first of those that are equal.
  for (let taken = 0, n = 0; n < 3; n += 1) {
    let best = -1;
    for (let k = 0; k < 3; k += 1) {
      if ((taken & (1 << k)) !== 0) continue;
      if (best < 0 || Math.abs(direction[k] as number) > Math.abs(direction[best] as number)) best = k;
    }
    taken |= 1 << best;
    if (!(Math.abs(direction[best] as number) > least)) continue;
    code = 7 * code + 1 + 2 * best + (sign * (direction[best] as number) > 0 ? 0 : 1);
  }
  return LETTERS[code] as string;
}

/** All words of up to three letters, by their digits to the base of 7; 0 is none. */
const LETTERS: readonly string[] = Array.from({ length: 343 }, (_, code) =>
  [Math.floor(code / 49), Math.floor(code / 7) % 7, code % 7].map((digit) => ' LRPASI'[digit]?.trim()).join(''),
);

/**
 * What a slice view shows: a rectangle of pixels on a plane of the frame. Pixel (0, 0) is the upper left one and its
 * CENTRE lies at px = (0.5, 0.5); positions run right and down.
 */
export class PlaneView {
  axes: SliceAxes = patientAxes('axial');
  /** The point of the frame in the middle of the screen, mm; always on the plane. */
  readonly centre: Vec3 = vec3(0, 0, 0);
  /** mm from one pixel to the next. */
  mmPerPx = 1;
  width = 1;
  height = 1;

  /** The screen position of a point of the frame, px from the upper left corner; `out[2]`: mm in front of the plane. */
  project(out: Vec3, p: ArrayLike<number>): Vec3 {
    const { right, up } = this.axes;
    const n = this.#normal();
    const c = this.centre;
    const x = (p[0] as number) - (c[0] as number);
    const y = (p[1] as number) - (c[1] as number);
    const z = (p[2] as number) - (c[2] as number);
    const u = x * (right[0] as number) + y * (right[1] as number) + z * (right[2] as number);
    const v = x * (up[0] as number) + y * (up[1] as number) + z * (up[2] as number);
    out[2] = x * (n[0] as number) + y * (n[1] as number) + z * (n[2] as number);
    out[0] = this.width / 2 + u / this.mmPerPx;
    out[1] = this.height / 2 - v / this.mmPerPx;
    return out;
  }

  /** The point of the frame, mm, under a screen position in px from the upper left corner. */
  unproject(out: Vec3, x: number, y: number): Vec3 {
    const { right, up } = this.axes;
    const u = (x - this.width / 2) * this.mmPerPx;
    const v = (this.height / 2 - y) * this.mmPerPx;
    for (let k = 0; k < 3; k += 1) {
      out[k] = (this.centre[k] as number) + u * (right[k] as number) + v * (up[k] as number);
    }
    return out;
  }

  /** Moves the plane along its normal until it holds `p`; the middle of the screen stays where it is. */
  passThrough(p: ArrayLike<number>): void {
    const n = this.#normal();
    const d = dot(n, p) - dot(n, this.centre);
    for (let k = 0; k < 3; k += 1) this.centre[k] = (this.centre[k] as number) + d * (n[k] as number);
  }

  /** The same rectangle as the CPU reslice takes it. */
  reslicePlane(): ReslicePlane {
    const { right, up } = this.axes;
    const s = this.mmPerPx;
    const first = this.unproject(vec3(0, 0, 0), 0.5, 0.5);
    const n = this.#normal();
    const m = new Float64Array(16);
    for (let k = 0; k < 3; k += 1) {
      m[k] = s * (right[k] as number);
      m[4 + k] = -s * (up[k] as number);
      m[8 + k] = n[k] as number;
      m[12 + k] = first[k] as number;
    }
    m[15] = 1;
    return { frameFromPixel: m, width: this.width, height: this.height };
  }

  readonly #n = vec3(0, 0, 0);
  #normal(): Vec3 {
    return crossInto(this.#n, this.axes.right, this.axes.up);
  }
}

/** How far a volume reaches along the axes of a view, mm: lowest and highest along right, up and out of the screen. */
export interface Extent {
  readonly low: readonly [number, number, number];
  readonly high: readonly [number, number, number];
}

/** The extent of a volume, voxel edges included, along the axes of a slice. */
export function extentOf(v: Pick<AnyVolume, 'frameFromIndex' | 'size'>, axes: SliceAxes): Extent {
  const directions = [axes.right, axes.up, outOf(axes)] as const;
  const corners = cornersOf({ size: v.size.map((n) => n + 1) as [number, number, number], frameFromIndex: halfVoxelBack(v) });
  const reach = (d: ArrayLike<number>): number[] => corners.map((p) => dot(d, p));
  const low = directions.map((d) => Math.min(...reach(d))) as [number, number, number];
  const high = directions.map((d) => Math.max(...reach(d))) as [number, number, number];
  return { low, high };
}

/** The middle of a volume in its frame, mm. */
export function centreOf(v: Pick<AnyVolume, 'frameFromIndex' | 'size'>): Vec3 {
  const corners = cornersOf(v);
  const first = corners[0] as Float64Array;
  const last = corners[7] as Float64Array;
  return Float64Array.from(first, (x, k) => (x + (last[k] as number)) / 2);
}

/** frameFromIndex of a grid whose index (0, 0, 0) is the outer corner of the first voxel. */
function halfVoxelBack(v: Pick<AnyVolume, 'frameFromIndex'>): Float64Array {
  const m = Float64Array.from(v.frameFromIndex);
  for (let k = 0; k < 3; k += 1) {
    m[12 + k] = (m[12 + k] as number) - ((m[k] as number) + (m[4 + k] as number) + (m[8 + k] as number)) / 2;
  }
  return m;
}

/** a · b */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return (a[0] as number) * (b[0] as number) + (a[1] as number) * (b[1] as number) + (a[2] as number) * (b[2] as number);
}

/** a × b, new. */
export function cross(a: ArrayLike<number>, b: ArrayLike<number>): Vec3 {
  return crossInto(vec3(0, 0, 0), a, b);
}

/** a × b, into `out`, which is neither of them. */
export function crossInto(out: Vec3, a: ArrayLike<number>, b: ArrayLike<number>): Vec3 {
  out[0] = (a[1] as number) * (b[2] as number) - (a[2] as number) * (b[1] as number);
  out[1] = (a[2] as number) * (b[0] as number) - (a[0] as number) * (b[2] as number);
  out[2] = (a[0] as number) * (b[1] as number) - (a[1] as number) * (b[0] as number);
  return out;
}

/** The vector at length 1, new. */
export function unit(a: ArrayLike<number>): Vec3 {
  return scaled(a, 1 / Math.sqrt(dot(a, a)));
}

function scaled(a: ArrayLike<number>, f: number): Vec3 {
  return vec3((a[0] as number) * f, (a[1] as number) * f, (a[2] as number) * f);
}
