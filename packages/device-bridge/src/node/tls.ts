import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { NavError } from '@trocar/core';

/** A certificate and its private key, PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads a certificate (with its chain) and its key from PEM files, and checks that they belong together.
 * @throws NavError `io/not-found` where a file cannot be read, `bridge/bad-option` where they are no pair or the
 * certificate is not valid now
 */
export async function readTls(files: { readonly cert: string; readonly key: string }, now: Date): Promise<TlsIdentity> {
  const identity = { cert: await readPem(files.cert), key: await readPem(files.key) };
  requireTls(identity);
  const { validFrom, validTo } = new X509Certificate(identity.cert);
  if (now < new Date(validFrom) || now > new Date(validTo)) {
    throw new NavError(
      'bridge/bad-option',
      `The certificate "${files.cert}" is valid from ${validFrom} to ${validTo}, which is not now. Renew it, or set the clock.`,
    );
  }
  return identity;
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new NavError('io/not-found', `The file "${file}" cannot be read.`, { cause });
  }
}

/** @throws NavError `bridge/bad-option` where certificate and key are none, or no pair */
export function requireTls(identity: TlsIdentity): void {
  try {
    createSecureContext({ cert: identity.cert, key: identity.key });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NavError('bridge/bad-option', `The certificate and the key cannot be used together: ${why}.`, { cause });
  }
}
