import { NavError } from '../../base/index.js';
import type { ImageWatched } from './watched.js';

/**
 * Watches a live image for new content. Its time stamp is not believed: a scanner that is frozen may go on sending the same picture with
 * new times. Real pictures are never the same twice; speckle and noise move.
 */
export class ImageWatch {
  readonly #limitMs: number;
  /** When its content last changed. */
  readonly #cells = Float64Array.of(Number.NaN);
  #hash = -1;

  /** @param limitMs an older picture is stale, ms @throws NavError `guidance/bad-option` */
  constructor(limitMs = 350) {
    this.#limitMs = limitMs;
    if (!(limitMs > 0 && limitMs < Number.POSITIVE_INFINITY)) {
      throw new NavError('guidance/bad-option', `An image is stale after a finite time above 0 ms, got ${limitMs}.`);
    }
  }

  /**
   * One picture has come.
   * @param bytes its stored pixels
   * @param measuredAtMs when it was taken, or its arrival where that is not known, host ms
   */
  push(bytes: Uint8Array, measuredAtMs: number): void {
    const hash = fnv(bytes);
    if (hash === this.#hash) return;
    this.#hash = hash;
    this.#cells[0] = measuredAtMs;
  }

  /** Into an image's figures at a moment. Before the first picture its age is not known, and nothing is alarmed. */
  fill(image: ImageWatched, atMs: number): void {
    image.ageMs = atMs - (this.#cells[0] as number);
    image.limitMs = this.#limitMs;
  }
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo): to tell pictures apart, not to keep them safe. */
function fnv(bytes: Uint8Array): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i += 1) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  return h >>> 0;
}
