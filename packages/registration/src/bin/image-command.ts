import { availableParallelism } from 'node:os';
import type { Point } from '@trocar/core';
import { type ExpectedTre, expectedTreOf } from '../accuracy/expected-tre.js';
import { type Arguments, type OptionKinds, UsageError } from './arguments.js';
import { targetsOf } from './files.js';
import { chooseMetric, IMAGE_METRICS, IMAGE_TRANSFORMS, type MetricChoice } from './image-command-choice.js';
import { type ImageInputs, imageFacts, movingPaths, readImages, startInFile, startOf } from './image-command-input.js';
import { register } from './image-command-methods.js';
import { requireOutputs, type WrittenImages, writeImages } from './image-command-output.js';
import type { ImageResult, ImageWanted } from './image-command-result.js';
import { watched } from './image-command-watch.js';
import { writtenLines } from './points-command.js';
import { matrixLines, type Note, number, type Report, rowsOf } from './report.js';
import { targetFacts } from './targets.js';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

export const IMAGE_OPTIONS: OptionKinds = {
  fixed: text,
  'fixed-series': text,
  'fixed-is-ultrasound': flag,
  'fixed-mask': text,
  moving: text,
  'moving-series': text,
  'moving-is-ultrasound': flag,
  'moving-mask': text,
  metric: text,
  transform: text,
  initial: text,
  'search-mm': text,
  'search-deg': text,
  seed: text,
  threads: text,
  targets: text,
  'targets-in': text,
  'targets-space': text,
  'targets-list': text,
  space: text,
  'target-fle': text,
  out: text,
  resampled: text,
  force: flag,
};

const MOST_THREADS = 64;
/** More than this gain little, and take memory. */
const DEFAULT_THREADS = 8;

type Wanted = Omit<ImageWanted, 'start'> & {
  readonly metric: (typeof IMAGE_METRICS)[number];
  readonly targetFleMm: number | undefined;
};

/** `trocar-register image`. @throws NavError, UsageError */
export async function imageCommand(args: Arguments): Promise<Report> {
  const wanted = wantedOf(args);
  args.required('fixed');
  const paths = movingPaths(args);
  const resampled = requireOutputs(args, wanted.transform, paths);
  return watched(async (watch) => {
    const targets = await targetsOf(args);
    const file = await startInFile(args);
    watch.progress(0, 'reading');
    const inputs = await readImages(args, paths, watch.signal);
    const choice = chooseMetric(
      wanted.metric,
      wanted.transform,
      inputs.fixed.about,
      inputs.moving.map(({ about }) => about),
    );
    const started = performance.now();
    const result = await register(choice, inputs, { ...wanted, start: startOf(args, file, inputs) }, watch);
    const seconds = (performance.now() - started) / 1000;
    const written = await writeImages(args, resampled, inputs, result);
    const at = targetFacts(args, targets.points, result.edge, expectedBy(result, wanted.targetFleMm));
    return {
      outcome: result.outcome,
      findings: result.findings,
      warnings: [...args.notes, ...result.warnings, ...doubts(choice, inputs, result), ...written.notes],
      facts: {
        ...factsOf(choice, inputs, wanted, result),
        seconds,
        tre95Mm: at.tre95Mm,
        targets: at.targets,
        out: written.out,
        resampled: written.resampled,
      },
      lines: [
        ...linesOf(choice, result, seconds),
        ...(targets.points.length > 0 ? ['', ...at.lines] : []),
        ...writtenLines(written.out),
        ...resampledLines(written),
      ],
    };
  });
}

/** The options, looked at before any file is. */
function wantedOf(args: Arguments): Wanted {
  const metric = args.choice('metric', IMAGE_METRICS) ?? 'auto';
  const transform = args.choice('transform', IMAGE_TRANSFORMS) ?? 'rigid';
  if ((metric === 'lc2' || metric === 'mind') && transform !== 'rigid' && transform !== 'bspline')
    throw new UsageError(`--metric ${metric} goes with --transform rigid and bspline.`);
  const threads = args.number('threads', { above: -1, whole: true }) ?? Math.min(DEFAULT_THREADS, availableParallelism());
  if (threads > MOST_THREADS) throw new UsageError(`--threads is at most ${MOST_THREADS}, not ${threads}.`);
  if (metric === 'elastix') {
    for (const name of ['search-mm', 'search-deg', 'fixed-mask', 'moving-mask'])
      if (args.text(name) !== undefined)
        throw new UsageError(`--${name} does not go with --metric elastix, which looks around its start in all of both images.`);
  }
  if (transform === 'bspline' && args.choice('targets-in', ['fixed', 'moving']) === 'moving')
    throw new UsageError('--targets-in moving does not go with --transform bspline.');
  return {
    metric,
    transform,
    threads,
    searchMm: args.number('search-mm', { above: 0 }),
    searchDeg: args.number('search-deg', { above: 0 }),
    seed: args.number('seed', { whole: true }),
    targetFleMm: args.number('target-fle', { above: 0 }),
  };
}

/** The expected error, as far as the method knows it: of rigid results with covariance. */
function expectedBy({ rigid, deformation }: ImageResult, targetFleMm: number | undefined): (p: Point<'fixed'>) => ExpectedTre {
  return (p) => {
    if (rigid === undefined || deformation !== undefined)
      return { covariance: new Float64Array(9).fill(Number.NaN), rmsMm: Number.NaN, p95Mm: Number.NaN };
    return expectedTreOf(rigid, p, { ...(targetFleMm !== undefined && { targetFleMm }) });
  };
}

/** The rigid registration was right, whatever became of its deformation. */
const SETTLED = 0.9;

/** Mutual information hardly sees what ultrasound shows, and a file may not have said that it is ultrasound. */
function doubts(choice: MetricChoice, { fixed, moving }: ImageInputs, { outcome, confidence }: ImageResult): Note[] {
  const unknown = [fixed, ...moving].filter(({ about }) => about.modality === 'OT');
  const settled = outcome === 'ok' || (confidence ?? 0) >= SETTLED;
  if (settled || choice.ultrasound !== undefined || choice.reason.startsWith('--metric') || unknown.length === 0) return [];
  const names = unknown.map(({ about }) => `"${about.path}"`).join(' and ');
  const message = `${names} does not say what made it. If it is ultrasound, say --fixed-is-ultrasound or --moving-is-ultrasound.`;
  return [{ code: 'modality-unknown', message }];
}

function factsOf(choice: MetricChoice, inputs: ImageInputs, wanted: Wanted, result: ImageResult): Record<string, unknown> {
  return {
    fixedFromMoving: rowsOf(result.edge.matrix),
    confidence: result.confidence,
    metric: result.metric,
    metricReason: choice.reason,
    ultrasound: choice.ultrasound ?? null,
    transform: wanted.transform,
    deformed: result.deformation !== undefined,
    starts: result.starts,
    seed: wanted.seed ?? 1,
    threads: result.threads,
    fixed: imageFacts(inputs.fixed),
    moving: inputs.moving.map(imageFacts),
    ...result.facts,
  };
}

function linesOf(choice: MetricChoice, result: ImageResult, seconds: number): string[] {
  const kind =
    result.deformation === undefined ? (result.rigid === undefined ? 'affine' : 'rigid') : 'linear part of a deformation';
  const sure =
    result.confidence === null
      ? 'How sure that is, elastix does not say'
      : `The checks together give it a chance of ${number(100 * result.confidence, 0)} % to be right`;
  return [
    `By ${result.metric}: ${choice.reason}`,
    ...matrixLines(`fixed from moving (LPS, mm; ${kind})`, result.edge.matrix),
    `${sure}; ${result.starts} ${result.starts === 1 ? 'start' : 'starts'}, ${number(seconds, 2)} s`,
  ];
}

function resampledLines({ resampled }: WrittenImages): string[] {
  return resampled === null ? [] : [`Moving image on the fixed image's grid: ${resampled.join(', ')}.`];
}
