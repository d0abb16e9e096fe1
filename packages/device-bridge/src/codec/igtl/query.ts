import type { ContentReader } from './reader.js';
import type { IgtlStorage } from './writer.js';

/**
 * GET_* (send once), STP_* (stop streaming), and STT_* (start streaming) of the types that have no parameters of
 * their own here: what is asked for is in the message's type, of whom in its device name.
 */
export interface QueryContent {
  readonly kind: 'query';
  readonly verb: 'GET' | 'STT' | 'STP';
  /** As in the type, which has 12 characters: `CAPABIL`, `TRANSFOR`, `TDATA`. */
  readonly target: string;
  /** Whatever else was sent; the protocol's queries are empty. */
  readonly payload: Uint8Array;
}

/** RTS_*: the answer to a query. */
export interface ReplyContent {
  readonly kind: 'reply';
  readonly target: string;
  /** 0 done, 1 refused; others as sent. */
  readonly status: number;
}

/** STT_TDATA and STT_QTDATA. */
export interface StartTrackingContent {
  readonly kind: 'startTracking';
  /** The shortest time between two messages, in ms; 0 is as fast as possible. */
  readonly intervalMs: number;
  /** What the poses shall be relative to; empty leaves it to the sender. */
  readonly coordinateName: string;
}

export function decodeQuery(r: ContentReader): QueryContent {
  const verb = r.type.startsWith('GET_') ? 'GET' : r.type.startsWith('STT_') ? 'STT' : 'STP';
  return { kind: 'query', verb, target: r.type.slice(4), payload: r.take(r.left) };
}

export function encodeQuery(w: IgtlStorage, content: QueryContent): void {
  w.put(content.payload);
}

export function decodeReply(r: ContentReader): ReplyContent {
  const status = r.u8();
  r.finish();
  return { kind: 'reply', target: r.type.slice(4), status };
}

export function encodeReply(w: IgtlStorage, content: ReplyContent): void {
  w.u8(content.status);
}

export function decodeStartTracking(r: ContentReader): StartTrackingContent {
  const intervalMs = r.u32();
  const coordinateName = r.name(32);
  r.finish();
  return { kind: 'startTracking', intervalMs, coordinateName };
}

export function encodeStartTracking(w: IgtlStorage, content: StartTrackingContent): void {
  w.u32(content.intervalMs);
  w.name(content.coordinateName, 32);
}
