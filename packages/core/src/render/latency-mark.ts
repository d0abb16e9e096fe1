import type { WebGLRenderer } from 'three';
import type { Tool } from './tool.js';

/** The edge of the square that carries a number, device pixels. */
const EDGE_PX = 4;
/** The number of a picture without a pose; times count up to it and begin anew, after 28 minutes. */
const NONE = 2 ** 24 - 1;
/** Numbers to a millisecond. */
const PER_MS = 10;

/** The number that stands for a time: tenths of a millisecond, in 24 bits. */
export function markOf(measuredMs: number): number {
  return Number.isFinite(measuredMs) ? Math.floor(measuredMs * PER_MS) % NONE : NONE;
}

/**
 * A measuring mode: the time at which a tool's drawn pose was measured, in the picture itself, as the colour of the square in the canvas's lower
 * left corner. What is read back is what was drawn, and from which pose: no part of the page between the two can be mistaken.
 */
export class LatencyMark {
  /** Whose pose is marked; `undefined`, as it begins: nothing is. */
  tool: Tool | undefined;
  readonly #pixel = new Uint8Array(4);
  #renderer: WebGLRenderer | undefined;

  /** Draws the square. Called by the stage, last in a frame. */
  draw(renderer: WebGLRenderer): void {
    this.#renderer = renderer;
    const { tool } = this;
    if (tool === undefined) return;
    const n = tool.shown ? markOf(tool.measuredAt) : NONE;
    const gl = renderer.getContext() as WebGL2RenderingContext;
    renderer.setViewport(0, 0, EDGE_PX, EDGE_PX);
    renderer.setScissor(0, 0, EDGE_PX, EDGE_PX);
    // Not by setClearColor(), which converts colours: these are bits.
    renderer.state.buffers.color.setClear((n >> 16) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255, 1, false);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }

  /**
   * The number in the picture just drawn, {@link markOf} of the pose's time; NaN where no pose was drawn or marked. In the task
   * that drew it: a browser clears the canvas afterwards. Waits for the GPU, so only to measure.
   */
  read(): number {
    if (this.tool === undefined || this.#renderer === undefined) return Number.NaN;
    const gl = this.#renderer.getContext() as WebGL2RenderingContext;
    gl.readPixels(1, 1, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, this.#pixel);
    const [r, g, b] = this.#pixel as unknown as [number, number, number];
    const n = r * 65536 + g * 256 + b;
    return n === NONE ? Number.NaN : n;
  }
}
