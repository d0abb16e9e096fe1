import { Color, type WebGLRenderer } from 'three';
import type { GuidanceGraphic } from './guidance/graphic.js';
import { cellAt, type Layout, type PixelRect, pixelRect } from './layout.js';
import type { StageModel } from './model.js';
import { PALETTE } from './palette.js';
import { SLICE_VIEWS, type SliceAxes, type SliceViewName, type ViewName } from './planes.js';
import { SceneView } from './scene-view.js';
import { SliceView } from './slice-view.js';
import type { KeyTargets } from './stage-keys.js';
import type { Tool } from './tool.js';
import type { DrawnWords } from './words.js';

const GAP_PX = 2;
// Made once: three reads a colour from its text anew each time.
const GAP = new Color(PALETTE.gap);
const BACKGROUND = new Color(PALETTE.background);
const FOCUS = new Color(PALETTE.text);

/** A view, and where on the canvas it is drawn. */
interface Place {
  readonly view: ViewName;
  readonly rect: PixelRect;
  /** The frame of a view that keys go to: its four sides. */
  readonly frame: readonly PixelRect[];
}

/** The views of a stage: three slices and the 3D view, and where on the canvas each is drawn. */
export class StageViews {
  readonly #slices: readonly SliceView[] = SLICE_VIEWS.map((name) => new SliceView(name));
  readonly #model: StageModel;
  /** The 3D view, once somebody wanted it: a page of slices alone does without. */
  #scene: SceneView | undefined;
  /** Axes that slices were given, for a 3D view that is made later. */
  readonly #turned = new Map<SliceViewName, SliceAxes>();
  #layout: Layout;
  /** What is drawn, and where; settled when it is next drawn. */
  #places: readonly Place[] | undefined;
  #whole: PixelRect = { x: 0, y: 0, width: 1, height: 1 };

  constructor(layout: Layout, model: StageModel) {
    this.#layout = layout;
    this.#model = model;
  }

  /** The 3D view; made when it is first asked for, as if it had always been there. */
  get scene(): SceneView {
    if (this.#scene !== undefined) return this.#scene;
    const model = this.#model;
    const scene = new SceneView((name) => this.slice(name).plane);
    this.#scene = scene;
    for (const [view, axes] of this.#turned) scene.setAxes(view, axes, model);
    for (const tool of model.tools) scene.addTool(tool);
    for (const { object } of model.graphics) if (object !== undefined) scene.objects.add(object);
    scene.volumeChanged(model);
    scene.fit(model);
    return scene;
  }

  /** Whether slices may stand in a 3D view in the next frame. */
  get standing(): boolean {
    return this.#scene !== undefined || this.#layout.some(({ view }) => view === '3d');
  }

  /** The slices that the next frame may cut. */
  get cutting(): readonly SliceViewName[] {
    return this.standing ? SLICE_VIEWS : SLICE_VIEWS.filter((name) => this.#layout.some(({ view }) => view === name));
  }

  get layout(): Layout {
    return this.#layout;
  }

  set layout(layout: Layout) {
    this.#layout = layout;
    this.resized();
  }

  /** The canvas has another size: every view has its place anew. */
  resized(): void {
    this.#places = undefined;
  }

  slice(view: SliceViewName): SliceView {
    return this.#slices[SLICE_VIEWS.indexOf(view)] as SliceView;
  }

  /** The pixels of a cell on the canvas. */
  rect(cell: Layout[number], { canvas, dpr }: StageModel): PixelRect {
    return pixelRect(cell, canvas.width, canvas.height, Math.max(2, Math.round(GAP_PX * dpr)));
  }

  /** What pointers and keys find on the canvas, and act upon. */
  targets(): Pick<KeyTargets, 'cellAt' | 'rect' | 'views' | 'slice' | 'scene' | 'model'> {
    const of = this;
    const model = this.#model;
    return {
      cellAt: (x, y) => cellAt(this.#layout, model.canvas.width, model.canvas.height, x, y),
      rect: (cell) => this.rect(cell, model),
      views: () => this.#layout.map((cell) => cell.view),
      slice: (name) => this.slice(name),
      // Made when a person first turns it: no sooner.
      get scene() {
        return of.scene;
      },
      model,
    };
  }

  #place(model: StageModel): readonly Place[] {
    const { width, height } = model.canvas;
    this.#whole = { x: 0, y: 0, width, height };
    this.#places = this.#layout.map((cell) => placed(cell.view, this.rect(cell, model), model.dpr));
    return this.#places;
  }

  /** Puts every plane where it is to be in this frame, before any view is drawn. */
  settle(model: StageModel): void {
    for (let n = 0; n < this.#slices.length; n += 1) (this.#slices[n] as SliceView).settle(model);
  }

  /** Draws all views of the layout, and what lies between them. */
  draw(renderer: WebGLRenderer, model: StageModel): void {
    const places = this.#places ?? this.#place(model);
    const { height } = model.canvas;
    renderer.setScissorTest(true);
    clear(renderer, height, this.#whole, GAP);
    for (let n = 0; n < places.length; n += 1) {
      const { view, rect } = places[n] as Place;
      clear(renderer, height, rect, BACKGROUND);
      if (view === '3d') this.scene.render(renderer, rect, model);
      else this.slice(view).render(renderer, rect, model);
      if (model.keyed.shown && model.keyed.view === view) drawFrame(renderer, height, places[n] as Place);
    }
  }

  /** Fits every view to the volume, or one. */
  fit(view: ViewName | undefined, model: StageModel): void {
    for (const slice of this.#slices) if (view === undefined || view === slice.name) slice.fit(model);
    if (view === undefined || view === '3d') this.#scene?.fit(model);
  }

  setSliceAxes(view: SliceViewName, axes: SliceAxes, model: StageModel): void {
    this.slice(view).setAxes(axes, model);
    this.#turned.set(view, axes);
    this.#scene?.setAxes(view, axes, model);
  }

  addTool(tool: Tool, model: StageModel): void {
    model.tools.push(tool);
    for (const view of this.#slices) view.addTool(tool);
    this.#scene?.addTool(tool);
  }

  removeTool(tool: Tool, model: StageModel): void {
    const at = model.tools.indexOf(tool);
    if (at < 0) return;
    model.tools.splice(at, 1);
    for (const view of this.#slices) view.removeTool(tool);
    this.#scene?.removeTool(tool);
  }

  /** Adds a guidance graphic to the views; the answer takes it off again. */
  addGraphic(graphic: GuidanceGraphic, model: StageModel): () => void {
    model.graphics.push(graphic);
    graphic.setWords?.(model.words);
    if (graphic.object !== undefined) this.#scene?.objects.add(graphic.object);
    return () => {
      const at = model.graphics.indexOf(graphic);
      if (at >= 0) model.graphics.splice(at, 1);
      graphic.object?.removeFromParent();
    };
  }

  /** Says everything in these words from the next frame on. */
  setWords(words: DrawnWords, model: StageModel): void {
    model.words = words;
    for (const graphic of model.graphics) graphic.setWords?.(words);
  }

  /** Takes over the model's volume, its window, and how it is drawn as a whole. */
  volumeChanged(model: StageModel): void {
    for (const view of this.#slices) view.volumeChanged(model);
    this.#scene?.volumeChanged(model);
  }

  /** Takes over another part of the volume, for one slice. */
  partChanged(view: SliceViewName, model: StageModel): void {
    this.slice(view).partChanged(model);
    this.#scene?.partChanged(view, model);
  }

  fusionChanged(model: StageModel): void {
    for (const view of this.#slices) view.fusionChanged(model);
  }

  labelsChanged(model: StageModel): void {
    for (const view of this.#slices) view.labelsChanged(model);
  }

  dispose(): void {
    for (const view of this.#slices) view.dispose();
    this.#scene?.dispose();
  }
}

/** How far within a view its frame lies, and how wide it is, CSS pixels: what alarms lies at the edge and is not covered. */
const FRAME_INSET_PX = 5;
const FRAME_PX = 2;

function placed(view: ViewName, rect: PixelRect, dpr: number): Place {
  const inset = Math.round(FRAME_INSET_PX * dpr);
  const w = Math.max(1, Math.round(FRAME_PX * dpr));
  const x = rect.x + inset;
  const y = rect.y + inset;
  const width = Math.max(w, rect.width - 2 * inset);
  const height = Math.max(w, rect.height - 2 * inset);
  const frame = [
    { x, y, width, height: w },
    { x, y: y + height - w, width, height: w },
    { x, y, width: w, height },
    { x: x + width - w, y, width: w, height },
  ];
  return { view, rect, frame };
}

function drawFrame(renderer: WebGLRenderer, canvasHeight: number, { frame }: Place): void {
  for (let n = 0; n < frame.length; n += 1) clear(renderer, canvasHeight, frame[n] as PixelRect, FOCUS);
}

/** Fills a rectangle of the canvas, and leaves viewport and scissor on it. */
function clear(renderer: WebGLRenderer, canvasHeight: number, rect: PixelRect, colour: Color): void {
  const y = canvasHeight - rect.y - rect.height;
  renderer.setViewport(rect.x, y, rect.width, rect.height);
  renderer.setScissor(rect.x, y, rect.width, rect.height);
  renderer.setClearColor(colour, 1);
  renderer.clear();
}
