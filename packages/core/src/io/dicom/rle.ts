/** DICOM's run-length coding (PS3.5, G): a header of up to 15 segments, each a plane of bytes packed by PackBits. */

/** Segments of a frame by the header's own offsets; undefined where the header is no such one. */
function segmentsOf(code: Uint8Array): Uint8Array[] | undefined {
  if (code.length < 64) return undefined;
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const count = view.getUint32(0, true);
  if (count < 1 || count > 15) return undefined;
  const starts = Array.from({ length: count }, (_, n) => view.getUint32(4 + 4 * n, true));
  const ends = [...starts.slice(1), code.length];
  if (starts.some((s, n) => s < 64 || s > (ends[n] as number)) || (ends[count - 1] as number) > code.length) return undefined;
  return starts.map((s, n) => code.subarray(s, ends[n]));
}

/** Bytes a segment unpacks to, counted without unpacking; padding behind the last run may add one. */
function unpackedLength(segment: Uint8Array): number {
  let length = 0;
  for (let at = 0; at < segment.length; ) {
    const control = segment[at] as number;
    if (control < 128) {
      length += Math.min(control + 1, segment.length - at - 1);
      at += control + 2;
    } else {
      if (control > 128 && at + 1 < segment.length) length += 257 - control;
      at += control === 128 ? 1 : 2;
    }
  }
  return length;
}

/**
 * Whether a frame has `planes` segments of `pixels` bytes each: a size in the header that is not the stream's shows here.
 * One stray byte of padding behind the last run is allowed.
 */
export function rleHolds(code: Uint8Array, planes: number, pixels: number): boolean {
  const segments = segmentsOf(code);
  if (segments === undefined || segments.length !== planes) return false;
  return segments.every((segment) => {
    const length = unpackedLength(segment);
    return length >= pixels && length <= pixels + 2;
  });
}

/**
 * One frame of 8-bit samples, pixel by pixel (samples of a pixel side by side).
 * @returns undefined where the stream does not hold `samples` planes of `pixels` bytes
 */
export function decodeRle8(code: Uint8Array, samples: number, pixels: number): Uint8Array | undefined {
  if (!rleHolds(code, samples, pixels)) return undefined;
  const out = new Uint8Array(samples * pixels);
  (segmentsOf(code) as Uint8Array[]).forEach((segment, sample) => {
    unpackInto(out, segment, sample, samples, pixels);
  });
  return out;
}

function unpackInto(out: Uint8Array, segment: Uint8Array, from: number, step: number, pixels: number): void {
  let n = 0;
  for (let at = 0; at < segment.length && n < pixels; ) {
    const control = segment[at] as number;
    at += 1;
    if (control < 128) {
      for (let k = 0; k <= control && n < pixels; k += 1, n += 1) out[from + step * n] = segment[at + k] as number;
      at += control + 1;
    } else if (control > 128) {
      for (let k = 0; k < 257 - control && n < pixels; k += 1, n += 1) out[from + step * n] = segment[at] as number;
      at += 1;
    }
  }
}
