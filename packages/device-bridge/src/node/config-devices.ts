import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Clock, NavError } from '@trocar/core';
import type { DeviceRecorder, Recorder } from '@trocar/core/recording';
import WebSocket from 'ws';
import type { LineField, LineLayout } from '../codec/line/index.js';
import { NATNET_COMMAND_PORT, NATNET_DATA_PORT } from '../codec/natnet/index.js';
import { makeToolFile } from '../codec/ndi/index.js';
import type { Driver } from '../driver.js';
import { dtrackDriver } from '../drivers/dtrack/index.js';
import { igtlDriver } from '../drivers/igtl/index.js';
import { lineDriver } from '../drivers/line/index.js';
import { natnetDriver } from '../drivers/natnet/index.js';
import { type NdiToolOptions, ndiDriver } from '../drivers/ndi/index.js';
import { recordingDatagrams, recordingSink, recordingTransport } from '../drivers/recorder/index.js';
import { rosbridgeDriver } from '../drivers/rosbridge/index.js';
import { type PoseSource, simulatedUltrasound, simulateNdiTracker } from '../drivers/simulated/index.js';
import type { DatagramTransport, Transport } from '../transport.js';
import { pipe } from '../transports/pipe.js';
import { deviceName, toolNames } from './config-device-shapes.js';
import type {
  DeviceConfig,
  DTrackConfig,
  IgtlConfig,
  LineConfig,
  NatNetConfig,
  NdiConfig,
  NdiToolConfig,
  RosbridgeConfig,
  SimulateConfig,
  UdpConfig,
} from './config-device-types.js';
import { serialTransport } from './serial.js';
import type { BridgeDevice } from './server-devices.js';
import { NDI_TCP_PORT, tcpTransport } from './tcp.js';
import { type UdpTransport, udpTransport } from './udp.js';

/** The port OpenIGTLink servers listen on. */
const IGTL_PORT = 18_944;
/** A longer message is no pose. */
const LONGEST_ROS_MESSAGE = 4 * 1024 * 1024;
/** The port of DTrack's command connection. */
const DTRACK_PORT = 50_105;

/** What devices are made with. */
export interface DeviceContext {
  readonly clock: Clock;
  /** Files of the configuration are relative to it. */
  readonly folder: string;
  /** Given, everything that the devices tell is recorded, and, where they have a line, every byte. */
  readonly recorder?: Recorder;
}

/**
 * The devices of a configuration, ready to be started.
 * @throws NavError `device/bad-tool-file` where a tool's file cannot be read; what the drivers throw for their options
 */
export async function makeDevices(devices: readonly DeviceConfig[], context: DeviceContext): Promise<BridgeDevice[]> {
  return Promise.all(
    devices.map(async (device) => {
      const name = deviceName(device);
      const recorder = context.recorder?.device(name);
      const driver = await makeDriver(device, { clock: context.clock, folder: context.folder, recorder });
      return { name, driver: recorder === undefined ? driver : recorded(driver, recorder) };
    }),
  );
}

/** A driver whose every word is recorded. */
function recorded(driver: Driver, recorder: DeviceRecorder): Driver {
  return { name: driver.name, start: (sink) => driver.start(recordingSink(recorder, sink)), stop: () => driver.stop() };
}

interface Parts {
  readonly clock: Clock;
  readonly folder: string;
  readonly recorder: DeviceRecorder | undefined;
}

async function makeDriver(device: DeviceConfig, parts: Parts): Promise<Driver> {
  switch (device.type) {
    case 'ndi':
      return makeNdi(device, parts);
    case 'igtl':
      return makeIgtl(device, parts);
    case 'dtrack':
      return makeDTrack(device, parts);
    case 'natnet':
      return makeNatNet(device, parts);
    case 'rosbridge':
      return makeRosbridge(device, parts);
    case 'line':
      return makeLine(device, parts);
    case 'simulated-ultrasound': {
      const { type: _type, name: _name, width = 640, height = 480, ...options } = device;
      return simulatedUltrasound({ ...options, clock: parts.clock, size: [width, height] });
    }
    default:
      return makeSimulated(device, parts);
  }
}

/** A transport and the clock that belongs to it: while bytes are recorded, that clock stands at their arrival. */
function line(transport: Transport, { clock, recorder }: Parts): { transport: Transport; clock: Clock } {
  if (recorder === undefined) return { transport, clock };
  const tapped = recordingTransport(transport, recorder);
  return { transport: tapped, clock: tapped.clock };
}

async function makeNdi(device: NdiConfig, parts: Parts): Promise<Driver> {
  const tools = await Promise.all((device.tools ?? []).map((tool) => readTool(tool, parts.folder)));
  const transport = device.serial === undefined ? tcp(device.tcp ?? '', NDI_TCP_PORT) : serialTransport(device.serial);
  return ndiDriver({ ...line(transport, parts), tools, baudRate: device.baud ?? 115_200 });
}

async function readTool({ name, file, serial, partNumber }: NdiToolConfig, folder: string): Promise<NdiToolOptions> {
  const known = { name, ...(serial !== undefined && { serial }), ...(partNumber !== undefined && { partNumber }) };
  if (file === undefined) return known;
  try {
    return { ...known, toolFile: new Uint8Array(await readFile(resolve(folder, file))) };
  } catch (cause) {
    throw new NavError('device/bad-tool-file', `The tool file "${file}" of "${name}" cannot be read.`, { cause });
  }
}

function makeIgtl(device: IgtlConfig, parts: Parts): Driver {
  const { type: _type, name: _name, tcp: address, ...options } = device;
  return igtlDriver({ ...options, ...line(tcp(address, IGTL_PORT), parts) });
}

/** The same for datagrams. */
function datagrams(transport: DatagramTransport, { clock, recorder }: Parts): { transport: DatagramTransport; clock: Clock } {
  if (recorder === undefined) return { transport, clock };
  const tapped = recordingDatagrams(transport, recorder);
  return { transport: tapped, clock: tapped.clock };
}

function makeDTrack(device: DTrackConfig, parts: Parts): Driver {
  const { tools, otherTools, control } = device;
  return dtrackDriver({
    ...datagrams(udp(device.udp), parts),
    tools,
    ...(otherTools !== undefined && { otherTools }),
    ...(control !== undefined && { control: tcp(control, DTRACK_PORT) }),
  });
}

/** Two transports have two clocks where they are recorded, and a driver has one: its frames' bytes are recorded, the questions are not. */
function makeNatNet(device: NatNetConfig, parts: Parts): Driver {
  const { host = '127.0.0.1', multicast, dataPort = NATNET_DATA_PORT, tools, otherTools } = device;
  const server = hostAndPort(device.server, NATNET_COMMAND_PORT);
  const command = udpTransport({ port: 0, host, remote: server });
  const frames = multicast && udpTransport({ port: dataPort, host, multicast: { group: multicast } });
  const own = datagrams(frames || command, parts);
  return natnetDriver({
    ...(frames ? { command, data: own.transport } : { command: own.transport }),
    clock: own.clock,
    tools,
    ...(otherTools !== undefined && { otherTools }),
  });
}

/** A WebSocket carries messages and no line of bytes: its poses are recorded, and nothing below them. */
function makeRosbridge(device: RosbridgeConfig, { clock }: Parts): Driver {
  const { url, tools, throttleMs, messageMeans, frozenAfterMs } = device;
  return rosbridgeDriver({
    url,
    clock,
    tools,
    socket: (address) => new WebSocket(address, { perMessageDeflate: false, maxPayload: LONGEST_ROS_MESSAGE }),
    ...(throttleMs !== undefined && { throttleMs }),
    ...(messageMeans && { messageMeans }),
    ...(frozenAfterMs !== undefined && { frozenAfterMs }),
  });
}

function makeLine(device: LineConfig, parts: Parts): Driver {
  const { serial, tcp: address, udp: datagram, length, angle, tools, lineMeans, checksum, onOpen, baud, frozenAfterMs } = device;
  const own =
    datagram !== undefined
      ? datagrams(udp(datagram), parts)
      : line(serial === undefined ? tcp(address ?? '', 0) : serialTransport(serial), parts);
  return lineDriver({
    ...own,
    tools,
    parse: layoutOf(device),
    units: { ...(length && { length }), ...(angle && { angle }) },
    ...(lineMeans && { lineMeans }),
    ...(checksum && { checksum }),
    ...(onOpen && { onOpen }),
    ...(baud !== undefined && { baudRate: baud }),
    ...(frozenAfterMs !== undefined && { frozenAfterMs }),
  });
}

function layoutOf({ pattern, csv, keys }: LineConfig): LineLayout {
  if (csv !== undefined) return { csv: csv.map((field) => (field === '-' ? undefined : (field as LineField))) };
  if (keys !== undefined) return { keys: Object.fromEntries(keys.map(({ key, field }) => [key, field as LineField])) };
  try {
    return new RegExp(pattern ?? '');
  } catch (cause) {
    throw new NavError('bridge/bad-config', `The pattern of a line device is no regular expression: ${String(cause)}.`, {
      cause,
    });
  }
}

/** Tools that go round slowly in front of the camera, each on a circle of its own; one called "reference" only turns. */
function circling(names: readonly string[]): PoseSource {
  return (tool, at) => {
    const angle = at / 2000;
    const side = tool === 'reference' ? 0 : 100 + 20 * names.indexOf(tool);
    return {
      position: [side * Math.cos(angle), side * Math.sin(angle), -1500],
      rotation: [0, 0, Math.sin(angle / 2), Math.cos(angle / 2)],
    };
  };
}

const SPHERES = [
  [0, 0, 0],
  [50, 0, 0],
  [0, 80, 0],
] as const;

async function makeSimulated(device: SimulateConfig, parts: Parts): Promise<Driver> {
  const { clock } = parts;
  const names = toolNames(device);
  const ends = pipe();
  const rate = device.rateHz === undefined ? {} : { rateHz: device.rateHz };
  await simulateNdiTracker(ends.device, { clock, poseOf: circling(names), tools: names.map((name) => ({ name })), ...rate });
  const tools = names.map((name) => ({ name, toolFile: makeToolFile({ markers: SPHERES, partNumber: name.slice(0, 20) }) }));
  return ndiDriver({ ...line(ends.host, parts), tools });
}

function tcp(address: string, usualPort: number): Transport {
  const { host, port } = hostAndPort(address, usualPort);
  return tcpTransport(host, port);
}

function udp({ port, host, remote, multicast }: UdpConfig): UdpTransport {
  return udpTransport({
    port,
    ...(host !== undefined && { host }),
    ...(remote !== undefined && { remote: hostAndPort(remote, port) }),
    ...(multicast !== undefined && { multicast: { group: multicast } }),
  });
}

/** `host`, `host:port` or `[IPv6]:port`. @throws NavError `bridge/bad-option` */
export function hostAndPort(address: string, usualPort: number): { host: string; port: number } {
  const match = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(address);
  const port = Number(match?.[3] ?? usualPort);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port >= 1 && port <= 65_535)) {
    throw new NavError('bridge/bad-option', `"${address}" is no address. Give host or host:port, with a port from 1 to 65535.`);
  }
  return { host, port };
}
