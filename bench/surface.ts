import { Random } from '@trocar/core/math';
import { prepareSurface } from '@trocar/registration';
import { headMesh, phantomHeadMesh, randomHead } from '../packages/registration/src/testing/surfaces.js';
import { median, type Row, report, row } from './_report.js';
import { anywhere } from './surface/anywhere.js';
import { CASES, measure, quantile, type Scene } from './surface/cases.js';
import { coverage } from './surface/coverage.js';
import { findVtk } from './surface/peer.js';

/**
 * Points touched on a head registered to its skin (about 38 000 triangles), beside VTK's ICP on the same data in the same run
 * (Debian's python3-vtk9 where it is there): error at four deep targets and processor time of one thread, surface prepared.
 * `--runs N` is the count of trials of each case on each of three heads.
 */

const given = process.argv.indexOf('--runs');
const RUNS = given < 0 ? 12 : Number(process.argv[given + 1]);

const scenes: Scene[] = [];
const preparing: number[] = [];
const random = new Random(20);
for (const [name, mesh, centre] of [
  ['head phantom', phantomHeadMesh(), [4, 4, 20]],
  ['head 2', headMesh(randomHead(random)), [0, 0, 0]],
  ['head 3', headMesh(randomHead(random)), [0, 0, 0]],
] as const) {
  const from = process.cpuUsage().user;
  const prepared = prepareSurface(mesh);
  preparing.push((process.cpuUsage().user - from) / 1000);
  console.log(`${name}: ${mesh.triangles.length / 3} triangles, ${(prepared.bytes / 1e6).toFixed(1)} MB`);
  scenes.push({ name, mesh, prepared, centre });
}

const rms = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

const python = findVtk();
if (python === undefined) console.log('1 comparison skipped: no Python with VTK here (Debian: python3-vtk9).');
const rows: Row[] = [row('surface prepared', 'ms', preparing)];
for (const scene of scenes) measure(scene, CASES[0] as (typeof CASES)[number], 10, 99, undefined);

for (const one of CASES) {
  const results = scenes.map((scene, n) => measure(scene, one, RUNS, 1000 + n, python));
  const together = (pick: (r: (typeof results)[number]) => readonly number[]): number[] => results.flatMap((r) => [...pick(r)]);
  const tre = together((r) => r.ours.tre);
  const ms = together((r) => r.ours.ms);
  const gate = one.outliers > 0 && one.degrees === 15;
  const p90 = quantile(tre, 0.9);
  rows.push(
    row(
      `${one.name}: TRE, p90 ${p90.toFixed(2)}`,
      'mm',
      tre,
      gate ? { text: 'at most 0.45, p90 0.7', met: median(tre) <= 0.45 && p90 <= 0.7 } : undefined,
    ),
    row('… time', 'ms', ms, gate ? { text: 'at most 10 ms', met: median(ms) <= 10 } : undefined),
  );
  const floor = together((r) => r.floor);
  const above = rms(tre) / rms(floor);
  rows.push(
    row(
      `… without the outliers, from the truth: ${(1 / above).toFixed(2)} × ours (rms)`,
      'mm',
      floor,
      one.outliers > 0 ? { text: 'ours at most 1.1 × this', met: above <= 1.1 } : undefined,
    ),
  );
  const outcomes: Record<string, number> = {};
  for (const r of results) for (const [key, n] of Object.entries(r.outcomes)) outcomes[key] = (outcomes[key] ?? 0) + n;
  console.log(
    `${one.name}: ${Object.entries(outcomes)
      .map(([key, n]) => `${n} ${key}`)
      .join(', ')}`,
  );
  if (python === undefined) continue;
  const peer = { tre: together((r) => r.peer100?.tre ?? []), ms: together((r) => r.peer100?.ms ?? []) };
  const long = { tre: together((r) => r.peer1000?.tre ?? []), ms: together((r) => r.peer1000?.ms ?? []) };
  const [closer, faster] = [median(peer.tre) / median(tre), median(peer.ms) / median(ms)];
  const hard = one.outliers > 0;
  rows.push(
    row(
      `… VTK 100 iterations, TRE: ${closer.toFixed(1)} × ours`,
      'mm',
      peer.tre,
      hard ? { text: 'at least 5 × ours', met: closer >= 5 } : undefined,
    ),
    row(
      `… VTK 100 iterations, time: ${faster.toFixed(1)} × ours`,
      'ms',
      peer.ms,
      hard ? { text: 'at least 5 × ours', met: faster >= 5 } : undefined,
    ),
    row(
      `… VTK 1000 iterations on all points, TRE: ${(median(long.tre) / median(tre)).toFixed(2)} × ours`,
      'mm',
      long.tre,
      hard ? undefined : { text: 'no less than ours', met: median(tre) <= median(long.tre) },
    ),
    row('… VTK 1000 iterations on all points, time', 'ms', long.ms),
  );
}
const lost = anywhere(31, 3 * RUNS);
for (const one of lost) {
  const words = Object.entries(one.words).map(([word, n]) => `${n} ${word}`);
  console.log(`without a start, ${one.name}: ${words.join(', ')}`);
  rows.push(row(`without a start, ${one.name}: ok and wrong`, '', [one.silent], { text: 'never', met: one.silent === 0 }));
}
// The patches whose shape settles it; the others may only be ambiguous.
const telling = lost.slice(0, 4);
const right = telling.reduce((sum, one) => sum + one.right / one.runs / telling.length, 0);
rows.push(
  row('without a start, faces and sides: right', '%', [100 * right], { text: 'at least 98', met: right >= 0.98 }),
  row(
    '… time',
    'ms',
    telling.flatMap((one) => one.ms),
  ),
);
const covered = coverage(random, 8, 50 * RUNS);
rows.push(
  row('expected over simulated TRE, per configuration', '', covered.ratios, {
    text: 'within 10 %',
    met: covered.ratios.every((r) => Math.abs(r - 1) <= 0.1),
  }),
  row('95 % bound covers', '%', [covered.share], { text: '93 to 97', met: covered.share >= 93 && covered.share <= 97 }),
);
report(rows);
