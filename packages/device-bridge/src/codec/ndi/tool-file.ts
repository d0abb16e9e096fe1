import { NavError } from '@trocar/core';
import { hex } from './crc16.js';

/** Length of a Polaris tool definition file. */
const LENGTH = 752;
const MARKERS_AT = 0x48;
const NORMALS_AT = 0x138;
const MANUFACTURER_AT = 0x244;
const PART_AT = 0x250;
/** A tool file is uploaded as 16 writes of 64 bytes, zeros behind its end. */
const CHUNK = 64;
const CHUNKS = 16;
const MOST_MARKERS = 20;

/** What is read from a tool definition file. */
export interface ToolFileInfo {
  /** 01 reference, 02 probe, 03 button box, … as in PHINF. */
  readonly mainType: number;
  /** Marker positions in the tool's frame, mm. */
  readonly markers: ReadonlyArray<readonly [number, number, number]>;
  /** The way each marker faces, unit vectors in the tool's frame. */
  readonly normals: ReadonlyArray<readonly [number, number, number]>;
  /** Markers facing further away from the sensor than this are not used, degrees. */
  readonly maxAngleDegrees: number;
  /** Fewer seen markers make no transform. */
  readonly minimumMarkers: number;
  readonly maxErrorMm: number;
  readonly manufacturer: string;
  readonly partNumber: string;
}

/**
 * Reads and checks a Polaris tool definition file (.rom).
 * @throws NavError `device/bad-tool-file` saying what is wrong with it
 */
export function readToolFile(bytes: Uint8Array): ToolFileInfo {
  const refuse = (what: string): never => {
    throw new NavError('device/bad-tool-file', `This is no usable Polaris tool file: ${what}.`);
  };
  if (bytes[0] === 0x01 && bytes[1] === 0x00 && bytes[2] === 0x41 && bytes[3] === 0x01) {
    refuse('it is a file of an Aurora tool, which has its own memory and needs no upload');
  }
  if (bytes.length !== LENGTH) refuse(`it has ${bytes.length} bytes where ${LENGTH} are needed`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, false) !== 0x4e444900) refuse('it does not begin with "NDI"');
  const stated = view.getUint16(4, true);
  const sum = checksum(bytes);
  if (stated !== sum) refuse(`its checksum is ${hex(stated, 4)} where ${hex(sum, 4)} is right`);
  const count = view.getUint8(0x1c);
  if (count > MOST_MARKERS) refuse(`it names ${count} markers where at most ${MOST_MARKERS} fit`);
  const vectors = (at: number): Array<readonly [number, number, number]> =>
    Array.from({ length: count }, (_, i) => {
      const of = (k: number): number => view.getFloat32(at + 12 * i + 4 * k, true);
      return [of(0), of(1), of(2)] as const;
    });
  const markers = vectors(MARKERS_AT);
  if (!markers.flat().every(Number.isFinite)) refuse('a marker has a position that is no number');
  return {
    mainType: view.getUint8(0x0f),
    markers,
    normals: vectors(NORMALS_AT),
    maxAngleDegrees: view.getUint8(0x18),
    minimumMarkers: view.getUint8(0x20),
    maxErrorMm: view.getFloat32(0x24, true),
    manufacturer: textAt(bytes, MANUFACTURER_AT, 12),
    partNumber: textAt(bytes, PART_AT, 20),
  };
}

/** What a tool definition file is made from. */
export interface ToolFileOptions {
  /** 3 to 20 marker positions in the tool's frame, mm. */
  readonly markers: ReadonlyArray<readonly [number, number, number]>;
  /** At most 20 printable characters: what PHINF answers, and so how a tool is known again. */
  readonly partNumber: string;
  readonly manufacturer?: string;
  /** 01 reference, 02 probe (default). */
  readonly mainType?: number;
}

/**
 * A passive Polaris tool definition file for a marker geometry, with its checksum: for simulated tools and tests.
 * A real tool's file comes from its maker.
 * @throws NavError `device/bad-tool-file`
 */
export function makeToolFile(options: ToolFileOptions): Uint8Array {
  const { markers, partNumber, manufacturer = 'TROCAR', mainType = 2 } = options;
  if (markers.length < 3 || markers.length > MOST_MARKERS || !markers.flat().every(Number.isFinite)) {
    throw new NavError('device/bad-tool-file', `A tool needs 3 to ${MOST_MARKERS} finite markers, got ${markers.length}.`);
  }
  if (!/^[!-~]{1,20}$/.test(partNumber) || !/^[ -~]{1,12}$/.test(manufacturer)) {
    throw new NavError(
      'device/bad-tool-file',
      `"${partNumber}" by "${manufacturer}" does not fit 20 and 12 printable characters.`,
    );
  }
  const bytes = new Uint8Array(LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x4e444900, false);
  view.setUint8(0x0f, mainType);
  view.setUint8(0x18, 90);
  view.setUint8(0x1c, markers.length);
  view.setUint8(0x20, 3);
  view.setFloat32(0x24, 2, true);
  view.setFloat32(0x40, 10, true);
  markers.forEach((m, i) => {
    for (let k = 0; k < 3; k += 1) view.setFloat32(MARKERS_AT + 12 * i + 4 * k, m[k] as number, true);
    view.setFloat32(NORMALS_AT + 12 * i + 8, 1, true);
  });
  bytes.set(new TextEncoder().encode(manufacturer), MANUFACTURER_AT);
  bytes.set(new TextEncoder().encode(partNumber), PART_AT);
  view.setUint16(4, checksum(bytes), true);
  return bytes;
}

/** The arguments of the PVWR commands that upload a tool file to a port handle. */
export function toolFileWrites(handle: number, bytes: Uint8Array): string[] {
  return Array.from({ length: CHUNKS }, (_, chunk) => {
    let data = '';
    for (let i = chunk * CHUNK; i < (chunk + 1) * CHUNK; i += 1) data += hex(bytes[i] ?? 0, 2);
    return hex(handle, 2) + hex(chunk * CHUNK, 4) + data;
  });
}

/** Sum of the bytes behind the checksum itself, modulo 65536. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 6; i < LENGTH; i += 1) sum += bytes[i] as number;
  return sum & 0xffff;
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  const raw = bytes.subarray(at, at + length);
  const end = raw.indexOf(0);
  return new TextDecoder('latin1').decode(end < 0 ? raw : raw.subarray(0, end)).trim();
}
