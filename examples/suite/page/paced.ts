import type { Stage } from '@trocar/core/render';
import { drawsInSoftware } from './link.js';

/** What a person does is drawn as soon as the picture before it is done. */
const DEEDS = ['pointerdown', 'pointermove', 'pointerup', 'wheel', 'keydown', 'click', 'input', 'change'] as const;

/** In software a picture is begun no sooner than so long after the one before, ms; and after it was done, no sooner than it took. */
const LEAST_MS = 150;
/** However much is asked for: so long after a picture the page is free for what has come meanwhile, ms. The browser holds it up while it copies one out. */
const FREE_MS = 50;

/**
 * Draws with every animation frame, as `Stage.start` does. Where there is no GPU, drawing takes whole processor cores: without a pause the
 * program that reads the tracker comes late on the same machine, its poses are really old, and the monitor rightly lets nothing be
 * accepted. There, drawing takes half of the time at most.
 * @param frame as for `Stage.start`: called last thing before drawing
 */
export function startPaced(stage: Pick<Stage<string>, 'start' | 'render' | 'canvas'>, frame: () => void): void {
  if (!drawsInSoftware()) {
    stage.start(frame);
    return;
  }
  const done = new Done(stage.canvas);
  let begun = Number.NEGATIVE_INFINITY;
  let restsUntil = Number.NEGATIVE_INFINITY;
  let freeUntil = Number.NEGATIVE_INFINITY;
  let asked = false;
  let pictures = 0;
  const ask = (event: Event): void => {
    // A pointer that passes by asks for nothing.
    if (event.type !== 'pointermove' || (event as PointerEvent).buttons !== 0) asked = true;
  };
  for (const deed of DEEDS) window.addEventListener(deed, ask, { capture: true, passive: true });
  // Another size clears the canvas: it is drawn again at once, not after a rest.
  new ResizeObserver(() => {
    asked = true;
    if (done.waits) return;
    stage.render();
    done.mark();
  }).observe(stage.canvas);
  const turn = (now: number): void => {
    requestAnimationFrame(turn);
    if (done.waits) {
      if (!done.check()) return;
      pictures += 1;
      // Said to whoever takes a picture of the page: one that was begun is not yet to be seen.
      stage.canvas.dataset['pictures'] = String(pictures);
      restsUntil = Math.max(begun + LEAST_MS, 2 * now - begun);
      freeUntil = now + FREE_MS;
    }
    if (now < (asked ? freeUntil : restsUntil)) return;
    asked = false;
    begun = now;
    try {
      frame();
    } finally {
      // Whatever went wrong there, an old picture must not stand.
      stage.render();
      done.mark();
    }
  };
  requestAnimationFrame(turn);
}

/** Whether what was asked of the drawing process is done: `render` only asks. */
class Done {
  readonly #gl: WebGL2RenderingContext;
  #fence: WebGLSync | null = null;

  constructor(canvas: HTMLCanvasElement) {
    this.#gl = canvas.getContext('webgl2') as WebGL2RenderingContext;
  }

  get waits(): boolean {
    return this.#fence !== null;
  }

  mark(): void {
    this.#fence = this.#gl.fenceSync(this.#gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    this.#gl.flush();
  }

  /** True once it is done; also where the context was lost, and nobody will ever say. */
  check(): boolean {
    const gl = this.#gl;
    const fence = this.#fence as WebGLSync;
    if (!gl.isContextLost() && gl.getSyncParameter(fence, gl.SYNC_STATUS) !== gl.SIGNALED) return false;
    gl.deleteSync(fence);
    this.#fence = null;
    return true;
  }
}
