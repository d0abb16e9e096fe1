import { hexAt, positionAt, transformAt, WORDS, wordAt } from './digits.js';
import { HANDLE_STATE, NDI_OPTION, type NdiFrame } from './frame.js';

const LF = 0x0a;

/**
 * The text of a TX reply into `frame`; false where it is not one, and `frame` is then not to be used.
 * Layout: Combined API guide, TX; checked against recorded replies. Positions come in hundredths of a millimetre,
 * quaternions and errors in ten-thousandths.
 * @param bytes the reply's buffer; the text, without CRC, is `[start … end)`
 */
export function decodeTx(frame: NdiFrame, bytes: Uint8Array, start: number, end: number, options: number): boolean {
  frame.begin(options);
  const handles = hexAt(bytes, start, 2, end);
  if (handles < 0) return false;
  let at = start + 2;
  for (let i = 0; i < handles && at >= 0; i += 1) at = decodeHandle(frame, bytes, at, end, options);
  if (at >= 0 && (options & NDI_OPTION.strays) !== 0) at = decodeStrays(frame, bytes, at, end);
  // Some devices end the stray block with LF, others do not.
  if (at >= 0 && at < end && bytes[at] === LF) at += 1;
  const system = at < 0 ? -1 : hexAt(bytes, at, 4, end);
  if (system < 0 || at + 4 !== end) return false;
  frame.systemStatus = system;
  return true;
}

/** One handle up to and with its LF; the offset behind it, or −1. */
function decodeHandle(frame: NdiFrame, bytes: Uint8Array, start: number, end: number, options: number): number {
  const handle = hexAt(bytes, start, 2, end);
  if (handle < 0 || frame.count >= frame.handle.length) return -1;
  let at = start + 2;
  // Both are followed by LF at once: no port status and no frame number.
  if (wordAt(bytes, at, end, WORDS.disabled)) return closeLine(frame, bytes, at + 8, end, handle, HANDLE_STATE.disabled);
  if (wordAt(bytes, at, end, WORDS.unoccupied)) return closeLine(frame, bytes, at + 10, end, handle, HANDLE_STATE.unoccupied);
  const i = frame.addHandle(handle, HANDLE_STATE.missing);
  if ((options & NDI_OPTION.transforms) !== 0) at = decodeTransform(frame, bytes, at, end, i);
  if (at >= 0 && (options & NDI_OPTION.toolInfo) !== 0) at = decodeToolInfo(frame, bytes, at, end, i);
  if (at >= 0 && (options & NDI_OPTION.strayMarker) !== 0) at = decodeStrayMarker(frame, bytes, at, end, i);
  if (at >= 0 && (options & NDI_OPTION.toolMarkers) !== 0) at = decodeMarkers(frame, bytes, at, end, i);
  return at >= 0 && at < end && bytes[at] === LF ? at + 1 : -1;
}

function closeLine(frame: NdiFrame, bytes: Uint8Array, at: number, end: number, handle: number, state: number): number {
  frame.addHandle(handle, state);
  return at < end && bytes[at] === LF ? at + 1 : -1;
}

function decodeTransform(frame: NdiFrame, bytes: Uint8Array, start: number, end: number, i: number): number {
  let at = start;
  if (wordAt(bytes, at, end, WORDS.missing)) {
    at += 7;
  } else {
    at = transformAt(frame.values, i, bytes, at, end);
    if (at < 0) return -1;
    frame.state[i] = HANDLE_STATE.valid;
  }
  const status = hexAt(bytes, at, 8, end);
  const number = hexAt(bytes, at + 8, 8, end);
  if (status < 0 || number < 0) return -1;
  frame.portStatus[i] = status;
  frame.frameNumber[i] = number;
  return at + 16;
}

/** 22 characters: 2 of tool information and 20 marker nibbles, the same digits as the bytes of BX. */
function decodeToolInfo(frame: NdiFrame, bytes: Uint8Array, at: number, end: number, i: number): number {
  const info = hexAt(bytes, at, 2, end);
  if (info < 0) return -1;
  frame.toolInfo[i * 11] = info;
  for (let k = 0; k < 10; k += 1) {
    const pair = hexAt(bytes, at + 2 + 2 * k, 2, end);
    if (pair < 0) return -1;
    frame.toolInfo[i * 11 + 1 + k] = pair;
  }
  return at + 22;
}

function decodeStrayMarker(frame: NdiFrame, bytes: Uint8Array, at: number, end: number, i: number): number {
  const status = hexAt(bytes, at, 2, end);
  if (status < 0) return -1;
  frame.strayStatus[i] = status;
  if ((status & 1) === 0) return at + 2;
  return positionAt(frame.strayPosition, i, bytes, at + 2, end);
}

/** Option 0008, laid out as option 1000: count, one out-of-volume bit each, positions. No recording has it. */
function decodeMarkers(frame: NdiFrame, bytes: Uint8Array, at: number, end: number, i: number): number {
  const count = hexAt(bytes, at, 2, end);
  const first = count < 0 ? -1 : frame.addMarkers(i, count);
  if (first < 0) return -1;
  const nibbles = (count + 3) >> 2;
  for (let k = 0; k < count; k += 1) {
    // The bits are one number, highest digit first: the first marker is its lowest bit.
    const bits = hexAt(bytes, at + 2 + nibbles - 1 - (k >> 2), 1, end);
    if (bits < 0) return -1;
    frame.markerOutOfVolume[first + k] = (bits >> (k & 3)) & 1;
  }
  let next = at + 2 + nibbles;
  if (next > end) return -1;
  for (let k = 0; k < count && next >= 0; k += 1) next = positionAt(frame.markers, first + k, bytes, next, end);
  return next;
}

function decodeStrays(frame: NdiFrame, bytes: Uint8Array, start: number, end: number): number {
  const count = hexAt(bytes, start, 2, end);
  if (count < 0) return -1;
  const nibbles = (count + 3) >> 2;
  frame.strayOutOfVolume.fill(0);
  for (let k = 0; k < nibbles; k += 1) {
    const bits = hexAt(bytes, start + 2 + k, 1, end);
    if (bits < 0) return -1;
    // The number is written with its highest digit first, and the first marker is its lowest bit.
    const low = nibbles - 1 - k;
    frame.strayOutOfVolume[low >> 1] = (frame.strayOutOfVolume[low >> 1] as number) | (bits << (4 * (low & 1)));
  }
  let at = start + 2 + nibbles;
  for (let k = 0; k < count && at >= 0; k += 1) at = positionAt(frame.strays, k, bytes, at, end);
  frame.strayCount = count;
  return at;
}
