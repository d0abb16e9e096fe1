import {
  Camera,
  DepthTexture,
  LinearFilter,
  type PerspectiveCamera,
  type Scene,
  type Texture,
  UnsignedIntType,
  type WebGLRenderer,
  WebGLRenderTarget,
} from 'three';

/** The layer of what hides the volume: the last of three's 32, which an application is least likely to use. */
export const OPAQUE_LAYER = 31;

/** The rays' picture that is shown, the one that is being refined, and the depths where both end. */
export class RayPictures {
  readonly #depth = new WebGLRenderTarget(1, 1, { depthTexture: new DepthTexture(1, 1, UnsignedIntType) });
  readonly #anyCamera = new Camera();
  #shown = target();
  #fine = target();

  /** What is to be laid over the scene. */
  get shown(): Texture {
    return this.#shown.texture;
  }

  get depth(): Texture {
    return this.#depth.depthTexture as DepthTexture;
  }

  /** Draws the depths of what is opaque in the scene. */
  drawDepth(renderer: WebGLRenderer, scene: Scene, camera: PerspectiveCamera, width: number, height: number): void {
    this.#depth.setSize(width, height);
    renderer.setClearColor(0x000000, 0);
    renderer.setRenderTarget(this.#depth);
    renderer.clear();
    camera.layers.set(OPAQUE_LAYER);
    renderer.render(scene, camera);
    camera.layers.set(0);
    renderer.setRenderTarget(null);
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
    this.#depth.dispose();
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

function target(): WebGLRenderTarget {
  return new WebGLRenderTarget(1, 1, { depthBuffer: false, minFilter: LinearFilter, magFilter: LinearFilter });
}
