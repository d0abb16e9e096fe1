import { isNavError, NavError } from '@trocar/core';
import { transformNames, type UltrasoundSetup } from '@trocar/core/recording';
import { calibrateTemporal, type TemporalCalibration } from '../calibration/probe/calibrate-temporal.js';
import { LineFinder, type LineOptions } from '../calibration/probe/line.js';
import { type Arguments, type OptionKinds, UsageError } from './arguments.js';
import { mm, type Note, number, type Report } from './report.js';
import {
  eachImage,
  framesInTime,
  posesBetween,
  type RecordedPoses,
  type RecordedSequence,
  recordedSequenceOf,
  ultrasoundSetupOf,
} from './ultrasound-input.js';

const text = { type: 'string' } as const;

export const TEMPORAL_OPTIONS: OptionKinds = {
  video: text,
  tracker: text,
  config: text,
  probe: text,
  reference: text,
  clip: text,
  'most-lag': text,
};

/** `trocar-register temporal`. @throws NavError, UsageError */
export async function temporalCommand(args: Arguments): Promise<Report> {
  const [videoPath, trackerPath] = [args.required('video'), args.required('tracker')];
  const mostLagMs = args.number('most-lag', { above: 0 });
  const clip = clipOf(args);
  const config = args.text('config');
  const setup = config === undefined ? undefined : await ultrasoundSetupOf(config);
  args.notes.push(...(setup?.notes ?? []));
  const video = await recordedSequenceOf(videoPath);
  const tracker = trackerPath === videoPath ? video : await recordedSequenceOf(trackerPath);
  const { timesMs, rows, notes: videoNotes } = await lineOver(video, clip ?? setup?.temporalClip);
  const tracked = trackedPoses(args, tracker, setup);
  args.notes.push(...videoNotes, ...tracked.notes);
  const seen = rows.filter((row) => !Number.isNaN(row)).length;
  if (seen < LEAST_LINES) {
    const message = `${video.name}: a moving bright line was found in ${seen} of ${rows.length} images only. Clip to where the bottom of the tank shows (--clip).`;
    throw new NavError('calibration/too-few-poses', message, { detail: { seen, images: rows.length } });
  }
  const places = Float64Array.from(tracked.poses.flatMap(({ matrix }) => [12, 13, 14].map((n) => matrix[n] as number)));
  const result = calibrateTemporal(
    { timesMs, rows },
    { timesMs: tracked.poses.map(({ timeMs }) => timeMs), places },
    { ...(mostLagMs !== undefined && { mostLagMs }) },
  );
  return {
    outcome: result.outcome,
    findings: result.findings,
    warnings: args.notes,
    facts: factsOf(result, rows.length, seen, tracked),
    lines: linesOf(result, rows.length, seen, tracked),
  };
}

/** Lines that must be seen for anything to be told. */
const LEAST_LINES = 20;

/** `--clip LEFT,TOP,WIDTH,HEIGHT`, pixels. */
function clipOf(args: Arguments): LineOptions['clip'] {
  const given = args.text('clip');
  if (given === undefined) return undefined;
  const [left, top, width, height, ...rest] = given.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const values = [left, top, width, height];
  if (rest.length > 0 || !values.every((value) => Number.isFinite(value)) || !((width as number) > 0 && (height as number) > 0)) {
    throw new UsageError(`--clip is LEFT,TOP,WIDTH,HEIGHT in pixels, not "${given}".`);
  }
  return { origin: [left as number, top as number], size: [width as number, height as number] };
}

interface LineOverTime {
  readonly timesMs: readonly number[];
  readonly rows: Float64Array;
  readonly notes: readonly Note[];
}

async function lineOver(video: RecordedSequence, clip: LineOptions['clip']): Promise<LineOverTime> {
  const inTime = framesInTime(video);
  const timeOf = new Map(inTime.frames.map(({ index, timeMs }) => [index, timeMs]));
  const timesMs: number[] = [];
  let finder: LineFinder | undefined;
  const notes = await eachImage(video, (pixels, index, size) => {
    const timeMs = timeOf.get(index);
    if (timeMs === undefined) return;
    finder ??= new LineFinder(size, clip === undefined ? {} : { clip });
    finder.add(pixels);
    timesMs.push(timeMs);
  });
  return { timesMs, rows: finder?.rows() ?? new Float64Array(0), notes: [...inTime.notes, ...notes] };
}

interface Tracked extends RecordedPoses {
  /** Which pose it was. */
  readonly from: string;
  readonly to: string;
}

/**
 * The probe's poses: in the frame that is asked for, else in the reference, else, where the recording has none, in the tracker.
 */
function trackedPoses(args: Arguments, tracker: RecordedSequence, setup: UltrasoundSetup | undefined): Tracked {
  const inTime = framesInTime(tracker);
  const from = args.text('probe') ?? setup?.frames.probe ?? 'Probe';
  const asked = args.text('reference');
  const wanted = asked === undefined ? [setup?.frames.reference ?? 'Reference', 'Tracker'] : [asked];
  const constants = { transforms: setup?.transforms ?? [] };
  let refused: unknown;
  for (const to of wanted) {
    try {
      const found = posesBetween(from, to, tracker, inTime, constants);
      return { ...found, from, to, notes: [...inTime.notes, ...found.notes] };
    } catch (error) {
      // Where nobody asked for the reference, one that is not there or was never seen is done without.
      if (!isNavError(error, 'sequence/no-path') && !isNavError(error, 'calibration/hidden')) throw error;
      if (refused === undefined || isNavError(error, 'calibration/hidden')) refused = error;
    }
  }
  const names = transformNames(tracker.sequence.frames);
  if (names.length > 0 && isNavError(refused, 'sequence/no-path')) {
    const message = `${refused.message} Say which pose is the probe's with --probe and --reference.`;
    throw new NavError('sequence/no-path', message, { detail: refused.detail });
  }
  throw refused;
}

function factsOf(result: TemporalCalibration, images: number, seen: number, tracked: Tracked): Record<string, unknown> {
  return {
    lagMs: result.lagMs,
    lagSdMs: result.sdMs,
    sign: 'the pose that belongs to an image is that of lagMs later: the tracker is stamped late where it is positive',
    explained: result.explained,
    pixelsPerMm: result.pixelsPerMm,
    axis: result.axis,
    travelMm: result.travelMm,
    travelPx: result.travelPx,
    residualPx: rmsOf(result.residualsPx),
    runnerUp: result.runnerUp ?? null,
    images: { recorded: images, withLine: seen, used: result.used },
    poses: {
      recorded: tracked.poses.length + tracked.withoutPose.length,
      used: tracked.poses.length,
      from: tracked.from,
      to: tracked.to,
    },
  };
}

function rmsOf(residuals: Float64Array): number {
  const known = residuals.filter((x) => !Number.isNaN(x));
  return Math.sqrt(known.reduce((sum, x) => sum + x * x, 0) / known.length);
}

function linesOf(result: TemporalCalibration, images: number, seen: number, tracked: Tracked): string[] {
  return [
    `Lag                  ${number(result.lagMs, 2)} ms (sd ${number(result.sdMs, 2)}): the pose that belongs to an image is that of so much later`,
    `Explained            ${number(100 * result.explained, 2)} % of the line's motion; ${number(rmsOf(result.residualsPx), 2)} pixels rms are left`,
    `Line                 in ${seen} of ${images} images, ${result.used} used; moves ${number(result.travelPx, 0)} pixels`,
    `${tracked.from} in ${tracked.to}`.padEnd(21) +
      `${tracked.poses.length} poses; moves ${mm(result.travelMm)} mm, ${number(Math.abs(result.pixelsPerMm), 2)} pixels a millimetre`,
    ...(result.runnerUp === undefined
      ? []
      : [
          `Next best lag        ${number(result.runnerUp.lagMs, 0)} ms, which explains ${number(100 * result.runnerUp.explained, 1)} %`,
        ]),
  ];
}
