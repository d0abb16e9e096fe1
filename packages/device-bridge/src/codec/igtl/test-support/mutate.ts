import type { Random } from '@trocar/core/math';
import { damageOnce, mutateSample } from '../../../test-support/mutate.js';
import { crc64 } from '../crc64.js';

/** Sizes and counts that ask for too much, or for nothing. */
const EDGES = [0, 1, 2, 3, 0x7f, 0x80, 0xff];
const crc = new Int32Array(2);

/** A sample with one to three changes, or what is left of it; its CRC and size mostly made right again. */
export function mutate(random: Random, samples: readonly Uint8Array[]): Uint8Array {
  const bytes = mutateSample(random, samples, (before) => mutateOnce(random, samples, before));
  // Mostly the CRC is made right again: what is behind it is to be reached.
  if (random.uniform() < 0.8) seal(bytes, random.uniform() < 0.9);
  return bytes;
}

function mutateOnce(random: Random, samples: readonly Uint8Array[], bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (random.below(7) > 0) return damageOnce(random, samples, EDGES, bytes);
  const out = bytes.slice();
  // Another type over this content.
  if (out.length >= 14) out.set((samples[random.below(samples.length)] as Uint8Array).subarray(2, 14), 2);
  return out;
}

function seal(bytes: Uint8Array, withSize: boolean): void {
  if (bytes.length < 58) return;
  const view = new DataView(bytes.buffer);
  if (withSize) view.setBigUint64(42, BigInt(bytes.length - 58));
  crc.fill(0);
  crc64(crc, view, 58, bytes.length);
  view.setInt32(50, crc[0] as number);
  view.setInt32(54, crc[1] as number);
}
