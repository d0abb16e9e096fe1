/** For allocation probes of drivers: what reads the poses that come, as an application does. */
import { FrameGraph, frame, PoseView } from '@trocar/core';
import { countCollections } from './collections.mjs';

export class TrackedTools {
  /** Pose buffers by tool number; tools are called `tool0` … */
  buffers = [];
  /** `[host ms]`, set by the probe: a double that changes in a plain variable is boxed. */
  now = new Float64Array(1);
  /** Paths read that were live. */
  live = 0;
  #graph = new FrameGraph();
  #paths = [];
  #view = new PoseView();
  #sum = new Float64Array(1);

  /**
   * @param {number} count
   * @param {object} [options] of every buffer
   */
  constructor(count, options = {}) {
    const tracker = frame('tracker');
    for (let i = 0; i < count; i += 1) {
      this.buffers.push(this.#graph.stream(tracker, frame(`tool${i}`), options));
      this.#paths.push(this.#graph.path(tracker, frame(`tool${i}`)));
    }
  }

  /** Reads every path. */
  readAll() {
    this.#graph.tick(this.now[0]);
    for (let tool = 0; tool < this.#paths.length; tool += 1) {
      if (this.#paths[tool].read(this.#view) !== 'ok') continue;
      this.live += 1;
      this.#sum[0] += this.#view.matrix[12];
    }
  }

  /**
   * Prints what collections `run` takes for so many poses, as `expectNoCollections` reads it.
   * @param {(poses: number) => void} run
   * @param {number} poses
   */
  async report(run, poses) {
    const { collections, control } = await countCollections(
      () => run(poses / 4),
      () => {
        this.live = 0;
        run(poses);
      },
    );
    const { live } = this;
    process.stdout.write(`${JSON.stringify({ poses, live, collections, control, sum: this.#sum[0] })}\n`);
  }
}
