import type { Clock } from '@trocar/core';
import type { NatNetVersion } from '../../codec/natnet/index.js';
import type { DatagramTransport } from '../../transport.js';
import type { DriverTimeouts } from '../kit/index.js';

/** A rigid body to be tracked. */
export interface NatNetToolOptions {
  /** What clients call it. */
  readonly name: string;
  /** The rigid body's streaming id. */
  readonly id?: number;
  /** The rigid body's name in Motive, where no id is given. Default: the tool's own name. */
  readonly model?: string;
}

/** How Motive, or another NatNet server, is listened to. */
export interface NatNetDriverOptions {
  /** To the server's command port: `udpTransport({ port: 0, host, remote: { host: server, port: 1510 } })`. */
  readonly command: DatagramTransport;
  /**
   * Where frames arrive when the server multicasts them: `udpTransport({ port: 1511, host, multicast: { group:
   * '239.255.42.99' }, remote })`. Without it they are awaited on {@link command}, as a server sends them that unicasts.
   */
  readonly data?: DatagramTransport;
  readonly clock: Clock;
  readonly tools: readonly NatNetToolOptions[];
  /** Also track rigid bodies that are not in {@link tools}, by their names in Motive. Default true. */
  readonly otherTools?: boolean;
  /** The version that frames have, where the server's own word is not to be taken. */
  readonly version?: NatNetVersion;
  /** Time between two echoes once the clocks are compared, ms. Default 500. */
  readonly echoIntervalMs?: number;
  /** Default 100 ms; see the freeze guard. */
  readonly frozenAfterMs?: number;
  readonly timeouts?: DriverTimeouts;
}
