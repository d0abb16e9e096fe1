/** The identifiers of a study as they may stand in bytes, sought in everything that stays. */

/** Shorter ones are sought in texts only: in pixels they would be found by chance. */
const SHORTEST_IN_BYTES = 6;
const SHORTEST = 3;
/** `0000000001` is found in even areas of a picture: identifiers of fewer different characters are sought in texts only. */
const FEWEST_DIFFERENT = 4;

/** Bytes with ASCII's small letters as capitals. */
const UPPER: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => upperByte(byte));

/** Gathers identifiers, then finds them. */
export class Needles {
  readonly #texts = new Set<string>();
  readonly #bytes = new Map<number, Uint8Array[]>();
  /** By the first two bytes: whether a form begins so. */
  readonly #starts = new Uint8Array(65536);
  readonly #own: ReadonlySet<string>;

  /** @param own words that de-identified files hold by design, which are no identifiers */
  constructor(own: readonly string[]) {
    this.#own = new Set(own.map((word) => word.toUpperCase()));
  }

  /** An identifier, of whatever length; too short ones are passed over. */
  add(text: string): void {
    const upper = text.trim().toUpperCase();
    if (upper.length < SHORTEST || this.#texts.has(upper) || this.#own.has(upper) || /^(.)\1*$/.test(upper)) return;
    this.#texts.add(upper);
    if (upper.length < SHORTEST_IN_BYTES || new Set(upper).size < FEWEST_DIFFERENT) return;
    // Letters beyond ASCII have other bytes in lower case; those of ASCII are compared without regard to it.
    for (const cased of new Set([upper, upper.toLowerCase(), text.trim()])) {
      const utf8 = new TextEncoder().encode(cased);
      // Where the two differ: beyond ASCII.
      const isLatin = utf8.length !== cased.length && [...cased].every((c) => c.charCodeAt(0) < 256);
      if (isLatin) this.#index(Uint8Array.from(cased, (c) => c.charCodeAt(0)));
      for (const form of [utf8, utf16(cased, 0), utf16(cased, 1)]) this.#index(form);
    }
  }

  #index(written: Uint8Array): void {
    const form = written.map(upperByte);
    const key = ((form[0] as number) << 8) | (form[1] as number);
    this.#starts[key] = 1;
    const list = this.#bytes.get(key);
    if (list === undefined) this.#bytes.set(key, [form]);
    else list.push(form);
  }

  /** Whether a text holds an identifier: as a whole word where it is shorter than six characters. */
  inText(text: string): boolean {
    const upper = text.toUpperCase();
    if (upper.length < SHORTEST) return false;
    const words = new Set(upper.split(/[^\p{L}\p{N}]+/u));
    for (const needle of this.#texts) {
      if (needle.length < SHORTEST_IN_BYTES ? words.has(needle) : upper.includes(needle)) return true;
    }
    return false;
  }

  /** Whether bytes hold an identifier of six characters or more, as UTF-8, Latin-1 or UTF-16, in upper or lower case. */
  inBytes(bytes: Uint8Array): boolean {
    if (this.#bytes.size === 0 || bytes.length < SHORTEST_IN_BYTES) return false;
    const starts = this.#starts;
    let first = UPPER[bytes[0] as number] as number;
    for (let at = 0; at + SHORTEST_IN_BYTES <= bytes.length; at += 1) {
      const second = UPPER[bytes[at + 1] as number] as number;
      const key = (first << 8) | second;
      first = second;
      if (starts[key] === 1 && (this.#bytes.get(key) as Uint8Array[]).some((form) => standsAt(form, bytes, at))) return true;
    }
    return false;
  }
}

function utf16(text: string, offset: 0 | 1): Uint8Array {
  const bytes = new Uint8Array(2 * text.length);
  for (let n = 0; n < text.length; n += 1) {
    const code = text.charCodeAt(n);
    bytes[2 * n + offset] = code & 0xff;
    bytes[2 * n + 1 - offset] = code >> 8;
  }
  return bytes;
}

function upperByte(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
}

function standsAt(form: Uint8Array, bytes: Uint8Array, at: number): boolean {
  if (at + form.length > bytes.length) return false;
  for (let n = 2; n < form.length; n += 1) if (UPPER[bytes[at + n] as number] !== form[n]) return false;
  return true;
}
