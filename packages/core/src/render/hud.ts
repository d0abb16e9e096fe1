import { OrthographicCamera, Scene, type WebGLRenderer } from 'three';

/** What is drawn over what, lowest first: three would sort by depth, and on the glass there is none. */
export const LAYER: Readonly<Record<'lines' | 'plan' | 'marks' | 'error' | 'tool' | 'text' | 'alarm', number>> = {
  lines: 0,
  plan: 1,
  marks: 2,
  error: 3,
  tool: 4,
  text: 5,
  alarm: 6,
};

/**
 * What lies on top of a view, in device pixels from its upper left corner, x to the right and y down: letters, rings,
 * the scale bar.
 */
export class Hud {
  readonly scene: Scene = new Scene();
  readonly #camera = new OrthographicCamera(0, 1, 0, 1, -1, 1);
  width = 1;
  height = 1;

  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    this.#camera.right = width;
    // Top is 0 and bottom the height: y runs down. This mirrors, so faces are drawn from both sides.
    this.#camera.top = 0;
    this.#camera.bottom = height;
    this.#camera.updateProjectionMatrix();
  }

  render(renderer: WebGLRenderer): void {
    renderer.render(this.scene, this.#camera);
  }
}
