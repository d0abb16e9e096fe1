import type { PoseSample } from '@trocar/core';
import { NATNET, type NatNetVersion, natnetMessage } from '../../../codec/natnet/index.js';
import {
  echoResponsePacket,
  framePacket,
  modelsPacket,
  serverInfoPacket,
  type TestBody,
} from '../../../codec/natnet/test-support/packets.js';
import type { DatagramDevice } from '../../../testing/index.js';

/** Every body on one line, turning about z; metres. */
export function bodyOnLine(id: number, frame: number): TestBody {
  const x = 0.1 * id + 0.0001 * (frame % 500);
  const half = x / 2;
  return { id, position: [x, 2 * x + 1, -x], rotation: [0, 0, Math.sin(half), Math.cos(half)] };
}

/** Whether a pose, in mm, lies on that line. */
export function isOnLine(_tool: number, sample: PoseSample): boolean {
  const [, , , x = 0, y = 0, z = 0, qx = 0, qy = 0, qz = 0, qw = 0] = sample.values;
  const turned = Math.hypot(qx, qy) < 1e-6 && Math.abs(2 * Math.atan2(qz, qw) - x / 1000) < 1e-5;
  return turned && Math.abs(y - 2 * x - 1000) < 0.01 && Math.abs(z + x) < 0.01;
}

/** How the pretended server is. */
export interface PretendServerOptions {
  readonly version?: NatNetVersion;
  readonly models?: ReadonlyMap<number, string>;
  readonly periodMs?: number;
  readonly multicast?: boolean;
  /** Ticks per second; the clock began long before the host's. */
  readonly ticksPerSecond?: number;
}

const STARTED_BEFORE_MS = 427_000_000;
const EXPOSED_BEFORE_MS = 6;

/** A pretended NatNet server: answers on the command link, and sends frames on the data link once somebody connected. */
export class PretendServer {
  frozen = false;
  spoilt = false;
  silent = false;
  frame = 0;
  models: ReadonlyMap<number, string>;
  modelsChanged = false;
  /** Streaming ids that are not tracked now. */
  readonly covered: Set<number> = new Set();
  /** Messages that came, by number. */
  readonly asked: number[] = [];
  readonly #options: Required<PretendServerOptions>;
  readonly #command: DatagramDevice;
  readonly #data: DatagramDevice;
  readonly #timer: ReturnType<typeof setInterval>;
  #connected = false;
  #frozenAt = 0;

  constructor(command: DatagramDevice, data: DatagramDevice, options: PretendServerOptions = {}) {
    this.#options = {
      version: { major: 3, minor: 0 },
      models: new Map([
        [2, 'stylus'],
        [5, 'reference'],
      ]),
      periodMs: 5,
      multicast: false,
      ticksPerSecond: 10_000_000,
      ...options,
    };
    this.models = this.#options.models;
    this.#command = command;
    this.#data = data;
    command.onDatagram = (bytes) => this.#answer(bytes);
    this.#timer = setInterval(() => this.#send(), this.#options.periodMs);
  }

  /** The server's ticks at a host time. */
  ticksAt(hostMs: number): number {
    return Math.round(((hostMs + STARTED_BEFORE_MS) / 1000) * this.#options.ticksPerSecond);
  }

  #answer(bytes: Uint8Array): void {
    const id = natnetMessage(bytes);
    this.asked.push(id);
    if (id === NATNET.connect) {
      this.#connected = true;
      const { version, ticksPerSecond, multicast } = this.#options;
      this.#command.send(serverInfoPacket(version, ticksPerSecond, multicast));
    } else if (id === NATNET.requestModelDefinitions) {
      this.modelsChanged = false;
      this.#command.send(modelsPacket(this.models, this.#options.version));
    } else if (id === NATNET.echoRequest) {
      const sent = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(4, true));
      this.#command.send(echoResponsePacket(sent, this.ticksAt(performance.now())));
    }
  }

  #send(): void {
    this.frame += 1;
    if (!this.frozen) this.#frozenAt = this.frame;
    if (this.#connected && !this.silent) this.#data.send(this.packet());
  }

  packet(): Uint8Array {
    const now = performance.now();
    const bodies = [...this.models.keys()].map((id) => {
      const body = { ...bodyOnLine(id, this.#frozenAt), valid: !this.covered.has(id) };
      return this.spoilt ? { ...body, position: [Number.NaN, 1, 2] as const } : body;
    });
    const times = { midExposure: this.ticksAt(now - EXPOSED_BEFORE_MS), transmit: this.ticksAt(now) };
    const frame = { number: this.frame, bodies, modelsChanged: this.modelsChanged, ...times };
    return framePacket(frame, this.#options.version);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
