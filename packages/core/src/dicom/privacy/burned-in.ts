import { NavError } from '../../base/index.js';
import { elementOf, type RawElement, type RawFile, textBytes } from './elements.js';
import type { PixelRectangle } from './options.js';
import { charsetOf, textAt } from './survey.js';
import { textsOf } from './values.js';

const PIXEL_DATA = 0x7fe0_0010;
const BURNED_IN = 0x0028_0301;

/** Whose images carry text by habit: ultrasound, angiography, endoscopy, photographs, captures of screens and films. */
const WRITTEN_ON: ReadonlySet<string> = new Set('US IVUS XA RF XC ES GM DG OT SC HC DOC OP BI MG_SC'.split(' '));
/** Secondary Capture in all its forms (PS3.4, B.5). */
const CAPTURE = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.7(\.\d)?$/;
const SCREEN = /SCREEN|CAPTURE|REPORT|DOSE_?INFO|SECONDARY_CAPTURE/;

/** Whether an image may show who the patient is, by what the file says of it; undefined where nothing points to it. */
export function burnedInSuspicion({ elements }: RawFile): string | undefined {
  if (!elements.some(({ tag }) => tag === PIXEL_DATA)) return undefined;
  const overlay = elements.find(
    ({ tag, bytes }) => tag >>> 24 === 0x60 && (tag & 0xffff) === 0x0102 && bytes?.some((b) => b !== 0),
  );
  if (overlay !== undefined) return 'an overlay lies in the unused bits of its pixels';
  const said = textAt(elements, BURNED_IN).toUpperCase();
  if (said === 'YES') return 'Burned In Annotation (0028,0301) is YES';
  if (said === 'NO') return undefined;
  const modality = textAt(elements, 0x0008_0060).toUpperCase();
  if (WRITTEN_ON.has(modality))
    return `its modality ${modality} often has text in the picture, and Burned In Annotation (0028,0301) is not NO`;
  if (CAPTURE.test(textAt(elements, 0x0008_0016)))
    return 'it is a Secondary Capture, and Burned In Annotation (0028,0301) is not NO';
  const type = elements.find(({ tag }) => tag === 0x0008_0008);
  const screen =
    type === undefined ? undefined : textsOf(type, 'CS', charsetOf(elements, [''])).find((text) => SCREEN.test(text));
  return screen === undefined ? undefined : 'its Image Type (0008,0008) tells of a picture of a screen';
}

/**
 * The elements with rectangles of every frame painted over with zeros, and Burned In Annotation NO.
 * @param what how messages call the file
 * @throws NavError `dicom/burned-in` where the pixels are compressed, packed otherwise than in whole bytes, or elsewhere than thought
 */
export function masked(file: RawFile, rectangles: readonly PixelRectangle[], what: string): RawElement[] {
  const layout = layoutOf(file, what);
  const { element, rows, columns } = layout;
  const outside = rectangles.find(({ x, y, width, height }) => x + width > columns || y + height > rows);
  if (outside !== undefined) {
    const { x, y, width, height } = outside;
    throw refused(what, `the rectangle ${x},${y},${width},${height} does not lie in its ${columns} × ${rows} pixels`);
  }
  const bytes = (element.bytes as Uint8Array).slice();
  for (let frame = 0; frame < layout.frames; frame += 1) for (const r of rectangles) paint(bytes, r, frame, layout);
  const said = elementOf(BURNED_IN, 'CS', textBytes('CS', 'NO'));
  const others = file.elements.filter(({ tag }) => tag !== PIXEL_DATA && tag !== BURNED_IN);
  return [...others, said, { ...element, bytes }].sort((a, b) => a.tag - b.tag);
}

interface Layout {
  readonly element: RawElement;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly samples: number;
  readonly width: number;
  readonly planar: boolean;
}

function layoutOf(file: RawFile, what: string): Layout {
  const element = file.elements.find(({ tag }) => tag === PIXEL_DATA) as RawElement;
  if (element.bytes === undefined) throw refused(what, 'its pixels are compressed: a mask needs an uncompressed copy');
  const number = (tag: number): number => numberAt(file, tag);
  const [rows, columns, bits] = [number(0x0028_0010), number(0x0028_0011), number(0x0028_0100)];
  const samples = number(0x0028_0002) || 1;
  const frames = Number(textAt(file.elements, 0x0028_0008) || 1);
  const subsampled = /_42\d$/.test(textAt(file.elements, 0x0028_0004));
  const size = rows * columns * samples * (bits / 8) * frames;
  if (bits % 8 !== 0 || subsampled || element.bytes.length < size) {
    throw refused(what, 'its pixels are not laid out in whole bytes, row by row: a mask needs another form of them');
  }
  return { element, rows, columns, frames, samples, width: bits / 8, planar: number(0x0028_0006) === 1 && samples > 1 };
}

function paint(bytes: Uint8Array, { x, y, width, height }: PixelRectangle, frame: number, layout: Layout): void {
  const { rows, columns, samples, width: depth, planar } = layout;
  const planes = planar ? samples : 1;
  const pixel = planar ? depth : depth * samples;
  const frameBytes = rows * columns * samples * depth;
  for (let plane = 0; plane < planes; plane += 1) {
    for (let row = y; row < y + height; row += 1) {
      const from = frame * frameBytes + (plane * rows * columns + row * columns + x) * pixel;
      bytes.fill(0, from, from + width * pixel);
    }
  }
}

/** An unsigned number of 16 bits; 0 where it is absent. */
export function numberAt({ elements, encoding }: RawFile, tag: number): number {
  const bytes = elements.find((element) => element.tag === tag)?.bytes;
  if (bytes === undefined || bytes.length < 2) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, 2).getUint16(0, encoding.little);
}

/** The refusal of an image that may show who the patient is. */
export function refused(what: string, why: string): NavError {
  return new NavError('dicom/burned-in', `${what} may show in its pixels who the patient is, and is not passed: ${why}.`);
}
