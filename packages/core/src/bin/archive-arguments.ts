import { readFile } from 'node:fs/promises';
import { NavError } from '../base/index.js';
import { type DicomArchive, dicomArchive } from '../dicom/archive/index.js';
import { type ArchiveTls, archiveFetch } from '../dicom/node/index.js';

/** What `fetch` and `store` share: where the archive is, and how to be let in. */
export const ARCHIVE_OPTIONS: {
  readonly archive: { readonly type: 'string' };
  readonly 'token-file': { readonly type: 'string' };
  readonly 'login-file': { readonly type: 'string' };
  readonly 'ca-file': { readonly type: 'string' };
  readonly 'cert-file': { readonly type: 'string' };
  readonly 'key-file': { readonly type: 'string' };
  readonly json: { readonly type: 'boolean' };
} = {
  archive: { type: 'string' },
  'token-file': { type: 'string' },
  'login-file': { type: 'string' },
  'ca-file': { type: 'string' },
  'cert-file': { type: 'string' },
  'key-file': { type: 'string' },
  json: { type: 'boolean' },
};

/** Where an archive is and where its secrets lie; never the secrets themselves. */
export interface ArchiveArguments {
  readonly url: string;
  readonly tokenFile: string | undefined;
  readonly loginFile: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly json: boolean;
}

/** Lines of the usage that `fetch` and `store` share. */
export const ARCHIVE_USAGE: string = `fetch and store
  --archive URL          the archive's DICOMweb root
  --token-file FILE      a file with a bearer token; or the environment variable TROCAR_ARCHIVE_TOKEN
  --login-file FILE      a file with user:password; or TROCAR_ARCHIVE_LOGIN
  --ca-file FILE         certificates (PEM) to trust instead of the usual authorities
  --cert-file FILE       this program's own certificate (PEM), where the archive asks who comes; with --key-file
  --key-file FILE        its private key (PEM)`;

/** @throws Error with a sentence for the person who typed the command */
export function archiveArgumentsOf(
  values: {
    readonly [K in keyof typeof ARCHIVE_OPTIONS]?: (typeof ARCHIVE_OPTIONS)[K]['type'] extends 'boolean' ? boolean : string;
  },
  command: string,
): ArchiveArguments {
  if (values.archive === undefined) throw new Error(`"${command}" needs --archive URL.`);
  if (values['token-file'] !== undefined && values['login-file'] !== undefined)
    throw new Error('Give --token-file or --login-file, not both.');
  if ((values['cert-file'] === undefined) !== (values['key-file'] === undefined))
    throw new Error('--cert-file and --key-file belong together: give both.');
  return {
    url: values.archive,
    tokenFile: values['token-file'],
    loginFile: values['login-file'],
    caFile: values['ca-file'],
    certFile: values['cert-file'],
    keyFile: values['key-file'],
    json: values.json ?? false,
  };
}

/**
 * The archive. Secrets come from files or the environment, never from the command line, which others on the machine can see.
 * @throws NavError `archive/bad-option`, `io/not-found`
 */
export async function archiveOf(given: ArchiveArguments): Promise<DicomArchive> {
  const { url, tokenFile, loginFile } = given;
  const token = tokenFile !== undefined ? await secretIn(tokenFile) : setIn(process.env['TROCAR_ARCHIVE_TOKEN']);
  const login = loginFile !== undefined ? await secretIn(loginFile) : setIn(process.env['TROCAR_ARCHIVE_LOGIN']);
  const tls = await tlsOf(given);
  // What is named on the command line goes before the environment.
  const basic = login !== undefined && (token === undefined || loginFile !== undefined);
  return dicomArchive({
    url,
    ...(basic && { headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` } }),
    ...(token !== undefined && !basic && { token }),
    ...(tls !== undefined && { fetch: archiveFetch(tls) }),
  });
}

/** Undefined: what Node itself trusts will do. */
async function tlsOf({ caFile, certFile, keyFile }: ArchiveArguments): Promise<ArchiveTls | undefined> {
  if (caFile === undefined && certFile === undefined && keyFile === undefined) return undefined;
  return {
    ...(caFile !== undefined && { ca: await textOf(caFile) }),
    ...(certFile !== undefined && { cert: await textOf(certFile) }),
    ...(keyFile !== undefined && { key: await textOf(keyFile) }),
  };
}

const setIn = (text: string | undefined): string | undefined => (text === undefined || text === '' ? undefined : text);

async function secretIn(path: string): Promise<string> {
  const text = (await textOf(path)).trim();
  if (text === '') throw new NavError('archive/bad-option', `"${path}" is empty: it should hold the token or the login.`);
  return text;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new NavError('io/not-found', `"${path}" could not be read.`, { detail: { path }, cause });
  }
}
