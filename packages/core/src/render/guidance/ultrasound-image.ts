import {
  DataTexture,
  LinearFilter,
  NoColorSpace,
  RedFormat,
  RGBAFormat,
  type Texture,
  UnsignedByteType,
  type WebGLRenderer,
} from 'three';
import { NavError } from '../../base/index.js';

/** So many frames may come between two pictures before the whole texture goes up again. */
const HISTORY = 16;

/** What an image is made of: one byte a pixel, or four (red, green, blue, alpha). */
export type UltrasoundFormat = 'grey' | 'rgba';

/** Some rows of an image. */
export interface RowRange {
  /** The first row, from 0. */
  readonly first: number;
  readonly count: number;
}

/**
 * The pixels of a live ultrasound image, one buffer and one texture for all its frames. Pixel (column i, row j) is at
 * `i + width · j`; rows run away from the probe. Frames are copied in; nothing is allocated, on the GPU neither.
 */
export class UltrasoundImage {
  readonly width: number;
  readonly height: number;
  readonly format: UltrasoundFormat;
  /** The pixels as last given. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly texture: DataTexture;
  /** Raised with every frame or part of one. */
  revision = 0;
  readonly #at = Float64Array.of(Number.NaN);
  /** The rows of the last frames, by revision: first, and one after the last. */
  readonly #history = new Int32Array(2 * HISTORY);
  /** The revision that each renderer has: two stages may show one image. */
  readonly #seen = new WeakMap<WebGLRenderer, number>();

  /** @throws NavError `pose/bad-option` for a size that is not whole, or above 4096 each way */
  constructor(width: number, height: number, format: UltrasoundFormat = 'grey') {
    if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0 && Math.max(width, height) <= 4096)) {
      throw new NavError(
        'pose/bad-option',
        `An ultrasound image needs whole sides of 1 to 4096 pixels, got ${width} × ${height}.`,
      );
    }
    this.width = width;
    this.height = height;
    this.format = format;
    this.pixels = new Uint8Array(width * height * this.channels);
    this.texture = new DataTexture(this.pixels, width, height, format === 'grey' ? RedFormat : RGBAFormat, UnsignedByteType);
    this.texture.colorSpace = NoColorSpace;
    this.texture.minFilter = LinearFilter;
    this.texture.magFilter = LinearFilter;
    this.texture.generateMipmaps = false;
    this.texture.flipY = false;
    this.texture.unpackAlignment = 1;
  }

  /** Bytes a pixel. */
  get channels(): number {
    return this.format === 'grey' ? 1 : 4;
  }

  /** When the frame was taken, ms of the poses' clock, in one number; NaN before the first. */
  get takenAt(): ArrayLike<number> {
    return this.#at;
  }

  /**
   * Takes over a frame, or some rows of it. Copies it, and allocates nothing.
   * @param pixels of the frame, or of the rows alone
   * @param at one number: when it was taken, ms of the poses' clock
   * @throws NavError `math/wrong-shape` where the pixels are not as many as the rows have
   */
  update(pixels: Uint8Array | Uint8ClampedArray, at: ArrayLike<number>, rows?: RowRange): void {
    const first = rows?.first ?? 0;
    const count = rows?.count ?? this.height;
    const stride = this.width * this.channels;
    const fits = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count > 0 && first + count <= this.height;
    if (!fits || pixels.length !== count * stride) {
      throw new NavError(
        'math/wrong-shape',
        `Rows ${first} to ${first + count - 1} of an image of ${this.width} × ${this.height} take ${count * stride} bytes, got ` +
          `${pixels.length}. Give whole rows, ${this.channels} byte(s) a pixel.`,
      );
    }
    this.pixels.set(pixels, first * stride);
    this.#at[0] = at[0] as number;
    this.revision += 1;
    const n = 2 * (this.revision % HISTORY);
    this.#history[n] = first;
    this.#history[n + 1] = first + count;
  }

  /** Brings the texture up to date with the rows that changed. Call it before drawing with the texture. */
  upload(renderer: WebGLRenderer): void {
    const seen = this.#seen.get(renderer) ?? Number.NEGATIVE_INFINITY;
    const handle = handleOf(renderer, this.texture);
    if (handle !== undefined && seen === this.revision) return;
    this.#seen.set(renderer, this.revision);
    if (handle === undefined || this.revision - seen > HISTORY) {
      this.texture.needsUpdate = true;
      renderer.initTexture(this.texture);
      return;
    }
    let from = this.height;
    let to = 0;
    for (let r = seen + 1; r <= this.revision; r += 1) {
      from = Math.min(from, this.#history[2 * (r % HISTORY)] as number);
      to = Math.max(to, this.#history[2 * (r % HISTORY) + 1] as number);
    }
    this.#uploadRows(renderer, handle, from, to);
  }

  dispose(): void {
    this.texture.dispose();
  }

  /** three's own updates of a part go row by row, with an object for each: this is one call for all. */
  #uploadRows(renderer: WebGLRenderer, handle: WebGLTexture, from: number, to: number): void {
    const gl = renderer.getContext() as WebGL2RenderingContext;
    const grey = this.format === 'grey';
    renderer.state.activeTexture(gl.TEXTURE0);
    renderer.state.bindTexture(gl.TEXTURE_2D, handle);
    // three remembers what it set: whatever that is, it must find it again.
    const alignment = gl.getParameter(gl.UNPACK_ALIGNMENT) as number;
    const flip = gl.getParameter(gl.UNPACK_FLIP_Y_WEBGL) as boolean;
    const premultiply = gl.getParameter(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL) as boolean;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    const format = grey ? gl.RED : gl.RGBA;
    const offset = from * this.width * this.channels;
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, from, this.width, to - from, format, gl.UNSIGNED_BYTE, this.pixels, offset);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, alignment);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, flip);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, premultiply);
  }
}

/** What three keeps of a texture; undefined where it keeps none, as after a lost context: then all of it goes up again. */
function handleOf(renderer: WebGLRenderer, texture: Texture): WebGLTexture | undefined {
  const kept = renderer.properties.get(texture) as { __webglTexture?: WebGLTexture };
  return kept.__webglTexture;
}
