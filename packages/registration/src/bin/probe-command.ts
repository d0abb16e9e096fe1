import { writeFile } from 'node:fs/promises';
import { type Frame, frame, NavError } from '@trocar/core';
import type { UltrasoundSetup } from '@trocar/core/recording';
import { calibrateProbe, type ProbeCalibration } from '../calibration/probe/calibrate-probe.js';
import { type NWirePhantom, patternsOf } from '../calibration/probe/phantom.js';
import { type ProbeCheck, validateProbe } from '../calibration/probe/validate-probe.js';
import { type Arguments, type OptionKinds, UsageError } from './arguments.js';
import { lookOf, type WireRecording, wireRecordingOf } from './probe-input.js';
import { jsonOf, matrixLines, mm, type Note, number, type Report, rowsOf } from './report.js';
import { ultrasoundSetupOf } from './ultrasound-input.js';

const text = { type: 'string' } as const;

export const PROBE_OPTIONS: OptionKinds = {
  sequence: text,
  validation: text,
  config: text,
  phantom: text,
  'pixel-mm': text,
  lag: text,
  'most-lag': text,
  limit: text,
  linear: { type: 'boolean' },
  out: text,
};

const PROBE: Frame<'probe'> = frame('probe');
const IMAGE: Frame<'image'> = frame('image');

type Calibration = ProbeCalibration<'probe', 'image'>;

/** What the command found out. */
interface Found {
  readonly setup: UltrasoundSetup;
  readonly phantom: NWirePhantom;
  readonly recording: WireRecording;
  readonly result: Calibration;
  readonly validation: WireRecording | undefined;
  readonly check: ProbeCheck | undefined;
  /** Of the linear solution at a lag of 0. */
  readonly linearCheck: ProbeCheck | undefined;
}

/** `trocar-register probe`. @throws NavError, UsageError */
export async function probeCommand(args: Arguments): Promise<Report> {
  const path = args.required('sequence');
  const lagMs = lagOf(args);
  const mostLagMs = args.number('most-lag', { above: 0 });
  const pixelMm = args.number('pixel-mm', { above: 0 });
  const limitMm = limitOf(args);
  const setup = await ultrasoundSetupOf(args.required('config'));
  args.notes.push(...setup.notes);
  const phantomSetup = args.text('phantom') === undefined ? setup : await ultrasoundSetupOf(args.required('phantom'));
  const phantom = phantomIn(phantomSetup);
  const look = lookOf(setup, pixelMm, 3 * phantom.patterns.length);
  const recording = await wireRecordingOf(path, setup, phantom, look);
  args.notes.push(...recording.notes);
  const result = calibrateProbe(PROBE, IMAGE, phantom, recording.observations, {
    poses: recording.poses,
    ...(lagMs !== undefined && { lagMs }),
    ...(mostLagMs !== undefined && { mostLagMs }),
    inputs: recording.name,
  });
  // Read only now: what it holds cannot reach the calibration.
  const validationPath = args.text('validation');
  const validation = validationPath === undefined ? undefined : await wireRecordingOf(validationPath, setup, phantom, look);
  if (validation !== undefined) args.notes.push(...validation.notes);
  const check = validation && validateProbe(result, phantom, validation.observations, validation.poses, limitMm);
  const linear = { probeFromImage: result.linear.probeFromImage, lagMs: 0, labelling: result.labelling };
  const linearCheck = validation && args.flag('linear') ? validateProbe(linear, phantom, validation.observations) : undefined;
  const report = reported(args, { setup, phantom, recording, result, validation, check, linearCheck });
  await write(args, report);
  return report;
}

function lagOf(args: Arguments): number | 'estimate' | undefined {
  const lag = args.text('lag');
  if (lag === undefined || lag === 'estimate') return lag;
  if (lag === 'zero') return 0;
  const value = Number(lag);
  if (!(Math.abs(value) <= 10_000)) throw new UsageError(`--lag is estimate, zero, or so many ms, not "${lag}".`);
  return value;
}

/** @throws UsageError where there is nothing that it could be held against */
function limitOf(args: Arguments): { readonly limitMm?: number } {
  const limitMm = args.number('limit', { above: 0 });
  if (limitMm === undefined) return {};
  if (args.text('validation') === undefined)
    throw new UsageError('--limit is what a recording of --validation may miss by, and needs one.');
  return { limitMm };
}

function phantomIn(setup: UltrasoundSetup): NWirePhantom {
  const { phantom } = setup;
  if (phantom === undefined) {
    throw new NavError(
      'setup/missing',
      `${setup.name} does not describe the phantom: it has no PhantomDefinition, or "phantom" in JSON.`,
    );
  }
  patternsOf(phantom);
  return phantom;
}

function reported(args: Arguments, found: Found): Report {
  const { recording, result, validation, check } = found;
  const warnings: Note[] = [...args.notes, ...sizeNotes(found)];
  const findings = [...recording.findings, ...result.findings, ...(validation?.findings ?? []), ...(check?.findings ?? [])];
  const bad = findings.length > 0 && result.outcome === 'ok';
  return {
    outcome: bad ? 'failed' : result.outcome,
    findings,
    warnings,
    facts: factsOf(args, found),
    lines: linesOf(args, found),
  };
}

/** Less than this, and less than so many standard deviations, is nothing to speak of. */
const LEAST_SIZE = Math.log(1.006);
const LEAST_SIZE_SD = 4;

/** A size that does not fail the calibration, for trackers stretch as much themselves; but a person should know. */
function sizeNotes({ phantom, result: { phantomSize, findings } }: Found): Note[] {
  const off = Math.abs(Math.log(phantomSize.factor));
  if (!(off > LEAST_SIZE && off > LEAST_SIZE_SD * phantomSize.sd) || findings.length > 0) return [];
  const message = `By the tracked motion ${phantom.name} is ${phantomSize.factor.toFixed(3)} times as large as described (sd ${phantomSize.sd.toFixed(3)}): its description is off by that, or the tracker's millimetres or the phantom's registration are. Distances by this calibration may be, too.`;
  return [{ code: 'phantom-size', message }];
}

const errorOf = (check: { readonly meanMm: number; readonly sdMm: number }): { mean: number; sd: number } => ({
  mean: check.meanMm,
  sd: check.sdMm,
});

function factsOf(
  args: Arguments,
  { setup, phantom, recording, result, validation, check, linearCheck }: Found,
): Record<string, unknown> {
  const [width, height] = recording.size;
  const linear = {
    probeFromImage: rowsOf(result.linear.probeFromImage),
    lagMs: 0,
    calibrationErrorMm: errorOf(result.linear.fit),
    validationErrorMm: linearCheck === undefined ? null : errorOf(linearCheck),
  };
  return {
    probeFromImage: rowsOf(result.probeFromImage),
    lagMs: result.lagMs,
    lagSdMs: result.lagSdMs,
    pixelMm: result.pixelMm,
    validationErrorMm: check === undefined ? null : errorOf(check),
    calibrationErrorMm: errorOf(result.fit),
    heldOutErrorMm: result.heldOut === undefined ? null : errorOf(result.heldOut),
    expectedErrorMm: {
      middle: result.expectedErrorMm((width - 1) / 2, (height - 1) / 2),
      corners: [
        [0, 0],
        [width - 1, 0],
        [0, height - 1],
        [width - 1, height - 1],
      ].map(([u = 0, v = 0]) => result.expectedErrorMm(u, v)),
    },
    ...(args.flag('linear') && { linear }),
    labelling: result.labelling,
    phantomSize: result.phantomSize,
    validationScale: check?.scale ?? null,
    phantomName: phantom.name,
    wires: 3 * phantom.patterns.length,
    frames: setup.frames,
    images: countsOf(recording),
    outliers: result.residuals.filter((r) => !r.used).map((r) => recording.numbers[r.index]),
    validationImages: validation === undefined ? null : countsOf(validation),
  };
}

function countsOf(recording: WireRecording): Record<string, unknown> {
  const { images, observations, withoutPose, withoutWires } = recording;
  return { recorded: images, used: observations.length, withoutWires: withoutWires.length, withoutPose: withoutPose.length };
}

function linesOf(args: Arguments, { recording, result, check, linearCheck, phantom }: Found): string[] {
  const error = ({ meanMm, sdMm }: { readonly meanMm: number; readonly sdMm: number }): string =>
    `${mm(meanMm)} ± ${mm(sdMm)} mm`;
  const used = result.residuals.filter((r) => r.used).length;
  return [
    `${phantom.name}: ${used} images in the fit, of ${recording.images} recorded and ${recording.observations.length} that show all wires`,
    ...matrixLines('probe from image (mm per pixel; pixel centres at integers)', result.probeFromImage),
    `Pixel                          ${result.pixelMm.map((x) => x.toFixed(5)).join(' × ')} mm`,
    `Lag                            ${number(result.lagMs, 1)} ms (sd ${number(result.lagSdMs, 1)}): the pose of an image is that of so much later`,
    `Error at the middle wires      ${error(result.fit)} (mean and sd of the nearest 95 %)`,
    ...(result.heldOut === undefined ? [] : [`The same, images held out      ${error(result.heldOut)}`]),
    ...(check === undefined ? [] : [`The same, other recording      ${error(check)}`]),
    ...(linearCheck === undefined ? [] : [`Linear solution, lag 0, there   ${error(linearCheck)}`]),
    ...(args.flag('linear') ? matrixLines('linear solution, lag 0', result.linear.probeFromImage) : []),
  ];
}

/** `--out` holds what `--json` prints, so that `trocar-volume reconstruct --calibration` reads it. */
async function write(args: Arguments, report: Report): Promise<void> {
  const path = args.text('out');
  if (path === undefined) return;
  try {
    await writeFile(path, `${jsonOf('probe', report)}\n`);
  } catch (cause) {
    throw new NavError('io/not-writable', `"${path}" could not be written.`, { detail: { path }, cause });
  }
}
