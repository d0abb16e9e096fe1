import { ImageWatch, Monitor, type Watched, watched, watchedImage, watchedTool } from '@trocar/core/guidance';
import { TOOLS } from './frames.js';
import { IMAGE_STALE_MS, type Procedure } from './procedure.js';

/** The tracker's true period, ms. */
const PERIOD_MS = 1000 / 60;

/**
 * What goes wrong beside the procedure, as alarms: core's `Monitor`, told how probe, reference, live image and registration stand. The
 * reference has no second body in this room: that a push of it would not be found is an alarm of its own.
 */
export class Monitoring {
  readonly monitor: Monitor = new Monitor();
  readonly #state: Watched = watched(
    TOOLS.map((name) => watchedTool(name, PERIOD_MS)),
    [watchedImage('ultrasound')],
  );
  readonly #image = new ImageWatch(IMAGE_STALE_MS);
  #number = -1;

  /** Once per drawn frame, after the procedure's own update. */
  tick(procedure: Procedure): void {
    const { latest, stage } = procedure;
    const guided = stage === 'biopsy';
    if (latest !== undefined && latest.frame.number !== this.#number) {
      this.#number = latest.frame.number;
      this.#image.push(latest.frame.echoes, latest.frame.atMs);
    }
    const state = this.#state;
    state.atMs = procedure.graph.at;
    state.navigating = guided;
    for (const [n, name] of TOOLS.entries()) {
      const tool = state.tools[n];
      if (tool === undefined) continue;
      const view = procedure.tools[name];
      tool.needed = guided;
      tool.status = view.status;
      tool.ageMs = view.ageMs;
    }
    const image = state.images[0];
    if (image !== undefined) {
      image.needed = guided || procedure.sweep.recording;
      this.#image.fill(image, state.atMs);
    }
    const { verification, verificationDue } = procedure;
    state.registration.verified = verification?.accepted;
    state.reference.touchesSayMoved = verificationDue === 'moved';
    state.restored = verificationDue === 'restored';
    this.monitor.tick(state);
  }

  /** Why nothing may be accepted now; undefined where it may. */
  get whyBlocked(): string | undefined {
    // Which one stands above the pictures: here there is no room to say it twice.
    return this.monitor.blocks
      ? 'Nothing can be accepted while an alarm of high priority stands: see above the pictures.'
      : undefined;
  }
}
