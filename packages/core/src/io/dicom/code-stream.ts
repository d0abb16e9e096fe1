/**
 * The size that a compressed frame itself states, read from its own header: JPEG and JPEG-LS (start of frame, ISO 10918-1
 * B.2.2 and 14495-1 C.2.2), JPEG 2000 (SIZ, ISO 15444-1 A.5.1). A header of the file that says otherwise is damaged.
 */
export interface StreamSize {
  readonly columns: number;
  readonly rows: number;
  readonly components: number;
  /** Bits per sample. */
  readonly precision: number;
}

/** What the code stream says of itself; undefined where it is none of the three or ends early. */
export function streamSize(code: Uint8Array): StreamSize | undefined {
  if (code[0] === 0xff && code[1] === 0xd8) return jpegSize(code);
  if (code[0] === 0xff && code[1] === 0x4f && code[2] === 0xff && code[3] === 0x51) return jpeg2000Size(code);
  return undefined;
}

/** Start-of-frame markers: C0 to CF without DHT (C4), JPG (C8) and DAC (CC); F7 is JPEG-LS's. */
function isFrameStart(marker: number): boolean {
  return (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) || marker === 0xf7;
}

function jpegSize(code: Uint8Array): StreamSize | undefined {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  for (let at = 2; at + 4 <= code.length; ) {
    if (code[at] !== 0xff) return undefined;
    const marker = code[at + 1] as number;
    // Fill bytes before a marker, and markers without a length.
    if (marker === 0xff) at += 1;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else if (isFrameStart(marker)) {
      if (at + 10 > code.length) return undefined;
      return {
        precision: code[at + 4] as number,
        rows: view.getUint16(at + 5),
        columns: view.getUint16(at + 7),
        components: code[at + 9] as number,
      };
    } else at += 2 + Math.max(2, view.getUint16(at + 2));
  }
  return undefined;
}

function jpeg2000Size(code: Uint8Array): StreamSize | undefined {
  if (code.length < 44) return undefined;
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  return {
    columns: view.getUint32(8) - view.getUint32(16),
    rows: view.getUint32(12) - view.getUint32(20),
    components: view.getUint16(40),
    precision: ((code[42] as number) & 0x7f) + 1,
  };
}

/** The first box of a JP2 file (ISO 15444-1, I.5.1): its length, its type and its mark, with which damaged transfers are found. */
const JP2_SIGNATURE = [0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20, 0x0d, 0x0a, 0x87, 0x0a];
/** `jp2c`: the box that holds the code stream (I.5.4). */
const JP2_CODE = 0x6a703263;

/**
 * The code stream of a frame that was put into its file as a whole JP2 file, as some writers do though PS3.5 (A.4.4) asks for the bare
 * stream; the colour space that the JP2 names is DICOM's to say. Anything else as it is.
 */
export function withoutJp2(frame: Uint8Array): Uint8Array {
  if (!JP2_SIGNATURE.every((byte, n) => frame[n] === byte)) return frame;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  for (let at = 0; at + 8 <= frame.length; ) {
    const short = view.getUint32(at);
    // 1: the length stands behind the type, in eight bytes; 0: up to the end.
    const header = short === 1 ? 16 : 8;
    if (at + header > frame.length) break;
    const length = short === 1 ? Number(view.getBigUint64(at + 8)) : short === 0 ? frame.length - at : short;
    if (view.getUint32(at + 4) === JP2_CODE) return frame.subarray(at + header, at + length);
    if (length < header) break;
    at += length;
  }
  return frame;
}
