import { McapRecordBuilder, McapStreamReader, type McapTypes } from '@mcap/core';
import { NavError, type NavErrorCode } from '../base/index.js';
import { decodeEntry, type RecordedEntry } from './entries.js';
import { type ChannelKind, deviceOf, EVENTS_TOPIC, FACTS_NAME, MAGIC, OP, PROFILE, SCHEMA_VERSION } from './format.js';
import { RecordScanner } from './scanner.js';

/** A part of a file that could not be read. */
export interface RecordingDamage {
  readonly code: Extract<NavErrorCode, 'recording/truncated' | 'recording/corrupt' | 'recording/unsupported'>;
  /** Where in the file it begins, and how long it is. */
  readonly offset: number;
  readonly bytes: number;
  readonly message: string;
}

/** What reading a recording to its end has shown. */
export interface RecordingStatus {
  /** The file has its end, and every chunk could be read. */
  readonly complete: boolean;
  /** Bytes that could not be used: of damaged chunks, and of an unfinished one at the end. */
  readonly givenUpBytes: number;
  /** What could not be read, the first hundred of it. Empty where complete. */
  readonly damage: readonly RecordingDamage[];
  readonly chunks: number;
  readonly entries: number;
  /** Messages on channels that are none of ours. */
  readonly foreignMessages: number;
}

/** What a recording says of itself. */
export interface RecordingFacts {
  readonly version: number;
  readonly library: string;
  /** The host's clock when the recording began, ms: entries' times are on the same clock. */
  readonly baseHostMs: number;
  /** What UTC was then, by the host: for people, never for computation. */
  readonly baseUtc: string;
  /** Everything, with what the application had added. */
  readonly all: ReadonlyMap<string, string>;
}

/** Longer records are taken for damage. The largest that are written are chunks, and these hold one message at least. */
const LONGEST_RECORD = 80 * 1024 * 1024;
const MOST_DAMAGE = 100;
const MOST_CHANNELS = 65_536;

/**
 * Reads a recording from pieces of any size. A chunk is taken whole or not at all; one whose checksum fails is given up
 * and counted, and what follows is read.
 */
export class RecordingDecoder {
  facts: RecordingFacts | undefined;
  readonly #label: string;
  readonly #onEntries: (entries: readonly RecordedEntry[]) => void;
  readonly #scanner: RecordScanner;
  readonly #channels = new Map<number, McapTypes.Channel>();
  readonly #damage: RecordingDamage[] = [];
  #reader = new McapStreamReader({ noMagicPrefix: true });
  #headerSeen = false;
  #damagedBytes = 0;
  #chunks = 0;
  #entries = 0;
  #foreign = 0;
  #damageCount = 0;

  /**
   * @param onEntries gets the entries of one chunk after another
   * @param label what messages call the recording
   */
  constructor(onEntries: (entries: readonly RecordedEntry[]) => void, label: string = 'the recording') {
    this.#onEntries = onEntries;
    this.#label = label;
    this.#scanner = new RecordScanner(
      { record: (opcode, record, offset) => this.#record(opcode, record, offset) },
      LONGEST_RECORD,
    );
  }

  /**
   * Takes the next bytes.
   * @throws NavError `recording/not-a-recording`, `recording/unsupported-version`
   */
  feed(bytes: Uint8Array): void {
    this.#scanner.feed(bytes);
    if (this.#scanner.state === 'foreign') {
      throw new NavError('recording/not-a-recording', `${this.#label} is no recording: it does not begin as an MCAP file does.`);
    }
  }

  /** The file has ended. */
  end(): RecordingStatus {
    const { state, taken, fed } = this.#scanner;
    const rest = fed - taken;
    const complete = state === 'done' && rest === 0;
    if (!complete) this.#addDamage(this.#endDamage(rest));
    return {
      complete: complete && this.#damageCount === 0,
      givenUpBytes: this.#damagedBytes,
      damage: [...this.#damage],
      chunks: this.#chunks,
      entries: this.#entries,
      foreignMessages: this.#foreign,
    };
  }

  #endDamage(bytes: number): RecordingDamage {
    const { state, taken: offset } = this.#scanner;
    if (state === 'lost' || state === 'done') {
      const what = state === 'lost' ? 'a record there is damaged, so that none behind it can be found' : 'bytes follow its end';
      return { code: 'recording/corrupt', offset, bytes, message: `${this.#label}, byte ${offset}: ${what}.` };
    }
    const message = `${this.#label} was not finished: it ends after ${offset} bytes of whole records, and ${bytes} bytes behind them were given up.`;
    return { code: 'recording/truncated', offset, bytes, message };
  }

  #addDamage(damage: RecordingDamage): void {
    this.#damageCount += 1;
    this.#damagedBytes += damage.bytes;
    if (this.#damage.length < MOST_DAMAGE) this.#damage.push(damage);
  }

  #record(opcode: number, record: Uint8Array, offset: number): void {
    if (!this.#headerSeen && opcode !== OP.header) throw this.#foreignFile('its first record is no header');
    if (!WANTED.has(opcode)) return;
    let found: RecordedEntry[] | undefined;
    try {
      found = this.#read(record);
    } catch (error) {
      if (error instanceof NavError) throw error;
      this.#giveUp(error, record.length, offset);
      return;
    }
    if (opcode === OP.chunk) this.#chunks += 1;
    if (found === undefined) return;
    this.#entries += found.length;
    if (found.length > 0) this.#onEntries(found);
  }

  /** Everything of one record, or nothing: a chunk's messages are told when all of them have been read. */
  #read(record: Uint8Array): RecordedEntry[] | undefined {
    const reader = this.#reader;
    reader.append(record);
    const entries: RecordedEntry[] = [];
    let foreign = 0;
    for (let part = reader.nextRecord(); part !== undefined; part = reader.nextRecord()) {
      if (part.type === 'Header') this.#header(part);
      else if (part.type === 'Metadata') this.#metadata(part);
      else if (part.type === 'Channel') this.#channel(part);
      else if (part.type === 'Message') {
        const entry = this.#entry(part);
        if (entry === undefined) foreign += 1;
        else entries.push(entry);
      }
    }
    this.#foreign += foreign;
    return entries;
  }

  #giveUp(error: unknown, bytes: number, offset: number): void {
    const why = error instanceof Error ? error.message : String(error);
    const code = /Unsupported compression/.test(why) ? 'recording/unsupported' : 'recording/corrupt';
    this.#addDamage({ code, offset, bytes, message: `${this.#label}, byte ${offset}: ${bytes} bytes were given up: ${why}` });
    // A reader that has thrown must not be used again: the next one is told the channels that are known.
    this.#reader = new McapStreamReader({ noMagicPrefix: true });
    const builder = new McapRecordBuilder();
    for (const channel of this.#channels.values()) builder.writeChannel(channel);
    if (builder.length === 0) return;
    this.#reader.append(builder.buffer);
    while (this.#reader.nextRecord() !== undefined);
  }

  #header(header: McapTypes.Header): void {
    this.#headerSeen = true;
    if (header.profile !== PROFILE) {
      throw this.#foreignFile(`it is an MCAP file of profile "${header.profile.slice(0, 80)}", and not of "${PROFILE}"`);
    }
  }

  #foreignFile(why: string): NavError {
    return new NavError('recording/not-a-recording', `${this.#label} is no recording of Trocar's: ${why}.`);
  }

  #metadata({ name, metadata }: McapTypes.Metadata): void {
    if (name !== FACTS_NAME || this.facts !== undefined) return;
    const version = Number(metadata.get('schema_version'));
    if (!(Number.isInteger(version) && version >= 1 && version <= SCHEMA_VERSION)) {
      throw new NavError(
        'recording/unsupported-version',
        `${this.#label} has version "${metadata.get('schema_version')?.slice(0, 20)}" and this library reads up to ${SCHEMA_VERSION}. Read it with the library that wrote it: "${metadata.get('library')?.slice(0, 80)}".`,
      );
    }
    this.facts = {
      version,
      library: metadata.get('library') ?? '',
      baseHostMs: Number(metadata.get('base_host_ms') ?? Number.NaN),
      baseUtc: metadata.get('base_utc') ?? '',
      all: metadata,
    };
  }

  #channel(channel: McapTypes.Channel): void {
    if (this.#channels.size >= MOST_CHANNELS) throw new Error('more channels than an MCAP file can have');
    this.#channels.set(channel.id, channel);
  }

  #entry(message: McapTypes.Message): RecordedEntry | undefined {
    const channel = this.#channels.get(message.channelId);
    if (channel === undefined) return undefined;
    const place = channel.topic === EVENTS_TOPIC ? EVENTS : deviceOf(channel.topic);
    if (place === undefined) return undefined;
    const entry = decodeEntry(place.kind, place.device, message.data);
    if (entry === undefined) throw new Error(`a message on "${channel.topic.slice(0, 80)}" is not what its channel promises`);
    return entry;
  }
}

const EVENTS: { readonly device: string; readonly kind: ChannelKind | 'events' } = { device: '', kind: 'events' };
const WANTED = new Set<number>([OP.header, OP.schema, OP.channel, OP.message, OP.chunk, OP.metadata]);

/** Whether the bytes begin as an MCAP file does. */
export function isMcap(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);
}
