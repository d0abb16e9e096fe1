import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { printReport, runExample, type Served, seedAndPort } from '../../suite/src/node/command.js';
import { filesBehind } from '../../suite/src/node/files.js';
import {
  GUARD_OPTIONS,
  GUARD_USAGE,
  type GuardArguments,
  guardArgumentsOf,
  openGuard,
} from '../../suite/src/node/guard-options.js';
import { ResultsDesk } from '../../suite/src/node/results-desk.js';
import {
  STUDY_OPTIONS,
  STUDY_USAGE,
  type StudyArguments,
  studyArgumentsOf,
  studyPlaceOf,
} from '../../suite/src/node/study-options.js';
import { originOf } from '../../suite/src/results.js';
import { type BiopsyCase, importCase } from './case.js';
import { MR } from './frames.js';
import { PACES } from './hand.js';
import { bodyOf } from './image-body.js';
import { type HeadlessReport, runHeadless } from './node/headless.js';
import { serveProcedure } from './node/serve.js';
import { biopsyFromStudy } from './node/study-case.js';
import { phantomCase } from './phantom-case.js';
import type { TrueBody } from './truth.js';

const USAGE = `
MR–ultrasound fusion biopsy of a prostate, in a simulated room.

  main.ts [--headless] [--json] [--fast] [--deformable] [--seed N] [--port N]
          [--mr PATH --lesions PATH] [--report FILE] [--mirrored | --wrong-guide]
          [--archive URL | --studies DIR] [--study UID]

  --mr, --lesions  your own T2-weighted MR with a label map: the largest label from 8 ml on is the gland, the others lesions.
                   The ultrasound is simulated from them. --lesions also instead of what a --study has drawn.
  --mirrored, --wrong-guide   equipment that the checks must find

  The case from a study, and results back to it:
${STUDY_USAGE}${GUARD_USAGE}`;

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
  readonly guard: GuardArguments;
  readonly from: StudyArguments;
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
      ...GUARD_OPTIONS,
      seed: { type: 'string', default: '1' },
      port: { type: 'string', default: '0' },
      ...STUDY_OPTIONS,
    },
  });
  const { seed, port } = seedAndPort(values);
  const guard = guardArgumentsOf(values);
  const { headless, json, fast, deformable, mirrored, mr, lesions, report } = values;
  const from = studyArgumentsOf(values);
  if (mr !== undefined && from.study !== undefined) throw new TypeError('Give --mr or --study, not both.');
  if (mr !== undefined && lesions === undefined) throw new TypeError('--mr and --lesions belong together.');
  if (lesions !== undefined && mr === undefined && from.study === undefined)
    throw new TypeError('--lesions needs the images it is drawn on: --mr PATH or --study UID.');
  if (report !== undefined && !headless) throw new TypeError('--report belongs to --headless.');
  return {
    headless,
    json,
    fast,
    deformable,
    mirrored,
    wrongGuide: values['wrong-guide'],
    mr,
    lesions,
    report,
    seed,
    port,
    from,
    guard,
  };
}

/** A case, the body that its ultrasound is simulated from, and the desk for its results where there is one. */
interface Begun {
  readonly given: BiopsyCase;
  readonly body: TrueBody;
  readonly desk: ResultsDesk | undefined;
}

async function begin({ mr, lesions, seed, from, headless: unseen }: Arguments): Promise<Begun> {
  const asked = from.archive !== undefined || from.studies !== undefined;
  const place = asked || !unseen ? await studyPlaceOf(from) : undefined;
  const { study } = from;
  if (study !== undefined && place !== undefined) {
    const { given, origin, warnings } = await biopsyFromStudy({ place, args: { ...from, study }, lesions, say: toStandardError });
    for (const warning of warnings) toStandardError(warning);
    return { given, body: bodyOf(given), desk: await ResultsDesk.open({ place, origin }) };
  }
  const { given, body } = await makeCase(mr, lesions, seed);
  const origin = originOf(given.mr);
  return { given, body, desk: place && origin && (await ResultsDesk.open({ place, origin })) };
}

async function makeCase(mr: string | undefined, lesions: string | undefined, seed: number): Promise<Omit<Begun, 'desk'>> {
  if (mr === undefined || lesions === undefined) return phantomCase(seed);
  const given = importCase(await readVolume(mr, { frame: MR }), await readVolume(lesions, { frame: MR }));
  return { given, body: bodyOf(given) };
}

function toStandardError(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function headless(args: Arguments): Promise<number> {
  const { given, body, desk } = await begin(args);
  const { seed, fast, deformable } = args;
  try {
    const report: HeadlessReport = await runHeadless({
      given,
      body,
      seed,
      fast,
      deformable,
      ...(desk !== undefined && { results: desk }),
      ...(args.report !== undefined && { onReport: (html) => writeFileSync(args.report as string, html) }),
    });
    printReport(report, args.json);
    return report.outcome === 'done' ? 0 : 1;
  } finally {
    await desk?.close();
  }
}

/** The page's server. */
async function serve(args: Arguments): Promise<Served> {
  const clock = systemClock();
  const { given, body, desk } = await begin(args);
  const { seed, mr, lesions, from } = args;
  const files =
    mr === undefined || lesions === undefined ? undefined : { mr: await filesBehind(mr), lesions: await filesBehind(lesions) };
  const faults = { ...(args.mirrored && { mirrored: true }), ...(args.wrongGuide && { guideOffMm: 3.5 }) };
  const server = await serveProcedure({
    guard: await openGuard(args.guard, { application: 'mr-us-biopsy' }),
    ...{ clock, seed, body, faults, port: args.port },
    ...(files && { files }),
    ...(from.study !== undefined && { given }),
    ...(desk !== undefined && { results: desk }),
  });
  if (args.fast) server.world.truth.hand.pace = PACES.fast;
  return {
    name: 'MR–ultrasound biopsy',
    url: server.url,
    close: () => server.close(),
  };
}

// The workers of the registration stay for the next one: nothing waits for them here.
process.exit(await runExample({ usage: USAGE, read: readArguments, headless, serve }));
