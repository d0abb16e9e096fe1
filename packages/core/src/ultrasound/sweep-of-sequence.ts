import { NavError } from '../base/index.js';
import { type AffineTransform, type Frame, type Status, worstStatus } from '../frames/index.js';
import { identity4, invert4, multiply4 } from '../math/index.js';
import { type SequenceFrame, sequenceImages, type TrackedSequence } from '../recording/index.js';
import { makeSweep, type Sweep, type SweepFrame } from './sweep.js';

/** How a recorded sequence becomes a sweep. */
export interface SequenceSweepOptions<F extends string> {
  /** The frame the volume will be in: of the reference tool, or of the tracker where there is none. */
  readonly frame: Frame<F>;
  /**
   * Probe from image, by calibration: p_probe = m · (column, row, 0), 16 doubles, column-major, mm; pixel centres at integers.
   * The frames of its transform, where it is one, are not looked at.
   */
  readonly probeFromImage: ArrayLike<number> | AffineTransform<string, string>;
  /** The recorded pose of the probe. Default `ProbeToTracker`. */
  readonly probe?: string;
  /** The recorded pose of the reference tool, to be taken away; null for none. Default `ReferenceToTracker`. */
  readonly reference?: string | null;
  /** What messages call the sequence. */
  readonly name?: string;
}

/**
 * The images of a tracked sequence (PLUS, Slicer) with their places:
 * frameFromImage = (ReferenceToTracker)⁻¹ · ProbeToTracker · probeFromImage.
 * @throws NavError `ultrasound/bad-image` (no images, colour, not 8 bits), `ultrasound/no-frames`, and those of
 *   makeSweep() and of sequenceImages()
 */
export async function sweepOfSequence<F extends string>(
  sequence: TrackedSequence,
  options: SequenceSweepOptions<F>,
): Promise<Sweep<F>> {
  const name = options.name ?? 'the sequence';
  const [columns = 0, rows = 0, depth = 1] = sequence.size;
  if (sequence.bytesPerFrame === 0 || sequence.elementType !== 'MET_UCHAR' || sequence.channels !== 1 || depth !== 1) {
    const has = sequence.bytesPerFrame === 0 ? 'no images' : `images of ${sequence.channels} × ${sequence.elementType}`;
    throw new NavError('ultrasound/bad-image', `A sweep needs flat grey images of 8 bits, and ${name} has ${has}.`);
  }
  const frames: SweepFrame[] = [];
  let n = 0;
  for await (const pixels of sequenceImages(sequence, name)) {
    const frame = sequence.frames[n] as SequenceFrame;
    n += 1;
    const timeMs = Number.isNaN(frame.timestamp) ? undefined : frame.timestamp * 1000;
    frames.push({ pixels, ...placeOf(frame, options), ...(timeMs !== undefined && { timeMs }) });
  }
  return makeSweep({ frame: options.frame, size: [columns, rows], frames });
}

/** Where one recorded image lies: without a pose its matrix is the identity, and its status says so. */
function placeOf<F extends string>(
  frame: SequenceFrame,
  { probeFromImage, probe = 'ProbeToTracker', reference = 'ReferenceToTracker' }: SequenceSweepOptions<F>,
): { frameFromImage: Float64Array; status: Status } {
  const calibration = 'matrix' in probeFromImage ? probeFromImage.matrix : probeFromImage;
  const probePose = frame.transforms.find((t) => t.name === probe);
  const referencePose = reference === null ? undefined : frame.transforms.find((t) => t.name === reference);
  const m = identity4();
  if (probePose === undefined || (reference !== null && referencePose === undefined) || frame.imageStatus === 'INVALID') {
    return { frameFromImage: m, status: 'missing' };
  }
  if (referencePose !== undefined && !invert4(m, referencePose.matrix)) return { frameFromImage: m, status: 'missing' };
  multiply4(m, m, probePose.matrix);
  multiply4(m, m, calibration);
  // Elimination leaves the last row right to rounding only.
  m[3] = m[7] = m[11] = 0;
  m[15] = 1;
  return { frameFromImage: m, status: worstStatus(probePose.status, referencePose?.status ?? 'ok') };
}
