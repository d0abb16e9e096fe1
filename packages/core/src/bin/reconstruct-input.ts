import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { NavError } from '../base/index.js';
import { type Frame, frame, hasPose, type Status } from '../frames/index.js';
import { multiply4 } from '../math/index.js';
import {
  type ConstantTransform,
  readTrackedSequence,
  readUltrasoundSetup,
  type SetupNote,
  type SetupReconstruction,
  sequenceImages,
  type TrackedSequence,
  TransformChain,
  transformNames,
  turnedImage,
  turnToMarkedFar,
  type UltrasoundSetup,
} from '../recording/index.js';
import { makeSweep, type Sweep, type SweepFrame } from '../ultrasound/index.js';
import { posesBetween } from '../ultrasound/poses-between.js';
import { decodeGreyPng } from './png.js';

/** A file's bytes. @throws NavError `io/not-found` */
export async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new NavError('io/not-found', `"${path}" could not be read.`, { detail: { path }, cause });
  }
}

/** The set-up of a reconstruction: `--config`, and in it the image's place that `--calibration` tells. */
export async function setupOf(config: string, calibration: string | undefined): Promise<UltrasoundSetup> {
  const setup = readUltrasoundSetup(await bytesOf(config), `"${basename(config)}"`);
  if (calibration === undefined) return setup;
  const own = readUltrasoundSetup(await bytesOf(calibration), `"${basename(calibration)}"`);
  const place = own.transforms.find((t) => t.from === own.frames.image && t.to === own.frames.probe);
  if (place === undefined) {
    const message = `"${basename(calibration)}" does not say where the image lies in the probe: it needs "probeFromImage", or a transform from ${own.frames.image} to ${own.frames.probe}.`;
    throw new NavError('setup/missing', message);
  }
  const { image, probe } = setup.frames;
  const others = setup.transforms.filter((t) => !(t.from === image && t.to === probe) && !(t.from === probe && t.to === image));
  return {
    ...setup,
    transforms: [...others, { from: image, to: probe, matrix: place.matrix }],
    ...(own.lagMs !== undefined && { lagMs: own.lagMs }),
  };
}

/** Which frames of a recording become a sweep, and how. */
export interface SweepChoice {
  /** The image's frame, and that of the volume. */
  readonly image: string;
  readonly reference: string;
  readonly skipInterval: number;
  /** The pose of an image is that of so much later, ms. */
  readonly lagMs: number;
  /** As PLUS does it: all images with a pose that is OK, in their order, whatever their times. */
  readonly likePlus: boolean;
}

/** A sweep from a recording, and what was left out. */
export interface RecordedSweep {
  readonly sweep: Sweep<'reference'>;
  /** Frames of the recording. */
  readonly recorded: number;
  /** Numbers of frames whose time was that of the one before them. */
  readonly repeated: readonly number[];
  readonly notes: readonly SetupNote[];
}

export const REFERENCE: Frame<'reference'> = frame('reference');

/**
 * The images of a recording with their places in the reference, through whatever transforms the recording and the set-up have.
 * @throws NavError `sequence/…`, `ultrasound/…`
 */
export async function sweepOf(path: string, setup: UltrasoundSetup, choice: SweepChoice): Promise<RecordedSweep> {
  const name = `"${basename(path)}"`;
  const sequence = readTrackedSequence(await bytesOf(path), name);
  requireGrey(sequence, name);
  const turn = turnToMarkedFar(sequence, name);
  const places = placesOf(sequence, setup, choice, name);
  const size = [sequence.size[0] as number, sequence.size[1] as number] as const;
  const frames: SweepFrame[] = [];
  const repeated: number[] = [];
  let n = -1;
  let last = Number.NaN;
  for await (const pixels of sequenceImages(sequence, name)) {
    n += 1;
    const recorded = sequence.frames[n] as TrackedSequence['frames'][0];
    if (n % choice.skipInterval !== 0) continue;
    if (!choice.likePlus && recorded.timestamp === last) {
      repeated.push(n);
      continue;
    }
    last = recorded.timestamp;
    const { matrix, status } = places(n);
    const said: Status = recorded.imageStatus === 'INVALID' ? 'missing' : status;
    const timed = !choice.likePlus && !Number.isNaN(last);
    frames.push({
      pixels: turnedImage(pixels, size, turn),
      frameFromImage: matrix,
      status: choice.likePlus && said !== 'ok' ? 'missing' : said,
      ...(timed && { timeMs: last * 1000 }),
    });
  }
  const notes: SetupNote[] = [];
  if (turn.columns || turn.rows) {
    const message = `${name} has images of orientation ${sequence.orientation.trim()}; they were turned to MF, in which calibrations are told.`;
    notes.push({ code: 'images-turned', message });
  }
  if (repeated.length > 0) {
    const message = `${name}: ${repeated.length} images had the time of the one before them and were left out (the first is number ${repeated[0]}).`;
    notes.push({ code: 'repeated-time', message });
  }
  return { sweep: makeSweep({ frame: REFERENCE, size, frames }), recorded: n + 1, repeated, notes };
}

function requireGrey(sequence: TrackedSequence, name: string): void {
  const [, , depth = 1] = sequence.size;
  if (sequence.bytesPerFrame > 0 && sequence.elementType === 'MET_UCHAR' && sequence.channels === 1 && depth === 1) return;
  const has = sequence.bytesPerFrame === 0 ? 'no images' : `images of ${sequence.channels} × ${sequence.elementType}`;
  throw new NavError('ultrasound/bad-image', `A sweep needs flat grey images of 8 bits, and ${name} has ${has}.`);
}

type PlaceOf = (n: number) => { readonly matrix: Float64Array; readonly status: Status };

function placesOf(sequence: TrackedSequence, setup: UltrasoundSetup, choice: SweepChoice, name: string): PlaceOf {
  const recorded = transformNames(sequence.frames);
  const { image, reference, lagMs } = choice;
  const chain = new TransformChain(image, reference, recorded, setup.transforms, name);
  if (chain.recorded.length === 0) {
    const message = `${name}: nothing that was recorded leads from ${image} to ${reference}, only constant transforms: all images would lie in one place.`;
    throw new NavError('sequence/no-path', message, { detail: { from: image, to: reference } });
  }
  if (lagMs === 0) return (n) => chain.at(sequence.frames[n] as TrackedSequence['frames'][0]);
  const { probe } = setup.frames;
  const calibration = setup.transforms.find((t) => t.from === image && t.to === probe);
  if (calibration === undefined) {
    throw new NavError(
      'setup/missing',
      `A lag needs the constant transform from ${image} to ${probe}, which ${setup.name} does not have.`,
    );
  }
  return laterPlaces(sequence, new TransformChain(probe, reference, recorded, setup.transforms, name), calibration, lagMs);
}

/** The poses so much later than the images, ms. */
function laterPlaces(sequence: TrackedSequence, chain: TransformChain, calibration: ConstantTransform, lagMs: number): PlaceOf {
  const at = posesBetween(sequence.frames.map((recorded) => ({ timeMs: recorded.timestamp * 1000, ...chain.at(recorded) })));
  return (n) => {
    const { matrix, status } = at((sequence.frames[n] as TrackedSequence['frames'][0]).timestamp * 1000 + lagMs);
    return { matrix: hasPose(status) ? multiply4(matrix, matrix, calibration.matrix) : matrix, status };
  };
}

/**
 * The importance mask that `--importance` names, else the set-up: it is looked for beside the set-up, then beside the recording.
 * @throws NavError `setup/missing` where importance is asked for and no mask is named, `io/…`, `ultrasound/bad-option` for a mask of another size
 */
export async function importanceOf(
  given: string | undefined,
  { importanceFile, compounding }: SetupReconstruction,
  files: { readonly config: string; readonly sequence: string },
  size: readonly [number, number],
): Promise<Uint8Array | undefined> {
  if (given === undefined && importanceFile === undefined) {
    if (compounding !== 'importance') return undefined;
    const message = `"${basename(files.config)}" asks for compounding by importance and names no mask (ImportanceMaskFilename): say which with --importance PNG.`;
    throw new NavError('setup/missing', message);
  }
  const named = given ?? (importanceFile as string);
  const places =
    given !== undefined || isAbsolute(named) ? [named] : [files.config, files.sequence].map((file) => join(dirname(file), named));
  const path = places.find((place) => existsSync(place)) ?? (places[0] as string);
  const picture = decodeGreyPng(await bytesOf(path), basename(path));
  if (picture.size[0] === size[0] && picture.size[1] === size[1]) return picture.pixels;
  const message = `The importance mask "${basename(path)}" has ${picture.size.join(' × ')} pixels, and the images ${size.join(' × ')}.`;
  throw new NavError('ultrasound/bad-option', message, { detail: { path } });
}
