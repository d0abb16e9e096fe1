/** Character encodings, by their numbers in IANA's registry of character sets (MIBenum). */
export const ENCODING: { readonly ascii: 3; readonly latin1: 4; readonly utf8: 106 } = { ascii: 3, latin1: 4, utf8: 106 };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
/** Longer text is decoded by the platform, in one call. */
const SHORT = 64;

/**
 * Text of `bytes[start … end)`: UTF-8, of which ASCII is a part, and Latin-1 where it is no UTF-8. The protocol says
 * ASCII for names, and senders do not keep to it.
 */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  if (end - start <= SHORT) {
    let i = start;
    for (; i < end && (bytes[i] as number) < 0x80; i += 1) text += String.fromCharCode(bytes[i] as number);
    if (i === end) return text;
  }
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch {
    return decodeLatin1(bytes, start, end);
  }
}

/** One character a byte. (`TextDecoder('latin1')` is windows-1252, which is not the same.) */
function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, Math.min(end, i + 4096)));
  }
  return text;
}

/** Text under a declared encoding. Encodings other than ASCII and UTF-8 give one character a byte. */
export function decodeAs(encoding: number, bytes: Uint8Array, start: number, end: number): string {
  return encoding === ENCODING.ascii || encoding === ENCODING.utf8
    ? decodeText(bytes, start, end)
    : decodeLatin1(bytes, start, end);
}

/** The bytes of text, as UTF-8. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The bytes of text under a declared encoding, or undefined where a character has no place in it. */
export function encodeAs(encoding: number, text: string): Uint8Array | undefined {
  if (encoding === ENCODING.ascii || encoding === ENCODING.utf8) return encoder.encode(text);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return undefined;
    bytes[i] = code;
  }
  return bytes;
}

/** Where NUL-terminated text in `bytes[start … end)` ends. */
export function textEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== 0) at += 1;
  return at;
}
