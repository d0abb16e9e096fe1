import { isNavError, NavError, Signal } from '../base/index.js';
import type { Clock, Instant } from '../time/index.js';
import type { MessageTaker, OpenChannel, RecordingFault } from './channel.js';
import { ChunkBuffer, type ChunkFacts } from './chunk.js';
import { type DeviceChannels, DeviceRecorder } from './device-recorder.js';
import { EVENTS_TOPIC, KINDS, LIBRARY, SCHEMA_VERSION, SCHEMAS, topicOf } from './format.js';
import { McapIndex } from './mcap-end.js';
import type { RecordingOutput } from './output.js';

/** How a recording is made. */
export interface RecorderOptions {
  readonly output: RecordingOutput;
  /** The host's clock: the one that the drivers have. */
  readonly clock: Clock;
  /** A chunk is handed to the output when it has this many bytes. Default 262,144. */
  readonly chunkBytes?: number;
  /** … or is this old, ms, so that a crash loses at most that. Default 1000. */
  readonly chunkMs?: number;
  /** What may wait for a slow output, bytes. Beyond it messages are lost, and counted. Default 16 MiB. */
  readonly maxBufferedBytes?: number;
  /** Kept with the recording as they are: site, study, software. Never patient names. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** What was taken and what was lost so far. */
export interface RecorderCounts {
  poses: number;
  messages: number;
  chunks: number;
  /** Bytes that the output has. */
  bytes: number;
  /** Not recorded: the output was too slow, or had failed. */
  lostPoses: number;
  lostMessages: number;
}

interface Waiting {
  readonly bytes: Uint8Array;
  readonly chunk?: { readonly buffer: ChunkBuffer; readonly facts: ChunkFacts; readonly messages: Map<number, number> };
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const MOST_DEVICES = 1000;
/** A reader takes longer records for damage. */
const LARGEST_MESSAGE = 64 * 1024 * 1024;

/**
 * Records what devices say into an MCAP file, a chunk at a time. Nothing that comes from a driver waits, throws or
 * allocates: messages go into a chunk in memory, and finished chunks go to the output one after another. Where the
 * output fails, {@link faults} says so once, tracking goes on, and what was written stays readable.
 */
export class Recorder implements MessageTaker {
  readonly clock: Clock;
  /** When the recording began, on the host's clock. */
  readonly startedAt: Instant;
  readonly counts: RecorderCounts = { poses: 0, messages: 0, chunks: 0, bytes: 0, lostPoses: 0, lostMessages: 0 };
  /** Each told once: the output is too slow, or has failed. */
  readonly faults: Signal<RecordingFault> = new Signal();
  readonly #options: Required<Pick<RecorderOptions, 'chunkBytes' | 'chunkMs' | 'maxBufferedBytes'>>;
  readonly #output: RecordingOutput;
  readonly #index: McapIndex;
  readonly #baseNs: bigint;
  readonly #devices = new Map<string, DeviceRecorder>();
  readonly #now = new Float64Array(1);
  readonly #queue: Waiting[] = [];
  readonly #free: ChunkBuffer[] = [];
  #active: ChunkBuffer | undefined;
  /** When the recording was begun, and the active chunk: in cells, because the hot path compares with them. */
  readonly #started = new Float64Array(2);
  /** Bytes of all chunk buffers there are, and of other things that wait. */
  #held = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pumping: Promise<void> | undefined;
  #failed = false;
  #closing: Promise<boolean> | undefined;
  #overflowTold = false;
  /** Lost since the last message that was kept. */
  #gap = { poses: 0, messages: 0 };
  #events: OpenChannel;

  /** @throws NavError `recording/bad-option` */
  constructor(options: RecorderOptions) {
    const { output, clock, chunkBytes = 262_144, chunkMs = 1000, maxBufferedBytes = 16 * 1024 * 1024 } = options;
    const good =
      chunkBytes >= 1024 &&
      chunkBytes <= 64 * 1024 * 1024 &&
      chunkMs >= 1 &&
      chunkMs < 2 ** 31 &&
      maxBufferedBytes >= 4 * chunkBytes;
    if (!good || !Number.isInteger(chunkBytes)) {
      throw new NavError(
        'recording/bad-option',
        `A recorder needs whole chunkBytes of 1024 … 67108864, chunkMs ≥ 1 and room for four chunks in maxBufferedBytes; ` +
          `got ${chunkBytes}, ${chunkMs} and ${maxBufferedBytes}.`,
      );
    }
    this.clock = clock;
    this.#output = output;
    this.#options = { chunkBytes, chunkMs, maxBufferedBytes };
    this.startedAt = clock.now();
    this.#started[0] = this.startedAt;
    const utcMs = clock.utc(this.startedAt).getTime();
    const known = Number.isFinite(utcMs) && utcMs >= 0;
    this.#baseNs = BigInt(known ? Math.round(utcMs) : 0) * 1_000_000n;
    this.#index = new McapIndex(this.#baseNs);
    const facts = new Map(Object.entries(options.facts ?? {}));
    facts.set('schema_version', String(SCHEMA_VERSION));
    facts.set('library', LIBRARY);
    facts.set('base_host_ms', String(this.startedAt));
    facts.set('base_utc', known ? new Date(utcMs).toISOString() : '');
    this.#enqueue({ bytes: this.#index.beginning(facts) });
    this.#events = this.#open(EVENTS_TOPIC, 'events');
  }

  /** `failed`: the output refused bytes, and nothing is recorded any more. */
  get state(): 'recording' | 'failed' | 'closed' {
    if (this.#failed) return 'failed';
    return this.#closing === undefined ? 'recording' : 'closed';
  }

  /**
   * What records one device's poses, facts and bytes. The same name gives the same one again.
   * @throws NavError `recording/bad-option` for a name of other than letters, digits, "-" and "_", or too many devices
   */
  device(name: string): DeviceRecorder {
    const known = this.#devices.get(name);
    if (known !== undefined) return known;
    if (!NAME.test(name) || this.#devices.size >= MOST_DEVICES) {
      throw new NavError(
        'recording/bad-option',
        `"${name}" cannot name a device here: use up to 64 letters, digits, "-" or "_", and at most ${MOST_DEVICES} devices.`,
      );
    }
    const channels = Object.fromEntries(KINDS.map((kind) => [kind, this.#open(topicOf(name, kind), kind)])) as DeviceChannels;
    const made = new DeviceRecorder(this, channels, () => this.#open(topicOf(name, 'images'), 'images'));
    this.#devices.set(name, made);
    return made;
  }

  #open(topic: string, schema: keyof typeof SCHEMAS): OpenChannel {
    const { id, bytes } = this.#index.channel(topic, SCHEMAS[schema]);
    this.#enqueue({ bytes });
    return { id, sequence: 0 };
  }

  /**
   * Something the application wants to find again: a registration, a target reached, a person's note.
   * @param data what JSON can hold
   * @throws NavError `recording/bad-option` where it is no JSON
   */
  event(name: string, data: unknown = null): void {
    this.json(this.#events, { at: this.clock.now(), name, data });
  }

  /** A low-rate message. @throws NavError `recording/bad-option` where it is no JSON */
  json(channel: OpenChannel, value: { readonly at: number } & Readonly<Record<string, unknown>>): void {
    let bytes: Uint8Array;
    try {
      bytes = new TextEncoder().encode(JSON.stringify(value));
    } catch (cause) {
      throw new NavError('recording/bad-option', 'What is to be recorded cannot be written as JSON.', { cause });
    }
    this.#now[0] = value.at;
    const at = this.begin(channel, bytes.length, this.#now, 0);
    if (at < 0) return;
    this.target.bytes.set(bytes, at);
    this.commit();
  }

  /** The chunk that {@link begin} has just begun a message in. */
  get target(): ChunkBuffer {
    return this.#active as ChunkBuffer;
  }

  /**
   * Makes room for a message of `length` bytes and begins it in {@link target}.
   * @param at `[host ms]`
   * @param poses how many poses it holds, for the count of what is lost
   * @returns where its data go, or −1 where it cannot be recorded: then it has been counted as lost
   */
  begin(channel: OpenChannel, length: number, at: Float64Array, poses: number): number {
    if (!this.#makeRoom(length, at)) {
      this.#lose(poses);
      return -1;
    }
    const chunk = this.#active as ChunkBuffer;
    const ns = Math.round(((at[0] as number) - (this.#started[0] as number)) * 1e6);
    chunk.timeNs[0] = ns;
    // Not a number, or before the beginning: neither can be a log time.
    if (!(ns >= 0)) chunk.timeNs[0] = 0;
    const before = chunk.held;
    const place = chunk.begin(channel.id, channel.sequence, length);
    this.#held += chunk.held - before;
    channel.sequence = (channel.sequence + 1) >>> 0;
    chunk.poses += poses;
    this.counts.messages += 1;
    this.counts.poses += poses;
    return place;
  }

  /** The message that was begun is complete. */
  commit(): void {
    const chunk = this.#active as ChunkBuffer;
    chunk.commit();
    if (chunk.count === 1) this.#arm();
  }

  /** Apart from {@link commit}: a function that makes a closure pays for its surroundings at every call. */
  #arm(): void {
    this.#timer ??= setTimeout(() => this.#cut(), this.#options.chunkMs);
  }

  #makeRoom(length: number, at: Float64Array): boolean {
    if (this.#failed || this.#closing !== undefined) return false;
    if (this.#gap.messages > 0 && this.#hasRoom()) this.#tellGap(at[0] as number);
    const active = this.#active;
    const age = (at[0] as number) - (this.#started[1] as number);
    const old = active !== undefined && active.count > 0 && age >= this.#options.chunkMs;
    if (active !== undefined && (old || active.isFull(length, this.#options.chunkBytes))) this.#cut();
    if (this.#active === undefined && !this.#take()) return false;
    const chunk = this.#active as ChunkBuffer;
    if (chunk.count === 0) this.#started[1] = at[0] as number;
    // Larger than a whole chunk: allowed while it fits beside what waits.
    if (length > LARGEST_MESSAGE) return false;
    return length <= this.#options.chunkBytes || this.#held + length <= this.#options.maxBufferedBytes;
  }

  #hasRoom(): boolean {
    if (this.#active !== undefined || this.#free.length > 0) return true;
    return this.#held + this.#options.chunkBytes <= this.#options.maxBufferedBytes;
  }

  /** An empty chunk buffer to write into. */
  #take(): boolean {
    const size = this.#options.chunkBytes;
    let chunk = this.#free.pop();
    if (chunk === undefined && this.#held + size <= this.#options.maxBufferedBytes) {
      chunk = new ChunkBuffer(size + size / 4, this.#baseNs);
      this.#held += chunk.held;
    }
    this.#active = chunk;
    return chunk !== undefined;
  }

  #lose(poses: number): void {
    this.counts.lostMessages += 1;
    this.counts.lostPoses += poses;
    if (this.#failed || this.#closing !== undefined) return;
    this.#gap.messages += 1;
    this.#gap.poses += poses;
    if (this.#overflowTold) return;
    this.#overflowTold = true;
    const message = `The recording is written too slowly: more than ${this.#options.maxBufferedBytes} bytes wait. Poses are tracked but not recorded.`;
    this.#tell({ code: 'recording/overflow', message });
  }

  /** The recording itself says what it lacks. */
  #tellGap(now: number): void {
    const data = this.#gap;
    const lost = this.counts.lostMessages;
    this.#gap = { poses: 0, messages: 0 };
    this.json(this.#events, { at: now, name: 'trocar/gap', data });
    if (this.counts.lostMessages === lost) {
      this.#overflowTold = false;
      return;
    }
    // There was no room even for that: it is tried again, and is itself no loss.
    this.counts.lostMessages = lost;
    this.#gap = data;
  }

  #tell(fault: RecordingFault): void {
    try {
      this.faults.emit(fault);
    } catch {
      // A listener's failure is no reason to stop recording, and a driver above must not meet it.
    }
  }

  /** Hands the active chunk to the output. */
  #cut(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const buffer = this.#active;
    if (buffer === undefined || buffer.count === 0 || this.#failed) return;
    this.#active = undefined;
    const before = buffer.held;
    const { bytes, facts } = buffer.finish();
    this.#held += buffer.held - before;
    this.#enqueue({ bytes, chunk: { buffer, facts, messages: buffer.messages() } });
  }

  #enqueue(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.#pumping ??= this.#pump();
  }

  async #pump(): Promise<void> {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      try {
        await this.#output.append(next.bytes);
      } catch (error) {
        this.#fail(error);
        break;
      }
      this.#queue.shift();
      this.#written(next);
    }
    this.#pumping = undefined;
  }

  #written({ bytes, chunk }: Waiting): void {
    const offset = this.counts.bytes;
    this.counts.bytes += bytes.length;
    if (chunk === undefined) return;
    this.counts.chunks += 1;
    this.#index.addChunk(chunk.facts, offset, chunk.messages);
    chunk.buffer.clear();
    // One that grew for a large message is not kept.
    if (chunk.buffer.held > 2 * this.#options.chunkBytes) this.#held -= chunk.buffer.held;
    else this.#free.push(chunk.buffer);
  }

  #fail(error: unknown): void {
    this.#failed = true;
    clearTimeout(this.#timer);
    for (const { chunk } of this.#queue) if (chunk !== undefined) this.#countLost(chunk.buffer);
    if (this.#active !== undefined) this.#countLost(this.#active);
    this.#queue.length = 0;
    this.#active = undefined;
    const code = isNavError(error, 'recording/disk-full') ? error.code : 'recording/write-failed';
    const why = error instanceof Error ? error.message : String(error);
    const message = `Recording has stopped after ${this.counts.bytes} bytes, and tracking goes on: ${why}`;
    this.#tell({ code, message });
  }

  #countLost(chunk: ChunkBuffer): void {
    this.counts.lostMessages += chunk.count;
    this.counts.lostPoses += chunk.poses;
  }

  /** Hands over what there is and waits until the output has it, or has failed. */
  async flush(): Promise<void> {
    this.#cut();
    await this.#pumping;
  }

  /**
   * Hands over what there is, finishes the file with its index and closes the output. Closing twice does nothing more.
   * @returns whether everything that was taken is in a finished file; false after a fault, which has been told
   */
  close(): Promise<boolean> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<boolean> {
    for (const device of this.#devices.values()) device.spill();
    // What is still told from now on was never taken, and counts as lost without making the file less whole.
    const lost = this.counts.lostMessages;
    await this.flush();
    let finished = false;
    try {
      await this.#output.append(this.#index.end(this.counts.bytes));
      finished = true;
      await this.#output.close();
    } catch (error) {
      if (!this.#failed) this.#fail(error);
      if (!finished) await this.#output.close().catch(() => undefined);
    }
    return !this.#failed && lost === 0;
  }
}
