import type { Clock, Instant, PoseBuffer, Signal, Unsubscribe } from '@trocar/core';
import type { ImageSource } from '@trocar/core/recording';
import type { BridgeCommand, DeviceState, Role } from '../codec/bridge/index.js';
import type { ConnectionState, DriverFault, ToolInfo } from '../driver.js';
import type { BridgeImageOptions, BridgeImages } from './image-link.js';
import type { CreateSocket } from './socket.js';

/** How a client connects. */
export interface BridgeClientOptions {
  /** `ws://127.0.0.1:49152` */
  readonly url: string;
  /** The host's clock: every time a buffer gets is on it. */
  readonly clock: Clock;
  /** Default: the platform's WebSocket. In Node: `nodeSocket` from `@trocar/device-bridge/node`. */
  readonly createSocket?: CreateSocket;
  /** Needed where the bridge wants one. Never part of the address. */
  readonly token?: string;
  /** Names of the tools wanted, also of ones that appear later. Default all. */
  readonly subscribe?: readonly string[];
  /** Not more pose messages per second than this: the newest pose of each tool then. Default all there are. */
  readonly maxRateHz?: number;
  /**
   * With nothing heard for this long every tool is `disconnected`. Default three of the bridge's heartbeats and at least
   * 100 ms: 100 ms for a bridge that was told nothing else.
   */
  readonly deadlineMs?: number;
  /** First pause before connecting again, ms; doubled up to 2 s. Default 100. */
  readonly reconnectMs?: number;
  /** Time between two clock echoes once the first five are through, ms. Default 1000. */
  readonly pingMs?: number;
}

/**
 * `connecting`: no connection yet, or again. `open`: poses flow. `silent`: connected, but nothing has been heard within
 * the deadline. `refused`: the other end is no bridge of this version, and it is not tried again. `closed`: by us.
 */
export type LinkState = 'connecting' | 'open' | 'silent' | 'refused' | 'closed';

/** The state of the connection, for people. */
export interface BridgeState {
  readonly link: LinkState;
  /** What the bridge says of its device; `disconnected` while the link is not open. */
  readonly device: ConnectionState;
  readonly reason: string;
  /** Each device of its own, as last told; none where the bridge is older than that. */
  readonly devices: readonly DeviceState[];
}

/** A moment that somebody marked. */
export interface BridgeMark {
  readonly text: string;
  /** On the host's clock, within the bound of the comparison; NaN before the clocks are compared. */
  readonly at: Instant;
}

/** What has happened since the client was made. */
export interface BridgeCounts {
  messages: number;
  poses: number;
  /** Came before the clocks were compared, and so could not be placed in time. */
  unsynchronised: number;
  /** Replaced by newer ones at the bridge because this client did not keep up. */
  dropped: number;
  connections: number;
  /** Came again after a connection was resumed, and were let go. */
  duplicates: number;
  /** Groups of poses that the bridge had while this client was away. */
  missed: number;
  /** Times that nothing was heard within the deadline. */
  silences: number;
}

/** A connection to a bridge that mends itself, and fills pose buffers. */
export interface BridgeClient {
  /** Resolves at the first connection with clocks compared; rejects where the other end is refused, or on close. */
  readonly ready: Promise<void>;
  readonly state: BridgeState;
  readonly tools: readonly ToolInfo[];
  /**
   * Bridge clock minus host clock now, and how wrong that can be; how much faster the bridge's runs, and how wrong that
   * can be. NaN before the first echo. The bound grows between echoes.
   */
  readonly clock: {
    readonly offsetMs: number;
    readonly boundMs: number;
    readonly skewPpm: number;
    readonly skewBoundPpm: number;
  };
  readonly counts: Readonly<BridgeCounts>;
  readonly changed: Signal<BridgeState>;
  readonly toolsChanged: Signal<readonly ToolInfo[]>;
  readonly faults: Signal<DriverFault>;
  readonly marks: Signal<BridgeMark>;
  /** What the bridge lets this client do; `observe` until it has said so. */
  readonly role: Role;
  /**
   * Asks the bridge for something: `mark` with a `text`, or what it was set up to do. Resolves when it was done.
   * @throws NavError `bridge/not-allowed`, `bridge/unknown-command`, `bridge/command-failed`, `bridge/closed`, and what
   * the command itself throws
   */
  command(name: string, args?: BridgeCommand['args']): Promise<void>;
  /** Fills `buffer` with the poses of a tool, also of one that appears later; `disconnected` while it is not there. */
  attach(tool: string, buffer: PoseBuffer): Unsubscribe;
  /** The sources of images that the bridge has; none where it is older than revision 2. */
  readonly imageSources: readonly ImageSource[];
  /**
   * The images of a source, also of one that appears later, over a connection of their own that follows this client's. Close it
   * when they are no longer wanted; closing the client closes it too.
   * @throws NavError `bridge/bad-option`
   */
  images(source: string, options?: BridgeImageOptions): BridgeImages;
  close(): void;
}
