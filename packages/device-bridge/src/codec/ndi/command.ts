import { NavError } from '@trocar/core';
import { crc16, hex, withCrc } from './crc16.js';

/** How a command is written: `crc` is `NAME:arguments` + CRC16, `plain` is `NAME arguments`. A device takes both. */
export type CommandForm = 'crc' | 'plain';

/** A command as a device received it. */
export interface Command {
  readonly name: string;
  readonly args: string;
  readonly form: CommandForm;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

/**
 * One command as bytes, with its CR.
 * @param name letters and digits: `TX`, `PHSR`
 * @param args printable ASCII; empty for none
 * @throws NavError `codec/malformed` where a name or an argument could not be told from framing
 */
export function encodeCommand(name: string, args = '', form: CommandForm = 'crc'): Uint8Array {
  if (!/^[A-Z][A-Z0-9]*$/.test(name) || !/^[ -~]*$/.test(args)) {
    throw new NavError(
      'codec/malformed',
      `"${name} ${args}" cannot be an NDI command: use capitals, digits and printable ASCII.`,
    );
  }
  return form === 'crc' ? withCrc(`${name}:${args}`) : encoder.encode(`${name} ${args}\r`);
}

/**
 * One received command line, without its CR. The character after the name decides the form.
 * @throws NavError `codec/malformed`, `codec/bad-crc`
 */
export function parseCommand(line: Uint8Array): Command {
  const text = decoder.decode(line);
  const match = /^([A-Z][A-Z0-9]*)([: ]?)([ -~]*)$/.exec(text);
  if (match === null) throw new NavError('codec/malformed', `"${text.slice(0, 40)}" is no NDI command.`);
  const [, name = '', separator, rest = ''] = match;
  if (separator !== ':') return { name, args: rest, form: 'plain' };
  if (rest.length < 4) throw new NavError('codec/bad-crc', `The command "${name}" carries no CRC.`);
  const expected = hex(crc16(line, 0, line.length - 4), 4);
  if (text.slice(-4) !== expected) {
    throw new NavError('codec/bad-crc', `The command "${name}" carries CRC ${text.slice(-4)} where ${expected} is right.`);
  }
  return { name, args: rest.slice(0, -4), form: 'crc' };
}

/** Baud rates in the order of their COMM digit, Combined API "COMM". */
const BAUD_DIGITS: ReadonlyArray<readonly [number, string]> = [
  [9600, '0'],
  [14400, '1'],
  [19200, '2'],
  [38400, '3'],
  [57600, '4'],
  [115200, '5'],
  [921600, '6'],
  [1228739, '7'],
  [230400, 'A'],
];

/**
 * The argument of COMM for 8 data bits (binary replies need them), no parity, one stop bit.
 * @throws NavError `device/not-supported` naming the rates there are
 */
export function commArguments(baudRate: number, hardwareHandshake = false): string {
  const digit = BAUD_DIGITS.find(([rate]) => rate === baudRate)?.[1];
  if (digit === undefined) {
    const known = BAUD_DIGITS.map(([rate]) => rate).join(', ');
    throw new NavError('device/not-supported', `NDI devices have no rate of ${baudRate} baud. Use one of ${known}.`);
  }
  return `${digit}000${hardwareHandshake ? '1' : '0'}`;
}

/** The baud rate that a COMM argument asks for, or undefined. */
export function baudRateOf(commArgs: string): number | undefined {
  return BAUD_DIGITS.find(([, digit]) => digit === commArgs[0])?.[0];
}
