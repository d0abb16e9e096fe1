import type { ContentReader } from './reader.js';
import { isScalarType, type ScalarType, scalarSize } from './scalar.js';
import { doesNotFit, type IgtlStorage } from './writer.js';

/** IMAGE: a 2D or 3D image, or a block of one, as sent. `imageGeometry` and `volumeFromImage` give it a place. */
export interface ImageContent {
  readonly kind: 'image';
  /** Of the image header: 1, or 2 in protocol 3. */
  readonly version: number;
  /** Numbers per voxel, interleaved. */
  readonly components: number;
  readonly scalarType: ScalarType;
  /** Of the pixels only; every number in headers is big-endian. */
  readonly pixelsLittleEndian: boolean;
  /** The patient axes in which {@link axes} and {@link centre} are given. */
  readonly coordinates: 'RAS' | 'LPS';
  /** Voxels of the whole image along i, j, k. */
  readonly size: readonly [number, number, number];
  /** Nine numbers: the steps in mm along i, then j, then k. */
  readonly axes: Float64Array;
  /** The CENTRE of the whole image in mm, and not its first voxel. */
  readonly centre: Float64Array;
  /** The block that was sent: its first voxel, and its voxels along i, j, k. */
  readonly blockStart: readonly [number, number, number];
  readonly blockSize: readonly [number, number, number];
  /** The block's pixels, i fastest. */
  readonly pixels: Uint8Array;
}

type Size3 = readonly [number, number, number];
const LITTLE_ENDIAN = 2;

/** @throws NavError `igtl/bad-value`, `igtl/size-mismatch`, `igtl/wrong-size` */
export function decodeImage(r: ContentReader): ImageContent {
  const version = r.u16();
  if (version !== 1 && version !== 2) throw r.badValue('image header version', version);
  const components = r.u8();
  if (components === 0) throw r.badValue('a number of components of', components);
  const scalarType = r.u8();
  if (!isScalarType(scalarType)) throw r.badValue('scalar type', scalarType);
  const endian = r.u8();
  if (endian !== 1 && endian !== LITTLE_ENDIAN) throw r.badValue('byte order', endian);
  const coordinates = r.u8();
  if (coordinates !== 1 && coordinates !== 2) throw r.badValue('coordinate system', coordinates);
  const size = r.size3();
  const axes = r.f32s(9);
  const centre = r.f32s(3);
  const blockStart = r.size3();
  const blockSize = r.size3();
  requireInside(r, size, blockStart, blockSize);
  const wanted = voxels(blockSize) * components * scalarSize(scalarType);
  if (r.left !== wanted) throw r.mismatch('bytes of pixels', wanted, r.left);
  return {
    kind: 'image',
    version,
    components,
    scalarType,
    pixelsLittleEndian: endian === LITTLE_ENDIAN,
    coordinates: coordinates === 1 ? 'RAS' : 'LPS',
    size,
    axes,
    centre,
    blockStart,
    blockSize,
    pixels: r.take(wanted),
  };
}

const voxels = (size: Size3): number => size[0] * size[1] * size[2];

function requireInside(r: ContentReader, size: Size3, start: Size3, block: Size3): void {
  for (const axis of [0, 1, 2] as const) {
    if (start[axis] + block[axis] > size[axis]) throw r.mismatch('voxels at most', size[axis], start[axis] + block[axis]);
  }
}

/** @throws NavError `igtl/does-not-fit` */
export function encodeImage(w: IgtlStorage, content: ImageContent): void {
  const wanted = voxels(content.blockSize) * content.components * scalarSize(content.scalarType);
  if (content.pixels.length !== wanted) {
    throw doesNotFit(`an image block that needs ${wanted} bytes of pixels has ${content.pixels.length}.`);
  }
  w.u16(content.version);
  w.u8(content.components);
  w.u8(content.scalarType);
  w.u8(content.pixelsLittleEndian ? LITTLE_ENDIAN : 1);
  w.u8(content.coordinates === 'RAS' ? 1 : 2);
  w.size3(content.size);
  w.f32s(content.axes, 9);
  w.f32s(content.centre, 3);
  w.size3(content.blockStart);
  w.size3(content.blockSize);
  w.put(content.pixels);
}
