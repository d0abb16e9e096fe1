import { HANDLE_STATE, NDI_OPTION, type NdiFrame, VALUES } from './frame.js';

/** Bytes of `count` out-of-volume bits. */
const bitBytes = (count: number): number => (count + 7) >> 3;

/**
 * The body of a BX reply into `frame`; false where its length does not fit its content, and `frame` is then not to
 * be used. Allocates nothing. Layout: Combined API guide, BX; checked against recorded replies.
 * @param view the reply's buffer; the body is `[start … end)`
 * @param options what BX was asked with: the reply does not say it
 */
export function decodeBx(frame: NdiFrame, view: DataView, start: number, end: number, options: number): boolean {
  frame.begin(options);
  if (end - start < 3) return false;
  const handles = view.getUint8(start);
  let at = start + 1;
  for (let i = 0; i < handles && at >= 0; i += 1) at = decodeHandle(frame, view, at, end, options);
  if (at >= 0 && (options & NDI_OPTION.strays) !== 0) at = decodeStrays(frame, view, at, end);
  if (at < 0 || at + 2 !== end) return false;
  frame.systemStatus = view.getUint16(at, true);
  return true;
}

/** One handle's blocks; the offset behind them, or −1 where the body is too short. */
function decodeHandle(frame: NdiFrame, view: DataView, start: number, end: number, options: number): number {
  if (start + 2 > end || frame.count >= frame.handle.length) return -1;
  const state = view.getUint8(start + 1);
  if (state !== HANDLE_STATE.valid && state !== HANDLE_STATE.missing && state !== HANDLE_STATE.disabled) return -1;
  const i = frame.addHandle(view.getUint8(start), state);
  let at = start + 2;
  if (state === HANDLE_STATE.disabled) return at;
  if ((options & NDI_OPTION.transforms) !== 0) {
    const floats = state === HANDLE_STATE.valid ? 32 : 0;
    if (at + floats + 8 > end) return -1;
    for (let k = 0; 4 * k < floats; k += 1) frame.values[i * VALUES + k] = view.getFloat32(at + 4 * k, true);
    frame.portStatus[i] = view.getUint32(at + floats, true);
    frame.frameNumber[i] = view.getUint32(at + floats + 4, true);
    at += floats + 8;
  }
  if ((options & NDI_OPTION.toolInfo) !== 0) {
    if (at + 11 > end) return -1;
    for (let k = 0; k < 11; k += 1) frame.toolInfo[i * 11 + k] = view.getUint8(at + k);
    at += 11;
  }
  if ((options & NDI_OPTION.strayMarker) !== 0) at = decodeStrayMarker(frame, view, at, end, i, options);
  if (at >= 0 && (options & NDI_OPTION.toolMarkers) !== 0) at = decodeMarkers(frame, view, at, end, i);
  return at;
}

function decodeStrayMarker(frame: NdiFrame, view: DataView, at: number, end: number, i: number, options: number): number {
  if (at + 1 > end) return -1;
  const status = view.getUint8(at);
  frame.strayStatus[i] = status;
  // An out-of-volume marker (bit 3) has a position only where such data was asked for.
  const present = (status & 0x01) !== 0 || ((status & 0x08) !== 0 && (options & NDI_OPTION.outOfVolume) !== 0);
  if (!present) return at + 1;
  if (at + 13 > end) return -1;
  for (let k = 0; k < 3; k += 1) frame.strayPosition[i * 3 + k] = view.getFloat32(at + 1 + 4 * k, true);
  return at + 13;
}

/** The offset behind a block of markers: count, out-of-volume bits, three floats each; −1 where it does not fit. */
function behindMarkers(view: DataView, at: number, end: number): number {
  if (at + 1 > end) return -1;
  const count = view.getUint8(at);
  const next = at + 1 + bitBytes(count) + 12 * count;
  return next > end ? -1 : next;
}

function decodeMarkers(frame: NdiFrame, view: DataView, at: number, end: number, i: number): number {
  const next = behindMarkers(view, at, end);
  if (next < 0) return -1;
  const count = view.getUint8(at);
  const first = frame.addMarkers(i, count);
  if (first < 0) return -1;
  const positions = at + 1 + bitBytes(count);
  for (let k = 0; k < count; k += 1) {
    frame.markerOutOfVolume[first + k] = (view.getUint8(at + 1 + (k >> 3)) >> (k & 7)) & 1;
    for (let c = 0; c < 3; c += 1) {
      frame.markers[3 * (first + k) + c] = view.getFloat32(positions + 12 * k + 4 * c, true);
    }
  }
  return next;
}

function decodeStrays(frame: NdiFrame, view: DataView, at: number, end: number): number {
  const next = behindMarkers(view, at, end);
  if (next < 0) return -1;
  const count = view.getUint8(at);
  const bits = bitBytes(count);
  frame.strayCount = count;
  for (let k = 0; k < bits; k += 1) frame.strayOutOfVolume[k] = view.getUint8(at + 1 + k);
  for (let k = 0; k < 3 * count; k += 1) frame.strays[k] = view.getFloat32(at + 1 + bits + 4 * k, true);
  return next;
}
