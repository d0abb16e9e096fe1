import type { Group, WebGLRenderer } from 'three';
import { NavError, Signal } from '../base/index.js';
import { type AffineTransform, type Frame, type Point, point, requireSameFrame } from '../frames/index.js';
import { type Clock, type Instant, systemClock } from '../time/index.js';
import { type Volume, type WindowLevel, windowPreset } from '../volume/index.js';
import { canvasSize, observeSize } from './canvas-size.js';
import { ellipsoidMark } from './error-ellipsoid.js';
import { Fusion, type FusionLook } from './fusion.js';
import type { GuidanceGraphic } from './guidance/graphic.js';
import { labelLook, type StageLabels } from './label-map.js';
import { LatencyMark } from './latency-mark.js';
import { type Layout, type PixelRect, quadLayout } from './layout.js';
import { emptyModel, type StageModel } from './model.js';
import { fiducialMarks, planMarks } from './model-marks.js';
import { centreOf, type SliceAxes, type SliceViewName, type ViewName } from './planes.js';
import { makeRenderer } from './renderer.js';
import { requireWindow } from './require-window.js';
import type { SceneView } from './scene-view.js';
import { requireSlab, type Slab } from './slab.js';
import type { SliceDrive } from './slice-drive.js';
import type { SliceView } from './slice-view.js';
import { listenToPerson, rename } from './stage-input.js';
import { StageTextures } from './stage-textures.js';
import type { StageFiducial, StageOptions, StagePlan, StageResources, StageTargetError } from './stage-types.js';
import { StageViews } from './stage-views.js';
import type { SurfaceMesh, SurfaceStyle } from './surface.js';
import { Tool, type ToolGeometry } from './tool.js';
import { type VolumeLook, VolumeRendering } from './volume-look.js';
import { type DrawnWords, ENGLISH_WORDS } from './words.js';
import { offerToXr } from './xr/host.js';

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
  readonly #views: StageViews;
  readonly #textures: StageTextures;
  readonly #model: StageModel;
  readonly #staleAfterMs: number;
  readonly #pixelRatio: number | undefined;
  readonly #end = new AbortController();
  readonly #observer: ResizeObserver;
  #followed: Tool | undefined;
  #volume: Volume<F> | undefined;
  #lost = false;
  #disposed = false;
  #loop = 0;
  #onFrame: (at: Instant) => void = () => {};
  /** A headset draws in place of the page. */
  #held = false;

  /** Made by {@link createStage}. */
  constructor(canvas: HTMLCanvasElement, ownCanvas: boolean, options: StageOptions<F>) {
    this.frame = options.frame;
    this.canvas = canvas;
    this.#ownCanvas = ownCanvas;
    this.#clock = options.clock ?? systemClock();
    this.#staleAfterMs = options.staleAfterMs ?? 250;
    this.#pixelRatio = options.pixelRatio;
    this.#renderer = makeRenderer(canvas, options.antialias ?? true);
    this.#model = { ...emptyModel(), annotations: options.annotations ?? true, words: options.words ?? ENGLISH_WORDS };
    this.#views = new StageViews(options.layout ?? quadLayout(), this.#model);
    this.#textures = new StageTextures(this.#renderer, options.maxTextureBytes ?? 2 ** 31, this.#model, this.#views);
    this.#observer = new ResizeObserver((entries) => this.#resize(entries[0]));
    observeSize(this.#observer, canvas);
    this.#resize();
    this.#listen(options.interactive ?? true);
    this.#offerToXr();
  }

  /** The volume on the stage. */
  get volume(): Volume<F> | undefined {
    return this.#volume;
  }

  /**
   * Shows a volume: sets its window, fits all views to it and puts the crosshair in its middle. `undefined` takes it off. What
   * {@link renderVolume} made of another volume before goes with that. It goes up while frames are drawn, each of them whole.
   * @param window as {@link setWindow}; default {@link windowPreset}, which for other modalities than CT looks at the values
   * @throws NavError `frame/mismatch`, `math/not-finite` (window), `render/too-large`, `render/disposed`
   */
  setVolume(volume: Volume<F> | undefined, window?: WindowLevel): void {
    this.#requireAlive('Setting a volume');
    if (window !== undefined) requireWindow(window);
    if (volume !== undefined) {
      requireSameFrame(this.frame, volume.frame, 'Showing a volume');
      this.#textures.requireFits(volume);
    }
    if (volume !== this.#volume) this.#model.rendering = undefined;
    this.#volume = volume;
    this.#model.volume = volume;
    if (volume !== undefined) {
      this.#model.window = window === undefined ? windowPreset(volume) : { width: window.width, level: window.level };
      this.#model.air = undefined;
      this.#model.focus.set(centreOf(volume));
    }
    this.#textures.upload();
    this.fit();
  }

  /**
   * How much of the volume is on the GPU, 0 … 1; 1 where there is none. A slice along the voxels' grid does not wait for it. What needs
   * the whole volume (an oblique slice, {@link renderVolume}) has the rest sent at once, before it is drawn.
   */
  get uploaded(): number {
    return this.#textures.share;
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
    this.#views.volumeChanged(this.#model);
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
    this.#textures.requireFits(volume);
    const fusion: Fusion<F, M> = new Fusion(volume, stageFromVolume, look, this.frame, {
      looked: () => this.#views.fusionChanged(this.#model),
      removed: () => {
        if (this.#model.second?.fusion === (fusion as unknown)) this.#textures.setSecond(undefined);
      },
    });
    this.#textures.setSecond(fusion as unknown as Fusion);
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
      looked: () => this.#views.volumeChanged(this.#model),
      refined: () => this.#model.rendering === (rendering as unknown) && this.#views.scene.rays.refined,
      removed: () => {
        if (this.#model.rendering === (rendering as unknown)) this.#model.rendering = undefined;
        this.#views.volumeChanged(this.#model);
      },
    });
    this.#model.rendering = rendering as unknown as VolumeRendering;
    this.#views.volumeChanged(this.#model);
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
    if (look !== undefined) this.#textures.requireFits(look.volume);
    this.#textures.setLabels(look, false);
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
    this.#model.errorRevision += 1;
  }

  /**
   * Draws errors in the 3D view (fiducials' offsets, the target's ellipsoid) so many times as large as they are, and says
   * so in the view: a millimetre in a head cannot be seen. Default 1.
   */
  setErrorScale(factor: number): void {
    this.#model.errorScale = factor;
    this.#model.errorRevision += 1;
  }

  /** Shows a surface in the 3D view, in this stage's frame; `isosurface()` of `@trocar/core/vtk` makes one. */
  setSurface(mesh: SurfaceMesh | undefined, style: SurfaceStyle = {}): void {
    this.#views.scene.setSurface(mesh, style);
  }

  /** Puts a tool on the stage: nothing is drawn of it until it has a pose. */
  addTool(options: { readonly name: string; readonly geometry: ToolGeometry }): Tool {
    this.#requireAlive('Adding a tool');
    const tool = new Tool(options.name, options.geometry, { remove: (t) => this.#removeTool(t) });
    this.#views.addTool(tool, this.#model);
    return tool;
  }

  /**
   * Puts a guidance graphic on the stage, which settles it with every frame: in the 3D view, on the slices, or on its own panel.
   * It is disposed with the stage; the answer takes it off before.
   */
  addGraphic(graphic: GuidanceGraphic): () => void {
    this.#requireAlive('Adding a guidance graphic');
    return this.#views.addGraphic(graphic, this.#model);
  }

  /** Says everything in these words from the next frame on: the stage itself, and the graphics on it. */
  setWords(words: DrawnWords): void {
    rename(this.canvas, this.#model.words, words);
    this.#views.setWords(words, this.#model);
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
    this.#views.layout = layout;
  }

  /** Turns a slice view: {@link patientAxes} (as it begins), {@link volumeAxes}, or any two perpendicular unit vectors. */
  setSliceAxes(view: SliceViewName, axes: SliceAxes): void {
    this.#views.setSliceAxes(view, axes, this.#model);
  }

  /**
   * Gives a slice view a thickness; `undefined` makes it one plane again. The second volume and the marks stay in the middle.
   * @throws NavError `math/out-of-range`
   */
  setSlab(view: SliceViewName, slab: Slab | undefined): void {
    if (slab !== undefined) requireSlab(slab);
    this.slice(view).setSlab(slab, this.#model);
  }

  /**
   * Lets a tool turn and move a slice view, its tip in the middle; while the tool is not live the plane stands and the view is
   * framed in the colour of alarm. `slice(view).locked` holds it; `undefined` leaves it where it stands, cutting through the crosshair.
   */
  driveSlice(view: SliceViewName, drive: SliceDrive | undefined): void {
    this.slice(view).setDrive(drive);
  }

  /** Fits every view to the volume, or one. */
  fit(view?: ViewName): void {
    this.#views.fit(view, this.#model);
  }

  /** The camera of the 3D view. */
  get orbit(): SceneView['orbit'] {
    return this.#views.scene.orbit;
  }

  /**
   * The application's own three.js objects, in the 3D view and in {@link frame}, mm: `stage.objects.add(mesh)`. What is opaque ends the
   * volume's rays. The stage lets go of them when it is disposed; their geometries and materials stay the application's to dispose.
   */
  get objects(): Group {
    return this.#views.scene.objects;
  }

  /** A slice view: its plane tells where on the screen a point lies, and the other way round. */
  slice(view: SliceViewName): SliceView {
    return this.#views.slice(view);
  }

  /** Where a view lies on the canvas, in device pixels from its upper left corner; undefined where it is not shown. */
  viewRect(view: ViewName): PixelRect | undefined {
    const cell = this.#views.layout.find((c) => c.view === view);
    return cell && this.#views.rect(cell, this.#model);
  }

  /** Draws one frame, with the poses as last given. Does nothing while the context is lost. */
  render(): void {
    this.#requireAlive('Rendering');
    if (this.#held) return;
    this.#settle();
    if (this.#lost) return;
    this.#textures.settle();
    this.#views.draw(this.#renderer, this.#model);
    this.#textures.drawn();
    this.latency.draw(this.#renderer);
  }

  /**
   * Draws with every animation frame. `onFrame` is called last thing before drawing: read the poses there, and the
   * picture is as young as it can be.
   */
  start(onFrame: (at: Instant) => void = () => {}): void {
    this.#requireAlive('Starting');
    this.stop();
    this.#onFrame = onFrame;
    const turn = (): void => {
      this.#loop = requestAnimationFrame(turn);
      if (this.#held) return;
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
    this.#onFrame = () => {};
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
    this.#views.dispose();
    this.#textures.dispose();
    this.#model.tools.length = 0;
    for (const graphic of this.#model.graphics.splice(0)) graphic.dispose();
    this.#renderer.dispose();
    if (!this.#ownCanvas) return;
    // A canvas of our own goes with its context; a caller's may be used again.
    this.#renderer.forceContextLoss();
    this.canvas.remove();
  }

  #settle(): void {
    const model = this.#model;
    model.now[0] = this.#clock.now();
    for (let n = 0; n < model.tools.length; n += 1) model.tools[n]?.settle(model.now, this.#staleAfterMs);
    for (let n = 0; n < model.graphics.length; n += 1) model.graphics[n]?.settle(model.now, this.#staleAfterMs);
    const followed = this.#followed;
    model.focusShown = followed === undefined || followed.live;
    if (followed?.live) for (let k = 0; k < 3; k += 1) model.focus[k] = followed.matrix[12 + k] as number;
    this.#views.settle(model);
  }

  #removeTool(tool: Tool): void {
    if (this.#followed === tool) this.#followed = undefined;
    this.#views.removeTool(tool, this.#model);
  }

  #offerToXr(): void {
    const views = this.#views;
    offerToXr(this, {
      renderer: this.#renderer,
      get scene() {
        return views.scene;
      },
      model: this.#model,
      ended: this.#end.signal,
      plane: (view) => this.slice(view).plane,
      hold: (held) => {
        this.#held = held;
        this.#resize();
      },
      prepare: () => {
        try {
          this.#onFrame(this.#clock.now());
        } finally {
          this.#settle();
        }
        if (!this.#lost) this.#textures.settle();
        return !this.#lost;
      },
      moveCrosshair: (at) => this.#moveCrosshair(at),
    });
  }

  #moveCrosshair(at: ArrayLike<number>): void {
    if (this.#followed !== undefined) return;
    this.#model.focus.set(at);
    this.crosshairMoved.emit(point(this.frame, at));
  }

  #resize(entry?: ResizeObserverEntry): void {
    // The canvas is the headset's: three refuses, and sets it right when the session ends.
    if (this.#held) return;
    const { width, height, dpr } = canvasSize(this.canvas, this.#pixelRatio, entry);
    this.#model.dpr = dpr;
    Object.assign(this.#model.canvas, { width, height });
    this.#views.resized();
    this.#renderer.setSize(width, height, false);
    if (this.#loop !== 0 && !this.#lost) this.render();
  }

  #listen(interactive: boolean): void {
    const on = { signal: this.#end.signal } as const;
    // three listens too, before us: it prevents the default and prepares its own state.
    this.canvas.addEventListener('webglcontextlost', () => this.#contextLost(), on);
    this.canvas.addEventListener('webglcontextrestored', () => this.#contextRestored(), on);
    if (!interactive) return;
    const targets = Object.assign(this.#views.targets(), {
      mayMove: () => this.#followed === undefined,
      moved: (p: ArrayLike<number>) => this.#moveCrosshair(p),
      windowed: (window: WindowLevel) => {
        this.setWindow(window);
        this.windowChanged.emit(window);
      },
    });
    const detach = listenToPerson(this.canvas, targets);
    this.#end.signal.addEventListener('abort', detach, { once: true });
  }

  #contextLost(): void {
    this.#lost = true;
    this.contextLost.emit();
  }

  #contextRestored(): void {
    this.#lost = false;
    this.#textures.restore();
    this.contextRestored.emit();
  }

  #requireAlive(doing: string): void {
    if (this.#disposed)
      throw new NavError('render/disposed', `${doing} needs a stage, but this one was disposed. Make a new one.`);
  }
}
