import { STATUSES } from '@trocar/core';
import type { DeviceState } from '../codec/bridge/index.js';
import type { SourceFigures } from './server-images.js';

/** What a bridge knows of one of its tools. */
export interface ToolFigures {
  readonly name: string;
  readonly device: string;
  /** Poses from the device, and to clients, over all of them. */
  readonly posesIn: number;
  readonly posesOut: number;
  /** Code of the newest status, as in `STATUSES`; NaN before the first pose. */
  readonly status: number;
  /** How long ago the newest pose was measured, ms; NaN before the first. */
  readonly ageMs: number;
}

/** What a bridge knows of itself, at one moment. */
export interface BridgeFigures {
  readonly upMs: number;
  readonly devices: readonly DeviceState[];
  readonly tools: readonly ToolFigures[];
  /** Losses of a device since the start, by its name. */
  readonly losses: Readonly<Record<string, number>>;
  readonly observers: number;
  readonly controllers: number;
  /** Connections, with those that have not said hello. */
  readonly connections: number;
  /** Connections turned away, by reason; and clients sent away, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Poses replaced by newer ones: because a client did not keep up, and because it wanted fewer. */
  readonly dropped: number;
  readonly thinned: number;
  readonly faults: Readonly<Record<string, number>>;
  /** The worst bound of a client's clock, ms; NaN where none is known. */
  readonly clockBoundMs: number;
  /** Since poses last came, ms; infinite before the first. */
  readonly quietMs: number;
  readonly batches: number;
  readonly images: readonly SourceFigures[];
}

/** What is counted of each source of images. */
const IMAGE_COUNTERS: ReadonlyArray<readonly [name: string, help: string, figure: (source: SourceFigures) => number]> = [
  ['images_in_total', 'Images from the device.', (source) => source.imagesIn],
  ['images_out_total', 'Images sent, over all clients.', (source) => source.imagesOut],
  [
    'images_dropped_total',
    'Images replaced by newer ones because a client had not dealt with those before.',
    (source) => source.dropped,
  ],
];

/** The figures in the text format of Prometheus, version 0.0.4. */
export function metricsText(f: BridgeFigures): string {
  const out: string[] = [];
  const family = (name: string, kind: 'counter' | 'gauge', help: string, samples: readonly string[]): void => {
    if (samples.length > 0)
      out.push(`# HELP trocar_${name} ${help}`, `# TYPE trocar_${name} ${kind}`, ...samples.map((s) => `trocar_${name}${s}`));
  };
  const each = (record: Readonly<Record<string, number>>, label: string): string[] =>
    Object.entries(record).map(([key, n]) => `${labels({ [label]: key })} ${number(n)}`);
  const tool = (figure: (tool: ToolFigures) => number): string[] =>
    f.tools.map((t) => `${labels({ device: t.device, tool: t.name })} ${number(figure(t))}`);
  family('up_seconds', 'gauge', 'Time since the bridge began.', [` ${number(f.upMs / 1000)}`]);
  family(
    'device_connected',
    'gauge',
    '1 where the device is connected.',
    f.devices.map((d) => `${labels({ device: d.name })} ${d.state === 'connected' ? 1 : 0}`),
  );
  family('device_losses_total', 'counter', 'Times a connected device was lost.', each(f.losses, 'device'));
  family(
    'poses_in_total',
    'counter',
    'Poses from the device.',
    tool((t) => t.posesIn),
  );
  family(
    'poses_out_total',
    'counter',
    'Poses sent, over all clients.',
    tool((t) => t.posesOut),
  );
  family('pose_batches_total', 'counter', 'Groups of poses that came together.', [` ${number(f.batches)}`]);
  family('poses_dropped_total', 'counter', 'Poses replaced by newer ones because a client did not keep up.', [
    ` ${number(f.dropped)}`,
  ]);
  family('poses_thinned_total', 'counter', 'Poses replaced by newer ones because a client wanted fewer.', [
    ` ${number(f.thinned)}`,
  ]);
  for (const [name, help, figure] of IMAGE_COUNTERS) family(name, 'counter', help, f.images.map(bySource(figure)));
  family(
    'pose_age_milliseconds',
    'gauge',
    'How long ago the newest pose was measured.',
    tool((t) => t.ageMs),
  );
  family(
    'pose_status',
    'gauge',
    `Newest status: ${STATUSES.map((s, i) => `${i} ${s}`).join(', ')}.`,
    tool((t) => t.status),
  );
  family('poses_quiet_milliseconds', 'gauge', 'Time since poses last came.', [` ${number(f.quietMs)}`]);
  const roles = { observe: f.observers, control: f.controllers };
  family('clients', 'gauge', 'Clients that said hello, by role.', each(roles, 'role'));
  family('connections', 'gauge', 'Connections, with those that have not said hello.', [` ${number(f.connections)}`]);
  family('refused_total', 'counter', 'Connections turned away and clients sent away, by reason.', each(f.refused, 'reason'));
  family('faults_total', 'counter', 'Faults of devices, by code.', each(f.faults, 'code'));
  family('client_clock_bound_milliseconds', 'gauge', 'The worst bound of the clocks of all clients.', [
    ` ${number(f.clockBoundMs)}`,
  ]);
  return `${out.join('\n')}\n`;
}

/** A sample of one source of images. */
const bySource =
  (figure: (source: SourceFigures) => number) =>
  (source: SourceFigures): string =>
    `${labels({ source: source.name })} ${number(figure(source))}`;

function labels(of: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(of).map(
    ([key, value]) => `${key}="${value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`,
  );
  return `{${pairs.join(',')}}`;
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}

/** Whether a bridge does its work, for those who watch it. */
export interface Health {
  readonly healthy: boolean;
  /** What is wrong, as a sentence; empty where nothing is. */
  readonly reason: string;
  readonly devices: readonly DeviceState[];
  readonly clients: number;
  /** Since poses last came, ms; null before the first. */
  readonly quietMs: number | null;
}

/**
 * Healthy is: every device is connected, and poses came within `withinMs`. A pose that says "not seen" is one: the
 * bridge does its work while a tool is covered.
 */
export function healthOf(f: BridgeFigures, withinMs: number): Health {
  const lost = f.devices.find(({ state }) => state !== 'connected');
  const quiet = f.quietMs > withinMs;
  const reason =
    lost === undefined ? (quiet ? `No pose came within ${withinMs} ms.` : '') : `${lost.name} is ${lost.state}: ${lost.reason}`;
  return {
    healthy: lost === undefined && !quiet,
    reason,
    devices: f.devices,
    clients: f.observers + f.controllers,
    quietMs: Number.isFinite(f.quietMs) ? f.quietMs : null,
  };
}
