import { ClockMap, type NavErrorCode } from '@trocar/core';
import { LinePose, lineParser, nmeaChecksum, readLinePose } from '../../codec/line/index.js';
import { FRAME, FrameOrder, isToBeTold, type PoseTeller, StampOrder } from '../kit/index.js';
import type { LineDriverOptions } from './options.js';

/** What became of a line. */
export type LineOutcome = 'told' | 'passed' | { readonly code: Extract<NavErrorCode, `line/${string}`>; readonly what: string };

/** What lines tell beside poses. */
export interface LineEvents {
  /** A measurement came; told before its pose. */
  alive(): void;
  /** Once for a tool that has no position, or no orientation. */
  part(code: 'line/no-position' | 'line/no-orientation', tool: string): void;
}

interface ToolState {
  readonly frames: FrameOrder;
  readonly stamps: StampOrder;
  /** Whether it has been said that this tool has no position, or no orientation. */
  partTold: boolean;
}

/** Lines to poses. */
export class LineTracking {
  readonly clockMap: ClockMap = new ClockMap();
  /** Lines that could not be read, by reason. */
  malformed = 0;
  readonly #options: LineDriverOptions;
  readonly #poses: PoseTeller;
  readonly #parse: ReturnType<typeof lineParser>;
  readonly #pose = new LinePose();
  readonly #toolOf: ReadonlyMap<string, number>;
  readonly #states: readonly ToolState[];
  readonly #point = new Float64Array(2);
  readonly #counter = new Uint32Array(1);
  readonly #events: LineEvents;

  constructor(options: LineDriverOptions, poses: PoseTeller, events: LineEvents) {
    this.#options = options;
    this.#poses = poses;
    this.#parse = lineParser(options.parse);
    this.#toolOf = new Map(options.tools.map(({ name, key }, tool) => [key ?? name, tool]));
    this.#states = options.tools.map(() => ({ frames: new FrameOrder(), stamps: new StampOrder(), partTold: false }));
    this.#events = events;
    poses.mayBePartial = true;
  }

  /** Tracking started anew: counters and clocks may have too. */
  restart(): void {
    this.clockMap.reset();
    for (const { frames, stamps } of this.#states) {
      frames.reset();
      stamps.reset();
    }
  }

  /** Takes one line, as of the poses' time of arrival. */
  push(bytes: Uint8Array): LineOutcome {
    let line = String.fromCharCode(...bytes);
    if (this.#options.checksum === 'nmea') {
      const { outcome, content } = nmeaChecksum(line);
      if (outcome !== 'right') return this.#refuse('line/bad-checksum', `its checksum is ${outcome}`);
      line = content;
    }
    const values = this.#parse(line.trim());
    if (values === undefined) return 'passed';
    if (values === 'malformed') return this.#refuse('line/malformed', 'it does not have the layout that was given');
    const bad = readLinePose(values, this.#options.units ?? {}, this.#pose);
    if (bad !== undefined) return this.#refuse('line/bad-number', `its ${bad} is missing or no number that it can be`);
    const tool = this.#toolFor(values.tool);
    if (tool === undefined) return this.#refuse('line/malformed', `nobody named a tool "${values.tool}"`);
    return this.#tell(tool);
  }

  #refuse(code: Extract<NavErrorCode, `line/${string}`>, what: string): LineOutcome {
    this.malformed += 1;
    return { code, what };
  }

  #toolFor(key: string | number | undefined): number | undefined {
    if (key === undefined) return this.#states.length === 1 ? 0 : undefined;
    return this.#toolOf.get(String(key));
  }

  #tell(tool: number): LineOutcome {
    const pose = this.#pose;
    const hasPosition = !Number.isNaN(pose.values[0] as number);
    const hasOrientation = !Number.isNaN(pose.values[3] as number);
    if (!hasPosition && !hasOrientation && pose.valid !== false) {
      return this.#refuse('line/malformed', 'it has neither a position nor an orientation');
    }
    const order = this.#judge(this.#states[tool] as ToolState);
    if (!isToBeTold(order)) return 'passed';
    this.#events.alive();
    if (order === FRAME.restart) this.clockMap.reset();
    this.#mapTime();
    const poses = this.#poses;
    if (pose.valid === false) {
      poses.tellMissing(tool, pose.frame);
    } else {
      if (!hasPosition || !hasOrientation) this.#sayPart(tool, hasPosition);
      poses.sample.values[2] = pose.errorMm;
      poses.sample.values.set(pose.values, 3);
      const whole = hasPosition && hasOrientation;
      const seen = pose.valid === true ? 'ok' : (this.#options.lineMeans ?? 'unknown');
      // Half a pose is none that could be drawn: what is not measured stays no number, and the whole is unknown.
      poses.tell(tool, whole ? seen : 'unknown', pose.frame);
    }
    poses.flush();
    return 'told';
  }

  #judge(state: ToolState): number {
    const pose = this.#pose;
    if (pose.frame !== 0) {
      this.#counter[0] = pose.frame;
      return state.frames.judge(this.#counter);
    }
    if (Number.isNaN(pose.time)) return FRAME.next;
    this.#point[0] = pose.time;
    return state.stamps.judge(this.#point);
  }

  /** The device's time, or its counter, fitted to the arrivals; the arrival where it has neither. */
  #mapTime(): void {
    const pose = this.#pose;
    const measured = this.#poses.measuredAt;
    const count = Number.isNaN(pose.time) ? pose.frame : pose.time;
    measured[0] = Number.NaN;
    if (count === 0 && Number.isNaN(pose.time)) return;
    this.#point[0] = count;
    this.#point[1] = this.#poses.arrivedAt[0] as number;
    this.clockMap.push(this.#point);
    measured[0] = count;
    this.clockMap.map(measured);
  }

  #sayPart(tool: number, hasPosition: boolean): void {
    const state = this.#states[tool] as ToolState;
    if (state.partTold) return;
    state.partTold = true;
    this.#events.part(
      hasPosition ? 'line/no-orientation' : 'line/no-position',
      (this.#options.tools[tool] as { name: string }).name,
    );
  }
}
