import { NavError } from '../../base/index.js';
import { type ImageHeader, identityWarnings, noGeometry, placed, requireSize, type StoredType } from './image.js';

/** NRRD headers (teem's format definition, versions 1 to 5). */

const TYPES: Readonly<Record<string, StoredType>> = {
  'signed char': 'i1',
  int8: 'i1',
  int8_t: 'i1',
  uchar: 'u1',
  'unsigned char': 'u1',
  uint8: 'u1',
  uint8_t: 'u1',
  short: 'i2',
  'short int': 'i2',
  'signed short': 'i2',
  'signed short int': 'i2',
  int16: 'i2',
  int16_t: 'i2',
  ushort: 'u2',
  'unsigned short': 'u2',
  'unsigned short int': 'u2',
  uint16: 'u2',
  uint16_t: 'u2',
  int: 'i4',
  'signed int': 'i4',
  int32: 'i4',
  int32_t: 'i4',
  uint: 'u4',
  'unsigned int': 'u4',
  uint32: 'u4',
  uint32_t: 'u4',
  longlong: 'i8',
  'long long': 'i8',
  'long long int': 'i8',
  'signed long long': 'i8',
  int64: 'i8',
  int64_t: 'i8',
  ulonglong: 'u8',
  'unsigned long long': 'u8',
  'unsigned long long int': 'u8',
  uint64: 'u8',
  uint64_t: 'u8',
  float: 'f4',
  double: 'f8',
};

/** The signs that bring each anatomical space to LPS. */
const SPACES: Readonly<Record<string, readonly number[]>> = {
  'right-anterior-superior': [-1, -1, 1],
  ras: [-1, -1, 1],
  'left-anterior-superior': [1, -1, 1],
  las: [1, -1, 1],
  'left-posterior-superior': [1, 1, 1],
  lps: [1, 1, 1],
};

/** What the kinds of a volume's axes may be: positions in space, or not said. */
const SPATIAL_KINDS: ReadonlySet<string> = new Set(['', 'domain', 'space', '???', 'none']);

/** Takes out axes of one sample that lie along no direction (`none`), such as one component or one time. */
function dropLoneAxes(fields: Map<string, string>): void {
  const sizes = (fields.get('sizes') ?? '').split(/\s+/);
  const directions = (fields.get('space directions') ?? '').match(/\([^)]*\)|none/g) ?? [];
  if (sizes.length <= 3 || directions.length !== sizes.length) return;
  const kept = sizes.map((size, n) => size !== '1' || directions[n] !== 'none');
  const keep = (field: string, parts: readonly string[]): void => {
    if (parts.length === kept.length) fields.set(field, parts.filter((_, n) => kept[n]).join(' '));
  };
  keep('sizes', sizes);
  keep('space directions', directions);
  keep('kinds', (fields.get('kinds') ?? '').split(/\s+/));
  fields.set('dimension', String(kept.filter((k) => k).length));
}

/** Whether the bytes begin as NRRD does. */
export function isNrrd(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, 7)) === 'NRRD000';
}

/**
 * The header of a .nrrd or .nhdr file.
 * @throws NavError `io/corrupt`, `io/no-geometry`, `io/unsupported-format`
 */
export function readNrrdHeader(bytes: Uint8Array, name: string): ImageHeader {
  const { fields, end } = fieldsOf(bytes, name);
  const refuse = (what: string): NavError =>
    new NavError('io/unsupported-format', `"${name}" cannot become a volume: ${what}.`, { detail: { file: name } });
  dropLoneAxes(fields);
  const rank = Number(fields.get('dimension'));
  if (rank !== 3) throw refuse(`it has ${fields.get('dimension') ?? 'an unknown number of'} dimensions, not three`);
  const other = (fields.get('kinds') ?? '').split(/\s+/).find((kind) => !SPATIAL_KINDS.has(kind.toLowerCase()));
  if (other !== undefined) throw refuse(`one of its axes is of kind "${other}", which is no direction in space`);
  const type = TYPES[(fields.get('type') ?? '').toLowerCase()];
  if (type === undefined) throw refuse(`its voxels are of type "${fields.get('type') ?? '(none)'}"`);
  const size = requireSize((fields.get('sizes') ?? '').split(/\s+/).map(Number), name);
  const skipped = Number(fields.get('line skip') ?? 0);
  const byteSkip = Number(fields.get('byte skip') ?? 0);
  if (skipped !== 0) throw refuse('it skips lines before its data');
  const packing = packingOf((fields.get('encoding') ?? '').toLowerCase());
  if (packing === undefined) throw refuse(`its encoding is "${fields.get('encoding') ?? '(none)'}"`);
  const detached = fields.get('data file') ?? fields.get('datafile');
  if (detached !== undefined && /^LIST\b|%/.test(detached)) throw refuse('its voxels are spread over several files');
  if (byteSkip !== 0 && packing !== 'raw') throw refuse('it skips bytes inside compressed data');
  const endian = fields.get('endian')?.toLowerCase();
  if (endian === undefined && Number(type[1]) > 1 && packing !== 'decoder')
    throw new NavError('io/corrupt', `"${name}" does not say its byte order.`, { detail: { file: name } });
  const content = fields.get('content');
  const start = detached === undefined ? end : 0;
  return {
    format: 'NRRD',
    size,
    type,
    frameFromIndex: geometryOf(fields, name),
    littleEndian: endian !== 'big',
    packing,
    offset: byteSkip === -1 ? -1 : start + byteSkip,
    ...(detached !== undefined && { dataFiles: [detached.replace(/^\.\//, '')] }),
    rescale: { slope: 1, intercept: 0 },
    ...(content !== undefined && content !== '' && { description: content }),
    warnings: identityWarnings(),
  };
}

function packingOf(encoding: string): ImageHeader['packing'] | undefined {
  if (encoding === 'raw') return 'raw';
  if (encoding === 'gz' || encoding === 'gzip') return 'gzip';
  return ['txt', 'text', 'ascii', 'hex'].includes(encoding) ? 'decoder' : undefined;
}

/** The `field: value` lines up to the blank one, and where it ends. Comments and key:=value lines are passed over. */
function fieldsOf(bytes: Uint8Array, name: string): { fields: Map<string, string>; end: number } {
  const fields = new Map<string, string>();
  let from = 0;
  while (from < bytes.length) {
    const newline = bytes.indexOf(0x0a, from);
    const to = newline < 0 ? bytes.length : newline;
    const line = new TextDecoder().decode(bytes.subarray(from, to)).replace(/\r$/, '');
    from = to + 1;
    if (line === '') return { fields, end: from };
    const at = line.indexOf(': ');
    if (at > 0 && !line.startsWith('#')) fields.set(line.slice(0, at).trim().toLowerCase(), line.slice(at + 2).trim());
    if (to - from > 1_000_000) break;
  }
  if (fields.has('data file') || fields.has('datafile')) return { fields, end: bytes.length };
  throw new NavError('io/truncated', `The header of "${name}" has no end.`, { detail: { file: name } });
}

function geometryOf(fields: ReadonlyMap<string, string>, name: string): Float64Array {
  const space = fields.get('space')?.toLowerCase();
  const signs = space === undefined ? undefined : SPACES[space];
  if (signs === undefined)
    throw noGeometry(
      name,
      space === undefined ? 'no space is named' : `the space "${space}" is not the patient's (RAS, LAS or LPS)`,
    );
  const vectors = (fields.get('space directions') ?? '').match(/\([^)]*\)|none/g) ?? [];
  const axes = vectors.map(vectorOf);
  const origin = vectorOf(fields.get('space origin') ?? '');
  if (axes.length !== 3 || !axes.every((a) => a.length === 3))
    throw noGeometry(name, 'space directions absent or not three vectors');
  if (origin.length !== 3) throw noGeometry(name, 'space origin absent');
  const units = [...(fields.get('space units') ?? '').matchAll(/"([^"]*)"/g)].map((m) => (m[1] as string).toLowerCase());
  if (units.some((u) => u !== '' && u !== 'mm')) {
    throw new NavError('io/unsupported-format', `"${name}" is not in millimetres (${units.join(', ')}).`, {
      detail: { file: name, units },
    });
  }
  return placed(axes, origin, signs, name);
}

function vectorOf(text: string): number[] {
  const inner = /^\s*\(([^)]*)\)\s*$/.exec(text)?.[1];
  const values = inner?.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part))) ?? [];
  return values.every((x) => Number.isFinite(x)) ? values : [];
}
