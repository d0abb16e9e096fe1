import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { isNavError, systemClock } from '@trocar/core';
import { type AuditDraft, decodeNote, type LiveImage, LivePublisher, liveImage, ProposalDesk } from '@trocar/core/session';
import { headPhantom } from '@trocar/core/testing';
import { connectPublisher } from '@trocar/device-bridge/browser';
import { nodeSocket, startRelay } from '@trocar/device-bridge/node';
import { buildPage } from '../../../suite/src/node/build-page.js';
import type { PageAudit } from '../../../suite/src/node/page-audit.js';
import type { PageGuard } from '../../../suite/src/node/page-guard.js';
import { type PageServer, servePage } from '../../../suite/src/node/page-server.js';
import { SimulatedOperator } from '../operator.js';

const FOLDER = fileURLToPath(new URL('../..', import.meta.url));
const ROOM = 'demonstration';
/** The simulated operator looks at a proposal for so long, and accepts it, ms. */
const THINKS_MS = 2000;

/** Sockets tell a little later that they are closed, ms. */
const LEFT_MS = 20;

/** Painted once: it takes a while. */
let image: LiveImage | undefined;

/** A simulated operator and a relay on loopback. */
export interface LiveWorld {
  readonly bridge: { readonly url: string };
  readonly token: string;
  /** What the desk wrote down. */
  readonly audit: readonly AuditDraft[];
  close(): Promise<void>;
}

/** An event that cannot be kept is said where the server runs; the session goes on: whoever looks on decides nothing. */
function unheard(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}

/**
 * Starts relay and operator, for pages of that origin. Tokens are drawn anew each time.
 * @param told hears who joined, left or was refused, and what became of proposals
 */
export async function startLiveWorld(origin: string, seed: number, told?: PageAudit): Promise<LiveWorld> {
  const clock = systemClock();
  const [operatorToken, observerToken] = [randomBytes(24).toString('base64url'), randomBytes(24).toString('base64url')];
  const relay = await startRelay({
    clock,
    allowedOrigins: [origin],
    participants: [
      { token: operatorToken, role: 'publisher', name: 'operator', rooms: [ROOM] },
      { token: observerToken, role: 'observer', name: 'visitor', rooms: [ROOM] },
    ],
    log: ({ what, who }) => void told?.observer(what, who).catch(unheard),
  });
  image ??= liveImage('ct', headPhantom().volume);
  const { frameOfReferenceUid } = image;
  const images = [image];
  const audit: AuditDraft[] = [];
  const desk = new ProposalDesk({
    clock,
    framesOfReference: () => [frameOfReferenceUid],
    audit: (draft) => {
      audit.push(draft);
      void told?.did(draft.actor, draft.action).catch(unheard);
    },
  });
  const publisher = new LivePublisher({ clock });
  const operator = new SimulatedOperator(seed);
  const link = connectPublisher({
    url: `${relay.url}/live/${ROOM}`,
    token: operatorToken,
    clock,
    createSocket: nodeSocket,
    ask: () => publisher.requestSnapshot(),
    note: (bytes, by) => takeNote(desk, bytes, by),
  });
  const from = clock.now();
  const timer = setInterval(() => {
    const now = clock.now();
    for (const { proposal, atMs } of desk.open) if (now - atMs > THINKS_MS) desk.accept(proposal.id, 'operator');
    const { annotations, verdicts } = desk;
    const state = { ...operator.stateAt(now - from), images, annotations, verdicts };
    for (const { kind, bytes } of publisher.publish(state)) link.send(kind, bytes);
  }, 20);
  return {
    bridge: { url: relay.url },
    token: observerToken,
    audit,
    close: async () => {
      clearInterval(timer);
      link.close();
      await relay.close();
      // That the last ones left is told once their sockets have said so.
      await new Promise((resolve) => setTimeout(resolve, LEFT_MS));
    },
  };
}

/** What an observer sends wrongly is refused, and nothing else happens: the operator is not disturbed. */
function takeNote(desk: ProposalDesk, bytes: Uint8Array, by: string): void {
  try {
    const note = decodeNote(bytes);
    if (note.what === 'proposal') desk.propose(note.proposal, by);
  } catch (error) {
    if (!isNavError(error, 'live/malformed') && !isNavError(error, 'live/refused')) throw error;
  }
}

/** What {@link serveLive} needs. */
export interface ServeLiveOptions {
  readonly seed: number;
  readonly port: number;
  /** Who may open the page, and who is told. */
  readonly guard?: PageGuard;
}

/** Serves the observer's page beside a simulated operator. */
export async function serveLive(options: ServeLiveOptions): Promise<PageServer<LiveWorld>> {
  const { guard } = options;
  return servePage({
    ...(guard && { guard }),
    folder: await buildPage(FOLDER),
    port: options.port,
    startWorld: (origin) => startLiveWorld(origin, options.seed, guard?.audit),
    facts: (world) => ({ relay: `${world.bridge.url}/live/${ROOM}`, token: world.token }),
    obey: () => 0,
  });
}
