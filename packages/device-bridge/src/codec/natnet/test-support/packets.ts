/**
 * Packets for tests, written by the public descriptions of each version: beside the real packets of version 3 no other
 * version is at hand.
 */
import { NATNET } from '../header.js';
import { type NatNetVersion, versionNumber } from '../version.js';

/** Little-endian bytes, one behind the other. */
export class Bytes {
  readonly #parts: number[] = [];

  get length(): number {
    return this.#parts.length;
  }

  raw(...bytes: readonly number[]): this {
    this.#parts.push(...bytes);
    return this;
  }

  #number(size: number, write: (view: DataView) => void): this {
    const view = new DataView(new ArrayBuffer(size));
    write(view);
    return this.raw(...new Uint8Array(view.buffer));
  }

  u16(value: number): this {
    return this.#number(2, (v) => v.setUint16(0, value, true));
  }

  i32(value: number): this {
    return this.#number(4, (v) => v.setInt32(0, value, true));
  }

  f32(...values: readonly number[]): this {
    for (const value of values) this.#number(4, (v) => v.setFloat32(0, value, true));
    return this;
  }

  f64(value: number): this {
    return this.#number(8, (v) => v.setFloat64(0, value, true));
  }

  u64(value: number): this {
    return this.#number(8, (v) => v.setBigUint64(0, BigInt(value), true));
  }

  text(text: string): this {
    return this.raw(...new TextEncoder().encode(text), 0);
  }

  field(text: string, size: number): this {
    const bytes = new Uint8Array(size);
    bytes.set(new TextEncoder().encode(text));
    return this.raw(...bytes);
  }

  append(other: Bytes): this {
    return this.raw(...other.#parts);
  }

  message(id: number): Uint8Array {
    return Uint8Array.from([id & 0xff, id >> 8, this.length & 0xff, this.length >> 8, ...this.#parts]);
  }
}

/** A rigid body as a test wants it sent; metres. */
export interface TestBody {
  readonly id: number;
  readonly position: readonly [number, number, number];
  readonly rotation: readonly [number, number, number, number];
  readonly error?: number;
  readonly valid?: boolean;
}

/** A frame as a test wants it sent. */
export interface TestFrame {
  readonly number: number;
  readonly bodies: readonly TestBody[];
  readonly midExposure?: number;
  readonly transmit?: number;
  readonly modelsChanged?: boolean;
  /** For 2.x: whether four bytes stand behind a body's markers, and a latency before the time code. */
  readonly padding?: boolean;
  readonly latency?: boolean;
  readonly precision?: boolean;
}

function bodyBytes(body: TestBody, version: number, padding: boolean): Bytes {
  const out = new Bytes().i32(body.id).f32(...body.position, ...body.rotation);
  if (version < 0x300) {
    out.i32(2).f32(1, 2, 3, 4, 5, 6).i32(1).i32(2).f32(0.01, 0.01);
    if (padding) out.i32(0);
  }
  out.f32(body.error ?? 0.0005);
  if (version >= 0x206) out.u16(body.valid === false ? 0 : 1);
  return out;
}

function section(out: Bytes, version: number, count: number, content: Bytes): void {
  out.i32(count);
  if (version >= 0x401) out.i32(content.length);
  out.append(content);
}

/** A frame of data in the layout of a version, with something in every section. */
export function framePacket(frame: TestFrame, natnet: NatNetVersion): Uint8Array {
  const version = versionNumber(natnet);
  const padding = frame.padding ?? false;
  const out = new Bytes().i32(frame.number);
  section(out, version, 1, new Bytes().text('all').i32(1).f32(0.1, 0.2, 0.3));
  section(out, version, 1, new Bytes().f32(0.4, 0.5, 0.6));
  const bodies = new Bytes();
  for (const body of frame.bodies) bodies.append(bodyBytes(body, version, padding));
  section(out, version, frame.bodies.length, bodies);
  const bone: TestBody = { id: 65_537, position: [9, 9, 9], rotation: [0, 0, 0, 1] };
  if (version >= 0x201)
    section(
      out,
      version,
      1,
      new Bytes()
        .i32(1)
        .i32(1)
        .append(bodyBytes(bone, version, padding)),
    );
  if (version >= 0x401) {
    const asset = new Bytes()
      .i32(5)
      .i32(1)
      .append(bodyBytes(bone, version, false));
    asset.i32(1).i32(77).f32(1, 2, 3, 0.01).u16(2).f32(0.0001);
    section(out, version, 1, asset);
  }
  if (version >= 0x203) section(out, version, 1, markerBytes(version));
  if (version >= 0x209) section(out, version, 1, new Bytes().i32(1).i32(1).i32(2).f32(1.5, 2.5));
  if (version >= 0x20b) section(out, version, 1, new Bytes().i32(2).i32(1).i32(1).f32(3.5));
  return suffix(out, version, frame).message(NATNET.frameOfData);
}

function markerBytes(version: number): Bytes {
  const marker = new Bytes().u16(4).u16(2).f32(0.7, 0.8, 0.9, 0.02);
  if (version >= 0x206) marker.u16(1);
  if (version >= 0x300) marker.f32(0.0002);
  return marker;
}

function suffix(out: Bytes, version: number, frame: TestFrame): Bytes {
  if (version < 0x300 && frame.latency !== false) out.f32(0.004);
  out.i32(0x01020304).i32(5);
  if (version >= 0x207) out.f64(12.5);
  else out.f32(12.5);
  const mid = frame.midExposure ?? 1_000_000;
  if (version >= 0x300) {
    out
      .u64(mid)
      .u64(mid + 1000)
      .u64(frame.transmit ?? mid + 2000);
  }
  if (frame.precision === true) out.i32(100).i32(200);
  return out.u16(frame.modelsChanged === true ? 2 : 0).i32(0);
}

/** Model definitions in the layout of a version: one rigid body per name, and one of each other kind. */
export function modelsPacket(names: ReadonlyMap<number, string>, natnet: NatNetVersion): Uint8Array {
  const version = versionNumber(natnet);
  const models: Array<readonly [type: number, content: Bytes]> = [...names].map(([id, name]) => [
    1,
    rigidBodyModel(name, id, version),
  ]);
  models.push([0, new Bytes().text('all').i32(2).text('a').text('b')]);
  models.push([
    2,
    new Bytes()
      .text('Karlie')
      .i32(4)
      .i32(1)
      .append(rigidBodyModel('Hip', 1, version)),
  ]);
  if (version >= 0x300) {
    const plate = new Bytes().i32(1).text('FP1').f32(0.4, 0.6, 0, 0, 0);
    for (let i = 0; i < 156; i += 1) plate.f32(i);
    models.push([3, plate.i32(1).i32(2).i32(1).text('Fx')]);
    models.push([4, new Bytes().i32(2).text('DAQ').text('SN').i32(1).i32(1).i32(1).text('a0')]);
    models.push([5, new Bytes().text('Prime 13').f32(1, 2, 3, 0, 0, 0, 1)]);
  }
  if (version >= 0x401) {
    const asset = new Bytes()
      .text('Hand')
      .i32(1)
      .i32(9)
      .i32(1)
      .append(rigidBodyModel('Palm', 1, version));
    models.push([6, asset.i32(1).text('m').i32(3).f32(0.1, 0.2, 0.3, 0.01).u16(0)]);
  }
  const out = new Bytes().i32(models.length);
  for (const [type, content] of models) {
    out.i32(type);
    if (version >= 0x401) out.i32(content.length);
    out.append(content);
  }
  return out.message(NATNET.modelDefinitions);
}

function rigidBodyModel(name: string, id: number, version: number): Bytes {
  const out = new Bytes().text(name).i32(id).i32(-1).f32(0.1, 0.2, 0.3);
  if (version >= 0x402) out.f32(0, 0, 0, 1);
  if (version >= 0x300) out.i32(2).f32(0.01, 0.02, 0.03, 0.04, 0.05, 0.06).i32(7).i32(8);
  if (version >= 0x400) out.text('m1').text('m2');
  return out;
}

/** A server's answer to a connect. */
export function serverInfoPacket(natnet: NatNetVersion, ticksPerSecond: number, multicast = false): Uint8Array {
  const out = new Bytes().field('Motive', 256).raw(3, 1, 0, 0).raw(natnet.major, natnet.minor, 0, 0);
  if (versionNumber(natnet) >= 0x300) {
    out
      .u64(ticksPerSecond)
      .u16(1511)
      .raw(multicast ? 1 : 0, 239, 255, 42, 99);
  }
  return out.message(NATNET.serverInfo);
}

/** An echo's answer. */
export function echoResponsePacket(requestTime: number, ticks: number): Uint8Array {
  return new Bytes().u64(requestTime).u64(ticks).message(NATNET.echoResponse);
}
