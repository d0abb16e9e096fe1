import { NavError } from '../base/index.js';
import {
  type AnyFrame,
  type Frame,
  FrameGraph,
  frame,
  type Path,
  type PoseBuffer,
  type PoseSample,
  type Transform,
} from '../frames/index.js';
import type { StraightPlan } from '../guidance/index.js';
import type { DeviceRecorder, Recorder } from '../recording/index.js';
import type { Instant } from '../time/index.js';
import { type ExactValue, toExactJson } from './exact-json.js';
import { packNumbers } from './guidance-numbers.js';
import type { GuidanceSetup, StreamSetup } from './guidance-setup.js';
import { Guide, type GuideReading } from './guide.js';
import { keptEdge, keptPlan } from './kept.js';

/** Where a driver's poses and facts go: the shape of device-bridge's PoseSink. */
export interface GuidanceSink {
  tools(list: readonly { readonly name: string }[]): void;
  pose(tool: number, sample: PoseSample, frameNumber: number): void;
  flush(): void;
  connection(state: 'connecting' | 'connected' | 'disconnected', reason: string): void;
  fault(fault: { readonly code: string; readonly message: string }): void;
}

/** The names of the events that a recorded guidance writes beside the poses. */
export const GUIDANCE_EVENTS = {
  setup: 'trocar/guidance/setup',
  edge: 'trocar/guidance/edge',
  removed: 'trocar/guidance/edge-removed',
  plan: 'trocar/guidance/plan',
  tick: 'trocar/guidance/tick',
} as const;

interface Stream extends StreamSetup {
  readonly buffer: PoseBuffer;
}

/**
 * From poses to guidance numbers, with everything that they depend on going through one object: poses and connections by
 * {@link sink}, edges by {@link set}, the plan, and the query time of every frame by {@link tick}. With a recorder, all of
 * it is recorded with the numbers that came out, and `replayGuidance` brings them out again.
 *
 * Live and replay run this same code. Between a pose and its number stand only additions, products and functions of
 * ECMAScript's `Math`; some of those (`hypot`, `atan2`, `sin`) may differ in the last bit between engines.
 */
export class GuidanceRun<F extends string> {
  readonly frame: Frame<F>;
  readonly setup: GuidanceSetup;
  readonly #graph = new FrameGraph();
  readonly #streams: readonly Stream[];
  readonly #guides: readonly Guide<F>[];
  readonly #recorder: Recorder | undefined;
  readonly #devices = new Map<string, DeviceRecorder>();
  #plan: StraightPlan<F> | undefined;

  /**
   * @param inFrame the images' frame, which plans and readings are in
   * @throws NavError `frame/bad-name`, `frame/cycle`, `frame/duplicate-edge`, `pose/bad-option`, `guidance/bad-plan`;
   *   `session/bad-value` for two guides of one name
   */
  constructor(inFrame: Frame<F>, setup: GuidanceSetup, recorder?: Recorder) {
    this.frame = inFrame;
    this.setup = setup;
    this.#recorder = recorder;
    this.#streams = setup.streams.map((stream) => {
      const buffer = this.#graph.stream(frame(stream.to), frame(stream.from), stream.options ?? {});
      buffer.connected = false;
      return { ...stream, buffer };
    });
    if (new Set(setup.guides.map((guide) => guide.name)).size < setup.guides.length) {
      throw new NavError('session/bad-value', 'Two guides have the same name. Give each its own.');
    }
    this.#guides = setup.guides.map((guide) => new Guide(guide, this.#graph.path(inFrame, frame(guide.tip))));
    this.#event(GUIDANCE_EVENTS.setup, { frame: inFrame.name, ...setup } as never as ExactValue);
  }

  /** The newest reading of every guide, in the order of the setup: reused, and overwritten by each tick. */
  get readings(): readonly GuideReading<F>[] {
    return this.#guides;
  }
  get plan(): StraightPlan<F> | undefined {
    return this.#plan;
  }

  /** A path that answers at the query time of the last {@link tick}: to draw by. */
  path<To extends string, From extends string>(to: Frame<To>, from: Frame<From>): Path<To, From> {
    return this.#graph.path(to, from);
  }

  /** Sets a fixed edge: a calibration, the registration. @throws NavError as `FrameGraph.set` */
  set<To extends string, From extends string>(edge: Transform<To, From>): void {
    this.#graph.set(edge);
    this.#event(GUIDANCE_EVENTS.edge, keptEdge(edge));
  }

  /** Removes the fixed edge between two frames; false where there was none. */
  remove(a: AnyFrame, b: AnyFrame): boolean {
    const fixed = this.#graph.get(a, b) !== undefined;
    if (fixed) this.#graph.remove(a, b);
    this.#event(GUIDANCE_EVENTS.removed, { a: a.name, b: b.name });
    return fixed;
  }

  /** Guides to another plan, or to none. */
  setPlan(plan: StraightPlan<F> | undefined): void {
    this.#plan = plan;
    for (const guide of this.#guides) guide.setPlan(plan);
    this.#event(GUIDANCE_EVENTS.plan, plan === undefined ? null : keptPlan(plan));
  }

  /**
   * What takes the poses and facts of a device. Its tools are `disconnected` until it is connected; those that the setup
   * does not name are recorded and not used.
   * @throws NavError `recording/bad-option` for a name that a recording cannot have
   */
  sink(device: string): GuidanceSink {
    const mine = this.#streams.filter((stream) => stream.device === device);
    const record = this.#recorder?.device(device);
    if (record !== undefined) this.#devices.set(device, record);
    let byTool: (PoseBuffer | undefined)[] = [];
    return {
      tools: (list) => {
        byTool = list.map((tool) => mine.find((stream) => stream.tool === tool.name)?.buffer);
        record?.tools(list);
      },
      pose: (tool, sample, frameNumber) => {
        byTool[tool]?.push(sample);
        record?.pose(tool, sample, frameNumber);
      },
      flush: () => record?.flush(),
      connection: (state, reason) => {
        for (const { buffer } of mine) buffer.connected = state === 'connected';
        record?.connection(state, reason);
      },
      fault: (fault) => record?.fault(fault),
    };
  }

  /**
   * Reads every guide at one query time. Once per drawn frame: it works out the bound of each tip's error and, with a recorder,
   * writes a message, so it allocates, as the way of a pose through {@link sink} does not.
   */
  tick(at: Instant): readonly GuideReading<F>[] {
    this.#graph.tick(at);
    for (const guide of this.#guides) guide.read();
    if (this.#recorder !== undefined) this.#record(this.#recorder, at);
    return this.#guides;
  }

  #record(recorder: Recorder, at: Instant): void {
    // Poses that were told and not flushed yet are in the buffers: they must stand in front of this tick in the file, too.
    for (const device of this.#devices.values()) device.spill();
    const numbers = this.#guides.map((guide) => packNumbers(guide.numbers));
    recorder.event(GUIDANCE_EVENTS.tick, { at: toExactJson(at), numbers });
  }

  #event(name: string, data: ExactValue): void {
    this.#recorder?.event(name, toExactJson(data));
  }
}
