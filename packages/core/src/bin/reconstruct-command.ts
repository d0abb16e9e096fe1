import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { NavError } from '../base/index.js';
import { writeVolume } from '../io/index.js';
import type { SetupNote, SetupReconstruction, UltrasoundSetup } from '../recording/index.js';
import { type AnyVolume, spacingOf, volume } from '../volume/index.js';
import { importanceOf, REFERENCE, type RecordedSweep, setupOf, sweepOf } from './reconstruct-input.js';
import { likePlus, ownWay, type Reconstructed } from './reconstruct-modes.js';
import { type CommandOutput, refused } from './terminal.js';

const text = { type: 'string' } as const;
const OPTIONS = {
  sequence: text,
  config: text,
  out: text,
  calibration: text,
  spacing: text,
  'fill-gaps': text,
  workers: text,
  lag: text,
  interpolation: text,
  compounding: text,
  importance: text,
  reference: text,
  axes: text,
  voxels: text,
  coverage: text,
  'like-plus': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** What was typed, read. */
export interface ReconstructRequest {
  readonly sequence: string;
  readonly config: string;
  readonly out: string;
  readonly calibration: string | undefined;
  readonly coverageOut: string | undefined;
  readonly importance: string | undefined;
  readonly reference: string | undefined;
  readonly spacingMm: number | undefined;
  readonly fillGapsMm: number | undefined;
  readonly lagMs: number | undefined;
  readonly workers: number;
  readonly interpolation: 'nearest' | 'linear' | undefined;
  readonly compounding: 'mean' | 'latest' | 'maximum' | undefined;
  readonly axes: 'frame' | 'sweep';
  readonly voxels: 'uint8' | 'float32';
  readonly likePlus: boolean;
  readonly json: boolean;
}

/** Workers unless it is said how many. */
const USUAL_WORKERS = 4;

/** @throws Error with a sentence for the person who typed the command */
export function reconstructRequestOf(args: readonly string[]): ReconstructRequest {
  const { values } = parseArgs({ args: withNegatives(args), options: OPTIONS, strict: true });
  const required = (name: 'sequence' | 'config' | 'out'): string => {
    const value = values[name];
    if (value === undefined || value === '') throw new Error(`"reconstruct" needs --${name} FILE.`);
    return value;
  };
  const request: ReconstructRequest = {
    sequence: required('sequence'),
    config: required('config'),
    out: required('out'),
    calibration: values.calibration,
    coverageOut: values.coverage,
    importance: values.importance,
    reference: values.reference,
    spacingMm: numberIn(values, 'spacing', 0.01, 100),
    fillGapsMm: numberIn(values, 'fill-gaps', 0, 1000),
    lagMs: numberIn(values, 'lag', -10_000, 10_000),
    workers: numberIn(values, 'workers', 0, 64) ?? Math.min(USUAL_WORKERS, availableParallelism()),
    interpolation: wordIn(values, 'interpolation', ['nearest', 'linear']),
    compounding: wordIn(values, 'compounding', ['mean', 'latest', 'maximum']),
    axes: wordIn(values, 'axes', ['frame', 'sweep']) ?? 'frame',
    voxels: wordIn(values, 'voxels', ['uint8', 'float32']) ?? 'uint8',
    likePlus: values['like-plus'] ?? false,
    json: values.json ?? false,
  };
  if (!Number.isInteger(request.workers)) throw new Error(`--workers must be a whole number, not ${request.workers}.`);
  const foreign = (['fill-gaps', 'axes', 'voxels', 'coverage'] as const).find((name) => values[name] !== undefined);
  if (request.likePlus && foreign !== undefined) {
    throw new Error(`--${foreign} is none of PLUS's rules: leave it out, or --like-plus.`);
  }
  return request;
}

/** `--lag -20` as `--lag=-20`: a number below zero is no option. */
function withNegatives(args: readonly string[]): string[] {
  const out: string[] = [];
  for (const arg of args) {
    if (/^-[\d.]/.test(arg) && out.at(-1)?.startsWith('--')) out[out.length - 1] += `=${arg}`;
    else out.push(arg);
  }
  return out;
}

type Texts = Readonly<Record<string, string | boolean | undefined>>;

function numberIn(values: Texts, name: string, least: number, most: number): number | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new Error(`--${name} is "${String(value)}", which is no number of ${least} … ${most}.`);
}

function wordIn<T extends string>(values: Texts, name: string, words: readonly T[]): T | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  const found = words.find((word) => word === value);
  if (found === undefined) throw new Error(`--${name} is one of ${words.join(', ')}, not "${String(value)}".`);
  return found;
}

/** `trocar-volume reconstruct`; the answer is the exit code. Never throws a NavError. */
export async function runReconstruct(request: ReconstructRequest, to: CommandOutput): Promise<0 | 1> {
  try {
    await perform(request, to);
    return 0;
  } catch (error) {
    return refused(error, to, request.json, { path: request.sequence });
  }
}

async function perform(request: ReconstructRequest, to: CommandOutput): Promise<void> {
  for (const path of [request.out, request.coverageOut]) if (path !== undefined) requireFormat(path);
  const setup = await setupOf(request.config, request.calibration);
  const plan = planOf(setup, request);
  const lagMs = request.lagMs ?? setup.lagMs ?? 0;
  const recorded = await sweepOf(request.sequence, setup, {
    image: plan.imageFrame ?? setup.frames.image,
    reference: request.reference ?? plan.referenceFrame ?? setup.frames.reference,
    skipInterval: plan.skipInterval,
    lagMs,
    likePlus: request.likePlus,
  });
  const importance = await importanceOf(request.importance, plan, request, recorded.sweep.size);
  const made = request.likePlus
    ? likePlus(recorded.sweep, plan, importance)
    : await ownWay(recorded.sweep, plan, importance, request);
  await writeVolume(made.volume, request.out);
  if (request.coverageOut !== undefined && made.coverage !== undefined) {
    const { size, frameFromIndex } = made.volume;
    const series = { description: '0 unknown, 1 seen, 2 filled' };
    await writeVolume(
      volume({ frame: REFERENCE, voxels: made.coverage, size, frameFromIndex, modality: 'US', series }),
      request.coverageOut,
    );
  }
  report({ request, setup, recorded, made, lagMs }, to);
}

/** What the set-up says, and what was typed instead. */
function planOf(setup: UltrasoundSetup, request: ReconstructRequest): SetupReconstruction {
  const said = setup.reconstruction;
  const { spacingMm: mm, interpolation, compounding } = request;
  if (said === undefined && mm === undefined) {
    throw new NavError('setup/missing', `${setup.name} has no VolumeReconstruction: say how large a voxel is with --spacing MM.`);
  }
  if (said === undefined && request.likePlus) {
    throw new NavError('setup/missing', `${setup.name} has no VolumeReconstruction, whose rules --like-plus would follow.`);
  }
  const usual: SetupReconstruction = said ?? {
    spacingMm: [0.5, 0.5, 0.5],
    interpolation: 'linear',
    compounding: 'mean',
    optimization: 'full',
    skipInterval: 1,
    holeFilling: [],
  };
  return {
    ...usual,
    ...(mm !== undefined && { spacingMm: [mm, mm, mm] as const }),
    ...(interpolation !== undefined && { interpolation }),
    ...(compounding !== undefined && { compounding }),
  };
}

function requireFormat(path: string): void {
  if (/\.(nii|nii\.gz|nrrd|mha)$/i.test(path)) return;
  throw new NavError('io/unsupported-format', `"${path}" cannot be written: choose .nii, .nii.gz, .nrrd or .mha.`, {
    detail: { path },
  });
}

interface Done {
  readonly request: ReconstructRequest;
  readonly setup: UltrasoundSetup;
  readonly recorded: RecordedSweep;
  readonly made: Reconstructed;
  readonly lagMs: number;
}

function report({ request, setup, recorded, made, lagMs }: Done, to: CommandOutput): void {
  const { sweep, repeated } = recorded;
  const v: AnyVolume = made.volume;
  const warnings: SetupNote[] = [...setup.notes, ...recorded.notes, ...made.notes];
  if (sweep.withoutPose.length > 0) {
    const message = `${sweep.withoutPose.length} of ${recorded.recorded} images have no usable pose and are not in the volume.`;
    warnings.push({ code: 'without-pose', message });
  }
  const facts = {
    ok: true,
    sequence: request.sequence,
    config: request.config,
    out: request.out,
    mode: request.likePlus ? 'like-plus' : 'trocar',
    ...made.facts,
    lagMs,
    size: v.size,
    spacingMm: Array.from(spacingOf(v)),
    coordinates: "mm of the reference's own frame: no patient axes",
    frameFromIndex: Array.from(v.frameFromIndex),
    images: { recorded: recorded.recorded, used: sweep.frames.length, withoutPose: sweep.withoutPose, repeated },
    warnings,
  };
  if (request.json) {
    to.out(JSON.stringify(facts, null, 2));
    return;
  }
  to.out(
    `${request.out}: ${v.size.join(' × ')} voxels of ${Array.from(spacingOf(v), (mm) => mm.toFixed(3)).join(' × ')} mm from ${sweep.frames.length} of ${recorded.recorded} images`,
  );
  for (const [key, value] of Object.entries(made.facts)) to.out(`${key.padEnd(20)}${String(value)}`);
  for (const note of warnings) to.out(`warning ${note.code}: ${note.message}`);
}
