import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { confidenceTerms, type RegistrationEvidence, registerVolumes } from '@trocar/registration/intensity';
import { type Case, caseOf } from './cases.js';
import { errorBetween } from './pairs.js';

/**
 * `node --conditions=@trocar/source --import tsx bench/intensity/confidence.ts [--from 1] [--count 300] [--file rows.jsonl]`
 *
 * Registers seeded cases, easy, hard and hopeless, and fits the weights of the confidence to whether they came out right: on
 * the cases with even seeds, judged on those with odd ones. Prints the weights, a reliability table for the held-out cases,
 * and what the outcomes were worth. With a file it goes on from what is in it.
 */

/** One case done. */
interface Done {
  readonly seed: number;
  readonly family: string;
  readonly right: boolean;
  readonly errorMm: number;
  readonly outcome: string;
  readonly confidence: number;
  readonly evidence: RegistrationEvidence;
}

const HOPELESS = new Set(['unrelated', 'noise']);

async function done(seed: number): Promise<Done> {
  const { family, pair, options }: Case = caseOf(seed);
  const { outcome, confidence, evidence, movingFromFixed } = await registerVolumes(pair.fixed, pair.moving, options);
  const error = errorBetween(movingFromFixed.matrix, pair.truth as Float64Array, pair.places).mean;
  const right = !HOPELESS.has(family) && error <= pair.toleranceMm;
  return { seed, family, right, errorMm: error, outcome, confidence, evidence };
}

/** Ridge-regularised logistic regression by Newton's method. */
function fitted(rows: readonly number[][], right: readonly boolean[], ridge: number): number[] {
  const n = rows[0]?.length ?? 0;
  let w = new Array<number>(n).fill(0);
  for (let round = 0; round < 50; round += 1) {
    const h = Array.from({ length: n }, (_, i) => new Array<number>(n).fill(0).map((_, j) => (i === j ? ridge : 0)));
    const g = w.map((x) => -ridge * x);
    rows.forEach((x, r) => {
      const p = chance(w, x);
      x.forEach((a, i) => {
        g[i] = (g[i] as number) + a * ((right[r] ? 1 : 0) - p);
        x.forEach((b, j) => {
          const row = h[i] as number[];
          row[j] = (row[j] as number) + a * b * p * (1 - p);
        });
      });
    });
    const step = solved(h, g);
    w = w.map((x, i) => x + (step[i] as number));
    if (Math.hypot(...step) < 1e-9) break;
  }
  return w;
}

function chance(w: readonly number[], x: readonly number[]): number {
  return 1 / (1 + Math.exp(-x.reduce((sum, a, i) => sum + a * (w[i] as number), 0)));
}

/** The fit with every doubt counted as one: a weight that came out positive is left out, and the rest fitted again. */
function fittedDoubts(rows: readonly number[][], right: readonly boolean[], ridge: number): number[] {
  const left = new Set<number>();
  for (;;) {
    const w = fitted(
      rows.map((x) => x.map((a, i) => (left.has(i) ? 0 : a))),
      right,
      ridge,
    );
    const worst = w.reduce((b, x, i) => (i > 0 && x > (b < 0 ? 1e-9 : (w[b] as number)) ? i : b), -1);
    if (worst < 0) return w;
    left.add(worst);
  }
}

/** Gauss's elimination with pivots. */
function solved(a: number[][], b: number[]): number[] {
  const m = a.map((row, i) => [...row, b[i] as number]);
  const n = b.length;
  for (let c = 0; c < n; c += 1) {
    const best = m
      .slice(c)
      .reduce((p, row, i) => (Math.abs(row[c] as number) > Math.abs((m[p] as number[])[c] as number) ? c + i : p), c);
    [m[c], m[best]] = [m[best] as number[], m[c] as number[]];
    const pivot = m[c] as number[];
    for (let r = 0; r < n; r += 1) {
      if (r === c) continue;
      const row = m[r] as number[];
      const f = (row[c] as number) / (pivot[c] as number);
      for (let k = c; k <= n; k += 1) row[k] = (row[k] as number) - f * (pivot[k] as number);
    }
  }
  return m.map((row, i) => (row[n] as number) / (row[i] as number));
}

const EDGES = [0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.000001];

function reliability(rows: readonly Done[], of: (row: Done) => number): string {
  const lines = ['confidence      cases  mean  right'];
  for (let b = 0; b + 1 < EDGES.length; b += 1) {
    const inside = rows.filter((row) => of(row) >= (EDGES[b] as number) && of(row) < (EDGES[b + 1] as number));
    if (inside.length === 0) continue;
    const mean = inside.reduce((sum, row) => sum + of(row), 0) / inside.length;
    const share = inside.filter((row) => row.right).length / inside.length;
    lines.push(
      `${EDGES[b]?.toFixed(2)} … ${Math.min(1, EDGES[b + 1] as number).toFixed(2)}  ${String(inside.length).padStart(7)}  ${mean.toFixed(3)}  ${share.toFixed(3)}`,
    );
  }
  return lines.join('\n');
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** Weak, for the cases are told apart almost without error; without it the weights would grow for ever. */
const RIDGE = Number(option('ridge') ?? 0.05);
const from = Number(option('from') ?? 1);
const count = Number(option('count') ?? 300);
const file = option('file');
const rows: Done[] = [];
if (file !== undefined && existsSync(file)) {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    // JSON has no NaN: what came back as null was one.
    if (line !== '') rows.push(JSON.parse(line, (_, value) => (value === null ? Number.NaN : value)) as Done);
  }
}
const known = new Set(rows.map(({ seed }) => seed));
for (let seed = from; seed < from + count; seed += 1) {
  if (known.has(seed)) continue;
  const row = await done(seed);
  rows.push(row);
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(row)}\n`);
}
const terms = (set: readonly Done[]): number[][] => set.map((row) => confidenceTerms(row.evidence));
const [even, odd] = [rows.filter(({ seed }) => seed % 2 === 0), rows.filter(({ seed }) => seed % 2 === 1)];
const trained = fittedDoubts(
  terms(even),
  even.map(({ right }) => right),
  RIDGE,
);
console.log(`Weights fitted to ${even.length} cases: ${trained.map((w) => w.toFixed(2)).join(', ')}`);
console.log(
  `\nThose weights on ${odd.length} held-out cases:\n${reliability(odd, (row) => chance(trained, confidenceTerms(row.evidence)))}`,
);
const all = fittedDoubts(
  terms(rows),
  rows.map(({ right }) => right),
  RIDGE,
);
console.log(`\nWeights fitted to all ${rows.length}: ${all.map((w) => w.toFixed(2)).join(', ')}`);
console.log(`\nThe package's own confidence on all:\n${reliability(rows, ({ confidence }) => confidence)}`);
for (const family of [...new Set(rows.map((row) => row.family))].sort()) {
  const mine = rows.filter((row) => row.family === family);
  const of = (outcome: string): string => {
    const those = mine.filter((row) => row.outcome === outcome);
    return `${outcome} ${those.length} (${those.filter((row) => row.right).length} right)`;
  };
  console.log(`${family.padEnd(10)} ${mine.length} cases: ${['ok', 'ambiguous', 'failed'].map(of).join(', ')}`);
}
const silent = rows.filter(({ outcome, right }) => outcome === 'ok' && !right);
console.log(
  `Silent failures: ${silent.length}${silent.map(({ seed, errorMm }) => ` seed ${seed}: ${errorMm.toFixed(1)} mm`).join(';')}`,
);
