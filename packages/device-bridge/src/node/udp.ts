import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { NavError } from '@trocar/core';
import type { DatagramTransport } from '../transport.js';

/** The most a UDP datagram over IPv4 can hold, bytes. */
const LARGEST_DATAGRAM = 65_507;

/** Where a UDP transport listens, and whom it hears. */
export interface UdpOptions {
  /** The local port; 0 takes a free one. */
  readonly port: number;
  /**
   * The local IPv4 address. Default `127.0.0.1`: this machine only. Name the address of the network that the device is
   * on to hear it; `0.0.0.0` hears every network.
   */
  readonly host?: string;
  /**
   * The device: where datagrams are sent to. Given, only its datagrams are heard, from whichever of its ports; those of
   * others are counted as `foreign`.
   */
  readonly remote?: { readonly host: string; readonly port: number };
  /** A group to join, on the network of {@link host}. Only what is sent to the group is heard then (on Windows, more). */
  readonly multicast?: { readonly group: string };
  /** Datagrams longer than this are counted and not looked at. Default 65507, the most there can be. */
  readonly maxBytes?: number;
}

/** What was not handed on, and not sent. */
export interface UdpCounts {
  /** Datagrams handed on. */
  received: number;
  /** From someone else than the remote. */
  foreign: number;
  oversize: number;
  /** Sendings that the network refused at once. */
  sendFailures: number;
}

/** A UDP socket as a datagram transport. */
export interface UdpTransport extends DatagramTransport {
  readonly counts: UdpCounts;
  /** The local port while it is open, else 0. */
  readonly localPort: number;
}

interface State {
  socket: Socket | undefined;
  port: number;
  /** Counts openings and closings, so that what opens too late is closed again. */
  turn: number;
}

/**
 * A UDP socket as a transport, on this machine's loopback unless told otherwise. UDP has neither authentication nor
 * encryption: whoever reaches the port can send poses. Bind it to the device's own network, and name the
 * {@link UdpOptions.remote}.
 * @throws NavError `bridge/bad-option`
 */
export function udpTransport(options: UdpOptions): UdpTransport {
  const { port, host = '127.0.0.1', remote, multicast, maxBytes = LARGEST_DATAGRAM } = options;
  requirePort(port, 0);
  if (remote !== undefined) requirePort(remote.port, 1);
  if (!(Number.isInteger(maxBytes) && maxBytes >= 1)) {
    throw new NavError('bridge/bad-option', `A UDP transport's maxBytes must be a positive integer, got ${maxBytes}.`);
  }
  const counts: UdpCounts = { received: 0, foreign: 0, oversize: 0, sendFailures: 0 };
  const state: State = { socket: undefined, port: 0, turn: 0 };
  let remoteAddress: string | undefined;
  const label = `udp ${multicast ? `${multicast.group} on ` : ''}${host}:${port}${remote ? ` with ${remote.host}:${remote.port}` : ''}`;
  return {
    label,
    counts,
    get localPort() {
      return state.port;
    },
    open: async (handler) => {
      state.socket?.close();
      forget(state);
      const { turn } = state;
      remoteAddress = remote && (await addressOf(remote.host, label));
      const socket = await bind(options, host, label);
      if (state.turn !== turn) {
        socket.close();
        throw new NavError('device/connect-failed', `${label} was closed while it opened.`);
      }
      state.socket = socket;
      state.port = socket.address().port;
      socket.on('message', (bytes, from) => {
        if (state.socket !== socket) return;
        if (remoteAddress !== undefined && from.address !== remoteAddress) counts.foreign += 1;
        else if (bytes.length > maxBytes) counts.oversize += 1;
        else {
          counts.received += 1;
          handler.datagram(bytes, from);
        }
      });
      socket.on('error', (cause) => {
        if (state.socket !== socket) return;
        forget(state);
        socket.close();
        handler.closed(new NavError('device/disconnected', `${label} is gone: ${cause.message}.`, { cause }));
      });
    },
    send: (bytes) => {
      if (remote === undefined) {
        throw new NavError('device/not-supported', `${label} has nobody to send to. Name its remote.`);
      }
      // A copy: the socket may send later, and the caller may use its bytes again.
      state.socket?.send(Buffer.from(bytes), remote.port, remoteAddress, (error) => {
        if (error !== null) counts.sendFailures += 1;
      });
    },
    close: async () => {
      const closing = state.socket;
      forget(state);
      if (closing !== undefined) await new Promise<void>((resolve) => closing.close(() => resolve()));
    },
  };
}

function forget(state: State): void {
  state.socket = undefined;
  state.port = 0;
  state.turn += 1;
}

function requirePort(port: number, least: number): void {
  if (Number.isInteger(port) && port >= least && port <= 65_535) return;
  throw new NavError('bridge/bad-option', `A UDP port must be an integer in ${least} … 65535, got ${port}.`);
}

/** Once per opening, so that what arrives can be compared with it. */
async function addressOf(name: string, label: string): Promise<string> {
  try {
    return (await lookup(name, { family: 4 })).address;
  } catch (cause) {
    throw new NavError('device/connect-failed', `${label}: the name "${name}" has no IPv4 address.`, { cause });
  }
}

function bind(options: UdpOptions, host: string, label: string): Promise<Socket> {
  const { multicast, port } = options;
  const socket = createSocket({ type: 'udp4', reuseAddr: multicast !== undefined });
  // Bound to the group, the socket hears only the group; Windows cannot do that.
  const anyAddress = process.platform === 'win32' ? '0.0.0.0' : multicast?.group;
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void => {
      socket.close();
      reject(new NavError('device/connect-failed', `${label} cannot be opened: ${cause.message}.`, { cause }));
    };
    socket.once('error', refuse);
    socket.bind({ port, address: multicast ? anyAddress : host, exclusive: true }, () => {
      socket.off('error', refuse);
      try {
        if (multicast) socket.addMembership(multicast.group, host === '0.0.0.0' ? undefined : host);
        resolve(socket);
      } catch (error) {
        refuse(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}
