import {
  type Material,
  Mesh,
  type Object3D,
  type PerspectiveCamera,
  PlaneGeometry,
  Scene,
  type ShaderMaterial,
  type Texture,
  type WebGLRenderer,
} from 'three';
import { transformDirection } from '../math/index.js';
import { type AnyVolume, spacingOf } from '../volume/index.js';
import { Fingerprint } from './fingerprint.js';
import type { PixelRect } from './layout.js';
import type { StageModel } from './model.js';
import { dot } from './planes.js';
import { RayMaterial } from './ray-material.js';
import { rayOverlay } from './ray-overlay.js';
import { OPAQUE_LAYER, RayPictures } from './ray-pictures.js';
import { QualityChooser, RAY_QUALITIES, type RayQuality } from './ray-quality.js';
import { RayRefinement } from './ray-refinement.js';
import { uniform } from './uniform.js';
import { BlockSurvey, type VolumeBlocks } from './volume-blocks.js';
import type { VolumeClip, VolumeRendering } from './volume-look.js';

/**
 * The part of a frame in which a volume's blocks are found, ms: at least so long, unnoticed at 60 frames a second, and a share of frames that
 * take longer, up to a limit. It is such slow frames that the blocks make quicker.
 */
const SURVEY_MS = { least: 5, share: 0.3, most: 50 };
/** The same before a volume's first picture, ms: for so long the GPU has the voxels to take and the program to make, which holds the frame up anyway. */
const SURVEY_FIRST_MS = 120;

const FINEST = RAY_QUALITIES[0] as RayQuality;

/** One eye of a headset, for {@link VolumeInScene.drawEye}. */
export interface RayEye {
  /** Where it is in the scene that stands around the patient, whatever its unit; its near and far planes are that scene's. */
  readonly inScene: PerspectiveCamera;
  /** The same eye with the same projection in the patient, mm, rigid. */
  readonly inPatient: PerspectiveCamera;
  /** How long a millimetre of the patient is in the scene. */
  scenePerMm: number;
  /** Pixels of its picture. */
  width: number;
  height: number;
}

/**
 * The volume as a whole in the 3D view.
 *
 * What is opaque is drawn first, into depths alone; rays end there. Their picture is laid over the opaque things and under the
 * transparent ones. It is drawn again only when something in it has changed; the finest is drawn in bands, a frame each, and
 * shown when it is whole.
 */
export class VolumeInScene {
  readonly #rays = new RayMaterial();
  readonly #raysScene = new Scene();
  readonly #rayQuad: Mesh<PlaneGeometry, ShaderMaterial>;
  readonly #overlay: Mesh<PlaneGeometry, ShaderMaterial>;
  readonly #pictures = new RayPictures();
  readonly #refinement = new RayRefinement();
  readonly #print = new Fingerprint();
  readonly #quality = new QualityChooser();
  readonly #view = new Float64Array(6);
  /** Normal in the frame, its product with a point of the plane, and 1 where it cuts. */
  readonly #clip = new Float64Array(5);
  /** The depths that the picture of depths begins and ends with, mm. */
  readonly #reach = new Float64Array(2);
  #voxelMm = 1;
  /** The blocks of the volume, or the work of finding them. */
  #blocks: VolumeBlocks | BlockSurvey | undefined;
  #blocksOf: unknown;
  /** When the blocks were last gone on with, ms. */
  readonly #surveyedAt = Float64Array.of(Number.POSITIVE_INFINITY);
  #textureOf: unknown;
  #lookOf: unknown;
  /** The number of the quality that is shown, in {@link RAY_QUALITIES}; -1: what is shown is out of date. */
  #drawnLevel = -1;
  /** Whether the GPU has been given something to do with this volume and its program. */
  #begun = false;

  constructor(scene: Scene) {
    this.#rayQuad = new Mesh(new PlaneGeometry(2, 2), this.#rays.material);
    this.#rayQuad.frustumCulled = false;
    this.#raysScene.add(this.#rayQuad);
    this.#overlay = rayOverlay(this.#pictures.shown);
    this.#overlay.visible = false;
    scene.add(this.#overlay);
  }

  /** Whether the picture last drawn is the finest, and whole. */
  get refined(): boolean {
    return this.#drawnLevel === 0;
  }

  /** Takes over the model's volume and how it is to look. */
  changed({ volume, uploaded, rendering }: StageModel): void {
    this.#print.forget();
    this.#drawnLevel = -1;
    const shown = volume !== undefined && uploaded !== undefined && rendering !== undefined;
    this.#overlay.visible = shown;
    if (!shown) {
      this.#free();
      return;
    }
    // A window moved by hand changes nothing here.
    if (this.#textureOf === uploaded && this.#lookOf === rendering.look) return;
    this.#textureOf = uploaded;
    this.#lookOf = rendering.look;
    if (this.#blocksOf !== volume) {
      this.#blocks = new BlockSurvey(volume);
      this.#begun = false;
    }
    this.#blocksOf = volume;
    this.#voxelMm = Math.min(...spacingOf(volume));
    this.#rays.setVolume(volume, uploaded, rendering.look.transfer);
    if (!(this.#blocks instanceof BlockSurvey))
      this.#rays.setBlocks(this.#blocks as VolumeBlocks, volume, rendering.look.transfer);
    this.#rays.shading = rendering.look.shading;
  }

  /** Draws the rays' picture, where it has changed, before the scene is drawn. */
  prepare(renderer: WebGLRenderer, rect: PixelRect, scene: Scene, camera: PerspectiveCamera, model: StageModel): void {
    const { volume, rendering } = model;
    if (volume === undefined || rendering === undefined) return;
    if (!this.#begun) this.#begin(renderer, camera, volume);
    if (this.#blocks instanceof BlockSurvey) this.#survey(this.#blocks, volume, rendering, model.now);
    this.#aimClip(rendering.look.clip);
    const changed = this.#differs(rect, scene, camera, model);
    const { stepVoxels: fixed } = rendering.look;
    const level = fixed === 'auto' ? this.#quality.choose(changed, model.now) : 0;
    if (level === this.#drawnLevel && !changed) this.#refinement.other(model.now, 0);
    else if (fixed === 'auto' && level === 0) this.#refine(renderer, rect, scene, camera, model);
    else this.#drawAtOnce(renderer, rect, scene, camera, model, level, fixed);
  }

  /** Whether there is a volume to be drawn as a whole. */
  get shown(): boolean {
    return this.#overlay.visible;
  }

  /** A frame of a headset begins: what the page's own picture was begun with does not hold any more. */
  beginEyes(scene: Scene, model: StageModel): void {
    const { volume, rendering } = model;
    if (volume === undefined || rendering === undefined) return;
    this.#refinement.abandon();
    this.#print.forget();
    this.#drawnLevel = -1;
    if (this.#blocks instanceof BlockSurvey) this.#survey(this.#blocks, volume, rendering, model.now);
    this.#aimClip(rendering.look.clip);
    scene.updateMatrixWorld();
    scene.traverseVisible(layOpaque);
  }

  /**
   * Draws the rays' picture that one eye of a headset sees, into pictures of its own; after {@link beginEyes}.
   * @param scene what stands around the volume, and hides it where it is opaque
   * @param jitter as {@link RayMaterial.setStep}
   */
  drawEye(
    renderer: WebGLRenderer,
    eye: RayEye,
    pictures: RayPictures,
    scene: Scene,
    quality: RayQuality,
    jitter: 0 | 1,
    volume: AnyVolume,
  ): void {
    const { inScene, inPatient, scenePerMm } = eye;
    const reach = this.#reach;
    const width = Math.ceil(eye.width / quality.coarse);
    const height = Math.ceil(eye.height / quality.coarse);
    this.#rays.setStep(quality.stepVoxels * this.#voxelMm, jitter);
    this.#rays.setClip(this.#clip[4] === 1 ? this.#clip : undefined, this.#clip[3] as number, volume.frameFromIndex);
    reachOf(reach, volume, inPatient);
    for (let k = 0; k < 2; k += 1) reach[k] = (reach[k] as number) * scenePerMm;
    pictures.drawDepth(renderer, scene, inScene, width, height, reach);
    for (let k = 0; k < 2; k += 1) reach[k] = (reach[k] as number) / scenePerMm;
    this.#rays.setCamera(inPatient, pictures.depth, reach);
    pictures.draw(renderer, this.#raysScene, width, height);
  }

  /**
   * Lets the GPU begin: one pixel, which nobody sees, needs all the voxels and the program, and both take their time. Meanwhile the blocks are
   * found, so that the first picture has only to pass over what is empty.
   */
  #begin(renderer: WebGLRenderer, camera: PerspectiveCamera, volume: AnyVolume): void {
    this.#begun = true;
    reachOf(this.#reach, volume, camera);
    this.#rays.setCamera(camera, this.#pictures.depth, this.#reach);
    this.#pictures.beginFine(1, 1);
    this.#pictures.drawBand(renderer, this.#raysScene, 0, 1);
    renderer.getContext().flush();
    this.#surveyedAt[0] = Number.NEGATIVE_INFINITY;
  }

  /** Goes on with finding the volume's blocks, in a part of a frame: the picture is right without them, and comes sooner with them. */
  #survey(survey: BlockSurvey, volume: AnyVolume, { look }: VolumeRendering, now: Float64Array): void {
    const since = (now[0] as number) - (this.#surveyedAt[0] as number);
    this.#surveyedAt[0] = now[0] as number;
    const most = since === Number.POSITIVE_INFINITY ? SURVEY_FIRST_MS : SURVEY_MS.most;
    const part = Math.min(most, Math.max(SURVEY_MS.least, SURVEY_MS.share * since));
    const blocks = survey.advance(part);
    if (blocks === undefined) return;
    this.#blocks = blocks;
    this.#rays.setBlocks(blocks, volume, look.transfer);
  }

  /** Draws a whole picture, coarse while things move, and leaves a finer one that was begun. */
  #drawAtOnce(
    renderer: WebGLRenderer,
    rect: PixelRect,
    scene: Scene,
    camera: PerspectiveCamera,
    model: StageModel,
    level: number,
    fixed: number | 'auto',
  ): void {
    this.#drawnLevel = level;
    const { stepVoxels, coarse } = RAY_QUALITIES[level] as RayQuality;
    this.#refinement.abandon();
    this.#refinement.other(model.now, (coarse * coarse * stepVoxels) / FINEST.stepVoxels);
    this.#rays.setStep((fixed === 'auto' ? stepVoxels : fixed) * this.#voxelMm, level === 0 ? 0 : 1);
    this.#aimRays(renderer, rect, scene, camera, model.volume as AnyVolume);
    this.#pictures.draw(renderer, this.#raysScene, Math.ceil(rect.width / coarse), Math.ceil(rect.height / coarse));
    this.#show();
  }

  /** Draws one more band of the finest picture; nothing has changed since the first of them. */
  #refine(renderer: WebGLRenderer, rect: PixelRect, scene: Scene, camera: PerspectiveCamera, model: StageModel): void {
    const refinement = this.#refinement;
    if (!refinement.begun) {
      this.#rays.setStep(FINEST.stepVoxels * this.#voxelMm, 0);
      this.#aimRays(renderer, rect, scene, camera, model.volume as AnyVolume);
      this.#pictures.beginFine(rect.width, rect.height);
      refinement.begin(rect.height, model.now);
    }
    refinement.next(model.now);
    this.#pictures.drawBand(renderer, this.#raysScene, refinement.from, refinement.rows);
    if (!refinement.ended()) return;
    this.#drawnLevel = 0;
    this.#pictures.showFine();
    this.#show();
  }

  /** Draws what the rays end at, and tells them where they begin. */
  #aimRays(renderer: WebGLRenderer, rect: PixelRect, scene: Scene, camera: PerspectiveCamera, volume: AnyVolume): void {
    this.#rays.setClip(this.#clip[4] === 1 ? this.#clip : undefined, this.#clip[3] as number, volume.frameFromIndex);
    reachOf(this.#reach, volume, camera);
    this.#pictures.drawDepth(renderer, scene, camera, rect.width, rect.height, this.#reach);
    this.#rays.setCamera(camera, this.#pictures.depth, this.#reach);
  }

  #show(): void {
    uniform<Texture>(this.#overlay.material, 'uPicture').value = this.#pictures.shown;
  }

  dispose(): void {
    this.#overlay.removeFromParent();
    this.#overlay.geometry.dispose();
    this.#overlay.material.dispose();
    this.#rayQuad.geometry.dispose();
    this.#free();
    this.#rays.dispose();
  }

  /** Gives the GPU's memory back; what is drawn again makes it anew. */
  #free(): void {
    this.#lookOf = undefined;
    this.#blocksOf = undefined;
    this.#blocks = undefined;
    this.#rays.freeTextures();
    this.#pictures.free();
    this.#refinement.abandon();
    this.#drawnLevel = -1;
  }

  #aimClip(clip: VolumeClip<string> | 'none'): void {
    const c = this.#clip;
    c[4] = 0;
    if (clip === 'none') return;
    if ('point' in clip) {
      for (let k = 0; k < 3; k += 1) c[k] = clip.normal[k] as number;
      c[3] = dot(c, clip.point.xyz);
      c[4] = 1;
      return;
    }
    const { tool } = clip;
    if (!tool.live) return;
    const m = tool.matrix;
    transformDirection(c, m, clip.normal ?? tool.geometry.shaft);
    c[3] = (c[0] as number) * (m[12] as number) + (c[1] as number) * (m[13] as number) + (c[2] as number) * (m[14] as number);
    c[4] = 1;
  }

  /** Whether anything that the rays' picture shows is not as it was when this was asked last. */
  #differs(rect: PixelRect, scene: Scene, camera: PerspectiveCamera, model: StageModel): boolean {
    const view = this.#view;
    view[0] = rect.width;
    view[1] = rect.height;
    view[2] = camera.near;
    view[3] = camera.far;
    // The window decides which of the standing slices' pixels are air.
    view[4] = model.window.width;
    view[5] = model.window.level;
    this.#print.add(view);
    this.#print.add(camera.matrixWorld.elements);
    this.#print.add(this.#clip);
    scene.updateMatrixWorld();
    scene.traverseVisible(this.#takeIn);
    return this.#print.changed();
  }

  /** Puts what hides the volume into the layer of such things, and its place into the fingerprint. */
  readonly #takeIn = (object: Object3D): void => {
    if (!layOpaque(object)) return;
    this.#print.addInteger(object.id);
    this.#print.add(object.matrixWorld.elements);
  };
}

/**
 * Puts what hides the volume into the layer of such things. The lights go along: without them three would make another program of each
 * material.
 * @returns whether it hides the volume
 */
function layOpaque(object: Object3D): boolean {
  const { material } = object as Partial<Mesh>;
  const one = (Array.isArray(material) ? material[0] : material) as Material | undefined;
  const hides = one !== undefined && !one.transparent;
  if (hides || (object as { isLight?: boolean }).isLight === true) object.layers.enable(OPAQUE_LAYER);
  else object.layers.disable(OPAQUE_LAYER);
  return hides;
}

/** The nearest and farthest depth of a volume's box before a camera, mm, into `out`. */
function reachOf(out: Float64Array, { frameFromIndex: m, size }: AnyVolume, camera: PerspectiveCamera): void {
  const c = camera.matrixWorld.elements;
  let middle = 0;
  let half = 0;
  for (let k = 0; k < 3; k += 1) middle -= (c[8 + k] as number) * ((m[12 + k] as number) - (c[12 + k] as number));
  for (let axis = 0; axis < 3; axis += 1) {
    let along = 0;
    for (let k = 0; k < 3; k += 1) along -= (c[8 + k] as number) * (m[4 * axis + k] as number);
    middle += (along * ((size[axis] as number) - 1)) / 2;
    half += Math.abs(along * (size[axis] as number)) / 2;
  }
  out[0] = middle - half;
  out[1] = middle + half;
}
