import type { Clock } from '@trocar/core';
import type { RosbridgeLimits, RosPoseType } from '../../codec/rosbridge/index.js';
import type { DriverTimeouts } from '../kit/index.js';

/** What the driver needs of a WebSocket: the browser's own, and that of `ws`, are ones. */
export interface RosSocket {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(text: string): void;
  close(): void;
}

/** A tool whose pose is published on a topic. */
export interface RosToolOptions {
  /** What clients call it. */
  readonly name: string;
  readonly topic: string;
  readonly type: RosPoseType;
  /** The child frame: which transform of a TFMessage, and what a TransformStamped has to be of. */
  readonly child?: string;
  /**
   * What poses are relative to. Default: what the first message says. A message with another frame is refused: its
   * numbers mean something else.
   */
  readonly frame?: string;
}

/** How a rosbridge server is listened to. */
export interface RosbridgeDriverOptions {
  /** `ws://robot:9090`. */
  readonly url: string;
  readonly clock: Clock;
  readonly tools: readonly RosToolOptions[];
  /** Opens a WebSocket: `(url) => new WebSocket(url)`, of the platform or of `ws`. Default: the platform's. */
  readonly socket?: (url: string) => RosSocket;
  /** Least time between two messages of a topic, ms. Default 0: every one. */
  readonly throttleMs?: number;
  /**
   * What a message says of its tool: `ok` where its publisher is known to publish only while it sees the tool. Default
   * `unknown`: ROS has no word for it.
   */
  readonly messageMeans?: 'ok' | 'unknown';
  readonly limits?: RosbridgeLimits;
  /** Default 100 ms; see the freeze guard. `Infinity` for robots, whose numbers stand still with them. */
  readonly frozenAfterMs?: number;
  readonly timeouts?: DriverTimeouts;
}
