import type { Clock, Frame, FrameGraph, Instant, Path } from '@trocar/core';
import { PoseView } from '@trocar/core';
import type { ToolGeometry } from '@trocar/core/render';

/** Where a tool's pose comes from, whoever asks: the stage with every frame, a number on the page some times a second. */
export interface PoseSource<F extends string> {
  readonly clock: Clock;
  /** The tool in a frame, at an instant of {@link clock}. The same view with every call: read it, do not keep it. */
  read(at: Instant): PoseView;
  /** The frame that the pose is in. */
  readonly to: Frame<F>;
}

/** A tool for the stage. Keep the object itself between renderings: a new one is a new tool. */
export interface StageTool<F extends string> extends PoseSource<F> {
  readonly name: string;
  readonly geometry: ToolGeometry;
}

/** A path of a frame graph as a source of poses. */
export class PathSource<F extends string, T extends string> implements PoseSource<F> {
  readonly clock: Clock;
  readonly to: Frame<F>;
  readonly #path: Path<F, T>;
  readonly #graph: FrameGraph;
  readonly #view = new PoseView();

  constructor(graph: FrameGraph, path: Path<F, T>, clock: Clock) {
    this.#graph = graph;
    this.#path = path;
    this.to = path.to;
    this.clock = clock;
  }

  read(at: Instant): PoseView {
    this.#graph.tick(at);
    this.#path.read(this.#view);
    return this.#view;
  }
}
