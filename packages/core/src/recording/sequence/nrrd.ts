import { NavError } from '../../base/index.js';
import { framesOf } from './frame-fields.js';
import { corrupt, headerLines, putField, type SequenceHeader } from './header-lines.js';
import { bytesOfType, fieldValue, type SequenceField, type TrackedSequence } from './sequence.js';

const MOST_FRAMES = 10_000_000;
const LARGEST_IMAGE = 2 * 1024 ** 3;

/** NRRD's words for types, and MetaImage's. */
const TYPES: Readonly<Record<string, string>> = {
  'signed char': 'MET_CHAR',
  int8: 'MET_CHAR',
  int8_t: 'MET_CHAR',
  uchar: 'MET_UCHAR',
  'unsigned char': 'MET_UCHAR',
  uint8: 'MET_UCHAR',
  uint8_t: 'MET_UCHAR',
  short: 'MET_SHORT',
  int16: 'MET_SHORT',
  int16_t: 'MET_SHORT',
  ushort: 'MET_USHORT',
  'unsigned short': 'MET_USHORT',
  uint16: 'MET_USHORT',
  uint16_t: 'MET_USHORT',
  int: 'MET_INT',
  int32: 'MET_INT',
  int32_t: 'MET_INT',
  uint: 'MET_UINT',
  'unsigned int': 'MET_UINT',
  uint32: 'MET_UINT',
  uint32_t: 'MET_UINT',
  longlong: 'MET_LONG_LONG',
  int64: 'MET_LONG_LONG',
  uint64: 'MET_ULONG_LONG',
  float: 'MET_FLOAT',
  double: 'MET_DOUBLE',
};

/** Keys that NRRD defines itself, `key: value`; all others are `key:=value`. */
const DEFINED = new Set(
  (
    'dimension,type,block size,encoding,endian,content,old min,old max,data file,line skip,byte skip,number,sample units,sizes,spacings,' +
    'thicknesses,axis mins,axis maxs,centers,labels,units,kinds,min,max,space,space dimension,space units,space origin,space directions,' +
    'measurement frame,blocksize,oldmin,oldmax,datafile,lineskip,byteskip,sampleunits,axismins,axismaxs,centerings'
  ).split(','),
);

/** Whether the bytes begin as NRRD does. */
export function isNrrd(bytes: Uint8Array): boolean {
  return /^NRRD000\d/.test(new TextDecoder('latin1').decode(bytes.subarray(0, 8)));
}

/**
 * Reads a tracked sequence of PLUS or Slicer in NRRD (`.igs.nrrd`, `.seq.nrrd`, `.nrrd`): images in the file, raw or packed with gzip, frames along an axis of kind
 * `list`; one image without such an axis is a sequence of one.
 * @throws NavError `sequence/truncated`, `sequence/corrupt`, `sequence/unsupported`
 */
export function readNrrdSequence(bytes: Uint8Array, name: string): TrackedSequence {
  const { fields, frames: known, end } = readHeader(bytes, name);
  for (const key of ['data file', 'datafile']) {
    if (fieldValue(fields, key) !== undefined) throw unsupported(name, `has its images in other files ("${key}")`);
  }
  const { size, channels, count } = axesOf(fields, name);
  const type = fieldValue(fields, 'type') ?? '';
  const elementType = Object.hasOwn(TYPES, type) ? (TYPES[type] as string) : '';
  const bytesPerValue = bytesOfType(elementType);
  if (bytesPerValue === undefined) throw unsupported(name, `has pixels of type "${type.slice(0, 40)}"`);
  const bytesPerFrame = size.reduce((product, n) => product * n, channels * bytesPerValue);
  if (!(bytesPerFrame <= LARGEST_IMAGE))
    throw corrupt(name, `an image of ${size.join(' × ')} pixels with ${channels} values each cannot be`);
  if (bytesPerValue > 1 && fieldValue(fields, 'endian') === 'big') throw unsupported(name, 'has pixels with the high byte first');
  return {
    format: 'nrrd',
    fields,
    frames: framesOf(known, count, name),
    size,
    elementType,
    channels,
    bytesPerFrame,
    orientation: fieldValue(fields, 'ultrasound image orientation') ?? '',
    data: dataOf(fields, bytes.subarray(end), bytesPerFrame * count, name),
  };
}

const unsupported = (name: string, what: string): NavError =>
  new NavError('sequence/unsupported', `${name} ${what}, which cannot be read.`);

/** Lines up to the first empty one. */
function readHeader(bytes: Uint8Array, name: string): SequenceHeader {
  const [fields, frames]: [SequenceField[], Map<number, SequenceField[]>] = [[], new Map()];
  for (const { text, end, ended } of headerLines(bytes, name)) {
    if (text.trim() === '' && ended) return { fields, frames, end };
    putField({ fields, frames }, fieldOf(text, fields.length === 0, name));
  }
  throw new NavError('sequence/truncated', `The header of ${name} does not end with an empty line, as NRRD's must.`);
}

function fieldOf(line: string, first: boolean, name: string): SequenceField {
  if (first) return { key: 'NRRD', value: line.slice(4) };
  if (line.startsWith('#')) return { key: '#', value: line.slice(1) };
  const [, pair, pairValue, key, value] = /^(?:(.+?):=(.*)|([^:]+): ?(.*))$/s.exec(line) ?? [];
  if (pair !== undefined) return { key: pair, value: pairValue ?? '' };
  if (key !== undefined) return { key, value: value ?? '' };
  throw corrupt(name, `"${line.slice(0, 60)}" in its header is neither "key: value" nor "key:=value"`);
}

function axesOf(fields: readonly SequenceField[], name: string): { size: number[]; channels: number; count: number } {
  const words = (key: string): string[] => (fieldValue(fields, key) ?? '').split(/\s+/).filter((word) => word !== '');
  const sizes = words('sizes').map((word) => (/^\d{1,9}$/.test(word) ? Number(word) : Number.NaN));
  const rank = Number(fieldValue(fields, 'dimension'));
  if (!(rank >= 2 && rank <= 5) || sizes.length !== rank || !sizes.every((n) => Number.isInteger(n))) {
    throw corrupt(
      name,
      `its dimension is "${fieldValue(fields, 'dimension')}" and its sizes "${fieldValue(fields, 'sizes')?.slice(0, 60)}"`,
    );
  }
  const kinds = words('kinds');
  const known = kinds.length === rank ? kinds.map((kind) => kind.toLowerCase()) : sizes.map(() => 'domain');
  const of = (test: (kind: string) => boolean): number[] => sizes.filter((_, axis) => test(known[axis] as string));
  const isFlat = (kind: string): boolean => kind === 'domain' || kind === 'space' || kind === 'none' || kind === '???';
  const frames = of((kind) => kind === 'list' || kind === 'time');
  const size = of(isFlat);
  const channels = of((kind) => !isFlat(kind) && kind !== 'list' && kind !== 'time');
  const count = frames[0] ?? 1;
  const channelFirst = channels.length === 0 || !isFlat(known[0] as string);
  if (
    frames.length > 1 ||
    channels.length > 1 ||
    size.length < 2 ||
    size.length > 3 ||
    !channelFirst ||
    !(count <= MOST_FRAMES)
  ) {
    throw unsupported(name, `has axes of the kinds "${kinds.join(' ')}" and sizes "${sizes.join(' ')}"`);
  }
  return { size, channels: channels[0] ?? 1, count };
}

function dataOf(fields: readonly SequenceField[], data: Uint8Array, expected: number, name: string): TrackedSequence['data'] {
  const encoding = (fieldValue(fields, 'encoding') ?? '').toLowerCase();
  for (const key of ['byte skip', 'byteskip', 'line skip', 'lineskip']) {
    const skip = fieldValue(fields, key);
    if (skip !== undefined && Number(skip) !== 0) throw unsupported(name, `has a "${key}" of ${skip}`);
  }
  if (encoding === 'gz' || encoding === 'gzip') return { bytes: data, compressed: true, gzip: true };
  if (encoding !== 'raw') throw unsupported(name, `has images in the encoding "${encoding.slice(0, 20)}"`);
  if (data.length < expected) {
    throw new NavError('sequence/truncated', `${name} has ${data.length} bytes of images and should have ${expected}.`);
  }
  if (data.length > expected) throw corrupt(name, `${data.length} bytes follow its header, and its sizes say ${expected}`);
  return { bytes: data, compressed: false };
}

/** The lines of the header of a sequence that was read from NRRD, the empty one at its end included. */
export function nrrdHeader(sequence: TrackedSequence): string {
  const lines = sequence.fields.map(lineOf);
  for (const [i, frame] of sequence.frames.entries()) {
    const prefix = `Seq_Frame${String(i).padStart(4, '0')}_`;
    for (const { key, value } of frame.fields) lines.push(lineOf({ key: prefix + key, value }));
  }
  return `${lines.join('\n')}\n\n`;
}

function lineOf({ key, value }: SequenceField): string {
  if (key === 'NRRD') return `NRRD${value}`;
  if (key === '#') return `#${value}`;
  if (key !== '' && !/[\n:]/.test(key) && !value.includes('\n'))
    return DEFINED.has(key.toLowerCase()) ? `${key}: ${value}` : `${key}:=${value}`;
  throw new NavError(
    'sequence/unsupported',
    `"${key.slice(0, 60)}" with "${value.slice(0, 60)}" cannot stand in an NRRD header.`,
  );
}
