import type { ContentReader } from './reader.js';
import { doesNotFit, type IgtlStorage } from './writer.js';

const INDEX_SIZES: Readonly<Record<number, number>> = { 3: 256, 5: 65_536 };
const ENTRY_SIZES: Readonly<Record<number, number>> = { 3: 1, 5: 2, 19: 3 };

/** COLORT, and COLORTABLE as older senders call it: a look-up table. */
export interface ColourTableContent {
  readonly kind: 'colourTable';
  /** What is looked up: bytes (256 entries) or 16-bit numbers (65536 entries). */
  readonly indexType: 'u8' | 'u16';
  /** What is found: a grey of 8 or 16 bits, or red, green, blue of 8 bits each. */
  readonly mapType: 'u8' | 'u16' | 'rgb';
  /** The entries as sent; 16-bit ones big-endian. */
  readonly table: Uint8Array;
}

/** @throws NavError `igtl/bad-value`, `igtl/size-mismatch` */
export function decodeColourTable(r: ContentReader): ColourTableContent {
  const index = r.u8();
  const entries = INDEX_SIZES[index];
  if (entries === undefined) throw r.badValue('index type', index);
  const map = r.u8();
  const bytes = ENTRY_SIZES[map];
  if (bytes === undefined) throw r.badValue('map type', map);
  if (r.left !== entries * bytes) throw r.mismatch('bytes of table', entries * bytes, r.left);
  return {
    kind: 'colourTable',
    indexType: index === 3 ? 'u8' : 'u16',
    mapType: map === 3 ? 'u8' : map === 5 ? 'u16' : 'rgb',
    table: r.take(r.left),
  };
}

/** @throws NavError `igtl/does-not-fit` */
export function encodeColourTable(w: IgtlStorage, content: ColourTableContent): void {
  const index = content.indexType === 'u8' ? 3 : 5;
  const map = content.mapType === 'u8' ? 3 : content.mapType === 'u16' ? 5 : 19;
  const wanted = (INDEX_SIZES[index] as number) * (ENTRY_SIZES[map] as number);
  if (content.table.length !== wanted) throw doesNotFit(`a colour table of ${content.table.length} bytes; it has ${wanted}.`);
  w.u8(index);
  w.u8(map);
  w.put(content.table);
}
