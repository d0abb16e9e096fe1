import { HEADER } from './frame.js';
import type { ContentReader } from './reader.js';
import { encodeText } from './text.js';
import { doesNotFit, type IgtlStorage } from './writer.js';

/** One message within a BIND, of content type `C`. */
export interface BoundMessage<C> {
  readonly type: string;
  readonly device: string;
  readonly content: C;
}

/** BIND: messages of several types in one. A BIND within a BIND stays raw. */
export interface BindContent<C> {
  readonly kind: 'bind';
  readonly messages: readonly BoundMessage<C>[];
}

/** GET_BIND and STT_BIND: which messages are wanted together. */
export interface BindRequestContent {
  readonly kind: 'bindRequest';
  /** STT_BIND: the shortest time between two messages, as the sender's 64 bits. Undefined in GET_BIND. */
  readonly resolution: bigint | undefined;
  /** Empty asks for everything. */
  readonly wanted: readonly { readonly type: string; readonly device: string }[];
}

/**
 * @param decodeChild decodes one message's content
 * @throws NavError `igtl/wrong-size`, `igtl/size-mismatch`, `igtl/bad-value`, and what `decodeChild` throws
 */
export function decodeBind<C>(r: ContentReader, decodeChild: (r: ContentReader) => C): BindContent<C> {
  const children = Array.from({ length: r.u16() }, () => ({ type: r.name(HEADER.typeWidth), size: Number(r.u64()) }));
  // The reference library refuses such a table too; that of GET_BIND it writes itself without padding.
  if (r.left >= 2 && r.view.getUint16(r.at) % 2 === 1) throw r.badValue('a table of names of odd size', r.view.getUint16(r.at));
  const names = takeNames(r, children.length);
  const messages = children.map(({ type, size }, i) => {
    const content = decodeChild(r.part(type, size));
    // Bodies of odd length are padded; the last one's padding is left out by some.
    if (size % 2 === 1 && r.left > 0) r.skip(1);
    return { type, device: names[i] as string, content };
  });
  r.finish();
  return { kind: 'bind', messages };
}

/** The table of device names, NUL after each, padded to an even length. */
function takeNames(r: ContentReader, count: number): string[] {
  const table = r.part(r.type, r.u16());
  return Array.from({ length: count }, () => (table.left === 0 ? '' : table.terminated()));
}

/** @param encodeChild writes one message's content */
export function encodeBind<C>(
  w: IgtlStorage,
  content: BindContent<C>,
  encodeChild: (w: IgtlStorage, type: string, content: C) => void,
): void {
  w.u16(content.messages.length);
  const sizesAt: number[] = [];
  for (const { type } of content.messages) {
    w.name(type, HEADER.typeWidth);
    sizesAt.push(w.skip(8));
  }
  putNames(w, content.messages);
  content.messages.forEach((message, i) => {
    const from = w.at;
    encodeChild(w, message.type, message.content);
    const size = w.at - from;
    w.view.setBigUint64(sizesAt[i] as number, BigInt(size));
    if (size % 2 === 1) w.u8(0);
  });
}

function putNames(w: IgtlStorage, messages: readonly { readonly device: string }[]): void {
  const tableSize = w.at;
  w.u16(0);
  const from = w.at;
  for (const { device } of messages) {
    if (encodeText(device).length > HEADER.deviceWidth) throw doesNotFit(`"${device}" is longer than a device name may be.`);
    w.terminated(device);
  }
  if ((w.at - from) % 2 === 1) w.u8(0);
  if (w.at - from > 0xffff) throw doesNotFit(`the device names of ${messages.length} messages.`);
  w.view.setUint16(tableSize, w.at - from);
}

/** @throws NavError `igtl/wrong-size` */
export function decodeBindRequest(r: ContentReader): BindRequestContent {
  const resolution = r.type.startsWith('STT_') ? r.u64() : undefined;
  if (r.left === 0) return { kind: 'bindRequest', resolution, wanted: [] };
  const types = Array.from({ length: r.u16() }, () => r.name(HEADER.typeWidth));
  const names = takeNames(r, types.length);
  r.finish();
  return { kind: 'bindRequest', resolution, wanted: types.map((type, i) => ({ type, device: names[i] as string })) };
}

/** The name table is padded to an even length: the reference library refuses an odd one. */
export function encodeBindRequest(w: IgtlStorage, content: BindRequestContent): void {
  if (content.resolution !== undefined) w.u64(content.resolution);
  if (content.wanted.length === 0) return;
  w.u16(content.wanted.length);
  for (const { type } of content.wanted) w.name(type, HEADER.typeWidth);
  putNames(w, content.wanted);
}
