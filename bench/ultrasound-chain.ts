import { bModeProbe, simulatedBrain } from '@trocar/core/testing';
import {
  CHAIN_FAULTS,
  type ChainFault,
  type ChainRun,
  type NavigatedTarget,
  runUltrasoundChain,
} from '../packages/registration/src/testing/ultrasound-chain/index.js';
import { median, type Row, report, row } from './_report.js';

/**
 * The whole ultrasound chain with truth: pointer, phantom and probe calibrated, a brain swept, the sweep reconstructed, MR registered, a
 * tip navigated; the error is the tip's in the MR, at landmarks inside what the sweep showed and beside it.
 *
 *   npm run bench -- ultrasound-chain     50 operations, and each fault twice
 *   … --seeds 10 --first 11               fewer, from that seed on
 *   … --faults 0                          no faults
 *   … --only zoom                         that fault alone
 *   … --shift 3                           the brain has sunk by so many mm
 *   … --each                              every run as it comes, as a line of JSON
 *
 * A silent failure is an accepted run with any target's error above twice its stated 95 % bound, or half of its targets beyond
 * the bound. Times are processor time of one process; on a machine with other work they are stretched.
 */

const argument = (name: string, usual: number): number => {
  const at = process.argv.indexOf(name);
  return at < 0 ? usual : Number(process.argv[at + 1]);
};
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined;
const SEEDS = argument('--seeds', 50);
const FIRST = argument('--first', 1);
const FAULTS = argument('--faults', 2);
const SHIFT = argument('--shift', 0);
const LIMIT_MM = 2;

const clock = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const errorsOf = (targets: readonly NavigatedTarget[]): number[] => targets.map((t) => t.errorMm);
const quantile = (values: readonly number[], p: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(p * values.length))] ?? Number.NaN;
const covered = (targets: readonly NavigatedTarget[]): number =>
  targets.filter(({ errorMm, boundMm }) => errorMm <= boundMm).length / targets.length;

/** An accepted run that nobody would have expected to be so wrong. */
function isSilent({ outcome, inside, outside }: ChainRun): boolean {
  if (outcome !== 'ok') return false;
  const beyond = [inside, outside].some((targets) => targets.length > 0 && covered(targets) < 0.5);
  return beyond || [...inside, ...outside].some(({ errorMm, boundMm }) => !(errorMm <= 2 * boundMm));
}

function told(run: ChainRun, fault?: ChainFault): void {
  if (!process.argv.includes('--each')) return;
  const { times, inside, outside, ...rest } = run;
  const of = (targets: readonly NavigatedTarget[]): object => ({
    meanMm: mean(errorsOf(targets)),
    mostMm: Math.max(...errorsOf(targets)),
    covered: covered(targets),
    rmsOverExpected: Math.sqrt(mean(targets.map((t) => t.errorMm ** 2)) / mean(targets.map((t) => t.expectedMm ** 2))),
  });
  const seconds = Object.fromEntries([...times].map(([stage, ms]) => [stage, ms / 1000]));
  console.log(JSON.stringify({ fault, ...rest, silent: isSilent(run), inside: of(inside), outside: of(outside), seconds }));
}

async function operations(): Promise<Row[]> {
  const runs: ChainRun[] = [];
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const run = await runUltrasoundChain(seed, { clock, ...(SHIFT > 0 && { shiftMm: SHIFT }) });
    told(run);
    runs.push(run);
  }
  const good = runs.filter((r) => r.outcome === 'ok' && mean(errorsOf(r.inside)) <= LIMIT_MM).length;
  const silent = runs.filter(isSilent).length;
  const inside = runs.flatMap((r) => [...r.inside]);
  const outside = runs.flatMap((r) => [...r.outside]);
  const stages = [...(runs[0]?.times.keys() ?? [])];
  const share = (100 * good) / runs.length;
  const of = (key: 'pivotMm' | 'phantomMm' | 'calibrationMm' | 'lagMs' | 'registrationMm'): number[] =>
    runs.map((r) => Math.abs(r.errors[key] ?? Number.NaN)).filter((x) => !Number.isNaN(x));
  return [
    row('accepted, and mean TRE inside the fan at most 2 mm', '% of runs', [share], { text: 'at least 95 %', met: share >= 95 }),
    row('refused', '% of runs', [100 * (runs.filter((r) => r.outcome !== 'ok').length / runs.length)]),
    row('silent failures', 'runs', [silent], { text: 'none', met: silent === 0 }),
    row(
      'mean TRE inside the fan, one figure a run',
      'mm',
      runs.filter((r) => r.inside.length > 0).map((r) => mean(errorsOf(r.inside))),
    ),
    row(
      'mean TRE up to 20 mm outside, one figure a run',
      'mm',
      runs.filter((r) => r.outside.length > 0).map((r) => mean(errorsOf(r.outside))),
    ),
    row('TRE of single targets inside, 95th percentile', 'mm', [quantile(errorsOf(inside), 0.95)]),
    row('TRE of single targets outside, 95th percentile', 'mm', [quantile(errorsOf(outside), 0.95)]),
    row('targets inside within their stated 95 % bound', '%', [100 * covered(inside)], {
      text: 'at least 93 %',
      met: covered(inside) >= 0.93,
    }),
    row('targets outside within their stated 95 % bound', '%', [100 * covered(outside)]),
    row('stated bound inside', 'mm', [median(inside.map((t) => t.boundMm))]),
    row('error of the pointer, alone', 'mm', of('pivotMm')),
    row("error of the phantom's registration, alone", 'mm', of('phantomMm')),
    row("error of the probe's calibration over the sector (rms)", 'mm', of('calibrationMm')),
    row('error of the lag', 'ms', of('lagMs')),
    row("error of calibration and registration at the fan's middle", 'mm', of('registrationMm')),
    ...stages.map((stage) =>
      row(
        `processor time: ${stage}`,
        's',
        runs.map((r) => (r.times.get(stage) ?? 0) / 1000),
      ),
    ),
  ];
}

async function faults(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const fault of CHAIN_FAULTS) {
    if (only !== undefined && only !== fault) continue;
    const names = new Set<string>();
    let silent = 0;
    for (let seed = FIRST; seed < FIRST + FAULTS; seed += 1) {
      const run = await runUltrasoundChain(seed, { clock, fault });
      told(run, fault);
      for (const { stage, code } of run.findings) names.add(`${stage}/${code}`);
      if (run.outcome === 'ok') silent += 1;
    }
    rows.push(row(`${fault}: not found (${[...names].join(', ')})`, 'runs', [silent], { text: 'none', met: silent === 0 }));
  }
  return rows;
}

/** Pictures a second, one thread. */
function pictures(): Row {
  const [brain, probe] = [simulatedBrain(1), bModeProbe()];
  const down = Float64Array.of(1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 33, 1);
  for (let n = 0; n < 5; n += 1) probe.image(brain.tissueAt, down, n);
  const rates = Array.from({ length: 5 }, (_, round) => {
    const before = clock();
    for (let n = 0; n < 10; n += 1) probe.image(brain.tissueAt, down, 10 * round + n);
    return 10_000 / (clock() - before);
  });
  const { columns, rows } = probe.geometry;
  const met = median(rates) >= 25;
  return row(`simulated pictures of ${columns} × ${rows} pixels, by processor time`, 'a second', rates, {
    text: 'at least 25',
    met,
  });
}

const rows = [pictures()];
if (SEEDS > 0 && only === undefined) rows.push(...(await operations()));
if (FAULTS > 0) rows.push(...(await faults()));
report(rows);
