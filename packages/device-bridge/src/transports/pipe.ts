import { NavError } from '@trocar/core';
import type { Transport, TransportHandler } from '../transport.js';

/** How a pipe treats bytes on their way. */
export interface PipeOptions {
  /** Bytes per delivery, at most; default all that was written at once. 1 splits at every byte. */
  readonly chunkBytes?: number;
  /** Milliseconds on the way, each direction. Default 0: delivered as soon as the writer has returned. */
  readonly delayMs?: number;
}

/** Two connected ends in one process, and a way to cut them. */
export interface Pipe {
  /** The host's end, for a driver. */
  readonly host: Transport;
  /** The device's end, for a simulator. */
  readonly device: Transport;
  /** Cuts the connection as a pulled plug does: the host is told, and may open it again only after {@link mend}. */
  cut(): void;
  /** Lets bytes vanish from now on without telling either end, as a dead network does. */
  mute(): void;
  /** Undoes {@link cut} and {@link mute}. */
  mend(): void;
}

interface End {
  handler: TransportHandler | undefined;
}

/** A connection in one process: what a simulated tracker needs so that `npm start` needs no hardware. */
export function pipe(options: PipeOptions = {}): Pipe {
  const state = { cut: false, mute: false };
  const host: End = { handler: undefined };
  const device: End = { handler: undefined };
  const drop = (end: End, why: string): void => {
    const handler = end.handler;
    end.handler = undefined;
    handler?.closed(new NavError('device/disconnected', `The pipe was ${why}.`));
  };
  return {
    host: endOf('pipe (host)', host, device, state, options),
    device: endOf('pipe (device)', device, host, state, options),
    cut: () => {
      state.cut = true;
      drop(host, 'cut');
    },
    mute: () => {
      state.mute = true;
    },
    mend: () => {
      state.cut = false;
      state.mute = false;
    },
  };
}

function endOf(label: string, own: End, other: End, state: { cut: boolean; mute: boolean }, options: PipeOptions): Transport {
  const { chunkBytes = Number.POSITIVE_INFINITY, delayMs = 0 } = options;
  const deliver = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length && !state.cut && !state.mute; at += chunkBytes) {
      other.handler?.data(bytes.subarray(at, Math.min(bytes.length, at + chunkBytes)));
    }
  };
  return {
    label,
    open: async (handler) => {
      if (state.cut) throw new NavError('device/connect-failed', `The ${label} is cut.`);
      own.handler = handler;
    },
    write: (bytes) => {
      if (own.handler === undefined || state.cut || state.mute) return;
      const copy = bytes.slice();
      // Never from inside the writer: a device does not answer before the host has finished asking.
      if (delayMs > 0) setTimeout(() => deliver(copy), delayMs);
      else queueMicrotask(() => deliver(copy));
    },
    close: async () => {
      own.handler = undefined;
    },
  };
}
