import { isNavError } from '@trocar/core';
import { crc16, encodeBx, encodeBx2, encodeGx, encodeTx, parseCommand, streamHeader, withCrc } from '../../codec/ndi/index.js';
import type { Transport } from '../../transport.js';
import { NdiDevice, type NdiDeviceOptions, type SimulatedFreeze } from './ndi-device.js';

/** What can be done to a simulated tracker while it runs. */
export interface NdiSimulator {
  /** Stops answering and lets its end of the transport go. */
  close(): Promise<void>;
  /** Pulls a wired tool out. */
  unplug(tool: string): void;
  /** Plugs a wired tool in. */
  plug(tool: string): void;
  /** Power off and on: ports and tracking are lost, and the banner is sent, unless `silent`. */
  restart(silent?: boolean): void;
  /**
   * Stops measuring while it goes on answering: `counting` with new frame numbers, `still` without; undefined goes on.
   */
  freeze(how: SimulatedFreeze | undefined): void;
  /** Tells an alert with the next BX2: type 0 fault, 1 alert (code 2 is a bump), 2 event. */
  alert(type: number, code: number): void;
  /** Sends bytes that nobody asked for. */
  babble(bytes: Uint8Array): void;
  /** Does this to the next `count` tracking replies. Default 1. */
  disturb(how: Disturbance, count?: number): void;
}

/**
 * `crc`: one bit of the body turned over. `noise`: random-looking bytes before the reply. `nan`: not-a-number in
 * every transform (TX has none, and says missing). `cut`: the second half is lost. `silence`: no reply. `warning`: a
 * WARNING in its place.
 */
export type Disturbance = 'crc' | 'noise' | 'nan' | 'cut' | 'silence' | 'warning';

/** A command line longer than this is noise. */
const LONGEST_COMMAND = 512;

/**
 * Speaks the device's side of NDI's Combined API on a transport: the other end of a pipe in the same process, of a
 * pseudo-terminal or of a TCP connection. Poses go through the same rounding as a real device's: single precision
 * in BX and BX2, hundredths of a millimetre and ten-thousandths of a quaternion in TX and GX.
 * @throws NavError `device/connect-failed` where the transport does not open
 */
export async function simulateNdiTracker(transport: Transport, options: NdiDeviceOptions): Promise<NdiSimulator> {
  const speaker = new Speaker(transport, options);
  await transport.open({
    data: (bytes) => {
      for (const byte of bytes) speaker.take(byte);
    },
    closed: () => speaker.reset(),
  });
  const { device } = speaker;
  return {
    close: async () => {
      speaker.reset();
      await transport.close();
    },
    unplug: (tool) => device.unplug(tool),
    plug: (tool) => device.plug(tool),
    freeze: (how) => device.freeze(how),
    alert: (type, code) => device.alert(type, code),
    babble: (bytes) => transport.write(bytes),
    restart: (silent = false) => {
      speaker.reset();
      if (!silent) transport.write(withCrc('RESET'));
    },
    disturb: (how, count = 1) => {
      for (let i = 0; i < count; i += 1) speaker.disturbances.push(how);
    },
  };
}

/** Takes commands byte by byte, answers them, and repeats those that are streamed. */
class Speaker {
  readonly device: NdiDevice;
  readonly disturbances: Disturbance[] = [];
  readonly #transport: Transport;
  readonly #streams = new Map<string, ReturnType<typeof setInterval>>();
  #line: number[] = [];

  constructor(transport: Transport, options: NdiDeviceOptions) {
    this.#transport = transport;
    this.device = new NdiDevice(options);
  }

  /** As after power on. */
  reset(): void {
    for (const timer of this.#streams.values()) clearInterval(timer);
    this.#streams.clear();
    this.#line = [];
    this.device.reset();
  }

  take(byte: number): void {
    if (byte !== 0x0d) {
      // Line feeds between commands and overlong noise are let go.
      if (byte !== 0x0a && this.#line.length < LONGEST_COMMAND) this.#line.push(byte);
      return;
    }
    const bytes = Uint8Array.from(this.#line);
    this.#line = [];
    const reply = this.#answerLine(bytes);
    if (reply !== undefined) this.#transport.write(reply);
  }

  #answerLine(line: Uint8Array): Uint8Array | undefined {
    try {
      const { name, args } = parseCommand(line);
      if (name === 'RESET') this.reset();
      return this.#answer(name, args);
    } catch (error) {
      return withCrc(isNavError(error, 'codec/bad-crc') ? 'ERROR04' : 'ERROR01');
    }
  }

  #answer(name: string, args: string): Uint8Array | undefined {
    if ((name === 'STREAM' || name === 'USTREAM') && this.device.knows('bx2')) return withCrc(this.#stream(name, args));
    const form = ({ TX: 'tx', BX: 'bx', BX2: 'bx2', GX: 'gx' } as const)[name];
    if (form === undefined) return withCrc(this.device.answer(name, args));
    const other = this.device.options.answerWith?.(name, args);
    if (other !== undefined) return withCrc(other);
    if (!this.device.knows(form)) return withCrc('ERROR01');
    return this.#track(form, args);
  }

  #stream(name: string, args: string): string {
    const id = /--id=(\S+)/.exec(args)?.[1];
    if (id === undefined) return 'ERROR07';
    clearInterval(this.#streams.get(id));
    if (name === 'USTREAM') return this.#streams.delete(id) ? 'OKAY' : 'ERROR23';
    const [, command, rest = ''] = /(?:^|\s)([A-Z][A-Z0-9]*)(?:\s+(.*))?$/.exec(args.replace(/--(id|interval)=\S+/g, '')) ?? [];
    if (command === undefined) return 'ERROR07';
    this.#streams.set(
      id,
      setInterval(() => this.#sendStreamed(id, command, rest.trim()), this.device.periodMs),
    );
    return 'OKAY';
  }

  #sendStreamed(id: string, command: string, args: string): void {
    const reply = this.#answer(command, args);
    if (reply === undefined) return;
    const header = streamHeader(id);
    const out = new Uint8Array(header.length + reply.length);
    out.set(header);
    out.set(reply, header.length);
    this.#transport.write(out);
  }

  #track(form: 'gx' | 'tx' | 'bx' | 'bx2', args: string): Uint8Array | undefined {
    const { device } = this;
    if (!device.tracking) return withCrc('ERROR0C');
    const how = this.disturbances.shift();
    if (how === 'silence') return undefined;
    if (how === 'warning') return withCrc('WARNING01');
    const reply = form === 'bx2' ? this.#bx2(args, how) : this.#frame(form, args, how);
    return reply === undefined ? withCrc('ERROR07') : disturbed(reply, how);
  }

  #bx2(args: string, how: Disturbance | undefined): Uint8Array | undefined {
    const reply = this.device.measureBx2(args);
    if (reply !== undefined && how === 'nan') reply.sixDValues.fill(Number.NaN);
    return reply === undefined ? undefined : encodeBx2(reply);
  }

  #frame(form: 'gx' | 'tx' | 'bx', args: string, how: Disturbance | undefined): Uint8Array | undefined {
    const options = args === '' ? 1 : Number.parseInt(args, 16);
    const frame = Number.isInteger(options) ? this.device.measure(options) : undefined;
    if (frame === undefined) return undefined;
    if (how === 'nan') frame.values.fill(Number.NaN);
    if (form === 'bx') return encodeBx(frame);
    return withCrc(form === 'tx' ? encodeTx(frame) : encodeGx(frame));
  }
}

function disturbed(reply: Uint8Array, how: Disturbance | undefined): Uint8Array {
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
