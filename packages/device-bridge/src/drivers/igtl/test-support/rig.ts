import { type Instant, NavError, type NavErrorCode, type Status, systemClock } from '@trocar/core';
import { expect } from 'vitest';
import { decodeIgtl, encodeIgtl, IgtlFramer, type IgtlMessage, type IgtlMessageInit } from '../../../codec/igtl/index.js';
import type { ConnectionState, DriverFault, PoseSink, ToolInfo } from '../../../driver.js';
import { type Pipe, pipe } from '../../../transports/pipe.js';
import { type IgtlDriver, type IgtlDriverOptions, igtlDriver } from '../index.js';

export const clock = systemClock();

/** One pose that a driver told. */
export interface Told {
  readonly tool: number;
  readonly name: string;
  readonly status: Status;
  readonly measuredAt: Instant;
  readonly arrivedAt: Instant;
  /** tx ty tz qx qy qz qw. */
  readonly pose: number[];
}

/** A sink that keeps everything. */
export class Recorder implements PoseSink {
  list: readonly ToolInfo[] = [];
  readonly told: Told[] = [];
  readonly states: ConnectionState[] = [];
  readonly faults: DriverFault[] = [];
  flushes = 0;
  tools = (list: readonly ToolInfo[]): void => {
    this.list = list;
  };
  pose: PoseSink['pose'] = (tool, sample) => {
    const v = sample.values;
    const { status, measuredAt, arrivedAt } = sample;
    this.told.push({ tool, name: this.list[tool]?.name ?? '?', status, measuredAt, arrivedAt, pose: [...v.subarray(3)] });
  };
  flush = (): void => {
    this.flushes += 1;
  };
  connection = (state: ConnectionState): void => {
    this.states.push(state);
  };
  fault = (fault: DriverFault): void => {
    this.faults.push(fault);
  };
  codes(): NavErrorCode[] {
    return this.faults.map(({ code }) => code);
  }
  /** Name and status of everything told from number `from` on. */
  statuses(from = 0): string[] {
    return this.told.slice(from).map(({ name, status }) => `${name} ${status}`);
  }
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until it holds, and fails where it does not within the deadline. */
export async function until(holds: () => boolean, deadlineMs = 3000): Promise<void> {
  await expect.poll(holds, { timeout: deadlineMs, interval: 2 }).toBe(true);
}

/** A server of few words at the other end of a pipe. */
export class FakeServer {
  readonly heard: IgtlMessage[] = [];
  readonly link: Pipe;
  #onMessage: (message: IgtlMessage) => void = () => undefined;

  constructor(link: Pipe) {
    this.link = link;
  }

  async listen(onMessage: (message: IgtlMessage) => void = () => undefined): Promise<void> {
    this.#onMessage = onMessage;
    const framer = new IgtlFramer({
      message: (frame) => {
        const message = decodeIgtl(frame);
        this.heard.push(message);
        this.#onMessage(message);
      },
      fault: (fault) => {
        throw new NavError(fault.code, fault.message);
      },
    });
    await this.link.device.open({ data: (bytes) => framer.feed(bytes), closed: () => framer.reset() });
  }

  send(...messages: readonly IgtlMessageInit[]): void {
    for (const message of messages) this.link.device.write(encodeIgtl(message));
  }
}

/** A driver at one end of a pipe, a fake server at the other. */
export interface Rig {
  readonly driver: IgtlDriver;
  readonly server: FakeServer;
  readonly sink: Recorder;
}

export async function makeRig(
  options: Partial<IgtlDriverOptions> = {},
  onMessage?: (message: IgtlMessage, server: FakeServer) => void,
  pipeOptions: Parameters<typeof pipe>[0] = {},
): Promise<Rig> {
  const server = new FakeServer(pipe(pipeOptions));
  await server.listen((message) => onMessage?.(message, server));
  const driver = igtlDriver({
    transport: server.link.host,
    clock,
    onSilence: 'stale',
    silentMs: 10_000,
    reconnectMs: 5,
    ...options,
  });
  return { driver, server, sink: new Recorder() };
}

/** A rotation about a skew axis and a place, column-major: every entry differs from every other. */
export function skewMatrix(angle: number, x: number, y: number, z: number): Float64Array {
  const [a, b, c] = [2 / 7, 3 / 7, 6 / 7];
  const s = Math.sin(angle);
  const k = 1 - Math.cos(angle);
  const d = Math.cos(angle);
  // Rodrigues' formula.
  const m = [
    [d + a * a * k, a * b * k - c * s, a * c * k + b * s, x],
    [b * a * k + c * s, d + b * b * k, b * c * k - a * s, y],
    [c * a * k - b * s, c * b * k + a * s, d + c * c * k, z],
    [0, 0, 0, 1],
  ];
  return Float64Array.from({ length: 16 }, (_, i) => (m[i % 4] as number[])[Math.floor(i / 4)] as number);
}

/** The quaternion of {@link skewMatrix}. */
export const skewQuaternion = (angle: number): number[] => {
  const s = Math.sin(angle / 2);
  return [(2 / 7) * s, (3 / 7) * s, (6 / 7) * s, Math.cos(angle / 2)];
};

export const transform = (device: string, matrix: Float64Array, more: Partial<IgtlMessageInit> = {}): IgtlMessageInit => ({
  type: 'TRANSFORM',
  device,
  content: { kind: 'transform', matrix },
  ...more,
});

/** The same for a list of tools, along x, 1 mm apart. */
export const tdata = (tools: readonly string[], angle: number, more: Partial<IgtlMessageInit> = {}): IgtlMessageInit => ({
  type: 'TDATA',
  device: 'Tracker',
  content: {
    kind: 'trackingData',
    tools: tools.map((name, i) => ({ name, toolType: 2, matrix: skewMatrix(angle, i, 2, 3) })),
  },
  ...more,
});
