import { basename } from 'node:path';
import { hasPose, NavError, type Status } from '@trocar/core';
import {
  readTrackedSequence,
  readUltrasoundSetup,
  sequenceImages,
  type TrackedSequence,
  TransformChain,
  transformNames,
  turnedImage,
  turnToMarkedFar,
  type UltrasoundSetup,
} from '@trocar/core/recording';
import { bytesOf } from './files.js';
import type { Note } from './report.js';

/** What a set-up file says, and the notes about it. */
export async function ultrasoundSetupOf(path: string): Promise<UltrasoundSetup> {
  return readUltrasoundSetup(await bytesOf(path), `"${basename(path)}"`);
}

/** A recorded sequence and what messages call it. */
export interface RecordedSequence {
  readonly name: string;
  readonly sequence: TrackedSequence;
}

/** @throws NavError `io/not-found`, `sequence/…` */
export async function recordedSequenceOf(path: string): Promise<RecordedSequence> {
  const name = `"${basename(path)}"`;
  return { name, sequence: readTrackedSequence(await bytesOf(path), name) };
}

/** One frame of a recording that can be used. */
export interface RecordedFrame {
  /** Its number in the recording. */
  readonly index: number;
  readonly timeMs: number;
}

/** Frames in the order of their times; those without one, and those recorded twice, left out and told. */
export interface FramesInTime {
  readonly frames: readonly RecordedFrame[];
  readonly notes: readonly Note[];
}

/** @throws NavError `calibration/bad-option` where times go backwards */
export function framesInTime({ name, sequence }: RecordedSequence): FramesInTime {
  const frames: RecordedFrame[] = [];
  let [last, untimed, repeated, first] = [Number.NEGATIVE_INFINITY, 0, 0, -1];
  sequence.frames.forEach(({ timestamp }, index) => {
    if (Number.isNaN(timestamp)) untimed += 1;
    else if (timestamp === last) {
      repeated += 1;
      if (first < 0) first = index;
    } else if (timestamp < last) {
      const message = `${name}: frame ${index} is ${((last - timestamp) * 1000).toFixed(1)} ms earlier than the one before it. Sort the recording by time.`;
      throw new NavError('calibration/bad-option', message, { detail: { frame: index } });
    } else {
      last = timestamp;
      frames.push({ index, timeMs: timestamp * 1000 });
    }
  });
  const notes: Note[] = [];
  if (untimed > 0) notes.push({ code: 'without-time', message: `${name}: ${untimed} frames have no time and were left out.` });
  if (repeated > 0) {
    const message = `${name}: ${repeated} frames have the time of the one before them and were left out (the first is number ${first}).`;
    notes.push({ code: 'repeated-time', message });
  }
  return { frames, notes };
}

/** The images of a recording, turned to MF as calibrations and clips are told; `visit` gets each with its number. */
export async function eachImage(
  { name, sequence }: RecordedSequence,
  visit: (pixels: Uint8Array, index: number, size: readonly [number, number]) => void,
): Promise<readonly Note[]> {
  const [columns = 0, rows = 0, depth = 1] = sequence.size;
  const { channels } = sequence;
  if (sequence.bytesPerFrame === 0 || sequence.elementType !== 'MET_UCHAR' || !(channels in GREY_OF) || depth !== 1) {
    const has = sequence.bytesPerFrame === 0 ? 'no images' : `images of ${channels} × ${sequence.elementType}`;
    throw new NavError('sequence/unsupported', `Flat images of 8 bits, grey or in colour, are needed, and ${name} has ${has}.`);
  }
  const turn = turnToMarkedFar(sequence, name);
  let index = 0;
  for await (const pixels of sequenceImages(sequence, name)) {
    if (sequence.frames[index]?.imageStatus !== 'INVALID')
      visit(turnedImage(greyOf(pixels, channels), [columns, rows], turn), index, [columns, rows]);
    index += 1;
  }
  const notes: Note[] = [];
  if (channels > 1) {
    const message = `${name} has images in colour; their brightness was used (Rec. 601).`;
    notes.push({ code: 'images-in-colour', message });
  }
  if (!turn.columns && !turn.rows) return notes;
  const message = `${name} has images of orientation ${sequence.orientation.trim()}; they were turned to MF, in which calibrations are told.`;
  return [...notes, { code: 'images-turned', message }];
}

/** Which channels of how many make the brightness, in 1/1024: grey, or red, green and blue (and what covers) by ITU-R BT.601. */
const GREY_OF: Readonly<Record<number, readonly number[]>> = { 1: [1024], 3: [306, 601, 117], 4: [306, 601, 117] };

function greyOf(pixels: Uint8Array, channels: number): Uint8Array {
  const weights = GREY_OF[channels] as readonly number[];
  if (channels === 1) return pixels;
  const [red, green, blue] = weights as readonly [number, number, number];
  const grey = new Uint8Array(pixels.length / channels);
  for (let n = 0, from = 0; n < grey.length; n += 1, from += channels) {
    const sum = red * (pixels[from] as number) + green * (pixels[from + 1] as number) + blue * (pixels[from + 2] as number);
    grey[n] = (sum + 512) >> 10;
  }
  return grey;
}

/** A pose of a recording. */
export interface RecordedPose extends RecordedFrame {
  readonly matrix: Float64Array;
}

/** Poses at the frames that have one, and what was left out. */
export interface RecordedPoses {
  readonly poses: readonly RecordedPose[];
  /** Numbers of frames whose pose cannot be used. */
  readonly withoutPose: readonly number[];
  readonly notes: readonly Note[];
}

/**
 * Where one frame lies in another over time, through what was recorded and what the set-up says.
 * @throws NavError `sequence/no-path`, `calibration/hidden` where no frame has the pose
 */
export function posesBetween(
  from: string,
  to: string,
  { name, sequence }: RecordedSequence,
  { frames }: FramesInTime,
  setup: Pick<UltrasoundSetup, 'transforms'>,
): RecordedPoses {
  const chain = new TransformChain(from, to, transformNames(sequence.frames), setup.transforms, name);
  if (chain.recorded.length === 0) {
    const message = `${name}: only constant transforms lead from ${from} to ${to}; nothing of it was recorded.`;
    throw new NavError('sequence/no-path', message, { detail: { from, to } });
  }
  const poses: RecordedPose[] = [];
  const withoutPose: number[] = [];
  for (const { index, timeMs } of frames) {
    const { matrix, status } = chain.at(sequence.frames[index] as TrackedSequence['frames'][0]);
    if (isUsable(status)) poses.push({ index, timeMs, matrix });
    else withoutPose.push(index);
  }
  if (poses.length === 0) {
    const message = `${name}: none of its ${frames.length} frames has the pose of ${from} in ${to}. The marker was never seen.`;
    throw new NavError('calibration/hidden', message, { detail: { from, to } });
  }
  if (withoutPose.length === 0) return { poses, withoutPose, notes: [] };
  const message = `${name}: ${withoutPose.length} of ${frames.length} frames have no usable pose of ${from} in ${to} and were left out.`;
  return { poses, withoutPose, notes: [{ code: 'without-pose', message }] };
}

const isUsable = (status: Status): boolean => hasPose(status) && status !== 'stale' && status !== 'outOfVolume';
