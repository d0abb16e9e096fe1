import { Mesh, OrthographicCamera, PlaneGeometry, Scene, type WebGLRenderer } from 'three';
import { type Vec3, vec3 } from '../math/index.js';
import type { AnyVolume } from '../volume/index.js';
import { ErrorOnSlice } from './error-marks.js';
import { letterSize, SliceFurniture } from './furniture.js';
import { FusionOnSlice } from './fusion-on-slice.js';
import { Hud } from './hud.js';
import { LabelsOnSlice } from './label-material.js';
import type { PixelRect } from './layout.js';
import type { StageModel } from './model.js';
import { centreOf, crossInto, extentOf, PlaneView, patientAxes, type SliceAxes, type SliceViewName } from './planes.js';
import { type Slab, slabSamples } from './slab.js';
import { type SliceDrive, SliceDriver } from './slice-drive.js';
import { FiducialsOnSlice, PlanOnSlice, ToolOnSlice } from './slice-marks.js';
import { SliceMaterial } from './slice-material.js';
import type { Tool } from './tool.js';
import { type DrawnWords, ENGLISH_WORDS } from './words.js';

/** One slice: the cut volume, then what lies on it in mm, then what lies on the glass in pixels. */
export class SliceView {
  readonly name: SliceViewName;
  readonly plane: PlaneView = new PlaneView();
  readonly #slice = new SliceMaterial();
  readonly #quad: Mesh<PlaneGeometry, SliceMaterial['material']>;
  readonly #image = new Scene();
  readonly #fusion = new FusionOnSlice(this.#image);
  readonly #labels = new LabelsOnSlice(this.#image);
  readonly #overlay = new Scene();
  readonly #camera = new OrthographicCamera(-1, 1, 1, -1, -1e5, 1e5);
  readonly #hud = new Hud();
  readonly #furniture = new SliceFurniture(this.#hud);
  readonly #plan = new PlanOnSlice(this.#overlay, this.#hud);
  readonly #fiducials = new FiducialsOnSlice(this.#hud);
  readonly #error = new ErrorOnSlice(this.#hud);
  readonly #tools: ToolOnSlice[] = [];
  readonly #normal = vec3(0, 0, 0);
  readonly #alongX = vec3(0, 0, 0);
  readonly #alongY = vec3(0, 0, 0);
  /** 1 fits the volume; 2 shows half of it. */
  #zoom = 1;
  #dpr = 1;
  /** Raised whenever the scale or the size changes. */
  #scaled = 0;
  /** Whether the view has a size: it comes with its first frame. */
  #sized = false;
  /** mm to be across the view's shorter side as soon as it has one. */
  #across: number | undefined;
  #slab: Slab | undefined;
  #driver: SliceDriver | undefined;
  #locked = false;
  #title: string;
  #words = ENGLISH_WORDS;
  #slabStepMm = 0;
  /** mm at a zoom of 1, per fraction of the view: right and up. */
  #fitted: readonly [number, number] = [200, 200];

  constructor(name: SliceViewName) {
    this.name = name;
    this.#title = this.#words.views[name];
    this.plane.axes = patientAxes(name);
    this.#slice.fillView = true;
    this.#quad = new Mesh(new PlaneGeometry(2, 2), this.#slice.material);
    this.#quad.frustumCulled = false;
    this.#image.add(this.#quad);
    this.#camera.matrixAutoUpdate = false;
  }

  /** Turns the slice; the middle of the volume comes back to the middle of the view. */
  setAxes(axes: SliceAxes, model: StageModel): void {
    this.plane.axes = axes;
    this.fit(model);
  }

  /** Lets a tool lead the plane; `undefined` leaves it where it stands, for the person and the crosshair again. */
  setDrive(drive: SliceDrive | undefined): void {
    const { axes } = this.plane;
    // What is left standing must not turn any more.
    if (drive === undefined) this.plane.axes = { right: Float64Array.from(axes.right), up: Float64Array.from(axes.up) };
    this.#driver = drive && new SliceDriver(drive);
    this.locked = false;
  }

  /** Holds the plane where it is, whatever its tool or the crosshair does, or lets it go again. */
  set locked(hold: boolean) {
    this.#locked = hold;
    this.#nameIt();
  }

  get locked(): boolean {
    return this.#locked;
  }

  /** The tool that leads it. */
  get drivenBy(): Tool | undefined {
    return this.#driver?.drive.tool;
  }

  /** Puts the plane where it is to be in this frame, before any view is drawn. */
  settle(model: StageModel): void {
    if (this.#locked) return;
    if (this.#driver === undefined) this.plane.passThrough(model.focus);
    else this.#driver.aim(this.plane);
  }

  #speak(words: DrawnWords): void {
    this.#words = words;
    this.#nameIt();
  }

  /** Says on the view what it is where it is no plain slice. */
  #nameIt(): void {
    const slab = this.#slab;
    const { views, drives, slabs, locked } = this.#words;
    const thick = slab && `${slabs[slab.mode]} ${slab.thicknessMm} mm`;
    const name = this.#driver === undefined ? views[this.name] : drives[this.#driver.drive.mode];
    this.#title = [name, thick, this.#locked ? locked : undefined].filter((part) => part !== undefined).join(' · ');
  }

  /** Whether the view should follow a tool that is not live: nothing in it may be taken for live. */
  #held(model: StageModel): boolean {
    if (this.#locked) return false;
    return this.#driver === undefined ? !model.focusShown : !this.#driver.drive.tool.live;
  }

  /** Shows the whole volume. */
  fit(model: StageModel): void {
    this.#zoom = 1;
    this.#across = undefined;
    this.#rescale();
    if (model.volume === undefined) return;
    this.plane.centre.set(centreOf(model.volume));
    const { low, high } = extentOf(model.volume, this.plane.axes);
    this.#fitted = [high[0] - low[0], high[1] - low[1]];
    this.#rescale();
  }

  /**
   * Brings a point of the frame to the middle of the view, and that many mm across its shorter side: to look closely.
   * The slice still cuts where the crosshair is.
   */
  lookAt(p: ArrayLike<number>, acrossMm: number): void {
    this.plane.centre.set([0, 1, 2].map((k) => p[k] as number));
    if (this.#sized) this.#zoomTo(acrossMm);
    else this.#across = acrossMm;
  }

  #zoomTo(acrossMm: number): void {
    const { width, height, mmPerPx } = this.plane;
    this.#zoom = limited((this.#zoom * mmPerPx * Math.min(width, height)) / acrossMm);
    this.#rescale();
  }

  /** Takes over the model's volume and window. */
  volumeChanged(model: StageModel): void {
    const { volume, uploaded, window } = model;
    this.#quad.visible = volume !== undefined && uploaded !== undefined;
    if (volume === undefined || uploaded === undefined) return;
    this.#slice.setVolume(volume, uploaded);
    this.#slice.setWindow(volume, uploaded, window);
    this.#tellSlab(volume);
    this.partChanged(model);
  }

  /** Takes over the part of the volume that it is drawn from while not all of it is on the GPU. */
  partChanged({ parts }: StageModel): void {
    const part = parts?.of(this.name);
    if (part !== undefined) this.#slice.setVolume(part.volume, part.uploaded);
  }

  /** How far the slice reaches either way along its normal, mm: 0 for one plane. */
  get halfThicknessMm(): number {
    return (this.#slab?.thicknessMm ?? 0) / 2;
  }

  /** Gives the slice a thickness, or one plane again. */
  setSlab(slab: Slab | undefined, model: StageModel): void {
    this.#slab = slab;
    this.#nameIt();
    if (model.volume !== undefined) this.#tellSlab(model.volume);
  }

  #tellSlab(volume: AnyVolume): void {
    const slab = this.#slab;
    const samples = slab === undefined ? 1 : slabSamples(slab, volume);
    this.#slabStepMm = slab === undefined ? 0 : slab.thicknessMm / (samples - 1);
    this.#slice.setSlab(slab, samples, volume.rescale.slope < 0);
  }

  /** Takes over the model's second volume and its look. */
  fusionChanged(model: StageModel): void {
    this.#fusion.changed(model);
  }

  /** Takes over the model's label map. */
  labelsChanged(model: StageModel): void {
    this.#labels.changed(model.labels);
  }

  /** Zooms by a factor about a position in px, which keeps the point of the frame it shows. */
  zoomAbout(factor: number, x: number, y: number): void {
    const before = this.plane.unproject(vec3(0, 0, 0), x, y);
    this.#zoom = limited(this.#zoom * factor);
    this.#rescale();
    const after = this.plane.unproject(vec3(0, 0, 0), x, y);
    for (let k = 0; k < 3; k += 1) {
      this.plane.centre[k] = (this.plane.centre[k] as number) + (before[k] as number) - (after[k] as number);
    }
  }

  /** Moves the picture with the pointer, px. */
  pan(dx: number, dy: number): void {
    const { right, up } = this.plane.axes;
    const s = this.plane.mmPerPx;
    for (let k = 0; k < 3; k += 1) {
      this.plane.centre[k] = (this.plane.centre[k] as number) - s * (dx * (right[k] as number) - dy * (up[k] as number));
    }
  }

  addTool(tool: Tool): void {
    this.#tools.push(new ToolOnSlice(tool, this.#overlay, this.#hud));
  }

  removeTool(tool: Tool): void {
    const at = this.#tools.findIndex((drawn) => drawn.tool === tool);
    if (at >= 0) this.#tools.splice(at, 1)[0]?.dispose();
    if (this.drivenBy === tool) this.setDrive(undefined);
  }

  /** Settles how many pixels there are, and with them the scale. */
  resize(width: number, height: number, dpr: number): void {
    const { plane } = this;
    if (width === plane.width && height === plane.height && dpr === this.#dpr && this.#scaled > 0) return;
    this.#dpr = dpr;
    plane.width = width;
    plane.height = height;
    this.#rescale();
    this.#sized = true;
    if (this.#across === undefined) return;
    this.#zoomTo(this.#across);
    this.#across = undefined;
  }

  #rescale(): void {
    const { plane } = this;
    const { width, height } = plane;
    // The letters keep a margin to themselves: on a fitted volume none of them lies on the image.
    const margin = 2.6 * letterSize(width, height, this.#dpr);
    const free = (px: number): number => Math.max(px / 2, px - margin);
    plane.mmPerPx = Math.max(this.#fitted[0] / free(width), this.#fitted[1] / free(height)) / this.#zoom;
    this.#scaled += 1;
    const halfWidth = (width * plane.mmPerPx) / 2;
    const halfHeight = (height * plane.mmPerPx) / 2;
    this.#camera.left = -halfWidth;
    this.#camera.right = halfWidth;
    this.#camera.top = halfHeight;
    this.#camera.bottom = -halfHeight;
    this.#camera.updateProjectionMatrix();
  }

  /** Draws into the viewport that the stage has set. */
  render(renderer: WebGLRenderer, rect: PixelRect, model: StageModel): void {
    this.resize(rect.width, rect.height, model.dpr);
    const { plane } = this;
    const normal = crossInto(this.#normal, plane.axes.right, plane.axes.up);
    for (let k = 0; k < 3; k += 1) {
      this.#alongX[k] = ((plane.axes.right[k] as number) * plane.width * plane.mmPerPx) / 2;
      this.#alongY[k] = ((plane.axes.up[k] as number) * plane.height * plane.mmPerPx) / 2;
    }
    this.#slice.setPlane(plane.centre, this.#alongX, this.#alongY);
    if (this.#slabStepMm > 0) this.#slice.setAcross(normal, this.#slabStepMm);
    this.#fusion.update(this.name, plane, this.#alongX, this.#alongY, model);
    this.#labels.update(plane, this.#alongX, this.#alongY, model.dpr);
    this.#aimCamera(normal);
    if (model.annotations) this.#annotate(rect, normal, model);
    renderer.render(this.#image, this.#camera);
    if (!model.annotations) return;
    renderer.render(this.#overlay, this.#camera);
    for (let n = 0; n < model.graphics.length; n += 1) model.graphics[n]?.onSlice?.(renderer, plane, model.dpr);
    this.#hud.render(renderer);
  }

  /** Settles what lies on the slice and on the glass. */
  #annotate(rect: PixelRect, normal: Vec3, model: StageModel): void {
    const { plane } = this;
    if (model.words !== this.#words) this.#speak(model.words);
    this.#plan.update(plane, normal, model);
    for (let n = 0; n < this.#tools.length; n += 1) (this.#tools[n] as ToolOnSlice).update(plane, normal, model.dpr);
    this.#fiducials.update(plane, model);
    this.#error.update(plane, model);
    this.#furniture.update(this.#title, plane, model, this.#held(model), this.#scaled);
    this.#hud.resize(rect.width, rect.height);
  }

  dispose(): void {
    for (const tool of this.#tools.splice(0)) tool.dispose();
    this.#plan.dispose();
    this.#fiducials.dispose();
    this.#error.dispose();
    this.#furniture.dispose();
    this.#fusion.dispose();
    this.#labels.dispose();
    this.#quad.geometry.dispose();
    this.#slice.material.dispose();
  }

  #aimCamera(normal: ArrayLike<number>): void {
    const { plane } = this;
    const { right: r, up: u } = plane.axes;
    const c = plane.centre;
    const m = this.#camera.matrix.elements;
    for (let k = 0; k < 3; k += 1) {
      m[k] = r[k] as number;
      m[4 + k] = u[k] as number;
      m[8 + k] = normal[k] as number;
      m[12 + k] = c[k] as number;
    }
    this.#camera.matrixWorldNeedsUpdate = true;
  }
}

/** A zoom that still shows something. */
function limited(zoom: number): number {
  return Math.min(40, Math.max(0.2, zoom));
}
