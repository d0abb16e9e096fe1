import { isNavError, NavError } from '../../base/index.js';
import { type Volume, type VoxelArray, volume } from '../../volume/index.js';
import { isTight, join, swapWords } from '../bytes.js';
import { gunzip, inflateZlib, isGzip } from '../compression.js';
import { IMAGE_PIPELINES } from '../pipelines.js';
import type { Platform } from '../platform.js';
import { type ReadVolumeOptions, throwIfAborted, type VolumeFile } from '../source.js';
import { type ImageHeader, shearWarnings, voxelsOver, widthOf } from './image.js';
import { isMetaImage, readMetaHeader } from './meta.js';
import { niftiLayout, readNiftiHeader } from './nifti.js';
import { isNrrd, readNrrdHeader } from './nrrd.js';

/** Whether the bytes, or for packed files the name, are of one of the three formats. The .img of a NIfTI pair is none. */
export function looksLikeImage(file: VolumeFile): boolean {
  const { bytes, name } = file;
  return (
    isNrrd(bytes) ||
    isMetaImage(bytes) ||
    niftiLayout(bytes) !== undefined ||
    (isGzip(bytes) && /\.gz$/i.test(name) && !/\.img\.gz$/i.test(name))
  );
}

/** Finds a data file beside a header. */
export type Sibling = (name: string) => Promise<VolumeFile | undefined>;

/**
 * A volume from one NIfTI, NRRD or MetaImage file, or from such a header with its data file beside it.
 *
 * Plain and deflated voxels are viewed or copied directly, which keeps stored values stored; text encodings go
 * through ITK's reader, of whose answer only the voxels are used.
 * @throws NavError `io/corrupt`, `io/truncated`, `io/no-geometry`, `io/unsupported-format`, `io/not-found`
 */
export async function readImage<F extends string>(
  file: VolumeFile,
  sibling: Sibling,
  options: ReadVolumeOptions<F>,
  platform: Platform,
): Promise<Volume<F>> {
  const progress = options.progress ?? (() => {});
  const bytes = isGzip(file.bytes) ? await unpack(file.bytes, gunzip, file.name) : file.bytes;
  throwIfAborted(options.signal);
  progress(0.5);
  const header = headerOf(bytes, file.name);
  const { format } = header;
  const voxels =
    header.packing === 'decoder' && format !== 'NIfTI'
      ? await throughDecoder(header, IMAGE_PIPELINES[format], { name: file.name, bytes }, sibling, options.signal, platform)
      : await directly(header, bytes, file, sibling);
  progress(1);
  return volume({
    frame: options.frame,
    voxels,
    size: header.size,
    frameFromIndex: header.frameFromIndex,
    rescale: header.rescale,
    ...(header.modality !== undefined && { modality: header.modality }),
    ...(header.description !== undefined && { series: { description: header.description } }),
    warnings: [...shearWarnings(header.frameFromIndex), ...header.warnings],
  });
}

function headerOf(bytes: Uint8Array, name: string): ImageHeader {
  if (isNrrd(bytes)) return readNrrdHeader(bytes, name);
  if (isMetaImage(bytes)) return readMetaHeader(bytes, name);
  if (niftiLayout(bytes) !== undefined) return readNiftiHeader(bytes, name);
  throw new NavError('io/unsupported-format', `"${name}" is packed, but what is inside is not a NIfTI image.`, {
    detail: { file: name },
  });
}

async function directly(header: ImageHeader, own: Uint8Array, file: VolumeFile, sibling: Sibling): Promise<VoxelArray> {
  const other = header.dataFiles === undefined ? undefined : await dataFile(header.dataFiles, file.name, sibling);
  const holder = await holderOf(header, other, own);
  const width = widthOf(header.type);
  const need = header.size[0] * header.size[1] * header.size[2] * width;
  const packed = header.packing !== 'raw';
  const from = header.offset < 0 ? Math.max(0, holder.length - need) : header.offset;
  const data = packed
    ? await unpack(holder.subarray(from), header.packing === 'gzip' ? gunzip : inflateZlib, file.name)
    : holder.subarray(from);
  if (data.length < need) {
    throw new NavError(
      'io/truncated',
      `"${other?.name ?? file.name}" holds ${data.length} bytes of voxels where its header needs ${need}.`,
      {
        detail: { file: other?.name ?? file.name, bytes: data.length, need },
      },
    );
  }
  // Tight and ours alone, or a copy: a view on a larger buffer corrupts silently where others take the whole buffer.
  const plain = packed && data.length === need && isTight(data) ? data : data.slice(0, need);
  if (!header.littleEndian) swapWords(plain, width);
  return voxelsOver(plain, header.type, file.name);
}

/** The bytes that hold the voxels: NIfTI's .img may be packed as a whole. */
async function holderOf(header: ImageHeader, other: VolumeFile | undefined, own: Uint8Array): Promise<Uint8Array> {
  if (other === undefined) return own;
  return header.format === 'NIfTI' && isGzip(other.bytes) ? unpack(other.bytes, gunzip, other.name) : other.bytes;
}

const COMPONENTS = {
  int8: 'i1',
  uint8: 'u1',
  int16: 'i2',
  uint16: 'u2',
  int32: 'i4',
  uint32: 'u4',
  int64: 'i8',
  uint64: 'u8',
  float32: 'f4',
  float64: 'f8',
} as const;

async function throughDecoder(
  header: ImageHeader,
  pipeline: string,
  file: VolumeFile,
  sibling: Sibling,
  signal: AbortSignal | undefined,
  platform: Platform,
): Promise<VoxelArray> {
  // ITK's text reader wants something behind the last number, where many writers put nothing.
  const files = [{ name: file.name, bytes: join([file.bytes, Uint8Array.of(0x0a)]) }];
  if (header.dataFiles !== undefined) {
    const other = await dataFile(header.dataFiles, file.name, sibling);
    files.push({ name: header.dataFiles[0] as string, bytes: join([other.bytes, Uint8Array.of(0x0a)]) });
  }
  const image = await platform.run(
    {
      package: '@itk-wasm/image-io',
      pipeline,
      args: [file.name, '0', '1', '--memory-io'],
      files,
      imageOutput: 1,
      outputCount: 2,
    },
    signal,
  );
  const type = COMPONENTS[image.componentType as keyof typeof COMPONENTS];
  if (image.components !== 1 || type === undefined || image.size.join() !== header.size.join()) {
    throw new NavError(
      'io/corrupt',
      `"${file.name}" decodes to ${image.size.join(' × ')} of ${image.componentType}, not to what its header says.`,
      {
        detail: { file: file.name, size: image.size },
      },
    );
  }
  return voxelsOver(image.bytes, type, file.name);
}

async function dataFile(names: readonly string[], header: string, sibling: Sibling): Promise<VolumeFile> {
  for (const name of names) {
    const found = isBelow(name) ? await sibling(name) : undefined;
    if (found !== undefined) return found;
  }
  const [name] = names;
  throw new NavError('io/not-found', `"${header}" keeps its voxels in "${name}", which is not beside it. Pass both files.`, {
    detail: { file: header, dataFile: name },
  });
}

/** Whether a name stays in the header's folder or below: a header must not name any file of the machine. */
function isBelow(name: string): boolean {
  return name !== '' && !/^[/\\]|^[A-Za-z]:/.test(name) && !name.split(/[/\\]/).includes('..');
}

async function unpack(bytes: Uint8Array, how: (b: Uint8Array) => Promise<Uint8Array>, name: string): Promise<Uint8Array> {
  try {
    return await how(bytes);
  } catch (cause) {
    if (isNavError(cause)) throw cause;
    throw new NavError('io/truncated', `The compressed part of "${name}" is damaged or cut short. Transfer it again.`, {
      detail: { file: name },
      cause,
    });
  }
}
