import type { Group, WebGLRenderer } from 'three';
import { NavError, Signal } from '../base/index.js';
import { type AffineTransform, type Frame, type Point, point, requireSameFrame } from '../frames/index.js';
import { type Clock, type Instant, systemClock } from '../time/index.js';
import { type Volume, type WindowLevel, windowPreset } from '../volume/index.js';
import { airLevels } from './air.js';
import { canvasSize, observeSize } from './canvas-size.js';
import { ellipsoidMark } from './error-ellipsoid.js';
import { Fusion, type FusionLook } from './fusion.js';
import { type LabelLook, labelLook, type StageLabels } from './label-map.js';
import { LatencyMark } from './latency-mark.js';
import { cellAt, type Layout, type PixelRect, pixelRect, quadLayout } from './layout.js';
import { emptyModel, type StageModel } from './model.js';
import { fiducialMarks, planMarks } from './model-marks.js';
import { PALETTE } from './palette.js';
import { centreOf, SLICE_VIEWS, type SliceAxes, type SliceViewName, type ViewName } from './planes.js';
import { attachPointer } from './pointer.js';
import { makeRenderer } from './renderer.js';
import { requireWindow } from './require-window.js';
import { SceneView } from './scene-view.js';
import { requireSlab, type Slab } from './slab.js';
import type { SliceDrive } from './slice-drive.js';
import { SliceView } from './slice-view.js';
import { pointerActions } from './stage-pointer.js';
import type { StageFiducial, StageOptions, StagePlan, StageResources, StageTargetError } from './stage-types.js';
import type { SurfaceMesh, SurfaceStyle } from './surface.js';
import { Tool, type ToolGeometry } from './tool.js';
import { type VolumeLook, VolumeRendering } from './volume-look.js';
import { requireFits, type TextureLimits, textureLimits, volumeTexture } from './volume-texture.js';

const GAP_PX = 2;

/**
 * One canvas with its views: three slices and a 3D view of one volume, cut from one 3D texture by one renderer.
 *
 * Every point and pose is in {@link frame}. Nothing is drawn until {@link render} is called, by hand or by the loop
 * of {@link start}. It keeps no state outside itself: two stages on one page do not know of each other.
 */
export class Stage<in out F extends string> {
  readonly frame: Frame<F>;
  readonly canvas: HTMLCanvasElement;
  /** The GPU was taken away: nothing is drawn until {@link contextRestored}. Cover the picture, it is out of date. */
  readonly contextLost: Signal<void> = new Signal();
  /** The GPU came back and the next render draws everything again. */
  readonly contextRestored: Signal<void> = new Signal();
  /** A person moved the crosshair. */
  readonly crosshairMoved: Signal<Point<F>> = new Signal();
  /** A person changed the window. */
  readonly windowChanged: Signal<WindowLevel> = new Signal();

  /** Writes into the picture which of a tool's poses is in it, and reads it back: to measure, not to show. */
  readonly latency: LatencyMark = new LatencyMark();

  readonly #clock: Clock;
  readonly #renderer: WebGLRenderer;
  readonly #ownCanvas: boolean;
  readonly #slices: ReadonlyMap<SliceViewName, SliceView>;
  readonly #scene = new SceneView((name) => this.slice(name).plane);
  readonly #model: StageModel;
  readonly #staleAfterMs: number;
  readonly #limits: TextureLimits;
  readonly #pixelRatio: number | undefined;
  readonly #end = new AbortController();
  readonly #observer: ResizeObserver;
  #layout: Layout;
  #followed: Tool | undefined;
  #volume: Volume<F> | undefined;
  #lost = false;
  #disposed = false;
  #loop = 0;

  /** Made by {@link createStage}. */
  constructor(canvas: HTMLCanvasElement, ownCanvas: boolean, options: StageOptions<F>) {
    this.frame = options.frame;
    this.canvas = canvas;
    this.#ownCanvas = ownCanvas;
    this.#clock = options.clock ?? systemClock();
    this.#layout = options.layout ?? quadLayout();
    this.#staleAfterMs = options.staleAfterMs ?? 250;
    this.#pixelRatio = options.pixelRatio;
    this.#renderer = makeRenderer(canvas, options.antialias ?? true);
    this.#limits = textureLimits(this.#renderer, options.maxTextureBytes ?? 2 ** 31);
    this.#slices = new Map(SLICE_VIEWS.map((name) => [name, new SliceView(name)]));
    this.#model = { ...emptyModel(), annotations: options.annotations ?? true };
    this.#observer = new ResizeObserver((entries) => this.#resize(entries[0]));
    observeSize(this.#observer, canvas);
    this.#resize();
    this.#listen(options.interactive ?? true);
  }

  /** The volume on the stage. */
  get volume(): Volume<F> | undefined {
    return this.#volume;
  }

  /**
   * Shows a volume: uploads it, sets its window, fits all views to it and puts the crosshair in its middle.
   * `undefined` takes it off. What {@link renderVolume} made of another volume before goes with that.
   * @throws NavError `frame/mismatch`, `render/too-large`, `render/disposed`
   */
  setVolume(volume: Volume<F> | undefined): void {
    this.#requireAlive('Setting a volume');
    if (volume !== undefined) {
      requireSameFrame(this.frame, volume.frame, 'Showing a volume');
      requireFits(volume, this.#limits);
    }
    if (volume !== this.#volume) this.#model.rendering = undefined;
    this.#volume = volume;
    this.#model.volume = volume;
    if (volume !== undefined) {
      this.#model.window = windowPreset(volume);
      this.#model.air = airLevels(volume);
      this.#model.focus.set(centreOf(volume));
    }
    this.#upload();
    this.fit();
  }

  /** Which values are drawn from black to white. */
  get window(): WindowLevel {
    return this.#model.window;
  }

  /**
   * Sets the window, in the volume's rescaled units.
   * @throws NavError `math/not-finite` where it is not finite or not wider than 0
   */
  setWindow(window: WindowLevel): void {
    requireWindow(window);
    this.#model.window = { width: window.width, level: window.level };
    this.#tellVolume();
  }

  /**
   * Lays a second volume over the first in the slices, in place of one before: mixed, in squares, as outlines or in a
   * spyglass around the pointer (around the crosshair in views without it). The volume goes to the GPU once; what is
   * returned moves it and changes its look.
   * @param stageFromVolume where a registration says it lies, rigid or affine
   * @throws NavError `frame/mismatch`, `math/out-of-range` (look), `render/too-large`, `render/disposed`
   */
  fuse<M extends string>(volume: Volume<M>, stageFromVolume: AffineTransform<F, M>, look: FusionLook = {}): Fusion<F, M> {
    this.#requireAlive('Fusing a second volume');
    requireFits(volume, this.#limits);
    const fusion: Fusion<F, M> = new Fusion(volume, stageFromVolume, look, this.frame, {
      looked: () => this.#tellFusion(),
      removed: () => {
        if (this.#model.second?.fusion === (fusion as unknown)) this.#setSecond(undefined);
      },
    });
    this.#setSecond(fusion as unknown as Fusion);
    return fusion;
  }

  /**
   * Draws the stage's volume as a whole in the 3D view, by rays through the texture that its slices are cut from; what is
   * returned changes its look. Coarser while anything moves, and refined when nothing does.
   * @throws NavError `math/out-of-range` (look, or no volume on the stage), `frame/mismatch`, `render/disposed`
   */
  renderVolume(look: VolumeLook<F> = {}): VolumeRendering<F> {
    this.#requireAlive('Rendering a volume');
    if (this.#volume === undefined) {
      throw new NavError('math/out-of-range', 'Rendering a volume needs one on the stage: call setVolume() first.');
    }
    const rendering: VolumeRendering<F> = new VolumeRendering(this.#volume, look, this.frame, {
      looked: () => this.#tellVolume(),
      removed: () => {
        if (this.#model.rendering === (rendering as unknown)) this.#model.rendering = undefined;
        this.#tellVolume();
      },
    });
    this.#model.rendering = rendering as unknown as VolumeRendering;
    this.#tellVolume();
    return rendering;
  }

  /**
   * Shows a label map over the slices, its segments filled and outlined, in place of one before; with the same volume only its
   * look changes, and nothing goes to the GPU. `undefined` takes it off.
   * @throws NavError `frame/mismatch`, `math/out-of-range`, `render/too-large`, `render/disposed`
   */
  setLabels(labels: StageLabels<F> | undefined): void {
    this.#requireAlive('Showing labels');
    const look = labels && labelLook(labels, this.frame);
    if (look !== undefined) requireFits(look.volume, this.#limits);
    this.#putLabels(look, false);
  }

  /**
   * Shows a plan: the path from entry to target, and the target.
   * @throws NavError `frame/mismatch`
   */
  setPlan(plan: StagePlan<F> | undefined): void {
    this.#model.plan = plan && planMarks(plan, this.frame);
  }

  /**
   * Shows fiducials, in place of those before.
   * @throws NavError `frame/mismatch`
   */
  setFiducials(fiducials: readonly StageFiducial<F>[]): void {
    this.#model.fiducials = fiducialMarks(fiducials, this.frame);
    this.#model.fiducialsRevision += 1;
  }

  /**
   * Shows the error that is expected at a target: in the slices the outline of its ellipsoid, in its true size, and the
   * ellipsoid in the 3D view.
   * @throws NavError `frame/mismatch`; `frame/bad-covariance` where the shape is not finite or has a negative eigenvalue
   */
  setTargetError(error: StageTargetError<F> | undefined): void {
    if (error !== undefined) requireSameFrame(this.frame, error.centre.frame, 'Showing the error at the target');
    this.#model.targetError = error && ellipsoidMark(error.centre.xyz, error.shape, error);
  }

  /**
   * Draws errors in the 3D view (fiducials' offsets, the target's ellipsoid) so many times as large as they are, and says
   * so in the view: a millimetre in a head cannot be seen. Default 1.
   */
  setErrorScale(factor: number): void {
    this.#model.errorScale = factor;
  }

  /** Shows a surface in the 3D view, in this stage's frame; `isosurface()` of `@trocar/core/vtk` makes one. */
  setSurface(mesh: SurfaceMesh | undefined, style: SurfaceStyle = {}): void {
    this.#scene.setSurface(mesh, style);
  }

  /** Puts a tool on the stage: nothing is drawn of it until it has a pose. */
  addTool(options: { readonly name: string; readonly geometry: ToolGeometry }): Tool {
    this.#requireAlive('Adding a tool');
    const tool = new Tool(options.name, options.geometry, { remove: (t) => this.#removeTool(t) });
    this.#model.tools.add(tool);
    for (const view of this.#slices.values()) view.addTool(tool);
    this.#scene.addTool(tool);
    return tool;
  }

  /** Where the slices cut. */
  get crosshair(): Point<F> {
    return point(this.frame, this.#model.focus);
  }

  /**
   * Makes the slices cut through a point.
   * @throws NavError `frame/mismatch`
   */
  setCrosshair(p: Point<F>): void {
    requireSameFrame(this.frame, p.frame, 'Setting the crosshair');
    this.#model.focus.set(p.xyz);
  }

  /**
   * Makes the slices cut through the tip of a tool while it is live, and shows no crosshair while it is not.
   * `undefined` gives the crosshair back to the person.
   */
  follow(tool: Tool | undefined): void {
    this.#followed = tool;
  }

  /** Arranges the views. */
  setLayout(layout: Layout): void {
    this.#layout = layout;
  }

  /** Turns a slice view: {@link patientAxes} (as it begins), {@link volumeAxes}, or any two perpendicular unit vectors. */
  setSliceAxes(view: SliceViewName, axes: SliceAxes): void {
    this.#slices.get(view)?.setAxes(axes, this.#model);
    this.#scene.setAxes(view, axes, this.#model);
  }

  /**
   * Gives a slice view a thickness; `undefined` makes it one plane again. The second volume and the marks stay in the middle.
   * @throws NavError `math/out-of-range`
   */
  setSlab(view: SliceViewName, slab: Slab | undefined): void {
    if (slab !== undefined) requireSlab(slab);
    this.#slices.get(view)?.setSlab(slab, this.#model);
  }

  /**
   * Lets a tool turn and move a slice view, its tip in the middle; while the tool is not live the plane stands and the view is
   * framed in the colour of alarm. `slice(view).locked` holds it; `undefined` leaves it where it stands, cutting through the crosshair.
   */
  driveSlice(view: SliceViewName, drive: SliceDrive | undefined): void {
    this.#slices.get(view)?.setDrive(drive);
  }

  /** Fits every view to the volume, or one. */
  fit(view?: ViewName): void {
    for (const [name, slice] of this.#slices) if (view === undefined || view === name) slice.fit(this.#model);
    if (view === undefined || view === '3d') this.#scene.fit(this.#model);
  }

  /** The camera of the 3D view. */
  get orbit(): SceneView['orbit'] {
    return this.#scene.orbit;
  }

  /**
   * The application's own three.js objects, in the 3D view and in {@link frame}, mm: `stage.objects.add(mesh)`. What is opaque ends the
   * volume's rays. The stage lets go of them when it is disposed; their geometries and materials stay the application's to dispose.
   */
  get objects(): Group {
    return this.#scene.objects;
  }

  /** A slice view: its plane tells where on the screen a point lies, and the other way round. */
  slice(view: SliceViewName): SliceView {
    return this.#slices.get(view) as SliceView;
  }

  /** Where a view lies on the canvas, in device pixels from its upper left corner; undefined where it is not shown. */
  viewRect(view: ViewName): PixelRect | undefined {
    const cell = this.#layout.find((c) => c.view === view);
    return cell && this.#rect(cell);
  }

  /** Draws one frame, with the poses as last given. Does nothing while the context is lost. */
  render(): void {
    this.#requireAlive('Rendering');
    this.#settle();
    if (this.#lost) return;
    const r = this.#renderer;
    r.setScissorTest(true);
    this.#clear({ x: 0, y: 0, width: this.canvas.width, height: this.canvas.height }, PALETTE.gap);
    for (const cell of this.#layout) {
      const rect = this.#rect(cell);
      this.#clear(rect, PALETTE.background);
      if (cell.view === '3d') this.#scene.render(r, rect, this.#model);
      else this.#slices.get(cell.view)?.render(r, rect, this.#model);
    }
    this.latency.draw(r);
  }

  /**
   * Draws with every animation frame. `onFrame` is called last thing before drawing: read the poses there, and the
   * picture is as young as it can be.
   */
  start(onFrame: (at: Instant) => void = () => {}): void {
    this.#requireAlive('Starting');
    this.stop();
    const turn = (): void => {
      this.#loop = requestAnimationFrame(turn);
      try {
        onFrame(this.#clock.now());
      } finally {
        // Whatever went wrong there, an old picture must not stand: tools without a new pose are drawn as stale.
        if (!this.#disposed) this.render();
      }
    };
    this.#loop = requestAnimationFrame(turn);
  }

  /** Ends the loop of {@link start}. */
  stop(): void {
    cancelAnimationFrame(this.#loop);
    this.#loop = 0;
  }

  /** What is held on the GPU now. */
  resources(): StageResources {
    const { memory, programs } = this.#renderer.info;
    return { geometries: memory.geometries, textures: memory.textures, programs: programs?.length ?? 0 };
  }

  /** Gives everything back: GPU memory, listeners, loop, and the canvas where the stage made it. Twice is once. */
  dispose(): void {
    if (this.#disposed) return;
    this.stop();
    this.#disposed = true;
    this.#end.abort();
    this.#observer.disconnect();
    for (const view of this.#slices.values()) view.dispose();
    this.#scene.dispose();
    this.#model.uploaded?.texture.dispose();
    this.#model.uploaded = undefined;
    this.#setSecond(undefined);
    this.#model.labels?.uploaded.texture.dispose();
    this.#model.labels = undefined;
    this.#model.tools.clear();
    this.#renderer.dispose();
    if (!this.#ownCanvas) return;
    // A canvas of our own goes with its context; a caller's may be used again.
    this.#renderer.forceContextLoss();
    this.canvas.remove();
  }

  #settle(): void {
    const model = this.#model;
    model.now[0] = this.#clock.now();
    for (const tool of model.tools) tool.settle(model.now, this.#staleAfterMs);
    const followed = this.#followed;
    model.focusShown = followed === undefined || followed.live;
    if (followed?.live) for (let k = 0; k < 3; k += 1) model.focus[k] = followed.matrix[12 + k] as number;
    for (const view of this.#slices.values()) view.settle(model);
  }

  #clear(rect: PixelRect, colour: string): void {
    const y = this.canvas.height - rect.y - rect.height;
    this.#renderer.setViewport(rect.x, y, rect.width, rect.height);
    this.#renderer.setScissor(rect.x, y, rect.width, rect.height);
    this.#renderer.setClearColor(colour, 1);
    this.#renderer.clear();
  }

  #rect(cell: Layout[number]): PixelRect {
    return pixelRect(cell, this.canvas.width, this.canvas.height, Math.max(2, Math.round(GAP_PX * this.#model.dpr)));
  }

  #removeTool(tool: Tool): void {
    if (!this.#model.tools.delete(tool)) return;
    if (this.#followed === tool) this.#followed = undefined;
    for (const view of this.#slices.values()) view.removeTool(tool);
    this.#scene.removeTool(tool);
  }

  #upload(): void {
    this.#model.uploaded?.texture.dispose();
    const { volume } = this.#model;
    this.#model.uploaded = volume && volumeTexture(volume, this.#limits, this.#renderer);
    this.#tellVolume();
  }

  #setSecond(fusion: Fusion | undefined): void {
    this.#model.second?.uploaded.texture.dispose();
    this.#model.second = fusion && { fusion, uploaded: volumeTexture(fusion.volume, this.#limits, this.#renderer) };
    this.#tellFusion();
  }

  #putLabels(look: LabelLook | undefined, anew: boolean): void {
    const before = this.#model.labels;
    const keeps = !anew && before !== undefined && before.look.volume === look?.volume;
    if (!keeps) before?.uploaded.texture.dispose();
    const uploaded = keeps ? before.uploaded : look && volumeTexture(look.volume, this.#limits, this.#renderer);
    this.#model.labels = look && uploaded && { look, uploaded };
    for (const view of this.#slices.values()) view.labelsChanged(this.#model);
  }

  #tellFusion(): void {
    for (const view of this.#slices.values()) view.fusionChanged(this.#model);
  }

  #tellVolume(): void {
    for (const view of this.#slices.values()) view.volumeChanged(this.#model);
    this.#scene.volumeChanged(this.#model);
  }

  #resize(entry?: ResizeObserverEntry): void {
    const { width, height, dpr } = canvasSize(this.canvas, this.#pixelRatio, entry);
    this.#model.dpr = dpr;
    this.#renderer.setSize(width, height, false);
    if (this.#loop !== 0 && !this.#lost) this.render();
  }

  #listen(interactive: boolean): void {
    const on = { signal: this.#end.signal } as const;
    // three listens too, before us: it prevents the default and prepares its own state.
    this.canvas.addEventListener('webglcontextlost', () => this.#contextLost(), on);
    this.canvas.addEventListener('webglcontextrestored', () => this.#contextRestored(), on);
    if (!interactive) return;
    const detach = attachPointer(
      this.canvas,
      pointerActions({
        cellAt: (x, y) => cellAt(this.#layout, this.canvas.width, this.canvas.height, x, y),
        rect: (cell) => this.#rect(cell),
        slice: (name) => this.slice(name),
        scene: this.#scene,
        model: this.#model,
        mayMove: () => this.#followed === undefined,
        moved: (p) => {
          this.#model.focus.set(p);
          this.crosshairMoved.emit(point(this.frame, p));
        },
        windowed: (window) => {
          this.setWindow(window);
          this.windowChanged.emit(window);
        },
      }),
    );
    this.#end.signal.addEventListener('abort', detach, { once: true });
  }

  #contextLost(): void {
    this.#lost = true;
    this.contextLost.emit();
  }

  #contextRestored(): void {
    this.#lost = false;
    this.#upload();
    this.#setSecond(this.#model.second?.fusion);
    this.#putLabels(this.#model.labels?.look, true);
    this.contextRestored.emit();
  }

  #requireAlive(doing: string): void {
    if (this.#disposed)
      throw new NavError('render/disposed', `${doing} needs a stage, but this one was disposed. Make a new one.`);
  }
}
