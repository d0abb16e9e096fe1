/**
 * Measures the calibration of the displayed bound and writes it into the tables of `docs/bound-calibration.md`, between
 * its marks; the words around them stay. Takes a few minutes.
 * Usage: npm run study -w @trocar/example-phantom-navigation [-- --runs N]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { USUAL_ERRORS, type WorldErrors } from '../../../suite/src/truth.js';
import { type NavigationCase, phantomCase } from '../case.js';
import { LEVELS, type StudySummary, type StudyWorld, study, summarise } from '../study.js';

interface Scenario {
  readonly name: string;
  readonly case: NavigationCase;
  readonly firstSeed: number;
  readonly world?: StudyWorld;
}

const given = phantomCase(1, 16);

function withFiducials(indices: readonly number[]): NavigationCase {
  return {
    ...given,
    fiducials: given.fiducials.filter((_, i) => indices.includes(i)),
    normals: given.normals.filter((_, i) => indices.includes(i)),
  };
}

const tripled: WorldErrors = { ...USUAL_ERRORS, markingSdMm: 0.6, placingSdMm: 0.75 };

const SCENARIOS: readonly Scenario[] = [
  { name: 'usual errors, seeds 1 …', case: given, firstSeed: 1 },
  { name: 'usual errors, seeds 10 001 …', case: given, firstSeed: 10_001 },
  { name: 'usual errors, seeds 20 001 …', case: given, firstSeed: 20_001 },
  { name: 'four fiducials', case: withFiducials([0, 2, 3, 5]), firstSeed: 30_001 },
  { name: 'localisation errors three times as large', case: given, firstSeed: 40_001, world: { errors: tripled } },
  { name: 'stylus pivoted within 12° only', case: given, firstSeed: 45_001, world: { tip: 12 } },
  { name: 'stored calibration, 0.05 mm per axis', case: given, firstSeed: 47_001, world: { tip: 'stored' } },
  {
    name: 'stored calibration, 0.3 mm per axis',
    case: given,
    firstSeed: 50_001,
    world: { errors: { ...USUAL_ERRORS, tipSdMm: 0.3 }, tip: 'stored' },
  },
  {
    name: 'model broken: touches err 0.1, 0.1 and 0.8 mm along x, y, z',
    case: given,
    firstSeed: 60_001,
    world: { errors: { ...USUAL_ERRORS, placingSdMm: [0.1, 0.1, 0.8] } },
  },
];

function percent(share: number): string {
  return (100 * share).toFixed(1);
}

type Row = readonly [Scenario, StudySummary];

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** In how many per cent of the procedures the true error stayed within the bound, at every level. */
function coverageTable(rows: readonly Row[]): string[] {
  return [
    line(['world', ...LEVELS.map((l) => `${percent(l).replace('.0', '')} %`)]),
    line(['---', ...LEVELS.map(() => '--:')]),
    ...rows.map(([scenario, s]) => line([scenario.name, ...s.coverage.map(percent)])),
  ];
}

/** How often the tip was within its own 95 % bound, and how wide that is. */
function tipTable(rows: readonly Row[]): string[] {
  return [
    line(['world', 'tip within its 95 % bound', 'median of that bound, mm', 'registrations refused']),
    line(['---', '--:', '--:', '--:']),
    ...rows.map(([scenario, s]) =>
      line([scenario.name, `${percent(s.tipCoverage)} %`, s.medianTip95Mm.toFixed(3), `${percent(s.refused)} %`]),
    ),
  ];
}

/** How wide the 95 % bound is beside the error that it bounds. */
function widthTable(rows: readonly Row[]): string[] {
  return [
    line(['world', 'median 95 % bound, mm', '95th percentile of the true error, mm', 'ratio', 'coverage within 93–97 %']),
    line(['---', '--:', '--:', '--:', ':-:']),
    ...rows.map(([scenario, s]) => {
      const at95 = s.coverage[LEVELS.indexOf(0.95)] as number;
      const verdict = at95 > 0.97 ? 'no: too wide' : at95 < 0.93 ? 'no: too narrow' : 'yes';
      const [bound, error] = [s.medianBoundMm, s.empirical95Mm];
      return line([scenario.name, bound.toFixed(2), error.toFixed(2), (bound / error).toFixed(2), verdict]);
    }),
  ];
}

function measured(rows: readonly Row[], runs: number): string {
  return [
    ...coverageTable(rows),
    '',
    ...widthTable(rows),
    '',
    ...tipTable(rows),
    '',
    `${runs} procedures a row: a coverage of 95 % is known to ±${(196 * Math.sqrt((0.95 * 0.05) / runs)).toFixed(1)} points (95 %).`,
  ].join('\n');
}

const MARKS = ['<!-- measured: begin -->', '<!-- measured: end -->'] as const;

/** The document with what stands between its marks replaced. */
function filled(document: string, text: string): string {
  const [from, to] = MARKS.map((mark) => document.indexOf(mark)) as [number, number];
  if (from < 0 || to < from) throw new Error(`The document lacks the marks ${MARKS.join(' and ')}.`);
  return `${document.slice(0, from + MARKS[0].length)}\n\n${text}\n\n${document.slice(to)}`;
}

const { values } = parseArgs({ options: { runs: { type: 'string', default: '1000' } } });
const runs = Number(values.runs);
const rows = SCENARIOS.map((scenario) => {
  const summary = summarise(study(scenario.case, runs, scenario.firstSeed, scenario.world));
  process.stdout.write(`${scenario.name}: ${summary.coverage.map(percent).join(' ')}\n`);
  return [scenario, summary] as const;
});
const path = join(import.meta.dirname, '../../../../docs/bound-calibration.md');
await writeFile(path, filled(await readFile(path, 'utf8'), measured(rows, runs)));
