import { NavError } from '../../base/index.js';
import type { Status } from '../../frames/index.js';

/** One `Key = value` of a header; the value as it stands in the file, to the last blank. */
export interface SequenceField {
  readonly key: string;
  readonly value: string;
}

/** What one frame says of one transform. */
export interface SequenceTransform {
  /** `ProbeToTracker`: of the field `ProbeToTrackerTransform`. */
  readonly name: string;
  /**
   * From the first of the two frames to the second, `p_tracker = m · p_probe`: column-major, mm. The file has it row by
   * row. Both frames are PLUS's own: a tracker's, an image's; neither RAS nor LPS is meant, and nothing is turned.
   */
  readonly matrix: Float64Array;
  /** `unknown` where the file does not say; PLUS's INVALID and its like are `missing`. */
  readonly status: Status;
}

/** One frame of a tracked sequence. */
export interface SequenceFrame {
  /** Its fields without `Seq_FrameNNNN_`, in the file's order. */
  readonly fields: readonly SequenceField[];
  /** PLUS's clock, s; NaN where the frame has none. */
  readonly timestamp: number;
  /** The same before PLUS smoothed it, s; NaN where the frame has none. */
  readonly unfilteredTimestamp: number;
  /** The device's counter; 0 where the frame has none. */
  readonly frameNumber: number;
  readonly transforms: readonly SequenceTransform[];
  /** `OK`, `INVALID` … as in the file; empty where it does not say. */
  readonly imageStatus: string;
}

/** A tracked sequence of PLUS or Slicer (`.igs.mha`, `.igs.nrrd`): frames with transforms and, mostly, an image each. */
export interface TrackedSequence {
  /** What stands before the frames: the header, without the frames' fields and without ElementDataFile; comments have the key `#`. */
  readonly fields: readonly SequenceField[];
  readonly frames: readonly SequenceFrame[];
  /** Pixels of an image along its axes; zeros where there are no images. */
  readonly size: readonly number[];
  /** MET_UCHAR and the like. */
  readonly elementType: string;
  readonly channels: number;
  /** Bytes of one image; 0 where there are none. */
  readonly bytesPerFrame: number;
  /** `MFA`, `UF` …: how the image's axes lie on the probe, as the file says it, neither read nor turned. Empty: unsaid. */
  readonly orientation: string;
  /** The images as they stand in the file; packed with zlib, or with gzip where it says so. */
  readonly data: { readonly bytes: Uint8Array; readonly compressed: boolean; readonly gzip?: true };
  /** The file it was read from, where it was no MetaImage. */
  readonly format?: 'nrrd';
}

/** Bytes per pixel of MetaImage's types. */
const TYPE_BYTES: Readonly<Record<string, number>> = {
  MET_CHAR: 1,
  MET_UCHAR: 1,
  MET_SHORT: 2,
  MET_USHORT: 2,
  MET_INT: 4,
  MET_UINT: 4,
  MET_LONG: 4,
  MET_ULONG: 4,
  MET_LONG_LONG: 8,
  MET_ULONG_LONG: 8,
  MET_FLOAT: 4,
  MET_DOUBLE: 8,
};

/** The bytes of a pixel's value; undefined for a type that MetaImage does not have. */
export function bytesOfType(elementType: string): number | undefined {
  return Object.hasOwn(TYPE_BYTES, elementType) ? TYPE_BYTES[elementType] : undefined;
}

/** The value of the first field with this key, trimmed; undefined where there is none. */
export function fieldValue(fields: readonly SequenceField[], key: string): string | undefined {
  return fields.find((field) => field.key === key)?.value.trim();
}

/**
 * The images of a sequence one after another; none where it has none. One image is in memory at a time, beside what the
 * file itself takes.
 * @throws NavError `sequence/corrupt` where the packed data are damaged; `sequence/truncated` where they are too few
 */
export async function* sequenceImages(sequence: TrackedSequence, name: string = 'the sequence'): AsyncGenerator<Uint8Array> {
  const { bytesPerFrame, data, frames } = sequence;
  if (bytesPerFrame === 0) return;
  if (!data.compressed) {
    for (let i = 0; i < frames.length; i += 1) yield data.bytes.subarray(i * bytesPerFrame, (i + 1) * bytesPerFrame);
    return;
  }
  let image = new Uint8Array(bytesPerFrame);
  let filled = 0;
  let given = 0;
  for await (const part of inflated(data.bytes, data.gzip === true ? 'gzip' : 'deflate', name)) {
    for (let at = 0; at < part.length; ) {
      if (given === frames.length) throw corrupt(name, 'its images are longer than its header says');
      const more = Math.min(bytesPerFrame - filled, part.length - at);
      image.set(part.subarray(at, at + more), filled);
      filled += more;
      at += more;
      if (filled < bytesPerFrame) continue;
      given += 1;
      yield image;
      image = new Uint8Array(bytesPerFrame);
      filled = 0;
    }
  }
  if (given < frames.length) {
    throw new NavError('sequence/truncated', `${name} has ${given} images and not the ${frames.length} that its header says.`);
  }
}

const corrupt = (name: string, what: string): NavError => new NavError('sequence/corrupt', `${name}: ${what}.`);

/** What is packed, in the platform's pieces. */
async function* inflated(bytes: Uint8Array, packing: 'gzip' | 'deflate', name: string): AsyncGenerator<Uint8Array> {
  const stream: ReadableWritablePair<Uint8Array, unknown> = new DecompressionStream(packing) as never;
  const source = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream() as ReadableStream<unknown>;
  const reader = source.pipeThrough(stream).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw new NavError('sequence/corrupt', `${name}: its packed images are damaged or cut short.`, { cause });
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
