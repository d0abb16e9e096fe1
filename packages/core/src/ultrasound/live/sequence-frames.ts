import { NavError } from '../../base/index.js';
import { type ImageFrame, type SequenceFrame, sequenceImages, type TrackedSequence } from '../../recording/index.js';

/** What the file does not say of a recorded sequence. */
export interface SequenceFramesOptions {
  /** From one column, and from one row, to the next, mm. Default unknown. */
  readonly spacingMm?: readonly [number, number];
  /** How deep the machine looked, mm. Default the frames' own field `DepthMm`, or unknown. */
  readonly depthMm?: number;
  /** What messages call the sequence. */
  readonly name?: string;
}

/**
 * The images of a tracked sequence (PLUS, Slicer) as a live device's: times are PLUS's, in ms, as `posesOfSequence` gives those of the poses. Frames
 * without a time or with an image that PLUS calls invalid are left out.
 * @throws NavError `ultrasound/bad-image` (no images, or not flat ones of 8 or 16 bits without sign), and those of sequenceImages()
 */
export async function* framesOfSequence(
  sequence: TrackedSequence,
  options: SequenceFramesOptions = {},
): AsyncGenerator<ImageFrame> {
  const { name = 'the sequence', spacingMm = [Number.NaN, Number.NaN] } = options;
  const [width = 0, height = 0, depth = 1] = sequence.size;
  const number = { MET_UCHAR: 'u8', MET_USHORT: 'u16' }[sequence.elementType] as ImageFrame['number'] | undefined;
  const components = sequence.channels as ImageFrame['components'];
  if (number === undefined || depth !== 1 || sequence.bytesPerFrame === 0 || ![1, 3, 4].includes(components)) {
    const has = sequence.bytesPerFrame === 0 ? 'no images' : `images of ${sequence.channels} × ${sequence.elementType}`;
    throw new NavError('ultrasound/bad-image', `Live images are flat and of 8 or 16 bits without sign; ${name} has ${has}.`);
  }
  let n = -1;
  for await (const pixels of sequenceImages(sequence, name)) {
    n += 1;
    const frame = sequence.frames[n] as SequenceFrame;
    if (Number.isNaN(frame.timestamp) || frame.imageStatus === 'INVALID') continue;
    const arrived = Number.isNaN(frame.unfilteredTimestamp) ? frame.timestamp : frame.unfilteredTimestamp;
    yield {
      width,
      height,
      components,
      number,
      pixels,
      measuredAt: frame.timestamp * 1000,
      arrivedAt: arrived * 1000,
      boundMs: Number.NaN,
      frameNumber: frame.frameNumber,
      spacingMm,
      depthMm: options.depthMm ?? depthOf(frame),
    };
  }
}

function depthOf(frame: SequenceFrame): number {
  const text = frame.fields.find(({ key }) => key === 'DepthMm')?.value;
  return text === undefined || text.trim() === '' ? Number.NaN : Number(text);
}
