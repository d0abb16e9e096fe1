import { type DicomFile, parseDicomFile } from '../../io/dicom/dataset.js';
import { type Slice, slicesOf } from '../../io/dicom/slice.js';
import { type Attributes, type JsonElement, joinedName } from './json.js';

/**
 * Metadata in DICOM JSON as a DICOM file without pixels, so that the geometry of a series is checked by the very code that checks files,
 * before its pixels are asked for. Only for looking at: what is written keeps neither private nor binary elements.
 */

/** VRs whose length takes four bytes (PS3.5, 7.1.2), of those that are written. */
const LONG = new Set(['SQ', 'UC', 'UR', 'UT', 'UV', 'SV']);
const NUMBERS: Readonly<Record<string, readonly [bytes: number, set: (view: DataView, value: number) => void]>> = {
  US: [2, (view, value) => view.setUint16(0, value, true)],
  SS: [2, (view, value) => view.setInt16(0, value, true)],
  UL: [4, (view, value) => view.setUint32(0, value, true)],
  SL: [4, (view, value) => view.setInt32(0, value, true)],
  FL: [4, (view, value) => view.setFloat32(0, value, true)],
  FD: [8, (view, value) => view.setFloat64(0, value, true)],
};
const TEXT = new Set('AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT'.split(' '));
const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';

/**
 * The slices that an instance will have, by its metadata; none where it is no image.
 * @throws NavError what `readVolume` throws for the file itself: `dicom/…`, `io/corrupt`
 */
export async function slicesOfMetadata(attributes: Attributes): Promise<readonly Slice[]> {
  if (!attributes.has('00280010')) return [];
  return slicesOf(await metadataFile(attributes));
}

async function metadataFile(attributes: Attributes): Promise<DicomFile> {
  const name = attributes.text('00080018') ?? 'an instance without UID';
  const syntax = element('00020010', 'UI', padded(new TextEncoder().encode(EXPLICIT_LITTLE), 0));
  const groupLength = element('00020000', 'UL', le(4, syntax.length));
  const elements = new Map(attributes.elements);
  // JSON is UTF-8 whatever the file was.
  elements.set('00080005', { vr: 'CS', values: ['ISO_IR 192'] });
  const body = encoded(elements);
  const pixels = element('7FE00010', 'OW', new Uint8Array(0));
  return parseDicomFile({
    name,
    bytes: concat([new Uint8Array(128), new TextEncoder().encode('DICM'), groupLength, syntax, body, pixels]),
  });
}

function encoded(elements: ReadonlyMap<string, JsonElement>): Uint8Array {
  const tags = [...elements.keys()].filter((tag) => isKept(tag)).sort();
  return concat(
    tags.flatMap((tag) => {
      const one = elements.get(tag) as JsonElement;
      const value = encodedValue(one);
      return value === undefined || (!LONG.has(one.vr) && value.length > 0xfffe) ? [] : [element(tag, one.vr, value)];
    }),
  );
}

/** Not the meta information, no private groups, no pixels. */
function isKept(tag: string): boolean {
  const group = Number.parseInt(tag.slice(0, 4), 16);
  return group >= 8 && group % 2 === 0 && group < 0x7fe0;
}

/** Undefined for what is not written. */
function encodedValue({ vr, values }: JsonElement): Uint8Array | undefined {
  if (vr === 'SQ') return concat((values as readonly Attributes[]).map((item) => itemOf(encoded(item.elements))));
  const number = NUMBERS[vr];
  if (number !== undefined) {
    return concat(
      values.map((value) => {
        const bytes = new Uint8Array(number[0]);
        number[1](new DataView(bytes.buffer), Number(value));
        return bytes;
      }),
    );
  }
  if (!TEXT.has(vr)) return undefined;
  const text = values.map((value) => joinedName(value) ?? '').join('\\');
  return padded(new TextEncoder().encode(text), vr === 'UI' ? 0 : 0x20);
}

function itemOf(content: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(0xfe, 0xff, 0x00, 0xe0), le(4, content.length), content]);
}

function element(tag: string, vr: string, value: Uint8Array): Uint8Array {
  const head = [
    le(2, Number.parseInt(tag.slice(0, 4), 16)),
    le(2, Number.parseInt(tag.slice(4), 16)),
    new TextEncoder().encode(vr),
  ];
  const length = LONG.has(vr) || vr === 'OW' ? [new Uint8Array(2), le(4, value.length)] : [le(2, value.length)];
  return concat([...head, ...length, value]);
}

function padded(bytes: Uint8Array, pad: number): Uint8Array {
  return bytes.length % 2 === 0 ? bytes : concat([bytes, Uint8Array.of(pad)]);
}

function le(bytes: 2 | 4, value: number): Uint8Array {
  const out = new Uint8Array(bytes);
  for (let n = 0; n < bytes; n += 1) out[n] = (value >>> (8 * n)) & 0xff;
  return out;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
