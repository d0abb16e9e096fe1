import type { Clock } from '@trocar/core';
import type { LineEnding, LineLayout, LineUnits } from '../../codec/line/index.js';
import type { DatagramTransport, Transport } from '../../transport.js';
import type { DriverTimeouts } from '../kit/index.js';

/** A tool that lines tell of. */
export interface LineToolOptions {
  /** What clients call it. */
  readonly name: string;
  /** What its lines have in the field `tool`. Default: its name. Not looked at where there is one tool and no such field. */
  readonly key?: string;
}

/** How a device that sends lines of text is read. */
export interface LineDriverOptions {
  /** A serial line, a TCP connection or UDP. */
  readonly transport: Transport | DatagramTransport;
  readonly clock: Clock;
  readonly tools: readonly LineToolOptions[];
  /**
   * How a line is read: a regular expression with named groups, `{ csv: ['time', 'x', 'y', 'z'] }`, `{ keys: { X: 'x' } }`,
   * or a function. The fields are tool, frame, time, valid, error, x, y, z, qx, qy, qz, qw, roll, pitch and yaw.
   */
  readonly parse: LineLayout;
  /** Default mm and radians. */
  readonly units?: LineUnits;
  /**
   * What a line without the field `valid` says of its tool: `ok` where the device is known to send lines only while it
   * measures. Default `unknown`: nobody can tell.
   */
  readonly lineMeans?: 'ok' | 'unknown';
  /** `nmea`: lines end with `*` and two hexadecimal digits, and those whose digits are wrong or absent are refused. Default `none`. */
  readonly checksum?: 'none' | 'nmea';
  /** Default `any`: CR, LF or both. */
  readonly ending?: LineEnding;
  /** The longest line. Default 1024 bytes. */
  readonly maxLineBytes?: number;
  /** Where the transport is a serial line, its speed. Default 9600. */
  readonly baudRate?: number;
  /** Sent when the transport is open, each with its own ending: `['START\r']`. */
  readonly onOpen?: readonly string[];
  /** Default 100 ms; see the freeze guard. `Infinity` for encoders, whose numbers stand still with the tool. */
  readonly frozenAfterMs?: number;
  readonly timeouts?: DriverTimeouts;
}
