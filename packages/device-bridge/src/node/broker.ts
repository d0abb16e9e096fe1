import { type Clock, isNavError, NavError } from '@trocar/core';
import type { IClientOptions, MqttClient } from 'mqtt';
import {
  type CarriedKind,
  decodeFrame,
  encodeFrame,
  LARGEST_NOTE,
  LONGEST_PARTICIPANT,
  ROOM_NAME,
} from '../codec/relay/index.js';
import { Allowance } from './server-limits.js';

/**
 * Live sessions beyond one relay: through an MQTT broker that a site has. Off unless asked for.
 *
 * Topics of a room, all below `PREFIX/ROOM/`:
 *
 * - `snapshot`: quality of service 1, retained: who subscribes later gets it at once.
 * - `change`: quality of service 1: the broker keeps and repeats it until it was acknowledged. A repetition is known by its number.
 * - `motion`: quality of service 0: what is lost is replaced by the next one, and must never wait for a repetition.
 * - `ask`, quality of service 0, and `note`, 1: from observers.
 * - `presence`: quality of service 1, retained; the broker itself writes "gone" there where the operator's connection breaks (last will).
 */

/** How to reach a broker. */
export interface BrokerOptions {
  /** `mqtts://broker.example:8883`; `mqtt://` on loopback alone, unless {@link allowPlain}. */
  readonly url: string;
  readonly room: string;
  readonly clock: Clock;
  /** Default `trocar/live`. */
  readonly prefix?: string;
  readonly username?: string;
  readonly password?: string;
  /** Certificates of authorities to trust, PEM, where the broker has one of its own; and what we show it. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Talk without TLS to a broker on another machine: only within a network that is protected otherwise. Default false. */
  readonly allowPlain?: boolean;
  readonly reconnectMs?: number;
  /** Told that the connection is there or gone. */
  readonly changed?: (connected: boolean) => void;
}

/** The operator's side. */
export interface BrokerPublishOptions extends BrokerOptions {
  /** Somebody needs a whole state: for `LivePublisher.requestSnapshot`. Also asked after every connection; at most twice a second. */
  readonly ask: () => void;
  /** @param by as the note says: a broker does not tell who published; give each observer credentials and an own client where that matters */
  readonly note?: (bytes: Uint8Array, by: string) => void;
}

/** A connection that publishes. */
export interface BrokerPublisher {
  readonly connected: boolean;
  send(kind: CarriedKind, bytes: Uint8Array): boolean;
  close(): Promise<void>;
}

/** The observers' side. */
export interface BrokerObserveOptions extends BrokerOptions {
  readonly name: string;
  /**
   * For `LiveReplica.receive`. A NavError that it throws is let go: the replica then asks for a whole state.
   * @param kept whether the broker had it from before: of any age
   */
  readonly message: (bytes: Uint8Array, kept: boolean) => void;
  /** The connection is gone, or the operator's is. */
  readonly lost?: () => void;
}

/** A connection that looks on. */
export interface BrokerObserver {
  readonly connected: boolean;
  readonly publisher: boolean;
  ask(): void;
  note(bytes: Uint8Array): boolean;
  close(): Promise<void>;
}

const KINDS: readonly CarriedKind[] = ['snapshot', 'change', 'motion'];
const ASK_EVERY_MS = 500;
/** Notes of all observers together, per second: a broker does not say whose they are. */
const NOTES_PER_SECOND = 20;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * Publishes a room to a broker.
 * @throws NavError `broker/bad-option`, `broker/not-installed`, `broker/connect-failed`
 */
export async function publishToBroker(options: BrokerPublishOptions): Promise<BrokerPublisher> {
  const topics = topicsOf(options);
  const gone = encodeFrame({ type: 'presence', publisher: false, observers: 0 });
  const here = encodeFrame({ type: 'presence', publisher: true, observers: 0 });
  const will = { topic: topics.presence, payload: Buffer.from(gone), qos: 1, retain: true } as const;
  let askedAt = Number.NEGATIVE_INFINITY;
  const ask = (): void => {
    const now = options.clock.now();
    if (now - askedAt < ASK_EVERY_MS) return;
    askedAt = now;
    options.ask();
  };
  const notes = new Allowance(2 * NOTES_PER_SECOND, NOTES_PER_SECOND, options.clock.now());
  const client = await connect(options, { will }, (fresh) => {
    fresh.subscribe([topics.ask, topics.note], { qos: 1 });
    fresh.publish(topics.presence, Buffer.from(here), { qos: 1, retain: true });
    askedAt = Number.NEGATIVE_INFINITY;
    ask();
  });
  client.on('message', (topic, bytes) => {
    if (topic === topics.ask) ask();
    else if (topic === topics.note && notes.take(1, options.clock.now())) takeNote(bytes, options.note);
  });
  return {
    get connected() {
      return client.connected;
    },
    send: (kind, bytes) => {
      if (!client.connected) return false;
      client.publish(topics[kind], Buffer.from(bytes), { qos: kind === 'motion' ? 0 : 1, retain: kind === 'snapshot' });
      return true;
    },
    close: async () => {
      // What was shown does not stay behind for who comes later: an empty retained message takes it away.
      if (client.connected) {
        await client.publishAsync(topics.snapshot, '', { qos: 1, retain: true });
        await client.publishAsync(topics.presence, Buffer.from(gone), { qos: 1, retain: true });
      }
      await client.endAsync();
    },
  };
}

function takeNote(bytes: Uint8Array, note: BrokerPublishOptions['note']): void {
  try {
    const frame = decodeFrame(bytes);
    if (frame.type === 'note') note?.(frame.payload, frame.by);
  } catch {
    // Whoever may publish there may publish anything; what is no note is let go.
  }
}

/**
 * Looks on at a room through a broker.
 * @throws NavError `broker/bad-option`, `broker/not-installed`, `broker/connect-failed`
 */
export async function observeBroker(options: BrokerObserveOptions): Promise<BrokerObserver> {
  const topics = topicsOf(options);
  if (options.name === '' || Buffer.byteLength(options.name) > LONGEST_PARTICIPANT) {
    throw new NavError('broker/bad-option', `An observer needs a name of 1 to ${LONGEST_PARTICIPANT} bytes.`);
  }
  let publisher = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  const client = await connect(options, {}, (fresh) => {
    fresh.subscribe({
      [topics.presence]: { qos: 1 },
      [topics.change]: { qos: 1 },
      [topics.motion]: { qos: 0 },
      [topics.snapshot]: { qos: 1 },
    });
  });
  const kinds = new Map(KINDS.map((kind) => [topics[kind], kind]));
  client.on('close', () => options.lost?.());
  client.on('message', (topic, bytes, { retain }) => {
    const kind = kinds.get(topic);
    if (kind !== undefined) {
      if (bytes.length > 0) handOn(options.message, bytes, retain);
    } else if (topic === topics.presence) {
      const there = isPresent(bytes);
      if (publisher && !there) options.lost?.();
      publisher = there;
    }
  });
  return {
    get connected() {
      return client.connected;
    },
    get publisher() {
      return client.connected && publisher;
    },
    ask: () => {
      const now = options.clock.now();
      if (!client.connected || now - askedAt < 2 * ASK_EVERY_MS) return;
      askedAt = now;
      client.publish(topics.ask, Buffer.of(1), { qos: 0 });
    },
    note: (bytes) => {
      if (!client.connected || !publisher || bytes.length > LARGEST_NOTE) return false;
      client.publish(topics.note, Buffer.from(encodeFrame({ type: 'note', by: options.name, payload: bytes })), { qos: 1 });
      return true;
    },
    close: () => client.endAsync(),
  };
}

/** Whoever may write to the broker may write anything: what cannot be read must not end the program. */
function handOn(message: BrokerObserveOptions['message'], bytes: Uint8Array, kept: boolean): void {
  try {
    message(bytes, kept);
  } catch (error) {
    if (!isNavError(error)) throw error;
  }
}

function isPresent(bytes: Uint8Array): boolean {
  try {
    const frame = decodeFrame(bytes);
    return frame.type === 'presence' && frame.publisher;
  } catch {
    return false;
  }
}

type Topics = Readonly<Record<CarriedKind | 'ask' | 'note' | 'presence', string>>;

function topicsOf(options: BrokerOptions): Topics {
  const { room, prefix = 'trocar/live' } = options;
  const wrong = (why: string): NavError => new NavError('broker/bad-option', `The live session cannot go to the broker: ${why}.`);
  if (!ROOM_NAME.test(room)) throw wrong(`"${room}" cannot be a room; use small letters, digits and -`);
  if (!/^[\w-]+(\/[\w-]+)*$/.test(prefix)) throw wrong(`"${prefix}" is no prefix of topics`);
  let url: URL;
  try {
    url = new URL(options.url);
  } catch (cause) {
    throw new NavError('broker/bad-option', `"${options.url}" is no address of a broker: "mqtts://HOST:8883".`, { cause });
  }
  const plain = url.protocol === 'mqtt:';
  if (!plain && url.protocol !== 'mqtts:') throw wrong(`its address begins with mqtts:// or mqtt://, not "${url.protocol}//"`);
  if (plain && !LOOPBACK.has(url.hostname) && options.allowPlain !== true) {
    throw wrong(
      'without TLS anyone on the way reads and changes what is shown. Use mqtts://, or allowPlain in a protected network',
    );
  }
  if (url.username !== '' || url.password !== '')
    throw wrong('user and password belong in the options: addresses end up in logs');
  const at = (what: string): string => `${prefix}/${room}/${what}`;
  return {
    snapshot: at('snapshot'),
    change: at('change'),
    motion: at('motion'),
    ask: at('ask'),
    note: at('note'),
    presence: at('presence'),
  };
}

const CONNECT_WITHIN_MS = 10_000;

/** Connects, and runs `ready` now and after every reconnection. */
async function connect(options: BrokerOptions, more: IClientOptions, ready: (client: MqttClient) => void): Promise<MqttClient> {
  const mqtt = await loadMqtt();
  const { username, password, ca, cert, key, reconnectMs = 500 } = options;
  const client = mqtt.connect(options.url, {
    clean: true,
    reconnectPeriod: reconnectMs,
    connectTimeout: 5000,
    keepalive: 5,
    // What could not be sent is old by the time it can be.
    queueQoSZero: false,
    resubscribe: false,
    rejectUnauthorized: true,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...more,
  });
  client.on('close', () => options.changed?.(false));
  await new Promise<void>((resolve, reject) => {
    const failed = (why: string, cause?: unknown): void => {
      clearTimeout(timer);
      client.end(true);
      reject(new NavError('broker/connect-failed', `The broker ${options.url} cannot be used: ${why}.`, { cause }));
    };
    const timer = setTimeout(() => failed(`no answer within ${CONNECT_WITHIN_MS} ms`), CONNECT_WITHIN_MS);
    let first = true;
    client.on('connect', () => {
      clearTimeout(timer);
      options.changed?.(true);
      ready(client);
      first = false;
      resolve();
    });
    // Later errors end in a new attempt; the first one is told.
    client.on('error', (error: Error) => {
      if (first) failed(error.message === '' ? 'it does not answer' : error.message, error);
    });
  });
  return client;
}

async function loadMqtt(): Promise<typeof import('mqtt')> {
  try {
    return await import('mqtt');
  } catch (cause) {
    throw new NavError('broker/not-installed', 'A broker needs the package "mqtt": npm install mqtt.', { cause });
  }
}
