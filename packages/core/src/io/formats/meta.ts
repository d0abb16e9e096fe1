import { NavError } from '../../base/index.js';
import { type ImageHeader, identityWarnings, noGeometry, placed, requireSize, type StoredType } from './image.js';

/** MetaImage headers (.mha, .mhd). Coordinates are ITK's, which is LPS. */

const TYPES: Readonly<Record<string, StoredType>> = {
  MET_CHAR: 'i1',
  MET_UCHAR: 'u1',
  MET_SHORT: 'i2',
  MET_USHORT: 'u2',
  MET_INT: 'i4',
  MET_UINT: 'u4',
  MET_LONG: 'i4',
  MET_ULONG: 'u4',
  MET_LONG_LONG: 'i8',
  MET_ULONG_LONG: 'u8',
  MET_FLOAT: 'f4',
  MET_DOUBLE: 'f8',
};

const HEADER_LIMIT = 16 * 1024 * 1024;

/** Whether the bytes begin as a MetaImage header does. */
export function isMetaImage(bytes: Uint8Array): boolean {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 4096));
  return /^\s*[A-Za-z]\w*\s*=/.test(start) && /(^|\n)\s*(ObjectType\s*=\s*Image|NDims\s*=\s*\d)/.test(start);
}

/**
 * The header of a .mha or .mhd file.
 * @throws NavError `io/corrupt`, `io/truncated`, `io/no-geometry`, `io/unsupported-format` (other than three
 *   dimensions, colour, lengths not in mm, tracked sequences, data spread over several files)
 */
export function readMetaHeader(bytes: Uint8Array, name: string): ImageHeader {
  const { fields, end } = fieldsOf(bytes, name);
  const refuse = (what: string): NavError =>
    new NavError('io/unsupported-format', `"${name}" cannot become a volume: ${what}.`, { detail: { file: name } });
  const object = fields.get('ObjectType') ?? 'Image';
  if (object !== 'Image') throw refuse(`it is a "${object}", not an image`);
  const rank = Number(fields.get('NDims'));
  if (rank !== 3) throw refuse(`it has ${fields.get('NDims') ?? 'an unknown number of'} dimensions, not three`);
  if (isSequence(fields)) throw refuse('it is a tracked sequence of images');
  const type = TYPES[fields.get('ElementType') ?? ''];
  if (type === undefined) throw refuse(`its voxels are of type "${fields.get('ElementType') ?? '(none)'}"`);
  const channels = Number(fields.get('ElementNumberOfChannels') ?? 1);
  if (channels !== 1) throw refuse(`it has ${channels} values per voxel`);
  const unit = (fields.get('DistanceUnits') ?? 'mm').toLowerCase();
  if (unit !== 'mm' && unit !== '?') throw refuse(`its lengths are in "${unit}", not in millimetres`);
  const size = requireSize((fields.get('DimSize') ?? '').split(/\s+/).map(Number), name);
  const data = fields.get('ElementDataFile') as string;
  if (/^LIST\b|%/.test(data)) throw refuse('its voxels are spread over several files');
  const local = data.toUpperCase() === 'LOCAL';
  const headerSize = Number(fields.get('HeaderSize') ?? 0);
  const compressed = isTrue(fields.get('CompressedData'));
  const binary = fields.get('BinaryData') === undefined ? true : isTrue(fields.get('BinaryData'));
  const modality = /^MET_MOD_(CT|MR|US)$/.exec(fields.get('Modality') ?? '')?.[1];
  return {
    format: 'MetaImage',
    size,
    type,
    frameFromIndex: geometryOf(fields, name),
    littleEndian: !isTrue(fields.get('ElementByteOrderMSB') ?? fields.get('BinaryDataByteOrderMSB')),
    packing: !binary ? 'decoder' : compressed ? 'zlib' : 'raw',
    offset: local ? end : headerSize === -1 ? -1 : headerSize,
    ...(!local && { dataFiles: [data.replace(/^\.\//, '')] }),
    rescale: rescaleOf(fields, name),
    ...(modality !== undefined && { modality }),
    warnings: identityWarnings(),
  };
}

/** Tracked sequences carry fields per frame; reconstructed volumes may too, but name their third axis a domain. */
function isSequence(fields: ReadonlyMap<string, string>): boolean {
  const perFrame = [...fields.keys()].some((key) => key.startsWith('Seq_Frame'));
  return perFrame && fields.get('Kinds')?.trim().split(/\s+/)[2] !== 'domain';
}

/** By the first letter, as the format's own library has it: True, T, 1. */
function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^[t1]/i.test(value);
}

/** ElementToIntensityFunction: intensity = slope · element + offset. @throws NavError `io/corrupt` */
function rescaleOf(fields: ReadonlyMap<string, string>, name: string): { slope: number; intercept: number } {
  const number = (key: string, absent: number): number => Number(fields.get(`ElementToIntensityFunction${key}`) ?? absent);
  const [slope, intercept] = [number('Slope', 1), number('Offset', 0)];
  if (Number.isFinite(slope) && slope !== 0 && Number.isFinite(intercept)) return { slope, intercept };
  throw new NavError('io/corrupt', `"${name}" has an ElementToIntensityFunction that is none (${slope}, ${intercept}).`, {
    detail: { file: name },
  });
}

/** The `Key = value` lines; ElementDataFile is the last by definition. */
function fieldsOf(bytes: Uint8Array, name: string): { fields: Map<string, string>; end: number } {
  const fields = new Map<string, string>();
  let from = 0;
  while (from < bytes.length && from < HEADER_LIMIT) {
    const newline = bytes.indexOf(0x0a, from);
    const to = newline < 0 ? bytes.length : newline;
    const line = new TextDecoder('latin1').decode(bytes.subarray(from, Math.min(to, from + 65_536)));
    from = to + 1;
    const at = line.indexOf('=');
    if (at > 0) fields.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
    if (fields.has('ElementDataFile')) return { fields, end: from };
  }
  throw new NavError('io/truncated', `The header of "${name}" has no ElementDataFile, with which it must end.`, {
    detail: { file: name },
  });
}

/** TransformMatrix holds the direction of the first axis, then of the second, then of the third; Offset is a centre. */
function geometryOf(fields: ReadonlyMap<string, string>, name: string): Float64Array {
  const numbers = (count: number, ...keys: string[]): number[] => {
    const text = keys.map((key) => fields.get(key)).find((value) => value !== undefined);
    const values = (text ?? '').split(/\s+/).map((part) => (part === '' ? Number.NaN : Number(part)));
    if (values.length !== count || !values.every((x) => Number.isFinite(x)))
      throw noGeometry(name, `${keys[0]} absent or not ${count} numbers`);
    return values;
  };
  const spacing = numbers(3, 'ElementSpacing');
  if (!spacing.every((mm) => mm > 0)) {
    throw new NavError('io/corrupt', `"${name}" has an impossible ElementSpacing: ${spacing.join(' ')}.`, {
      detail: { file: name, spacing },
    });
  }
  const offset = numbers(3, 'Offset', 'Position', 'Origin');
  const matrix = numbers(9, 'TransformMatrix', 'Orientation', 'Rotation');
  const axes = [0, 1, 2].map((c) => matrix.slice(3 * c, 3 * c + 3).map((x) => x * (spacing[c] as number)));
  return placed(axes, offset, [1, 1, 1], name);
}
