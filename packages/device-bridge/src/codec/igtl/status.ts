import type { ContentReader } from './reader.js';
import { textEnd } from './text.js';
import type { IgtlStorage } from './writer.js';

/** STATUS: how a device is. */
export interface StatusContent {
  readonly kind: 'status';
  /** 1 is OK; 0 invalid; the others are errors that the protocol lists. */
  readonly code: number;
  /** The device's own code. */
  readonly subcode: bigint;
  /** The error's name: `OK!`, `ACTUATOR_DISABLED`. */
  readonly name: string;
  readonly message: string;
}

/** @throws NavError `igtl/wrong-size` */
export function decodeStatus(r: ContentReader): StatusContent {
  const code = r.u16();
  const subcode = r.i64();
  const name = r.name(20);
  // A NUL should end the message; not every sender writes it, and what is behind it is nothing.
  const message = r.text(106, textEnd(r.bytes, r.at, r.end) - r.at);
  return { kind: 'status', code, subcode, name, message };
}

export function encodeStatus(w: IgtlStorage, content: StatusContent): void {
  w.u16(content.code);
  w.i64(content.subcode);
  w.name(content.name, 20);
  w.terminated(content.message);
}
