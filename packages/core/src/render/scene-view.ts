import {
  DirectionalLight,
  Group,
  HemisphereLight,
  Mesh,
  PerspectiveCamera,
  PlaneGeometry,
  Scene,
  type WebGLRenderer,
} from 'three';
import { type Vec3, vec3 } from '../math/index.js';
import { airLevels } from './air.js';
import { ErrorInScene } from './error-marks.js';
import { Fingerprint } from './fingerprint.js';
import { drawBorder } from './furniture.js';
import { LabelShelf } from './guidance/label-shelf.js';
import { Hud } from './hud.js';
import { Label, type LabelStyle } from './label.js';
import type { PixelRect } from './layout.js';
import type { StageModel } from './model.js';
import { FIELD_OF_VIEW_DEGREES, Orbit } from './orbit.js';
import { PALETTE } from './palette.js';
import { PerRatio } from './per-ratio.js';
import {
  centreOf,
  crossInto,
  dot,
  type Extent,
  extentOf,
  type PlaneView,
  patientAxes,
  SLICE_VIEWS,
  type SliceAxes,
  type SliceViewName,
} from './planes.js';
import { FiducialsInScene } from './scene-fiducials.js';
import { PlanInScene, ToolInScene } from './scene-marks.js';
import { SliceMaterial } from './slice-material.js';
import { Stroke } from './stroke.js';
import { Surface, type SurfaceMesh, type SurfaceStyle } from './surface.js';
import type { Tool } from './tool.js';
import { ViewTitle } from './view-title.js';
import { VolumeInScene } from './volume-in-scene.js';
import type { VolumeTexture } from './volume-texture.js';
import type { DrawnWords } from './words.js';

/** One of the three slices, standing in the 3D view. */
interface StandingSlice {
  readonly material: SliceMaterial;
  readonly mesh: Mesh<PlaneGeometry, SliceMaterial['material']>;
  axes: SliceAxes;
  extent: Extent | undefined;
}

/** The 3D view: the slices where they cut, the skin around them, plan, fiducials and tools. */
export class SceneView {
  readonly orbit: Orbit = new Orbit();
  /** The application's own objects. */
  readonly objects: Group = new Group();
  readonly #scene = new Scene();
  /** Holds the rays' picture, which is made for this view's own camera. */
  readonly #rayLayer = new Scene();
  readonly #camera = new PerspectiveCamera(FIELD_OF_VIEW_DEGREES, 1, 5, 6000);
  readonly #light = new DirectionalLight(0xffffff, 2.2);
  readonly #hud = new Hud();
  readonly #compass = new Compass(this.#hud);
  readonly #name = new ViewTitle(this.#hud);
  readonly #border = new Stroke(4, { colour: PALETTE.alarm, roundEnds: false, rimPx: 0 });
  readonly #slices: readonly StandingSlice[];
  /** The volume as a whole. */
  readonly rays: VolumeInScene;
  readonly #plan: PlanInScene;
  readonly #fiducials: FiducialsInScene;
  readonly #error: ErrorInScene;
  readonly #tools: ToolInScene[] = [];
  readonly #shelf = new LabelShelf();
  #title = '';
  #titled = Number.NaN;
  #words: DrawnWords | undefined;
  readonly #planeOf: (name: SliceViewName) => PlaneView;
  readonly #lightAt = vec3(0, 0, 0);
  /** What the marks on the glass were placed by. */
  readonly #seen = new Fingerprint();
  #surface: Surface | undefined;
  /** The texture whose slices were told of the air. */
  #aired: VolumeTexture | undefined;

  /** @param planeOf where a slice view cuts */
  constructor(planeOf: (name: SliceViewName) => PlaneView) {
    this.#planeOf = planeOf;
    this.#scene.add(this.objects, new HemisphereLight(0xffffff, 0x404850, 1.4), this.#light, this.#light.target);
    this.#slices = SLICE_VIEWS.map((name) => this.#standingSlice(name));
    this.rays = new VolumeInScene(this.#rayLayer);
    this.#scene.add(this.#rayLayer);
    this.#plan = new PlanInScene(this.#scene);
    this.#fiducials = new FiducialsInScene(this.#scene, this.#hud);
    this.#error = new ErrorInScene(this.#scene, this.#hud);
    this.#hud.scene.add(this.#border.object);
    // z is towards the patient's head: up.
    this.#camera.up.set(0, 0, 1);
  }

  /** Turns one of the standing slices. */
  setAxes(name: SliceViewName, axes: SliceAxes, model: StageModel): void {
    const slice = this.#slices[SLICE_VIEWS.indexOf(name)];
    if (slice === undefined) return;
    slice.axes = axes;
    slice.extent = model.volume && extentOf(model.volume, axes);
  }

  /** Looks at the whole volume from the front, left and above. */
  fit(model: StageModel): void {
    if (model.volume === undefined) return;
    this.orbit.target.set(centreOf(model.volume));
    const { low, high } = extentOf(model.volume, patientAxes('axial'));
    this.orbit.reset(Math.hypot(high[0] - low[0], high[1] - low[1], high[2] - low[2]) / 2.5);
  }

  /** Takes over the model's volume and window. */
  volumeChanged(model: StageModel): void {
    const { volume, uploaded, window, rendering } = model;
    this.rays.changed(model);
    this.#aired = undefined;
    for (const slice of this.#slices) {
      slice.mesh.visible = volume !== undefined && (rendering === undefined || rendering.look.slices);
      if (volume === undefined || uploaded === undefined) continue;
      slice.material.setVolume(volume, uploaded);
      slice.material.setWindow(volume, uploaded, window);
      slice.extent = extentOf(volume, slice.axes);
    }
    for (const name of SLICE_VIEWS) this.partChanged(name, model);
  }

  /** Takes over the part of the volume that a standing slice is drawn from while not all of it is on the GPU. */
  partChanged(name: SliceViewName, { parts }: StageModel): void {
    const part = parts?.of(name);
    if (part !== undefined) this.#slices[SLICE_VIEWS.indexOf(name)]?.material.setVolume(part.volume, part.uploaded);
  }

  setSurface(mesh: SurfaceMesh | undefined, style: SurfaceStyle = {}): void {
    this.#surface?.dispose();
    this.#surface = mesh && new Surface(mesh, style.colour ?? PALETTE.skin, style.opacity ?? 0.8);
    if (this.#surface !== undefined) this.#scene.add(this.#surface.object);
  }

  addTool(tool: Tool): void {
    this.#tools.push(new ToolInScene(tool, this.#scene));
  }

  removeTool(tool: Tool): void {
    const at = this.#tools.findIndex((drawn) => drawn.tool === tool);
    if (at >= 0) this.#tools.splice(at, 1)[0]?.dispose();
  }

  /** Draws into the viewport that the stage has set. */
  render(renderer: WebGLRenderer, rect: PixelRect, model: StageModel): void {
    const { width, height } = rect;
    this.#aim(width / height);
    this.#rayLayer.visible = true;
    const turned = this.#turned(width, height, model);
    this.#arrange(this.#camera, rect, model, turned);
    if (turned) this.#compass.update(this.orbit, width, height, model.dpr);
    this.#nameIt(rect, model);
    drawBorder(this.#border, rect, model.dpr, !model.focusShown);
    this.#hud.resize(width, height);
    this.rays.prepare(renderer, rect, this.#scene, this.#camera, model);
    renderer.render(this.#scene, this.#camera);
    if (model.annotations) this.#hud.render(renderer);
  }

  /** All that stands in the 3D view, mm in the stage's frame, to be drawn by a headset's cameras. */
  get graph(): Scene {
    return this.#scene;
  }

  /** Puts everything where it stands in this frame, for a camera that is not this view's own; the volume as a whole is left out. */
  arrange(camera: PerspectiveCamera, width: number, height: number, model: StageModel): void {
    this.#rayLayer.visible = false;
    this.#seen.forget();
    this.#arrange(camera, { x: 0, y: 0, width, height }, model, true);
  }

  /** @param turned whether the camera or the view's size is not as it was */
  #arrange(camera: PerspectiveCamera, rect: PixelRect, model: StageModel, turned: boolean): void {
    const { width, height } = rect;
    if (model.uploaded !== this.#aired) this.#clearAir(model);
    for (let n = 0; model.volume !== undefined && n < this.#slices.length; n += 1) {
      place(this.#slices[n] as StandingSlice, this.#planeOf(SLICE_VIEWS[n] as SliceViewName));
    }
    this.#plan.update(width, height, model);
    for (let n = 0; n < this.#tools.length; n += 1) (this.#tools[n] as ToolInScene).update(width, height, model.dpr);
    for (let n = 0; n < model.graphics.length; n += 1) model.graphics[n]?.inScene?.(width, height, model.dpr);
    this.#shelf.arrange(model.graphics, camera, width, height);
    this.#fiducials.update(camera, rect, model, turned);
    if (turned) this.#error.update(camera, rect, model, this.#fiducials);
  }

  /** Leaves the air out of the standing slices. Not before they are drawn: three slices without a 3D view need not wait for it. */
  #clearAir(model: StageModel): void {
    const { volume, uploaded } = model;
    this.#aired = uploaded;
    if (volume === undefined || uploaded === undefined) return;
    model.air ??= airLevels(volume);
    for (const { material } of this.#slices) material.clearAir(volume, uploaded, model.air.surely, model.air.black);
  }

  /** Whether what lies on the glass over things in the scene has to be placed anew: nothing of it follows a tool. */
  #turned(width: number, height: number, model: StageModel): boolean {
    const seen = this.#seen;
    seen.add(this.#camera.matrixWorld.elements);
    seen.add(this.#camera.projectionMatrix.elements);
    seen.addInteger(width);
    seen.addInteger(height);
    seen.addInteger(Math.round(1000 * model.dpr));
    seen.addInteger(model.fiducialsRevision);
    seen.addInteger(model.errorRevision);
    return seen.changed();
  }

  /** The view's name, and how much too large errors are drawn in it. */
  #nameIt({ width, height }: PixelRect, { dpr, errorScale, targetError, fiducials, words }: StageModel): void {
    let scaled = errorScale !== 1 && targetError !== undefined;
    for (let n = 0; errorScale !== 1 && !scaled && n < fiducials.length; n += 1) scaled = fiducials[n]?.offset !== undefined;
    const factor = scaled ? errorScale : 1;
    if (factor !== this.#titled || words !== this.#words) this.#title = factor === 1 ? '3D' : `3D · ${words.errorsDrawn(factor)}`;
    this.#titled = factor;
    this.#words = words;
    this.#name.update(Math.min(width, height) > 200 * dpr ? this.#title : '', width, dpr, 0);
  }

  dispose(): void {
    this.objects.clear();
    this.setSurface(undefined);
    this.rays.dispose();
    for (const tool of this.#tools.splice(0)) tool.dispose();
    this.#plan.dispose();
    this.#fiducials.dispose();
    this.#error.dispose();
    this.#compass.dispose();
    this.#name.dispose();
    this.#border.dispose();
    for (const { mesh } of this.#slices) {
      mesh.geometry.dispose();
      mesh.material.dispose();
    }
    this.#light.dispose();
  }

  #standingSlice(name: SliceViewName): StandingSlice {
    const material = new SliceMaterial();
    material.fillView = false;
    const mesh = new Mesh(new PlaneGeometry(2, 2), material.material);
    mesh.matrixAutoUpdate = false;
    mesh.frustumCulled = false;
    mesh.visible = false;
    this.#scene.add(mesh);
    return { material, mesh, axes: patientAxes(name), extent: undefined };
  }

  #aim(aspect: number): void {
    const { orbit } = this;
    const eye = orbit.eye();
    const t = orbit.target;
    this.#camera.position.fromArray(eye);
    this.#camera.lookAt(t[0] as number, t[1] as number, t[2] as number);
    this.#camera.near = Math.max(1, orbit.distance / 50);
    this.#camera.far = orbit.distance + 3000;
    this.#camera.aspect = aspect;
    this.#camera.updateProjectionMatrix();
    this.#camera.updateMatrixWorld();
    // The light comes over the shoulder of whoever looks.
    const { right, up } = orbit.axes();
    const half = 0.5 * orbit.distance;
    const at = this.#lightAt;
    for (let k = 0; k < 3; k += 1) at[k] = (eye[k] as number) + half * ((up[k] as number) - 0.6 * (right[k] as number));
    this.#light.position.fromArray(at);
    this.#light.target.position.fromArray(t);
  }
}

function compassStyle(dpr: number): LabelStyle {
  return { sizePx: Math.round(20 * dpr), colour: PALETTE.text, weight: 700 };
}

const scratch = { x: vec3(0, 0, 0), y: vec3(0, 0, 0), n: vec3(0, 0, 0), centre: vec3(0, 0, 0), middle: vec3(0, 0, 0) };

/** Puts a standing slice where its view cuts, over the whole volume. */
function place(slice: StandingSlice, plane: PlaneView): void {
  const { extent, material, mesh } = slice;
  if (extent === undefined) return;
  const { right, up } = plane.axes;
  const { x, y, n, centre } = scratch;
  crossInto(n, right, up);
  const fits = same(right, slice.axes.right) && same(up, slice.axes.up);
  const sx = span(extent, 0);
  const sy = span(extent, 1);
  const sz = span(extent, 2);
  // A plane that a tool leads has another extent with every frame: a square over the whole volume does.
  const diagonal = Math.sqrt(sx * sx + sy * sy + sz * sz);
  const halfX = (fits ? sx : diagonal) / 2;
  const halfY = (fits ? sy : diagonal) / 2;
  middleOf(scratch.middle, extent, slice.axes);
  const away = dot(n, plane.centre) - dot(n, scratch.middle);
  const m = mesh.matrix.elements;
  for (let k = 0; k < 3; k += 1) {
    centre[k] = (scratch.middle[k] as number) + away * (n[k] as number);
    x[k] = halfX * (right[k] as number);
    y[k] = halfY * (up[k] as number);
    m[k] = x[k] as number;
    m[4 + k] = y[k] as number;
    m[8 + k] = n[k] as number;
    m[12 + k] = centre[k] as number;
  }
  material.setPlane(centre, x, y);
  mesh.matrixWorldNeedsUpdate = true;
}

function span({ low, high }: Extent, axis: 0 | 1 | 2): number {
  return high[axis] - low[axis];
}

function same(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2];
}

/** The point in the middle of an extent along some axes, mm, into `out`. */
function middleOf(out: Vec3, { low, high }: Extent, { right, up }: SliceAxes): void {
  crossInto(out, right, up);
  const a = (low[0] + high[0]) / 2;
  const b = (low[1] + high[1]) / 2;
  const c = (low[2] + high[2]) / 2;
  for (let k = 0; k < 3; k += 1) out[k] = a * (right[k] as number) + b * (up[k] as number) + c * (out[k] as number);
}

/** A patient direction of the compass. */
interface Letter {
  readonly text: string;
  readonly direction: Vec3;
  readonly label: Label;
}

/** The six patient directions around a small circle: bright towards whoever looks, dim away. */
class Compass {
  readonly #letters: readonly Letter[];
  readonly #out = vec3(0, 0, 0);
  readonly #styles = new PerRatio(compassStyle);

  constructor(hud: Hud) {
    this.#letters = (
      [
        ['L', vec3(1, 0, 0)],
        ['R', vec3(-1, 0, 0)],
        ['P', vec3(0, 1, 0)],
        ['A', vec3(0, -1, 0)],
        ['S', vec3(0, 0, 1)],
        ['I', vec3(0, 0, -1)],
      ] as const
    ).map(([text, direction]) => ({ text, direction, label: new Label() }));
    for (const { label } of this.#letters) hud.scene.add(label.object);
  }

  update(orbit: Orbit, width: number, height: number, dpr: number): void {
    const axes = orbit.axes();
    const out = crossInto(this.#out, axes.right, axes.up);
    const style = this.#styles.at(dpr);
    const radius = 34 * dpr;
    const x = width - radius - 22 * dpr;
    const y = height - radius - 22 * dpr;
    for (let n = 0; n < this.#letters.length; n += 1) {
      const { text, direction, label } = this.#letters[n] as Letter;
      const towards = dot(direction, out);
      label.set(text, style);
      label.at(x + radius * dot(direction, axes.right), y - radius * dot(direction, axes.up), towards > -0.1 ? 1 : 0.35);
    }
  }

  dispose(): void {
    for (const { label } of this.#letters) label.dispose();
  }
}
