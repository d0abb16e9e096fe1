import { FrameGraph, frame, type Instant, type Path, type PoseBuffer, PoseView } from '@trocar/core';
import { TRACKER } from './frames.js';
import type { Refusal } from './refusal.js';
import { unfitToTouch } from './touch.js';

/** What is known of how the tracker measures. */
export interface SensingOptions {
  /** What the tracker's data sheet says of a tool's noise: for the tip's error, never told to the registration. */
  readonly trackerNoise?: { readonly positionSdMm: number; readonly rotationSdRad: number };
  /** A pose older than this is no longer live, ms. Default 150. */
  readonly staleAfterMs?: number;
}

/** With nothing measured for this long, a recording is over, ms. */
const SILENT_MS = 500;

/** A path as it was at the newest measurement of its tools. */
export interface Measured {
  /** Reads it anew: the same view every time. */
  read(): PoseView;
  /** Why a recording cannot begin now; undefined where it can. */
  whyNot(now: Instant): Refusal | undefined;
}

/**
 * The tools' poses as they come, and where they are read: at the moment that is drawn, or at the newest measurement. Each tool is
 * a frame of its own name, streamed from the tracker.
 */
export class Sensing<T extends string> {
  readonly graph: FrameGraph = new FrameGraph();
  readonly names: readonly T[];
  /** What the tools' poses are pushed into. */
  readonly buffers: Readonly<Record<T, PoseBuffer>>;
  /** How each tool was seen at the last {@link update}. */
  readonly tools: Readonly<Record<T, PoseView>>;
  readonly #paths: readonly Path<'tracker', T>[];

  /**
   * @param names of the tools, as the bridge knows them
   * @throws NavError `pose/bad-option`, `frame/bad-name`
   */
  constructor(names: readonly T[], { staleAfterMs = 150, trackerNoise }: SensingOptions = {}) {
    const edge = { staleAfterMs, ...(trackerNoise && { noise: trackerNoise }) };
    this.names = names;
    this.buffers = each(names, (name) => this.graph.stream(TRACKER, frame<T>(name), edge));
    this.tools = each(names, () => new PoseView());
    this.#paths = names.map((name) => this.graph.path(TRACKER, frame<T>(name)));
  }

  /** Reads how the tools are seen at a moment, which every path is read at from now on. */
  update(now: Instant): void {
    this.graph.tick(now);
    for (let n = 0; n < this.names.length; n += 1) this.#paths[n]?.read(this.tools[this.names[n] as T]);
  }

  /** Whether all of these tools are seen. */
  sees(...tools: readonly T[]): boolean {
    return tools.every((name) => this.tools[name].status === 'ok');
  }

  /**
   * A path read at the newest time at which each of these tools was measured, not at the time of drawing: a screen that is slow
   * to draw does not make the measurements any older. A tracker that has gone silent is read now, and found stale.
   */
  measured<To extends string, From extends string>(path: Path<To, From>, ...of: readonly T[]): Measured {
    const view = new PoseView();
    const read = (): PoseView => {
      const now = this.graph.at;
      let newest = Number.POSITIVE_INFINITY;
      for (let n = 0; n < of.length; n += 1) newest = Math.min(newest, this.buffers[of[n] as T].newestAt);
      if (now - newest <= SILENT_MS) this.graph.tick(newest as Instant);
      path.read(view);
      this.graph.tick(now);
      return view;
    };
    const whyNot = (now: Instant): Refusal | undefined => {
      this.graph.tick(now);
      return unfitToTouch(read().status);
    };
    return { read, whyNot };
  }
}

function each<T extends string, V>(names: readonly T[], make: (name: T) => V): Readonly<Record<T, V>> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<T, V>;
}
