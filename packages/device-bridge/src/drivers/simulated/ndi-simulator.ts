import { isNavError } from '@trocar/core';
import { crc16, encodeBx, encodeTx, type NdiFrame, parseCommand, withCrc } from '../../codec/ndi/index.js';
import type { Transport } from '../../transport.js';
import { NdiDevice, type NdiDeviceOptions } from './ndi-device.js';

/** What can be done to a simulated tracker while it runs. */
export interface NdiSimulator {
  /** Stops answering and lets its end of the transport go. */
  close(): Promise<void>;
  /** Pulls a wired tool out. */
  unplug(tool: string): void;
  /** Plugs a wired tool in. */
  plug(tool: string): void;
  /** Power off and on: ports and tracking are lost, and the banner is sent. */
  restart(): void;
  /** Does this to the next `count` tracking replies. Default 1. */
  disturb(how: Disturbance, count?: number): void;
}

/**
 * `crc`: one bit of the body turned over. `noise`: random-looking bytes before the reply. `nan`: not-a-number in
 * every transform (TX has none, and says missing). `cut`: the second half is lost. `silence`: no reply.
 */
export type Disturbance = 'crc' | 'noise' | 'nan' | 'cut' | 'silence';

/** A command line longer than this is noise. */
const LONGEST_COMMAND = 512;

/**
 * Speaks the device's side of NDI's Combined API on a transport: the other end of a pipe in the same process, of a
 * pseudo-terminal or of a TCP connection. Poses go through the same rounding as a real device's: single precision
 * in BX, hundredths of a millimetre and ten-thousandths of a quaternion in TX.
 * @throws NavError `device/connect-failed` where the transport does not open
 */
export async function simulateNdiTracker(transport: Transport, options: NdiDeviceOptions): Promise<NdiSimulator> {
  const device = new NdiDevice(options);
  const disturbances: Disturbance[] = [];
  let line: number[] = [];
  const send = (bytes: Uint8Array): void => transport.write(bytes);
  const take = (byte: number): void => {
    if (byte !== 0x0d) {
      // Line feeds between commands and overlong noise are let go.
      if (byte !== 0x0a && line.length < LONGEST_COMMAND) line.push(byte);
      return;
    }
    const bytes = Uint8Array.from(line);
    line = [];
    const reply = answerLine(device, bytes, disturbances);
    if (reply !== undefined) send(reply);
  };
  await transport.open({ data: (bytes) => bytes.forEach(take), closed: () => device.reset() });
  return {
    close: () => transport.close(),
    unplug: (tool) => device.unplug(tool),
    plug: (tool) => device.plug(tool),
    restart: () => {
      device.reset();
      send(withCrc('RESET'));
    },
    disturb: (how, count = 1) => {
      for (let i = 0; i < count; i += 1) disturbances.push(how);
    },
  };
}

function answerLine(device: NdiDevice, line: Uint8Array, disturbances: Disturbance[]): Uint8Array | undefined {
  let command: ReturnType<typeof parseCommand>;
  try {
    command = parseCommand(line);
  } catch (error) {
    return withCrc(isNavError(error, 'codec/bad-crc') ? 'ERROR04' : 'ERROR01');
  }
  const { name, args } = command;
  if (name !== 'TX' && name !== 'BX') return withCrc(device.answer(name, args));
  if (name === 'BX' && device.options.binary === false) return withCrc('ERROR01');
  const options = args === '' ? 1 : Number.parseInt(args, 16);
  if (!Number.isInteger(options)) return withCrc('ERROR07');
  const frame = device.measure(options);
  if (frame === undefined) return withCrc('ERROR0C');
  return disturbed(frame, name, disturbances.shift());
}

function disturbed(frame: NdiFrame, name: string, how: Disturbance | undefined): Uint8Array | undefined {
  if (how === 'silence') return undefined;
  if (how === 'nan') frame.values.fill(Number.NaN);
  const reply = name === 'BX' ? encodeBx(frame) : withCrc(encodeTx(frame));
  if (how === 'crc') reply[reply.length >> 1] = (reply[reply.length >> 1] as number) ^ 0x01;
  if (how === 'cut') return reply.subarray(0, reply.length >> 1);
  if (how !== 'noise') return reply;
  const noise = new Uint8Array(23);
  for (let i = 0; i < noise.length; i += 1) noise[i] = crc16(reply, 0, i) & 0xff;
  const out = new Uint8Array(noise.length + reply.length);
  out.set(noise);
  out.set(reply, noise.length);
  return out;
}
