import type { IncomingMessage, ServerResponse } from 'node:http';
import { isNavError, NavError } from '@trocar/core';
import { ACTIONS, type Identity, isPermitted, permittedAs, type SessionAction } from '@trocar/core/session';
import type { PageAccess } from './page-access.js';
import { LONGEST_LOG, type PageAudit } from './page-audit.js';
import { signInPage } from './sign-in-page.js';

/** What watches over a page's server: who may come in and do what, and who is told of it. Both may be left out. */
export interface PageGuardOptions {
  readonly access?: PageAccess;
  readonly audit?: PageAudit;
  /** UTC now, ms of 1970. */
  readonly now: () => number;
}

/** Whoever asks: somebody who signed in, or, where nobody needs to, whoever is at this machine. */
export interface Visitor {
  readonly identity: Identity | undefined;
}

/** Who is at this machine, in the audit log, where nobody has to sign in. */
const NOBODY_ASKED = 'operator';
/** So many refused tokens a minute are looked at and told; after that nobody's is, for the rest of it. */
const MOST_REFUSED = 20;
const LONGEST_FORM = 16_384;
const ORDER: SessionAction = 'step/entered';

/** Keeps a page's server: see {@link PageGuardOptions}. */
export class PageGuard {
  readonly #options: PageGuardOptions;
  #refused: number[] = [];

  constructor(options: PageGuardOptions) {
    this.#options = options;
  }

  /** Who is told; undefined where nobody is. A page then hands the lines of its log over before it keeps them. */
  get audit(): PageAudit | undefined {
    return this.#options.audit;
  }

  /** The server begins to answer. */
  async started(): Promise<void> {
    await this.#options.audit?.application('start');
  }

  /** It has ended. */
  async stopped(): Promise<void> {
    await this.#options.audit?.close();
  }

  /**
   * Who asks. Undefined: nobody who may, and it was answered: with the page that asks for a token, or with why not.
   * @param origin of the page
   */
  async admit(request: IncomingMessage, response: ServerResponse, url: URL, origin: string): Promise<Visitor | undefined> {
    const { access } = this.#options;
    if (access === undefined) return { identity: undefined };
    if (url.pathname === '/sign-in' && request.method === 'POST') {
      await this.#signIn(access, request, response, url, origin);
      return undefined;
    }
    try {
      return { identity: access.whoHas(ticketOf(request, cookieName(origin))) };
    } catch (error) {
      if (!isNavError(error)) throw error;
      const page = url.pathname === '/' && request.method === 'GET';
      if (page)
        sendPage(
          response,
          401,
          signInPage(url.searchParams.get('lang'), error.code === 'access/expired' ? error.message : undefined),
        );
      else sendText(response, 401, `${error.code}: ${error.message}`);
      return undefined;
    }
  }

  async #signIn(access: PageAccess, request: IncomingMessage, response: ServerResponse, url: URL, origin: string): Promise<void> {
    const from = request.headers.origin;
    // A program that starts the page's browser has no origin; a page of elsewhere has its own.
    if (from !== undefined && from !== origin) return sendText(response, 403, 'Only this page itself may sign somebody in.');
    const lang = url.searchParams.get('lang');
    const token = new URLSearchParams(await textOf(request, LONGEST_FORM)).get('token') ?? '';
    try {
      this.#requirePatience();
      const { identity, ticket } = await access.signIn(token.trim());
      await this.#options.audit?.signedIn(identity.subject);
      const cookie = `${cookieName(origin)}=${ticket}; HttpOnly; SameSite=Strict; Path=/`;
      response.writeHead(303, {
        location: `/?lang=${encodeURIComponent(lang ?? 'en')}`,
        'set-cookie': cookie,
        'cache-control': 'no-store',
      });
      response.end();
    } catch (error) {
      if (!isNavError(error) || !error.code.startsWith('access/')) throw error;
      this.#refused.push(this.#options.now());
      if (this.#refused.length <= MOST_REFUSED)
        await this.#options.audit?.signedIn(request.socket.remoteAddress ?? 'unknown', `${error.code}: ${error.message}`);
      sendPage(response, 401, signInPage(lang, `${error.code}: ${error.message}`));
    }
  }

  #requirePatience(): void {
    const now = this.#options.now();
    this.#refused = this.#refused.filter((at) => now - at < 60_000);
    if (this.#refused.length < MOST_REFUSED) return;
    throw new NavError('access/bad-token', 'Too many tokens were refused. Wait a minute.');
  }

  /** What a page is told of who opened it, with its case. */
  factsOf({ identity }: Visitor): Readonly<Record<string, unknown>> {
    return {
      ...(identity && { by: identity.subject, roles: identity.roles, mayOrder: isPermitted(identity, ORDER) }),
      ...(this.audit !== undefined && { audited: true }),
    };
  }

  async opened(visitor: Visitor): Promise<void> {
    await this.#options.audit?.opened(nameOf(visitor));
  }

  async read(visitor: Visitor): Promise<void> {
    await this.#options.audit?.read(nameOf(visitor));
  }

  /** Lets an order pass. @throws NavError `access/forbidden` for an observer, who watches */
  async requireOrder(visitor: Visitor): Promise<void> {
    await this.#require(visitor, ORDER);
  }

  /** A result is to be kept or sent: told before it is. @param what as `keep/report`, `send` */
  async result(visitor: Visitor, what: string): Promise<void> {
    await this.audit?.did(nameOf(visitor), `result/${what}`);
  }

  async #require({ identity }: Visitor, action: SessionAction): Promise<void> {
    if (identity === undefined) return;
    try {
      permittedAs(identity, action);
    } catch (error) {
      await this.#options.audit?.forbidden(identity.subject, action);
      throw error;
    }
  }

  /**
   * Takes what a page tells before it keeps it: `POST /audit/log/CASE?at=BYTES` with new lines of a session's log (`&known` for those of a
   * case that is taken up again), `POST /audit/export/KIND` before a file is handed out.
   * @throws NavError `access/forbidden`, `session/damaged`, `audit/…`: then nothing of it has happened
   */
  async take(visitor: Visitor, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { audit } = this.#options;
    const [, what, name] = /^\/audit\/(log|export)\/([a-z0-9][a-z0-9-]{0,63})$/.exec(url.pathname) ?? [];
    if (audit === undefined || name === undefined) return sendText(response, 404, 'There is nothing here.');
    if (what === 'export') {
      await this.#require(visitor, 'event/noted');
      await audit.exported(nameOf(visitor), name);
    } else {
      const at = Number(url.searchParams.get('at') ?? Number.NaN);
      if (!Number.isSafeInteger(at) || at < 0)
        return sendText(response, 400, 'at is how long the log is without these lines, bytes.');
      const bytes = await bytesOf(request, LONGEST_LOG);
      const asked: SessionAction[] = [];
      const may = (action: string): void => {
        if (visitor.identity === undefined) return;
        asked.push(actionOf(action));
        permittedAs(visitor.identity, asked.at(-1) as SessionAction);
      };
      try {
        await audit.lines(name, bytes, { at, who: visitor.identity?.subject, known: url.searchParams.has('known'), may });
      } catch (error) {
        if (isNavError(error, 'access/forbidden')) await audit.forbidden(nameOf(visitor), asked.at(-1) as string);
        throw error;
      }
    }
    response.writeHead(204, { 'cache-control': 'no-store' });
    response.end();
  }
}

/** The status of a refusal; undefined for what is none of ours. */
export function statusOf(error: unknown): number | undefined {
  if (!isNavError(error)) return undefined;
  if (error.code === 'access/forbidden') return 403;
  if (error.code === 'session/damaged') return 409;
  return error.code.startsWith('audit/') ? 503 : undefined;
}

const nameOf = ({ identity }: Visitor): string => identity?.subject ?? NOBODY_ASKED;

/** An action that no role knows is refused to all: it would be one of a later version. */
function actionOf(action: string): SessionAction {
  const known = ACTIONS.find((one) => one === action);
  if (known !== undefined) return known;
  throw new NavError('access/forbidden', `"${action}" is for nobody: no role knows it.`, { detail: { action } });
}

/** Cookies do not know ports: each page's has its own name. */
const cookieName = (origin: string): string => `trocar-${new URL(origin).port}`;

function ticketOf(request: IncomingMessage, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='));
  return pairs.find(([key]) => key === name)?.[1];
}

async function bytesOf(request: IncomingMessage, most: number): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    length += (part as Buffer).length;
    if (length > most) throw new NavError('session/damaged', `What the page tells has more than ${most} bytes.`);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

const textOf = async (request: IncomingMessage, most: number): Promise<string> =>
  new TextDecoder().decode(await bytesOf(request, most));

function sendPage(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  response.end(html);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close', 'cache-control': 'no-store' });
  response.end(`${text}\n`);
}
