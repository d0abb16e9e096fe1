import { parseArgs } from 'node:util';
import { frame } from '../frames/index.js';
import { readVolume, SUV_KINDS, type SuvKind, writeVolume } from '../io/index.js';
import { copyAssets } from '../io/node/index.js';
import {
  type AnyVolume,
  cornersOf,
  resampleStraight,
  SHEAR_LIMIT_DEGREES,
  shearDegrees,
  spacingOf,
  valueRange,
} from '../volume/index.js';
import { ANONYMIZE_USAGE, anonymizeRequestOf, runAnonymize } from './anonymize-command.js';
import { ARCHIVE_USAGE } from './archive-arguments.js';
import { FETCH_USAGE, fetchRequestOf, runFetch } from './fetch-command.js';
import { reconstructRequestOf, runReconstruct } from './reconstruct-command.js';
import { runStore, STORE_USAGE, storeRequestOf } from './store-command.js';
import { type CommandOutput, refused } from './terminal.js';

const USAGE = `trocar-volume: look at, check and convert medical volumes.

  trocar-volume info PATH [--json]         geometry, identity, value range and warnings
  trocar-volume check PATH [--json]        only whether it can be read and navigated on, and its warnings
  trocar-volume convert PATH --out FILE    to .nii, .nii.gz, .nrrd or .mha
  trocar-volume assets DIR                 copy the WebAssembly decoders for a browser into DIR
  trocar-volume reconstruct --sequence S --config C --out FILE [--json]   a volume from a tracked ultrasound sweep
  trocar-volume anonymize PATH… --out DIR [--json]   DICOM files without who the patient is
${FETCH_USAGE}
${STORE_USAGE}

PATH is a folder of DICOM files, or one .dcm, .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd file.

  --series UID     which series to take where a folder holds several
  --pick KEY       which volume of a series with several (time points, phases, echoes): the refusal lists them
  --suv BODY       a PET series as SUV, by body-weight, lean-body-mass-james, lean-body-mass-janmahasatian or body-surface
  --straighten     resample a tilted (sheared) volume onto right-angled axes
  --fill-gaps      interpolate missing and uneven slices instead of refusing them (the result says so)
  --help           this text

${ARCHIVE_USAGE}

reconstruct
  --sequence S           tracked images: .igs.mha, .mha, .igs.nrrd, .nrrd
  --config C             PLUS device set (XML), or a set-up in JSON: coordinate frames, clip, fan, spacing, modes
  --out FILE             .nii, .nii.gz, .nrrd or .mha, in the reference's frame
  --calibration FILE     what "trocar-register probe --json" printed: where the image lies, and the lag
  --like-plus            PLUS's own rules, rounding by rounding, as the device set says
  --spacing MM           edge of a voxel; --interpolation nearest|linear, --compounding mean|latest|maximum: instead of C's
  --fill-gaps MM         gaps between seen voxels up to this wide are bridged. Default: as far as C's sticks reach
  --workers N            default: cores, at most 4; the result does not depend on it
  --lag MS               the pose of an image is that of so much later. Default: the calibration's, else 0
  --reference NAME       frame of the volume; --importance PNG, how much each pixel counts
  --axes frame|sweep     box along the reference's axes (default), or along the images
  --voxels uint8|float32, --coverage FILE   which voxels were seen (1), filled (2) or are unknown (0)

${ANONYMIZE_USAGE}

Exit code: 0 done, 1 refused (the error's code on standard error, and in the JSON), 2 wrong usage.`;

const OPTIONS = {
  json: { type: 'boolean' },
  out: { type: 'string' },
  series: { type: 'string' },
  pick: { type: 'string' },
  'fill-gaps': { type: 'boolean' },
  straighten: { type: 'boolean' },
  suv: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** Takes a command's arguments apart, and says how to run it. @throws Error with a sentence for the person who typed them */
type OwnCommand = (args: readonly string[], to: CommandOutput) => () => Promise<0 | 1 | 2>;

/** Commands whose arguments are their own. */
const OWN_ARGUMENTS: Readonly<Record<string, OwnCommand>> = {
  reconstruct: (args, to) => {
    const request = reconstructRequestOf(args);
    return () => runReconstruct(request, to);
  },
  anonymize: (args, to) => {
    const request = anonymizeRequestOf(args);
    return () => runAnonymize(request, to);
  },
  fetch: (args, to) => {
    const request = fetchRequestOf(args);
    return () => runFetch(request, to);
  },
  store: (args, to) => {
    const request = storeRequestOf(args);
    return () => runStore(request, to);
  },
};

interface Request {
  readonly command: 'info' | 'check' | 'convert' | 'assets';
  readonly path: string;
  readonly json: boolean;
  readonly outFile: string | undefined;
  readonly seriesUid: string | undefined;
  readonly pick: string | undefined;
  readonly fillGaps: boolean;
  readonly straighten: boolean;
  readonly suv: SuvKind | undefined;
}

/** Runs `trocar-volume` with its arguments; the answer is the exit code. Never throws a NavError. */
export async function runVolumeCommand(args: readonly string[], to: CommandOutput): Promise<0 | 1 | 2> {
  const [name = '', ...rest] = args;
  const own = OWN_ARGUMENTS[name];
  let run: () => Promise<0 | 1 | 2>;
  try {
    if (own !== undefined && !args.includes('--help')) run = own(rest, to);
    else {
      const request = requestOf(args);
      run = () => (request === 'help' ? showUsage(to) : performed(request, to));
    }
  } catch (error) {
    to.error(error instanceof Error ? error.message : String(error));
    to.error('Try "trocar-volume --help".');
    return 2;
  }
  return run();
}

async function showUsage(to: CommandOutput): Promise<0> {
  to.out(USAGE);
  return 0;
}

async function performed(request: Request, to: CommandOutput): Promise<0 | 1> {
  try {
    await perform(request, to);
    return 0;
  } catch (error) {
    return refused(error, to, request.json, { path: request.path });
  }
}

/** @throws Error with a sentence for the person who typed the command */
function requestOf(args: readonly string[]): Request | 'help' {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  if (values.help || args.length === 0) return 'help';
  const [command, path, ...rest] = positionals;
  if (command !== 'info' && command !== 'check' && command !== 'convert' && command !== 'assets') {
    throw new Error(`"${command ?? ''}" is no command of trocar-volume.`);
  }
  if (path === undefined || rest.length > 0)
    throw new Error(`"${command}" takes one ${command === 'assets' ? 'folder' : 'path'}.`);
  if ((command === 'convert') !== (values.out !== undefined)) {
    throw new Error(command === 'convert' ? '"convert" needs --out FILE.' : '--out belongs to "convert".');
  }
  return {
    command,
    path,
    json: values.json ?? false,
    outFile: values.out,
    seriesUid: values.series,
    pick: values.pick,
    fillGaps: values['fill-gaps'] ?? false,
    straighten: values.straighten ?? false,
    suv: suvOf(values.suv),
  };
}

function suvOf(kind: string | undefined): SuvKind | undefined {
  const known = SUV_KINDS.find((k) => k === kind);
  if (kind !== undefined && known === undefined) throw new Error(`--suv "${kind}" is none of ${SUV_KINDS.join(', ')}.`);
  return known;
}

async function perform(request: Request, to: CommandOutput): Promise<void> {
  if (request.command === 'assets') {
    const { folder, files, bytes } = await copyAssets(request.path);
    to.out(
      request.json
        ? JSON.stringify({ ok: true, folder, files, bytes })
        : `${files.length} files (${(bytes / 1e6).toFixed(1)} MB) copied to ${folder}. Serve it and pass its path to setAssetsBase().`,
    );
    return;
  }
  const read = await readVolume(request.path, {
    frame: frame('image'),
    ...(request.seriesUid !== undefined && { seriesUid: request.seriesUid }),
    ...(request.pick !== undefined && { pick: request.pick }),
    ...(request.suv !== undefined && { suv: request.suv }),
    ...(request.fillGaps && { gaps: 'interpolate' as const }),
  });
  const v = request.straighten ? resampleStraight(read) : read;
  if (request.outFile !== undefined) await writeVolume(v, request.outFile);
  const facts =
    request.command === 'info'
      ? factsOf(v)
      : { size: v.size, modality: v.modality, navigable: !isSheared(v), warnings: v.warnings };
  if (request.json) {
    const written = request.outFile === undefined ? {} : { out: request.outFile };
    to.out(JSON.stringify({ ok: true, path: request.path, ...written, ...facts }, null, 2));
  } else {
    if (request.command === 'info') for (const line of linesOf(v)) to.out(line);
    else
      to.out(
        `${request.path}: ${request.command === 'check' ? verdict(v) : `written to ${request.outFile}`} (${v.size.join(' × ')}, ${v.modality})`,
      );
    for (const w of v.warnings) to.out(`warning ${w.code}: ${w.message}`);
  }
}

function isSheared(v: AnyVolume): boolean {
  return shearDegrees(v) > SHEAR_LIMIT_DEGREES;
}

function verdict(v: AnyVolume): string {
  return isSheared(v) ? 'can be read, but navigated on only with --straighten' : 'can be used';
}

function factsOf(v: AnyVolume): Record<string, unknown> {
  return {
    size: v.size,
    spacingMm: spacingOf(v),
    coordinates: 'LPS mm, voxel centres',
    frameFromIndex: Array.from(v.frameFromIndex),
    corners: cornersOf(v).map((corner) => Array.from(corner)),
    shearDegrees: shearDegrees(v),
    voxels: v.voxels.constructor.name.replace('Array', '').toLowerCase(),
    rescale: v.rescale,
    range: valueRange(v),
    modality: v.modality,
    patient: v.patient,
    series: v.series,
    frameOfReferenceUid: v.frameOfReferenceUid ?? null,
    warnings: v.warnings,
  };
}

function linesOf(v: AnyVolume): string[] {
  const m = v.frameFromIndex;
  const mm = (values: ArrayLike<number>): string => Array.from(values, (x) => x.toFixed(3)).join(', ');
  const row = (r: number): string => [0, 4, 8, 12].map((c) => (m[c + r] as number).toFixed(6).padStart(13)).join('');
  const { min, max } = valueRange(v);
  const corners = cornersOf(v);
  const unit = v.rescale.unit === undefined ? '' : ` ${v.rescale.unit}`;
  const named = (label: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`${label.padEnd(20)}${value}`];
  return [
    ...named('size', v.size.join(' × ')),
    ...named('spacing', `${mm(spacingOf(v))} mm`),
    ...named('modality', v.modality),
    ...named('values', `${min} to ${max}${unit} (slope ${v.rescale.slope}, intercept ${v.rescale.intercept})`),
    'frame from index (LPS mm, voxel centres)',
    row(0),
    row(1),
    row(2),
    ...named('first voxel', `${mm(corners[0] as Float64Array)} mm`),
    ...named('last voxel', `${mm(corners[7] as Float64Array)} mm`),
    ...named('shear', `${shearDegrees(v).toFixed(2)}°`),
    ...named(
      'patient',
      [v.patient.name, v.patient.id, v.patient.birthDate, v.patient.sex].filter((x) => x).join(', ') || undefined,
    ),
    ...named('patient position', v.series.patientPosition),
    ...named('study', v.series.studyUid),
    ...named('series', [v.series.seriesUid, v.series.description].filter((x) => x).join(' ') || undefined),
    ...named('frame of reference', v.frameOfReferenceUid),
  ];
}
