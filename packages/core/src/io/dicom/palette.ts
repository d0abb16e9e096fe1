import { NavError } from '../../base/index.js';
import type { VoxelArray } from '../../volume/index.js';
import { isPairSwapped } from './big-endian.js';
import { type DicomFile, tagName } from './dataset.js';
import { expandSegments } from './segmented-palette.js';

/** A palette of red, green and blue, 8 bits each (PS3.3, C.7.6.3.1.5 and C.7.6.3.1.6). */
export interface Palette {
  /** The stored value that the first entry belongs to; those below take it too. */
  readonly first: number;
  readonly colours: readonly [Uint8Array, Uint8Array, Uint8Array];
  /** Whether a table declared with 16 bits held 8-bit values. */
  readonly assumed8: boolean;
}

const DESCRIPTORS = ['x00281101', 'x00281102', 'x00281103'];
const TABLES = ['x00281201', 'x00281202', 'x00281203'];
const SEGMENTED = ['x00281221', 'x00281222', 'x00281223'];

/**
 * A file's palette, entry by entry or in segments (PS3.3, C.7.9.2).
 * @param signed whether stored values are signed: the first mapped value then is too
 * @throws NavError `io/corrupt`
 */
export function paletteOf(file: DicomFile, signed: boolean): Palette {
  const { dataset, name } = file;
  const segmented = TABLES.some((tag) => dataset.elements[tag] === undefined) && SEGMENTED.some((tag) => dataset.elements[tag]);
  const tables = DESCRIPTORS.map((tag, n) => tableOf(file, tag, (segmented ? SEGMENTED : TABLES)[n] as string, signed));
  const first = tables[0]?.first as number;
  if (tables.some((t) => t.first !== first)) throw damaged(name, 'its three tables start at different values');
  const wide = tables.some((t) => t.bits === 16);
  const assumed8 = wide && tables.every((t) => t.values.every((v) => v < 256));
  const shift = wide && !assumed8 ? 8 : 0;
  const [r, g, b] = tables.map((t) => Uint8Array.from(t.values, (v) => v >> (t.bits === 16 ? shift : 0)));
  return { first, colours: [r as Uint8Array, g as Uint8Array, b as Uint8Array], assumed8 };
}

function tableOf(
  file: DicomFile,
  descriptor: string,
  tag: string,
  signed: boolean,
): { first: number; bits: number; values: number[] } {
  const { dataset, name } = file;
  const [entries, from, bits] = [0, 1, 2].map((n) => dataset.uint16(descriptor, n));
  const element = dataset.elements[tag];
  if (dataset.elements[descriptor]?.length !== 6 || element === undefined || (bits !== 8 && bits !== 16)) {
    throw damaged(name, `its palette ${tagName(descriptor)} or ${tagName(tag)} is absent or unreadable`);
  }
  // 0 stands for 65536 (PS3.3, C.7.6.3.1.5).
  const count = entries === 0 ? 65_536 : (entries as number);
  const first = signed && (from as number) > 32_767 ? (from as number) - 65_536 : (from as number);
  if (SEGMENTED.includes(tag)) {
    const values = expandSegments(wordsOf(file, tag, bits), bits, count);
    if (typeof values === 'string') throw damaged(name, `the segments of its palette ${tagName(tag)} ${values}`);
    return { first, bits, values };
  }
  // Entries of 8 bits are packed by most writers, one to a word by others.
  const wide = element.length >= 2 * count;
  if (element.length < count || element.length > 2 * count + 1) {
    throw damaged(name, `its palette ${tagName(tag)} has ${element.length} bytes for ${count} entries`);
  }
  return { first, bits: wide ? bits : 8, values: wordsOf(file, tag, wide ? 16 : 8).slice(0, count) };
}

/** An element's values of 8 or 16 bits. */
function wordsOf(file: DicomFile, tag: string, bits: 8 | 16): number[] {
  const { dataset } = file;
  const { dataOffset: at, length } = dataset.elements[tag] as { dataOffset: number; length: number };
  const pair = isPairSwapped(file, tag) ? 1 : 0;
  if (bits === 8) return Array.from({ length }, (_, n) => dataset.byteArray[at + (n ^ pair)] as number);
  return Array.from({ length: Math.floor(length / 2) }, (_, n) => dataset.uint16(tag, n) as number);
}

function damaged(name: string, what: string): NavError<'io/corrupt'> {
  return new NavError('io/corrupt', `"${name}" has no usable colours: ${what}. Transfer it again.`, { detail: { file: name } });
}

/** RGB of stored values: what lies outside the table takes its nearest end (PS3.3, C.7.6.3.1.5). */
export function applyPalette(stored: VoxelArray, { first, colours }: Palette): Uint8Array {
  const [r, g, b] = colours;
  const last = r.length - 1;
  const out = new Uint8Array(3 * stored.length);
  for (let n = 0; n < stored.length; n += 1) {
    const at = Math.max(0, Math.min(last, (stored[n] as number) - first));
    out[3 * n] = r[at] as number;
    out[3 * n + 1] = g[at] as number;
    out[3 * n + 2] = b[at] as number;
  }
  return out;
}
