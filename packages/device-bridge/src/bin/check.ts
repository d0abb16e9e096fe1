import { isNavError, type PoseSample, STATUSES, type Status, severity, systemClock } from '@trocar/core';
import type { ToolInfo } from '../driver.js';
import { bridgeOptionsOf, configSchema, type ReadConfig } from '../node/index.js';
import { type BridgeDevice, Devices } from '../node/server-devices.js';
import { type Command, type Io, type Parsed, usageError } from './command.js';
import { configFrom, DEVICE_OPTIONS, LISTEN_OPTIONS, withListening } from './device-options.js';

/** `trocar-bridge check`. */
export const check: Command = {
  name: 'check',
  summary: 'whether a configuration is right and its devices answer; says which tools they see.',
  takes: '',
  about: 'Connects to every device, watches for a moment and lets them go. Exit code 0: every device tracks.',
  options: {
    ...DEVICE_OPTIONS,
    ...LISTEN_OPTIONS,
    offline: { help: 'look at the configuration only, and connect to nothing' },
    watch: { value: 'S', help: 'how long to watch once connected (2)' },
    schema: { help: 'print the JSON Schema of configurations, for editors' },
    json: { help: 'one JSON object per line' },
  },
  examples: ['check --config bridge.yaml', 'check --serial /dev/ttyUSB0 --rom stylus=stylus.rom', 'check --schema'],
  run,
};

async function run(parsed: Parsed, io: Io): Promise<number> {
  if (parsed.has('schema')) {
    await io.out(JSON.stringify(configSchema(), undefined, 2));
    return 0;
  }
  if (parsed.has('offline') && !parsed.has('config')) throw usageError('--offline looks at a --config.');
  const read = withListening(await configFrom(parsed), parsed);
  const clock = systemClock();
  const options = await bridgeOptionsOf(read, { clock, env: io.env, warn: (sentence) => io.error(`warning: ${sentence}`) });
  const say = (facts: Readonly<Record<string, unknown>>, words: string): Promise<void> =>
    io.out(parsed.has('json') ? JSON.stringify(facts) : words);
  await say({ what: 'configuration', ok: true, devices: read.config.devices.length }, configurationWords(read));
  if (parsed.has('offline')) return 0;
  const seconds = parsed.number('watch', 0, 3600) ?? 2;
  const results = await Promise.all((options.devices ?? []).map((device) => watch(device, seconds, io.signal)));
  for (const result of results) {
    await say({ what: 'device', ...result }, deviceWords(result));
    for (const tool of result.tools) await say({ what: 'tool', device: result.device, ...tool }, toolWords(tool));
    for (const fault of result.faults)
      await say({ what: 'fault', device: result.device, ...fault }, `  ${fault.code}: ${fault.message}`);
  }
  return results.every((result) => result.ok) ? 0 : 1;
}

interface ToolResult extends ToolInfo {
  readonly poses: number;
  readonly rateHz: number | null;
  readonly status: Status | 'never seen';
  /** How many of the poses had each status. */
  readonly statuses: Readonly<Record<string, number>>;
}

interface DeviceResult {
  readonly device: string;
  readonly ok: boolean;
  readonly code: string;
  readonly reason: string;
  readonly tools: readonly ToolResult[];
  readonly faults: ReadonlyArray<{ readonly code: string; readonly message: string; readonly times: number }>;
}

/** Connects to one device, watches it, and lets it go. */
async function watch(device: BridgeDevice, seconds: number, signal: AbortSignal): Promise<DeviceResult> {
  const clock = systemClock();
  const seen: Float64Array[] = [];
  const last: number[] = [];
  const faults = new Map<string, { code: string; message: string; times: number }>();
  let tools: readonly ToolInfo[] = [];
  let state: { state: string; reason: string } = { state: 'connecting', reason: '' };
  const devices = new Devices([device], clock, {
    tools: (list) => {
      tools = [...list];
    },
    pose: (tool, sample: PoseSample) => {
      const code = severity(sample.status);
      seen[tool] ??= new Float64Array(STATUSES.length);
      (seen[tool] as Float64Array)[code] = ((seen[tool] as Float64Array)[code] as number) + 1;
      last[tool] = code;
    },
    flush: () => undefined,
    connection: (connection, reason) => {
      state = { state: connection, reason };
    },
    fault: ({ code, message }) => {
      const known = faults.get(code);
      if (known === undefined) faults.set(code, { code, message, times: 1 });
      else known.times += 1;
    },
  });
  let failure: { code: string; reason: string } | undefined;
  const from = clock.now();
  try {
    await devices.start();
    for (const counts of seen) counts?.fill(0);
    await pause(seconds, signal);
  } catch (error) {
    failure = { code: isNavError(error) ? error.code : 'error', reason: error instanceof Error ? error.message : String(error) };
  }
  const watched = Math.min(1000 * seconds, clock.now() - from);
  const ok = failure === undefined && state.state === 'connected';
  const { code, reason } = failure ?? { code: '', reason: state.reason };
  // Before it is let go: that takes every tool away.
  const result = {
    device: device.name,
    ok,
    code,
    reason,
    tools: tools.map((tool, i) => toolResult(tool, seen[i], last[i], watched)),
    faults: [...faults.values()],
  };
  await devices.stop();
  return result;
}

function toolResult(tool: ToolInfo, counts: Float64Array | undefined, last: number | undefined, ms: number): ToolResult {
  const statuses = Object.fromEntries(
    STATUSES.flatMap((name, i) => ((counts?.[i] ?? 0) > 0 ? [[name, counts?.[i] as number]] : [])),
  );
  const poses = (counts ?? new Float64Array(0)).reduce((sum, n) => sum + n, 0);
  const status = last === undefined ? 'never seen' : (STATUSES[last] as Status);
  return { ...tool, poses, rateHz: ms > 0 ? Number(((1000 * poses) / ms).toFixed(1)) : null, status, statuses };
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function configurationWords({ config }: ReadConfig): string {
  const n = config.devices.length;
  return `The configuration is right: ${n} device${n === 1 ? '' : 's'}.`;
}

function deviceWords({ device, ok, code, reason, tools }: DeviceResult): string {
  if (!ok) return `${device}: not tracking. ${code === '' ? '' : `${code}: `}${reason}`;
  return `${device}: tracks ${tools.length} tool${tools.length === 1 ? '' : 's'}.`;
}

function toolWords({ name, status, rateHz, serial, partNumber, statuses }: ToolResult): string {
  const facts = [partNumber, serial].filter((fact) => fact !== undefined).join(', ');
  const shares = Object.entries(statuses).map(([one, n]) => `${n} ${one}`);
  return `  ${name}${facts === '' ? '' : ` (${facts})`}: ${status}, ${rateHz ?? '?'} poses a second${shares.length > 0 ? ` (${shares.join(', ')})` : ''}`;
}
