import { createHash } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Clock, NavError } from '@trocar/core';
import { type WebSocket, WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../codec/bridge/index.js';
import { LARGEST_FRAME, LONGEST_PARTICIPANT, RELAY_CLOSE, ROOM_NAME } from '../codec/relay/index.js';
import { TokenSet, tokenOf } from './auth.js';
import { closeServer, httpServer, listenAt, socketUrl, turnAway } from './http-server.js';
import { accessPolicy } from './policy.js';
import { relayMetrics } from './relay-metrics.js';
import { type RelayPeer, RelayRoom, type RoomOptions, USUAL_ROOM } from './relay-room.js';
import { Door } from './server-door.js';
import { Allowance } from './server-limits.js';
import { requireTls, type TlsIdentity } from './tls.js';

/** Who may take part, and as what. */
export interface RelayParticipant {
  /** At least 24 characters without spaces, from a generator of random numbers. */
  readonly token: string;
  readonly role: 'publisher' | 'observer';
  /** As the operator and the audit log know them: `Dr. A, Lyon`. At most 64 bytes. */
  readonly name: string;
  /** Rooms that the token is for. Default all. */
  readonly rooms?: readonly string[];
}

/** How a relay listens. */
export interface RelayOptions {
  readonly clock: Clock;
  /** There is no way in without a token: at least one of them publishes. */
  readonly participants: readonly RelayParticipant[];
  /** Default 127.0.0.1: this machine only. Another address needs {@link allowRemote} and {@link tls}. */
  readonly host?: string;
  readonly port?: number;
  /** Exact origins of the pages that may connect. */
  readonly allowedOrigins?: readonly string[];
  readonly allowedHosts?: readonly string[];
  readonly allowRemote?: boolean;
  readonly tls?: TlsIdentity;
  /** Rooms at once. Default 16. */
  readonly rooms?: number;
  readonly room?: Partial<Omit<RoomOptions, 'clock'>>;
  /** Told what happens, at a low rate: names of rooms and participants, nothing of what is carried. */
  readonly log?: (entry: RelayLogEntry) => void;
}

/** What happens at a relay. */
export interface RelayLogEntry {
  readonly what: 'joined' | 'left' | 'refused';
  readonly room: string;
  /** A participant's name, or why somebody was refused. */
  readonly who: string;
}

/** A running relay. */
export interface Relay {
  /** `ws://127.0.0.1:49152`; a room is `${url}/live/NAME`. */
  readonly url: string;
  readonly port: number;
  /** The room of a name, where there is one: for figures and for carrying it on to a broker. */
  room(name: string): RelayRoom | undefined;
  close(): Promise<void>;
}

const TICK_MS = 10;
/** A connection's frames beyond what its room allows are refused here too: also those that are no frames of ours. */
const CONNECTIONS_SPARE = 64;
/** The operating system keeps so much unsent for one participant before it is cut, bytes. */
const MOST_UNSENT = 1_048_576;
/** A publisher's messages a second, and all of its bytes. */
const PUBLISHER_PER_SECOND = 200;

/**
 * Starts a relay of live sessions: see docs/live-session.md. The same port answers `/metrics`.
 *
 * Nobody comes in without a token; what a token may is in {@link RelayParticipant}. Observers cannot change what is shown: what they send
 * is acknowledgements, questions, and notes that the operator's program decides on.
 * @throws NavError `relay/bad-option`, `bridge/bad-option`, `device/connect-failed` where it cannot listen
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const server = new RelayServer(options);
  const port = await server.listen();
  return {
    url: socketUrl(options.tls, options.host ?? '127.0.0.1', port),
    port,
    room: (name) => server.rooms.get(name),
    close: () => server.close(),
  };
}

class RelayServer {
  readonly rooms = new Map<string, RelayRoom>();
  readonly #options: RelayOptions;
  readonly #door: Door;
  readonly #participants: ReadonlyMap<string, RelayParticipant>;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #roomOptions: RoomOptions;
  readonly #startedAt: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #refused = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#participants = participantsOf(options.participants);
    this.#roomOptions = roomOptionsOf(options);
    this.#startedAt = options.clock.now();
    if (options.tls !== undefined) requireTls(options.tls);
    const policy = accessPolicy({
      host: options.host ?? '127.0.0.1',
      allowedOrigins: options.allowedOrigins ?? [],
      allowedHosts: options.allowedHosts ?? [],
      allowRemote: options.allowRemote ?? false,
      encrypted: options.tls !== undefined,
      authenticated: true,
    });
    const tokens = options.participants.map(({ token, role }) => ({
      token,
      role: role === 'publisher' ? ('control' as const) : ('observe' as const),
    }));
    this.#door = new Door(policy, new TokenSet(tokens), options.clock);
    this.#server = httpServer(options.tls, (request, response) => this.#answer(request, response));
    const rooms = options.rooms ?? 16;
    this.#server.maxConnections = rooms * (this.#roomOptions.observers + 1) + CONNECTIONS_SPARE;
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: LARGEST_FRAME,
      maxFragments: 16,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  async listen(): Promise<number> {
    const { host = '127.0.0.1', port = 0 } = this.#options;
    const at = await listenAt(this.#server, host, port, 'relay');
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    return at;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const room of this.rooms.values()) room.close();
    await closeServer(this.#server, () => {
      for (const socket of this.#sockets.clients) socket.terminate();
    });
  }

  #tick(): void {
    for (const [name, room] of this.rooms) {
      room.tick();
      if (room.isEmpty) this.rooms.delete(name);
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const entry = this.#door.admit(request);
    const head = (status: number): void => {
      response.writeHead(status, {
        'content-type': 'text/plain; charset=utf-8',
        connection: 'close',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        ...(status === 401 && { 'www-authenticate': 'Bearer realm="trocar"' }),
      });
    };
    const path = (request.url ?? '').split('?')[0];
    if (entry.role === undefined) {
      this.#refused += 1;
      head(entry.status);
      response.end(`${entry.code}: ${entry.why}\n`);
    } else if (request.method === 'GET' && path === '/metrics') {
      head(200);
      response.end(relayMetrics(this.rooms, this.#refused, this.#options.clock.now() - this.#startedAt));
    } else {
      head(426);
      response.end('This is a relay of live sessions: connect with a WebSocket to /live/ROOM, or ask for /metrics.\n');
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const entry = this.#door.admit(request);
    if (entry.role === undefined) {
      this.#turnAway(socket, `${entry.status} ${entry.phrase}`, `${entry.code}: ${entry.why}`);
      return;
    }
    const name = /^\/live\/([^/?]+)$/.exec(request.url ?? '')?.[1] ?? '';
    const participant = this.#participants.get(hashOf(tokenOf(request.headers) ?? ''));
    if (participant === undefined || !ROOM_NAME.test(name)) {
      this.#turnAway(
        socket,
        '404 Not Found',
        'relay/bad-option: connect to /live/ROOM, with a name of small letters, digits and -',
      );
      return;
    }
    if (participant.rooms !== undefined && !participant.rooms.includes(name)) {
      this.#turnAway(socket, '403 Forbidden', 'bridge/not-allowed: the token is not for this room');
      return;
    }
    const room = this.#roomOf(name);
    if (room === undefined) this.#turnAway(socket, '503 Service Unavailable', 'bridge/too-much: no more rooms');
    else this.#sockets.handleUpgrade(request, socket, head, (accepted) => this.#take(accepted, name, room, participant));
  }

  #roomOf(name: string): RelayRoom | undefined {
    const there = this.rooms.get(name);
    if (there !== undefined || this.rooms.size >= (this.#options.rooms ?? 16)) return there;
    const room = new RelayRoom(this.#roomOptions);
    this.rooms.set(name, room);
    return room;
  }

  #take(socket: WebSocket, name: string, room: RelayRoom, { role, name: who }: RelayParticipant): void {
    const { clock, log = () => undefined } = this.#options;
    const publishes = role === 'publisher';
    const peer: RelayPeer = {
      name: who,
      publishes,
      send: (frame) => {
        if (socket.readyState !== socket.OPEN) return;
        socket.send(frame, { binary: true, compress: false });
        if (socket.bufferedAmount > MOST_UNSENT) socket.terminate();
      },
      close: (code, reason) => {
        socket.close(code, reason);
        // One that does not answer is not waited for.
        setTimeout(() => socket.terminate(), 1000).unref();
      },
    };
    const allowance = new Allowance(2 * PUBLISHER_PER_SECOND, PUBLISHER_PER_SECOND, clock.now());
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (!allowance.take(1, clock.now())) peer.close(RELAY_CLOSE.tooMuch, 'bridge/too-much: too many messages');
      else room.receive(peer, isBinary ? data : new Uint8Array(0));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      room.leave(peer);
      log({ what: 'left', room: name, who });
    });
    log({ what: 'joined', room: name, who });
    room.join(peer);
  }

  #turnAway(socket: Duplex, status: string, body: string): void {
    this.#refused += 1;
    this.#options.log?.({ what: 'refused', room: '', who: body });
    turnAway(socket, status, body);
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');

/** Participants by the hash of their token: the token itself is not kept. */
function participantsOf(list: readonly RelayParticipant[]): ReadonlyMap<string, RelayParticipant> {
  const wrong = (why: string): NavError => new NavError('relay/bad-option', `The relay cannot start: ${why}.`);
  if (!list.some((one) => one.role === 'publisher')) throw wrong('no participant publishes. Give one the role "publisher"');
  for (const { name, rooms = [] } of list) {
    if (name === '' || Buffer.byteLength(name) > LONGEST_PARTICIPANT || /\p{Cc}/u.test(name)) {
      throw wrong(`a participant needs a name of 1 to ${LONGEST_PARTICIPANT} bytes without control characters`);
    }
    const bad = rooms.find((room) => !ROOM_NAME.test(room));
    if (bad !== undefined) throw wrong(`"${bad}" cannot be a room: use small letters, digits and -`);
  }
  return new Map(list.map((one) => [hashOf(one.token), one]));
}

function roomOptionsOf(options: RelayOptions): RoomOptions {
  const room = { ...USUAL_ROOM, ...options.room };
  for (const [name, value] of Object.entries(room)) {
    if (!(value > 0))
      throw new NavError('relay/bad-option', `The limit ${name} of a relay's rooms must be above 0, got ${value}.`);
  }
  return { ...room, clock: options.clock };
}
