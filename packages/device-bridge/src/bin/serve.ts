import { resolve } from 'node:path';
import { systemClock } from '@trocar/core';
import { Recorder } from '@trocar/core/recording';
import { type BridgeLogEntry, type BridgeOptions, bridgeOptionsOf, type ReadConfig, startBridge } from '../node/index.js';
import { recordingFile } from '../node/recorder-file.js';
import { type Command, type Io, type OptionSpec, type Parsed, usageError } from './command.js';
import { configFrom, DEVICE_OPTIONS, LISTEN_OPTIONS, withListening } from './device-options.js';

const JSON_OPTION: Readonly<Record<string, OptionSpec>> = { json: { help: 'say what happens as lines of JSON' } };
const OUT_OPTION: Readonly<Record<string, OptionSpec>> = {
  record: { value: 'FILE', help: 'also record into a new file (MCAP)' },
};

/** `trocar-bridge serve`. */
export const serve: Command = {
  name: 'serve',
  summary: 'poses of tracked devices, over WebSocket, for browsers and programs.',
  takes: '',
  about:
    'Prints the address that clients connect to; /metrics and /healthz answer there too. It listens on this machine only,\n' +
    'unless --allow-remote is given with a certificate and a token. Ctrl-C ends it.',
  options: { ...DEVICE_OPTIONS, ...LISTEN_OPTIONS, ...OUT_OPTION, ...JSON_OPTION },
  examples: [
    'serve --simulate --origin http://127.0.0.1:5173',
    'serve --simulate ultrasound --origin http://127.0.0.1:5173',
    'serve --serial /dev/ttyUSB0 --rom stylus=stylus.rom',
    'serve --config bridge.yaml --json',
  ],
  run: async (parsed, io) => runBridge(withListening(await configFrom(parsed), parsed), parsed, io),
};

const {
  serial: _serial,
  tcp: _tcp,
  igtl: _igtl,
  config: _config,
  simulate: _simulate,
  'simulate-ultrasound': _ultrasound,
  rom: _rom,
  baud: _baud,
  ...SIMULATED
} = DEVICE_OPTIONS;

/** `trocar-bridge simulate`. */
export const simulate: Command = {
  name: 'simulate',
  summary: 'serve a simulated tracker.',
  takes: '',
  options: { ...SIMULATED, ...LISTEN_OPTIONS, ...OUT_OPTION, ...JSON_OPTION },
  examples: ['simulate --tools stylus,reference,drill --rate 250'],
  run: async (parsed, io) => {
    const asked: Parsed = { ...parsed, has: (option) => option === 'simulate' || parsed.has(option) };
    return runBridge(withListening(await configFrom(asked), parsed), parsed, io);
  },
};

/** `trocar-bridge record`. */
export const record: Command = {
  name: 'record',
  summary: 'record devices into a file, and serve them meanwhile.',
  takes: '',
  about: 'Records poses, and every byte of devices that have a line. What was written survives a crash up to its last second.',
  options: {
    out: { value: 'FILE', help: 'the new file (MCAP); one that exists is never written over' },
    seconds: { value: 'S', help: 'end after so long' },
    ...DEVICE_OPTIONS,
    ...LISTEN_OPTIONS,
    ...JSON_OPTION,
  },
  examples: ['record --out case.mcap --tcp tracker --rom stylus=stylus.rom', 'record --out test.mcap --simulate --seconds 10'],
  run: async (parsed, io) => {
    const read = withListening(await configFrom(parsed), parsed);
    if (recordingPath(read, parsed) === undefined) throw usageError('record needs --out FILE, or "record" in the configuration.');
    return runBridge(read, parsed, io);
  },
};

/** Serves, and records where that is asked for, until it is told to end. */
async function runBridge(read: ReadConfig, parsed: Parsed, io: Io): Promise<number> {
  const clock = systemClock();
  const seconds = parsed.number('seconds', 0.001, 1e9);
  const file = recordingPath(read, parsed);
  const output = file === undefined ? undefined : await recordingFile(file);
  const recorder = output && new Recorder({ output, clock });
  let failed = false;
  try {
    const options = await bridgeOptionsOf(read, {
      clock,
      env: io.env,
      warn: (sentence) => io.error(`warning: ${sentence}`),
      ...(recorder && { recorder }),
    });
    recorder?.faults.subscribe(() => {
      failed = true;
    });
    await serveUntilEnd(options, parsed, io, seconds);
  } finally {
    await recorder?.close();
  }
  if (recorder !== undefined && file !== undefined) {
    const { counts } = recorder;
    const lost = counts.lostPoses + counts.lostMessages;
    const words = `recorded ${counts.poses} poses in ${counts.bytes} bytes of ${file}${lost === 0 ? '' : `; ${lost} messages were lost`}`;
    await io.out(parsed.has('json') ? JSON.stringify({ what: 'recorded', file, ...counts }) : words);
  }
  return failed ? 1 : 0;
}

function recordingPath({ config, folder }: ReadConfig, parsed: Parsed): string | undefined {
  const given = parsed.text('out') ?? parsed.text('record');
  if (given !== undefined) return resolve(given);
  return config.record && resolve(folder, config.record.file);
}

/**
 * Serves until Ctrl-C, or for so long.
 * @param came called when a client has come
 */
export async function serveUntilEnd(
  options: BridgeOptions,
  parsed: Parsed,
  io: Io,
  seconds?: number,
  came: () => void = () => undefined,
): Promise<void> {
  const json = parsed.has('json');
  const log = (entry: BridgeLogEntry): void => {
    tell(entry, json, io);
    if (entry.what === 'joined') came();
  };
  const bridge = await startBridge({ ...options, log });
  try {
    await io.out(json ? JSON.stringify({ what: 'listening', url: bridge.url }) : bridge.url);
    await ended(io.signal, seconds);
  } finally {
    await bridge.close();
  }
}

function tell(entry: BridgeLogEntry, json: boolean, io: Io): void {
  if (json) void io.out(JSON.stringify(entry));
  else io.error(inWords(entry));
}

function inWords(entry: BridgeLogEntry): string {
  switch (entry.what) {
    case 'device':
      return `${entry.device}: ${entry.state}${entry.reason === '' ? '' : ` (${entry.reason})`}`;
    case 'fault':
      return `${entry.code}: ${entry.message}`;
    case 'refused':
      return `refused a client: ${entry.reason}`;
    default:
      return `a client ${entry.what} (${entry.role}, ${entry.address}); ${entry.clients} now`;
  }
}

function ended(signal: AbortSignal, seconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (seconds !== undefined) setTimeout(resolve, 1000 * seconds);
  });
}
