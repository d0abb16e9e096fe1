import type { DataSet } from './dataset.js';
import { itemCount, itemOf } from './dataset.js';

/** What an axis of an ultrasound region counts (PS3.3, C.8.5.5.1.15); `unknown` for a code that the standard does not have. */
export type RegionUnit =
  | 'none'
  | 'percent'
  | 'dB'
  | 'cm'
  | 's'
  | 'Hz'
  | 'dB/s'
  | 'cm/s'
  | 'cm2'
  | 'cm2/s'
  | 'degrees'
  | 'unknown';

/** How a region lies in space or time (PS3.3, C.8.5.5.1.1). */
export type RegionFormat = 'none' | '2d' | 'm-mode' | 'spectral' | 'waveform' | 'graphics' | 'unknown';

/** A rectangle of an ultrasound picture with its own calibration (PS3.3, C.8.5.5). */
export interface UltrasoundRegion {
  readonly format: RegionFormat;
  /** Region Data Type as in PS3.3, C.8.5.5.1.2, for example `tissue`, `colour-flow`, `pw-spectral`. */
  readonly dataType: string;
  /** Region Flags, bit by bit as in C.8.5.5.1.3. */
  readonly flags: number;
  /** First and last column and row that belong to the region, in pixels from 0, as the file has them. */
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
  readonly units: readonly [RegionUnit, RegionUnit];
  /** Physical Delta X and Y: units per pixel to the right and per pixel down. */
  readonly delta: readonly [number | undefined, number | undefined];
  /** The pixel whose physical value is known, relative to (x0, y0); it may lie outside the region. */
  readonly referencePixel: readonly [number | undefined, number | undefined];
  readonly referenceValue: readonly [number | undefined, number | undefined];
  /** Millimetres per pixel to the right and down. Undefined where the region is no two-dimensional image in centimetres. */
  readonly mmPerPixel: readonly [number, number] | undefined;
  /** Why there is no {@link mmPerPixel}, as half a sentence. */
  readonly uncalibrated: string | undefined;
  /** Kilohertz, as the file says. */
  readonly transducerFrequency: number | undefined;
}

const UNITS: readonly RegionUnit[] = [
  ...(['none', 'percent', 'dB', 'cm', 's', 'Hz', 'dB/s', 'cm/s', 'cm2', 'cm2/s'] as const),
  'unknown',
  'unknown',
  'degrees',
];
const FORMATS: readonly RegionFormat[] = ['none', '2d', 'm-mode', 'spectral', 'waveform', 'graphics'];
const DATA_TYPES: Readonly<Record<number, string>> = {
  0: 'none',
  1: 'tissue',
  2: 'colour-flow',
  3: 'pw-spectral',
  4: 'cw-spectral',
  5: 'doppler-mean-trace',
  6: 'doppler-mode-trace',
  7: 'doppler-max-trace',
  8: 'volume-trace',
  9: 'd-volume-dt-trace',
  10: 'ecg-trace',
  11: 'pulse-trace',
  12: 'phonocardiogram-trace',
  13: 'grey-bar',
  14: 'colour-bar',
  15: 'integrated-backscatter',
  16: 'area-trace',
  17: 'd-area-dt-trace',
  18: 'other',
};

/** The regions of a picture, in the file's order; none where it has no Sequence of Ultrasound Regions (0018,6011). */
export function regionsOf(dataset: DataSet): UltrasoundRegion[] {
  return Array.from({ length: itemCount(dataset, 'x00186011') }, (_, n) => itemOf(dataset, 'x00186011', n))
    .filter((item) => item !== undefined)
    .map(regionOf);
}

function regionOf(item: DataSet): UltrasoundRegion {
  const short = (tag: string): number | undefined => sized(item, tag, 2, (x) => x.uint16(tag));
  const long = (tag: string): number | undefined => sized(item, tag, 4, (x) => x.uint32(tag));
  const signed = (tag: string): number | undefined => sized(item, tag, 4, (x) => x.int32(tag));
  const double = (tag: string): number | undefined => {
    const value = sized(item, tag, 8, (x) => x.double(tag));
    return Number.isFinite(value) ? value : undefined;
  };
  const unit = (tag: string): RegionUnit => UNITS[short(tag) ?? -1] ?? 'unknown';
  const box = ['x00186018', 'x0018601a', 'x0018601c', 'x0018601e'].map(long);
  const [x0, y0, x1, y1] = box.map((x) => x ?? Number.NaN) as [number, number, number, number];
  const facts = {
    format: FORMATS[short('x00186012') ?? -1] ?? 'unknown',
    units: [unit('x00186024'), unit('x00186026')] as const,
    delta: [double('x0018602c'), double('x0018602e')] as const,
    box: [x0, y0, x1, y1],
  };
  const uncalibrated = whyUncalibrated(facts);
  return {
    format: facts.format,
    dataType: DATA_TYPES[short('x00186014') ?? -1] ?? 'unknown',
    flags: long('x00186016') ?? 0,
    x0,
    y0,
    x1,
    y1,
    units: facts.units,
    delta: facts.delta,
    referencePixel: [signed('x00186020'), signed('x00186022')],
    referenceValue: [double('x00186028'), double('x0018602a')],
    mmPerPixel:
      uncalibrated === undefined ? [10 * Math.abs(facts.delta[0] as number), 10 * Math.abs(facts.delta[1] as number)] : undefined,
    uncalibrated,
    transducerFrequency: long('x00186030'),
  };
}

/** A value only where the element has its bytes: others would be read from what follows it. */
function sized(item: DataSet, tag: string, bytes: number, get: (item: DataSet) => number | undefined): number | undefined {
  return item.elements[tag]?.length === bytes ? get(item) : undefined;
}

interface Facts {
  readonly format: RegionFormat;
  readonly units: readonly [RegionUnit, RegionUnit];
  readonly delta: readonly [number | undefined, number | undefined];
  readonly box: readonly number[];
}

function whyUncalibrated({ format, units, delta, box }: Facts): string | undefined {
  const [x0, y0, x1, y1] = box as [number, number, number, number];
  if (!(x1 >= x0 && y1 >= y0)) return 'its corners are absent or the wrong way round';
  if (format !== '2d') return `it is no two-dimensional image but ${format}`;
  if (units[0] !== 'cm' || units[1] !== 'cm') return `its axes count ${units[0]} and ${units[1]}, not centimetres`;
  if (!delta[0] || !delta[1]) return 'it does not say how large a pixel is';
  return undefined;
}

/**
 * Where a pixel lies by its region: millimetres from the region's physical origin, x to the right and y down as the
 * region's deltas have them. PS3.3, C.8.5.5.1: value = reference value + (pixel − reference pixel) · delta.
 * @param x column in the whole picture, pixels from 0
 * @param y row in the whole picture
 * @returns undefined where the region has no millimetres or no reference
 */
export function regionPoint(region: UltrasoundRegion, x: number, y: number): readonly [number, number] | undefined {
  if (region.mmPerPixel === undefined) return undefined;
  const along = (at: number, from: number, axis: 0 | 1): number | undefined => {
    const [pixel, delta] = [region.referencePixel[axis], region.delta[axis]];
    if (pixel === undefined || delta === undefined) return undefined;
    return 10 * ((region.referenceValue[axis] ?? 0) + (at - from - pixel) * delta);
  };
  const [px, py] = [along(x, region.x0, 0), along(y, region.y0, 1)];
  return px === undefined || py === undefined ? undefined : [px, py];
}

/** The one calibrated region that holds a pixel; undefined where none does, or where several with other scales do. */
export function regionAt(regions: readonly UltrasoundRegion[], x: number, y: number): UltrasoundRegion | undefined {
  const here = regions.filter((r) => r.mmPerPixel !== undefined && x >= r.x0 && x <= r.x1 && y >= r.y0 && y <= r.y1);
  const [first] = here;
  const same = here.every((r) => r.mmPerPixel?.[0] === first?.mmPerPixel?.[0] && r.mmPerPixel?.[1] === first?.mmPerPixel?.[1]);
  return same ? first : undefined;
}
