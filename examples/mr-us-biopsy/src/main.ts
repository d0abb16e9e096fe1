import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { printReport, runExample, type Served, seedAndPort } from '../../suite/src/node/command.js';
import { filesBehind } from '../../suite/src/node/files.js';
import { type BiopsyCase, importCase } from './case.js';
import { MR } from './frames.js';
import { PACES } from './hand.js';
import { bodyOf } from './image-body.js';
import { type HeadlessReport, runHeadless } from './node/headless.js';
import { serveProcedure } from './node/serve.js';
import { phantomCase } from './phantom-case.js';
import type { TrueBody } from './truth.js';

const USAGE = `
MR–ultrasound fusion biopsy of a prostate, in a simulated room.

  main.ts [--headless] [--json] [--fast] [--deformable] [--seed N] [--port N]
          [--mr PATH --lesions PATH] [--report FILE] [--mirrored | --wrong-guide]

  --mr, --lesions  your own T2-weighted MR with a label map: the largest label from 8 ml on is the gland, the others lesions.
                   The ultrasound is simulated from them.
  --mirrored, --wrong-guide   equipment that the checks must find
`;

interface Arguments {
  readonly headless: boolean;
  readonly json: boolean;
  readonly fast: boolean;
  readonly deformable: boolean;
  readonly mirrored: boolean;
  readonly wrongGuide: boolean;
  readonly mr: string | undefined;
  readonly lesions: string | undefined;
  readonly report: string | undefined;
  readonly seed: number;
  readonly port: number;
}

function readArguments(): Arguments {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: {
      headless: flag,
      json: flag,
      fast: flag,
      deformable: flag,
      mirrored: flag,
      'wrong-guide': flag,
      mr: { type: 'string' },
      lesions: { type: 'string' },
      report: { type: 'string' },
      seed: { type: 'string', default: '1' },
      port: { type: 'string', default: '0' },
    },
  });
  const { seed, port } = seedAndPort(values);
  const { headless, json, fast, deformable, mirrored, mr, lesions, report } = values;
  if ((mr === undefined) !== (lesions === undefined)) throw new TypeError('--mr and --lesions belong together.');
  if (report !== undefined && !headless) throw new TypeError('--report belongs to --headless.');
  return { headless, json, fast, deformable, mirrored, wrongGuide: values['wrong-guide'], mr, lesions, report, seed, port };
}

/** The case of the arguments, and the body that its ultrasound is simulated from. */
async function makeCase({ mr, lesions, seed }: Arguments): Promise<{ given: BiopsyCase; body: TrueBody }> {
  if (mr === undefined || lesions === undefined) return phantomCase(seed);
  const given = importCase(await readVolume(mr, { frame: MR }), await readVolume(lesions, { frame: MR }));
  return { given, body: bodyOf(given) };
}

async function headless(args: Arguments): Promise<number> {
  const { given, body } = await makeCase(args);
  const { seed, fast, deformable } = args;
  const report: HeadlessReport = await runHeadless({
    given,
    body,
    seed,
    fast,
    deformable,
    ...(args.report !== undefined && { onReport: (html) => writeFileSync(args.report as string, html) }),
  });
  printReport(report, args.json);
  return report.outcome === 'done' ? 0 : 1;
}

/** The page's server. */
async function serve(args: Arguments): Promise<Served> {
  const clock = systemClock();
  const { body } = await makeCase(args);
  const { seed, mr, lesions } = args;
  const files =
    mr === undefined || lesions === undefined ? undefined : { mr: await filesBehind(mr), lesions: await filesBehind(lesions) };
  const faults = { ...(args.mirrored && { mirrored: true }), ...(args.wrongGuide && { guideOffMm: 3.5 }) };
  const server = await serveProcedure({ clock, seed, body, faults, port: args.port, ...(files && { files }) });
  if (args.fast) server.world.truth.hand.pace = PACES.fast;
  return {
    name: 'MR–ultrasound biopsy',
    url: server.url,
    close: () => server.close(),
  };
}

// The workers of the registration stay for the next one: nothing waits for them here.
process.exit(await runExample({ usage: USAGE, read: readArguments, headless, serve }));
