/** Component types of the General Binary Format, the body of a BX2 reply (NDI samples; devices.md 1.9). */
export const GBF: {
  readonly frame: 0x0001;
  readonly sixD: 0x0002;
  readonly threeD: 0x0003;
  readonly buttons: 0x0004;
  readonly errors3D: 0x0009;
  readonly image: 0x000a;
  readonly alert: 0x0012;
} = { frame: 1, sixD: 2, threeD: 3, buttons: 4, errors3D: 9, image: 10, alert: 0x12 };

/** Codes in the low byte of a 6D status. */
export const SIX_D: {
  readonly missingBit: 0x0100;
  readonly ok: 0;
  readonly partlyOutOfVolume: 3;
  readonly outOfVolume: 9;
  readonly missing: 31;
  readonly notEnabled: 32;
  readonly unplugged: 33;
} = { missingBit: 0x0100, ok: 0, partlyOutOfVolume: 3, outOfVolume: 9, missing: 31, notEnabled: 32, unplugged: 33 };

/** Kinds of alerts. */
export const ALERT_TYPE: { readonly fault: 0; readonly alert: 1; readonly event: 2 } = { fault: 0, alert: 1, event: 2 };

/** The handle under which 3D data lists markers that belong to no tool. */
export const STRAY_HANDLE = 0xffff;

/** Most of each kind in one reply; a reply that claims more is refused. */
const MOST = { frames: 64, sixD: 1024, threeD: 5461, buttons: 2048, errors: 4096, alerts: 64, components: 4096 };

/**
 * One BX2 reply, decoded: reused for every reply, so that decoding allocates nothing. Lists of frames, tools, markers,
 * buttons, marker errors and alerts; each entry names the frame it is of by its place in the list of frames (−1: none).
 *
 * Positions in mm in the tracker's frame; quaternions have the scalar first, as NDI sends them.
 */
export class Bx2Reply {
  frameCount = 0;
  /** 0 dummy, 1 active wireless, 2 passive, 3 active, 4 laser, 5 illuminated, 6 background, 7 magnetic. */
  readonly frameType: Uint8Array = new Uint8Array(MOST.frames);
  readonly frameSequence: Uint8Array = new Uint8Array(MOST.frames);
  readonly frameStatus: Uint16Array = new Uint16Array(MOST.frames);
  readonly frameNumber: Uint32Array = new Uint32Array(MOST.frames);
  /** The device's clock, Unix or PTP time: whole seconds, and nanoseconds. */
  readonly frameSeconds: Uint32Array = new Uint32Array(MOST.frames);
  readonly frameNanoseconds: Uint32Array = new Uint32Array(MOST.frames);

  sixDCount = 0;
  readonly sixDFrame: Int16Array = new Int16Array(MOST.sixD);
  readonly sixDHandle: Uint16Array = new Uint16Array(MOST.sixD);
  /** Low byte: code, see {@link SIX_D}; bit 8 missing; bit 9 averaging; bits 13 … 15 face. */
  readonly sixDStatus: Uint16Array = new Uint16Array(MOST.sixD);
  /** q0 qx qy qz, tx ty tz (mm), error (mm); NaN where missing. */
  readonly sixDValues: Float64Array = new Float64Array(MOST.sixD * 8);

  threeDCount = 0;
  readonly threeDFrame: Int16Array = new Int16Array(MOST.threeD);
  /** {@link STRAY_HANDLE} for markers of no tool. */
  readonly threeDHandle: Uint16Array = new Uint16Array(MOST.threeD);
  /** 0 ok, 1 missing, 2 off angle, 3 bad fit, 4 out of volume, 5 out of volume but used, 6 phantom, 7 saturated, 8 both. */
  readonly threeDStatus: Uint8Array = new Uint8Array(MOST.threeD);
  readonly threeDIndex: Uint16Array = new Uint16Array(MOST.threeD);
  /** x y z, mm; NaN where missing. */
  readonly threeDValues: Float64Array = new Float64Array(MOST.threeD * 3);

  buttonCount = 0;
  readonly buttonFrame: Int16Array = new Int16Array(MOST.buttons);
  readonly buttonHandle: Uint16Array = new Uint16Array(MOST.buttons);
  readonly buttonIndex: Uint16Array = new Uint16Array(MOST.buttons);
  /** 0 open, 1 closed. */
  readonly buttonState: Uint8Array = new Uint8Array(MOST.buttons);

  errorCount = 0;
  readonly errorFrame: Int16Array = new Int16Array(MOST.errors);
  readonly errorHandle: Uint16Array = new Uint16Array(MOST.errors);
  readonly errorIndex: Uint16Array = new Uint16Array(MOST.errors);
  /** mm. */
  readonly errorMm: Float64Array = new Float64Array(MOST.errors);

  alertCount = 0;
  /** 0 fault, 1 alert, 2 event. */
  readonly alertType: Uint8Array = new Uint8Array(MOST.alerts);
  readonly alertCode: Uint16Array = new Uint16Array(MOST.alerts);

  /** Components of types that are not read (images, 2D data, …), and their bytes. */
  skippedComponents = 0;
  skippedBytes = 0;

  /** Empties the reply before decoding into it. */
  begin(): void {
    this.frameCount = 0;
    this.sixDCount = 0;
    this.threeDCount = 0;
    this.buttonCount = 0;
    this.errorCount = 0;
    this.alertCount = 0;
    this.skippedComponents = 0;
    this.skippedBytes = 0;
  }
}

/**
 * The body of a BX2 reply into `out`; false where its sizes and counts do not fit together, and `out` is then not to
 * be used. Allocates nothing. Components of other types are skipped by their size and counted. Layout: NDI samples
 * (devices.md 1.9); no recording of a device is public, so it is checked against our own encoder only.
 * @param view the reply's buffer; the body is `[start … end)`
 */
export function decodeBx2(out: Bx2Reply, view: DataView, start: number, end: number): boolean {
  out.begin();
  return decodeContainer(out, view, start, end, -1) === end;
}

/** A container: version, count, components. The offset behind it, or −1. `frame` is −1 outside frames. */
function decodeContainer(out: Bx2Reply, view: DataView, start: number, end: number, frame: number): number {
  if (start + 4 > end || view.getUint16(start, true) !== 1) return -1;
  const components = view.getUint16(start + 2, true);
  if (components > MOST.components) return -1;
  let at = start + 4;
  for (let i = 0; i < components && at >= 0; i += 1) at = decodeComponent(out, view, at, end, frame);
  return at;
}

function decodeComponent(out: Bx2Reply, view: DataView, at: number, end: number, frame: number): number {
  if (at + 12 > end) return -1;
  const type = view.getUint16(at, true);
  const size = view.getUint32(at + 2, true);
  const items = view.getUint32(at + 8, true);
  const next = at + size;
  if (size < 12 || next > end) return -1;
  const read = decodeItems(out, view, type, at + 12, next, items, frame);
  return read === next ? next : -1;
}

/** The items of one component; where they end, or −1. An unknown type ends where its size says. */
function decodeItems(
  out: Bx2Reply,
  view: DataView,
  type: number,
  start: number,
  end: number,
  items: number,
  frame: number,
): number {
  // Every item has at least 4 bytes: a count that cannot be is refused before it is walked.
  const known =
    type === GBF.frame ||
    type === GBF.sixD ||
    type === GBF.threeD ||
    type === GBF.buttons ||
    type === GBF.errors3D ||
    type === GBF.alert;
  if (!known) {
    out.skippedComponents += 1;
    out.skippedBytes += end - start;
    return end;
  }
  if (items * 4 > end - start) return -1;
  let at = start;
  for (let i = 0; i < items && at >= 0; i += 1) {
    if (type === GBF.sixD) at = decodeSixD(out, view, at, end, frame);
    else if (type === GBF.frame) at = decodeFrame(out, view, at, end, frame);
    else if (type === GBF.threeD) at = decodeThreeD(out, view, at, end, frame);
    else if (type === GBF.buttons) at = decodeButtons(out, view, at, end, frame);
    else if (type === GBF.errors3D) at = decodeErrors(out, view, at, end, frame);
    else at = decodeAlert(out, view, at, end);
  }
  return at;
}

/** 16 bytes and a container of the frame's own data. Frames do not stand inside frames. */
function decodeFrame(out: Bx2Reply, view: DataView, at: number, end: number, inside: number): number {
  const i = out.frameCount;
  if (at + 20 > end || inside >= 0 || i >= MOST.frames) return -1;
  out.frameType[i] = view.getUint8(at);
  out.frameSequence[i] = view.getUint8(at + 1);
  out.frameStatus[i] = view.getUint16(at + 2, true);
  out.frameNumber[i] = view.getUint32(at + 4, true);
  out.frameSeconds[i] = view.getUint32(at + 8, true);
  out.frameNanoseconds[i] = view.getUint32(at + 12, true);
  out.frameCount = i + 1;
  return decodeContainer(out, view, at + 16, end, i);
}

function decodeSixD(out: Bx2Reply, view: DataView, at: number, end: number, frame: number): number {
  const i = out.sixDCount;
  if (at + 4 > end || i >= MOST.sixD) return -1;
  const status = view.getUint16(at + 2, true);
  const floats = (status & SIX_D.missingBit) === 0 ? 32 : 0;
  if (at + 4 + floats > end) return -1;
  out.sixDFrame[i] = frame;
  out.sixDHandle[i] = view.getUint16(at, true);
  out.sixDStatus[i] = status;
  for (let k = 0; k < 8; k += 1) {
    out.sixDValues[8 * i + k] = floats === 0 ? Number.NaN : view.getFloat32(at + 4 + 4 * k, true);
  }
  out.sixDCount = i + 1;
  return at + 4 + floats;
}

function decodeThreeD(out: Bx2Reply, view: DataView, start: number, end: number, frame: number): number {
  if (start + 4 > end) return -1;
  const handle = view.getUint16(start, true);
  const count = view.getUint16(start + 2, true);
  let at = start + 4;
  for (let n = 0; n < count; n += 1) {
    const i = out.threeDCount;
    if (at + 4 > end || i >= MOST.threeD) return -1;
    const missing = view.getUint8(at) === 1;
    if (!missing && at + 16 > end) return -1;
    out.threeDFrame[i] = frame;
    out.threeDHandle[i] = handle;
    out.threeDStatus[i] = view.getUint8(at);
    out.threeDIndex[i] = view.getUint16(at + 2, true);
    for (let k = 0; k < 3; k += 1) {
      out.threeDValues[3 * i + k] = missing ? Number.NaN : view.getFloat32(at + 4 + 4 * k, true);
    }
    out.threeDCount = i + 1;
    at += missing ? 4 : 16;
  }
  return at;
}

function decodeButtons(out: Bx2Reply, view: DataView, at: number, end: number, frame: number): number {
  if (at + 4 > end) return -1;
  const count = view.getUint16(at + 2, true);
  if (at + 4 + count > end || out.buttonCount + count > MOST.buttons) return -1;
  for (let n = 0; n < count; n += 1) {
    const i = out.buttonCount;
    out.buttonFrame[i] = frame;
    out.buttonHandle[i] = view.getUint16(at, true);
    out.buttonIndex[i] = n;
    out.buttonState[i] = view.getUint8(at + 4 + n);
    out.buttonCount = i + 1;
  }
  return at + 4 + count;
}

function decodeErrors(out: Bx2Reply, view: DataView, at: number, end: number, frame: number): number {
  if (at + 4 > end) return -1;
  const count = view.getUint16(at + 2, true);
  if (at + 4 + 6 * count > end || out.errorCount + count > MOST.errors) return -1;
  for (let n = 0; n < count; n += 1) {
    const i = out.errorCount;
    out.errorFrame[i] = frame;
    out.errorHandle[i] = view.getUint16(at, true);
    out.errorIndex[i] = view.getUint16(at + 4 + 6 * n, true);
    out.errorMm[i] = view.getFloat32(at + 6 + 6 * n, true);
    out.errorCount = i + 1;
  }
  return at + 4 + 6 * count;
}

function decodeAlert(out: Bx2Reply, view: DataView, at: number, end: number): number {
  const i = out.alertCount;
  if (at + 4 > end || i >= MOST.alerts) return -1;
  out.alertType[i] = view.getUint8(at);
  out.alertCode[i] = view.getUint16(at + 2, true);
  out.alertCount = i + 1;
  return at + 4;
}
