import { resolve } from 'node:path';
import type { DeviceConfig, NdiConfig } from '../node/config-device-types.js';
import { type BridgeConfig, type ReadConfig, readConfig } from '../node/index.js';
import { type OptionSpec, type Parsed, usageError } from './command.js';

/** The options that say which devices are meant: a configuration, or one device. */
export const DEVICE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  config: { value: 'FILE', help: 'devices and everything else from a configuration (YAML or JSON)' },
  serial: { value: 'PATH', help: 'an NDI tracker on a serial port' },
  tcp: { value: 'HOST[:PORT]', help: 'an NDI tracker on the network (port 8765)' },
  igtl: { value: 'HOST[:PORT]', help: 'an OpenIGTLink server, as PLUS or Slicer (port 18944)' },
  simulate: { help: 'a simulated tracker with two tools, "stylus" and "reference"', word: 'ultrasound' },
  'simulate-ultrasound': { help: 'a simulated ultrasound machine with a tracked probe; also --simulate ultrasound' },
  rom: { value: 'NAME=FILE', many: true, help: 'a passive tool of an NDI tracker and its definition file' },
  baud: { value: 'RATE', help: 'serial rate after the first contact (115200)' },
  tools: { value: 'NAMES', help: 'names of the simulated tools, with commas between' },
  rate: { value: 'HZ', help: 'frames per second of the simulated tracker (60)' },
};

/**
 * The configuration that a command line asks for.
 * @throws NavError `bridge/bad-option`; `io/not-found` and `bridge/bad-config` of the configuration
 */
export async function configFrom(parsed: Parsed): Promise<ReadConfig> {
  const kinds = ['config', 'serial', 'tcp', 'igtl', 'simulate', 'simulate-ultrasound'].filter((option) => parsed.has(option));
  if (kinds.length !== 1) throw usageError('Give exactly one of --config, --serial, --tcp, --igtl and --simulate.');
  const file = parsed.text('config');
  const read = file === undefined ? { config: { devices: [deviceFrom(parsed)] }, folder: resolve('.') } : await readConfig(file);
  refuseStray(parsed, kinds[0] as string);
  return read;
}

/** Options of one kind of device beside another would be let go in silence. */
function refuseStray(parsed: Parsed, kind: string): void {
  const belong: Readonly<Record<string, readonly string[]>> = {
    rom: ['serial', 'tcp'],
    baud: ['serial'],
    tools: ['simulate'],
    rate: ['simulate'],
  };
  for (const [option, kinds] of Object.entries(belong)) {
    if (parsed.has(option) && !kinds.includes(kind)) throw usageError(`--${option} means nothing beside --${kind}.`);
  }
}

function deviceFrom(parsed: Parsed): DeviceConfig {
  const igtl = parsed.text('igtl');
  if (igtl !== undefined) return { type: 'igtl', tcp: address('--igtl', igtl) };
  if (parsed.has('simulate-ultrasound')) return { type: 'simulated-ultrasound' };
  if (!parsed.has('simulate')) return ndiFrom(parsed);
  const rateHz = parsed.number('rate', 1, 1000);
  const tools = parsed.text('tools')?.split(',');
  for (const name of tools ?? []) requireToolName('--tools', name);
  return { type: 'simulate', ...(rateHz !== undefined && { rateHz }), ...(tools !== undefined && { tools }) };
}

function ndiFrom(parsed: Parsed): NdiConfig {
  const serial = parsed.text('serial');
  const tcp = parsed.text('tcp');
  const baud = parsed.whole('baud', 9600, 1_228_739);
  return {
    type: 'ndi',
    tools: parsed.texts('rom').map(nameAndFile),
    ...(serial !== undefined && { serial }),
    ...(tcp !== undefined && { tcp: address('--tcp', tcp) }),
    ...(baud !== undefined && { baud }),
  };
}

function address(option: string, text: string): string {
  const port = /^(?:\[.+\]|[^:]+)(?::(\d+))?$/.exec(text);
  if (port === null || Number(port[1] ?? 1) < 1 || Number(port[1] ?? 1) > 65_535) {
    throw usageError(`${option} needs HOST or HOST:PORT, got "${text}".`);
  }
  return text;
}

function nameAndFile(text: string): { name: string; file: string } {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw usageError(`--rom needs NAME=FILE, got "${text}".`);
  const name = text.slice(0, at);
  requireToolName('--rom', name);
  return { name, file: text.slice(at + 1) };
}

function requireToolName(option: string, name: string): void {
  if (/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name)) return;
  throw usageError(`${option}: "${name}" cannot name a tool. Use a letter and at most 63 letters, digits, "-" or "_".`);
}

/** The options that say how to listen. */
export const LISTEN_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  port: { value: 'PORT', help: 'where to listen (any free port)' },
  host: { value: 'HOST', help: 'address to listen on (127.0.0.1)' },
  origin: { value: 'ORIGIN', many: true, help: 'a page that may connect, as http://127.0.0.1:5173' },
  'allow-remote': { help: 'needed for any other address, with --name, --cert, --key and a token' },
  name: { value: 'HOST', many: true, help: 'a name this machine is reached by' },
  cert: { value: 'FILE', help: 'certificate with its chain, PEM: serves wss:// and https://' },
  key: { value: 'FILE', help: 'its private key, PEM' },
  'token-file': { value: '[ROLE=]FILE', many: true, help: 'a file with an access token, for the role observe or control' },
  'token-env': { value: '[ROLE=]NAME', many: true, help: 'an environment variable with one' },
};

/**
 * A configuration with what the command line says of listening instead of its own.
 * @throws NavError `bridge/bad-option`
 */
export function withListening({ config, folder }: ReadConfig, parsed: Parsed): ReadConfig {
  const port = parsed.whole('port', 0, 65_535);
  const host = parsed.text('host');
  const cert = parsed.text('cert');
  const key = parsed.text('key');
  if ((cert === undefined) !== (key === undefined)) throw usageError('--cert and --key belong together.');
  const here = (file: string): string => resolve(file);
  const tokens = [
    ...parsed.texts('token-file').map((text) => ({ role: roleOf(text), file: here(behindRole(text)) })),
    ...parsed.texts('token-env').map((text) => ({ role: roleOf(text), env: behindRole(text) })),
  ];
  const own = config.listen ?? {};
  const listen: NonNullable<BridgeConfig['listen']> = {
    ...own,
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(parsed.has('allow-remote') && { allowRemote: true }),
    ...(cert !== undefined && key !== undefined && { tls: { cert: here(cert), key: here(key) } }),
    origins: [...(own.origins ?? []), ...parsed.texts('origin')],
    hosts: [...(own.hosts ?? []), ...parsed.texts('name')],
    tokens: [...(own.tokens ?? []), ...tokens],
  };
  return { config: { ...config, listen }, folder };
}

const ROLE = /^(observe|control)=/;
const roleOf = (text: string): 'observe' | 'control' => (ROLE.exec(text)?.[1] as 'observe' | 'control' | undefined) ?? 'observe';
const behindRole = (text: string): string => text.replace(ROLE, '');
