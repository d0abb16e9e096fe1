/**
 * Every fault with 100 seeds, and 1,000 clean procedures: `node --conditions=@trocar/source --import tsx bench/fault-injection.ts`.
 * `--seeds N`, `--clean N`, `--faults "occlusion,axis flip"`, `--first SEED`, `--part I/N` (every N-th seed, for several processes). Each
 * result is printed as it comes, and what was not in time seed by seed, so that it can be run again. A run of one fault takes about 0.3 s:
 * `--faults` with `--clean 0`, and `--seeds 0`, make parts of it that end sooner.
 */
import { parseArgs } from 'node:util';
import { FAULTS, tryFault } from '../examples/phantom-accuracy/src/faults/faults.js';
import { procedure } from '../examples/phantom-accuracy/src/faults/procedure.js';
import { type Row, report, row } from './_report.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    clean: { type: 'string', default: '1000' },
    faults: { type: 'string' },
    first: { type: 'string', default: '900000' },
    part: { type: 'string', default: '0/1' },
  },
});
const [part = 0, parts = 1] = values.part.split('/').map(Number);
const first = Number(values.first);
const seeds = (count: number): number[] =>
  Array.from({ length: count }, (_, k) => first + k).filter((_, k) => k % parts === part);

const names = values.faults?.split(',').map((name) => name.trim());
const unknown = names?.filter((name) => !FAULTS.some((f) => f.name === name)) ?? [];
if (unknown.length > 0 || ![values.seeds, values.clean, values.first].every((text) => /^\d+$/u.test(text))) {
  throw new Error(`No fault "${unknown.join('", "')}", or no whole number. There are: ${FAULTS.map((f) => f.name).join(', ')}.`);
}
const wanted = FAULTS.filter((f) => names?.includes(f.name) ?? true);
const beganMs = performance.now();
const seconds = (): string => `${((performance.now() - beganMs) / 1000).toFixed(0)} s`;

const rows: Row[] = [];
let early = 0;
for (const fault of wanted) {
  const after: number[] = [];
  let inTime = 0;
  const tried = seeds(Number(values.seeds));
  for (const seed of tried) {
    const verdict = await tryFault(fault, seed);
    if (verdict.inTime) inTime += 1;
    if (verdict.early.length > 0) early += 1;
    if (!verdict.inTime || verdict.early.length > 0) console.log(`${fault.name}, seed ${seed}: ${JSON.stringify(verdict)}`);
    if (!Number.isNaN(verdict.afterMs)) after.push(verdict.afterMs);
  }
  const met = inTime === tried.length;
  rows.push(row(`${fault.name}: alarm in time, of ${tried.length}`, 'runs', [inTime], { text: 'all', met }));
  if (after.length > 0) rows.push(row(`${fault.name}: fault to alarm`, 'ms', after));
  console.log(
    `${fault.name}: ${inTime} of ${tried.length}${after.length > 0 ? `, at most ${Math.max(...after).toFixed(0)} ms` : ''} (${seconds()})`,
  );
}

if (early > 0) console.log(`Alarms before the fault: in ${early} runs.`);

let alarmed = 0;
let simulatedMs = 0;
const clean = seeds(Number(values.clean));
for (const [k, seed] of clean.entries()) {
  if (k % 50 === 0) console.log(`clean: ${k} of ${clean.length} done, ${alarmed} with an alarm (${seconds()})`);
  const course = await procedure(seed + 1_000_000);
  simulatedMs += course.simulatedMs;
  if (course.raised.length === 0 && course.accepted) continue;
  alarmed += 1;
  console.log(`clean, seed ${seed + 1_000_000}: accepted ${course.accepted}, ${JSON.stringify(course.raised)}`);
}
rows.push(
  row(`false alarms, clean procedures of ${clean.length}`, 'procedures', [alarmed], { text: 'none', met: alarmed === 0 }),
);
rows.push(row('clean procedures: time simulated', 'h', [simulatedMs / 3.6e6]));
report(rows);
