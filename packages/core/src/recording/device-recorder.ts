import type { Signal } from '../base/index.js';
import { type PoseSample, severity } from '../frames/index.js';
import type { Clock } from '../time/index.js';
import type { MessageTaker, OpenChannel, RecordingFault } from './channel.js';
import { IMAGE_BYTES, type KINDS, POSE_BYTES, POSES_HEADER, RAW_KINDS, type RawKind } from './format.js';
import type { ImageFrame, ImageSource } from './image-frame.js';

/** Poses of one message; more of one flush go into the next message. */
const MOST_POSES = 256;
/** at (f64), kind (u8), note length (u32) and data length (u32) of a raw message. */
const RAW_HEADER = 17;
const NO_NOTE = new Uint8Array(0);

/** A tool as a recording keeps it: the shape of device-bridge's ToolInfo. */
export interface RecordedTool {
  readonly name: string;
  readonly manufacturer?: string;
  readonly partNumber?: string;
  readonly serial?: string;
}

/** Whether the device is there: device-bridge's ConnectionState. */
export type RecordedConnection = 'connecting' | 'connected' | 'disconnected';

/** The channels that every device has. */
export type DeviceChannels = Readonly<Record<(typeof KINDS)[number], OpenChannel>>;

/**
 * Records one device. Its methods are those of device-bridge's PoseSink, so it takes what a driver tells;
 * none of them throws, waits, or allocates for a pose. Made by {@link Recorder.device}.
 */
export class DeviceRecorder {
  readonly #recorder: MessageTaker;
  readonly #channels: DeviceChannels;
  readonly #openImages: () => OpenChannel;
  #images: OpenChannel | undefined;
  #sources: readonly Uint8Array[] = [];
  readonly #staged = new Uint8Array(MOST_POSES * POSE_BYTES);
  readonly #view = new DataView(this.#staged.buffer);
  readonly #now = new Float64Array(1);
  #count = 0;

  /** @param openImages opens the channel of its images, at the first of them */
  constructor(recorder: MessageTaker, channels: DeviceChannels, openImages: () => OpenChannel) {
    this.#recorder = recorder;
    this.#channels = channels;
    this.#openImages = openImages;
  }

  /** The recorder's faults, each told once. */
  get faults(): Signal<RecordingFault> {
    return this.#recorder.faults;
  }

  /** The recorder's clock. */
  get clock(): Clock {
    return this.#recorder.clock;
  }

  /** The tools, whenever the list grows. */
  tools(list: readonly RecordedTool[]): void {
    this.spill();
    this.#recorder.json(this.#channels.tools, { at: this.#recorder.clock.now(), tools: list });
  }

  /**
   * One pose; all ten doubles of the sample are kept bit by bit.
   * @param tool 0 … 65535
   * @param frameNumber 0 … 2³² − 1
   */
  pose(tool: number, sample: PoseSample, frameNumber: number): void {
    if (this.#count === MOST_POSES) this.spill();
    const view = this.#view;
    const v = sample.values;
    const at = this.#count * POSE_BYTES;
    view.setUint16(at, tool, true);
    view.setUint8(at + 2, severity(sample.status));
    view.setUint32(at + 3, frameNumber, true);
    for (let i = 0; i < 10; i += 1) view.setFloat64(at + 7 + 8 * i, v[i] as number, true);
    this.#count += 1;
  }

  /** The poses since the last flush were all. */
  flush(): void {
    this.#write(1);
  }

  /** Writes the poses that were told but not flushed yet: as an unfinished set. */
  spill(): void {
    if (this.#count > 0) this.#write(0);
  }

  #write(flushed: number): void {
    const recorder = this.#recorder;
    const count = this.#count;
    const length = count * POSE_BYTES;
    this.#count = 0;
    this.#now[0] = recorder.clock.now();
    const at = recorder.begin(this.#channels.poses, POSES_HEADER + length, this.#now, count);
    if (at < 0) return;
    const { bytes, view } = recorder.target;
    view.setFloat64(at, this.#now[0] as number, true);
    view.setUint8(at + 8, flushed);
    view.setUint32(at + 9, count, true);
    const from = this.#staged;
    const to = at + POSES_HEADER;
    // Copied by hand: a window to copy from would be an object for every flush.
    for (let i = 0; i < length; i += 1) bytes[to + i] = from[i] as number;
    recorder.commit();
  }

  /** The sources of images, whenever the list grows. */
  images(list: readonly ImageSource[]): void {
    const encoder = new TextEncoder();
    this.#sources = list.map(({ name }) => encoder.encode(name));
  }

  /** One image of source number `source`; its pixels are copied. One that does not fit what may wait is lost, and counted. */
  image(source: number, frame: ImageFrame): void {
    const name = this.#sources[source] ?? NO_NOTE;
    const recorder = this.#recorder;
    this.spill();
    this.#images ??= this.#openImages();
    this.#now[0] = recorder.clock.now();
    const length = IMAGE_BYTES + name.length + frame.pixels.length;
    const place = recorder.begin(this.#images, length, this.#now, 0);
    if (place < 0) return;
    const { view, bytes } = recorder.target;
    view.setFloat64(place, this.#now[0] as number, true);
    view.setUint32(place + 8, name.length, true);
    bytes.set(name, place + 12);
    const at = place + 12 + name.length;
    view.setUint32(at, frame.frameNumber, true);
    const { measuredAt, arrivedAt, boundMs, spacingMm, depthMm } = frame;
    for (const [k, x] of [measuredAt, arrivedAt, boundMs, ...spacingMm, depthMm].entries())
      view.setFloat64(at + 4 + 8 * k, x, true);
    view.setUint16(at + 52, frame.width, true);
    view.setUint16(at + 54, frame.height, true);
    view.setUint8(at + 56, frame.components);
    view.setUint8(at + 57, frame.number === 'u8' ? 1 : 2);
    view.setUint32(at + 58, frame.pixels.length, true);
    bytes.set(frame.pixels, at + 62);
    recorder.commit();
  }

  /** The device came or went. */
  connection(state: RecordedConnection, reason: string): void {
    this.spill();
    this.#recorder.json(this.#channels.connection, { at: this.#recorder.clock.now(), state, reason });
  }

  /** What the driver complained of. */
  fault(fault: { readonly code: string; readonly message: string }): void {
    this.#recorder.json(this.#channels.faults, {
      at: this.#recorder.clock.now(),
      code: fault.code,
      message: fault.message,
    });
  }

  /**
   * Bytes from or to the device, or what happened to the line.
   * @param at `[host ms]` when they arrived or were sent
   * @param note for `opened`, `closed` and `line`
   */
  raw(kind: RawKind, at: Float64Array, bytes: Uint8Array, note?: string): void {
    const text = note === undefined ? NO_NOTE : new TextEncoder().encode(note);
    const recorder = this.#recorder;
    const place = recorder.begin(this.#channels.raw, RAW_HEADER + text.length + bytes.length, at, 0);
    if (place < 0) return;
    const target = recorder.target;
    const data = place + 13 + text.length;
    target.view.setFloat64(place, at[0] as number, true);
    target.view.setUint8(place + 8, RAW_KINDS.indexOf(kind));
    target.view.setUint32(place + 9, text.length, true);
    target.bytes.set(text, place + 13);
    target.view.setUint32(data, bytes.length, true);
    target.bytes.set(bytes, data + 4);
    recorder.commit();
  }
}
