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
const RUNS = argument('--runs', 5);
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

async function speed(sweep: Sweep<'reference'>): Promise<Row[]> {
  const workers = [startReconstructionWorker(), startReconstructionWorker()];
  const many = repeated(sweep, 4);
  const rows: Row[] = [];
  for (const [interpolation, aim] of [
    ['nearest', 700],
    ['linear', 160],
  ] as const) {
    const rates: number[] = [];
    const own: number[] = [];
    await reconstructSweep(sweep, { interpolation, workers });
    for (let run = 0; run < RUNS; run += 1) {
      const from = performance.now();
      await reconstructSweep(many, { interpolation, workers });
      rates.push((1000 * many.frames.length) / (performance.now() - from));
      const cpu = process.cpuUsage();
      await reconstructSweep(sweep, { interpolation });
      const { user, system } = process.cpuUsage(cpu);
      own.push((user + system) / 1000 / sweep.frames.length);
    }
    const met = median(rates) >= aim;
    rows.push(row(`${interpolation} mean, two workers, whole sweep`, 'frames/s', rates, { text: `at least ${aim}`, met }));
    rows.push(row(`${interpolation} mean, alone, processor time`, 'ms/frame', own));
  }
  for (const worker of workers) worker.terminate();
  return rows;
}

function incremental(sweep: Sweep<'reference'>): Row {
  const grid = gridOfSweep(sweep, rowSpans(sweep.size), { spacingMm: 0.5 });
  const live = new SweepReconstructor({ frame: REFERENCE, size: sweep.size, grid });
  const times: number[] = [];
  const frames = repeated(sweep, 2 * RUNS).frames;
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

/** A body that is known, with noise on every pixel: error of voxels that both have. */
async function truth(): Promise<Row[]> {
  const grey = (x: number, y: number, z: number): number => 110 + 40 * Math.sin(x / 3 + y / 5) + 30 * Math.cos(z / 2 - y / 4);
  const [ours, plus]: [number[], number[]] = [[], []];
  for (let seed = 1; seed <= 4; seed += 1) {
    const random = new Random(seed);
    const size = [160, 120] as const;
    const frames = Array.from({ length: 60 }, (_, n) => {
      const tilt = random.between(-0.05, 0.05);
      const m = [0.12, 0, 0.12 * tilt, 0, 0, 0.12, 0, 0, 0, 0, 0.12, 0, 5, 5, 5 + 0.15 * n, 1];
      const pixels = Uint8Array.from({ length: size[0] * size[1] }, (_x, at) => {
        const [u, v] = [at % size[0], Math.floor(at / size[0])];
        const value = grey(5 + 0.12 * u, 5 + 0.12 * v, 5 + 0.15 * n + 0.12 * tilt * u) + 20 * random.normal();
        return Math.max(0, Math.min(255, Math.round(value)));
      });
      return { pixels, frameFromImage: m };
    });
    const sweep = makeSweep({ frame: REFERENCE, size, frames });
    const grid = gridOfSweep(sweep, rowSpans(size), { spacingMm: 0.5, axes: 'frame' });
    const a = await reconstructSweep(sweep, { grid });
    const b = reconstructLikePlus(sweep, { spacingMm: 0.5, grid, interpolation: 'linear', compounding: 'mean' });
    let [sumA, sumB, count] = [0, 0, 0];
    const g = grid.frameFromIndex;
    for (let n = 0; n < a.coverage.length; n += 1) {
      if (a.coverage[n] !== 1 || b.voxels[n] === 0) continue;
      const [i, j] = [n % grid.size[0], Math.floor(n / grid.size[0]) % grid.size[1]];
      const k = Math.floor(n / grid.size[0] / grid.size[1]);
      const at = (r: number, x: number): number => (g[5 * r] as number) * x + (g[12 + r] as number);
      const value = grey(at(0, i), at(1, j), at(2, k));
      sumA += ((a.volume.voxels[n] as number) - value) ** 2;
      sumB += ((b.voxels[n] as number) - value) ** 2;
      count += 1;
    }
    ours.push(Math.sqrt(sumA / count));
    plus.push(Math.sqrt(sumB / count));
  }
  const met = ours.every((x, n) => x < (plus[n] as number));
  return [
    row('known body, noise of 20 grey levels: rms error, default mode', 'grey levels', ours, {
      text: 'below the rules of PLUS',
      met,
    }),
    row('known body, noise of 20 grey levels: rms error, by the rules of PLUS', 'grey levels', plus),
  ];
}

const sweep = await spine();
report([...(await speed(sweep)), incremental(sweep), ...holes(), ...(await truth())]);
