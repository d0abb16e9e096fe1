import { type ConfigPath, type ConfigProblem, type Fields, pathText, type Shape } from './config-shape.js';

/** A tool of an NDI tracker. */
export interface NdiToolConfig {
  readonly name: string;
  /** Definition file (.rom) of a passive or active wireless tool. */
  readonly file?: string;
  readonly serial?: string;
  readonly partNumber?: string;
}

/** An NDI tracker, on a serial port or the network. */
export interface NdiConfig {
  readonly type: 'ndi';
  readonly name?: string;
  readonly serial?: string;
  /** `host` or `host:port`. */
  readonly tcp?: string;
  readonly baud?: number;
  readonly tools?: readonly NdiToolConfig[];
}

/** A simulated NDI tracker: its tools go round slowly. */
export interface SimulateConfig {
  readonly type: 'simulate';
  readonly name?: string;
  readonly tools?: readonly string[];
  readonly rateHz?: number;
}

/** An OpenIGTLink server. */
export interface IgtlConfig {
  readonly type: 'igtl';
  readonly name?: string;
  /** `host` or `host:port`. */
  readonly tcp: string;
  readonly tools?: ReadonlyArray<{ readonly name?: string; readonly device: string }>;
  readonly otherTools?: boolean;
  readonly ask?: { readonly type: 'TDATA' | 'QTDATA'; readonly intervalMs?: number; readonly coordinateName?: string };
  readonly headerVersion?: 1 | 2;
  readonly withoutStatus?: 'unknown' | 'ok';
  readonly silentMs?: number;
  readonly onSilence?: 'reconnect' | 'stale';
  readonly keepAliveMs?: number;
}

/** Where datagrams come from. */
export interface UdpConfig {
  readonly port: number;
  readonly host?: string;
  /** `host:port` of the device. */
  readonly remote?: string;
  readonly multicast?: string;
}

/** An ART system that runs DTrack. */
export interface DTrackConfig {
  readonly type: 'dtrack';
  readonly name?: string;
  readonly udp: UdpConfig;
  readonly tools: ReadonlyArray<{
    readonly name: string;
    readonly id: number;
    readonly kind?: 'body' | 'flystick' | 'measurementTool' | 'reference';
  }>;
  readonly otherTools?: boolean;
  /** `host` or `host:port` of its command connection. */
  readonly control?: string;
}

/** A device in a configuration. */
export type DeviceConfig = NdiConfig | SimulateConfig | IgtlConfig | DTrackConfig;

const TOOL_NAME = '[A-Za-z][A-Za-z0-9_-]{0,63}';
const NAME_SAYS = 'a letter and at most 63 letters, digits, "-" or "_"';
const ADDRESS = '[^\\s:/]+(:\\d{1,5})?|\\[[0-9A-Fa-f:]+\\](:\\d{1,5})?';

const text = (help: string): Shape => ({ kind: 'text', help });
const toolName = (help: string): Shape => ({ kind: 'text', pattern: TOOL_NAME, says: NAME_SAYS, help });
const address = (help: string): Shape => ({ kind: 'text', pattern: ADDRESS, says: 'host or host:port', help });
const number = (help: string, low: number, high: number, whole = false): Shape => ({ kind: 'number', low, high, whole, help });
const flag = (help: string): Shape => ({ kind: 'flag', help });
const one = (help: string, ...values: string[]): Shape => ({ kind: 'one', values, help });
const list = (help: string, of: Shape): Shape => ({ kind: 'list', of, help });
const must = (shape: Shape): Shape => ({ ...shape, required: true });
const fields = (help: string, of: Fields['fields']): Fields & { help: string } => ({ kind: 'fields', fields: of, help });
const NAME: Shape = {
  kind: 'text',
  pattern: '[A-Za-z0-9][A-Za-z0-9_-]{0,63}',
  says: NAME_SAYS,
  help: 'What the device is called in states, metrics and recordings. Default its type.',
};

const UDP = fields('Where its datagrams come in.', {
  port: must(number('Local port.', 1, 65_535, true)),
  host: text('Local address, that of the network which the device is on. Default 127.0.0.1.'),
  remote: address('The device, host:port: nobody else is heard then.'),
  multicast: text('A group to join.'),
});

const NDI = fields('An NDI tracker (Combined API): give either serial or tcp.', {
  name: NAME,
  serial: text('Its serial port, as /dev/ttyUSB0 or COM3.'),
  tcp: address('Its address; port 8765 where none is given.'),
  baud: number('Serial rate after the first contact. Default 115200.', 9600, 1_228_739, true),
  tools: list(
    'Its tools.',
    fields('A tool.', {
      name: must(toolName('What clients call it.')),
      file: text('Definition file (.rom) of a passive or active wireless tool.'),
      serial: text('Serial number of a wired tool.'),
      partNumber: text('Part number of a wired tool.'),
    }),
  ),
});

const SIMULATE = fields('A simulated NDI tracker whose tools go round slowly.', {
  name: NAME,
  tools: list('Names of its tools. Default stylus and reference.', toolName('')),
  rateHz: number('Frames per second. Default 60.', 1, 1000),
});

const IGTL = fields('An OpenIGTLink server, as PLUS or Slicer.', {
  name: NAME,
  tcp: must(address('Its address; port 18944 where none is given.')),
  tools: list(
    'Tools known before they are seen.',
    fields('A tool.', { device: must(text('As the server names it.')), name: text('What clients call it. Default the same.') }),
  ),
  otherTools: flag('Also take tools that are not listed, as they appear. Default true.'),
  ask: fields('Ask a tracker that does not send of its own accord.', {
    type: must(one('What for.', 'TDATA', 'QTDATA')),
    intervalMs: number('Shortest time between two messages. Default 16.', 0, 60_000),
    coordinateName: text('What the poses shall be relative to.'),
  }),
  headerVersion: { kind: 'number', low: 1, high: 2, whole: true, help: 'Header version to begin with. Default 1.' },
  withoutStatus: one(
    'What a pose counts as whose message does not say whether the tool was seen. Default unknown.',
    'unknown',
    'ok',
  ),
  silentMs: number('Without a message for so long it is silent. Default 1000.', 10, 600_000),
  onSilence: one('What then. Default reconnect.', 'reconnect', 'stale'),
  keepAliveMs: number('Ask for its STATUS after so long. Default 0: never.', 0, 600_000),
});

const DTRACK = fields('An ART system that runs DTrack.', {
  name: NAME,
  udp: must(UDP),
  tools: must(
    list(
      'Its targets.',
      fields('A target.', {
        name: must(toolName('What clients call it.')),
        id: must(number('Its number as sent: one less than the DTrack window shows.', 0, 1000, true)),
        kind: one('Default body.', 'body', 'flystick', 'measurementTool', 'reference'),
      }),
    ),
  ),
  otherTools: flag('Also take targets that are not listed. Default true.'),
  control: address('Its command connection; port 50105 where none is given. Measuring is then started and stopped.'),
});

/** What a device of a configuration may hold, by its type. */
export const DEVICE_SHAPES: Shape = {
  kind: 'by',
  key: 'type',
  of: { ndi: NDI, simulate: SIMULATE, igtl: IGTL, dtrack: DTRACK },
  help: 'A device.',
};

/** What a device is called: by its name, or else by its type. */
export function deviceName(device: DeviceConfig): string {
  return device.name ?? device.type;
}

/** The names that a device's tools are known to have before it is connected. */
export function toolNames(device: DeviceConfig): readonly string[] {
  if (device.type === 'simulate') return device.tools ?? ['stylus', 'reference'];
  if (device.type === 'igtl') return (device.tools ?? []).map((tool) => tool.name ?? tool.device);
  return (device.tools ?? []).map((tool) => tool.name);
}

/** What contradicts itself in devices of the right shape. */
export function deviceProblems(devices: readonly DeviceConfig[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const wrong = (path: ConfigPath, message: string): void => {
    problems.push({ path, message: `${pathText(path)} ${message}` });
  };
  const names = new Set<string>();
  const tools = new Set<string>();
  for (const [i, device] of devices.entries()) {
    const name = deviceName(device);
    if (names.has(name)) wrong(['devices', i], `is the second device "${name}". Give each a name of its own.`);
    names.add(name);
    for (const [k, tool] of toolNames(device).entries()) {
      if (tools.has(tool))
        wrong(['devices', i, 'tools', k], `is the second tool "${tool}" of the bridge. Give each a name of its own.`);
      tools.add(tool);
    }
    if (device.type === 'ndi' && (device.serial === undefined) === (device.tcp === undefined)) {
      wrong(['devices', i], 'needs either "serial" or "tcp".');
    }
  }
  return problems;
}
