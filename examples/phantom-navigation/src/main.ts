import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isNavError, systemClock } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { PACES } from '../../suite/src/hand.js';
import { printReport, runExample, type Served, seedAndPort } from '../../suite/src/node/command.js';
import { filesBehind } from '../../suite/src/node/files.js';
import {
  GUARD_OPTIONS,
  GUARD_USAGE,
  type GuardArguments,
  guardArgumentsOf,
  openGuard,
} from '../../suite/src/node/guard-options.js';
import { ptyLine } from '../../suite/src/node/pty.js';
import { type NavigationCase, phantomCase, volumeCase, withLimit } from './case.js';
import { CT, SECOND } from './frames.js';
import { type HeadlessOptions, runHeadless } from './node/headless.js';
import { serveProcedure } from './node/serve.js';
import { startWorld } from './node/world.js';
import { simulatedSecond } from './second-image.js';

const USAGE = `Usage: npm start -- [options]
  --headless      run the whole procedure without a browser
  --json          print one JSON object instead of lines (headless)
  --volume PATH   a DICOM folder, .nii.gz, .mha or .nrrd instead of the phantom
  --second PATH   a second image of the same patient, to be registered to the first; the phantom has an MR of its own
  --no-second     without a second image
  --series UID    which series of a DICOM folder that holds several
  --second-series UID  the same of the second image's folder
  --strict        refuse a DICOM series with missing slices; else they are interpolated, and that is said
  --max-tre MM    the largest error at the target (95 %) that the plan allows a registration; default 2
  --report FILE   write a report of the procedure, to be printed (headless)
  --stored        take the stored calibration of the stylus instead of pivoting it (headless)
  --serial        tracker and driver speak over a real pseudo-terminal (needs socat)
  --port N        of the page; default any free one
  --seed N        seed of the simulated world; default 1
  --fast          a hand without patience
${GUARD_USAGE}`;

interface Arguments {
  readonly headless: boolean;
  readonly json: boolean;
  readonly fast: boolean;
  readonly serial: boolean;
  readonly strict: boolean;
  readonly stored: boolean;
  readonly maxTre95Mm: number | undefined;
  readonly volume: string | undefined;
  readonly second: string | undefined;
  readonly report: string | undefined;
  readonly noSecond: boolean;
  readonly series: string | undefined;
  readonly secondSeries: string | undefined;
  readonly seed: number;
  readonly port: number;
  readonly guard: GuardArguments;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      headless: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      fast: { type: 'boolean', default: false },
      serial: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      stored: { type: 'boolean', default: false },
      'max-tre': { type: 'string' },
      volume: { type: 'string' },
      second: { type: 'string' },
      report: { type: 'string' },
      'no-second': { type: 'boolean', default: false },
      series: { type: 'string' },
      'second-series': { type: 'string' },
      ...GUARD_OPTIONS,
      seed: { type: 'string', default: '1' },
      port: { type: 'string', default: '0' },
    },
  });
  const { headless, json, fast, serial, strict, stored, volume, second, series, report } = values;
  const noSecond = values['no-second'];
  const secondSeries = values['second-series'];
  const { seed, port } = seedAndPort(values);
  const guard = guardArgumentsOf(values);
  const maxTre95Mm = values['max-tre'] === undefined ? undefined : Number(values['max-tre']);
  if (maxTre95Mm !== undefined && !(maxTre95Mm > 0))
    throw new TypeError(`--max-tre needs millimetres, got "${values['max-tre']}".`);
  if (series !== undefined && volume === undefined) throw new TypeError('--series belongs to --volume.');
  if (secondSeries !== undefined && second === undefined) throw new TypeError('--second-series belongs to --second.');
  if (noSecond && second !== undefined) throw new TypeError('--second and --no-second exclude each other.');
  if (report !== undefined && !headless) throw new TypeError('--report belongs to --headless.');
  const flags = { headless, json, fast, serial, strict, stored, noSecond };
  return { ...flags, maxTre95Mm, volume, second, series, secondSeries, report, seed, port, guard };
}

/** A case, and how its volume had to be read. */
interface MadeCase {
  readonly given: NavigationCase;
  readonly gaps: 'refuse' | 'interpolate';
}

/**
 * The case of the arguments. `readVolume` refuses a series with missing slices; this is a simulation, so unless told to be
 * strict it goes on with interpolated ones, and the case says so before a person accepts the plan.
 */
async function makeCase(args: Arguments): Promise<MadeCase> {
  const made = await readCase(args);
  return args.maxTre95Mm === undefined ? made : { ...made, given: withLimit(made.given, args.maxTre95Mm) };
}

async function readCase(args: Arguments): Promise<MadeCase> {
  if (args.volume === undefined) return { given: phantomCase(args.seed), gaps: 'refuse' };
  const how = { frame: CT, ...(args.series !== undefined && { seriesUid: args.series }) };
  try {
    return { given: volumeCase(await readVolume(args.volume, how), args.seed), gaps: 'refuse' };
  } catch (error) {
    if (args.strict || !isNavError(error, 'dicom/missing-slice')) throw error;
    process.stderr.write(`${error.code}: ${error.message} Going on with interpolated slices.\n`);
    return {
      given: volumeCase(await readVolume(args.volume, { ...how, gaps: 'interpolate' }), args.seed),
      gaps: 'interpolate',
    };
  }
}

/** Which second image there is: a file, the phantom's own, or none. */
function secondKind({ volume, second, noSecond }: Arguments): 'files' | 'phantom' | 'none' {
  if (second !== undefined) return 'files';
  return noSecond || volume !== undefined ? 'none' : 'phantom';
}

async function makeSecond(args: Arguments): Promise<HeadlessOptions['second']> {
  const { second, secondSeries } = args;
  const how = { frame: SECOND, ...(secondSeries !== undefined && { seriesUid: secondSeries }) };
  if (second !== undefined) return { volume: await readVolume(second, how) };
  return secondKind(args) === 'none' ? undefined : simulatedSecond(args.seed);
}

async function headless(args: Arguments): Promise<number> {
  const line = args.serial ? await ptyLine() : undefined;
  try {
    const { given } = await makeCase(args);
    const second = await makeSecond(args);
    const report = await runHeadless({
      case: given,
      ...(second && { second }),
      seed: args.seed,
      fast: args.fast,
      stored: args.stored,
      ...(line && { line }),
      ...(args.report !== undefined && { onSessionReport: (html) => writeFileSync(args.report as string, html) }),
    });
    printReport(report, args.json);
    return report.outcome === 'reached' ? 0 : 1;
  } finally {
    line?.close();
  }
}

/** The page's server. */
async function serve(args: Arguments): Promise<Served> {
  const clock = systemClock();
  const { given, gaps } = await makeCase(args);
  const line = args.serial ? await ptyLine() : undefined;
  const server = await serveProcedure({
    guard: await openGuard(args.guard, { application: 'phantom-navigation' }),
    clock,
    seed: args.seed,
    files: args.volume === undefined ? [] : await filesBehind(args.volume),
    gaps,
    second: secondKind(args),
    secondFiles: args.second === undefined ? [] : await filesBehind(args.second),
    ...(args.series !== undefined && { seriesUid: args.series }),
    ...(args.secondSeries !== undefined && { secondSeriesUid: args.secondSeries }),
    ...(args.maxTre95Mm !== undefined && { maxTre95Mm: args.maxTre95Mm }),
    port: args.port,
    startWorld: (origin) => startWorld({ case: given, seed: args.seed, clock, allowedOrigins: [origin], ...(line && { line }) }),
  });
  if (args.fast) server.world.truth.hand.pace = PACES.fast;
  return {
    name: 'phantom navigation',
    url: server.url,
    close: async () => {
      await server.close();
      line?.close();
    },
  };
}

process.exitCode = await runExample({ usage: USAGE, read: readArguments, headless, serve });
