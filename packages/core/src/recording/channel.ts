import type { Signal } from '../base/index.js';
import type { Clock } from '../time/index.js';
import type { ChunkBuffer } from './chunk.js';

/** A channel's number, and how many messages it has had. */
export interface OpenChannel {
  readonly id: number;
  sequence: number;
}

/** What is wrong with a recording that goes on being made, or has stopped. */
export interface RecordingFault {
  readonly code: 'recording/disk-full' | 'recording/write-failed' | 'recording/overflow';
  readonly message: string;
}

/** What takes messages into chunks: the recorder, as its devices see it. */
export interface MessageTaker {
  readonly clock: Clock;
  readonly faults: Signal<RecordingFault>;
  /** The chunk that {@link begin} has just begun a message in. */
  readonly target: ChunkBuffer;
  /**
   * Makes room for a message of `length` bytes and begins it in {@link target}.
   * @param at `[host ms]`
   * @param poses how many poses it holds, for the count of what is lost
   * @returns where its data go, or −1 where it cannot be recorded: then it has been counted as lost
   */
  begin(channel: OpenChannel, length: number, at: Float64Array, poses: number): number;
  /** The message that was begun is complete. */
  commit(): void;
  /** A low-rate message. @throws NavError `recording/bad-option` where it is no JSON */
  json(channel: OpenChannel, value: { readonly at: number } & Readonly<Record<string, unknown>>): void;
}
