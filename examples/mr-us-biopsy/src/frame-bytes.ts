import type { LiveFrame } from './live-images.js';

/** Pictures on their way to a page: when they were sent, on the sender's clock, ms. All numbers are doubles, little-endian. */
const HEAD_BYTES = 8;
/** Before the echoes of each: when it was taken, on the sender's clock, ms; its number; how many echoes follow. */
const EACH_BYTES = 24;

/** @param sentAtMs on the clock that the pictures were taken by */
export function packed(frames: readonly LiveFrame[], sentAtMs: number): Uint8Array {
  const bytes = new Uint8Array(frames.reduce((sum, { echoes }) => sum + EACH_BYTES + echoes.length, HEAD_BYTES));
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, sentAtMs, true);
  let at = HEAD_BYTES;
  for (const { echoes, atMs, number } of frames) {
    [atMs, number, echoes.length].forEach((value, n) => {
      view.setFloat64(at + 8 * n, value, true);
    });
    bytes.set(echoes, at + EACH_BYTES);
    at += EACH_BYTES + echoes.length;
  }
  return bytes;
}

/** The pictures with when they were sent, all on the sender's clock; undefined for bytes that are none. */
export function unpacked(bytes: Uint8Array): { readonly sentAtMs: number; readonly frames: readonly LiveFrame[] } | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const sentAtMs = view.getFloat64(0, true);
  const frames: LiveFrame[] = [];
  for (let at = HEAD_BYTES; at < bytes.length; ) {
    if (at + EACH_BYTES > bytes.length) return undefined;
    const [atMs, number, count] = [0, 8, 16].map((n) => view.getFloat64(at + n, true)) as [number, number, number];
    at += EACH_BYTES;
    if (!(atMs <= sentAtMs) || !Number.isInteger(number) || !Number.isInteger(count) || count <= 0) return undefined;
    if (at + count > bytes.length) return undefined;
    frames.push({ echoes: bytes.subarray(at, at + count), atMs, number });
    at += count;
  }
  return Number.isFinite(sentAtMs) ? { sentAtMs, frames } : undefined;
}

/** Answers that the offset is taken from: some of them came at once, and two clocks part by less than a millisecond meanwhile. */
const ANSWERS = 64;

/**
 * What must be added to the sender's clock to have the receiver's: each answer was sent after it was asked for and before it came, and the
 * narrowest of the last answers say it best (Cristian 1989, Distrib. Comput. 3:146). A page that was busy does not shift its pictures.
 */
export class SenderClock {
  readonly #low: number[] = [];
  readonly #high: number[] = [];

  /** An answer that was asked for and came at these moments of the receiver's clock, sent at that of the sender's; ms. */
  heard(askedAtMs: number, gotAtMs: number, sentAtMs: number): void {
    this.#low.push(askedAtMs - sentAtMs);
    this.#high.push(gotAtMs - sentAtMs);
    if (this.#low.length > ANSWERS) {
      this.#low.shift();
      this.#high.shift();
    }
  }

  /** Receiver minus sender, ms; NaN before the first answer. */
  get offsetMs(): number {
    return this.#low.length === 0 ? Number.NaN : (Math.max(...this.#low) + Math.min(...this.#high)) / 2;
  }

  /** Half the span that the offset lies in, ms; infinite before the first answer. A clock that jumped leaves no span: it is forgotten. */
  get boundMs(): number {
    return this.#low.length === 0 ? Number.POSITIVE_INFINITY : (Math.min(...this.#high) - Math.max(...this.#low)) / 2;
  }

  forget(): void {
    this.#low.length = this.#high.length = 0;
  }
}
