import type { DataSet, Element } from 'dicom-parser';

/** Representations whose explicit header takes twelve bytes (PS3.5, 7.1.2); all others, and implicit ones, take eight. */
const LONG: ReadonlySet<string> = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);

const startOf = (e: Element): number => e.dataOffset - (e.vr !== undefined && LONG.has(e.vr) ? 12 : 8);

/**
 * A tag that stands in a data set twice, at any depth, as dicom-parser's `xggggeeee`. The parser keeps the last and says
 * nothing; which of two positions is meant nobody knows. The one that was dropped leaves a hole between the others.
 */
export function repeatedTag(dataset: DataSet): string | undefined {
  const elements = Object.values(dataset.elements).sort((a, b) => a.dataOffset - b.dataOffset);
  for (let n = 1; n < elements.length; n += 1) {
    const before = elements[n - 1] as Element;
    const end = before.dataOffset + before.length;
    const hole = startOf(elements[n] as Element) - end;
    if (hole < 8) continue;
    // Meta information is little endian in every file; the parser is that of what follows.
    const tag = before.tag.startsWith('x0002') ? littleTag(dataset.byteArray, end) : tagAt(dataset, end);
    if (dataset.elements[tag] !== undefined) return tag;
  }
  for (const element of elements) {
    for (const item of element.items ?? []) {
      const tag = item.dataSet && repeatedTag(item.dataSet);
      if (tag !== undefined) return tag;
    }
  }
  return undefined;
}

const hex = (group: number, element: number): string =>
  `x${group.toString(16).padStart(4, '0')}${element.toString(16).padStart(4, '0')}`;

function littleTag(bytes: Uint8Array, at: number): string {
  const word = (n: number): number => (bytes[n] as number) + 256 * (bytes[n + 1] as number);
  return hex(word(at), word(at + 2));
}

function tagAt({ byteArray, byteArrayParser }: DataSet, at: number): string {
  return hex(byteArrayParser.readUint16(byteArray, at), byteArrayParser.readUint16(byteArray, at + 2));
}
