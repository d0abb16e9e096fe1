import { McapRecordBuilder, type McapTypes } from '@mcap/core';
import type { ChunkFacts } from './chunk.js';
import { crc32 } from './crc32.js';
import { FACTS_NAME, LIBRARY, OP, PROFILE, type SchemaText } from './format.js';

/** More than this of chunk indexes is not kept: a file beyond it (months at a chunk a second) is read from its beginning. */
const LARGEST_INDEX = 64 * 1024 * 1024;
/** An empty footer record without its CRC, which the CRC of the summary covers too. */
const FOOTER_BODY = 9 + 16;

/** The low-rate records of a recording, and what its end must say: schemas, channels, statistics and indexes. */
export class McapIndex {
  readonly #baseNs: bigint;
  readonly #schemas: McapTypes.Schema[] = [];
  readonly #channels: McapTypes.Channel[] = [];
  readonly #chunks = new McapRecordBuilder();
  readonly #counts = new Map<number, bigint>();
  #metadata: { readonly offset: bigint; readonly length: bigint } | undefined;
  #chunkCount = 0;
  #messageCount = 0n;
  #firstNs = Number.POSITIVE_INFINITY;
  #lastNs = 0;

  constructor(baseNs: bigint) {
    this.#baseNs = baseNs;
  }

  /** Magic, header and the facts: how every recording begins. */
  beginning(facts: ReadonlyMap<string, string>): Uint8Array {
    const builder = new McapRecordBuilder();
    builder.writeMagic();
    builder.writeHeader({ profile: PROFILE, library: LIBRARY });
    const offset = BigInt(builder.length);
    const length = builder.writeMetadata({ name: FACTS_NAME, metadata: new Map(facts) });
    this.#metadata = { offset, length };
    return builder.buffer;
  }

  /** The records of a new channel, its schema first where that is new too. */
  channel(topic: string, schema: SchemaText): { readonly id: number; readonly bytes: Uint8Array } {
    const builder = new McapRecordBuilder();
    let schemaId = this.#schemas.findIndex((s) => s.name === schema.name) + 1;
    if (schemaId === 0) {
      schemaId = this.#schemas.length + 1;
      const data = new TextEncoder().encode(schema.text);
      const record = { id: schemaId, name: schema.name, encoding: schema.encoding, data };
      this.#schemas.push(record);
      builder.writeSchema(record);
    }
    const id = this.#channels.length;
    const record = { id, schemaId, topic, messageEncoding: schema.messages, metadata: new Map<string, string>() };
    this.#channels.push(record);
    builder.writeChannel(record);
    return { id, bytes: builder.buffer };
  }

  /** A chunk now stands in the file at `offset`. */
  addChunk(facts: ChunkFacts, offset: number, messages: ReadonlyMap<number, number>): void {
    this.#chunkCount += 1;
    this.#firstNs = Math.min(this.#firstNs, facts.firstNs);
    this.#lastNs = Math.max(this.#lastNs, facts.lastNs);
    for (const [channel, count] of messages) {
      this.#counts.set(channel, (this.#counts.get(channel) ?? 0n) + BigInt(count));
      this.#messageCount += BigInt(count);
    }
    if (this.#chunks.length > LARGEST_INDEX) return;
    this.#chunks.writeChunkIndex({
      messageStartTime: this.#time(facts.firstNs),
      messageEndTime: this.#time(facts.lastNs),
      chunkStartOffset: BigInt(offset),
      chunkLength: BigInt(facts.chunkLength),
      messageIndexOffsets: new Map(facts.indexes.map(([channel, at]) => [channel, BigInt(offset + at)])),
      messageIndexLength: BigInt(facts.indexLength),
      compression: '',
      compressedSize: BigInt(facts.recordsLength),
      uncompressedSize: BigInt(facts.recordsLength),
    });
  }

  #time(ns: number): bigint {
    return this.#baseNs + BigInt(Number.isFinite(ns) ? ns : 0);
  }

  /** The end of the data, the summary, the footer and the magic, for a file that is `offset` bytes long. */
  end(offset: number): Uint8Array {
    const builder = new McapRecordBuilder();
    builder.writeDataEnd({ dataSectionCrc: 0 });
    const summaryAt = builder.length;
    const groups: Array<readonly [opcode: number, start: number, end: number]> = [];
    const group = (opcode: number, write: () => void): void => {
      const start = builder.length;
      write();
      if (builder.length > start) groups.push([opcode, start, builder.length]);
    };
    const at = (place: number): bigint => BigInt(offset + place);
    group(OP.schema, () => this.#schemas.forEach((schema) => void builder.writeSchema(schema)));
    group(OP.channel, () => this.#channels.forEach((channel) => void builder.writeChannel(channel)));
    group(STATISTICS, () => builder.writeStatistics(this.#statistics()));
    group(METADATA_INDEX, () => {
      if (this.#metadata) builder.writeMetadataIndex({ ...this.#metadata, name: FACTS_NAME });
    });
    const head = builder.buffer;
    const chunks = this.#chunks.length > LARGEST_INDEX ? new Uint8Array(0) : this.#chunks.buffer;
    if (chunks.length > 0) groups.push([CHUNK_INDEX, head.length, head.length + chunks.length]);
    const tail = new McapRecordBuilder();
    const tailAt = head.length + chunks.length;
    for (const [groupOpcode, start, end] of groups) {
      tail.writeSummaryOffset({ groupOpcode, groupStart: at(start), groupLength: BigInt(end - start) });
    }
    tail.writeFooter({ summaryStart: at(summaryAt), summaryOffsetStart: at(tailAt), summaryCrc: 0 });
    tail.writeMagic();
    return withSummaryCrc([head, chunks, tail.buffer], summaryAt);
  }

  #statistics(): McapTypes.Statistics {
    return {
      messageCount: this.#messageCount,
      schemaCount: this.#schemas.length,
      channelCount: this.#channels.length,
      attachmentCount: 0,
      metadataCount: 1,
      chunkCount: this.#chunkCount,
      messageStartTime: this.#chunkCount === 0 ? 0n : this.#time(this.#firstNs),
      messageEndTime: this.#chunkCount === 0 ? 0n : this.#time(this.#lastNs),
      channelMessageCounts: this.#counts,
    };
  }
}

const CHUNK_INDEX = 0x08;
const STATISTICS = 0x0b;
const METADATA_INDEX = 0x0d;

/** The parts in one, with the footer's CRC over everything from the summary to the footer's own CRC field. */
function withSummaryCrc(parts: readonly Uint8Array[], summaryAt: number): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  const footerAt = whole.length - 8 - 4 - FOOTER_BODY;
  const crc = crc32(whole.subarray(summaryAt, footerAt + FOOTER_BODY));
  new DataView(whole.buffer).setUint32(footerAt + FOOTER_BODY, crc, true);
  return whole;
}
