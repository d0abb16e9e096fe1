import { NavError } from '../../base/index.js';
import { framesOf } from './frame-fields.js';
import { corrupt, headerLines, putField, type SequenceHeader } from './header-lines.js';
import { isNrrd, readNrrdSequence } from './nrrd.js';
import { bytesOfType, fieldValue, type SequenceField, type TrackedSequence } from './sequence.js';

/** Headers are text, and one of ten million frames would be damage. */
const MOST_FRAMES = 10_000_000;
const LARGEST_IMAGE = 2 * 1024 ** 3;

/** Whether the bytes begin as a MetaImage header does; only reading shows whether it is a tracked sequence. */
export function isMetaSequence(bytes: Uint8Array): boolean {
  return /^\s*(ObjectType|NDims)\s*=/.test(new TextDecoder('latin1').decode(bytes.subarray(0, 64)));
}

/** Whether the bytes begin as a tracked sequence may: MetaImage or NRRD. */
export function isTrackedSequence(bytes: Uint8Array): boolean {
  return isMetaSequence(bytes) || isNrrd(bytes);
}

/**
 * Reads a tracked sequence of PLUS or Slicer (`.igs.mha`, `.igs.nrrd`, `.mha`, `.nrrd`; images inside the file). The images stay packed
 * until sequenceImages is asked for them.
 * @param name what messages call the file
 * @throws NavError `sequence/not-a-sequence`, `sequence/truncated`, `sequence/corrupt`, `sequence/unsupported` (images in
 *   other files, types that MetaImage does not have)
 */
export function readTrackedSequence(bytes: Uint8Array, name: string = 'the sequence'): TrackedSequence {
  if (isNrrd(bytes)) return readNrrdSequence(bytes, name);
  if (!isMetaSequence(bytes)) {
    throw new NavError('sequence/not-a-sequence', `${name} is no tracked sequence: it begins neither as MetaImage nor as NRRD.`);
  }
  const header = readHeader(bytes, name);
  const { fields } = header;
  const { size, count } = shapeOf(fields, name);
  if (header.frames.size === 0 && fieldValue(fields, 'Kinds')?.split(/\s+/).at(-1) !== 'list') {
    throw new NavError('sequence/not-a-sequence', `${name} is a single MetaImage: it has no fields of frames (Seq_Frame0000_…).`);
  }
  const frames = framesOf(header.frames, count, name);
  const { elementType, channels, bytesPerFrame } = pixelsOf(fields, size, name);
  const data = dataOf(header, bytes, bytesPerFrame * count, name);
  const orientation = fieldValue(fields, 'UltrasoundImageOrientation') ?? '';
  return { fields, frames, size, elementType, channels, bytesPerFrame, orientation, data };
}

function readHeader(bytes: Uint8Array, name: string): SequenceHeader {
  const [fields, frames]: [SequenceField[], Map<number, SequenceField[]>] = [[], new Map()];
  for (const { text: line, end, ended } of headerLines(bytes, name)) {
    const match = /^\s*([^=]*?)\s*=( ?)(.*)$/s.exec(line);
    if (match === null) {
      if (line.trim() === '') continue;
      throw corrupt(name, `"${line.slice(0, 60)}" in its header is no "Key = value"`);
    }
    const [, key = '', , value = ''] = match;
    if (key === 'ElementDataFile') {
      if (!ended) break;
      if (value.trim().toUpperCase() !== 'LOCAL') {
        throw new NavError(
          'sequence/unsupported',
          `${name} has its images in "${value.trim().slice(0, 80)}", and only LOCAL is read.`,
        );
      }
      return { fields, frames, end };
    }
    putField({ fields, frames }, { key, value });
  }
  throw new NavError('sequence/truncated', `The header of ${name} has no ElementDataFile, with which it must end.`);
}

/** The last axis counts the frames. */
function shapeOf(fields: readonly SequenceField[], name: string): { size: number[]; count: number } {
  const rank = Number(fieldValue(fields, 'NDims'));
  const axes = (fieldValue(fields, 'DimSize') ?? '')
    .split(/\s+/)
    .map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : Number.NaN));
  const good = (rank === 3 || rank === 4) && axes.length === rank && axes.every((n) => Number.isInteger(n));
  const count = axes.at(-1) ?? Number.NaN;
  if (!good || !(count <= MOST_FRAMES)) {
    const what = `its NDims is "${fieldValue(fields, 'NDims')}" and its DimSize "${fieldValue(fields, 'DimSize')?.slice(0, 60)}"`;
    throw corrupt(name, `${what}; a sequence has two or three axes of images and one of frames`);
  }
  return { size: axes.slice(0, -1), count };
}

function pixelsOf(
  fields: readonly SequenceField[],
  size: readonly number[],
  name: string,
): { elementType: string; channels: number; bytesPerFrame: number } {
  const elementType = fieldValue(fields, 'ElementType') ?? '';
  const channels = Number(fieldValue(fields, 'ElementNumberOfChannels') ?? 1);
  const pixels = size.reduce((product, n) => product * n, 1);
  if (pixels === 0) return { elementType, channels, bytesPerFrame: 0 };
  const bytes = bytesOfType(elementType);
  if (bytes === undefined) {
    throw new NavError('sequence/unsupported', `${name} has pixels of type "${elementType.slice(0, 40)}", which cannot be read.`);
  }
  const bytesPerFrame = pixels * bytes * channels;
  if (!(Number.isInteger(channels) && channels >= 1 && channels <= 64) || !(bytesPerFrame <= LARGEST_IMAGE)) {
    throw corrupt(name, `an image of ${size.join(' × ')} pixels with ${channels} values each cannot be`);
  }
  return { elementType, channels, bytesPerFrame };
}

function dataOf(header: SequenceHeader, bytes: Uint8Array, expected: number, name: string): TrackedSequence['data'] {
  const compressed = /^true$/i.test(fieldValue(header.fields, 'CompressedData') ?? 'False');
  const packed = bytes.subarray(header.end);
  const size = compressed ? Number(fieldValue(header.fields, 'CompressedDataSize') ?? packed.length) : expected;
  if (expected === 0 && packed.length === 0) return { bytes: packed, compressed };
  if (packed.length < size) {
    throw new NavError('sequence/truncated', `${name} has ${packed.length} bytes of images and should have ${size}.`);
  }
  if (packed.length !== size) throw corrupt(name, `${packed.length} bytes follow its header, and it says ${size}`);
  return { bytes: packed, compressed };
}
