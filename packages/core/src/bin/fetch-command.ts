import { parseArgs } from 'node:util';
import {
  type DicomArchive,
  type FoundSeries,
  type KeptSeriesResult,
  keepSeries,
  openStudyStore,
} from '../dicom/archive/index.js';
import { studyFolder } from '../dicom/node/index.js';
import { ARCHIVE_OPTIONS, type ArchiveArguments, archiveArgumentsOf, archiveOf } from './archive-arguments.js';
import { type CommandOutput, refused } from './terminal.js';

/** What was typed, read. */
export interface FetchRequest {
  readonly archive: ArchiveArguments;
  readonly study: string;
  readonly series: string | undefined;
  readonly out: string;
  readonly syntax: string | undefined;
}

/** One line of the usage. */
export const FETCH_USAGE: string =
  '  trocar-volume fetch --archive URL --study UID [--series UID] --out DIR [--json]   DICOM files from an archive; goes on where it stood';

/** @throws Error with a sentence for the person who typed the command */
export function fetchRequestOf(args: readonly string[]): FetchRequest {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { ...ARCHIVE_OPTIONS, study: text, series: text, out: text, syntax: text },
    strict: true,
  });
  if (values.study === undefined) throw new Error('"fetch" needs --study UID.');
  if (values.out === undefined) throw new Error('"fetch" needs --out DIR.');
  return {
    archive: archiveArgumentsOf(values, 'fetch'),
    study: values.study,
    series: values.series,
    out: values.out,
    syntax: values.syntax,
  };
}

/** Brings one series, or all of a study, into a study store at `--out`. */
export async function runFetch(request: FetchRequest, to: CommandOutput): Promise<0 | 1> {
  const done: Record<string, unknown>[] = [];
  const about = { archive: request.archive.url, study: request.study, out: request.out, series: done };
  try {
    const archive = await archiveOf(request.archive);
    const store = await openStudyStore(await studyFolder(request.out));
    for (const { seriesUid, modality, description } of await seriesOf(archive, request)) {
      const came = await keepSeries(archive, store, {
        study: request.study,
        series: seriesUid,
        ...(request.syntax !== undefined && { syntax: request.syntax }),
      });
      done.push({ seriesUid, modality, description, ...came });
      if (!request.archive.json) to.out(`${seriesUid} (${modality ?? 'OT'}): ${lineOf(came)}`);
    }
    if (request.archive.json) to.out(JSON.stringify({ ok: true, ...about }, null, 2));
    return 0;
  } catch (error) {
    return refused(error, to, request.archive.json, about);
  }
}

async function seriesOf(
  archive: DicomArchive,
  request: FetchRequest,
): Promise<readonly Pick<FoundSeries, 'seriesUid' | 'modality' | 'description'>[]> {
  const all: FoundSeries[] = [];
  const query = request.series === undefined ? {} : { seriesUid: request.series };
  for await (const one of archive.findSeries(request.study, query)) all.push(one);
  // None was found: to ask for it by name gives the archive's own words.
  if (all.length === 0 && request.series !== undefined) return [{ seriesUid: request.series }];
  if (all.length === 0) await archive.retrieveMetadata({ studyUid: request.study });
  return all;
}

function lineOf({ instances, alreadyHere, bytes, retries }: KeptSeriesResult): string {
  const again = retries > 0 ? `, ${retries} time(s) asked again` : '';
  return `${instances} instances, ${instances - alreadyHere} of them now (${(bytes / 1e6).toFixed(1)} MB)${again}`;
}
