import { type PoseSample, STATUSES, type Status } from '../frames/index.js';
import type { Instant } from '../time/index.js';
import type { RecordedConnection, RecordedTool } from './device-recorder.js';
import { type ChannelKind, IMAGE_BYTES, POSE_BYTES, POSES_HEADER, RAW_KINDS, type RawKind } from './format.js';
import { type ImageFrame, imageFault } from './image-frame.js';

/** Poses that were told together, bit by bit as the driver told them. */
export class RecordedPoses {
  readonly kind = 'poses' as const;
  readonly device: string;
  /** When they were told, on the recording host's clock. */
  readonly at: Instant;
  /** Whether the driver said that these were all. */
  readonly flushed: boolean;
  readonly count: number;
  readonly #view: DataView;

  constructor(device: string, data: Uint8Array) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.device = device;
    this.at = view.getFloat64(0, true) as Instant;
    this.flushed = view.getUint8(8) !== 0;
    this.count = view.getUint32(9, true);
    this.#view = view;
  }

  /** The tool number of pose `i`: a place in the device's newest list of tools. */
  tool(i: number): number {
    return this.#view.getUint16(POSES_HEADER + i * POSE_BYTES, true);
  }

  /** The status of pose `i`. */
  status(i: number): Status {
    return STATUSES[this.#view.getUint8(POSES_HEADER + i * POSE_BYTES + 2)] as Status;
  }

  /** The device's own counter for pose `i`. */
  frame(i: number): number {
    return this.#view.getUint32(POSES_HEADER + i * POSE_BYTES + 3, true);
  }

  /** Pose `i` with its ten doubles and its status into a sample of the caller's. */
  read(i: number, sample: PoseSample): void {
    const at = POSES_HEADER + i * POSE_BYTES + 7;
    for (let k = 0; k < 10; k += 1) sample.values[k] = this.#view.getFloat64(at + 8 * k, true);
    sample.status = this.status(i);
  }
}

/** What every entry says. */
interface Entry<K extends string> {
  readonly kind: K;
  readonly device: string;
  /** On the recording host's clock, ms. */
  readonly at: Instant;
}

/** The list of a device's tools from now on. */
export interface RecordedTools extends Entry<'tools'> {
  readonly tools: readonly RecordedTool[];
}
/** The device came or went. */
export interface RecordedState extends Entry<'connection'> {
  readonly state: RecordedConnection;
  readonly reason: string;
}
/** The driver complained. */
export interface RecordedFault extends Entry<'fault'> {
  readonly code: string;
  readonly message: string;
}
/** Bytes from or to the device, or what happened to the line. */
export interface RecordedRaw extends Entry<'raw'> {
  readonly what: RawKind;
  readonly note: string;
  readonly bytes: Uint8Array;
}
/** An image of a live device. Its pixels are a window into the chunk that was read. */
export interface RecordedImage extends Entry<'image'> {
  /** The name of its source. */
  readonly source: string;
  readonly frame: ImageFrame;
}
/** What the application had noted; it belongs to no device. */
export interface RecordedEvent extends Entry<'event'> {
  readonly name: string;
  readonly data: unknown;
}

/** One thing that was recorded. */
export type RecordedEntry =
  | RecordedPoses
  | RecordedTools
  | RecordedState
  | RecordedFault
  | RecordedRaw
  | RecordedImage
  | RecordedEvent;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The entry that a message's data are; undefined where they are not what their channel promises.
 * @param kind the channel's
 */
export function decodeEntry(kind: ChannelKind | 'events', device: string, data: Uint8Array): RecordedEntry | undefined {
  if (kind === 'poses') return decodePoses(device, data);
  if (kind === 'raw') return decodeRaw(device, data);
  if (kind === 'images') return decodeImage(device, data);
  const value = parse(data);
  const at = value?.['at'];
  if (value === undefined || typeof at !== 'number') return undefined;
  return decodeFact(kind, { device, at: at as Instant }, value);
}

function parse(data: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(data));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function decodeFact(
  kind: 'tools' | 'connection' | 'faults' | 'events',
  from: { readonly device: string; readonly at: Instant },
  value: Readonly<Record<string, unknown>>,
): RecordedEntry | undefined {
  if (kind === 'tools') {
    const tools = value['tools'];
    return Array.isArray(tools) && tools.every(isTool) ? { kind, ...from, tools } : undefined;
  }
  if (kind === 'connection') {
    const { state, reason } = value as { state?: unknown; reason?: unknown };
    return isConnection(state) && typeof reason === 'string' ? { kind, ...from, state, reason } : undefined;
  }
  if (kind === 'faults') {
    const { code, message } = value as { code?: unknown; message?: unknown };
    return typeof code === 'string' && typeof message === 'string' ? { kind: 'fault', ...from, code, message } : undefined;
  }
  const name = value['name'];
  return typeof name === 'string' ? { kind: 'event', ...from, name, data: value['data'] } : undefined;
}

function isTool(value: unknown): value is RecordedTool {
  if (typeof value !== 'object' || value === null) return false;
  const tool = value as Record<string, unknown>;
  const optional = ['manufacturer', 'partNumber', 'serial'].every((key) => ['undefined', 'string'].includes(typeof tool[key]));
  return typeof tool['name'] === 'string' && optional;
}

const isConnection = (value: unknown): value is RecordedConnection =>
  value === 'connecting' || value === 'connected' || value === 'disconnected';

function decodePoses(device: string, data: Uint8Array): RecordedPoses | undefined {
  if (data.length < POSES_HEADER) return undefined;
  const poses = new RecordedPoses(device, data);
  if (data.length !== POSES_HEADER + poses.count * POSE_BYTES) return undefined;
  for (let i = 0; i < poses.count; i += 1) if (poses.status(i) === undefined) return undefined;
  return poses;
}

function decodeRaw(device: string, data: Uint8Array): RecordedRaw | undefined {
  if (data.length < 17) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const what = RAW_KINDS[view.getUint8(8)];
  const noteLength = view.getUint32(9, true);
  const from = 13 + noteLength;
  if (what === undefined || from + 4 > data.length) return undefined;
  if (data.length !== from + 4 + view.getUint32(from, true)) return undefined;
  let note: string;
  try {
    note = utf8.decode(data.subarray(13, from));
  } catch {
    return undefined;
  }
  return { kind: 'raw', device, at: view.getFloat64(0, true) as Instant, what, note, bytes: data.subarray(from + 4) };
}

function decodeImage(device: string, data: Uint8Array): RecordedImage | undefined {
  if (data.length < IMAGE_BYTES) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const nameLength = view.getUint32(8, true);
  const at = 12 + nameLength;
  if (nameLength > data.length - IMAGE_BYTES || data.length !== at + 62 + view.getUint32(at + 58, true)) return undefined;
  const f64 = (k: number): number => view.getFloat64(at + 4 + 8 * k, true);
  const bytesPerNumber = view.getUint8(at + 57);
  if (bytesPerNumber !== 1 && bytesPerNumber !== 2) return undefined;
  const frame: ImageFrame = {
    width: view.getUint16(at + 52, true),
    height: view.getUint16(at + 54, true),
    components: view.getUint8(at + 56) as ImageFrame['components'],
    number: bytesPerNumber === 1 ? 'u8' : 'u16',
    pixels: data.subarray(at + 62),
    measuredAt: f64(0),
    arrivedAt: f64(1),
    boundMs: f64(2),
    frameNumber: view.getUint32(at, true),
    spacingMm: [f64(3), f64(4)],
    depthMm: f64(5),
  };
  if (imageFault(frame) !== undefined) return undefined;
  try {
    const source = utf8.decode(data.subarray(12, at));
    return { kind: 'image', device, at: view.getFloat64(0, true) as Instant, source, frame };
  } catch {
    return undefined;
  }
}
