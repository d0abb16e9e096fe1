import { NavError } from '@trocar/core';

/** Who may connect to a bridge. */
export interface AccessPolicy {
  /** Origins of pages that may connect, as browsers send them: `http://127.0.0.1:5173`. */
  readonly allowedOrigins: ReadonlySet<string>;
  /** Names that a request may be addressed to, without port. */
  readonly allowedHosts: ReadonlySet<string>;
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** What a policy is made from. */
export interface AccessOptions {
  readonly host: string;
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly allowRemote: boolean;
  /** Whether connections are encrypted, and whether a token is needed: beyond loopback both are a must. */
  readonly encrypted?: boolean;
  readonly authenticated?: boolean;
}

/** Whether an address to listen on can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host);
}

/**
 * The policy for a listening address. On loopback the only names are loopback names: a page elsewhere that points its
 * own name at 127.0.0.1 (DNS rebinding) is refused by the Host header, whatever its origin.
 * @throws NavError `bridge/bad-option` where the address is not loopback and that was not asked for in so many words,
 * or without encryption, a token or the names it is reached by; or an origin is not exact
 */
export function accessPolicy(options: AccessOptions): AccessPolicy {
  const { host, allowedOrigins, allowedHosts } = options;
  const loopback = isLoopback(host);
  if (!loopback) requireSafeRemote(options);
  for (const origin of allowedOrigins) requireOrigin(origin);
  return {
    allowedOrigins: new Set(allowedOrigins),
    allowedHosts: new Set([...(loopback ? LOOPBACK : []), ...allowedHosts].map((h) => h.toLowerCase())),
  };
}

function requireSafeRemote(options: AccessOptions): void {
  const { host } = options;
  const wrong = (message: string): NavError => new NavError('bridge/bad-option', message);
  if (!options.allowRemote) {
    throw wrong(
      `The bridge would listen on "${host}", where other machines can reach it. Ask for that with allowRemote, TLS and a token, or use 127.0.0.1.`,
    );
  }
  if (options.encrypted !== true) {
    throw wrong(
      `A bridge on "${host}" needs TLS: give a certificate and its key. Without it anyone on the way reads and changes poses.`,
    );
  }
  if (options.authenticated !== true) {
    throw wrong(`A bridge on "${host}" needs an access token: without one whoever reaches it is let in.`);
  }
  if (options.allowedHosts.length === 0)
    throw wrong(`A bridge on "${host}" needs allowedHosts: the names that it is reached by.`);
}

function requireOrigin(origin: string): void {
  let exact = false;
  try {
    exact = new URL(origin).origin === origin;
  } catch {
    exact = false;
  }
  if (!exact || origin === 'null') {
    throw new NavError(
      'bridge/bad-option',
      `"${origin}" is no origin. Give scheme, host and port exactly: "http://127.0.0.1:5173".`,
    );
  }
}

/**
 * Why a request is refused, or undefined where it may pass. A browser always sends an Origin; a program without one
 * runs on a machine that may connect anyway, and is let in.
 */
export function refusal(policy: AccessPolicy, headers: { readonly host?: string; readonly origin?: string }): string | undefined {
  const name = hostName(headers.host);
  if (name === undefined || !policy.allowedHosts.has(name)) return `the host "${headers.host ?? ''}" is not this bridge`;
  if (headers.origin === undefined) return undefined;
  return policy.allowedOrigins.has(headers.origin) ? undefined : `pages of "${headers.origin}" are not allowed to connect`;
}

function hostName(host: string | undefined): string | undefined {
  if (host === undefined || /[^\w.:[\]-]/.test(host)) return undefined;
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  } catch {
    return undefined;
  }
}
