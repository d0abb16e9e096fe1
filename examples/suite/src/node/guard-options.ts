import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { NavError } from '@trocar/core';
import type { TokenKey } from '@trocar/core/session';
import { auditTrail } from '@trocar/core/session/node';
import { PageAccess } from './page-access.js';
import { type AuditedCase, PageAudit } from './page-audit.js';
import { PageGuard } from './page-guard.js';

const text = { type: 'string' } as const;

/** The options of the command line by which a procedure tells what happens, and asks who comes. */
export const GUARD_OPTIONS: Readonly<
  Record<'audit' | 'audit-syslog' | 'audit-ca' | 'access-key' | 'access-audience', typeof text>
> = { audit: text, 'audit-syslog': text, 'audit-ca': text, 'access-key': text, 'access-audience': text };

/** Lines of a usage. */
export const GUARD_USAGE = `  --audit FILE       what happens, as audit messages (DICOM PS3.15, A.5), one a line
  --audit-syslog H:P the same to a syslog server over TLS; with --audit what it did not get is sent later
  --audit-ca FILE    certificates (PEM) that vouch for that server, instead of the usual authorities
  --access-key FILE  the page opens with a signed token: the key (32 random bytes or more, base64) that tokens are signed with
  --access-audience  what those tokens are for; default trocar
`;

/** Where to tell what happens, and with which key to ask who comes. */
export interface GuardArguments {
  readonly audit: string | undefined;
  readonly syslog: { readonly host: string; readonly port: number } | undefined;
  readonly auditCa: string | undefined;
  readonly accessKey: string | undefined;
  readonly audience: string;
}

type Values = { readonly [K in keyof typeof GUARD_OPTIONS]?: string | undefined };

/** @throws TypeError with a sentence for who typed the command */
export function guardArgumentsOf(values: Values): GuardArguments {
  const { audit, 'audit-ca': auditCa, 'audit-syslog': server, 'access-key': accessKey, 'access-audience': audience } = values;
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(server ?? '') ?? [];
  if (server !== undefined && (host === undefined || !(Number(port) >= 1 && Number(port) <= 65_535)))
    throw new TypeError(`--audit-syslog needs HOST:PORT, got "${server}".`);
  if (auditCa !== undefined && server === undefined) throw new TypeError('--audit-ca belongs to --audit-syslog.');
  if (audience !== undefined && accessKey === undefined) throw new TypeError('--access-audience belongs to --access-key.');
  return {
    audit,
    syslog: host === undefined ? undefined : { host, port: Number(port) },
    auditCa,
    accessKey,
    audience: audience ?? 'trocar',
  };
}

/** What a guard is of. */
export interface GuardedProgram {
  /** One word: `ct-liver-ablation`. */
  readonly application: string;
  readonly subject?: AuditedCase;
  /** UTC now, ms of 1970. Default the system's. */
  readonly now?: () => number;
}

/**
 * The guard of the arguments, with its trail open; without arguments one that lets everything happen.
 * @throws NavError `io/not-found`, `access/bad-key`, `audit/write-failed`, `audit/bad-option`
 */
export async function openGuard(args: GuardArguments, program: GuardedProgram): Promise<PageGuard> {
  const { now = Date.now } = program;
  const access =
    args.accessKey === undefined
      ? undefined
      : new PageAccess({ keys: [await keyIn(args.accessKey)], audience: args.audience, now });
  const audit = await openAudit(args, program);
  return new PageGuard({ now, ...(access && { access }), ...(audit && { audit }) });
}

/** The audit of the arguments; undefined where nobody is to be told. @throws NavError as {@link openGuard} */
export async function openAudit(args: GuardArguments, program: GuardedProgram): Promise<PageAudit | undefined> {
  const { audit: file, syslog, auditCa } = args;
  if (file === undefined && syslog === undefined) return undefined;
  const { application, subject, now = Date.now } = program;
  const sender = { host: hostname(), application, process: String(process.pid) };
  const ca = auditCa === undefined ? {} : { ca: await textIn(auditCa) };
  const trail = await auditTrail({
    ...(file !== undefined && { file }),
    ...(syslog && { syslog: { ...syslog, ...ca, sender } }),
    onProblem: ({ code, message }) => process.stderr.write(`${code}: ${message}\n`),
  });
  return new PageAudit({ trail, application, host: hostname(), now, ...(subject && { subject }) });
}

async function keyIn(path: string): Promise<TokenKey> {
  const bytes = Buffer.from((await textIn(path)).trim(), 'base64');
  if (bytes.length < 32) throw new NavError('access/bad-key', `"${path}" holds no key: make one with "openssl rand -base64 32".`);
  return { id: 'site', algorithm: 'HS256', bytes };
}

async function textIn(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new NavError('io/not-found', `"${path}" cannot be read.`, { cause });
  }
}
