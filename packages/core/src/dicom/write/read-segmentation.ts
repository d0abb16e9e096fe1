import { NavError } from '../../base/index.js';
import type { Frame } from '../../frames/index.js';
import { codeOf, type DataSet, numbersOf, textOf } from '../../io/dicom/dataset.js';
import type { VolumeFile } from '../../io/index.js';
import { type Volume, volume } from '../../volume/index.js';
import type { Code } from './codes.js';
import type { GridGeometry } from './grid.js';
import { latticeOf, type PlacedFrame, placeOnto } from './lattice.js';
import type { InstanceReference, ObjectIds } from './object.js';
import { provenanceOf, type ResultProvenance } from './provenance.js';
import { corrupt, itemsOf, type ReadObject, readCode, readObject, readReferences } from './read.js';
import { segmentPixels } from './read-segment-pixels.js';
import { SOP_CLASS } from './uid.js';

/** A segment as it was read. */
export interface ReadSegment {
  readonly number: number;
  readonly label: string;
  readonly category: Code | undefined;
  readonly type: Code | undefined;
  readonly anatomicRegion: Code | undefined;
  readonly algorithm: { readonly type: string; readonly name: string | undefined };
  readonly trackingUid: string | undefined;
}

/** A Segmentation as it was read. */
export interface ReadSegmentation extends ObjectIds {
  /** `LABELMAP`: every voxel holds the number of its one segment (DICOM Supplement 243). */
  readonly kind: 'BINARY' | 'PROBABILITY' | 'OCCUPANCY' | 'LABELMAP';
  readonly frameOfReferenceUid: string | undefined;
  readonly segments: readonly ReadSegment[];
  /** The grid that voxels are given on: the one asked for, else the smallest that holds all frames. */
  readonly geometry: GridGeometry & { readonly frameFromIndex: Float64Array };
  readonly sources: readonly InstanceReference[];
  readonly provenance: ResultProvenance | undefined;
  /** The values of a segment on the grid, i fastest: 0 or 1, or stored fractions. @throws NavError `dicom/bad-object` for no such segment */
  voxelsOf(segment: number): Uint8Array;
  /** Of a `LABELMAP`: the numbers of all segments at once, on the grid; 0 for none, and for what no segment describes. Else undefined. */
  readonly labels: (() => Uint16Array) | undefined;
  /** What a stored value of 1 stands for: 1, or 1 / Maximum Fractional Value. */
  readonly slope: number;
}

/** Options of {@link decodeSegmentation}. */
export interface DecodeSegmentationOptions {
  /** A volume whose voxels the segments are wanted on: planes must be its own, to 1/100 of a voxel. */
  readonly onto?: GridGeometry | undefined;
}

interface RawFrame extends PlacedFrame {
  /** Undefined in a label map, whose pixels say it. */
  readonly segment: number | undefined;
}

/**
 * Reads a Segmentation or a Label Map Segmentation (PS3.3, C.8.20.2), ours or another's, native or compressed.
 * @throws NavError `dicom/unsupported-object` for another object; `dicom/unsupported-syntax` for frames that cannot be decoded;
 *   `dicom/truncated`; `dicom/missing-geometry`, `dicom/bad-geometry`, `dicom/uneven-spacing` where frames do not lie on one grid, or not on the one asked
 *   for; `io/corrupt`; and as parsing throws
 */
export async function decodeSegmentation(
  source: Uint8Array | VolumeFile,
  options: DecodeSegmentationOptions = {},
): Promise<ReadSegmentation> {
  const from = await readObject(source, [SOP_CLASS.segmentation, SOP_CLASS.labelMapSegmentation], 'Segmentation');
  const { dataset } = from;
  const segments = itemsOf(dataset, 'x00620002').map((item) => segmentOf(from, item));
  const kind = kindOf(from);
  const frames = framesOf(from, kind === 'LABELMAP');
  const { geometry, planes } = options.onto === undefined ? latticeOf(from, frames) : placeOnto(from, frames, options.onto);
  const values = await segmentPixels(from, frames.length);
  const [ni, nj, nk] = geometry.size;
  const labels = (): Uint16Array => {
    const all = new Uint16Array(ni * nj * nk);
    for (const [n, plane] of planes.entries()) all.set(values(n), plane * ni * nj);
    // Background has the number that Pixel Padding Value states, and no segment.
    const known = new Set(segments.map((s) => s.number));
    return all.map((label) => (known.has(label) ? label : 0));
  };
  return {
    ...from.ids,
    kind,
    frameOfReferenceUid: codeOf(dataset, 'x00200052'),
    segments,
    geometry,
    sources: readReferences(from, sourceItems(dataset)),
    provenance: provenanceOf(dataset),
    slope: kind === 'PROBABILITY' || kind === 'OCCUPANCY' ? 1 / (dataset.uint16('x0062000e') || 255) : 1,
    labels: kind === 'LABELMAP' ? labels : undefined,
    voxelsOf: (segment) => {
      if (!segments.some((s) => s.number === segment)) throw noSegment(from, segment);
      if (kind === 'LABELMAP') return Uint8Array.from(labels(), (label) => (label === segment ? 1 : 0));
      const voxels = new Uint8Array(ni * nj * nk);
      frames.forEach((frame, n) => {
        if (frame.segment === segment) voxels.set(values(n), (planes[n] as number) * ni * nj);
      });
      return voxels;
    },
  };
}

/** Segmentation Type (0062,0001) and Segmentation Fractional Type (0062,0010). */
function kindOf(from: ReadObject): ReadSegmentation['kind'] {
  const [type, fraction] = [codeOf(from.dataset, 'x00620001'), codeOf(from.dataset, 'x00620010')];
  const isMap = from.ids.sopClassUid === SOP_CLASS.labelMapSegmentation;
  if (isMap !== (type === 'LABELMAP')) throw corrupt(from, `its Segmentation Type (0062,0001) is ${type ?? 'absent'}`);
  if (isMap) return 'LABELMAP';
  if (type !== 'FRACTIONAL') return 'BINARY';
  return fraction === 'OCCUPANCY' ? 'OCCUPANCY' : 'PROBABILITY';
}

function noSegment(from: ReadObject, segment: number): NavError {
  return new NavError('dicom/bad-object', `"${from.name}" has no segment ${segment}.`, { detail: { file: from.name, segment } });
}

function segmentOf(from: ReadObject, item: DataSet): ReadSegment {
  const number = item.uint16('x00620004');
  if (number === undefined) throw corrupt(from, 'a segment has no number (0062,0004)');
  return {
    number,
    label: textOf(item, 'x00620005', from.charset) ?? '',
    category: readCode(item, 'x00620003', from.charset),
    type: readCode(item, 'x0062000f', from.charset),
    anatomicRegion: readCode(item, 'x00082218', from.charset),
    algorithm: { type: codeOf(item, 'x00620008') ?? '', name: textOf(item, 'x00620009', from.charset) },
    trackingUid: codeOf(item, 'x00620021'),
  };
}

function sourceItems(dataset: DataSet): readonly DataSet[] {
  const items = itemsOf(dataset, 'x52009230').flatMap((f) => itemsOf(f, 'x00089124').flatMap((d) => itemsOf(d, 'x00082112')));
  const seen = new Map(items.map((item) => [item.string('x00081155'), item]));
  return [...seen.values()];
}

function framesOf(from: ReadObject, isMap: boolean): readonly RawFrame[] {
  const { dataset } = from;
  const shared = itemsOf(dataset, 'x52009229')[0];
  const perFrame = itemsOf(dataset, 'x52009230');
  const count = Number(dataset.string('x00280008') ?? '1');
  if (perFrame.length === 0 || perFrame.length !== count) {
    throw corrupt(from, `it says ${count} frames but describes ${perFrame.length}`);
  }
  return perFrame.map((own, n) => {
    const group = (tag: string): DataSet | undefined => itemsOf(own, tag)[0] ?? itemsOf(shared, tag)[0];
    const measures = group('x00289110');
    const segment = isMap ? undefined : group('x0062000a')?.uint16('x0062000b');
    const position = numbersOf(group('x00209113'), 'x00200032', 3);
    const orientation = numbersOf(group('x00209116'), 'x00200037', 6);
    const spacing = numbersOf(measures, 'x00280030', 2);
    if (segment === undefined && !isMap) throw corrupt(from, `frame ${n + 1} does not say which segment it is of`);
    if (position === undefined || orientation === undefined || spacing === undefined) {
      throw new NavError('dicom/missing-geometry', `"${from.name}" frame ${n + 1} does not say where its pixels are.`, {
        detail: { file: from.name, frame: n + 1 },
      });
    }
    const between = ['x00180088', 'x00180050'].map((tag) => numbersOf(measures, tag, 1)?.[0] ?? 0);
    return { segment, position, orientation, spacing, between: between[0] as number, thickness: between[1] as number };
  });
}

/**
 * One segment as a volume: 0 or 1, or fractions by its rescale.
 * @param frame the frame of the segmentation's frame of reference
 * @throws NavError `dicom/bad-object` for no such segment
 */
export function segmentVolume<F extends string>(read: ReadSegmentation, segment: number, frame: Frame<F>): Volume<F> {
  return asVolume(read, read.voxelsOf(segment), frame, read.slope);
}

/**
 * All segments as one volume of their numbers; 0 is none of them.
 * @throws NavError `dicom/bad-object` where two overlap, or where they are fractions: ask for them one by one
 */
export function labelVolume<F extends string>(read: ReadSegmentation, frame: Frame<F>): Volume<F> {
  const refuse = (why: string): NavError =>
    new NavError('dicom/bad-object', `The segmentation ${read.sopInstanceUid} is no label map: ${why}. Use segmentVolume().`);
  if (read.labels !== undefined) return asVolume(read, read.labels(), frame, 1);
  if (read.kind !== 'BINARY') throw refuse(`its segments are fractions (${read.kind})`);
  const labels = new Uint16Array(read.geometry.size.reduce((a, b) => a * b, 1));
  for (const { number } of read.segments) {
    const voxels = read.voxelsOf(number);
    for (let n = 0; n < voxels.length; n += 1) {
      if (voxels[n] === 0) continue;
      if (labels[n] !== 0) throw refuse(`segments ${labels[n]} and ${number} overlap`);
      labels[n] = number;
    }
  }
  return asVolume(read, labels, frame, 1);
}

function asVolume<F extends string>(
  read: ReadSegmentation,
  voxels: Uint8Array | Uint16Array,
  frame: Frame<F>,
  slope: number,
): Volume<F> {
  return volume({
    frame,
    voxels,
    size: read.geometry.size,
    frameFromIndex: read.geometry.frameFromIndex,
    rescale: { slope, intercept: 0 },
    modality: 'SEG',
    ...(read.frameOfReferenceUid !== undefined && { frameOfReferenceUid: read.frameOfReferenceUid }),
    series: { studyUid: read.studyUid, seriesUid: read.seriesUid },
  });
}
