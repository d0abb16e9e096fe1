import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { printReport, runExample, type Served, seedAndPort } from '../../suite/src/node/command.js';
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
import { type AblationCase, type LabelRoles, phantomCase } from './case.js';
import { filesCase } from './files-case.js';
import { CT } from './frames.js';
import { runHeadless, SPEEDS } from './node/headless.js';
import { serveProcedure } from './node/serve.js';
import { ablationFromStudy } from './node/study-case.js';
import { startWorld } from './node/world.js';
import { type PlanDemands, USUAL_DEMANDS } from './plan-step.js';

const USAGE = `Usage: npm start -- --procedure ct-liver-ablation [options]
  --headless      run the whole procedure without a browser
  --json          print one JSON object as the last line (headless)
  --report FILE   write a report of the procedure, to be printed (headless)
  --volume PATH   a CT (DICOM folder, .nii.gz, .mha, .nrrd) instead of the phantom; needs --labels and --tumour
  --labels PATH   its label map, on the same grid; also instead of what a --study has drawn
  --tumour N      the label of the tumour; of a --study without --labels the number of its segment or region
  --vessels N     labels of large vessels, which cool and are kept clear of: --vessels 3,4
  --liver N       labels of the liver
  --avoid N=NAME:MM  an organ to keep clear of, and by how much; may be given again
  --margin MM     the margin to burn; default ${USUAL_DEMANDS.marginMm}
  --max-power W   the site's largest power; default ${USUAL_DEMANDS.maxPowerW}
  --max-probes N  default ${USUAL_DEMANDS.maxProbes}
  --max-tre MM    the largest error at a tip (95 %, breath included) that the plan allows; default ${USUAL_DEMANDS.maxTre95Mm}
  --port N        of the page; default any free one
  --seed N        seed of the simulated world; default 1
  --fast          a hand, a patient and a generator in a hurry

  The case from a study, and results back to it:
${STUDY_USAGE}${GUARD_USAGE}`;

interface Arguments {
  readonly headless: boolean;
  readonly json: boolean;
  readonly fast: boolean;
  readonly report: string | undefined;
  readonly volume: string | undefined;
  readonly labels: string | undefined;
  readonly roles: LabelRoles | undefined;
  /** The number of the tumour among what a study has drawn. */
  readonly tumour: number | undefined;
  readonly from: StudyArguments;
  readonly demands: PlanDemands;
  readonly seed: number;
  readonly port: number;
  readonly guard: GuardArguments;
}

function readArguments(): Arguments {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: {
      ...{ headless: flag, json: flag, fast: flag, report: text, volume: text, labels: text, tumour: text, vessels: text },
      ...{ liver: text, margin: text, 'max-power': text, 'max-probes': text, 'max-tre': text },
      avoid: { type: 'string', multiple: true },
      ...GUARD_OPTIONS,
      seed: { type: 'string', default: '1' },
      port: { type: 'string', default: '0' },
      ...STUDY_OPTIONS,
    },
  });
  const number = (name: keyof typeof values, otherwise: number): number => {
    const given = values[name];
    const value = given === undefined ? otherwise : Number(given);
    if (!(value > 0)) throw new TypeError(`--${name} needs a number above 0, got "${String(given)}".`);
    return value;
  };
  const { seed, port } = seedAndPort(values);
  const guard = guardArgumentsOf(values);
  const { headless, json, fast, report, volume, labels } = values;
  if (report !== undefined && !headless) throw new TypeError('--report belongs to --headless.');
  const from = studyArgumentsOf(values);
  if (volume !== undefined && from.study !== undefined) throw new TypeError('Give --volume or --study, not both.');
  if (volume !== undefined && labels === undefined) throw new TypeError('--volume and --labels belong together.');
  if (labels !== undefined && volume === undefined && from.study === undefined)
    throw new TypeError('--labels needs the images it is drawn on: --volume PATH or --study UID.');
  return {
    ...{ headless, json, fast, report, volume, labels, seed, port, from, guard },
    roles: labels === undefined ? undefined : rolesOf(values),
    tumour: labels === undefined && values.tumour !== undefined ? labelOf(values.tumour) : undefined,
    demands: {
      ...USUAL_DEMANDS,
      marginMm: number('margin', USUAL_DEMANDS.marginMm),
      maxPowerW: number('max-power', USUAL_DEMANDS.maxPowerW),
      maxProbes: number('max-probes', USUAL_DEMANDS.maxProbes),
      maxTre95Mm: number('max-tre', USUAL_DEMANDS.maxTre95Mm),
    },
  };
}

/** Room to large vessels, mm. */
const VESSEL_MARGIN_MM = 2;

interface RoleArguments {
  readonly tumour?: string | undefined;
  readonly vessels?: string | undefined;
  readonly liver?: string | undefined;
  readonly avoid?: readonly string[] | undefined;
}

function rolesOf({ tumour, vessels, liver, avoid = [] }: RoleArguments): LabelRoles {
  const labels = (given: string | undefined): number[] => (given === undefined ? [] : given.split(',').map(labelOf));
  if (tumour === undefined) throw new TypeError('--labels needs --tumour N: which label is the tumour.');
  const cool = labels(vessels);
  return {
    tumour: labelOf(tumour),
    vessels: cool,
    liver: labels(liver),
    avoid: [
      ...cool.map((label) => ({ name: `Vessels (${label})`, label, marginMm: VESSEL_MARGIN_MM })),
      ...avoid.map((one) => {
        const match = /^(\d+)=([^:]+):(\d+(?:\.\d+)?)$/.exec(one);
        if (match === null) throw new TypeError(`--avoid needs N=NAME:MM, as 9=Colon:10, got "${one}".`);
        return { name: match[2] as string, label: Number(match[1]), marginMm: Number(match[3]) };
      }),
    ],
  };
}

function labelOf(text: string): number {
  const label = Number(text);
  if (!Number.isInteger(label) || label < 1) throw new TypeError(`A label is a whole number above 0, not "${text}".`);
  return label;
}

/** A case, and the desk for its results: none where nobody said where to keep them and nobody waits at a page. */
interface Begun {
  readonly given: AblationCase;
  readonly desk: ResultsDesk | undefined;
}

async function begin(args: Arguments): Promise<Begun> {
  const { volume, labels, roles, seed, from, tumour, headless: unseen } = args;
  const asked = from.archive !== undefined || from.studies !== undefined;
  const place = asked || !unseen ? await studyPlaceOf(from) : undefined;
  const { study } = from;
  if (study !== undefined && place !== undefined) {
    const drawn = labels === undefined || roles === undefined ? undefined : { path: labels, roles };
    const made = await ablationFromStudy({ place, args: { ...from, study }, drawn, tumour, seed, say: toStandardError });
    for (const warning of made.given.warnings) toStandardError(warning);
    return { given: made.given, desk: await ResultsDesk.open({ place, origin: made.origin }) };
  }
  const given =
    volume === undefined || labels === undefined || roles === undefined
      ? phantomCase(seed)
      : filesCase(await readVolume(volume, { frame: CT }), await readVolume(labels, { frame: CT }), roles, seed);
  const origin = originOf(given.volume);
  return { given, desk: place && origin && (await ResultsDesk.open({ place, origin })) };
}

function toStandardError(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function headless(args: Arguments): Promise<number> {
  const { demands, seed, fast, report: file } = args;
  const { given, desk } = await begin(args);
  try {
    const report = await runHeadless({
      case: given,
      ...{ demands, seed, fast },
      ...(desk !== undefined && { results: desk }),
      onStep: (text) => toStandardError(`${text} …`),
      ...(file !== undefined && { onSessionReport: (html: string) => writeFileSync(file, html) }),
    });
    printReport(report, args.json);
    return report.outcome === 'confirmed' ? 0 : 1;
  } finally {
    await desk?.close();
  }
}

/** The page's server. */
async function serve(args: Arguments): Promise<Served> {
  const clock = systemClock();
  const { given, desk } = await begin(args);
  const { seed, demands, fast, port } = args;
  const { breathing, pace } = fast ? SPEEDS.fast : SPEEDS.usual;
  const server = await serveProcedure({
    guard: await openGuard(args.guard, { application: 'ct-liver-ablation' }),
    ...{ clock, case: given, demands, fast, port },
    ...(desk !== undefined && { results: desk }),
    startWorld: (origin) => startWorld({ case: given, seed, clock, breathing, allowedOrigins: [origin] }),
  });
  server.world.truth.hand.pace = pace;
  return {
    name: 'CT liver ablation',
    url: server.url,
    close: () => server.close(),
  };
}

process.exitCode = await runExample({ usage: USAGE, read: readArguments, headless, serve });
