import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { NavError } from '@trocar/core';
import { type DicomArchive, dicomArchive, openStudyStore, type StudyStore } from '@trocar/core/dicom';
import { archiveFetch, studyFolder } from '@trocar/core/dicom/node';

const text = { type: 'string' } as const;

/** The options of the command line by which a procedure takes its case from an archive, or from studies kept on this machine. */
export const STUDY_OPTIONS: Readonly<
  Record<'archive' | 'studies' | 'study' | 'series' | 'structures' | 'token-file' | 'login-file' | 'ca-file', typeof text>
> = {
  ...{ archive: text, studies: text, study: text, series: text, structures: text },
  ...{ 'token-file': text, 'login-file': text, 'ca-file': text },
};

/** Lines of a usage. */
export const STUDY_USAGE = `  --archive URL      the DICOMweb root of an archive: the case comes from it, and results go to it
  --studies DIR      where studies and results are kept on this machine; alone, without --archive, nothing asks a network
  --study UID        the study of the case; without it the phantom, whose results may still go to the archive
  --series UID       its images, where several series could be meant
  --structures UID   the segmentation or structure set (instance or series), where several could be meant
  --token-file F     a file with a bearer token; or TROCAR_ARCHIVE_TOKEN
  --login-file F     a file with user:password; or TROCAR_ARCHIVE_LOGIN
  --ca-file F        certificates (PEM) to trust instead of the usual authorities
`;

/** Where a case comes from and its results go, as the command line says. Never the secrets themselves. */
export interface StudyArguments {
  readonly archive: string | undefined;
  readonly studies: string | undefined;
  readonly study: string | undefined;
  readonly series: string | undefined;
  readonly structures: string | undefined;
  readonly tokenFile: string | undefined;
  readonly loginFile: string | undefined;
  readonly caFile: string | undefined;
}

type Values = { readonly [K in keyof typeof STUDY_OPTIONS]?: string | undefined };

/** @throws TypeError with a sentence for who typed the command */
export function studyArgumentsOf(values: Values): StudyArguments {
  const { archive, studies, study, series, structures } = values;
  const [tokenFile, loginFile, caFile] = [values['token-file'], values['login-file'], values['ca-file']];
  if (study !== undefined && archive === undefined && studies === undefined)
    throw new TypeError('--study needs --archive URL, or --studies DIR where it is kept.');
  if ((series !== undefined || structures !== undefined) && study === undefined)
    throw new TypeError('--series and --structures name parts of a --study.');
  if (archive === undefined && (tokenFile ?? loginFile ?? caFile) !== undefined)
    throw new TypeError('--token-file, --login-file and --ca-file belong to --archive.');
  if (tokenFile !== undefined && loginFile !== undefined) throw new TypeError('Give --token-file or --login-file, not both.');
  return { archive, studies, study, series, structures, tokenFile, loginFile, caFile };
}

/** Where studies are: a folder of this machine, and the archive where there is one. */
export interface StudyPlace {
  readonly store: StudyStore;
  readonly archive: DicomArchive | undefined;
}

/**
 * Opens the folder of this machine, and makes the archive's client; nothing is asked yet.
 * @throws NavError `archive/bad-option`, `io/not-found` for a file that is named and cannot be read, `store/write-failed`
 */
export async function studyPlaceOf(args: StudyArguments): Promise<StudyPlace> {
  const archive = args.archive === undefined ? undefined : await archiveOf(args.archive, args);
  return { store: await openStudyStore(await studyFolder(args.studies ?? usualFolder())), archive };
}

/** Where this machine keeps studies, if nobody says otherwise: the data folder of the user. */
function usualFolder(): string {
  const { XDG_DATA_HOME: data, LOCALAPPDATA: local } = process.env;
  return join(data ?? local ?? join(homedir(), '.local', 'share'), 'trocar', 'studies');
}

/** Secrets come from files or the environment, never from the command line, which others on the machine can see. */
async function archiveOf(url: string, { tokenFile, loginFile, caFile }: StudyArguments): Promise<DicomArchive> {
  const token = tokenFile !== undefined ? await secretIn(tokenFile) : process.env['TROCAR_ARCHIVE_TOKEN'] || undefined;
  const login = loginFile !== undefined ? await secretIn(loginFile) : process.env['TROCAR_ARCHIVE_LOGIN'] || undefined;
  // What is named on the command line goes before the environment.
  const basic = login !== undefined && (token === undefined || loginFile !== undefined);
  return dicomArchive({
    url,
    ...(basic && { headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` } }),
    ...(token !== undefined && !basic && { token }),
    ...(caFile !== undefined && { fetch: archiveFetch({ ca: await textOf(caFile) }) }),
  });
}

async function secretIn(path: string): Promise<string> {
  const secret = (await textOf(path)).trim();
  if (secret === '') throw new NavError('archive/bad-option', `"${path}" is empty: it should hold the token or the login.`);
  return secret;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new NavError('io/not-found', `"${path}" could not be read.`, { detail: { path }, cause });
  }
}
