import type { ContentReader } from './reader.js';
import { type IgtlStorage, requireEncoded } from './writer.js';

/** STRING: a text of at most 65535 bytes. */
export interface StringContent {
  readonly kind: 'string';
  /** MIBenum: 3 ASCII, 106 UTF-8. */
  readonly encoding: number;
  readonly text: string;
}

/** @throws NavError `igtl/wrong-size` where the text is longer or shorter than it says */
export function decodeString(r: ContentReader): StringContent {
  const encoding = r.u16();
  const text = r.text(encoding, r.u16());
  r.finish();
  return { kind: 'string', encoding, text };
}

/** @throws NavError `igtl/does-not-fit` */
export function encodeString(w: IgtlStorage, content: StringContent): void {
  const bytes = requireEncoded(content.encoding, content.text);
  w.u16(content.encoding);
  w.u16(bytes.length);
  w.put(bytes);
}
