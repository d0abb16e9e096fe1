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
import { ErrorInScene } from './error-marks.js';
import { drawBorder } from './furniture.js';
import { Hud } from './hud.js';
import { Label } from './label.js';
import type { PixelRect } from './layout.js';
import type { StageModel } from './model.js';
import { FIELD_OF_VIEW_DEGREES, Orbit } from './orbit.js';
import { PALETTE } from './palette.js';
import {
  centreOf,
  crossInto,
  dot,
  type Extent,
  extentOf,
  outOf,
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
import { VolumeInScene } from './volume-in-scene.js';

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
  readonly #camera = new PerspectiveCamera(FIELD_OF_VIEW_DEGREES, 1, 5, 6000);
  readonly #light = new DirectionalLight(0xffffff, 2.2);
  readonly #hud = new Hud();
  readonly #compass = new Compass(this.#hud);
  readonly #name = new Label();
  readonly #border = new Stroke(4, { colour: PALETTE.alarm, roundEnds: false, rimPx: 0 });
  readonly #slices: ReadonlyMap<SliceViewName, StandingSlice>;
  /** The volume as a whole. */
  readonly rays: VolumeInScene;
  readonly #plan: PlanInScene;
  readonly #fiducials: FiducialsInScene;
  readonly #error: ErrorInScene;
  readonly #tools = new Map<Tool, ToolInScene>();
  readonly #planeOf: (name: SliceViewName) => PlaneView;
  #surface: Surface | undefined;

  /** @param planeOf where a slice view cuts */
  constructor(planeOf: (name: SliceViewName) => PlaneView) {
    this.#planeOf = planeOf;
    this.#scene.add(this.objects, new HemisphereLight(0xffffff, 0x404850, 1.4), this.#light, this.#light.target);
    this.#slices = new Map(SLICE_VIEWS.map((name) => [name, this.#standingSlice(name)]));
    this.rays = new VolumeInScene(this.#scene);
    this.#plan = new PlanInScene(this.#scene);
    this.#fiducials = new FiducialsInScene(this.#scene, this.#hud);
    this.#error = new ErrorInScene(this.#scene, this.#hud);
    this.#hud.scene.add(this.#name.object, this.#border.object);
    // z is towards the patient's head: up.
    this.#camera.up.set(0, 0, 1);
  }

  /** Turns one of the standing slices. */
  setAxes(name: SliceViewName, axes: SliceAxes, model: StageModel): void {
    const slice = this.#slices.get(name);
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
    for (const slice of this.#slices.values()) {
      slice.mesh.visible = volume !== undefined && (rendering === undefined || rendering.look.slices);
      if (volume === undefined || uploaded === undefined) continue;
      slice.material.setVolume(volume, uploaded);
      slice.material.setWindow(volume, uploaded, window);
      if (model.air !== undefined) slice.material.clearAir(volume, uploaded, model.air.surely, model.air.black);
      slice.extent = extentOf(volume, slice.axes);
    }
  }

  setSurface(mesh: SurfaceMesh | undefined, style: SurfaceStyle = {}): void {
    this.#surface?.dispose();
    this.#surface = mesh && new Surface(mesh, style.colour ?? PALETTE.skin, style.opacity ?? 0.8);
    if (this.#surface !== undefined) this.#scene.add(this.#surface.object);
  }

  addTool(tool: Tool): void {
    this.#tools.set(tool, new ToolInScene(tool, this.#scene));
  }

  removeTool(tool: Tool): void {
    this.#tools.get(tool)?.dispose();
    this.#tools.delete(tool);
  }

  /** Draws into the viewport that the stage has set. */
  render(renderer: WebGLRenderer, rect: PixelRect, model: StageModel): void {
    const { width, height } = rect;
    this.#aim(width / height);
    if (model.volume !== undefined) for (const [name, slice] of this.#slices) place(slice, this.#planeOf(name));
    this.#plan.update(width, height, model);
    for (const tool of this.#tools.values()) tool.update(width, height, model.dpr);
    this.#fiducials.update(this.#camera, width, height, model);
    this.#error.update(this.#camera, width, height, model, this.#fiducials);
    this.#compass.update(this.orbit, width, height, model.dpr);
    const big = Math.min(width, height) > 200 * model.dpr;
    const scaled = model.errorScale !== 1 && (model.targetError !== undefined || model.fiducials.some((f) => f.offset));
    this.#name.set(big ? `3D${scaled ? ` · ERRORS DRAWN × ${model.errorScale}` : ''}` : '', {
      sizePx: Math.round(14 * model.dpr),
      colour: PALETTE.quietText,
      anchor: 'left',
      weight: 700,
    });
    this.#name.at(8 * model.dpr, 16 * model.dpr);
    drawBorder(this.#border, rect, model.dpr, !model.focusShown);
    this.#hud.resize(width, height);
    this.rays.prepare(renderer, rect, this.#scene, this.#camera, model);
    renderer.render(this.#scene, this.#camera);
    if (model.annotations) this.#hud.render(renderer);
  }

  dispose(): void {
    this.objects.clear();
    this.setSurface(undefined);
    this.rays.dispose();
    for (const tool of this.#tools.values()) tool.dispose();
    this.#tools.clear();
    this.#plan.dispose();
    this.#fiducials.dispose();
    this.#error.dispose();
    this.#compass.dispose();
    this.#name.dispose();
    this.#border.dispose();
    for (const { mesh } of this.#slices.values()) {
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
    this.#camera.position.set(eye[0] as number, eye[1] as number, eye[2] as number);
    this.#camera.lookAt(t[0] as number, t[1] as number, t[2] as number);
    this.#camera.near = Math.max(1, orbit.distance / 50);
    this.#camera.far = orbit.distance + 3000;
    this.#camera.aspect = aspect;
    this.#camera.updateProjectionMatrix();
    this.#camera.updateMatrixWorld();
    // The light comes over the shoulder of whoever looks.
    const { right, up } = orbit.axes();
    const from = (k: 0 | 1 | 2): number =>
      (eye[k] as number) + 0.5 * orbit.distance * ((up[k] as number) - 0.6 * (right[k] as number));
    this.#light.position.set(from(0), from(1), from(2));
    this.#light.target.position.set(t[0] as number, t[1] as number, t[2] as number);
  }
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
  // A plane that a tool leads has another extent with every frame: a square over the whole volume does.
  const radius = Math.hypot(span(extent, 0), span(extent, 1), span(extent, 2)) / 2;
  const halfX = fits ? span(extent, 0) / 2 : radius;
  const halfY = fits ? span(extent, 1) / 2 : radius;
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

/** The six patient directions around a small circle: bright towards whoever looks, dim away. */
class Compass {
  readonly #letters: readonly { readonly text: string; readonly direction: Vec3; readonly label: Label }[];

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
    const out = outOf(axes);
    const radius = 34 * dpr;
    const x = width - radius - 22 * dpr;
    const y = height - radius - 22 * dpr;
    for (const { text, direction, label } of this.#letters) {
      const towards = dot(direction, out);
      label.set(text, { sizePx: Math.round(20 * dpr), colour: PALETTE.text, weight: 700 });
      label.at(x + radius * dot(direction, axes.right), y - radius * dot(direction, axes.up), towards > -0.1 ? 1 : 0.35);
    }
  }

  dispose(): void {
    for (const { label } of this.#letters) label.dispose();
  }
}
