import { inflateSync } from 'node:zlib';
import { NavError } from '../base/index.js';

/** A grey picture: row by row, the first row at the top. */
export interface GreyPicture {
  readonly size: readonly [number, number];
  readonly pixels: Uint8Array;
}

/** Largest side of a mask. */
const LARGEST_SIDE = 16_384;

/**
 * Decodes a PNG of one byte a pixel (grey of 8 bits, not interlaced), as PLUS's importance masks are.
 * @throws NavError `io/corrupt`, `io/truncated`, `io/unsupported-format`
 */
export function decodeGreyPng(bytes: Uint8Array, name: string): GreyPicture {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a) {
    throw new NavError('io/unsupported-format', `"${name}" is no PNG.`, { detail: { name } });
  }
  const [columns, rows] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colour, interlace] = [bytes[24], bytes[25], bytes[28]];
  if (depth !== 8 || colour !== 0 || interlace !== 0) {
    const message = `"${name}" is a PNG of ${depth} bits and colour type ${colour}${interlace === 0 ? '' : ', interlaced'}: save it as grey of 8 bits, not interlaced.`;
    throw new NavError('io/unsupported-format', message, { detail: { name } });
  }
  if (!(columns >= 1 && rows >= 1 && columns <= LARGEST_SIDE && rows <= LARGEST_SIDE)) {
    throw new NavError('io/corrupt', `"${name}" says that it has ${columns} × ${rows} pixels.`, { detail: { name } });
  }
  return { size: [columns, rows], pixels: unfiltered(inflated(bytes, view, (columns + 1) * rows, name), columns, rows, name) };
}

/** The image's packed parts, unpacked. */
function inflated(bytes: Uint8Array, view: DataView, expected: number, name: string): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) break;
    const type = view.getUint32(at + 4);
    if (type === 0x49444154) parts.push(bytes.subarray(at + 8, at + 8 + length));
    if (type === 0x49454e44) {
      try {
        const data = inflateSync(Buffer.concat(parts), { maxOutputLength: expected });
        if (data.length === expected) return data;
      } catch (cause) {
        throw new NavError('io/corrupt', `"${name}": its packed pixels are damaged.`, { detail: { name }, cause });
      }
      throw new NavError('io/corrupt', `"${name}" has fewer pixels than it says.`, { detail: { name } });
    }
    at += 12 + length;
  }
  throw new NavError('io/truncated', `"${name}" is cut short.`, { detail: { name } });
}

/** PNG's five filters taken back, row by row (PNG specification, 9.2). */
function unfiltered(data: Uint8Array, columns: number, rows: number, name: string): Uint8Array {
  const out = new Uint8Array(columns * rows);
  for (let row = 0; row < rows; row += 1) {
    const from = row * (columns + 1);
    const filter = data[from] as number;
    if (filter > 4) throw new NavError('io/corrupt', `"${name}": row ${row} has the filter ${filter}.`, { detail: { name } });
    for (let column = 0; column < columns; column += 1) {
      const to = row * columns + column;
      const left = column > 0 ? (out[to - 1] as number) : 0;
      const up = row > 0 ? (out[to - columns] as number) : 0;
      const corner = column > 0 && row > 0 ? (out[to - columns - 1] as number) : 0;
      out[to] = (data[from + 1 + column] as number) + predicted(filter, left, up, corner);
    }
  }
  return out;
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const p = left + up - corner;
  const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
