import type { DatagramHandler, DatagramTransport } from '../transport.js';

/** The device's side of a {@link datagramLink}. */
export interface DatagramDevice {
  /** Sends one datagram to the host, where it listens. */
  send(bytes: Uint8Array): void;
  /** Who gets what the host sends. */
  onDatagram: (bytes: Uint8Array) => void;
}

/** Datagrams in one process. */
export interface DatagramLink {
  /** The host's end, for a driver. */
  readonly host: DatagramTransport;
  readonly device: DatagramDevice;
}

/** Datagrams in one process, delivered after the sender has returned: what a pretended device needs in place of UDP. */
export function datagramLink(label = 'datagrams in this process'): DatagramLink {
  let handler: DatagramHandler | undefined;
  const device: DatagramDevice = {
    send: (bytes) => {
      const copy = bytes.slice();
      queueMicrotask(() => handler?.datagram(copy));
    },
    onDatagram: () => undefined,
  };
  const host: DatagramTransport = {
    label,
    open: async (opened) => {
      handler = opened;
    },
    send: (bytes) => {
      if (handler === undefined) return;
      const copy = bytes.slice();
      queueMicrotask(() => device.onDatagram(copy));
    },
    close: async () => {
      handler = undefined;
    },
  };
  return { host, device };
}
