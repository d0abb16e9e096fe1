import { NavError } from '../../base/index.js';
import { identity4, invert4, transformPoint } from '../../math/index.js';
import {
  type AnyVolume,
  isosurface,
  type Mesh,
  requireNoShear,
  spacingOf,
  type Volume,
  type VolumeWarning,
  volume,
} from '../../volume/index.js';
import { planeField } from './structure-plane.js';
import type { Structure } from './structures.js';

/** How to lay a structure on a volume. */
export interface StructureOptions {
  /**
   * Takes a structure that names another Frame of Reference than the volume, or none. Default false: what is not proven to
   * be in the same coordinates is refused.
   */
  readonly unproven?: boolean;
}

/** Contours nearer than this along the normal lie in one plane, mm. */
const SAME_PLANE_MM = 0.05;
/** How far the points of a contour may lie off a plane parallel to the slices, mm. */
const PARALLEL_MM = 0.1;
/** A contour further than this from the plane of the nearest slice is told, mm. */
const ON_SLICE_MM = 0.1;
/** Contour planes further apart than this many ordinary steps leave a gap that is not bridged. */
const BRIDGED_STEPS = 1.5;

/** Contours of one plane, in the volume's index coordinates. */
interface Plane {
  /** Distance along the normal of the slices, mm, from slice 0. */
  readonly depth: number;
  /** i, j of each point. */
  readonly loops: Float64Array[];
}

/**
 * A structure as a signed distance on a volume's grid: mm within the plane of each slice, positive inside. Closed contours of
 * one plane combine by the even-odd rule: a contour within another is a hole, a keyhole's channel has no width (PS3.3,
 * C.8.8.6.3). Between planes of contours the distance is interpolated (Raya & Udupa 1990, IEEE TMI 9, 32); beyond the last
 * one the structure ends half a step on. Slices nowhere near a contour are outside.
 * @throws NavError `dicom/bad-structures` where contours are not parallel to the slices, or none is closed;
 *   `guidance/wrong-frame-of-reference`; `volume/sheared`
 */
export function structureField<F extends string>(structure: Structure, on: Volume<F>, options: StructureOptions = {}): Volume<F> {
  requireSameFrame(structure, on, options);
  requireNoShear(on, 'Laying contours on slices');
  const spacing = spacingOf(on);
  const planes = planesOf(structure, on, spacing);
  const [ni, nj, nk] = on.size;
  const step = ordinaryStep(planes, spacing[2]);
  const band = bandOf(spacing);
  const field = new Float32Array(ni * nj * nk).fill(-band);
  const cache = new Map<Plane, Float32Array>();
  const of = (plane: Plane): Float32Array => {
    const known = cache.get(plane) ?? planeField(plane.loops, [ni, nj], [spacing[0], spacing[1]], band);
    // Slices come in order: two planes at a time are enough.
    if (cache.size > 2) cache.delete(cache.keys().next().value as Plane);
    cache.set(plane, known);
    return known;
  };
  for (let k = 0; k < nk; k += 1) fillSlice(field.subarray(k * ni * nj, (k + 1) * ni * nj), k * spacing[2], planes, step, of);
  return volume({
    frame: on.frame,
    voxels: field,
    size: on.size,
    frameFromIndex: on.frameFromIndex,
    rescale: { slope: 1, intercept: 0, unit: 'mm' },
    modality: 'SEG',
    patient: on.patient,
    series: on.series,
    ...(on.frameOfReferenceUid !== undefined && { frameOfReferenceUid: on.frameOfReferenceUid }),
    warnings: toldOf(structure, on, planes, spacing[2]),
  });
}

/** Distances further than this from a contour are only known to be so, mm. */
function bandOf(spacing: readonly number[]): number {
  return Math.max(10, 3 * Math.max(spacing[0] as number, spacing[1] as number));
}

/** A structure as a label: 1 where the centre of a voxel is inside, else 0. @throws as {@link structureField} */
export function structureLabel<F extends string>(structure: Structure, on: Volume<F>, options: StructureOptions = {}): Volume<F> {
  const field = structureField(structure, on, options);
  const voxels = Uint8Array.from(field.voxels as Float32Array, (d) => (d >= 0 ? 1 : 0));
  return volume({ ...withoutUndefined(field), voxels, rescale: { slope: 1, intercept: 0 } });
}

/**
 * The surface of a structure in the volume's frame, mm: the zero of its field.
 * @throws as {@link structureField}, and `mesh/empty`
 */
export function structureMesh<F extends string>(structure: Structure, on: Volume<F>, options: StructureOptions = {}): Mesh<F> {
  return isosurface(structureField(structure, on, options), 0);
}

function withoutUndefined<F extends string>(
  v: Volume<F>,
): Omit<Volume<F>, 'frameOfReferenceUid'> & { frameOfReferenceUid?: string } {
  const { frameOfReferenceUid, ...rest } = v;
  return { ...rest, ...(frameOfReferenceUid !== undefined && { frameOfReferenceUid }) };
}

function requireSameFrame(structure: Structure, on: AnyVolume, { unproven = false }: StructureOptions): void {
  const [a, b] = [structure.frameOfReferenceUid, on.frameOfReferenceUid];
  if (unproven || (a !== undefined && a === b)) return;
  const what = a === undefined || b === undefined ? 'cannot be proven to be in' : 'is drawn in another frame of reference than';
  throw new NavError(
    'guidance/wrong-frame-of-reference',
    `The structure "${structure.name}" ${what} the coordinates of this volume. Register both, or pass unproven: true.`,
    { detail: { structure: structure.number, frameOfReferenceUid: a ?? null, volume: b ?? null } },
  );
}

function planesOf(structure: Structure, on: AnyVolume, spacing: readonly number[]): Plane[] {
  const closed = structure.contours.filter((c) => c.kind.startsWith('closed'));
  if (closed.length === 0) throw bad(structure, 'it has no closed contour');
  const indexFromFrame = identity4();
  invert4(indexFromFrame, on.frameFromIndex);
  const at = new Float64Array(3);
  const loops = closed.map(({ points }, n) => {
    const count = points.length / 3;
    const loop = new Float64Array(2 * count);
    const depths: number[] = [];
    for (let p = 0; p < count; p += 1) {
      transformPoint(at, indexFromFrame, points.subarray(3 * p, 3 * p + 3));
      loop.set([at[0] as number, at[1] as number], 2 * p);
      depths.push((at[2] as number) * (spacing[2] as number));
    }
    const [low, high] = [Math.min(...depths), Math.max(...depths)];
    if (high - low > 2 * PARALLEL_MM) {
      throw bad(
        structure,
        `contour ${n + 1} is not parallel to the volume's slices: it spans ${(high - low).toFixed(2)} mm across them`,
      );
    }
    return { depth: (low + high) / 2, loop };
  });
  loops.sort((a, b) => a.depth - b.depth);
  const planes: Plane[] = [];
  for (const { depth, loop } of loops) {
    const last = planes.at(-1);
    if (last !== undefined && depth - last.depth < SAME_PLANE_MM) last.loops.push(loop);
    else planes.push({ depth, loops: [loop] });
  }
  return planes;
}

/** The lower median of the distances between planes; the slices' own for a lone plane. */
function ordinaryStep(planes: readonly Plane[], slice: number): number {
  const steps = planes.slice(1).map((p, n) => p.depth - (planes[n] as Plane).depth);
  return steps.sort((a, b) => a - b)[Math.floor((steps.length - 1) / 2)] ?? slice;
}

function fillSlice(
  out: Float32Array,
  depth: number,
  planes: readonly Plane[],
  step: number,
  of: (plane: Plane) => Float32Array,
): void {
  const next = planes.findIndex((p) => p.depth >= depth - SAME_PLANE_MM);
  const above = next < 0 ? undefined : planes[next];
  if (above !== undefined && Math.abs(above.depth - depth) <= SAME_PLANE_MM) {
    out.set(of(above));
    // At an end of the structure its lid, half a step on, is nearer than the rim.
    const near = (a: Plane | undefined): boolean => a !== undefined && Math.abs(a.depth - above.depth) <= BRIDGED_STEPS * step;
    if (!near(planes[next - 1]) || !near(planes[next + 1]))
      for (let n = 0; n < out.length; n += 1) out[n] = Math.min(out[n] as number, step / 2);
    return;
  }
  const below = next < 0 ? planes.at(-1) : planes[next - 1];
  if (above !== undefined && below !== undefined && above.depth - below.depth <= BRIDGED_STEPS * step) {
    const weight = (depth - below.depth) / (above.depth - below.depth);
    const [low, high] = [of(below), of(above)];
    for (let n = 0; n < out.length; n += 1) out[n] = (1 - weight) * (low[n] as number) + weight * (high[n] as number);
    return;
  }
  for (const end of [below, above]) {
    if (end === undefined) continue;
    // Half a step beyond the last plane the structure ends.
    const rest = step / 2 - Math.abs(depth - end.depth);
    if (rest < -step) continue;
    const plane = of(end);
    for (let n = 0; n < out.length; n += 1) out[n] = Math.max(out[n] as number, Math.min(plane[n] as number, rest));
  }
}

/** What was not simply taken over: contours off the slices, gaps, contours beyond the volume, points and open contours. */
function toldOf(structure: Structure, on: AnyVolume, planes: readonly Plane[], slice: number): VolumeWarning[] {
  const off = planes.map((p) => Math.abs(p.depth - slice * Math.round(p.depth / slice)));
  const between = off.filter((mm) => mm > ON_SLICE_MM);
  const beyond = planes.filter((p) => p.depth < -slice / 2 || p.depth > (on.size[2] - 0.5) * slice);
  const open = structure.contours.filter((c) => !c.kind.startsWith('closed'));
  const step = ordinaryStep(planes, slice);
  const gaps = planes.slice(1).filter((p, n) => p.depth - (planes[n] as Plane).depth > BRIDGED_STEPS * step);
  const told: string[] = [];
  if (between.length > 0) {
    told.push(
      `${between.length} of ${planes.length} planes of contours lie off the slices, by up to ${Math.max(...between).toFixed(2)} mm: interpolated`,
    );
  }
  if (gaps.length > 0) told.push(`${gaps.length} gap(s) between its planes are left empty`);
  if (beyond.length > 0) told.push(`${beyond.length} plane(s) of contours lie beyond the volume`);
  if (open.length > 0) told.push(`${open.length} point(s) or open contour(s) enclose nothing and were left out`);
  if (told.length === 0) return [];
  return [
    {
      code: 'resampled',
      message: `The structure "${structure.name}": ${told.join('; ')}.`,
      detail: { offMm: off, open: open.length },
    },
  ];
}

function bad(structure: Structure, what: string): NavError<'dicom/bad-structures'> {
  return new NavError('dicom/bad-structures', `The structure "${structure.name}" cannot be laid on this volume: ${what}.`, {
    detail: { structure: structure.number },
  });
}
