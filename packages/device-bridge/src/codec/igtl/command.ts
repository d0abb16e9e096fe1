import type { ContentReader } from './reader.js';
import { type IgtlStorage, requireEncoded } from './writer.js';

/** COMMAND, and RTS_COMMAND with the answer: they have one shape. */
export interface CommandContent {
  readonly kind: 'command';
  /** The asker's number; the answer repeats it. */
  readonly id: number;
  readonly name: string;
  /** MIBenum: 3 ASCII, 106 UTF-8. */
  readonly encoding: number;
  /** Mostly one XML element. */
  readonly text: string;
}

/** @throws NavError `igtl/wrong-size` where the text is longer or shorter than it says */
export function decodeCommand(r: ContentReader): CommandContent {
  const id = r.u32();
  const name = r.name(128);
  const encoding = r.u16();
  const text = r.text(encoding, r.u32());
  r.finish();
  return { kind: 'command', id, name, encoding, text };
}

/** @throws NavError `igtl/does-not-fit` */
export function encodeCommand(w: IgtlStorage, content: CommandContent): void {
  const bytes = requireEncoded(content.encoding, content.text);
  w.u32(content.id);
  w.name(content.name, 128);
  w.u16(content.encoding);
  w.u32(bytes.length);
  w.put(bytes);
}
