import { hex } from './crc16.js';
import { hexAt, positionAt, transformAt, WORDS, wordAt } from './digits.js';
import { signed, transformText } from './encode.js';
import { HANDLE_STATE, type NdiFrame } from './frame.js';

/** Options of GX, which add up. GX is what first-generation Polaris and Aurora systems have instead of TX and BX. */
export const GX_OPTION: {
  readonly transforms: 0x0001;
  readonly toolInfo: 0x0002;
  readonly strayMarker: 0x0004;
  readonly frameNumbers: 0x0008;
  readonly strays: 0x1000;
  readonly ninePassive: 0x2000;
  readonly passive: 0x8000;
} = {
  transforms: 0x0001,
  toolInfo: 0x0002,
  strayMarker: 0x0004,
  frameNumbers: 0x0008,
  strays: 0x1000,
  ninePassive: 0x2000,
  passive: 0x8000,
};

const LF = 0x0a;
const ACTIVE = 3;
/** Handles of the passive ports are their letters, A … I. */
const PORT_A = 0x41;

/**
 * The text of a GX reply into `frame`: handles 1, 2 and 3 are the wired ports, 0x41 … 0x49 the passive ports A … I.
 * False where it is not one, and `frame` is then not to be used. Without option 0008 there are no frame numbers (0).
 *
 * Layout: three transforms, each with LF; then two hex digits of system status and two for each port, the third
 * first; LF; then a line per further option. Options 0001 is checked against 1,070 recorded replies of an Aurora; the
 * other blocks are as ndicapi reads them, and no recording has them (unverified).
 * @param bytes the reply's buffer; the text, without CRC, is `[start … end)`
 */
export function decodeGx(frame: NdiFrame, bytes: Uint8Array, start: number, end: number, options: number): boolean {
  frame.begin(options);
  for (let port = 1; port <= ACTIVE; port += 1) frame.addHandle(port, HANDLE_STATE.disabled);
  let at = start;
  if ((options & GX_OPTION.transforms) !== 0) at = decodeThree(frame, bytes, at, end, 0);
  at = decodeFacts(frame, bytes, at, end, options, 0, ACTIVE, true);
  if (at >= 0 && (options & GX_OPTION.passive) !== 0) at = decodePassive(frame, bytes, at, end, options);
  return at === end;
}

function decodePassive(frame: NdiFrame, bytes: Uint8Array, start: number, end: number, options: number): number {
  const ports = (options & GX_OPTION.ninePassive) === 0 ? 3 : 9;
  for (let port = 0; port < ports; port += 1) frame.addHandle(PORT_A + port, HANDLE_STATE.disabled);
  let at = start;
  if ((options & GX_OPTION.transforms) !== 0) {
    for (let k = 0; k < ports && at >= 0; k += 3) at = decodeThree(frame, bytes, at, end, ACTIVE + k);
  }
  if (at >= 0) at = decodeFacts(frame, bytes, at, end, options, ACTIVE, ports, false);
  if (at >= 0 && (options & GX_OPTION.strays) !== 0) at = decodeStrays(frame, bytes, at, end);
  return at;
}

/** Three transforms, system status and three port statuses, from handle `first` on; the offset behind, or −1. */
function decodeThree(frame: NdiFrame, bytes: Uint8Array, start: number, end: number, first: number): number {
  let at = start;
  for (let i = first; i < first + 3; i += 1) {
    at = decodeTransform(frame, bytes, at, end, i);
    if (at < 0 || bytes[at] !== LF || at >= end) return -1;
    at += 1;
  }
  const system = hexAt(bytes, at, 2, end);
  if (system < 0) return -1;
  frame.systemStatus |= system;
  for (let k = 0; k < 3; k += 1) {
    const status = hexAt(bytes, at + 6 - 2 * k, 2, end);
    if (status < 0) return -1;
    frame.portStatus[first + k] = status;
  }
  return behindLine(bytes, at + 8, end);
}

function decodeTransform(frame: NdiFrame, bytes: Uint8Array, start: number, end: number, i: number): number {
  if (wordAt(bytes, start, end, WORDS.disabled)) return start + 8;
  if (wordAt(bytes, start, end, WORDS.unoccupied)) {
    frame.state[i] = HANDLE_STATE.unoccupied;
    return start + 10;
  }
  if (wordAt(bytes, start, end, WORDS.missing)) {
    frame.state[i] = HANDLE_STATE.missing;
    return start + 7;
  }
  frame.state[i] = HANDLE_STATE.valid;
  return transformAt(frame.values, i, bytes, start, end);
}

/** The lines of options 0002, 0004 (wired ports only) and 0008 for `count` handles from `first` on. */
function decodeFacts(
  frame: NdiFrame,
  bytes: Uint8Array,
  start: number,
  end: number,
  options: number,
  first: number,
  count: number,
  wired: boolean,
): number {
  let at = start;
  if (at >= 0 && (options & GX_OPTION.toolInfo) !== 0) at = decodeInfo(frame, bytes, at, end, first, count);
  if (at >= 0 && wired && (options & GX_OPTION.strayMarker) !== 0) at = decodeStray(frame, bytes, at, end, first, count);
  if (at >= 0 && (options & GX_OPTION.frameNumbers) !== 0) {
    for (let i = first; i < first + count; i += 1, at += 8) {
      const number = hexAt(bytes, at, 8, end);
      if (number < 0) return -1;
      frame.frameNumber[i] = number;
    }
    at = behindLine(bytes, at, end);
  }
  return at;
}

/** 12 characters a port: a byte of tool information and ten marker nibbles, into the first 6 bytes of toolInfo. */
function decodeInfo(frame: NdiFrame, bytes: Uint8Array, start: number, end: number, first: number, count: number): number {
  let at = start;
  for (let i = first; i < first + count; i += 1) {
    for (let k = 0; k < 6; k += 1, at += 2) {
      const pair = hexAt(bytes, at, 2, end);
      if (pair < 0) return -1;
      frame.toolInfo[i * 11 + k] = pair;
    }
  }
  return behindLine(bytes, at, end);
}

function decodeStray(frame: NdiFrame, bytes: Uint8Array, start: number, end: number, first: number, count: number): number {
  let at = start;
  for (let i = first; i < first + count && at >= 0; i += 1) {
    if (wordAt(bytes, at, end, WORDS.missing)) at += 7;
    else if (wordAt(bytes, at, end, WORDS.disabled)) at += 8;
    else if (bytes[at] !== LF) {
      at = positionAt(frame.strayPosition, i, bytes, at, end);
      frame.strayStatus[i] = 1;
    }
    if (at >= 0) at = bytes[at] === LF && at < end ? at + 1 : -1;
  }
  return at;
}

/** Count (2 hex), one digit, then 21 characters each. What the digit says is not known: it is not read. */
function decodeStrays(frame: NdiFrame, bytes: Uint8Array, start: number, end: number): number {
  const count = hexAt(bytes, start, 2, end);
  if (count < 0 || hexAt(bytes, start + 2, 1, end) < 0) return -1;
  frame.strayOutOfVolume.fill(0);
  let at = start + 3;
  for (let k = 0; k < count && at >= 0; k += 1) at = positionAt(frame.strays, k, bytes, at, end);
  frame.strayCount = count;
  return at < 0 ? -1 : behindLine(bytes, at, end);
}

/** Behind the LF that ends a line; the last line may go without. */
function behindLine(bytes: Uint8Array, at: number, end: number): number {
  if (at > end) return -1;
  return at < end && bytes[at] === LF ? at + 1 : at;
}

/**
 * The text of a GX reply for the wired ports, without CRC and CR: the inverse of {@link decodeGx} for options 0001,
 * 0002, 0004 and 0008. Ports that are not in the frame are `DISABLED`.
 */
export function encodeGx(frame: NdiFrame): string {
  const { options } = frame;
  const ports = [1, 2, 3].map((port) => frame.indexOf(port));
  const of = (i: number, values: ArrayLike<number>): number => (i < 0 ? 0 : (values[i] as number));
  let text = '';
  if (options & GX_OPTION.transforms) {
    for (const i of ports) text += `${stateText(frame, i)}\n`;
    text += hex(frame.systemStatus & 0xff, 2);
    for (const i of [...ports].reverse()) text += hex(of(i, frame.portStatus) & 0xff, 2);
    text += '\n';
  }
  if (options & GX_OPTION.toolInfo) {
    for (const i of ports) for (let k = 0; k < 6; k += 1) text += hex(i < 0 ? 0 : (frame.toolInfo[i * 11 + k] as number), 2);
    text += '\n';
  }
  if (options & GX_OPTION.strayMarker) for (const i of ports) text += `${strayText(frame, i)}\n`;
  if (options & GX_OPTION.frameNumbers) text += `${ports.map((i) => hex(of(i, frame.frameNumber), 8)).join('')}\n`;
  return text;
}

function stateText(frame: NdiFrame, i: number): string {
  if (i < 0 || frame.state[i] === HANDLE_STATE.disabled) return 'DISABLED';
  return frame.state[i] === HANDLE_STATE.unoccupied ? 'UNOCCUPIED' : transformText(frame, i);
}

function strayText(frame: NdiFrame, i: number): string {
  if (i < 0 || frame.state[i] === HANDLE_STATE.disabled) return 'DISABLED';
  if (frame.strayStatus[i] === 0) return 'MISSING';
  return [0, 1, 2].map((k) => signed(frame.strayPosition[3 * i + k] as number, 100, 7)).join('');
}
