import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { apply, frame, invert, type Point, point, type Transform, transform } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { fromRotationVector, identity4, multiply4, Random, transformPoint } from '@trocar/core/math';
import { simulateAbdominalUltrasound, simulateUltrasound } from '@trocar/core/testing';
import type { Volume } from '@trocar/core/volume';
import { registerPoints } from '@trocar/registration';
import { registerToUltrasound, type UltrasoundEvidence, ultrasoundConfidenceTerms } from '@trocar/registration/intensity';
import { type Row, report, row } from './_report.js';
import { variationsOf } from './_ultrasound-variations.js';

/**
 * MR and CT to ultrasound: RESECT case 24 (TROCAR_DATA/brain-mr-us) from seeded starts, and simulated operations and abdominal
 * examinations with known truth.
 *
 *   npm run bench -- ultrasound                      the counts of the documents
 *   … --starts 20 --simulated 10                     fewer
 *   … --only real|single|simulated|wrong|ct          one part
 *   … --only varied|far                              RESECT 24 changed in ways, and started 15, 20 and 25 mm off
 *   … --metric mind                                  by MIND instead of LC2
 *   … --first 26                                     from that seed on
 *   … --threads 2                                    workers, here 2; without, everything in one thread
 *   … --each                                         every result as it comes
 *   … --fit                                          weights of the confidence from these results
 *
 * Right: mean error of the landmarks at most 2.5 mm (real); mean distance from the best rigid motion over the targets at most
 * 2 mm (simulated, 3 mm of the larger flank: what no rigid motion can follow is no method's fault, and is printed beside).
 */

const argument = (name: string, usual: number): number => {
  const at = process.argv.indexOf(name);
  return at < 0 ? usual : Number(process.argv[at + 1]);
};
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined;
const STARTS = argument('--starts', 100);
const SIMULATED = argument('--simulated', 50);
const WRONG = argument('--wrong', 10);
const FAR = argument('--far', 4);
const FLANKS = argument('--flanks', 30);
const THREADS = argument('--threads', 0);
const FIRST = argument('--first', 1);
const METRIC = process.argv.includes('mind') ? 'mind' : 'lc2';

const us = frame('us');
const mr = frame('mr');

interface Case {
  readonly us: Volume<'us'>;
  readonly moving: readonly Volume<'mr'>[];
  readonly truth: ArrayLike<number>;
  readonly targets: { readonly us: readonly Point<'us'>[]; readonly mr: readonly Point<'mr'>[] };
}

interface Result {
  readonly errorMm: number;
  readonly rigidErrorMm: number;
  readonly expectedMm: number;
  readonly right: boolean;
  readonly outcome: string;
  readonly confidence: number;
  readonly evidence: UltrasoundEvidence;
  readonly seconds: number;
}

const folder = resolve(process.env['TROCAR_DATA'] ?? resolve(import.meta.dirname, '../../shared/data'), 'brain-mr-us');

async function realCase(): Promise<Case | undefined> {
  if (!existsSync(resolve(folder, 'Case24_US_0p5mm.nii.gz'))) return undefined;
  const lps = (p: readonly number[]): number[] => [-(p[0] as number), -(p[1] as number), p[2] as number];
  const json = JSON.parse(readFileSync(resolve(folder, 'Case24_landmarks.json'), 'utf8')) as { mri: number[][]; us: number[][] };
  return {
    us: await readVolume(resolve(folder, 'Case24_US_0p5mm.nii.gz'), { frame: us }),
    moving: [
      await readVolume(resolve(folder, 'Case24_T1_on_US_grid_0p5mm.nii.gz'), { frame: mr }),
      await readVolume(resolve(folder, 'Case24_FLAIR_on_US_grid_0p5mm.nii.gz'), { frame: mr }),
    ],
    truth: identity4(),
    targets: { us: json.us.map((p) => point(us, lps(p))), mr: json.mri.map((p) => point(mr, lps(p))) },
  };
}

/** A motion about a place: up to `mm` and `deg`, each uniform, or exactly so far, in random directions. */
function offset(random: Random, mm: number, deg: number, about: readonly number[], exact = false): Float64Array {
  const direction = (): number[] => {
    const v = [random.normal(), random.normal(), random.normal()];
    return v.map((x) => x / Math.hypot(...v));
  };
  const angle = (random.between(exact ? deg : 0, deg) * Math.PI) / 180;
  const m = fromRotationVector(
    identity4(),
    direction().map((x) => x * angle),
  );
  const turned = transformPoint(new Float64Array(3), m, about);
  const length = random.between(exact ? mm : 0, mm);
  direction().forEach((x, r) => {
    m[12 + r] = (about[r] as number) - (turned[r] as number) + length * x;
  });
  return m;
}

function meanError(t: Transform<'us', 'mr'>, from: readonly Point<'mr'>[], to: readonly Point<'us'>[]): number {
  const errors = from.map((p, k) => {
    const { xyz } = apply(t, p);
    return Math.hypot(...[0, 1, 2].map((r) => (xyz[r] as number) - ((to[k] as Point<'us'>).xyz[r] as number)));
  });
  return errors.reduce((a, b) => a + b, 0) / errors.length;
}

async function run(
  one: Case,
  seed: number,
  mm: number,
  deg: number,
  limitMm: number,
  rigid: boolean,
  off?: readonly [number, number],
): Promise<Result> {
  const n = one.targets.us.length;
  const middle = middleOf(one);
  const random = new Random(seed);
  const motion = off === undefined ? offset(random, mm, deg, middle) : offset(random, off[0], off[1], middle, true);
  const start = multiply4(identity4(), motion, one.truth);
  const began = performance.now();
  const found = await registerToUltrasound(one.us, one.moving, {
    initial: transform(us, mr, start),
    searchMm: mm,
    searchDeg: deg,
    seed,
    threads: THREADS,
    metric: METRIC,
  });
  const seconds = (performance.now() - began) / 1000;
  const best = registerPoints(us, mr, one.targets.us, one.targets.mr, { allow: ['scale'] }).edge;
  const errorMm = meanError(found.usFromMoving, one.targets.mr, one.targets.us);
  const rigidErrorMm = meanError(
    found.usFromMoving,
    one.targets.mr,
    one.targets.mr.map((p) => apply(best, p)),
  );
  const squares = one.targets.us.reduce((sum, p) => sum + found.expectedTre(p).rmsMm ** 2 / n, 0);
  const result = {
    errorMm,
    rigidErrorMm,
    expectedMm: Math.sqrt(squares),
    right: (rigid ? rigidErrorMm : errorMm) <= limitMm,
    outcome: found.outcome,
    confidence: found.confidence,
    evidence: found.evidence,
    seconds,
  };
  if (process.argv.includes('--each')) console.log(JSON.stringify({ seed, ...result }));
  return result;
}

const all: Result[] = [];
const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const quantile = (values: readonly number[], p: number): number =>
  sorted(values)[Math.min(values.length - 1, Math.floor(p * values.length))] ?? Number.NaN;

interface Aim {
  /** Least share called ok and right. */
  readonly success?: number;
  /** Nothing is right here: only that none is called ok matters. */
  readonly never?: boolean;
}

function told(name: string, results: readonly Result[], { success, never }: Aim = {}): Row[] {
  all.push(...results);
  const good = results.filter((r) => r.outcome === 'ok' && r.right).length / results.length;
  const silent = results.filter((r) => r.outcome === 'ok' && !r.right).length;
  const errors = results.map((r) => r.errorMm);
  const aim = success === undefined ? undefined : { text: `at least ${100 * success} %`, met: good >= success };
  console.log(
    `${name}: ${results.length} runs, right ${results.filter((r) => r.right).length}, called ok and right ${(100 * good).toFixed(1)} %, ` +
      `silent failures ${silent}, error median ${quantile(errors, 0.5).toFixed(2)} p90 ${quantile(errors, 0.9).toFixed(2)} mm, ` +
      `from the best rigid ${quantile(
        results.map((r) => r.rigidErrorMm),
        0.5,
      ).toFixed(2)} mm, ` +
      `seconds median ${quantile(
        results.map((r) => r.seconds),
        0.5,
      ).toFixed(2)}`,
  );
  const failures = row(`${name}: silent failures`, 'runs', [silent], { text: 'none', met: silent === 0 });
  if (never === true) return [failures];
  return [
    row(`${name}: called ok and right`, '%', [100 * good], aim),
    failures,
    row(`${name}: wrong, whatever it was called`, '%', [100 * (1 - results.filter((r) => r.right).length / results.length)]),
    row(`${name}: mean error at the targets`, 'mm', errors),
    row(
      `${name}: time`,
      's',
      results.map((r) => r.seconds),
      {
        text: 'at most 3 s',
        met:
          quantile(
            results.map((r) => r.seconds),
            0.5,
          ) <= 3,
      },
    ),
  ];
}

async function real(rows: Row[]): Promise<void> {
  const one = await realCase();
  if (one === undefined) {
    console.log(`No RESECT case 24 under ${folder}: skipped.`);
    return;
  }
  if (only === undefined || only === 'real') {
    for (const [mm, deg, aim] of [
      [5, 5, 0.95],
      [10, 10, 0.85],
    ] as const) {
      const results: Result[] = [];
      for (let s = 0; s < STARTS; s += 1) results.push(await run(one, FIRST + s, mm, deg, 2.5, false));
      rows.push(...told(`RESECT 24, ${mm} mm/${deg}°`, results, { success: aim }));
    }
  }
  if (only !== undefined && only !== 'single') return;
  for (const [n, name] of ['T1', 'FLAIR'].entries()) {
    const single = { ...one, moving: [one.moving[n] as Volume<'mr'>] };
    const results: Result[] = [];
    for (let s = 0; s < STARTS / 5; s += 1) results.push(await run(single, FIRST + s, 10, 10, 2.5, false));
    rows.push(...told(`RESECT 24, ${name} alone, 10 mm/10°`, results));
  }
}

/** Another brain, craniotomy and ultrasound for every seed; shift, resection, MR resolution and tracking are worse or better by turns. */
function simulated(seed: number): Case {
  const known = brains.get(seed) ?? brainOf(seed);
  brains.set(seed, known);
  for (const old of [...brains.keys()].slice(0, -KEPT)) brains.delete(old);
  return known;
}

const brains = new Map<number, Case>();
const KEPT = 3;

function brainOf(seed: number): Case {
  const {
    us: volume,
    t1,
    flair,
    targets,
    usFromMr,
  } = simulateUltrasound({
    seed,
    shiftMm: [0, 3, 5, 8, 10][seed % 5] as number,
    resected: seed % 3 === 2,
    mrSpacingMm: [1, 1.25, 1.5][(seed % 7) % 3] as number,
    errors: [1, 0.5, 1.5, 1][seed % 4] as number,
  });
  return { us: volume, moving: [t1, flair], truth: usFromMr.matrix, targets };
}

/** The case with its moving images carried along by a 4×4 in their frame. */
function carried(one: Case, moving: readonly Volume<'mr'>[], by: ArrayLike<number>): Case {
  return { ...one, moving: moving.map((v) => ({ ...v, frameFromIndex: multiply4(identity4(), by, v.frameFromIndex) })) };
}

/** Another patient's MR where this one's should be: the middle of what its ultrasound shows on the middle of this one's. */
function unrelated(one: Case, other: Case): Case {
  const placed = Float64Array.from(other.truth);
  for (let r = 0; r < 3; r += 1)
    placed[12 + r] = (placed[12 + r] as number) + (middleOf(one)[r] as number) - (middleOf(other)[r] as number);
  const here = invert(transform(us, mr, one.truth)).matrix;
  return carried(one, other.moving, multiply4(identity4(), here, placed));
}

/** The middle of the targets, mm in the ultrasound's frame. */
function middleOf({ targets }: Case): number[] {
  return [0, 1, 2].map((r) => targets.us.reduce((sum, p) => sum + (p.xyz[r] as number) / targets.us.length, 0));
}

/** The same MR with one axis reversed at the targets' middle, as a header with a wrong sign shows it. */
function mirrored(one: Case, axis: number): Case {
  const m = Float64Array.from(identity4());
  const points = one.targets.mr;
  m[5 * axis] = -1;
  m[12 + axis] = points.reduce((sum, p) => sum + (2 * (p.xyz[axis] as number)) / points.length, 0);
  return carried(one, one.moving, m);
}

/** What cannot be found: nothing is right, or it lies far beyond the range that is searched. */
async function wrongOnes(): Promise<Row[]> {
  const own = await realCase();
  const kinds: ReadonlyArray<readonly [string, (seed: number) => Promise<Result> | undefined]> = [
    ["simulated, another patient's MR", (seed) => hopeless(unrelated(simulated(seed), simulated(seed + 1)), seed)],
    ['simulated, mirrored MR', (seed) => hopeless(mirrored(simulated(seed), seed % 3), seed)],
    ['RESECT 24, mirrored MR', (seed) => own && hopeless(mirrored(own, seed % 3), seed)],
    ["RESECT 24, a simulated brain's MR", (seed) => own && hopeless(unrelated(own, simulated(seed)), seed)],
    ['simulated, start 30–45 mm off where 10 are searched', (seed) => astray(simulated(seed), seed)],
  ];
  const results = new Map<string, Result[]>(kinds.map(([name]) => [name, []]));
  // One seed after the other: its brain serves all kinds.
  for (let seed = FIRST; seed < FIRST + WRONG; seed += 1) {
    for (const [name, work] of kinds) {
      const result = await work(seed);
      if (result !== undefined) results.get(name)?.push(result);
    }
  }
  return [...results].flatMap(([name, some]) => (some.length > 0 ? told(name, some, { never: true }) : []));
}

async function hopeless(one: Case, seed: number): Promise<Result> {
  return { ...(await run(one, seed, 10, 10, 0, true)), right: false };
}

/** Started further off than is searched: right only where it is found all the same. */
async function astray(one: Case, seed: number): Promise<Result> {
  const random = new Random(seed + 700);
  const direction = [random.normal(), random.normal(), random.normal()];
  const mm = random.between(30, 45) / Math.hypot(...direction);
  const shift = Float64Array.from(identity4());
  for (let r = 0; r < 3; r += 1) shift[12 + r] = mm * (direction[r] as number);
  return run({ ...one, truth: multiply4(identity4(), shift, one.truth) }, seed, 10, 10, 2, true);
}

/** What other patients' images may be like: each variation once. */
async function varied(): Promise<Row[]> {
  const own = await realCase();
  if (own === undefined) return [];
  const results: Result[] = [];
  for (const [name, make] of variationsOf(own)) {
    const result = await run({ ...own, ...make() }, FIRST, 10, 10, 2.5, false);
    console.log(`${name}: ${result.outcome}, ${result.errorMm.toFixed(2)} mm, confidence ${result.confidence.toFixed(3)}`);
    results.push(result);
  }
  return told('RESECT 24, varied, 10 mm/10°', results);
}

/** Starts this far off, 5° turned, where 10 mm and 10° are searched. */
async function far(): Promise<Row[]> {
  const own = await realCase();
  if (own === undefined) return [];
  const out: Row[] = [];
  for (const mm of [15, 20, 25]) {
    const results: Result[] = [];
    for (let seed = FIRST; seed < FIRST + FAR; seed += 1) results.push(await run(own, seed, 10, 10, 2.5, false, [mm, 5]));
    out.push(...told(`RESECT 24, ${mm} mm off where 10 are searched`, results));
  }
  return out;
}

/**
 * A flank seen between ribs, with breathing by turns; CT noise, slices and tracking are worse or better. The CT's frame goes by the
 * name that the MR's has.
 */
function flank(seed: number): Case {
  const { us, ct, targets, usFromCt } = simulateAbdominalUltrasound({
    seed,
    shiftMm: [0, 2, 4][seed % 3] as number,
    errors: [1, 0.5, 1.5][(seed % 7) % 3] as number,
    ctNoise: [14, 20, 10][(seed % 5) % 3] as number,
    ctSpacingMm: [0.9, [1.5, 2.5, 1][(seed % 4) % 3] as number],
  });
  const asMoving = (p: Point<'ct'>): Point<'mr'> => point(mr, p.xyz);
  return {
    us,
    moving: [{ ...ct, frame: mr }],
    truth: usFromCt.matrix,
    targets: { us: targets.us, mr: targets.ct.map(asMoving) },
  };
}

async function ctRows(): Promise<Row[]> {
  const out: Row[] = [];
  const results: Result[] = [];
  for (let seed = FIRST; seed < FIRST + FLANKS; seed += 1) results.push(await run(flank(seed), seed, 10, 10, 3, true));
  if (results.length > 0) out.push(...told('simulated flank, CT, shift 0–4 mm, 10 mm/10°', results));
  const wrong: Result[] = [];
  for (let seed = FIRST; seed < FIRST + WRONG; seed += 1) {
    const one = flank(seed);
    const chosen = seed % 2 === 0 ? mirrored(one, seed % 3) : unrelated(one, flank(seed + 5000));
    wrong.push(await hopeless(chosen, seed));
  }
  if (wrong.length > 0) out.push(...told("simulated flank, another patient's CT or mirrored", wrong, { never: true }));
  return out;
}

const rows: Row[] = [];
await real(rows);
if (only === undefined || only === 'simulated') {
  const results: Result[] = [];
  for (let s = 0; s < SIMULATED; s += 1) results.push(await run(simulated(FIRST + s), FIRST + s, 10, 10, 2, true));
  rows.push(...told('simulated, shift 0–10 mm, 10 mm/10°', results, { success: 0.9 }));
}
if (only === undefined || only === 'wrong') rows.push(...(await wrongOnes()));
if (only === undefined || only === 'varied') rows.push(...(await varied()));
if (only === undefined || only === 'far') rows.push(...(await far()));
if (only === undefined || only === 'ct') rows.push(...(await ctRows()));

console.log('\nconfidence      runs  right');
for (const [low, high] of [
  [0, 0.5],
  [0.5, 0.8],
  [0.8, 0.95],
  [0.95, 0.99],
  [0.99, 1.01],
] as const) {
  const within = all.filter((r) => r.confidence >= low && r.confidence < high);
  const right = within.filter((r) => r.right).length;
  const share = within.length === 0 ? '–' : `${((100 * right) / within.length).toFixed(1)} %`;
  console.log(`${low.toFixed(2)} … ${Math.min(1, high).toFixed(2)}   ${String(within.length).padStart(4)}  ${share}`);
}
if (process.argv.includes('--fit')) console.log(`weights: ${JSON.stringify(fitted(all).map((w) => Number(w.toFixed(2))))}`);
report(rows);

/** Logistic regression by gradient ascent with a small ridge towards 0, all weights but the first kept at 0 or above. */
function fitted(results: readonly Result[]): number[] {
  const samples = results.map((r) => ({ terms: ultrasoundConfidenceTerms(r.evidence), right: r.right ? 1 : 0 }));
  const weights = new Array<number>(samples[0]?.terms.length ?? 0).fill(0);
  for (let round = 0; round < 20_000; round += 1) {
    const slope = weights.map((w, k) => (k === 0 ? 0 : -0.05 * w));
    for (const { terms, right } of samples) {
      const p = 1 / (1 + Math.exp(-terms.reduce((sum, t, k) => sum + t * (weights[k] as number), 0)));
      terms.forEach((t, k) => {
        slope[k] = (slope[k] as number) + (right - p) * t;
      });
    }
    weights.forEach((w, k) => {
      const next = w + (0.5 * (slope[k] as number)) / samples.length;
      weights[k] = k === 0 ? next : Math.max(0, next);
    });
  }
  return weights;
}
