import type { IncomingMessage } from 'node:http';
import type { Clock, NavErrorCode } from '@trocar/core';
import type { Role } from '../codec/bridge/index.js';
import { FailedAttempts, type TokenSet, tokenOf } from './auth.js';
import { type AccessPolicy, refusal } from './policy.js';

/** What became of a request at the door. */
export type Entry =
  | { readonly role: Role; readonly address: string }
  | {
      readonly role: undefined;
      readonly status: number;
      readonly phrase: string;
      readonly code: NavErrorCode;
      /** A sentence's worth of why. */
      readonly why: string;
    };

/** Who comes in: by host and origin first, then by token. The same for WebSockets, `/metrics` and `/healthz`. */
export class Door {
  readonly #policy: AccessPolicy;
  readonly #tokens: TokenSet;
  readonly #clock: Clock;
  readonly #attempts = new FailedAttempts();

  constructor(policy: AccessPolicy, tokens: TokenSet, clock: Clock) {
    this.#policy = policy;
    this.#tokens = tokens;
    this.#clock = clock;
  }

  /** Whether a request comes in, and as what. Without any token configured everyone who may come in observes. */
  admit(request: IncomingMessage): Entry {
    const { host, origin } = request.headers;
    const address = addressKey(request.socket.remoteAddress ?? '');
    const foreign = refusal(this.#policy, { ...(host !== undefined && { host }), ...(origin !== undefined && { origin }) });
    if (foreign !== undefined) return no(403, 'Forbidden', 'bridge/foreign-origin', foreign);
    if (this.#tokens.size === 0) return { role: 'observe', address };
    const now = this.#clock.now();
    if (this.#attempts.mustWait(address, now)) {
      return no(429, 'Too Many Requests', 'bridge/unauthorised', 'too many wrong tokens; wait a while');
    }
    const token = tokenOf(request.headers);
    if (token === undefined) return no(401, 'Unauthorized', 'bridge/unauthorised', 'an access token is needed');
    const role = this.#tokens.roleOf(token);
    if (role !== undefined) {
      this.#attempts.succeeded(address);
      return { role, address };
    }
    this.#attempts.failed(address, now);
    return no(401, 'Unauthorized', 'bridge/unauthorised', 'the access token is not known');
  }
}

function no(status: number, phrase: string, code: NavErrorCode, why: string): Entry {
  return { role: undefined, status, phrase, code, why };
}

/** What connections are counted by: an IPv4 address, or the first 64 bits of an IPv6 one, which one host owns. */
export function addressKey(address: string): string {
  if (address.includes('.')) return address.replace(/^::ffff:/i, '');
  const [left = '', right] = address.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  return [...head, ...Array.from({ length: zeros }, () => '0'), ...tail].slice(0, 4).join(':');
}
