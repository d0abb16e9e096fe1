import { platform } from '#io/platform';
import { isNavError, NavError } from '../../base/index.js';
import { storedValues } from '../../io/dicom/pixels.js';
import type { OrderedSeries } from '../../io/dicom/series.js';
import type { PixelLayout, Slice } from '../../io/dicom/slice.js';
import type { VoxelArray } from '../../volume/index.js';
import { badAnswer } from './errors.js';

/** One plane of a series that has come: complete in itself, with its own place. */
export interface ArrivedSlice {
  readonly sopInstanceUid: string;
  /** Which frame of its instance, from 0. */
  readonly frame: number;
  /** Pixels along a row, and along a column. */
  readonly size: readonly [number, number];
  /** 16 doubles, column-major, LPS mm: the centre of pixel (i, j) is m · (i, j, 0, 1). The third column is the unit normal. */
  readonly frameFromPixel: Float64Array;
  readonly rescale: { readonly slope: number; readonly intercept: number; readonly unit?: string };
  readonly modality: string;
  /** Its plane in the volume's grid, from 0; undefined where the grid is not known yet. */
  readonly plane: number | undefined;
  /**
   * Stored values, rows one after the other; decoded when first asked for.
   * @throws NavError `dicom/truncated`, `dicom/unsupported-syntax`, `io/corrupt`, `assets/…`
   */
  values(): Promise<VoxelArray>;
}

/**
 * A volume of which not all slices are here. It is no `Volume`, so that nothing that measures or navigates takes it by mistake: it has
 * no frame. What has not come is unknown: {@link coverage} says so plane by plane, `plane()` gives nothing for it, and its voxels hold
 * {@link unknownValue}, which is neither air nor any value that the scanner can have stored where there is room for such a one.
 */
export interface GrowingVolume {
  readonly size: readonly [number, number, number];
  /** As the complete volume's: 16 doubles, column-major, LPS mm, voxel centres. From the archive's metadata until the files confirm it. */
  readonly frameFromIndex: Float64Array;
  readonly rescale: { readonly slope: number; readonly intercept: number; readonly unit?: string };
  readonly modality: string;
  /** Stored values, i fastest. It is written to until all is here. */
  readonly voxels: VoxelArray;
  /** For every plane: 1 it is here, 0 it is unknown. */
  readonly coverage: Uint8Array;
  /** What voxels hold where nothing is known. */
  readonly unknownValue: number;
  /** How many planes are here. */
  readonly here: number;
  /** The voxels of a plane, or undefined while it is unknown. */
  plane(k: number): VoxelArray | undefined;
}

/** How far metadata and file may differ in a position, mm: the rounding of numbers in JSON. */
const SAME_PLACE_MM = 1e-3;

/** A slice as the caller sees it. */
export function arrivedSlice(slice: Slice, sopInstanceUid: string, plane: number | undefined): ArrivedSlice {
  const { header, along, down, position, slope, intercept, unit } = slice;
  const normal = crossOf(along, down);
  const frameFromPixel = new Float64Array(16);
  for (let r = 0; r < 3; r += 1) {
    frameFromPixel[r] = (along[r] as number) * slice.columnSpacing;
    frameFromPixel[4 + r] = (down[r] as number) * slice.rowSpacing;
    frameFromPixel[8 + r] = normal[r] as number;
    frameFromPixel[12 + r] = position[r] as number;
  }
  frameFromPixel[15] = 1;
  let decoded: Promise<VoxelArray> | undefined;
  return {
    sopInstanceUid,
    frame: slice.frame,
    size: [header.columns, header.rows],
    frameFromPixel,
    rescale: { slope, intercept, ...(unit !== undefined && unit !== 'US' && { unit }) },
    modality: header.modality ?? 'OT',
    plane,
    values: () => {
      decoded ??= storedValues([slice], { platform, signal: undefined, progress: () => {} });
      return decoded;
    },
  };
}

function crossOf(a: readonly number[], b: readonly number[]): number[] {
  const [ax, ay, az] = a as [number, number, number];
  const [bx, by, bz] = b as [number, number, number];
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}

/** A growing volume and what fills it. */
export class Growth implements GrowingVolume {
  readonly size: readonly [number, number, number];
  readonly frameFromIndex: Float64Array;
  readonly rescale: GrowingVolume['rescale'];
  readonly modality: string;
  readonly voxels: VoxelArray;
  readonly coverage: Uint8Array;
  readonly unknownValue: number;
  #here = 0;
  readonly #slices: ReadonlyMap<string, readonly [plane: number, slice: Slice]>;
  readonly #rescaled: boolean;

  /** @throws NavError `volume/out-of-memory` */
  constructor(series: OrderedSeries) {
    const first = series.slices[0] as Slice;
    const { header, slope, intercept, unit } = first;
    const planes = planesOf(series);
    this.size = [header.columns, header.rows, planes.count];
    this.frameFromIndex = series.frameFromIndex;
    this.modality = header.modality ?? 'OT';
    this.#rescaled = !series.slices.every((s) => s.slope === slope && s.intercept === intercept);
    const withUnit = unit !== undefined && unit !== 'US' ? { unit } : {};
    this.rescale = this.#rescaled ? { slope: 1, intercept: 0, ...withUnit } : { slope, intercept, ...withUnit };
    this.unknownValue = this.#rescaled ? Number.NaN : unknownValueOf(header.layout);
    this.voxels = voxelsFor(header.layout, this.#rescaled, header.columns * header.rows * planes.count).fill(
      this.unknownValue as never,
    );
    this.coverage = new Uint8Array(planes.count);
    this.#slices = new Map(
      series.slices.map((slice, n) => [keyOf(slice.header.file.name, slice.frame), [planes.planeOf(n), slice]]),
    );
  }

  get here(): number {
    return this.#here;
  }

  plane(k: number): VoxelArray | undefined {
    const length = this.size[0] * this.size[1];
    return this.coverage[k] === 1 ? this.voxels.subarray(k * length, (k + 1) * length) : undefined;
  }

  /** Where a slice belongs. @throws NavError `archive/bad-answer` where the metadata said otherwise of it, or nothing */
  planeOf(sopInstanceUid: string, slice: Slice): number | undefined {
    const [plane, told] = this.#slices.get(keyOf(sopInstanceUid, slice.frame)) ?? [];
    if (plane === undefined || told === undefined) {
      throw badAnswer('the retrieved series', `instance ${sopInstanceUid} came, of which the metadata said nothing`);
    }
    const off = Math.hypot(...told.position.map((x, r) => x - (slice.position[r] as number)));
    const same = JSON.stringify([told.header.layout, told.header.rows, told.header.columns, told.slope, told.intercept]);
    const came = JSON.stringify([slice.header.layout, slice.header.rows, slice.header.columns, slice.slope, slice.intercept]);
    if (off > SAME_PLACE_MM || same !== came) {
      throw badAnswer('the retrieved series', `the metadata of instance ${sopInstanceUid} contradicts the instance`);
    }
    return plane >= 0 ? plane : undefined;
  }

  /** Lays a slice at its plane; a second time changes nothing. */
  async lay(slice: ArrivedSlice): Promise<void> {
    const k = slice.plane;
    if (k === undefined || this.coverage[k] === 1) return;
    const values = await slice.values();
    const length = this.size[0] * this.size[1];
    const target = this.voxels.subarray(k * length, (k + 1) * length);
    if (this.#rescaled) {
      const { slope, intercept } = slice.rescale;
      for (let n = 0; n < length; n += 1) target[n] = slope * (values[n] as number) + intercept;
    } else target.set(values as never);
    this.coverage[k] = 1;
    this.#here += 1;
  }
}

function keyOf(sopInstanceUid: string, frame: number): string {
  return `${sopInstanceUid}/${frame}`;
}

/** Planes of the grid, and which slice is one of them; −1 where a grid that was laid through gaps has none at a slice. */
function planesOf(series: OrderedSeries): { readonly count: number; planeOf(n: number): number } {
  const { filled } = series;
  if (filled === undefined) return { count: series.slices.length, planeOf: (n) => n };
  return { count: filled.planes.length, planeOf: (n) => filled.planes.findIndex((p) => p.weight === 0 && p.below === n) };
}

/** Beyond Bits Stored where there are such bits; else the lowest value that signed pixels can have, or the highest of unsigned ones. */
function unknownValueOf({ bitsAllocated, signed }: PixelLayout): number {
  return signed ? -(2 ** (bitsAllocated - 1)) : 2 ** bitsAllocated - 1;
}

const ARRAYS = { i8: Int8Array, u8: Uint8Array, i16: Int16Array, u16: Uint16Array, i32: Int32Array, u32: Uint32Array } as const;

function voxelsFor({ bitsAllocated, signed }: PixelLayout, rescaled: boolean, length: number): VoxelArray {
  try {
    return rescaled ? new Float32Array(length) : new ARRAYS[`${signed ? 'i' : 'u'}${bitsAllocated}`](length);
  } catch (cause) {
    if (isNavError(cause)) throw cause;
    throw new NavError('volume/out-of-memory', `There is no memory for ${length} voxels of ${bitsAllocated} bits.`, { cause });
  }
}
