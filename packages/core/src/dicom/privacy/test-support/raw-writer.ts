/** A writer of DICOM files for tests, independent of the product's: any VR, any bytes, three encodings, and what is wrong. */

/** A value: text in ASCII, bytes, or items. */
export type RawValue = string | Uint8Array | readonly RawTags[];
/** Tags as `ggggeeee`, with the VR. */
export interface RawTags {
  readonly [tag: string]: readonly [vr: string, value: RawValue];
}

export type Form = 'explicit' | 'implicit' | 'big' | 'deflated';

export const FORMS: Readonly<Record<Form, string>> = {
  explicit: '1.2.840.10008.1.2.1',
  implicit: '1.2.840.10008.1.2',
  big: '1.2.840.10008.1.2.2',
  deflated: '1.2.840.10008.1.2.1.99',
};

const LONG = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));

export function latin(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A number of 16 bits, in the byte order of the form. */
export function us(value: number, form: Form): Uint8Array {
  return form === 'big' ? Uint8Array.of(value >> 8, value & 0xff) : Uint8Array.of(value & 0xff, value >> 8);
}

/** One data set. Odd tags of a sequence's items get undefined lengths, even ones given lengths, so that both occur. */
export function encodeRaw(tags: RawTags, form: Form): Buffer {
  return Buffer.concat(
    Object.keys(tags)
      .sort()
      .map((tag) => encodeOne(tag, ...(tags[tag] as readonly [string, RawValue]), form)),
  );
}

function encodeOne(tag: string, vr: string, value: RawValue, form: Form): Buffer {
  const number = (x: number, width: 2 | 4): Buffer => {
    const out = Buffer.alloc(width);
    if (form === 'big') out.writeUIntBE(x, 0, width);
    else out.writeUIntLE(x, 0, width);
    return out;
  };
  const head = Buffer.concat([number(Number.parseInt(tag.slice(0, 4), 16), 2), number(Number.parseInt(tag.slice(4), 16), 2)]);
  const open = Array.isArray(value) && Number.parseInt(tag, 16) % 2 === 1;
  const body = Array.isArray(value)
    ? encodeItems(value as readonly RawTags[], open, vr === 'UN' ? 'implicit' : form, number)
    : bytesOf(vr, value as string | Uint8Array);
  const length = open ? 0xffffffff : body.length;
  if (form === 'implicit') return Buffer.concat([head, number(length, 4), body]);
  const size = LONG.has(vr) ? Buffer.concat([Buffer.alloc(2), number(length, 4)]) : number(length, 2);
  return Buffer.concat([head, latin(vr), size, body]);
}

function encodeItems(items: readonly RawTags[], open: boolean, form: Form, number: (x: number, width: 2 | 4) => Buffer): Buffer {
  const mark = (element: number, length: number): Buffer =>
    Buffer.concat([number(0xfffe, 2), number(element, 2), number(length, 4)]);
  const parts = items.map((item) => {
    const body = encodeRaw(item, form);
    return open
      ? Buffer.concat([mark(0xe000, 0xffffffff), body, mark(0xe00d, 0)])
      : Buffer.concat([mark(0xe000, body.length), body]);
  });
  return Buffer.concat(open ? [...parts, mark(0xe0dd, 0)] : parts);
}

function bytesOf(vr: string, value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? latin(value) : Buffer.from(value);
  if (bytes.length % 2 === 0) return bytes;
  return Buffer.concat([bytes, Buffer.of(/^(UI|O.|UN)$/.test(vr) ? 0 : 0x20)]);
}

/** What stands around the data set. */
export interface Surroundings {
  readonly preamble?: Buffer;
  readonly meta?: RawTags;
  readonly trailing?: Buffer;
}

/** A file: preamble, meta information, the data set in its form, and what follows it. */
export function rawFile(tags: RawTags, form: Form, deflate: (bytes: Buffer) => Buffer, around: Surroundings = {}): Buffer {
  const value = (tag: string): string => tags[tag]?.[1] as string;
  const meta = encodeRaw(
    {
      '00020001': ['OB', Uint8Array.of(0, 1)],
      '00020002': ['UI', value('00080016')],
      '00020003': ['UI', value('00080018')],
      '00020010': ['UI', FORMS[form]],
      '00020012': ['UI', '1.2.3.4'],
      ...around.meta,
    },
    'explicit',
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(meta.length);
  const preamble = Buffer.alloc(128);
  around.preamble?.copy(preamble);
  const body = Buffer.concat([encodeRaw(tags, form), around.trailing ?? Buffer.alloc(0)]);
  const start = Buffer.concat([preamble, latin('DICM'), encodeRaw({ '00020000': ['UL', length] }, 'explicit'), meta]);
  return Buffer.concat([start, form === 'deflated' ? deflate(body) : body]);
}
