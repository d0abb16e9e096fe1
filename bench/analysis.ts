import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { frame } from '@trocar/core';
import { measureLesions, modelDescription, onnxModel, type SegmentationModel, segment } from '@trocar/core/analysis';
import { type Volume, volume } from '@trocar/core/volume';
import * as ort from 'onnxruntime-web/wasm';
import { type Anatomy, imagedLiver } from './_liver-phantoms.js';
import { calibrated, kept, type LesionRule, type Marked, matches, NO_RULE } from './_liver-scores.js';
import { median, type Row, report, row } from './_report.js';

/**
 * The demonstration network against phantoms of known truth, and a classic way (smooth, threshold, components, a rim of liver) beside it on
 * the same images: Dice, volume, centroid, diameter, coverage of the stated error bars.
 * `--phantoms N` (default 12), `--seed N` (default 1000), `--from held-out|validation|training` (default held-out), `--overlap X` (default 0.5).
 * `--large`: the way there and back alone, for a CT of 512 × 512 × 300 and a network that costs nothing. `--each`: a line for every phantom.
 * `--calibrate`: which components count as lesions and how wide error bars must be, chosen on these phantoms (take `--from validation`), and no more.
 */

const { values: options } = parseArgs({
  options: {
    phantoms: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1000' },
    from: { type: 'string', default: 'held-out' },
    overlap: { type: 'string', default: '0.5' },
    each: { type: 'boolean', default: false },
    calibrate: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
  },
});
const FROM: Anatomy = options.from === 'training' || options.from === 'validation' ? options.from : 'held-out';
const OVERLAP = Number(options.overlap);

async function network(): Promise<SegmentationModel> {
  const at = (name: string): Buffer =>
    readFileSync(fileURLToPath(new URL(`../test/models/liver-tumour/${name}`, import.meta.url)));
  ort.env.wasm.numThreads = 1;
  const description = modelDescription(JSON.parse(at('liver-tumour.json').toString()));
  return onnxModel(ort, new Uint8Array(at('liver-tumour.onnx')), description, { backend: 'wasm' });
}

function dice(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [both, sum] = [0, 0];
  for (let n = 0; n < a.length; n += 1) {
    const [x, y] = [(a[n] as number) > 0, (b[n] as number) > 0];
    if (x && y) both += 1;
    sum += (x ? 1 : 0) + (y ? 1 : 0);
  }
  return sum === 0 ? 1 : (2 * both) / sum;
}

/** Means over cubes of about 3 mm, darker than liver and brighter than water, in pieces that liver surrounds. */
function classic(v: Volume<'ct'>, leastMl: number): Volume<'ct'> {
  const size = v.size.map((n) => Math.max(1, n)) as [number, number, number];
  const smooth = smoothed(v);
  const bright: number[] = [];
  for (let n = 0; n < smooth.length; n += 97)
    if ((smooth[n] as number) > 75 && (smooth[n] as number) < 140) bright.push(smooth[n] as number);
  const liver = median(bright);
  const marked = Uint8Array.from(smooth, (x) => (x > liver - 75 && x < liver - 14 ? 1 : 0));
  const labels = volume({ frame: v.frame, size, frameFromIndex: v.frameFromIndex, voxels: marked, modality: 'SEG' });
  const kept = new Uint8Array(marked.length);
  for (const lesion of measureLesions(labels, { leastMl })) {
    if (lesion.volumeMl > 60 || lesion.cutOff) continue;
    const [i0, j0, k0, i1, j1, k1] = lesion.box;
    let [rim, ofLiver] = [0, 0];
    for (let k = Math.max(0, k0 - 2); k <= Math.min(size[2] - 1, k1 + 2); k += 1) {
      for (let j = Math.max(0, j0 - 2); j <= Math.min(size[1] - 1, j1 + 2); j += 1) {
        for (let i = Math.max(0, i0 - 2); i <= Math.min(size[0] - 1, i1 + 2); i += 1) {
          const n = i + size[0] * (j + size[1] * k);
          if (marked[n] === 1) continue;
          rim += 1;
          if (Math.abs((smooth[n] as number) - liver) < 20 || (smooth[n] as number) > liver) ofLiver += 1;
        }
      }
    }
    if (ofLiver < 0.75 * rim) continue;
    for (let k = k0; k <= k1; k += 1) {
      for (let j = j0; j <= j1; j += 1) {
        for (let i = i0; i <= i1; i += 1) {
          const n = i + size[0] * (j + size[1] * k);
          if (marked[n] === 1) kept[n] = 1;
        }
      }
    }
  }
  return { ...labels, voxels: kept };
}

function smoothed(v: Volume<'ct'>): Float32Array {
  const out = Float32Array.from(v.voxels);
  for (const [axis, step] of [1, v.size[0], v.size[0] * v.size[1]].entries()) {
    const m = v.frameFromIndex;
    const edge = Math.hypot(m[4 * axis] as number, m[4 * axis + 1] as number, m[4 * axis + 2] as number);
    for (let pass = 0; pass < Math.round(3 / edge); pass += 1) {
      for (let n = step; n < out.length - step; n += 1) {
        out[n] = 0.25 * (out[n - step] as number) + 0.5 * (out[n] as number) + 0.25 * (out[n + step] as number);
      }
    }
  }
  return out;
}

interface Measured {
  readonly dice: number;
  /** For each true tumour that a found lesion covers. */
  readonly volumeError: number[];
  readonly centroidMm: number[];
  readonly diameterMm: number[];
  /** 1 where the stated 95 % bounds hold the truth; of the centroid for each axis. */
  readonly volumeWithin: number[];
  readonly diameterWithin: number[];
  readonly centroidWithin: number[];
  readonly missed: number;
  readonly invented: number;
  /** Found where the image ends: neither way is asked for those. */
  readonly cutOff: number;
}

/** Labels without the boxes of some lesions. */
function without(
  { voxels, size: [ni, nj] }: Volume<'ct'>,
  lesions: readonly { readonly box: readonly number[] }[],
): ArrayLike<number> {
  const out = Uint8Array.from(voxels);
  for (const { box } of lesions) {
    const [i0, j0, k0, i1, j1, k1] = box as [number, number, number, number, number, number];
    for (let k = k0; k <= k1; k += 1) {
      for (let j = j0; j <= j1; j += 1) out.fill(0, i0 + ni * (j + nj * k), i1 + 1 + ni * (j + nj * k));
    }
  }
  return out;
}

/** Chosen on phantoms for validation (`--calibrate`), whose anatomy is neither trained with nor held out. */
const RULE: LesionRule = { leastMl: 0.15, leastConfidence: 0.66 };

function measured({ phantom, lesions }: Marked, labels: Volume<'ct'>, rule: LesionRule): Measured {
  const taken = kept(lesions, rule);
  const dropped = lesions.filter((lesion) => lesion.cutOff || !taken.includes(lesion));
  const { found, missed, invented } = matches(phantom, taken);
  const holds = (error: number, sd: number): number => (Math.abs(error) <= 1.96 * sd ? 1 : 0);
  return {
    volumeError: found.map(({ truth, lesion }) => lesion.volumeMl / truth.volumeMl - 1),
    centroidMm: found.map(({ offMm }) => Math.hypot(...offMm)),
    diameterMm: found.map(({ truth, lesion }) => lesion.diameterMm - truth.diameterMm),
    volumeWithin: found.map(({ truth, lesion: l }) => holds(l.volumeMl - truth.volumeMl, l.volumeSdMl)),
    diameterWithin: found.map(({ truth, lesion: l }) => holds(l.diameterMm - truth.diameterMm, l.diameterSdMm)),
    centroidWithin: found.flatMap(({ lesion, offMm }) => offMm.map((x) => holds(x, lesion.centroidSdMm))),
    dice: dice(without(labels, dropped), phantom.tumourLabels.voxels),
    missed,
    invented,
    cutOff: taken.filter((lesion) => lesion.cutOff).length,
  };
}

/** Time and memory of everything but the network. */
async function large(): Promise<Row[]> {
  const voxels = new Int16Array(512 * 512 * 300).map((_, n) => (n * 7919) % 400);
  const frameFromIndex = [0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const v = volume({ frame: frame('ct'), voxels, size: [512, 512, 300], frameFromIndex, modality: 'CT' });
  const real = await network();
  const { patch } = real.description;
  const answer = new Float32Array(2 * patch[0] * patch[1] * patch[2]).fill(0.5);
  const before = process.resourceUsage().maxRSS;
  const started = performance.now();
  await segment(v, { ...real, run: async () => answer });
  const seconds = (performance.now() - started) / 1000;
  const mib = (process.resourceUsage().maxRSS - before) / 1024;
  return [
    row('512 × 512 × 300, all but the network', 's', [seconds]),
    row('512 × 512 × 300, memory beside the volume (labels and entropy are 150 MiB of it)', 'MiB', [mib]),
  ];
}

if (options.large) {
  report(await large());
  process.exit(0);
}
const model = await network();
const [ours, plain, theirs, seconds, marked]: [Measured[], Measured[], Measured[], number[], Marked[]] = [[], [], [], [], []];
for (let n = 0; n < Number(options.phantoms); n += 1) {
  const phantom = imagedLiver(Number(options.seed) + n, FROM);
  const started = performance.now();
  const { content } = await segment(phantom.volume, model, { overlap: OVERLAP });
  seconds.push((performance.now() - started) / 1000);
  const probability = content.probability(1);
  if (options.calibrate) {
    marked.push({ phantom, lesions: measureLesions(content.labels, { probability }) });
    continue;
  }
  const lesions = measureLesions(content.labels, { probability, errors: content.errors });
  ours.push(measured({ phantom, lesions }, content.labels, RULE));
  plain.push(measured({ phantom, lesions }, content.labels, NO_RULE));
  const labels = classic(phantom.volume, NO_RULE.leastMl);
  theirs.push(measured({ phantom, lesions: measureLesions(labels) }, labels, NO_RULE));
  if (options.each) {
    const [a, b] = [ours.at(-1) as Measured, theirs.at(-1) as Measured];
    const told = (m: Measured): string => `Dice ${m.dice.toFixed(3)}, missed ${m.missed}, invented ${m.invented}`;
    console.log(
      `${Number(options.seed) + n}: ${phantom.tumours.length} tumours; network ${told(a)}; classic ${told(b)}; uncertain ${content.uncertain.ml.toFixed(1)} ml`,
    );
  }
}
if (options.calibrate) {
  console.log(JSON.stringify(calibrated(marked)));
  process.exit(0);
}

type Listed = 'volumeError' | 'centroidMm' | 'diameterMm' | 'volumeWithin' | 'diameterWithin' | 'centroidWithin';
const all = (list: readonly Measured[], key: Listed): number[] => list.flatMap((m) => m[key]);
const count = (list: readonly Measured[], key: 'missed' | 'invented' | 'cutOff'): number =>
  list.reduce((sum, m) => sum + m[key], 0);
const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
const rows: Row[] = [];
for (const [name, list] of [
  ['network', ours],
  ['network without its rule', plain],
  ['classic', theirs],
] as const) {
  const tumours = all(list, 'volumeError').length + count(list, 'missed');
  const said = `${FROM}, ${name}`;
  const absolute = (key: Listed, scale = 1): number[] => all(list, key).map((x) => scale * Math.abs(x));
  const dices = list.map((m) => m.dice);
  rows.push(
    row(`Dice, ${said}`, '', dices),
    { name: `mean Dice, ${said}`, median: mean(dices), unit: '', runs: list.length },
    row(`volume error, ${said}`, '%', absolute('volumeError', 100)),
    row(`centroid error, ${said}`, 'mm', absolute('centroidMm')),
    row(`diameter error, ${said}`, 'mm', absolute('diameterMm')),
    { name: `tumours missed, ${said}`, median: count(list, 'missed'), unit: `of ${tumours}`, runs: list.length },
    { name: `cut off by the image and left out, ${said}`, median: count(list, 'cutOff'), unit: '', runs: list.length },
    { name: `lesions invented above 0.3 ml, ${said}`, median: count(list, 'invented'), unit: '', runs: list.length },
  );
}
for (const [name, key] of [
  ['volumes', 'volumeWithin'],
  ['diameters', 'diameterWithin'],
  ['centroids, each axis,', 'centroidWithin'],
] as const) {
  const within = all(ours, key);
  rows.push({
    name: `${name} within their 95 % bounds, ${FROM}, network`,
    median: 100 * mean(within),
    unit: '%',
    runs: within.length,
  });
}
rows.push(row('segmenting, WASM, one thread', 's', seconds));
report(rows);
