import { crc16, hex } from './crc16.js';
import { HANDLE_STATE, NDI_OPTION, type NdiFrame, VALUES } from './frame.js';

/**
 * A BX reply as a device sends it, with both CRCs: the inverse of `decodeBx`.
 */
export function encodeBx(frame: NdiFrame): Uint8Array {
  const body: number[] = [frame.count];
  for (let i = 0; i < frame.count; i += 1) pushHandle(body, frame, i);
  if (frame.options & NDI_OPTION.strays) {
    body.push(frame.strayCount, ...frame.strayOutOfVolume.subarray(0, (frame.strayCount + 7) >> 3));
    for (let k = 0; k < 3 * frame.strayCount; k += 1) pushFloat(body, frame.strays[k] as number);
  }
  pushU16(body, frame.systemStatus);
  return frameBinary(Uint8Array.from(body));
}

function pushHandle(body: number[], frame: NdiFrame, i: number): void {
  const state = frame.state[i] as number;
  body.push(frame.handle[i] as number, state === HANDLE_STATE.unoccupied ? HANDLE_STATE.disabled : state);
  if (state === HANDLE_STATE.disabled || state === HANDLE_STATE.unoccupied) return;
  if (frame.options & NDI_OPTION.transforms) {
    if (state === HANDLE_STATE.valid) {
      for (let k = 0; k < VALUES; k += 1) pushFloat(body, frame.values[i * VALUES + k] as number);
    }
    pushU32(body, frame.portStatus[i] as number);
    pushU32(body, frame.frameNumber[i] as number);
  }
  if (frame.options & NDI_OPTION.toolInfo) body.push(...frame.toolInfo.subarray(i * 11, i * 11 + 11));
  if (frame.options & NDI_OPTION.strayMarker) {
    body.push(frame.strayStatus[i] as number);
    if (!Number.isNaN(frame.strayPosition[i * 3] as number)) {
      for (let k = 0; k < 3; k += 1) pushFloat(body, frame.strayPosition[i * 3 + k] as number);
    }
  }
  if (frame.options & NDI_OPTION.toolMarkers) pushMarkers(body, frame, i);
}

function pushMarkers(body: number[], frame: NdiFrame, i: number): void {
  const count = frame.markerCount[i] as number;
  const first = frame.markerStart[i] as number;
  const bits = new Uint8Array((count + 7) >> 3);
  for (let k = 0; k < count; k += 1) {
    bits[k >> 3] = (bits[k >> 3] as number) | ((frame.markerOutOfVolume[first + k] as number) << (k & 7));
  }
  body.push(count, ...bits);
  for (let k = 3 * first; k < 3 * (first + count); k += 1) pushFloat(body, frame.markers[k] as number);
}

const scratch = new DataView(new ArrayBuffer(4));

function pushFloat(body: number[], value: number): void {
  scratch.setFloat32(0, value, true);
  for (let i = 0; i < 4; i += 1) body.push(scratch.getUint8(i));
}

function pushU16(body: number[], value: number): void {
  body.push(value & 0xff, (value >>> 8) & 0xff);
}

function pushU32(body: number[], value: number): void {
  pushU16(body, value & 0xffff);
  pushU16(body, value >>> 16);
}

/** A body in the framing of a short binary reply. */
export function frameBinary(body: Uint8Array): Uint8Array {
  const out = new Uint8Array(body.length + 8);
  const view = new DataView(out.buffer);
  view.setUint16(0, 0xa5c4, true);
  view.setUint16(2, body.length, true);
  view.setUint16(4, crc16(out, 0, 4), true);
  out.set(body, 6);
  view.setUint16(6 + body.length, crc16(body), true);
  return out;
}

/** What stands before a reply of a stream: it names the stream. @param name at most 64 printable characters */
export function streamHeader(name: string): Uint8Array {
  const out = new Uint8Array(6 + name.length);
  const view = new DataView(out.buffer);
  view.setUint16(0, 0xb5d4, true);
  view.setUint16(2, name.length, true);
  for (let i = 0; i < name.length; i += 1) out[4 + i] = name.charCodeAt(i);
  view.setUint16(4 + name.length, crc16(out, 0, 4 + name.length), true);
  return out;
}

/**
 * The text of a TX reply, without CRC and CR: the inverse of `decodeTx`. A transform that its fields cannot hold is
 * sent as missing, never as another number.
 */
export function encodeTx(frame: NdiFrame): string {
  let text = hex(frame.count, 2);
  for (let i = 0; i < frame.count; i += 1) text += `${hex(frame.handle[i] as number, 2)}${handleText(frame, i)}\n`;
  if (frame.options & NDI_OPTION.strays) {
    text += hex(frame.strayCount, 2);
    const nibbles = (frame.strayCount + 3) >> 2;
    for (let k = nibbles - 1; k >= 0; k -= 1) {
      text += hex(((frame.strayOutOfVolume[k >> 1] as number) >> (4 * (k & 1))) & 0xf, 1);
    }
    for (let k = 0; k < 3 * frame.strayCount; k += 1) text += signed(frame.strays[k] as number, 100, 7);
  }
  return text + hex(frame.systemStatus, 4);
}

function handleText(frame: NdiFrame, i: number): string {
  const state = frame.state[i] as number;
  if (state === HANDLE_STATE.disabled) return 'DISABLED';
  if (state === HANDLE_STATE.unoccupied) return 'UNOCCUPIED';
  let text = '';
  if (frame.options & NDI_OPTION.transforms) {
    text += transformText(frame, i);
    text += hex(frame.portStatus[i] as number, 8) + hex(frame.frameNumber[i] as number, 8);
  }
  if (frame.options & NDI_OPTION.toolInfo) {
    for (let k = 0; k < 11; k += 1) text += hex(frame.toolInfo[i * 11 + k] as number, 2);
  }
  if (frame.options & NDI_OPTION.strayMarker) {
    text += hex(frame.strayStatus[i] as number, 2);
    if (!Number.isNaN(frame.strayPosition[i * 3] as number)) {
      for (let k = 0; k < 3; k += 1) text += signed(frame.strayPosition[i * 3 + k] as number, 100, 7);
    }
  }
  return frame.options & NDI_OPTION.toolMarkers ? text + markersText(frame, i) : text;
}

function markersText(frame: NdiFrame, i: number): string {
  const count = frame.markerCount[i] as number;
  const first = frame.markerStart[i] as number;
  let text = hex(count, 2);
  for (let nibble = ((count + 3) >> 2) - 1; nibble >= 0; nibble -= 1) {
    let bits = 0;
    for (let k = 4 * nibble; k < Math.min(count, 4 * nibble + 4); k += 1) {
      bits |= (frame.markerOutOfVolume[first + k] as number) << (k & 3);
    }
    text += hex(bits, 1);
  }
  for (let k = 3 * first; k < 3 * (first + count); k += 1) text += signed(frame.markers[k] as number, 100, 7);
  return text;
}

/** 51 characters, or `MISSING` where there is no transform or its numbers do not fit. */
export function transformText(frame: NdiFrame, i: number): string {
  if (frame.state[i] !== HANDLE_STATE.valid || !fitsText(frame, i)) return 'MISSING';
  let text = '';
  for (let k = 0; k < VALUES; k += 1) {
    const translation = k >= 4 && k < 7;
    text += signed(frame.values[i * VALUES + k] as number, translation ? 100 : 10_000, translation ? 7 : 6);
  }
  return text;
}

/** Whether the transform of handle `i` has finite numbers that its fields can hold: 10 m, and a quaternion. */
function fitsText(frame: NdiFrame, i: number): boolean {
  for (let k = 0; k < VALUES; k += 1) {
    const translation = k >= 4 && k < 7;
    const n = Math.abs(frame.values[i * VALUES + k] as number) * (translation ? 100 : 10_000);
    if (!(Math.round(n) <= (translation ? 999_999 : 99_999))) return false;
  }
  return true;
}

/** `value · scale`, rounded, as a sign and digits. */
export function signed(value: number, scale: number, width: number): string {
  const n = Math.round(value * scale);
  return `${n < 0 ? '-' : '+'}${String(Math.abs(n)).padStart(width - 1, '0')}`;
}
