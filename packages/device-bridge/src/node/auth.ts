import { createHash, timingSafeEqual } from 'node:crypto';
import { NavError } from '@trocar/core';
import { type Role, TOKEN_SUBPROTOCOL } from '../codec/bridge/index.js';

/** A secret that lets a client in, and what it may then do. */
export interface AccessToken {
  /** At least 24 characters without spaces, from a generator of random numbers. */
  readonly token: string;
  readonly role: Role;
}

/** Shorter secrets can be guessed. 24 characters of base64 hold 144 bits. */
const SHORTEST_TOKEN = 24;
const LONGEST_TOKEN = 512;

/** Tokens as a bridge keeps them: only their hashes, compared in constant time. */
export class TokenSet {
  readonly #known: ReadonlyArray<{ readonly hash: Buffer; readonly role: Role }>;

  /** @throws NavError `bridge/bad-option` where a token is too short, or one is given twice */
  constructor(tokens: readonly AccessToken[]) {
    for (const { token } of tokens) requireToken(token);
    if (new Set(tokens.map((t) => t.token)).size !== tokens.length) {
      throw new NavError('bridge/bad-option', 'An access token is given twice. Give each role a token of its own.');
    }
    this.#known = tokens.map(({ token, role }) => ({ hash: hashOf(token), role }));
  }

  /** How many there are. With none, nobody needs one. */
  get size(): number {
    return this.#known.length;
  }

  /**
   * The role of a token; undefined where it is none of ours. Compares hashes of one length with every known token, so
   * that the time it takes says neither how far a guess is right nor which token it resembles.
   */
  roleOf(token: string): Role | undefined {
    const hash = hashOf(token.length > LONGEST_TOKEN ? '' : token);
    let role: Role | undefined;
    for (const known of this.#known) if (timingSafeEqual(hash, known.hash)) role = known.role;
    return role;
  }
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token, 'utf8').digest();

function requireToken(token: string): void {
  if (token.length >= SHORTEST_TOKEN && token.length <= LONGEST_TOKEN && /^[\x21-\x7e]+$/.test(token)) return;
  throw new NavError(
    'bridge/bad-option',
    `An access token needs ${SHORTEST_TOKEN} to ${LONGEST_TOKEN} printable characters without spaces; this one has ${token.length}. ` +
      'Make one with "openssl rand -base64 32".',
  );
}

/** The headers in which a token can come. */
export interface TokenHeaders {
  readonly authorization?: string | undefined;
  readonly 'sec-websocket-protocol'?: string | undefined;
}

/**
 * The token of a request; undefined where it carries none. Programs send `Authorization: Bearer TOKEN`; a page, which
 * cannot, offers a subprotocol `trocar.token.` with the token in base64url. Never in the address: addresses end up in
 * logs, histories and Referer headers.
 */
export function tokenOf(headers: TokenHeaders): string | undefined {
  const bearer = /^Bearer +([\x21-\x7e]+)$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const carrier = offered.find((name) => name.startsWith(TOKEN_SUBPROTOCOL));
  return carrier === undefined ? undefined : Buffer.from(carrier.slice(TOKEN_SUBPROTOCOL.length), 'base64url').toString();
}

/** Failures before an address has to wait, the first wait and the longest, ms. */
const FREE_FAILURES = 5;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
const MOST_ADDRESSES = 1024;

/**
 * Who has been wrong lately: after five wrong tokens an address waits 1 s, and after each further one twice as long, up
 * to a minute. While it waits its tokens are not looked at, right or wrong. Remembers the last 1024 addresses.
 */
export class FailedAttempts {
  readonly #by = new Map<string, { failures: number; until: number }>();

  /** Whether an address has to wait. @param now ms */
  mustWait(address: string, now: number): boolean {
    return now < (this.#by.get(address)?.until ?? 0);
  }

  failed(address: string, now: number): void {
    const failures = (this.#by.get(address)?.failures ?? 0) + 1;
    const over = failures - FREE_FAILURES;
    const wait = over < 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** over, LONGEST_WAIT_MS);
    // Put in anew, so that the first entry is the one that has been right or quiet for longest.
    this.#by.delete(address);
    this.#by.set(address, { failures, until: now + wait });
    if (this.#by.size > MOST_ADDRESSES) this.#by.delete(this.#by.keys().next().value as string);
  }

  succeeded(address: string): void {
    this.#by.delete(address);
  }
}
