import type { Clock, Instant } from '@trocar/core';
import {
  HANDLE_STATE,
  hex,
  NDI_OPTION,
  NdiFrame,
  PHSR,
  PORT_STATUS,
  readToolFile,
  SYSTEM_STATUS,
  VALUES,
} from '../../codec/ndi/index.js';
import type { PoseSource } from './pose-source.js';

/** A tool of the simulated tracker. */
export interface SimulatedTool {
  readonly name: string;
  /**
   * A passive tool appears when a host uploads a tool file with this part number; a wired one is plugged in from the
   * beginning. Default passive.
   */
  readonly kind?: 'passive' | 'wired';
  /** Default: the name. */
  readonly partNumber?: string;
  /** Eight characters; wired tools only. Default `00000001` and so on. */
  readonly serial?: string;
}

/** How the simulated tracker behaves. */
export interface NdiDeviceOptions {
  readonly tools: readonly SimulatedTool[];
  readonly clock: Clock;
  readonly poseOf: PoseSource;
  /** Frames per second. Default 60. */
  readonly rateHz?: number;
  /** A frame can be read this long after it was measured, ms. Default 0. */
  readonly latencyMs?: number;
  /** Knows BX. Default true; an old device answers ERROR01. */
  readonly binary?: boolean;
}

/** A port handle as the device keeps it. */
interface Port {
  readonly handle: number;
  readonly wired: SimulatedTool | undefined;
  readonly memory: Uint8Array;
  tool: SimulatedTool | undefined;
  occupied: boolean;
  initialised: boolean;
  enabled: boolean;
}

/**
 * The inside of a simulated NDI tracker: its ports and frames, without any I/O. Answers commands with reply texts.
 */
export class NdiDevice {
  readonly options: NdiDeviceOptions;
  readonly #ports = new Map<number, Port>();
  readonly #frame = new NdiFrame();
  /** The frame counter begins anew here, at TSTART; NaN while not tracking. */
  #startedAt = Number.NaN;
  #initialised = false;
  /** Port changes that the next tracking reply is to tell. */
  #news = 0;
  /** Per tool: the frame its pose was asked for, so that two polls within one frame get the same numbers. */
  readonly #cache = new Map<string, { frame: number; pose: ReturnType<PoseSource> }>();
  #unplugged = new Set<string>();

  constructor(options: NdiDeviceOptions) {
    this.options = options;
    this.reset();
  }

  /** Whether TX and BX are answered. */
  get tracking(): boolean {
    return !Number.isNaN(this.#startedAt);
  }

  /** As after power on. */
  reset(): void {
    this.#ports.clear();
    this.#startedAt = Number.NaN;
    this.#initialised = false;
    this.#news = 0;
    for (const tool of this.options.tools) if (tool.kind === 'wired' && !this.#unplugged.has(tool.name)) this.#addPort(tool);
  }

  /** Pulls a wired tool out, as seen in the next tracking reply. */
  unplug(name: string): void {
    this.#unplugged.add(name);
    for (const port of this.#ports.values()) {
      if (port.wired?.name !== name) continue;
      port.occupied = false;
      this.#news |= SYSTEM_STATUS.portUnoccupied;
    }
  }

  /** Plugs a wired tool in again, on a new port handle. */
  plug(name: string): void {
    this.#unplugged.delete(name);
    const tool = this.options.tools.find((t) => t.name === name && t.kind === 'wired');
    if (tool === undefined) return;
    this.#addPort(tool);
    this.#news |= SYSTEM_STATUS.portOccupied;
  }

  #addPort(tool: SimulatedTool | undefined): Port {
    let handle = 1;
    while (this.#ports.has(handle)) handle += 1;
    const port: Port = {
      handle,
      wired: tool,
      memory: new Uint8Array(1024),
      tool,
      occupied: tool !== undefined,
      initialised: false,
      enabled: false,
    };
    this.#ports.set(handle, port);
    return port;
  }

  /** The reply text to a set-up command, without CRC. TX and BX are answered by {@link measure}. */
  answer(name: string, args: string): string {
    if (name === 'RESET') {
      this.reset();
      return 'RESET';
    }
    if (name === 'INIT') {
      this.#initialised = true;
      return 'OKAY';
    }
    if (name === 'COMM') return /^[0-7A]0000$|^[0-7A]0001$/.test(args) ? 'OKAY' : 'ERROR06';
    if (name === 'VER') return 'Simulated tracker\nFreeze Tag: TROCAR 001\n';
    if (name === 'BEEP') return '1';
    if (!this.#initialised) return 'ERROR10';
    if (name === 'TSTART') return this.#setTracking(true);
    if (name === 'TSTOP') return this.#setTracking(false);
    if (name === 'PHSR') return this.#list(args);
    if (name === 'PHRQ') return hex(this.#addPort(undefined).handle, 2);
    return this.#answerForPort(name, args);
  }

  #setTracking(on: boolean): string {
    if (on === this.tracking) return on ? 'ERROR12' : 'ERROR11';
    this.#startedAt = on ? this.options.clock.now() : Number.NaN;
    return 'OKAY';
  }

  #answerForPort(name: string, args: string): string {
    if (!['PVWR', 'PINIT', 'PHINF', 'PENA', 'PDIS', 'PHF'].includes(name)) return 'ERROR01';
    const port = this.#ports.get(Number.parseInt(args.slice(0, 2), 16));
    if (port === undefined) return 'ERROR08';
    switch (name) {
      case 'PVWR':
        return write(port, args.slice(2));
      case 'PINIT':
        return this.#initialise(port);
      case 'PHINF':
        return this.#info(port, args.slice(2));
      case 'PENA':
        if (!port.initialised) return 'ERROR0E';
        if (!/^[SDB]$/.test(args.slice(2))) return 'ERROR09';
        port.enabled = true;
        return 'OKAY';
      case 'PDIS':
        port.enabled = false;
        return 'OKAY';
      default:
        this.#ports.delete(port.handle);
        return 'OKAY';
    }
  }

  #list(which: string): string {
    const ports = [...this.#ports.values()].filter((p) => {
      if (which === PHSR.toBeFreed) return !p.occupied && p.wired !== undefined;
      if (which === PHSR.toBeInitialised) return (p.occupied || p.wired === undefined) && !p.initialised;
      if (which === PHSR.toBeEnabled) return p.occupied && p.initialised && !p.enabled;
      return which !== PHSR.enabled || p.enabled;
    });
    return hex(ports.length, 2) + ports.map((p) => hex(p.handle, 2) + hex(statusOf(p), 3)).join('');
  }

  /** Reads the uploaded file, and finds the tool that carries its part number. */
  #initialise(port: Port): string {
    if (port.wired === undefined) {
      try {
        const { partNumber } = readToolFile(port.memory.subarray(0, 752));
        port.tool = this.options.tools.find((t) => t.kind !== 'wired' && (t.partNumber ?? t.name) === partNumber);
      } catch {
        return 'ERROR13';
      }
      port.occupied = true;
    }
    if (!port.occupied) return 'ERROR2C';
    port.initialised = true;
    return 'OKAY';
  }

  #info(port: Port, option: string): string {
    if (!port.occupied) return 'UNOCCUPIED';
    const file = port.wired === undefined ? readToolFile(port.memory.subarray(0, 752)) : undefined;
    const number = this.options.tools.indexOf(port.wired as SimulatedTool) + 1;
    const serial = port.wired?.serial ?? hex(number, 8);
    const part = file?.partNumber ?? port.wired?.partNumber ?? port.wired?.name ?? '';
    const bits = Number.parseInt(option === '' ? '0001' : option, 16);
    let text = '';
    if (bits & 0x0001) {
      const maker = (file?.manufacturer ?? 'TROCAR').padEnd(12).slice(0, 12);
      text += `${hex(file?.mainType ?? 2, 2)}000000${maker}000${serial.padEnd(8).slice(0, 8)}${hex(statusOf(port), 2)}`;
    }
    if (bits & 0x0002) text += '00000000';
    if (bits & 0x0004) text += part.padEnd(20).slice(0, 20);
    return text;
  }

  /** The newest frame that can be read, for TX and BX; undefined where the device is not tracking. Reused. */
  measure(options: number): NdiFrame | undefined {
    if (!this.tracking) return undefined;
    const period = 1000 / (this.options.rateHz ?? 60);
    const readable = this.options.clock.now() - (this.options.latencyMs ?? 0) - this.#startedAt;
    const number = Math.max(0, Math.floor(readable / period));
    const at = this.options.clock.plus(this.#startedAt as Instant, number * period);
    const frame = this.#frame;
    frame.begin(options);
    for (const port of this.#ports.values()) this.#measurePort(frame, port, number, at);
    frame.systemStatus = this.#news;
    this.#news = 0;
    return frame;
  }

  #measurePort(frame: NdiFrame, port: Port, number: number, at: Instant): void {
    if (!port.enabled || !port.occupied) {
      if (port.enabled || port.initialised) frame.addHandle(port.handle, HANDLE_STATE.disabled);
      return;
    }
    const pose = port.tool === undefined ? undefined : this.#poseOf(port.tool.name, number, at);
    const outside = pose?.outOfVolume === true;
    const visible = pose !== undefined && (!outside || (frame.options & NDI_OPTION.outOfVolume) !== 0);
    const i = frame.addHandle(port.handle, visible ? HANDLE_STATE.valid : HANDLE_STATE.missing);
    frame.portStatus[i] = statusOf(port) | (outside ? PORT_STATUS.outOfVolume : 0);
    // Number 0 means "nothing measured yet" in this protocol.
    frame.frameNumber[i] = number + 1;
    if (pose === undefined || !visible) return;
    const [x, y, z, w] = [0, 1, 2, 3].map((k) => pose.rotation[k] ?? Number.NaN) as [number, number, number, number];
    const values = [w, x, y, z, pose.position[0], pose.position[1], pose.position[2], pose.errorMm ?? 0.1];
    for (let k = 0; k < VALUES; k += 1) frame.values[i * VALUES + k] = values[k] ?? Number.NaN;
  }

  #poseOf(tool: string, number: number, at: Instant): ReturnType<PoseSource> {
    const cached = this.#cache.get(tool);
    if (cached !== undefined && cached.frame === number) return cached.pose;
    const pose = this.options.poseOf(tool, at);
    this.#cache.set(tool, { frame: number, pose });
    return pose;
  }
}

function statusOf(port: Port): number {
  return (
    (port.occupied ? PORT_STATUS.occupied : 0) |
    (port.initialised ? PORT_STATUS.initialised : 0) |
    (port.enabled ? PORT_STATUS.enabled : 0)
  );
}

function write(port: Port, args: string): string {
  if (!/^[0-9A-F]{132}$/i.test(args)) return 'ERROR07';
  const address = Number.parseInt(args.slice(0, 4), 16);
  if (address + 64 > port.memory.length) return 'ERROR23';
  for (let i = 0; i < 64; i += 1) port.memory[address + i] = Number.parseInt(args.slice(4 + 2 * i, 6 + 2 * i), 16);
  return 'OKAY';
}
