import { randomBytes } from 'node:crypto';
import { NavError } from '@trocar/core';
import { type Identity, type TokenKey, verifyToken } from '@trocar/core/session';

/** Who may sign in at a page. */
export interface PageAccessOptions {
  /** Keys that the site signs its tokens with. */
  readonly keys: readonly TokenKey[];
  /** What tokens have to be for: `trocar-or-3`. */
  readonly audience: string;
  /** UTC now, ms of 1970. */
  readonly now: () => number;
}

/** Somebody who has signed in. */
export interface SignedIn {
  readonly identity: Identity;
  /** What their browser brings with each request from then on: random, and worth nothing anywhere else. */
  readonly ticket: string;
}

interface Ticket {
  readonly identity: Identity;
  readonly endsMs: number;
}

/**
 * Signed tokens with roles (docs/audit.md) for a page: each signs in once, for as long as it lives. A browser is then known by a ticket, so that the
 * token is in no address, no history and no script.
 */
export class PageAccess {
  readonly #options: PageAccessOptions;
  readonly #tickets = new Map<string, Ticket>();
  /** Tokens that have signed in, until they would have ended anyway. */
  readonly #used = new Map<string, number>();

  /** @throws NavError `access/bad-option` without a key or an audience */
  constructor(options: PageAccessOptions) {
    if (options.keys.length === 0 || options.audience === '')
      throw new NavError('access/bad-option', 'A page with tokens needs a key, and a name that its tokens are for.');
    this.#options = options;
  }

  /**
   * Signs somebody in.
   * @throws NavError as `verifyToken`; `access/bad-token` for one that has signed in before: a copy of it is of no use
   */
  async signIn(token: string): Promise<SignedIn> {
    const { keys, audience, now } = this.#options;
    const claims = await verifyToken(token, keys, { audience, nowMs: now() });
    this.#forget();
    if (this.#used.has(claims.tokenId))
      throw new NavError('access/bad-token', 'The token is refused: it has signed somebody in before. Ask for a new one.');
    const endsMs = claims.expires * 1000;
    // For as long as clocks may differ it would still be taken.
    this.#used.set(claims.tokenId, endsMs + CLOCKS_MS);
    const ticket = randomBytes(32).toString('base64url');
    const identity = { subject: claims.subject, roles: claims.roles };
    this.#tickets.set(ticket, { identity, endsMs });
    return { identity, ticket };
  }

  /** Who brings a ticket. @throws NavError `access/bad-token` for none or one that is not known, `access/expired` */
  whoHas(ticket: string | undefined): Identity {
    const found = ticket === undefined ? undefined : this.#tickets.get(ticket);
    if (found === undefined)
      throw new NavError('access/bad-token', 'Nobody is signed in here. Sign in with a token of the site.');
    if (this.#options.now() >= found.endsMs) throw new NavError('access/expired', 'The token has expired. Sign in again.');
    return found.identity;
  }

  #forget(): void {
    const now = this.#options.now();
    for (const [id, until] of this.#used) if (until < now) this.#used.delete(id);
    // A while longer than they hold: so long they are told that theirs has expired.
    for (const [ticket, { endsMs }] of this.#tickets) if (endsMs + FORGOTTEN_MS < now) this.#tickets.delete(ticket);
  }
}

/** As far as clocks may be apart for `verifyToken`, ms. */
const CLOCKS_MS = 30_000;
const FORGOTTEN_MS = 3_600_000;
