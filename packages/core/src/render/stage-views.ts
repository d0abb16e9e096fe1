import type { WebGLRenderer } from 'three';
import { type Layout, type PixelRect, pixelRect } from './layout.js';
import type { StageModel } from './model.js';
import { PALETTE } from './palette.js';
import { SLICE_VIEWS, type SliceAxes, type SliceViewName, type ViewName } from './planes.js';
import { SceneView } from './scene-view.js';
import { SliceView } from './slice-view.js';
import type { Tool } from './tool.js';

const GAP_PX = 2;

/** The views of a stage: three slices and the 3D view, and where on the canvas each is drawn. */
export class StageViews {
  readonly scene: SceneView = new SceneView((name) => this.slice(name).plane);
  layout: Layout;
  readonly #slices: ReadonlyMap<SliceViewName, SliceView>;

  constructor(layout: Layout) {
    this.layout = layout;
    this.#slices = new Map(SLICE_VIEWS.map((name) => [name, new SliceView(name)]));
  }

  slice(view: SliceViewName): SliceView {
    return this.#slices.get(view) as SliceView;
  }

  /** The pixels of a cell on a canvas. */
  rect(cell: Layout[number], { width, height }: HTMLCanvasElement, dpr: number): PixelRect {
    return pixelRect(cell, width, height, Math.max(2, Math.round(GAP_PX * dpr)));
  }

  /** Puts every plane where it is to be in this frame, before any view is drawn. */
  settle(model: StageModel): void {
    for (const view of this.#slices.values()) view.settle(model);
  }

  /** Draws all views of the layout, and what lies between them. */
  draw(renderer: WebGLRenderer, canvas: HTMLCanvasElement, model: StageModel): void {
    renderer.setScissorTest(true);
    clear(renderer, canvas, { x: 0, y: 0, width: canvas.width, height: canvas.height }, PALETTE.gap);
    for (const cell of this.layout) {
      const rect = this.rect(cell, canvas, model.dpr);
      clear(renderer, canvas, rect, PALETTE.background);
      if (cell.view === '3d') this.scene.render(renderer, rect, model);
      else this.slice(cell.view).render(renderer, rect, model);
    }
  }

  /** Fits every view to the volume, or one. */
  fit(view: ViewName | undefined, model: StageModel): void {
    for (const [name, slice] of this.#slices) if (view === undefined || view === name) slice.fit(model);
    if (view === undefined || view === '3d') this.scene.fit(model);
  }

  setSliceAxes(view: SliceViewName, axes: SliceAxes, model: StageModel): void {
    this.slice(view).setAxes(axes, model);
    this.scene.setAxes(view, axes, model);
  }

  addTool(tool: Tool): void {
    for (const view of this.#slices.values()) view.addTool(tool);
    this.scene.addTool(tool);
  }

  removeTool(tool: Tool): void {
    for (const view of this.#slices.values()) view.removeTool(tool);
    this.scene.removeTool(tool);
  }

  /** Takes over the model's volume, its window, and how it is drawn as a whole. */
  volumeChanged(model: StageModel): void {
    for (const view of this.#slices.values()) view.volumeChanged(model);
    this.scene.volumeChanged(model);
  }

  fusionChanged(model: StageModel): void {
    for (const view of this.#slices.values()) view.fusionChanged(model);
  }

  labelsChanged(model: StageModel): void {
    for (const view of this.#slices.values()) view.labelsChanged(model);
  }

  dispose(): void {
    for (const view of this.#slices.values()) view.dispose();
    this.scene.dispose();
  }
}

/** Fills a rectangle of the canvas, and leaves viewport and scissor on it. */
function clear(renderer: WebGLRenderer, canvas: HTMLCanvasElement, rect: PixelRect, colour: string): void {
  const y = canvas.height - rect.y - rect.height;
  renderer.setViewport(rect.x, y, rect.width, rect.height);
  renderer.setScissor(rect.x, y, rect.width, rect.height);
  renderer.setClearColor(colour, 1);
  renderer.clear();
}
