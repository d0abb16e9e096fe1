import { Data3DTexture, Mesh, OrthographicCamera, PlaneGeometry, Scene, type WebGLRenderer } from 'three';
import { identity4 } from '../math/index.js';
import { SliceMaterial } from './slice-material.js';
import { type VolumeTexture, volumeFormat } from './volume-texture.js';

/** How far past half-way between two voxels of 0 and 1 it is asked, and how many times that is magnified. */
const PAST = 1 / 1024;
const TIMES = 256;

/**
 * Asks whether this GPU interpolates float textures to full precision, by drawing one pixel of a slice.
 *
 * Many place a sample between two texels in steps of 1/256 only. Between air and bone a step is 8 HU: several grey levels of a narrow
 * window. Where that is so the shader interpolates by itself.
 *
 * The pixel is drawn into a corner of the canvas, by the very program that a slice has where the GPU filters: the GPU compiles it
 * meanwhile, and what that took is not lost.
 */
export class FilterProbe {
  readonly #renderer: WebGLRenderer;
  readonly #pair = new Data3DTexture(Float32Array.of(0, 1), 2, 1, 1);
  readonly #slice = new SliceMaterial();
  readonly #quad = new Mesh(new PlaneGeometry(2, 2), this.#slice.material);

  /** Asks. The canvas is to be drawn over after that, and its viewport and scissor are to be set. */
  constructor(renderer: WebGLRenderer) {
    this.#renderer = renderer;
    volumeFormat(this.#pair, false, true);
    this.#pair.needsUpdate = true;
    const uploaded: VolumeTexture = { texture: this.#pair, storedPerTexel: 1, manualFilter: false, smooth: true };
    this.#slice.fillView = true;
    this.#slice.setVolume({ size: [2, 1, 1], frameFromIndex: identity4() }, uploaded);
    this.#slice.setGrey(TIMES, 0.25 - TIMES * (0.5 + PAST));
    this.#slice.setPlane([0.5 + PAST, 0, 0], [0, 0, 0], [0, 0, 0]);
    this.#quad.frustumCulled = false;
    renderer.setScissorTest(true);
    renderer.setScissor(0, 0, 1, 1);
    renderer.setViewport(0, 0, 1, 1);
    renderer.render(new Scene().add(this.#quad), new OrthographicCamera());
  }

  /** The answer, to be taken in the task that asked; waits for the GPU. */
  exact(): boolean {
    const gl = this.#renderer.getContext();
    const pixel = new Uint8Array(4);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    // A quarter of the range where it is exact; none or half of it where the step is 1/256.
    return Math.abs((pixel[0] as number) - 64) <= 4;
  }

  /** Not before a slice was drawn: the program goes with the last that uses it. */
  dispose(): void {
    for (const used of [this.#pair, this.#slice.material, this.#quad.geometry]) used.dispose();
  }
}
