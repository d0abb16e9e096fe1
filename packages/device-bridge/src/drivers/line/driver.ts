import { NavError } from '@trocar/core';
import { LineFramer, lineParser } from '../../codec/line/index.js';
import type { Driver } from '../../driver.js';
import type { DatagramTransport, Transport } from '../../transport.js';
import { type DriverSession, makeDriver } from '../kit/index.js';
import type { LineDriverOptions } from './options.js';
import { LineTracking } from './tracking.js';

const isDatagrams = (transport: Transport | DatagramTransport): transport is DatagramTransport => 'send' in transport;

/**
 * A driver for devices that send one line of text per measurement, over a serial line, TCP or UDP: NMEA-like sentences,
 * CSV, `key:value` pairs of a microcontroller, or anything that a regular expression or a function can read.
 *
 * A line that cannot be read is counted, told at a low rate, and gives no pose. A sensor that measures only an orientation
 * (an IMU) or only a position is told as `unknown`, with no numbers for what it does not measure, and `line/no-position`
 * or `line/no-orientation` is said once: it pretends nothing. Device time, or a counter, is fitted to host time where a line
 * has it.
 * @throws NavError `bridge/bad-option`
 */
export function lineDriver(options: LineDriverOptions): Driver {
  requireTools(options);
  const { transport } = options;
  let tracking: LineTracking | undefined;
  let current: DriverSession | undefined;
  // What cannot be parsed is refused before anything is connected.
  new LineFramer({ line: () => undefined, fault: () => undefined }, options.ending, options.maxLineBytes);
  lineParser(options.parse);
  return makeDriver({
    name: `lines on ${transport.label}`,
    clock: options.clock,
    tools: options.tools.map(({ name }) => ({ name })),
    ...(options.timeouts && { timeouts: options.timeouts }),
    ...(options.frozenAfterMs !== undefined && { frozenAfterMs: options.frozenAfterMs }),
    open: async (session) => {
      current = session;
      tracking ??= new LineTracking(options, session.poses, {
        alive: () => current?.alive(),
        part: (code, tool) => current?.fault(code, PART[code](tool)),
      });
      tracking.restart();
      await open(options, session, tracking);
    },
    close: () => transport.close(),
  });
}

const PART = {
  'line/no-position': (tool: string) =>
    `Tool "${tool}" measures an orientation and no position: its poses are unknown, never live.`,
  'line/no-orientation': (tool: string) =>
    `Tool "${tool}" measures a position and no orientation: its poses are unknown, never live.`,
};

async function open(options: LineDriverOptions, session: DriverSession, tracking: LineTracking): Promise<void> {
  const { transport } = options;
  const framer = new LineFramer(
    {
      line: (bytes) => {
        const outcome = tracking.push(bytes);
        if (typeof outcome === 'string') return;
        session.fault(outcome.code, `A line was not read: ${outcome.what} (${tracking.malformed} so far).`);
      },
      fault: (code, lost) => session.fault(code, `A line is too long: ${lost} bytes were given up.`),
    },
    options.ending,
    options.maxLineBytes,
  );
  const take = (bytes: Uint8Array): void => {
    if (session.arrived()) framer.feed(bytes);
  };
  const closed = (reason: NavError): void => session.lost(reason);
  if (isDatagrams(transport)) {
    const datagram = (bytes: Uint8Array): void => {
      take(bytes);
      framer.end();
    };
    await transport.open({ datagram, closed });
    for (const text of options.onOpen ?? []) transport.send(ascii(text));
    return;
  }
  await transport.open({ data: take, closed });
  if (options.baudRate !== undefined) await transport.line?.setBaudRate(options.baudRate);
  for (const text of options.onOpen ?? []) transport.write(ascii(text));
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0) & 0xff);

function requireTools(options: LineDriverOptions): void {
  const keys = new Set(options.tools.map(({ name, key }) => key ?? name));
  if (options.tools.length === 0 || keys.size !== options.tools.length) {
    throw new NavError('bridge/bad-option', 'A line driver needs at least one tool, each with a key of its own.');
  }
}
