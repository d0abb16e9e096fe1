import {
  Camera,
  DepthTexture,
  LinearFilter,
  type Object3D,
  type PerspectiveCamera,
  RedFormat,
  type Scene,
  type Texture,
  UnsignedIntType,
  UnsignedShortType,
  type WebGLRenderer,
  WebGLRenderTarget,
} from 'three';

/** The layer of what hides the volume: the last of three's 32, which an application is least likely to use. */
export const OPAQUE_LAYER = 31;

/** The rays' picture that is shown, the one that is being refined, and the depths where both end. */
export class RayPictures {
  #depth: WebGLRenderTarget | undefined;
  /** What three would have left out, and is not left out while depths are drawn. */
  readonly #kept: (Object3D | undefined)[] = [];
  #keptCount = 0;
  readonly #anyCamera = new Camera();
  /** The planes that the scene's camera begins and ends with. */
  readonly #range = new Float64Array(2);
  #shown = target();
  #fine = target();

  /** What is to be laid over the scene. */
  get shown(): Texture {
    return this.#shown.texture;
  }

  /** As last drawn by {@link drawDepth}. */
  get depth(): Texture | null {
    return this.#depth?.depthTexture ?? null;
  }

  /**
   * Draws the depths of what is opaque in the scene.
   *
   * Sixteen bits do, where the GPU clamps what lies before `reach` to its near end and does not cut it away (EXT_depth_clamp): half a step of a
   * depth z from n to f is z²(f − n) / (2¹⁷ f n), a few micrometres for an eye outside the volume, and at most about a pixel's width within it.
   * Elsewhere they are 24, from the camera's own near plane.
   * @param camera of a projection that need not be symmetrical; its near and far are the scene's
   * @param reach the nearest and farthest depth of the volume, in the scene's unit; the first becomes that which the picture begins with
   */
  drawDepth(
    renderer: WebGLRenderer,
    scene: Scene,
    camera: PerspectiveCamera,
    width: number,
    height: number,
    reach: Float64Array,
  ): void {
    const clamps = renderer.extensions.has('EXT_depth_clamp');
    this.#depth ??= depthTarget(clamps);
    this.#depth.setSize(width, height);
    const own = this.#range;
    own[0] = camera.near;
    own[1] = camera.far;
    reach[0] = clamps ? Math.max(own[0], reach[0] as number) : own[0];
    reach[1] = Math.max(1.001 * (reach[0] as number), reach[1] as number);
    const gl = renderer.getContext();
    renderer.setClearColor(0x000000, 0);
    renderer.setRenderTarget(this.#depth);
    renderer.clear();
    setRange(camera, reach);
    camera.layers.set(OPAQUE_LAYER);
    if (clamps) gl.enable(DEPTH_CLAMP);
    scene.traverseVisible(this.#keep);
    renderer.render(scene, camera);
    this.#letGo();
    if (clamps) gl.disable(DEPTH_CLAMP);
    camera.layers.set(0);
    setRange(camera, own);
    renderer.setRenderTarget(null);
  }

  /** three leaves out what lies before the near plane, but that hides the volume. */
  readonly #keep = (object: Object3D): void => {
    if (!object.frustumCulled) return;
    object.frustumCulled = false;
    this.#kept[this.#keptCount] = object;
    this.#keptCount += 1;
  };

  /** The list stays as long as it was: one that is emptied would be allocated anew with every frame. */
  #letGo(): void {
    for (let n = 0; n < this.#keptCount; n += 1) {
      (this.#kept[n] as Object3D).frustumCulled = true;
      this.#kept[n] = undefined;
    }
    this.#keptCount = 0;
  }

  /** Draws the whole picture, which is shown from now on. */
  draw(renderer: WebGLRenderer, rays: Scene, width: number, height: number): void {
    this.#shown.setSize(width, height);
    this.#into(renderer, this.#shown, rays);
  }

  /** Makes room for a fine picture. */
  beginFine(width: number, height: number): void {
    this.#fine.setSize(width, height);
  }

  /** Draws some rows of the fine picture. */
  drawBand(renderer: WebGLRenderer, rays: Scene, from: number, rows: number): void {
    const fine = this.#fine;
    fine.scissorTest = true;
    fine.scissor.set(0, from, fine.width, rows);
    this.#into(renderer, fine, rays);
    fine.scissorTest = false;
  }

  /** The fine picture is whole: shows it. */
  showFine(): void {
    const before = this.#shown;
    this.#shown = this.#fine;
    this.#fine = before;
  }

  /** Gives the GPU's memory back; what is drawn again makes it anew. */
  free(): void {
    this.#depth?.dispose();
    this.#shown.dispose();
    this.#fine.dispose();
  }

  #into(renderer: WebGLRenderer, picture: WebGLRenderTarget, rays: Scene): void {
    renderer.setClearColor(0x000000, 0);
    renderer.setRenderTarget(picture);
    renderer.clear();
    renderer.render(rays, this.#anyCamera);
    renderer.setRenderTarget(null);
  }
}

/** DEPTH_CLAMP_EXT (EXT_depth_clamp). */
const DEPTH_CLAMP = 0x864f;

/** Other planes to begin and end with, whatever the projection's sides. They come in an array: doubles passed on are allocated. */
function setRange(camera: PerspectiveCamera, range: Float64Array): void {
  const near = range[0] as number;
  const far = range[1] as number;
  camera.near = near;
  camera.far = far;
  const m = camera.projectionMatrix.elements;
  m[10] = -(far + near) / (far - near);
  m[14] = (-2 * far * near) / (far - near);
  camera.projectionMatrixInverse.copy(camera.projectionMatrix).invert();
}

/** Its colours are of no use, but three draws into no target without: the smallest there are. */
function depthTarget(clamps: boolean): WebGLRenderTarget {
  const depthTexture = new DepthTexture(1, 1, clamps ? UnsignedShortType : UnsignedIntType);
  return new WebGLRenderTarget(1, 1, { depthTexture, format: RedFormat });
}

function target(): WebGLRenderTarget {
  return new WebGLRenderTarget(1, 1, { depthBuffer: false, minFilter: LinearFilter, magFilter: LinearFilter });
}
