import { parseArgs } from 'node:util';
import { isNavError } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { type NavigationCase, phantomCase, volumeCase } from './case.js';
import { CT } from './frames.js';
import { runHeadless } from './node/headless.js';

const USAGE = `Usage: npm start -- [options]
  --headless      run the whole procedure without a browser
  --json          print one JSON object instead of lines (headless)
  --volume PATH   a DICOM folder, .nii.gz, .mha or .nrrd instead of the phantom
  --seed N        seed of the simulated world; default 1
  --fast          a hand without patience
`;

interface Arguments {
  readonly headless: boolean;
  readonly json: boolean;
  readonly fast: boolean;
  readonly volume: string | undefined;
  readonly seed: number;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      headless: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      fast: { type: 'boolean', default: false },
      volume: { type: 'string' },
      seed: { type: 'string', default: '1' },
    },
  });
  const seed = Number(values.seed);
  if (!Number.isInteger(seed)) throw new TypeError(`--seed needs an integer, got "${values.seed}".`);
  return { headless: values.headless, json: values.json, fast: values.fast, volume: values.volume, seed };
}

async function makeCase(args: Arguments): Promise<NavigationCase> {
  if (args.volume === undefined) return phantomCase(args.seed);
  return volumeCase(await readVolume(args.volume, { frame: CT }), args.seed);
}

async function headless(args: Arguments): Promise<number> {
  const report = await runHeadless({ case: await makeCase(args), seed: args.seed, fast: args.fast });
  if (args.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    for (const { name, held, detail } of report.checks) process.stdout.write(`${held ? 'ok  ' : 'FAIL'} ${name}: ${detail}\n`);
    process.stdout.write(`${report.outcome} in ${report.seconds.toFixed(1)} s\n`);
  }
  return report.outcome === 'reached' ? 0 : 1;
}

/** What went wrong, as one object or one line: code, what, and what to do. */
function say(error: unknown, json: boolean): void {
  const code = isNavError(error) ? error.code : 'failed';
  const message = error instanceof Error ? error.message : String(error);
  if (json) process.stdout.write(`${JSON.stringify({ outcome: 'failed', error: { code, message } })}\n`);
  else process.stderr.write(`${code}: ${message}\n`);
}

async function main(): Promise<number> {
  let args: Arguments;
  try {
    args = readArguments();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  try {
    return await headless(args);
  } catch (error) {
    say(error, args.json);
    return 1;
  }
}

process.exitCode = await main();
