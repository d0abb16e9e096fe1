import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { frame } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { readTrackedSequence } from '@trocar/core/recording';
import {
  fillHoles,
  gridOfSweep,
  makeSweep,
  reconstructLikePlus,
  reconstructSweep,
  rowSpans,
  type Sweep,
  type SweepGrid,
  type SweepReconstructionOptions,
  SweepReconstructor,
  startReconstructionWorker,
  sweepOfSequence,
} from '@trocar/core/ultrasound';
import { median, type Row, report, row } from './_report.js';

/**
 * Freehand reconstruction at PLUS's own size, 820 × 616 pixels into voxels of 0.5 mm: PLUS's spine phantom where TROCAR_DATA has it, else a
 * made-up sweep of the same shape. `--runs N`.
 */

const argument = (name: string, usual: number): number => Number(process.argv[process.argv.indexOf(name) + 1]) || usual;
const RUNS = argument('--runs', 3);
const SIZE = [820, 616] as const;
const REFERENCE = frame('reference');
const FILE = join(
  resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../shared/data')),
  'tracked-ultrasound/sequences/SpinePhantomFreehand.igs.mha',
);
/** Image to probe of its configuration, column by column. */
const CALIBRATION = [
  -0.00157821, -0.0839128, 0.0159024, 0, 0.0785919, 0.00372697, 0.00714276, 0, -0.00803285, 0.0153803, 0.0803604, 0, 15.3978,
  49.5705, -8.63446, 1,
];

async function spine(): Promise<Sweep<'reference'>> {
  if (existsSync(FILE)) {
    const sequence = readTrackedSequence(new Uint8Array(readFileSync(FILE)));
    return sweepOfSequence(sequence, { frame: REFERENCE, probeFromImage: CALIBRATION });
  }
  console.error('TROCAR_DATA has no SpinePhantomFreehand: a made-up sweep takes its place.');
  const random = new Random(1);
  const frames = Array.from({ length: 21 }, (_, n) => ({
    pixels: Uint8Array.from({ length: SIZE[0] * SIZE[1] }, () => random.below(256)),
    frameFromImage: [0.078, 0.002, 0.01, 0, -0.002, 0.078, 0.003, 0, 0, 0, 0.08, 0, 0, 0, 1.7 * n, 1],
  }));
  return makeSweep({ frame: REFERENCE, size: SIZE, frames });
}

/** The sweep so many times over, with times of its own. */
const repeated = (sweep: Sweep<'reference'>, times: number): Sweep<'reference'> =>
  makeSweep({
    ...sweep,
    frames: Array.from({ length: times }, () => sweep.frames)
      .flat()
      .map((f, n) => ({ ...f, timeMs: 40 * n })),
  });

/** Every mode, the aim for two workers, and how many times over the sweep is taken. */
const MODES: ReadonlyArray<{ name: string; options: SweepReconstructionOptions; aim?: number; times: number }> = [
  { name: 'nearest mean', options: { interpolation: 'nearest', compounding: 'mean' }, aim: 700, times: 8 },
  { name: 'nearest latest', options: { interpolation: 'nearest', compounding: 'latest' }, aim: 700, times: 8 },
  { name: 'nearest maximum', options: { interpolation: 'nearest', compounding: 'maximum' }, times: 8 },
  { name: 'linear mean', options: { interpolation: 'linear', compounding: 'mean' }, aim: 160, times: 4 },
  { name: 'linear latest', options: { interpolation: 'linear', compounding: 'latest' }, times: 4 },
  { name: 'linear maximum', options: { interpolation: 'linear', compounding: 'maximum' }, times: 4 },
  { name: 'backward', options: { mode: 'backward', elevationMm: 4 }, times: 1 },
];

/** Whole reconstructions, from the first image to the volume: images a second by the clock, and what all threads together took of the cores. */
async function speed(sweep: Sweep<'reference'>): Promise<Row[]> {
  const workers = [startReconstructionWorker(), startReconstructionWorker()];
  const rows: Row[] = [];
  for (const { name, options, aim, times } of MODES) {
    const many = repeated(sweep, times);
    for (const count of [1, 2]) {
      const [rates, used]: [number[], number[]] = [[], []];
      const crew = workers.slice(0, count);
      await reconstructSweep(sweep, { ...options, workers: crew });
      for (let run = 0; run < RUNS; run += 1) {
        const [from, cpu] = [performance.now(), process.cpuUsage()];
        await reconstructSweep(many, { ...options, workers: crew });
        const { user, system } = process.cpuUsage(cpu);
        rates.push((1000 * many.frames.length) / (performance.now() - from));
        used.push((user + system) / 1000 / many.frames.length);
      }
      const goal = count === 2 && aim !== undefined ? { text: `at least ${aim}`, met: median(rates) >= aim } : undefined;
      rows.push(row(`${name}, ${count === 1 ? 'one worker' : 'two workers'}`, 'frames/s', rates, goal));
      rows.push(row(`${name}, ${count === 1 ? 'one worker' : 'two workers'}, processor time`, 'ms/frame', used));
    }
  }
  for (const worker of workers) worker.terminate();
  return rows;
}

function incremental(sweep: Sweep<'reference'>): Row {
  const grid = gridOfSweep(sweep, rowSpans(sweep.size), { spacingMm: 0.5 });
  const live = new SweepReconstructor({ frame: REFERENCE, size: sweep.size, grid });
  const times: number[] = [];
  const frames = repeated(sweep, 4 * RUNS).frames;
  for (let from = 0; from < frames.length; from += sweep.frames.length) {
    const used = processorMs(() => {
      for (const f of frames.slice(from, from + sweep.frames.length)) live.add(f);
    });
    times.push(used / sweep.frames.length);
  }
  const met = median(times) <= 8;
  return row('linear mean, a frame added and its box brought up to date, processor time', 'ms', times, {
    text: 'at most 8 ms',
    met,
  });
}

/** What the process took of its cores, ms: other programs' load does not enter as it does into the time of the clock. */
function processorMs(work: () => void): number {
  const from = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
}

function holes(): Row[] {
  const size = [236, 236, 236] as const;
  const random = new Random(3);
  const options = { size, spacingMm: [0.5, 0.5, 0.5], maxGapMm: 4 } as const;
  const kinds = [
    ['a tenth of them holes', () => random.uniform() < 0.9],
    ['every second plane', (n: number) => Math.floor(n / 236 ** 2) % 2 === 0],
  ] as const;
  return kinds.map(([name, isSeen]) => {
    const seen = Uint8Array.from({ length: size[0] ** 3 }, (_, n) => (isSeen(n) ? 1 : 0));
    const times = Array.from({ length: RUNS }, () => {
      const [coverage, voxels] = [seen.slice(), seen.slice()];
      return processorMs(() => fillHoles(voxels, coverage, options)) / 1000;
    });
    const aim = { text: 'at most 0.5 s', met: median(times) <= 0.5 };
    return row(`gaps up to 4 mm filled, 13 M voxels, ${name}, processor time`, 's', times, aim);
  });
}

const grey = (x: number, y: number, z: number): number => 110 + 40 * Math.sin(x / 3 + y / 5) + 30 * Math.cos(z - y / 4);

/** Images of a body that is known, with noise on every pixel, `stepMm` apart over 9 mm. */
function knownSweep(seed: number, stepMm: number): Sweep<'reference'> {
  const random = new Random(seed);
  const size = [160, 120] as const;
  const frames = Array.from({ length: Math.round(9 / stepMm) }, (_, n) => {
    const tilt = random.between(-0.05, 0.05);
    const frameFromImage = [0.12, 0, 0.12 * tilt, 0, 0, 0.12, 0, 0, 0, 0, 0.12, 0, 5, 5, 5 + stepMm * n, 1];
    const pixels = Uint8Array.from({ length: size[0] * size[1] }, (_x, at) => {
      const [u, v] = [at % size[0], Math.floor(at / size[0])];
      const value = grey(5 + 0.12 * u, 5 + 0.12 * v, 5 + stepMm * n + 0.12 * tilt * u) + 20 * random.normal();
      return Math.max(0, Math.min(255, Math.round(value)));
    });
    return { pixels, frameFromImage, timeMs: 40 * n };
  });
  return makeSweep({ frame: REFERENCE, size, frames });
}

/** Root mean square error of voxels that all of the volumes have. */
function errorsOf(grid: SweepGrid, volumes: ReadonlyArray<{ voxels: ArrayLike<number>; coverage: Uint8Array }>): number[] {
  const g = grid.frameFromIndex;
  const sums = volumes.map(() => 0);
  let count = 0;
  for (let n = 0; n < grid.size[0] * grid.size[1] * grid.size[2]; n += 1) {
    if (!volumes.every((v) => v.coverage[n] !== 0)) continue;
    const index = [n % grid.size[0], Math.floor(n / grid.size[0]) % grid.size[1], Math.floor(n / grid.size[0] / grid.size[1])];
    const at = (r: number): number => (g[5 * r] as number) * (index[r] as number) + (g[12 + r] as number);
    const value = grey(at(0), at(1), at(2));
    volumes.forEach((v, which) => {
      sums[which] = (sums[which] as number) + ((v.voxels[n] as number) - value) ** 2;
    });
    count += 1;
  }
  return sums.map((sum) => Math.sqrt(sum / count));
}

/** Errors of every mode, and by the rules of PLUS. */
async function truth(): Promise<Row[]> {
  const errors = Array.from({ length: MODES.length + 1 }, (): number[] => []);
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const sweep = knownSweep(seed, 0.15);
    const grid = gridOfSweep(sweep, rowSpans(sweep.size), { spacingMm: 0.5, axes: 'frame' });
    const volumes = [];
    for (const { options } of MODES) {
      const width = options.mode === 'backward' ? { elevationMm: 1 } : {};
      const { volume, coverage } = await reconstructSweep(sweep, { ...options, ...width, grid });
      volumes.push({ voxels: volume.voxels as Uint8Array, coverage });
    }
    const plus = reconstructLikePlus(sweep, { spacingMm: 0.5, grid, interpolation: 'linear', compounding: 'mean' });
    const voxels = plus.voxels as Uint8Array;
    volumes.push({ voxels, coverage: voxels.map((v) => Math.min(1, v)) });
    errorsOf(grid, volumes).forEach((error, n) => {
      errors[n]?.push(error);
    });
  }
  const plus = errors[MODES.length] as number[];
  const rows = MODES.map(({ name }, n) => {
    const own = errors[n] as number[];
    const aim = name === 'linear mean' && { text: 'below the rules of PLUS', met: own.every((x, k) => x < (plus[k] as number)) };
    return row(`${name}: rms error, noise of 20 grey levels`, 'grey levels', own, aim || undefined);
  });
  return [...rows, row('by the rules of PLUS, linear mean: rms error', 'grey levels', plus)];
}

/** Images farther apart than voxels: backward against forward with its gaps filled. */
async function sparse(): Promise<Row[]> {
  const [backward, forward]: [number[], number[]] = [[], []];
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const sweep = knownSweep(seed, 1.2);
    const grid = gridOfSweep(sweep, rowSpans(sweep.size), { spacingMm: 0.5, axes: 'frame' });
    const made = [
      await reconstructSweep(sweep, { grid, mode: 'backward', elevationMm: 2.8 }),
      await reconstructSweep(sweep, { grid, fillGapsMm: 3 }),
    ].map(({ volume, coverage }) => ({ voxels: volume.voxels as Uint8Array, coverage }));
    const [ours = 0, theirs = 0] = errorsOf(grid, made);
    backward.push(ours);
    forward.push(theirs);
  }
  const met = backward.every((x, n) => x < (forward[n] as number));
  return [
    row('images 1.2 mm apart, backward: rms error', 'grey levels', backward, { text: 'below forward', met }),
    row('images 1.2 mm apart, linear mean, gaps filled: rms error', 'grey levels', forward),
  ];
}

const sweep = await spine();
report([...(await speed(sweep)), incremental(sweep), ...holes(), ...(await truth()), ...(await sparse())]);
