import { NavError } from '../base/index.js';
import { type AffineTransform, type Frame, hasPose, type Status, worstStatus } from '../frames/index.js';
import { identity4, invert4, multiply4 } from '../math/index.js';
import { type SequenceFrame, sequenceImages, type TrackedSequence } from '../recording/index.js';
import { type PoseBetween, posesBetween } from './poses-between.js';
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
  /**
   * The pose that belongs to an image is that of so much LATER than the image's time, ms, as calibrateProbe() has it: negative where images are stamped
   * late, as most are. Poses are then read between the two recorded ones around that moment; an image for which there are none (at an end of the
   * recording, in a gap of more than 0.4 s) is without a pose. Default 0: each image has the pose that was recorded with it.
   */
  readonly lagMs?: number;
  /** What messages call the sequence. */
  readonly name?: string;
}

/** A lag of more than this, ms, is a mistake of units. */
const MOST_LAG_MS = 10_000;

/**
 * The images of a tracked sequence (PLUS, Slicer) with their places:
 * frameFromImage = (ReferenceToTracker)⁻¹ · ProbeToTracker · probeFromImage, the poses `lagMs` after the image's time. That moment is the
 * time of the sweep's frame, as LiveUltrasound has it.
 * @throws NavError `ultrasound/bad-image` (no images, colour, not 8 bits), `ultrasound/bad-option` (the lag), `ultrasound/bad-times` (a lag, and an image
 *   without a time), `ultrasound/no-frames`, and those of makeSweep() and of sequenceImages()
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
  const placeOf = placesOf(sequence, options, name);
  const frames: SweepFrame[] = [];
  let n = 0;
  for await (const pixels of sequenceImages(sequence, name)) {
    const frame = sequence.frames[n] as SequenceFrame;
    n += 1;
    const timeMs = Number.isNaN(frame.timestamp) ? undefined : frame.timestamp * 1000 + (options.lagMs ?? 0);
    frames.push({ pixels, ...placeOf(frame), ...(timeMs !== undefined && { timeMs }) });
  }
  return makeSweep({ frame: options.frame, size: [columns, rows], frames });
}

/** What places images; the sweep's frame is only a name. */
type Placing = Omit<SequenceSweepOptions<string>, 'frame'>;

type PlaceOf = (frame: SequenceFrame) => { readonly frameFromImage: Float64Array; readonly status: Status };

/** Where recorded images lie: without a pose the matrix is the identity, and the status says so. */
function placesOf(sequence: TrackedSequence, options: Placing, name: string): PlaceOf {
  const { probeFromImage, lagMs = 0 } = options;
  if (!(Math.abs(lagMs) <= MOST_LAG_MS)) {
    throw new NavError('ultrasound/bad-option', `A lag is at most 10 s, in ms; got ${lagMs}.`, { detail: { lagMs } });
  }
  const calibration = 'matrix' in probeFromImage ? probeFromImage.matrix : probeFromImage;
  const poseOf =
    lagMs === 0 ? (frame: SequenceFrame) => frameFromProbe(frame, options) : laterPoses(sequence, options, lagMs, name);
  return (frame) => {
    const { matrix, status } = poseOf(frame);
    if (!hasPose(status) || frame.imageStatus === 'INVALID') return { frameFromImage: identity4(), status: 'missing' };
    const frameFromImage = multiply4(matrix, matrix, calibration);
    lastRow(frameFromImage);
    return { frameFromImage, status };
  };
}

/** The pose so much later than an image, ms. */
function laterPoses(
  sequence: TrackedSequence,
  options: Placing,
  lagMs: number,
  name: string,
): (frame: SequenceFrame) => PoseBetween {
  const timeless = sequence.frames.findIndex((frame) => Number.isNaN(frame.timestamp));
  if (timeless >= 0) {
    throw new NavError(
      'ultrasound/bad-times',
      `Image ${timeless} of ${name} has no time, and a lag of ${lagMs} ms goes by times. Record with times, or leave the lag out.`,
      { detail: { frame: timeless } },
    );
  }
  const at = posesBetween(
    sequence.frames.map((frame) => ({ ...frameFromProbe(frame, options), timeMs: frame.timestamp * 1000 })),
  );
  return (frame) => at(frame.timestamp * 1000 + lagMs);
}

/** The probe in the sweep's frame, as one frame of the recording has it. */
function frameFromProbe(
  frame: SequenceFrame,
  { probe = 'ProbeToTracker', reference = 'ReferenceToTracker' }: Placing,
): PoseBetween {
  const probePose = frame.transforms.find((t) => t.name === probe);
  const referencePose = reference === null ? undefined : frame.transforms.find((t) => t.name === reference);
  const matrix = identity4();
  if (probePose === undefined || (reference !== null && referencePose === undefined)) return { matrix, status: 'missing' };
  if (referencePose !== undefined && !invert4(matrix, referencePose.matrix)) return { matrix: identity4(), status: 'missing' };
  multiply4(matrix, matrix, probePose.matrix);
  lastRow(matrix);
  return { matrix, status: worstStatus(probePose.status, referencePose?.status ?? 'ok') };
}

/** Elimination leaves the last row right to rounding only. */
function lastRow(m: Float64Array): void {
  m[3] = m[7] = m[11] = 0;
  m[15] = 1;
}
