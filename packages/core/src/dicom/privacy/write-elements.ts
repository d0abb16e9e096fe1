import { join } from '../../io/bytes.js';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../write/uid.js';
import {
  type Encoding,
  EXPLICIT_LITTLE,
  elementOf,
  IMPLICIT_LITTLE,
  LONG_VRS,
  type RawElement,
  type RawFile,
  type RawItem,
  textBytes,
} from './elements.js';

const UNDEFINED = 0xffff_ffff;

/** What a file is written from: the elements, and what its File Meta Information says. */
export interface WrittenFile {
  readonly from: Pick<RawFile, 'syntax' | 'encoding' | 'deflated'>;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly elements: readonly RawElement[];
}

/**
 * A DICOM file (PS3.10, 7) in the transfer syntax that its elements were read in: values go out byte for byte, undefined lengths
 * stay undefined. The preamble is zeros and the File Meta Information is made anew: nothing of the original's is carried over.
 */
export async function writeElements(file: WrittenFile): Promise<Uint8Array> {
  const { syntax, encoding, deflated } = file.from;
  const body = encodeElements(file.elements, encoding);
  const meta = encodeElements(
    [
      elementOf(0x0002_0001, 'OB', Uint8Array.of(0, 1)),
      elementOf(0x0002_0002, 'UI', textBytes('UI', file.sopClassUid)),
      elementOf(0x0002_0003, 'UI', textBytes('UI', file.sopInstanceUid)),
      elementOf(0x0002_0010, 'UI', textBytes('UI', syntax)),
      elementOf(0x0002_0012, 'UI', textBytes('UI', IMPLEMENTATION_CLASS_UID)),
      elementOf(0x0002_0013, 'SH', textBytes('SH', IMPLEMENTATION_VERSION_NAME)),
    ],
    EXPLICIT_LITTLE,
  );
  const length = encodeElements([elementOf(0x0002_0000, 'UL', word(meta.length, 4, true))], EXPLICIT_LITTLE);
  const mark = Uint8Array.of(0x44, 0x49, 0x43, 0x4d);
  return join([new Uint8Array(128), mark, length, meta, deflated ? await deflate(body) : body]);
}

/** The data set, deflated (PS3.5, A.5), padded to an even length. */
async function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  const out = new Uint8Array(await new Response(stream).arrayBuffer());
  return out.length % 2 === 0 ? out : join([out, new Uint8Array(1)]);
}

function encodeElements(elements: readonly RawElement[], encoding: Encoding): Uint8Array {
  return join(elements.flatMap((element) => parts(element, encoding)));
}

function parts(element: RawElement, encoding: Encoding): Uint8Array[] {
  const value = valueParts(element, encoding);
  const length = element.openEnded ? UNDEFINED : value.reduce((sum, part) => sum + part.length, 0);
  return [header(element, length, encoding), ...value];
}

function valueParts(element: RawElement, encoding: Encoding): Uint8Array[] {
  const { bytes, items, fragments, openEnded, implicitInside } = element;
  if (bytes !== undefined) return bytes.length % 2 === 0 ? [bytes] : [bytes, Uint8Array.of(padOf(element.vr))];
  const inside = implicitInside ? IMPLICIT_LITTLE : encoding;
  const end = openEnded ? [delimiter(0xe0dd, 0, inside)] : [];
  if (fragments !== undefined) {
    return [...fragments.flatMap((part) => [delimiter(0xe000, part.length, inside), part]), ...end];
  }
  return [...(items ?? []).map((item) => encodeItem(item, inside)), ...end];
}

function encodeItem({ elements, openEnded }: RawItem, encoding: Encoding): Uint8Array {
  const body = encodeElements(elements, encoding);
  const head = delimiter(0xe000, openEnded ? UNDEFINED : body.length, encoding);
  return join(openEnded ? [head, body, delimiter(0xe00d, 0, encoding)] : [head, body]);
}

function header({ tag, vr }: RawElement, length: number, encoding: Encoding): Uint8Array {
  const { little, explicit } = encoding;
  const name = [word(tag >>> 16, 2, little), word(tag & 0xffff, 2, little)];
  if (!explicit) return join([...name, word(length, 4, little)]);
  const letters = Uint8Array.of(vr.charCodeAt(0), vr.charCodeAt(1));
  if (LONG_VRS.has(vr)) return join([...name, letters, new Uint8Array(2), word(length, 4, little)]);
  return join([...name, letters, word(length, 2, little)]);
}

function delimiter(element: number, length: number, { little }: Encoding): Uint8Array {
  return join([word(0xfffe, 2, little), word(element, 2, little), word(length, 4, little)]);
}

function padOf(vr: string): number {
  return /^(UI|O.|UN)$/.test(vr) ? 0 : 0x20;
}

function word(value: number, width: 2 | 4, little: boolean): Uint8Array {
  const bytes = new Uint8Array(width);
  const view = new DataView(bytes.buffer);
  if (width === 2) view.setUint16(0, value, little);
  else view.setUint32(0, value, little);
  return bytes;
}
