import {
  type Matrix4,
  type Mesh,
  PerspectiveCamera,
  type PlaneGeometry,
  type Scene,
  type ShaderMaterial,
  type Texture,
  type Vector4,
  type WebGLRenderer,
} from 'three';
import type { StageModel } from '../model.js';
import { rayOverlay } from '../ray-overlay.js';
import { RayPictures } from '../ray-pictures.js';
import { RAY_QUALITIES, type RayQuality } from '../ray-quality.js';
import { uniform } from '../uniform.js';
import type { RayEye, VolumeInScene } from '../volume-in-scene.js';

const FINEST = RAY_QUALITIES[0] as RayQuality;

/** One of three's cameras of a session: its `matrix` is its pose in the room, metres. */
interface XrEyeCamera extends PerspectiveCamera {
  readonly viewport: Vector4;
}

/** An eye, and what was drawn for it. */
interface Eye {
  readonly view: RayEye;
  readonly pictures: RayPictures;
  /** three's camera that this picture is for. */
  of: unknown;
}

/**
 * The volume as a whole in a headset: for each eye a picture of its own, made from where that eye is and laid over its part of the
 * headset's buffer.
 *
 * The pictures are drawn before the buffer is, into targets of ours: a headset's buffer has one size for the session, its depths cannot be
 * read while it is drawn to, and on a GPU that works in tiles leaving it half-way costs more than the rays. Any number of eyes.
 */
export class EyeRays {
  readonly #overlay: Mesh<PlaneGeometry, ShaderMaterial>;
  readonly #eyes: Eye[] = [];
  #count = 0;

  /** @param root the scene in metres that the eyes look at */
  constructor(root: Scene) {
    this.#overlay = rayOverlay(null);
    this.#overlay.visible = false;
    this.#overlay.onBeforeRender = (_renderer, _scene, camera) => this.#choose(camera);
    root.add(this.#overlay);
  }

  /**
   * Draws every eye's picture; three's target is as before afterwards.
   * @param root the scene in metres, the patient in its place
   * @param metresFromPatient the node that carries the patient: rigid but for one scale
   */
  draw(
    renderer: WebGLRenderer,
    rays: VolumeInScene,
    root: Scene,
    metresFromPatient: Matrix4,
    quality: RayQuality,
    range: PerspectiveCamera,
    model: StageModel,
  ): void {
    const { volume, rendering } = model;
    this.#overlay.visible = rays.shown && volume !== undefined && rendering !== undefined;
    if (!this.#overlay.visible || volume === undefined || rendering === undefined) return;
    const target = renderer.getRenderTarget();
    const { xr } = renderer;
    const cameras = xr.getCamera().cameras as unknown as readonly XrEyeCamera[];
    this.#count = cameras.length;
    const { stepVoxels } = rendering.look;
    if (stepVoxels !== 'auto') this.#fixed.stepVoxels = stepVoxels;
    const drawn = stepVoxels === 'auto' ? quality : this.#fixed;
    // As on the page: grain in place of rings where the step is coarse, and none where the application chose it.
    const jitter = drawn === this.#fixed || drawn === FINEST ? 0 : 1;
    // three would draw with the session's cameras, and this is drawn with ours.
    xr.enabled = false;
    try {
      rays.beginEyes(root, model);
      for (let n = 0; n < cameras.length; n += 1) {
        const eye = this.#eye(n);
        aim(eye.view, cameras[n] as XrEyeCamera, metresFromPatient, range);
        eye.of = cameras[n];
        rays.drawEye(renderer, eye.view, eye.pictures, root, drawn, jitter, volume);
      }
    } finally {
      xr.enabled = true;
      renderer.setRenderTarget(target);
    }
  }

  /** A step that the application has set, a ray for each pixel. */
  readonly #fixed = { ...FINEST };

  dispose(): void {
    this.#overlay.removeFromParent();
    this.#overlay.geometry.dispose();
    this.#overlay.material.dispose();
    for (const { pictures } of this.#eyes) pictures.free();
  }

  #eye(n: number): Eye {
    const there = this.#eyes[n];
    if (there !== undefined) return there;
    const view = { inScene: ownCamera(), inPatient: ownCamera(), scenePerMm: 1, width: 1, height: 1 };
    const made: Eye = { view, pictures: new RayPictures(), of: undefined };
    this.#eyes.push(made);
    return made;
  }

  /** Lays the picture over the eye that it was drawn for, and none over a camera that there is none for. */
  #choose(camera: unknown): void {
    const { material } = this.#overlay;
    let shown: Texture | null = null;
    for (let n = 0; n < this.#count; n += 1) {
      const eye = this.#eyes[n] as Eye;
      if (eye.of === camera) shown = eye.pictures.shown;
    }
    uniform<Texture | null>(material, 'uPicture').value = shown;
    // The eye before may have been drawn with the same material just now.
    material.uniformsNeedUpdate = true;
  }
}

/** A camera that stands where it is told. */
function ownCamera(): PerspectiveCamera {
  const camera = new PerspectiveCamera();
  camera.matrixAutoUpdate = false;
  camera.matrixWorldAutoUpdate = false;
  return camera;
}

/** Takes over an eye's pose and projection, in the room and in the patient. */
function aim(
  view: RayEye,
  { matrix, projectionMatrix, viewport }: XrEyeCamera,
  metresFromPatient: Matrix4,
  range: PerspectiveCamera,
): void {
  const { inScene, inPatient } = view;
  inScene.near = range.near;
  inScene.far = range.far;
  inScene.matrixWorld.copy(matrix);
  inScene.matrixWorldInverse.copy(matrix).invert();
  inScene.projectionMatrix.copy(projectionMatrix);
  inPatient.projectionMatrix.copy(projectionMatrix);
  const m = inPatient.matrixWorld.copy(metresFromPatient).invert().multiply(matrix).elements;
  const mmPerMetre = Math.sqrt(m[0] * m[0] + m[1] * m[1] + m[2] * m[2]);
  for (let k = 0; k < 12; k += 1) m[k] = (m[k] as number) / mmPerMetre;
  inPatient.matrixWorldInverse.copy(inPatient.matrixWorld).invert();
  view.scenePerMm = 1 / mmPerMetre;
  view.width = viewport.z;
  view.height = viewport.w;
}
