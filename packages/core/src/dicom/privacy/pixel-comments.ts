/**
 * Comments and applications' data inside of compressed frames (JPEG: ITU-T T.81, B.2.4; JPEG 2000: T.800, A.9.2), where programs leave
 * names. They are blanked, not taken out: lengths and offsets stay, and no decoder reads them.
 */

/** What encoders say of themselves, which names no one. */
const ENCODERS = /^(Created by (GDCM\/)?OpenJPEG version [\d.]+|Kakadu-v?[\d.]+|Creator: JasPer Version [\d.]+|Lavc[\d.]+)\0*$/;

const SOI = 0xd8;
const SOC = 0x4f;
const EOI = 0xd9;
const START_OF_SCAN = 0xda;
const START_OF_TILE = 0x90;
const JPEG_COMMENT = 0xfe;
const JPEG_2000_COMMENT = 0x64;

/** The fragment, and how many comments of it were blanked: the same bytes where none was. */
export function withoutComments(fragment: Uint8Array): { readonly fragment: Uint8Array; readonly blanked: number } {
  const isJpeg = fragment[0] === 0xff && fragment[1] === SOI;
  const isJpeg2000 = fragment[0] === 0xff && fragment[1] === SOC;
  if (!isJpeg && !isJpeg2000) return { fragment, blanked: 0 };
  const spans = [...segments(fragment, isJpeg2000), ...behindEnd(fragment)];
  if (spans.length === 0) return { fragment, blanked: 0 };
  const copy = fragment.slice();
  for (const [from, to] of spans) copy.fill(0, from, to);
  return { fragment: copy, blanked: spans.length };
}

type Span = readonly [from: number, to: number];

/** The marker segments of the head that hold comments. */
function segments(bytes: Uint8Array, isJpeg2000: boolean): Span[] {
  const spans: Span[] = [];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1] as number;
    if (marker === START_OF_SCAN || marker === START_OF_TILE) return spans;
    const end = at + 2 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
    if (end > bytes.length || end < at + 4) return spans;
    // A comment of JPEG 2000 begins with two bytes that say what it is made of.
    const from = at + (isJpeg2000 ? 6 : 4);
    const speaks = isJpeg2000 ? marker === JPEG_2000_COMMENT : isSpeaking(marker, bytes.subarray(from, end));
    if (speaks && from < end && !ENCODERS.test(latin1(bytes.subarray(from, end)))) spans.push([from, end]);
    at = end;
  }
  return spans;
}

/** Comments, and data of applications but for what decoders need: JFIF's head, SPIFF and JPEG-LS (APP8), Adobe's colours (APP14). */
function isSpeaking(marker: number, content: Uint8Array): boolean {
  if (marker === JPEG_COMMENT) return true;
  if (marker < 0xe0 || marker > 0xef || marker === 0xe8) return false;
  if (marker === 0xe0) return !(content.length === 14 && latin1(content.subarray(0, 5)) === 'JFIF\0');
  return !(marker === 0xee && content.length === 12 && latin1(content.subarray(0, 5)) === 'Adobe');
}

/** What stands behind the end of the image, but for one byte of padding. */
function behindEnd(bytes: Uint8Array): Span[] {
  for (let at = bytes.length - 2; at > 0; at -= 1) {
    if (bytes[at] !== 0xff || bytes[at + 1] !== EOI) continue;
    return at + 3 >= bytes.length || bytes.subarray(at + 2).every((byte) => byte === 0) ? [] : [[at + 2, bytes.length]];
  }
  return [];
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
