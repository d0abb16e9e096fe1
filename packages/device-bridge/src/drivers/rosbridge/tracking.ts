import { ClockMap, type NavErrorCode } from '@trocar/core';
import { type RosPose, readRosPoses } from '../../codec/rosbridge/index.js';
import { FRAME, isToBeTold, type PoseTeller, StampOrder } from '../kit/index.js';
import type { RosbridgeDriverOptions, RosToolOptions } from './options.js';

interface ToolState {
  readonly options: RosToolOptions;
  readonly stamps: StampOrder;
  readonly clockMap: ClockMap;
  frame: string | undefined;
}

/** What is told beside poses. */
export interface RosEvents {
  /** A pose came; told before it. */
  alive(): void;
  fault(code: NavErrorCode, message: string): void;
}

/** Published messages to poses. */
export class RosTracking {
  readonly #poses: PoseTeller;
  readonly #events: RosEvents;
  readonly #status: 'ok' | 'unknown';
  readonly #states: readonly ToolState[];
  readonly #point = new Float64Array(2);

  constructor(options: RosbridgeDriverOptions, poses: PoseTeller, events: RosEvents) {
    this.#poses = poses;
    this.#events = events;
    this.#status = options.messageMeans ?? 'unknown';
    this.#states = options.tools.map((tool) => ({
      options: tool,
      stamps: new StampOrder(),
      clockMap: new ClockMap(),
      frame: tool.frame,
    }));
  }

  /** A new connection: publishers and clocks may be others. */
  restart(): void {
    for (const state of this.#states) {
      state.stamps.reset();
      state.clockMap.reset();
    }
  }

  /**
   * Takes a published message, as of the poses' time of arrival.
   * @throws NavError `rosbridge/bad-message`
   */
  push(topic: string, message: Readonly<Record<string, unknown>>): void {
    let told = false;
    this.#states.forEach((state, tool) => {
      if (state.options.topic !== topic) return;
      for (const pose of readRosPoses(state.options.type, message)) {
        const { child } = state.options;
        if (child === undefined || child === pose.child) told = this.#tell(state, tool, pose) || told;
      }
    });
    if (told) this.#poses.flush();
  }

  #tell(state: ToolState, tool: number, pose: RosPose): boolean {
    state.frame ??= pose.frame;
    if (pose.frame !== state.frame) {
      const what = `Tool "${state.options.name}" is told relative to "${state.frame}", and a pose came relative to "${pose.frame}".`;
      this.#events.fault('rosbridge/other-frame', `${what} It was not taken.`);
      return false;
    }
    const point = this.#point;
    point[0] = pose.stampMs;
    const order = Number.isNaN(pose.stampMs) ? FRAME.next : state.stamps.judge(point);
    if (!isToBeTold(order)) return false;
    if (order === FRAME.restart) state.clockMap.reset();
    this.#events.alive();
    this.#mapTime(state, pose.stampMs);
    const { values } = this.#poses.sample;
    values[2] = Number.NaN;
    values.set(pose.values, 3);
    const before = this.#poses.notFinite;
    this.#poses.tell(tool, this.#status, 0);
    if (this.#poses.notFinite !== before) {
      const count = this.#poses.notFinite;
      this.#events.fault(
        'pose/not-finite',
        `A pose without finite numbers or without a rotation was taken for missing (${count} so far).`,
      );
    }
    return true;
  }

  /** The publisher's stamp fitted to the arrivals; the arrival where there is none to be trusted. */
  #mapTime(state: ToolState, stampMs: number): void {
    const measured = this.#poses.measuredAt;
    measured[0] = Number.NaN;
    if (Number.isNaN(stampMs)) return;
    this.#point[0] = stampMs;
    this.#point[1] = this.#poses.arrivedAt[0] as number;
    state.clockMap.push(this.#point);
    measured[0] = stampMs;
    state.clockMap.map(measured);
  }
}
