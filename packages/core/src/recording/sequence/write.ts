import { NavError } from '../../base/index.js';
import { nrrdHeader } from './nrrd.js';
import { readTrackedSequence } from './read.js';
import { bytesOfType, type SequenceField, type TrackedSequence } from './sequence.js';

/**
 * The bytes of a `.igs.mha` file, or of an NRRD where it was read from one. Fields and images are written as they stand in the sequence, so that one that was read
 * is written again to the same bytes.
 * @throws NavError `sequence/unsupported` for a key or a value that a header cannot hold
 */
export function writeTrackedSequence(sequence: TrackedSequence): Uint8Array {
  const header = latin1(sequence.format === 'nrrd' ? nrrdHeader(sequence) : metaHeader(sequence));
  const whole = new Uint8Array(header.length + sequence.data.bytes.length);
  whole.set(header);
  whole.set(sequence.data.bytes, header.length);
  return whole;
}

function metaHeader(sequence: TrackedSequence): string {
  const lines = sequence.fields.map(lineOf);
  for (const [i, frame] of sequence.frames.entries()) {
    const prefix = `Seq_Frame${String(i).padStart(4, '0')}_`;
    for (const field of frame.fields) lines.push(lineOf({ key: prefix + field.key, value: field.value }));
  }
  lines.push('ElementDataFile = LOCAL\n');
  return lines.join('\n');
}

function lineOf({ key, value }: SequenceField): string {
  const bad = key === '' || /[=\n]|^\s|\s$/.test(key) || value.includes('\n');
  if (!bad) return `${key} = ${value}`;
  throw new NavError(
    'sequence/unsupported',
    `"${key.slice(0, 60)}" with "${value.slice(0, 60)}" cannot stand in a MetaImage header.`,
  );
}

function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 255) {
      throw new NavError(
        'sequence/unsupported',
        `"${text.slice(Math.max(0, i - 20), i + 20)}" has a character that a header cannot hold.`,
      );
    }
    bytes[i] = code;
  }
  return bytes;
}

/** What a new sequence is made of. */
export interface SequenceInit {
  /** The fields of each frame, without `Seq_FrameNNNN_`. */
  readonly frames: ReadonlyArray<readonly SequenceField[]>;
  /** One image a frame, all of one size; none where absent. */
  readonly images?: {
    readonly size: readonly [number, number];
    readonly elementType: string;
    readonly channels?: number;
    /** How the image's axes lie on the probe, in PLUS's letters: `MFA`, `UF` … */
    readonly orientation: string;
    readonly bytes: readonly Uint8Array[];
  };
  /** More fields of the header. */
  readonly fields?: readonly SequenceField[];
}

/**
 * A new tracked sequence, with the header that PLUS writes; images are packed with zlib.
 * @throws NavError `sequence/unsupported` for what such a file cannot hold
 */
export async function makeTrackedSequence(init: SequenceInit): Promise<TrackedSequence> {
  const { frames, images } = init;
  const packed = images === undefined ? undefined : await pack(images, frames.length);
  const size = images?.size ?? [0, 0];
  const fields: ReadonlyArray<readonly [string, string]> = [
    ['ObjectType', 'Image'],
    ['NDims', '3'],
    ['AnatomicalOrientation', 'RAI'],
    ['BinaryData', 'True'],
    ['BinaryDataByteOrderMSB', 'False'],
    ['CenterOfRotation', '0 0 0'],
    ['CompressedData', packed === undefined ? 'False' : 'True'],
    ...(packed === undefined ? [] : ([['CompressedDataSize', String(packed.length)]] as const)),
    ['DimSize', `${size.join(' ')} ${frames.length}`],
    ['Kinds', 'domain domain list'],
    ['ElementNumberOfChannels', String(images?.channels ?? 1)],
    ['ElementSpacing', '1 1 1'],
    ['ElementType', images?.elementType ?? 'MET_UCHAR'],
    ['Offset', '0 0 0'],
    ['TransformMatrix', '1 0 0 0 1 0 0 0 1'],
    ['UltrasoundImageOrientation', images?.orientation ?? 'XX'],
  ];
  const draft: TrackedSequence = {
    fields: [...fields.map(([key, value]) => ({ key, value })), ...(init.fields ?? [])],
    frames: frames.map((of) => ({ ...NO_FRAME, fields: of })),
    size,
    elementType: images?.elementType ?? 'MET_UCHAR',
    channels: images?.channels ?? 1,
    bytesPerFrame: 0,
    orientation: images?.orientation ?? 'XX',
    data: { bytes: packed ?? new Uint8Array(0), compressed: packed !== undefined },
  };
  // Read again, so that what a reader makes of the fields is what the sequence says.
  return readTrackedSequence(writeTrackedSequence(draft), 'the new sequence');
}

const NO_FRAME = {
  fields: [],
  timestamp: Number.NaN,
  unfilteredTimestamp: Number.NaN,
  frameNumber: 0,
  transforms: [],
  imageStatus: '',
};

async function pack(images: NonNullable<SequenceInit['images']>, count: number): Promise<Uint8Array> {
  const [width, height] = images.size;
  const each = width * height * (images.channels ?? 1) * (bytesOfType(images.elementType) ?? Number.NaN);
  if (images.bytes.length !== count || images.bytes.some((image) => image.length !== each)) {
    throw new NavError(
      'sequence/unsupported',
      `A sequence of ${count} frames needs as many images of ${width} × ${height} pixels of type ${images.elementType}, ${each} bytes each.`,
    );
  }
  const source = new Blob(images.bytes as Array<Uint8Array<ArrayBuffer>>).stream();
  const stream = source.pipeThrough(
    new CompressionStream('deflate') as unknown as ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>,
  );
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
