import { type Bx2Reply, GBF, SIX_D } from './bx2.js';
import { frameBinary } from './encode.js';

/** Bytes that grow as they are written, little-endian. */
class Growing {
  readonly bytes: number[] = [];
  readonly #scratch = new DataView(new ArrayBuffer(4));

  u8(value: number): void {
    this.bytes.push(value & 0xff);
  }

  u16(value: number): void {
    this.bytes.push(value & 0xff, (value >>> 8) & 0xff);
  }

  u32(value: number): void {
    this.u16(value & 0xffff);
    this.u16(value >>> 16);
  }

  f32(value: number): void {
    this.#scratch.setFloat32(0, value, true);
    for (let i = 0; i < 4; i += 1) this.bytes.push(this.#scratch.getUint8(i));
  }
}

/** A reply as a device would send it, with both CRCs: the inverse of `decodeBx2` in all that it reads. */
export function encodeBx2(reply: Bx2Reply): Uint8Array {
  return frameBinary(encodeBx2Body(reply));
}

/** The body alone, as it stands in a long reply too. */
export function encodeBx2Body(reply: Bx2Reply): Uint8Array {
  const parts: number[][] = [];
  if (reply.frameCount > 0) parts.push(component(GBF.frame, reply.frameCount, framesOf(reply)));
  parts.push(...dataOf(reply, -1));
  const alerts = new Growing();
  for (let i = 0; i < reply.alertCount; i += 1) {
    alerts.u8(reply.alertType[i] as number);
    alerts.u8(0);
    alerts.u16(reply.alertCode[i] as number);
  }
  if (reply.alertCount > 0) parts.push(component(GBF.alert, reply.alertCount, alerts));
  return Uint8Array.from(container(parts));
}

function container(parts: readonly number[][]): number[] {
  const out = new Growing();
  out.u16(1);
  out.u16(parts.length);
  return out.bytes.concat(...parts);
}

function component(type: number, items: number, content: Growing): number[] {
  const out = new Growing();
  out.u16(type);
  out.u32(12 + content.bytes.length);
  out.u16(0);
  out.u32(items);
  return out.bytes.concat(content.bytes);
}

function framesOf(reply: Bx2Reply): Growing {
  const out = new Growing();
  for (let i = 0; i < reply.frameCount; i += 1) {
    out.u8(reply.frameType[i] as number);
    out.u8(reply.frameSequence[i] as number);
    out.u16(reply.frameStatus[i] as number);
    out.u32(reply.frameNumber[i] as number);
    out.u32(reply.frameSeconds[i] as number);
    out.u32(reply.frameNanoseconds[i] as number);
    for (const byte of container(dataOf(reply, i))) out.u8(byte);
  }
  return out;
}

/** The components of one frame, or of none (−1). */
function dataOf(reply: Bx2Reply, frame: number): number[][] {
  const parts: number[][] = [];
  const add = (type: number, made: { items: number; content: Growing }): void => {
    if (made.items > 0) parts.push(component(type, made.items, made.content));
  };
  add(GBF.sixD, sixDOf(reply, frame));
  add(
    GBF.threeD,
    groups(reply.threeDCount, reply.threeDFrame, reply.threeDHandle, frame, (out, i) => pushMarker(out, reply, i)),
  );
  add(
    GBF.buttons,
    groups(reply.buttonCount, reply.buttonFrame, reply.buttonHandle, frame, (out, i) => out.u8(reply.buttonState[i] as number)),
  );
  add(
    GBF.errors3D,
    groups(reply.errorCount, reply.errorFrame, reply.errorHandle, frame, (out, i) => {
      out.u16(reply.errorIndex[i] as number);
      out.f32(reply.errorMm[i] as number);
    }),
  );
  return parts;
}

function sixDOf(reply: Bx2Reply, frame: number): { items: number; content: Growing } {
  const content = new Growing();
  let items = 0;
  for (let i = 0; i < reply.sixDCount; i += 1) {
    if (reply.sixDFrame[i] !== frame) continue;
    items += 1;
    const status = reply.sixDStatus[i] as number;
    content.u16(reply.sixDHandle[i] as number);
    content.u16(status);
    if (status & SIX_D.missingBit) continue;
    for (let k = 0; k < 8; k += 1) content.f32(reply.sixDValues[8 * i + k] as number);
  }
  return { items, content };
}

/** Neighbouring entries of one handle as one item: handle, count, entries. */
function groups(
  count: number,
  frames: Int16Array,
  handles: Uint16Array,
  frame: number,
  push: (out: Growing, i: number) => void,
): { items: number; content: Growing } {
  const content = new Growing();
  let items = 0;
  for (let i = 0; i < count; i += 1) {
    if (frames[i] !== frame) continue;
    let last = i;
    while (last + 1 < count && frames[last + 1] === frame && handles[last + 1] === handles[i]) last += 1;
    items += 1;
    content.u16(handles[i] as number);
    content.u16(last - i + 1);
    for (let k = i; k <= last; k += 1) push(content, k);
    i = last;
  }
  return { items, content };
}

function pushMarker(out: Growing, reply: Bx2Reply, i: number): void {
  const status = reply.threeDStatus[i] as number;
  out.u8(status);
  out.u8(0);
  out.u16(reply.threeDIndex[i] as number);
  if (status === 1) return;
  for (let k = 0; k < 3; k += 1) out.f32(reply.threeDValues[3 * i + k] as number);
}
