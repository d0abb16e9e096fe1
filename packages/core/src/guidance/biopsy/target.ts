import { NavError } from '../../base/index.js';
import { type AnyFrame, type Frame, type Point, requireSameFrame } from '../../frames/index.js';
import { identity4, invert4, transformPoint } from '../../math/index.js';
import { type AnyVolume, type Mesh, SignedMeshDistance, type Volume } from '../../volume/index.js';

/** Something a biopsy is to sample: a lesion, or a sector of an organ. */
export interface BiopsyTarget<in out F extends string> {
  readonly name: string;
  readonly frame: Frame<F>;
  /**
   * How much of the segment from a to b lies within, mm.
   * @param a x, y, z in `frame`, mm
   */
  lengthInside(a: Float64Array, b: Float64Array): number;
}

/** How finely a segment is looked at in a label map, mm. */
const STEP_MM = 0.25;
/** How near to a surface a segment is stepped along evenly, mm. */
const FINEST_MM = 0.1;

/** A ball. @throws NavError `biopsy/bad-core` for a radius that is none */
export function ballToSample<F extends string>(name: string, centre: Point<F>, radiusMm: number): BiopsyTarget<F> {
  if (!(radiusMm > 0 && Number.isFinite(radiusMm))) throw bad(`Target "${name}" cannot have a radius of ${radiusMm} mm.`);
  const c = Float64Array.from(centre.xyz);
  return { name, frame: centre.frame, lengthInside: (a, b) => chord(a, b, c, radiusMm) };
}

/** The inside of a closed surface. @throws NavError `mesh/empty` */
export function meshToSample<F extends string>(name: string, surface: Mesh<F>): BiopsyTarget<F> {
  const distance = new SignedMeshDistance(surface);
  const [centre, radius] = ballAround(surface.positions);
  const p = new Float64Array(3);
  const lengthInside = (a: Float64Array, b: Float64Array): number => {
    if (chord(a, b, centre, radius) === 0) return 0;
    const length = lengthOf(a, b);
    let inside = 0;
    for (let t = 0; t < length; ) {
      for (let k = 0; k < 3; k += 1) p[k] = (a[k] as number) + (t / length) * ((b[k] as number) - (a[k] as number));
      const d = distance.from(p);
      // Within |d| of here the segment cannot cross the surface.
      const step = Math.min(Math.max(Math.abs(d), FINEST_MM), length - t);
      if (d < 0) inside += step;
      t += step;
    }
    return inside;
  };
  return { name, frame: surface.frame, lengthInside };
}

/**
 * The voxels of one label, by their stored value.
 * @throws NavError `biopsy/bad-core` where no voxel has it
 */
export function labelToSample<F extends string>(name: string, labels: Volume<F>, label: number): BiopsyTarget<F> {
  const [centre, radius] = labelBall(name, labels, label);
  const indexFromFrame = identity4();
  invert4(indexFromFrame, labels.frameFromIndex);
  const [ni, nj, nk] = labels.size;
  const { voxels } = labels;
  const [ia, ib] = [new Float64Array(3), new Float64Array(3)];
  const lengthInside = (a: Float64Array, b: Float64Array): number => {
    if (chord(a, b, centre, radius) === 0) return 0;
    transformPoint(ia, indexFromFrame, a);
    transformPoint(ib, indexFromFrame, b);
    const length = lengthOf(a, b);
    const parts = Math.max(1, Math.ceil(length / STEP_MM));
    let inside = 0;
    for (let n = 0; n < parts; n += 1) {
      const t = (n + 0.5) / parts;
      const i = Math.round((ia[0] as number) + t * ((ib[0] as number) - (ia[0] as number)));
      const j = Math.round((ia[1] as number) + t * ((ib[1] as number) - (ia[1] as number)));
      const k = Math.round((ia[2] as number) + t * ((ib[2] as number) - (ia[2] as number)));
      if (i >= 0 && j >= 0 && k >= 0 && i < ni && j < nj && k < nk && voxels[i + ni * (j + nj * k)] === label) inside += 1;
    }
    return (inside / parts) * length;
  };
  return { name, frame: labels.frame, lengthInside };
}

/** @throws NavError `frame/mismatch` */
export function requireTargets(frame: AnyFrame, targets: readonly { readonly frame: AnyFrame; readonly name: string }[]): void {
  for (const target of targets) requireSameFrame(frame, target.frame, `Target "${target.name}"`);
}

/** The length of a segment within a ball. */
function chord(a: Float64Array, b: Float64Array, centre: Float64Array, radius: number): number {
  let [along, square, length2] = [0, 0, 0];
  for (let k = 0; k < 3; k += 1) {
    const d = (b[k] as number) - (a[k] as number);
    const c = (centre[k] as number) - (a[k] as number);
    along += c * d;
    square += c * c;
    length2 += d * d;
  }
  const length = Math.sqrt(length2);
  if (!(length > 0)) return 0;
  const foot = along / length;
  const half2 = radius * radius - (square - foot * foot);
  if (!(half2 > 0)) return 0;
  const half = Math.sqrt(half2);
  return Math.max(0, Math.min(length, foot + half) - Math.max(0, foot - half));
}

function lengthOf(a: Float64Array, b: Float64Array): number {
  return Math.hypot(
    (b[0] as number) - (a[0] as number),
    (b[1] as number) - (a[1] as number),
    (b[2] as number) - (a[2] as number),
  );
}

/** A ball around places: not the smallest. */
function ballAround(positions: ArrayLike<number>): [Float64Array, number] {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let n = 0; n < positions.length; n += 1) {
    low[n % 3] = Math.min(low[n % 3] as number, positions[n] as number);
    high[n % 3] = Math.max(high[n % 3] as number, positions[n] as number);
  }
  const half = low.map((v, k) => ((high[k] as number) - v) / 2);
  return [Float64Array.from(low, (v, k) => v + (half[k] as number)), Math.hypot(...half)];
}

function labelBall(name: string, labels: AnyVolume, label: number): [Float64Array, number] {
  const [ni, nj] = labels.size;
  const box = [Infinity, Infinity, Infinity, -Infinity, -Infinity, -Infinity];
  for (let n = 0; n < labels.voxels.length; n += 1) {
    if (labels.voxels[n] !== label) continue;
    [n % ni, Math.floor(n / ni) % nj, Math.floor(n / ni / nj)].forEach((v, k) => {
      box[k] = Math.min(box[k] as number, v - 0.5);
      box[k + 3] = Math.max(box[k + 3] as number, v + 0.5);
    });
  }
  if (box[0] === Infinity) throw bad(`No voxel has the label ${label} of target "${name}".`);
  const corners = new Float64Array(24);
  for (let n = 0; n < 8; n += 1) {
    const corner = [0, 1, 2].map((k) => box[k + ((n >> k) & 1) * 3] as number);
    corners.set(transformPoint(new Float64Array(3), labels.frameFromIndex, corner), 3 * n);
  }
  return ballAround(corners);
}

function bad(message: string): NavError<'biopsy/bad-core'> {
  return new NavError('biopsy/bad-core', message);
}
