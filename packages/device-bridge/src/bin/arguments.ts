import { parseArgs } from 'node:util';
import { NavError } from '@trocar/core';

/** What `trocar-bridge` was asked for. */
export interface BridgeArguments {
  readonly device:
    | { readonly kind: 'serial'; readonly path: string }
    | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
    | { readonly kind: 'simulate' };
  readonly roms: ReadonlyArray<{ readonly name: string; readonly file: string }>;
  readonly port: number;
  readonly host: string;
  readonly origins: readonly string[];
  readonly hosts: readonly string[];
  readonly allowRemote: boolean;
  readonly baudRate: number;
}

/** The text of `--help`. */
export const USAGE = `trocar-bridge: poses of an NDI tracker, over WebSocket

  --serial PATH         an NDI tracker on a serial port
  --tcp HOST[:PORT]     an NDI tracker on the network (port 8765)
  --simulate            a simulated tracker with two tools, "stylus" and "reference"
  --rom NAME=FILE       a passive tool and its definition file; may be given again
  --baud RATE           serial rate after the first contact (115200)
  --port PORT           where to listen (any free port)
  --host HOST           address to listen on (127.0.0.1)
  --allow-remote        needed for any other address, with --origin and --name
  --origin ORIGIN       a page that may connect, as http://127.0.0.1:5173; may be given again
  --name HOST           a name this machine is reached by; may be given again
  --help                this text
`;

/**
 * Reads the command line; undefined where help was asked for.
 * @throws NavError `bridge/bad-option` saying which argument is wrong
 */
export function readArguments(args: readonly string[]): BridgeArguments | undefined {
  const values = parse(args);
  if (values.help === true) return undefined;
  const devices = [
    ...(values.serial === undefined ? [] : [{ kind: 'serial' as const, path: values.serial }]),
    ...(values.tcp === undefined ? [] : [{ kind: 'tcp' as const, ...hostAndPort(values.tcp) }]),
    ...(values.simulate === true ? [{ kind: 'simulate' as const }] : []),
  ];
  const device = devices[0];
  if (device === undefined || devices.length > 1) throw bad('Give exactly one of --serial, --tcp and --simulate.');
  return {
    device,
    roms: (values.rom ?? []).map(nameAndFile),
    port: wholeNumber('--port', values.port ?? '0', 0, 65_535),
    host: values.host ?? '127.0.0.1',
    origins: values.origin ?? [],
    hosts: values.name ?? [],
    allowRemote: values['allow-remote'] === true,
    baudRate: wholeNumber('--baud', values.baud ?? '115200', 9600, 1_228_739),
  };
}

function parse(args: readonly string[]): {
  serial?: string;
  tcp?: string;
  simulate?: boolean;
  rom?: string[];
  baud?: string;
  port?: string;
  host?: string;
  'allow-remote'?: boolean;
  origin?: string[];
  name?: string[];
  help?: boolean;
} {
  try {
    return parseArgs({
      args: [...args],
      options: {
        serial: { type: 'string' },
        tcp: { type: 'string' },
        simulate: { type: 'boolean' },
        rom: { type: 'string', multiple: true },
        baud: { type: 'string' },
        port: { type: 'string' },
        host: { type: 'string' },
        'allow-remote': { type: 'boolean' },
        origin: { type: 'string', multiple: true },
        name: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    throw bad(`${cause instanceof Error ? cause.message : String(cause)} Try --help.`);
  }
}

function bad(message: string): NavError {
  return new NavError('bridge/bad-option', message);
}

function hostAndPort(text: string): { host: string; port: number } {
  const match = /^(.+?)(?::(\d+))?$/.exec(text);
  if (match === null) throw bad(`--tcp needs HOST or HOST:PORT, got "${text}".`);
  return { host: match[1] as string, port: wholeNumber('--tcp', match[2] ?? '8765', 1, 65_535) };
}

function nameAndFile(text: string): { name: string; file: string } {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw bad(`--rom needs NAME=FILE, got "${text}".`);
  return { name: text.slice(0, at), file: text.slice(at + 1) };
}

function wholeNumber(name: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high)
    throw bad(`${name} needs a whole number from ${low} to ${high}, got "${text}".`);
  return value;
}
