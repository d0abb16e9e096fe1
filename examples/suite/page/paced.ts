import type { Stage } from '@trocar/core/render';
import { drawsInSoftware } from './link.js';

/** What a person does is drawn with the next frame. */
const DEEDS = ['pointerdown', 'pointermove', 'pointerup', 'wheel', 'keydown', 'click', 'input', 'change'] as const;

/** Between two pictures that are drawn in software, ms: about half of it is drawing, and the rest is left to who measures. */
const SOFTWARE_MS = 150;

/**
 * Draws with every animation frame, as `Stage.start` does. Where there is no GPU, drawing takes whole processor cores: without a pause the
 * program that reads the tracker comes late on the same machine, its poses are really old, and the monitor rightly lets nothing be accepted.
 * @param frame as for `Stage.start`: called last thing before drawing
 */
export function startPaced(stage: Pick<Stage<string>, 'start' | 'render'>, frame: () => void): void {
  if (!drawsInSoftware()) {
    stage.start(frame);
    return;
  }
  let drawnAt = Number.NEGATIVE_INFINITY;
  const atOnce = (): void => {
    drawnAt = Number.NEGATIVE_INFINITY;
  };
  for (const deed of DEEDS) window.addEventListener(deed, atOnce, { capture: true, passive: true });
  const turn = (now: number): void => {
    requestAnimationFrame(turn);
    if (now - drawnAt < SOFTWARE_MS) return;
    drawnAt = now;
    try {
      frame();
    } finally {
      // Whatever went wrong there, an old picture must not stand.
      stage.render();
    }
  };
  requestAnimationFrame(turn);
}
