import { deflateRaw } from 'node:zlib';
import type { ImageFrame } from '@trocar/core/recording';
import { toDifferences } from '../codec/bridge/index.js';

/** Level 1: ultrasound is speckle, which no level packs well, and time is what there is least of. */
const OPTIONS = { level: 1 };

/**
 * Packs an image's pixels as the encoding `deflate` has them, beside the event loop.
 * @param done called once, later
 */
export function packImage(frame: ImageFrame, done: (data: Uint8Array) => void): void {
  const step = frame.components * (frame.number === 'u8' ? 1 : 2);
  const differences = new Uint8Array(frame.pixels.length);
  toDifferences(frame.pixels, step, step * frame.width, differences);
  deflateRaw(differences, OPTIONS, (error, data) => {
    // There is nothing that deflating bytes in memory can fail by, but the memory itself.
    if (error !== null) throw error;
    done(data);
  });
}
