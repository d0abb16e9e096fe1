import { NavError } from '../../base/index.js';
import { crc32Update } from '../../recording/crc32.js';
import { ByteReader, ByteWriter, LARGEST_LIVE_MESSAGE, malformed } from './bytes.js';
import { type FactEntries, type LiveVersion, readEntries, writeEntries } from './facts.js';

/** The version of the messages that are sent: raised by a change that an older peer would misread. */
export const LIVE_VERSION = 2;
/** Versions that are read. An older observer refuses a newer operator by name, and shows nothing. */
const READ: readonly LiveVersion[] = [1, LIVE_VERSION];

/**
 * How a message may be carried.
 *
 * - `snapshot`: a whole state. Replaces everything before it.
 * - `change`: what has changed of the facts, and the motion of that moment. Reliable, in order, never left out.
 * - `motion`: the motion of a moment, for facts that were sent. Only the newest matters.
 */
export type LiveKind = 'snapshot' | 'change' | 'motion';

const KINDS: readonly LiveKind[] = ['snapshot', 'change', 'motion'];

/** What stands before a message's content. */
export interface LiveHeader {
  readonly version: LiveVersion;
  readonly kind: LiveKind;
  /** Which run of the operator's publisher: the second it began, of 1970. A later run has a larger one. */
  readonly epoch: number;
  /** Of the message, from 1, in this epoch. */
  readonly sequence: number;
  /** How many changes of facts there were in this epoch, with the one that this message brings. */
  readonly revision: number;
  /** When the state was what it says, ms of UTC by the operator's clock; whole. */
  readonly capturedUtcMs: number;
}

/** A message in its parts. */
export interface LiveMessage extends LiveHeader {
  /** CRC-32 of the header and of the whole state after it: see {@link digestOf}. */
  readonly digest: number;
  /** All entries of a snapshot, those that changed of a change, none of a motion. */
  readonly entries: ReadonlyMap<string, Uint8Array | undefined>;
  readonly motion: Uint8Array;
}

function writeHeader(to: ByteWriter, header: LiveHeader, digest: number): void {
  to.u8(header.version * 16 + KINDS.indexOf(header.kind));
  to.u32(digest);
  to.u32(header.epoch);
  to.whole(header.sequence);
  to.whole(header.revision);
  // Against the epoch: two or three bytes instead of six.
  to.signed(header.capturedUtcMs - 1000 * header.epoch);
}

/**
 * The digest of a state: CRC-32 over the header (its digest taken as 0, its kind as that of a snapshot), all facts and the motion. Both
 * sides compute it from what they hold, so it finds a lost change and a wrong one as well as a damaged message. It finds damage, not
 * malice: for that there is TLS.
 */
export function digestOf(header: LiveHeader, facts: Uint8Array, motion: Uint8Array): number {
  const head = new ByteWriter();
  writeHeader(head, { ...header, kind: 'snapshot' }, 0);
  const state = new Uint32Array([0xffffffff]);
  const bytes = head.take();
  for (const part of [bytes, facts, motion]) crc32Update(state, part, 0, part.length);
  return ~(state[0] as number) >>> 0;
}

/** The facts as they go into a digest and into a snapshot. */
export function factBytes(entries: FactEntries): Uint8Array {
  const to = new ByteWriter();
  writeEntries(to, entries);
  return to.take();
}

/** A message as it is sent. @throws NavError `live/too-large` */
export function encodeLive(message: LiveMessage): Uint8Array {
  const to = new ByteWriter();
  writeHeader(to, message, message.digest);
  if (message.kind !== 'motion') writeEntries(to, message.entries);
  to.bytes(message.motion);
  return to.take();
}

/**
 * The parts of a message.
 * @throws NavError `live/wrong-version`, `live/malformed`
 */
export function decodeLive(bytes: Uint8Array): LiveMessage {
  if (bytes.length > LARGEST_LIVE_MESSAGE) throw malformed(`${bytes.length} bytes, over ${LARGEST_LIVE_MESSAGE}`);
  const from = new ByteReader(bytes);
  const first = from.u8();
  const version = versionOf(first);
  const kind = KINDS[first & 15];
  if (kind === undefined) throw malformed(`kind ${first & 15}`);
  const [digest, epoch] = [from.u32(), from.u32()];
  const [sequence, revision] = [from.whole(), from.whole()];
  const capturedUtcMs = 1000 * epoch + from.signed();
  const entries = kind === 'motion' ? new Map<string, Uint8Array | undefined>() : readEntries(from);
  return { version, kind, epoch, sequence, revision, capturedUtcMs, digest, entries, motion: from.bytes(from.left).slice() };
}

function versionOf(first: number): LiveVersion {
  const theirs = first >> 4;
  const version = READ.find((known) => known === theirs);
  if (version !== undefined) return version;
  const message =
    `The operator sends version ${theirs} of the live session, this observer reads ${READ.join(' and ')}. ` +
    'Update the older of the two.';
  throw new NavError('live/wrong-version', message, { detail: { theirs, ours: LIVE_VERSION } });
}

/** The kind of a message, from its first byte alone: for who carries it. Undefined where it is none. */
export function liveKindOf(bytes: Uint8Array): LiveKind | undefined {
  const first = bytes[0] ?? 0;
  return READ.some((version) => version === first >> 4) ? KINDS[first & 15] : undefined;
}
