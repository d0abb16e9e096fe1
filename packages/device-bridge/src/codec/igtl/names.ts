import { decodeText, textEnd } from './text.js';

/** Names kept; a stream has few. A power of two. */
const SLOTS = 256;

/**
 * Strings of fixed-width name fields, kept so that the same bytes give the same string without making it anew. It
 * cannot grow: two names that meet in one slot take turns.
 */
export class NameCache {
  readonly #words: number;
  readonly #keys: Int32Array;
  readonly #names: Array<string | undefined> = new Array<string | undefined>(SLOTS).fill(undefined);
  #last = 0;

  /** @param width of the field in bytes, a multiple of 4 */
  constructor(width: number) {
    this.#words = width / 4;
    this.#keys = new Int32Array(SLOTS * this.#words);
  }

  /** The text of the field at `at`, up to its first NUL. */
  get(bytes: Uint8Array, view: DataView, at: number): string {
    const words = this.#words;
    // Mostly it is the one from just before.
    const last = this.#last;
    if (this.#same(last * words, view, at)) {
      const name = this.#names[last];
      if (name !== undefined) return name;
    }
    let hash = 0;
    for (let k = 0; k < words; k += 1) hash = Math.imul(hash ^ view.getInt32(at + 4 * k), 0x01000193);
    hash ^= hash >>> 15;
    const slot = (hash ^ (hash >>> 8)) & (SLOTS - 1);
    this.#last = slot;
    const name = this.#names[slot];
    if (name !== undefined && this.#same(slot * words, view, at)) return name;
    return this.#learn(slot, bytes, view, at);
  }

  #same(base: number, view: DataView, at: number): boolean {
    const keys = this.#keys;
    if (keys[base] !== view.getInt32(at) || keys[base + 1] !== view.getInt32(at + 4)) return false;
    for (let k = 2; k < this.#words; k += 1) if (keys[base + k] !== view.getInt32(at + 4 * k)) return false;
    return true;
  }

  #learn(slot: number, bytes: Uint8Array, view: DataView, at: number): string {
    const end = at + 4 * this.#words;
    const name = decodeText(bytes, at, textEnd(bytes, at, end));
    for (let k = 0; k < this.#words; k += 1) this.#keys[slot * this.#words + k] = view.getInt32(at + 4 * k);
    this.#names[slot] = name;
    return name;
  }
}
