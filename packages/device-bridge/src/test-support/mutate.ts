import type { Random } from '@trocar/core/math';

/** A change of some bytes into others. */
export type Change = (bytes: Uint8Array) => Uint8Array<ArrayBuffer>;

/** One of the samples after one to three changes. */
export function mutateSample(random: Random, samples: readonly Uint8Array[], change: Change): Uint8Array<ArrayBuffer> {
  let bytes = (samples[random.below(samples.length)] as Uint8Array).slice();
  for (let n = 1 + random.below(3); n > 0; n -= 1) bytes = change(bytes);
  return bytes;
}

/**
 * What happens to bytes on a bad line: a bit turned over, a byte or a run of bytes set to what is an edge to the format,
 * the end cut off, bytes added, or the end of another sample in place of one's own.
 */
export function damageOnce(
  random: Random,
  samples: readonly Uint8Array[],
  edges: readonly number[],
  bytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const out = bytes.slice();
  const at = random.below(Math.max(1, out.length));
  const edge = edges[random.below(edges.length)] as number;
  switch (random.below(6)) {
    case 0:
      out[at] = (out[at] as number) ^ (1 << random.below(8));
      return out;
    case 1:
      out[at] = edge;
      return out;
    case 2:
      return out.fill(edge, at, at + 1 + random.below(8));
    case 3:
      return out.slice(0, at);
    case 4:
      return joined(out, new Uint8Array(random.below(20)).fill(random.below(256)));
    default: {
      const other = samples[random.below(samples.length)] as Uint8Array;
      return joined(out.subarray(0, at), other.subarray(random.below(other.length)));
    }
  }
}

/** Bytes one behind the other. */
export const joined = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(parts));
