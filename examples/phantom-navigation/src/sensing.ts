import { FrameGraph, type Instant, type PoseBuffer, PoseView } from '@trocar/core';
import { CT, REFERENCE, STYLUS, TIP, TRACKER } from './frames.js';
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

/** The tools' poses as they come, and where they are read: at the moment that is drawn, or at the newest measurement. */
export class Sensing {
  readonly graph = new FrameGraph();
  /** What the tools' poses are pushed into. */
  readonly buffers: { readonly stylus: PoseBuffer; readonly reference: PoseBuffer };
  /** How each tool was seen at the last {@link update}. */
  readonly tools = { stylus: new PoseView(), reference: new PoseView() };
  readonly #measured = { tip: new PoseView(), stylus: new PoseView() };
  readonly #paths;

  /** @throws NavError `pose/bad-option` */
  constructor({ staleAfterMs = 150, trackerNoise }: SensingOptions) {
    const edge = { staleAfterMs, ...(trackerNoise && { noise: trackerNoise }) };
    this.buffers = { stylus: this.graph.stream(TRACKER, STYLUS, edge), reference: this.graph.stream(TRACKER, REFERENCE, edge) };
    this.#paths = {
      tipInReference: this.graph.path(REFERENCE, TIP),
      tipInImage: this.graph.path(CT, TIP),
      stylus: this.graph.path(TRACKER, STYLUS),
      reference: this.graph.path(TRACKER, REFERENCE),
    };
  }

  /** The way from the image to the tip. */
  get tipInImage() {
    return this.#paths.tipInImage;
  }

  /** Reads how the tools are seen at a moment, which every path is read at from now on. */
  update(now: Instant): void {
    this.graph.tick(now);
    this.#paths.stylus.read(this.tools.stylus);
    this.#paths.reference.read(this.tools.reference);
  }

  /** Whether both tools are seen. */
  get seesBoth(): boolean {
    return this.tools.stylus.status === 'ok' && this.tools.reference.status === 'ok';
  }

  /** The tip in the reference at the newest measurement of both tools: reused. */
  tip(): PoseView {
    const newest = Math.min(this.buffers.stylus.newestAt, this.buffers.reference.newestAt);
    return this.#at(newest, this.#paths.tipInReference, this.#measured.tip);
  }

  /** The stylus in the tracker at its newest measurement: reused. */
  stylus(): PoseView {
    return this.#at(this.buffers.stylus.newestAt, this.#paths.stylus, this.#measured.stylus);
  }

  /** Why a recording of the tip, or of the stylus, cannot begin now; undefined where it can. */
  whyNot(what: 'tip' | 'stylus', now: Instant): Refusal | undefined {
    this.graph.tick(now);
    return unfitToTouch((what === 'tip' ? this.tip() : this.stylus()).status);
  }

  /**
   * Reads a path at the time of the newest measurement, not at the time of drawing, for a screen that is slow to draw does
   * not make the measurements any older. A tracker that has gone silent is read now, and found stale.
   */
  #at(newest: number, path: { read(view: PoseView): void }, view: PoseView): PoseView {
    const now = this.graph.at;
    if (now - newest <= SILENT_MS) this.graph.tick(newest as Instant);
    path.read(view);
    this.graph.tick(now);
    return view;
  }
}
