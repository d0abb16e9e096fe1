import type { Role } from '../codec/bridge/index.js';
import { DEVICE_SHAPES, deviceProblems } from './config-device-shapes.js';
import type { DeviceConfig } from './config-device-types.js';
import { type ConfigProblem, checkShape, jsonSchema, pathText, type Shape } from './config-shape.js';
import { isLoopback } from './policy.js';
import type { BridgeLimits } from './server-limits.js';

/** Where a bridge finds a token. Never in the configuration itself: those are mailed, shown and committed. */
export interface TokenConfig {
  readonly role: Role;
  /** A file that holds it and nothing else, or the name of an environment variable. Exactly one. */
  readonly file?: string;
  readonly env?: string;
}

/** How a bridge listens. */
export interface ListenConfig {
  readonly host?: string;
  readonly port?: number;
  readonly origins?: readonly string[];
  readonly hosts?: readonly string[];
  readonly allowRemote?: boolean;
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly tokens?: readonly TokenConfig[];
}

/** The configuration of `trocar-bridge`, as its file holds it. Files are relative to the folder of that file. */
export interface BridgeConfig {
  readonly name?: string;
  readonly listen?: ListenConfig;
  readonly devices: readonly DeviceConfig[];
  /** A recording of everything that the devices tell. */
  readonly record?: { readonly file: string };
  readonly limits?: Partial<BridgeLimits>;
  readonly heartbeatMs?: number;
  readonly healthyWithinMs?: number;
}

const count = (help: string, high: number): Shape => ({ kind: 'number', low: 1, high, whole: true, help });
const text = (help: string): Shape => ({ kind: 'text', help });
const texts = (help: string): Shape => ({ kind: 'list', of: text(''), help });

const TOKEN: Shape = {
  kind: 'fields',
  help: 'Who comes in with which secret: a file or an environment variable that holds it.',
  fields: {
    role: { kind: 'one', values: ['observe', 'control'], help: 'What it allows.', required: true },
    file: text('File that holds the token and nothing else.'),
    env: text('Environment variable that holds the token.'),
  },
};

const LISTEN: Shape = {
  kind: 'fields',
  help: 'Where clients connect.',
  fields: {
    host: text('Address to listen on. Default 127.0.0.1, this machine only.'),
    port: { kind: 'number', low: 0, high: 65_535, whole: true, help: 'Default 0: any free port, printed at the start.' },
    origins: texts('Pages that may connect, as http://127.0.0.1:5173.'),
    hosts: texts('Names this machine is reached by, beyond loopback.'),
    allowRemote: { kind: 'flag', help: 'Listen where other machines can connect. Needs tls and tokens.' },
    tls: {
      kind: 'fields',
      help: 'Certificate and key, PEM files.',
      fields: {
        cert: { ...text('Certificate with its chain.'), required: true },
        key: { ...text('Private key.'), required: true },
      },
    },
    tokens: { kind: 'list', of: TOKEN, help: 'With any, every client needs one.' },
  },
};

const LIMITS: Shape = {
  kind: 'fields',
  help: 'What clients may take.',
  fields: {
    clients: count('Connections in all. Default 32.', 10_000),
    perAddress: count('Connections from one address. Default 32 on loopback, 8 elsewhere.', 10_000),
    waiting: count('Connections that have not said hello. Default 8.', 10_000),
    messageBytes: count('Longest message of a client, bytes. Default 4096.', 65_536),
    messagesPerSecond: count('Messages of a client. Default 50.', 100_000),
    bytesPerSecond: count('Bytes from a client. Default 65536.', 1e9),
  },
};

/** What a configuration may hold. */
export const CONFIG_SHAPE: Shape = {
  kind: 'fields',
  help: 'Configuration of trocar-bridge.',
  fields: {
    $schema: text('Where an editor finds this schema.'),
    name: text('What the bridge calls itself.'),
    listen: LISTEN,
    devices: { kind: 'list', of: DEVICE_SHAPES, least: 1, help: 'The devices whose poses are served.', required: true },
    record: {
      kind: 'fields',
      help: 'Record everything that the devices tell.',
      fields: { file: { ...text('An MCAP file that does not exist yet.'), required: true } },
    },
    limits: LIMITS,
    heartbeatMs: { kind: 'number', low: 5, high: 10_000, help: 'Something is sent to clients at least this often. Default 25.' },
    healthyWithinMs: {
      kind: 'number',
      low: 10,
      high: 60_000,
      help: '/healthz is well while poses came within this. Default 500.',
    },
  },
};

/** The schema for editors, as docs/trocar-bridge.schema.json holds it. */
export function configSchema(): Record<string, unknown> {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'trocar-bridge', ...jsonSchema(CONFIG_SHAPE) };
}

/** Everything that is wrong with a configuration: first its shape, then, where that is right, what contradicts itself. */
export function configProblems(value: unknown): ConfigProblem[] {
  const problems = checkShape(CONFIG_SHAPE, value);
  if (problems.length > 0) return problems;
  const config = value as BridgeConfig;
  return [...deviceProblems(config.devices), ...listenProblems(config.listen ?? {})];
}

function listenProblems(listen: ListenConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const wrong = (path: readonly (string | number)[], message: string): void => {
    problems.push({ path: ['listen', ...path], message: `${pathText(['listen', ...path])} ${message}` });
  };
  for (const [i, { file, env }] of (listen.tokens ?? []).entries()) {
    if ((file === undefined) === (env === undefined)) wrong(['tokens', i], 'needs either "file" or "env".');
  }
  for (const [i, origin] of (listen.origins ?? []).entries()) {
    if (!isOrigin(origin))
      wrong(['origins', i], `must be scheme, host and port exactly, as http://127.0.0.1:5173, got "${origin}".`);
  }
  if (isLoopback(listen.host ?? '127.0.0.1')) return problems;
  if (listen.allowRemote !== true)
    wrong(['host'], 'can be reached from other machines: that needs "allowRemote: true", "tls" and "tokens".');
  else if (listen.tls === undefined) wrong(['host'], 'can be reached from other machines, and needs "tls".');
  else if ((listen.tokens ?? []).length === 0) wrong(['host'], 'can be reached from other machines, and needs "tokens".');
  else if ((listen.hosts ?? []).length === 0) wrong(['host'], 'needs "hosts": the names that it is reached by.');
  return problems;
}

function isOrigin(origin: string): boolean {
  try {
    return new URL(origin).origin === origin && origin !== 'null';
  } catch {
    return false;
  }
}
