import { NavError } from '@trocar/core';

/** A message of rosbridge's (protocol 2.0), decoded. */
export type RosbridgeMessage =
  | { readonly op: 'publish'; readonly topic: string; readonly message: Readonly<Record<string, unknown>> }
  | { readonly op: 'status'; readonly level: string; readonly text: string }
  /** Any other operation, which is not looked into. */
  | { readonly op: 'other'; readonly name: string };

/** Bounds of what a peer can make us keep. */
export interface RosbridgeLimits {
  /** Characters of one message, put together from its fragments or not. Default 1 048 576. */
  readonly maxChars?: number;
  /** Messages that are put together at a time. Default 4. */
  readonly maxPartial?: number;
}

type Json = Readonly<Record<string, unknown>>;

interface Assembly {
  readonly parts: Array<string | undefined>;
  missing: number;
  chars: number;
}

/** Fragments of one message, at most. */
const MOST_FRAGMENTS = 4096;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Decodes rosbridge's JSON texts, and puts fragmented ones together. Keeps a bounded amount, whatever comes. */
export class RosbridgeDecoder {
  readonly #maxChars: number;
  readonly #maxPartial: number;
  readonly #partial = new Map<string, Assembly>();
  #chars = 0;

  constructor(limits: RosbridgeLimits = {}) {
    this.#maxChars = limits.maxChars ?? 1_048_576;
    this.#maxPartial = limits.maxPartial ?? 4;
  }

  /** Characters of fragments kept for later. */
  get buffered(): number {
    return this.#chars;
  }

  /** Forgets fragments: a new connection. */
  reset(): void {
    this.#partial.clear();
    this.#chars = 0;
  }

  /**
   * One text from the socket; undefined where it is a fragment and more are to come.
   * @throws NavError `codec/oversize`, `rosbridge/not-json`, `rosbridge/bad-message`, `rosbridge/bad-fragment`,
   * `rosbridge/unsupported`
   */
  decode(text: string): RosbridgeMessage | undefined {
    const json = this.#parse(text);
    if (json['op'] !== 'fragment') return readMessage(json);
    const whole = this.#addFragment(json);
    if (whole === undefined) return undefined;
    const inner = this.#parse(whole);
    if (inner['op'] === 'fragment') throw new NavError('rosbridge/bad-fragment', 'A fragment holds another fragment.');
    return readMessage(inner);
  }

  #parse(text: string): Json {
    if (text.length > this.#maxChars) {
      throw new NavError(
        'codec/oversize',
        `A rosbridge message of ${text.length} characters; at most ${this.#maxChars} are read.`,
      );
    }
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (cause) {
      throw new NavError('rosbridge/not-json', 'A rosbridge message is no JSON.', { cause });
    }
    if (!isObject(json)) throw new NavError('rosbridge/bad-message', 'A rosbridge message is no JSON object.');
    return json;
  }

  /** The whole text, once its last fragment is there. */
  #addFragment(json: Json): string | undefined {
    const { id, num, total, data } = json;
    const good =
      (typeof id === 'string' || typeof id === 'number') &&
      isIndex(total, MOST_FRAGMENTS + 1) &&
      total >= 1 &&
      isIndex(num, total) &&
      typeof data === 'string';
    if (!good) throw new NavError('rosbridge/bad-fragment', 'A fragment without a proper id, num, total and data.');
    const key = `${id}`;
    const partial = this.#partial.get(key) ?? this.#begin(key, total);
    if (partial.parts.length !== total || partial.parts[num] !== undefined) {
      this.#drop(key);
      throw new NavError(
        'rosbridge/bad-fragment',
        `Fragment ${num} of ${total} of one message came twice, or its total changed.`,
      );
    }
    partial.parts[num] = data;
    partial.missing -= 1;
    partial.chars += data.length;
    this.#chars += data.length;
    if (partial.chars > this.#maxChars) {
      this.#drop(key);
      throw new NavError('codec/oversize', `Fragments of one message have more than ${this.#maxChars} characters.`);
    }
    if (partial.missing > 0) return undefined;
    this.#drop(key);
    return partial.parts.join('');
  }

  #begin(key: string, total: number): Assembly {
    const oldest = this.#partial.size >= this.#maxPartial ? this.#partial.keys().next().value : undefined;
    if (oldest !== undefined) {
      this.#drop(oldest);
      throw new NavError(
        'rosbridge/bad-fragment',
        `More than ${this.#maxPartial} messages came in fragments at a time; one was given up.`,
      );
    }
    const partial: Assembly = { parts: new Array<string | undefined>(total).fill(undefined), missing: total, chars: 0 };
    this.#partial.set(key, partial);
    return partial;
  }

  #drop(key: string): void {
    this.#chars -= this.#partial.get(key)?.chars ?? 0;
    this.#partial.delete(key);
  }
}

function isIndex(value: unknown, below: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < below;
}

function readMessage(json: Json): RosbridgeMessage {
  const { op } = json;
  if (typeof op !== 'string') throw new NavError('rosbridge/bad-message', 'A rosbridge message without an operation.');
  if (op === 'png') {
    throw new NavError('rosbridge/unsupported', 'The server compresses with PNG, which was not asked for and cannot be read.');
  }
  if (op === 'publish') {
    const { topic, msg } = json;
    if (typeof topic !== 'string' || !isObject(msg))
      throw new NavError('rosbridge/bad-message', 'A publish without topic or message.');
    return { op, topic, message: msg };
  }
  if (op === 'status') return { op, level: String(json['level'] ?? ''), text: String(json['msg'] ?? '').slice(0, 500) };
  return { op: 'other', name: op.slice(0, 64) };
}

/** Asks for a topic: only its newest message, uncompressed, at most every so many ms. */
export function subscribeText(topic: string, type: string, throttleMs: number): string {
  return JSON.stringify({
    op: 'subscribe',
    id: `trocar:${topic}`,
    topic,
    type,
    throttle_rate: throttleMs,
    queue_length: 1,
    compression: 'none',
  });
}

/** Ends a subscription. */
export function unsubscribeText(topic: string): string {
  return JSON.stringify({ op: 'unsubscribe', id: `trocar:${topic}`, topic });
}
