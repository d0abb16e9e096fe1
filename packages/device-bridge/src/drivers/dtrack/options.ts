import type { Clock } from '@trocar/core';
import type { DatagramTransport, Transport } from '../../transport.js';
import type { DriverTimeouts } from '../kit/index.js';

/** What of DTrack's a tool can be. */
export type DTrackKind = 'body' | 'flystick' | 'measurementTool' | 'reference';

/** A tool to be tracked. DTrack knows targets by number only; a name is given here. */
export interface DTrackToolOptions {
  /** What clients call it. */
  readonly name: string;
  /** Default `body`. */
  readonly kind?: DTrackKind;
  /** The number of the body, Flystick, measurement tool or reference as DTrack sends it: one less than DTrack's own window shows. */
  readonly id: number;
}

/** How an ART system is listened to. */
export interface DTrackDriverOptions {
  /** Where DTrack sends to: `udpTransport({ port: 5000, host, remote })`. */
  readonly transport: DatagramTransport;
  readonly clock: Clock;
  readonly tools: readonly DTrackToolOptions[];
  /** Also track targets that are not in {@link tools}, named `dtrack-body-3`. Default true. */
  readonly otherTools?: boolean;
  /** DTrack's command connection (TCP 50105): given, measurement is started and stopped through it. */
  readonly control?: Transport;
  /** Default 100 ms; see the freeze guard. */
  readonly frozenAfterMs?: number;
  readonly timeouts?: DriverTimeouts;
}
