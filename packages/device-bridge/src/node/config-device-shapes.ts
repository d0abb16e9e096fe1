import { LINE_FIELDS } from '../codec/line/index.js';
import type { DeviceConfig } from './config-device-types.js';
import { type ConfigPath, type ConfigProblem, type Fields, pathText, type Shape } from './config-shape.js';

const TOOL_NAME = '[A-Za-z][A-Za-z0-9_-]{0,63}';
const NAME_SAYS = 'a letter and at most 63 letters, digits, "-" or "_"';
const ADDRESS_AND_PORT = '[^\\s:/]+:\\d{1,5}|\\[[0-9A-Fa-f:]+\\]:\\d{1,5}';
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

const SIMULATED_ULTRASOUND = fields('A simulated ultrasound machine whose tracked probe sweeps over a scene.', {
  name: NAME,
  probe: toolName('What clients call its probe. Default probe.'),
  source: text('What clients call its images. Default ultrasound.'),
  width: number('Pixels along a row. Default 640.', 16, 4096, true),
  height: number('Rows. Default 480.', 16, 4096, true),
  depthMm: number('How deep it looks. Default 120.', 10, 400),
  imageHz: number('Images per second. Default 30.', 1, 1000),
  poseHz: number('Poses per second. Default 60.', 1, 1000),
  lagMs: number('Images are stamped so much late. Default 0.', 0, 1000),
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
  images: flag("Take flat images for a live device's. Default true."),
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

const NATNET = fields("OptiTrack's Motive, or another NatNet server.", {
  name: NAME,
  server: must(address('Its address; command port 1510 where none is given.')),
  host: text('Local address, that of the network which the server is on. Default 127.0.0.1.'),
  multicast: text('The group it multicasts frames to, as 239.255.42.99. Without it they are awaited by unicast.'),
  dataPort: number('Port of the multicast frames. Default 1511.', 1, 65_535, true),
  tools: must(
    list(
      'Its rigid bodies.',
      fields('A rigid body.', {
        name: must(toolName('What clients call it.')),
        id: number('Its streaming id.', 0, 2 ** 31 - 1, true),
        model: text('Its name in Motive, where no id is given. Default the same as name.'),
      }),
    ),
  ),
  otherTools: flag('Also take rigid bodies that are not listed. Default true.'),
});

const ROSBRIDGE = fields('Whatever publishes poses on ROS, through rosbridge.', {
  name: NAME,
  url: must({
    kind: 'text',
    pattern: 'wss?://\\S+',
    says: 'a ws:// or wss:// address',
    help: 'Its address, as ws://robot:9090.',
  }),
  tools: must(
    list(
      'Its topics.',
      fields('A tool whose pose is published.', {
        name: must(toolName('What clients call it.')),
        topic: must(text('The topic.')),
        type: must(one('Its type.', 'geometry_msgs/PoseStamped', 'geometry_msgs/TransformStamped', 'tf2_msgs/TFMessage')),
        child: text('The child frame: which transform of a message.'),
        frame: text('What poses are relative to. Default what the first message says.'),
      }),
    ),
  ),
  throttleMs: number('Least time between two messages of a topic. Default 0: every one.', 0, 60_000),
  messageMeans: one('What a message says of its tool. Default unknown.', 'ok', 'unknown'),
  frozenAfterMs: number('The same numbers for so long are stale. Default 100; a large number for robots.', 10, 1e9),
});

const FIELD = one('', ...LINE_FIELDS);
const LINE = fields('A device that sends lines of text: give one of serial, tcp and udp, and one of pattern, csv and keys.', {
  name: NAME,
  serial: text('Its serial port.'),
  tcp: { kind: 'text', pattern: ADDRESS_AND_PORT, says: 'host:port', help: 'Its address.' },
  udp: UDP,
  baud: number('Serial rate. Default 9600.', 300, 4_000_000, true),
  tools: must(
    list(
      'Its tools.',
      fields('A tool.', {
        name: must(toolName('What clients call it.')),
        key: text('What its lines have in the field "tool". Default its name.'),
      }),
    ),
  ),
  pattern: text(
    'Regular expression with named groups: tool, frame, time, valid, error, x, y, z, qx, qy, qz, qw, roll, pitch, yaw.',
  ),
  csv: list('The field in each column, "-" for one that is not read.', one('', ...LINE_FIELDS, '-')),
  keys: list('Which field each key is, as in "X:1.5 Y:2".', fields('', { key: must(text('The key.')), field: must(FIELD) })),
  length: one('Unit of x, y, z and error. Default mm.', 'mm', 'cm', 'm', 'inch'),
  angle: one('Unit of roll, pitch and yaw. Default rad.', 'rad', 'deg'),
  lineMeans: one('What a line without the field "valid" says. Default unknown.', 'ok', 'unknown'),
  checksum: one('Default none.', 'none', 'nmea'),
  onOpen: list('Texts to send at the start, each with its own ending.', text('')),
  frozenAfterMs: number('The same numbers for so long are stale. Default 100; a large number for encoders.', 10, 1e9),
});

/** What a device of a configuration may hold, by its type. */
export const DEVICE_SHAPES: Shape = {
  kind: 'by',
  key: 'type',
  of: {
    ndi: NDI,
    simulate: SIMULATE,
    'simulated-ultrasound': SIMULATED_ULTRASOUND,
    igtl: IGTL,
    dtrack: DTRACK,
    natnet: NATNET,
    rosbridge: ROSBRIDGE,
    line: LINE,
  },
  help: 'A device.',
};

/** What a device is called: by its name, or else by its type. */
export function deviceName(device: DeviceConfig): string {
  return device.name ?? device.type;
}

/** The names that a device's tools are known to have before it is connected. */
export function toolNames(device: DeviceConfig): readonly string[] {
  if (device.type === 'simulated-ultrasound') return [device.probe ?? 'probe'];
  if (device.type === 'simulate') return device.tools ?? ['stylus', 'reference'];
  if (device.type === 'igtl') return (device.tools ?? []).map((tool) => tool.name ?? tool.device);
  return (device.tools ?? []).map((tool) => tool.name);
}

/** Of each of these keys a device needs exactly one. */
const ONE_OF: Readonly<Record<string, ReadonlyArray<readonly string[]>>> = {
  ndi: [['serial', 'tcp']],
  line: [
    ['serial', 'tcp', 'udp'],
    ['pattern', 'csv', 'keys'],
  ],
};

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
    for (const keys of ONE_OF[device.type] ?? []) {
      const given = keys.filter((key) => Object.hasOwn(device, key));
      if (given.length !== 1) wrong(['devices', i], `needs exactly one of ${keys.join(', ')}; it has ${given.length}.`);
    }
  }
  return problems;
}
