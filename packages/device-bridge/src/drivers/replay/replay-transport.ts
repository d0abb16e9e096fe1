import type { Clock } from '@trocar/core';
import type { DatagramSource, DatagramTransport, SerialLine, Transport } from '../../transport.js';
import { type RawReplayCounts, type RawReplayOptions, ReplayLine } from './replay-line.js';

/** What a transport that replays has beside its transport. */
export interface RawReplay {
  /** The clock to give to the driver: at every delivery it shows the time of the recorded arrival, to the last bit. */
  readonly clock: Clock;
  readonly counts: Readonly<RawReplayCounts>;
  /** Resolved when all bytes have been delivered, or the driver could not have the rest. */
  readonly finished: Promise<Readonly<RawReplayCounts>>;
}

/**
 * A recorded device as a transport: its bytes are delivered in the pieces and with the times in which they had come, to
 * any driver. A driver that is given {@link RawReplay.clock} decodes the poses that the recorded driver did, bit by bit,
 * as long as it asks what that one asked; where it does not, {@link RawReplay.counts} says so.
 *
 * What a driver does on its own timers (a deadline missed, a pause after damaged bytes) is not replayed: those are the
 * host's.
 * @throws NavError `recording/bad-option`
 */
export function replayTransport(options: RawReplayOptions): Transport & RawReplay {
  const replay = new ReplayLine(options);
  const line: SerialLine = {
    sendBreak: async () => replay.lineChanged(),
    setBaudRate: async () => replay.lineChanged(),
  };
  const made: Transport & RawReplay = {
    label: `replay of ${options.recording.label}`,
    clock: replay.clock,
    counts: replay.counts,
    finished: replay.finished,
    open: (handler) =>
      replay.open({
        received: (bytes) => handler.data(bytes),
        note: () => undefined,
        closed: (reason) => handler.closed(reason),
      }),
    write: (bytes) => replay.sent(bytes),
    close: async () => replay.close(),
  };
  // Only once it is open does it show whether the recorded one was a serial line, and a driver asks only then.
  Object.defineProperty(made, 'line', { get: () => (replay.serial ? line : undefined), enumerable: true });
  return made;
}

/** The same for datagrams. @throws NavError `recording/bad-option` */
export function replayDatagrams(options: RawReplayOptions): DatagramTransport & RawReplay {
  const replay = new ReplayLine(options);
  let from: DatagramSource | undefined;
  return {
    label: `replay of ${options.recording.label}`,
    clock: replay.clock,
    counts: replay.counts,
    finished: replay.finished,
    open: (handler) =>
      replay.open({
        received: (bytes) => handler.datagram(bytes, from),
        note: (text) => {
          const match = /^from (\S+) (\d+)$/.exec(text);
          if (match !== null) from = { address: match[1] as string, port: Number(match[2]) };
        },
        closed: (reason) => handler.closed(reason),
      }),
    send: (bytes) => replay.sent(bytes),
    close: async () => replay.close(),
  };
}
