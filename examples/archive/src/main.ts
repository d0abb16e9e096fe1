import { parseArgs } from 'node:util';
import { dicomArchive } from '@trocar/core/dicom';
import { type RunningOrthanc, startOrthanc } from '@trocar/core/dicom/node';
import { roundTrip } from './round-trip.js';

const USAGE = `Usage: npm start -- --archive orthanc|URL [options]
  --archive orthanc   start an installed Orthanc with DICOMweb, and use it
  --archive URL       use this archive (its DICOMweb root); TROCAR_ARCHIVE_TOKEN holds a bearer token
  --folder DIR        where the started Orthanc keeps what it is given; default a temporary folder, removed at the end
  --stay              leave the started Orthanc running until Ctrl-C, and say where it is
  --seed N            of the phantom's noise; default 1
  --json              print one JSON object as the last line

Images of a phantom are stored, found, retrieved and registered; registration, segmentation and report are stored, retrieved and compared; the images
are de-identified and registered again. Ends with 0 only if every step held.
`;

function readArguments() {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({ options: { archive: text, folder: text, seed: text, stay: flag, json: flag, help: flag } });
  const seed = Number(values.seed ?? '1');
  if (!(Number.isInteger(seed) && seed > 0)) throw new TypeError(`--seed needs a whole number above 0, got "${values.seed}".`);
  if (!values.help && values.archive === undefined) throw new TypeError('--archive says which archive: orthanc, or a URL.');
  const own = values.archive === 'orthanc';
  if (!own && (values.folder !== undefined || values.stay))
    throw new TypeError('--folder and --stay belong to --archive orthanc.');
  return { ...values, seed, own };
}

type Arguments = ReturnType<typeof readArguments>;

async function run({ archive, folder, seed, stay, json, own }: Arguments): Promise<number> {
  let orthanc: RunningOrthanc | undefined;
  try {
    if (own) orthanc = await startOrthanc(folder === undefined ? {} : { folder });
    const token = process.env['TROCAR_ARCHIVE_TOKEN'];
    const url = orthanc?.url ?? (archive as string);
    const steps = await roundTrip({
      archive: dicomArchive({ url, ...(token !== undefined && { token }) }),
      seed,
      onStep: ({ what, found, holds }) => void process.stderr.write(`${holds ? '✓' : '✗'} ${what}: ${found}\n`),
    });
    const holds = steps.every((step) => step.holds);
    if (json) console.log(JSON.stringify({ ok: holds, steps }));
    if (stay && orthanc !== undefined) {
      console.log(`Orthanc answers at ${orthanc.url}. Ctrl-C ends it.`);
      await new Promise((resolve) => process.once('SIGINT', resolve));
    }
    return holds ? 0 : 1;
  } finally {
    await orthanc?.stop();
  }
}

try {
  const args = readArguments();
  if (args.help) console.log(USAGE);
  else process.exitCode = await run(args);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof TypeError) console.error(USAGE);
  process.exitCode = error instanceof TypeError ? 2 : 1;
}
