import { type Clock, isNavError, NavError, type NavErrorCode, PoseSample } from '@trocar/core';
import type { ImageSource } from '@trocar/core/recording';
import type { DeviceState } from '../codec/bridge/index.js';
import type { ConnectionState, Driver, PoseSink, ToolInfo } from '../driver.js';

/** A device of a bridge. */
export interface BridgeDevice {
  /** Unique in the bridge. */
  readonly name: string;
  readonly driver: Driver;
}

/** What several devices tell together, as one. */
export interface DevicesSink extends Omit<PoseSink, 'connection'> {
  /** `state`: of all of them: `connected` where any is. */
  connection(state: ConnectionState, reason: string, devices: readonly DeviceState[]): void;
}

/** Pauses between attempts to start a device that was not there, ms. */
const RETRY_MS = [1000, 2000, 5000];

/**
 * Several drivers as one source of poses: their tools in one list, each with a number of its own, and a state per device.
 * When one of several devices goes, its own tools are told `disconnected`; the others go on.
 */
export class Devices {
  readonly #devices: readonly BridgeDevice[];
  readonly #clock: Clock;
  readonly #sink: DevicesSink;
  readonly #states: DeviceState[];
  readonly #retries = new Set<ReturnType<typeof setTimeout>>();
  /** All tools, and per device the numbers of its own. */
  readonly #tools: ToolInfo[] = [];
  readonly #numbers: number[][];
  /** The same of image sources. */
  readonly #sources: ImageSource[] = [];
  readonly #sourceNumbers: number[][];
  readonly #gone = new PoseSample();
  #stopped = false;

  /** @throws NavError `bridge/bad-option` where two devices have one name, or there is none */
  constructor(devices: readonly BridgeDevice[], clock: Clock, sink: DevicesSink) {
    if (devices.length === 0 || new Set(devices.map((d) => d.name)).size !== devices.length) {
      throw new NavError('bridge/bad-option', 'A bridge needs at least one device, and each needs a name of its own.');
    }
    this.#devices = devices;
    this.#clock = clock;
    this.#sink = sink;
    this.#states = devices.map(({ name }) => ({ name, state: 'connecting', reason: '' }));
    this.#numbers = devices.map(() => []);
    this.#sourceNumbers = devices.map(() => []);
    this.#gone.status = 'disconnected';
  }

  get states(): readonly DeviceState[] {
    return this.#states;
  }

  /** The name of the device that a tool belongs to. */
  deviceOf(tool: number): string {
    const device = this.#numbers.findIndex((numbers) => numbers.includes(tool));
    return this.#devices[device]?.name ?? '';
  }

  /**
   * Starts every device. One of several that is not there is tried again in the background.
   * @throws NavError of the first, where none of them starts
   */
  async start(): Promise<void> {
    const results = await Promise.allSettled(this.#devices.map((_, i) => this.#startOne(i)));
    const failures = results.flatMap((result, i) =>
      result.status === 'rejected' ? [{ i, error: result.reason as unknown }] : [],
    );
    if (failures.length === this.#devices.length) throw failures[0]?.error;
    for (const { i, error } of failures) this.#failed(i, error, 0);
  }

  #startOne(i: number): Promise<void> {
    return (this.#devices[i] as BridgeDevice).driver.start(this.#sinkOf(i));
  }

  #failed(i: number, error: unknown, attempt: number): void {
    const code: NavErrorCode = isNavError(error) ? error.code : 'device/connect-failed';
    const message = error instanceof Error ? error.message : String(error);
    this.#sink.fault({ code, message });
    this.#become(i, 'disconnected', message);
    const timer = setTimeout(
      () => {
        this.#retries.delete(timer);
        void this.#retry(i, attempt + 1);
      },
      RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)],
    );
    this.#retries.add(timer);
  }

  async #retry(i: number, attempt: number): Promise<void> {
    try {
      await this.#devices[i]?.driver.stop();
      if (!this.#stopped) await this.#startOne(i);
    } catch (error) {
      if (!this.#stopped) this.#failed(i, error, attempt);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#retries) clearTimeout(timer);
    await Promise.allSettled(this.#devices.map(({ driver }) => driver.stop()));
  }

  #sinkOf(i: number): PoseSink {
    const numbers = this.#numbers[i] as number[];
    const sink = this.#sink;
    return {
      tools: (list) => this.#setTools(i, list),
      pose: (tool, sample, frameNumber) => {
        const number = numbers[tool];
        if (number !== undefined) sink.pose(number, sample, frameNumber);
      },
      flush: () => sink.flush(),
      connection: (state, reason) => this.#become(i, state, reason),
      fault: (fault) => sink.fault(fault),
      images: (list) => this.#setSources(i, list),
      image: (source, frame) => {
        const number = this.#sourceNumbers[i]?.[source];
        if (number !== undefined) sink.image?.(number, frame);
      },
    };
  }

  #setSources(i: number, list: readonly ImageSource[]): void {
    const numbers = this.#sourceNumbers[i] as number[];
    for (const { name } of list.slice(numbers.length)) {
      const taken = this.#sources.some((source) => source.name === name);
      numbers.push(this.#sources.push({ name: taken ? `${this.#devices[i]?.name}/${name}` : name }) - 1);
    }
    this.#sink.images?.([...this.#sources]);
  }

  #setTools(i: number, list: readonly ToolInfo[]): void {
    const numbers = this.#numbers[i] as number[];
    for (const [k, tool] of list.entries()) {
      const known = numbers[k];
      const number = known ?? this.#tools.length;
      numbers[k] = number;
      this.#tools[number] = {
        ...tool,
        name: known === undefined ? this.#nameFor(i, tool.name) : (this.#tools[known] as ToolInfo).name,
      };
    }
    this.#sink.tools(this.#tools);
  }

  /** A tool that has the name of another device's is told by its device's name too. */
  #nameFor(i: number, name: string): string {
    if (!this.#tools.some((tool) => tool.name === name)) return name;
    const device = (this.#devices[i] as BridgeDevice).name;
    const message = `The devices have two tools "${name}"; that of "${device}" is called "${device}/${name}" here. Give them names of their own.`;
    this.#sink.fault({ code: 'bridge/bad-option', message });
    return `${device}/${name}`;
  }

  #become(i: number, state: ConnectionState, reason: string): void {
    const before = this.#states[i] as DeviceState;
    this.#states[i] = { ...before, state, reason };
    if (before.state === 'connected' && state !== 'connected' && this.#devices.length > 1) this.#disconnectTools(i);
    const states = [...this.#states];
    this.#sink.connection(overall(states), states.length === 1 ? reason : `${before.name}: ${reason}`, states);
  }

  #disconnectTools(i: number): void {
    const now = this.#clock.now();
    this.#gone.values[0] = now;
    this.#gone.values[1] = now;
    for (const number of this.#numbers[i] as number[]) this.#sink.pose(number, this.#gone, 0);
    this.#sink.flush();
  }
}

function overall(states: readonly DeviceState[]): ConnectionState {
  if (states.some(({ state }) => state === 'connected')) return 'connected';
  return states.some(({ state }) => state === 'connecting') ? 'connecting' : 'disconnected';
}
