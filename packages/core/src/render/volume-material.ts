import { DoubleSide, GLSL3, type IUniform, ShaderMaterial } from 'three';
import { invert4, type Mat4 } from '../math/index.js';
import type { AnyVolume, WindowLevel } from '../volume/index.js';
import { setDefine, uniform } from './uniform.js';
import type { VolumeTexture } from './volume-texture.js';

/** How a shader reads a volume: `stored(index)`, trilinear, by the GPU or by itself; `uGain` and `uBias` make grey of it. */
export const STORED_GLSL = /* glsl */ `
precision highp float;
precision highp sampler3D;
uniform sampler3D uVolume;
uniform vec3 uSize;
uniform float uGain, uBias;
#ifdef MANUAL_FILTER
float texel(ivec3 at) { return texelFetch(uVolume, at, 0).r; }
float stored(vec3 index) {
  vec3 p = clamp(index, vec3(0.0), uSize - 1.0);
  ivec3 a = ivec3(floor(p));
  ivec3 b = min(a + 1, ivec3(uSize) - 1);
  vec3 f = p - vec3(a);
  vec4 x = mix(
    vec4(texel(a), texel(ivec3(a.x, b.y, a.z)), texel(ivec3(a.x, a.y, b.z)), texel(ivec3(a.x, b.y, b.z))),
    vec4(texel(ivec3(b.x, a.y, a.z)), texel(ivec3(b.x, b.y, a.z)), texel(ivec3(b.x, a.y, b.z)), texel(b)), f.x);
  vec2 y = mix(x.xz, x.yw, f.y);
  return mix(y.x, y.y, f.z);
}
#else
// Index to texel: voxel centres are integers in an index and halves in a texture.
float stored(vec3 index) { return texture(uVolume, (index + 0.5) / uSize).r; }
#endif
bool outside(vec3 index) { return any(lessThan(index, vec3(-0.5))) || any(greaterThan(index, uSize - 0.5)); }`;

/**
 * A material that cuts a volume: a rectangle whose fragments know their index in it.
 *
 * The affine map from the rectangle to the index is made in doubles; the GPU only interpolates it.
 */
export class VolumeMaterial {
  readonly material: ShaderMaterial;
  readonly #indexFromFrame: Mat4 = new Float64Array(16);
  readonly #origin = new Float32Array(3);
  /** From the rectangle's middle to its right and its upper edge, as index coordinates. */
  readonly alongX: Float32Array = new Float32Array(3);
  readonly alongY: Float32Array = new Float32Array(3);

  constructor(vertexShader: string, fragmentShader: string, uniforms: Record<string, IUniform>) {
    this.material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader,
      fragmentShader,
      side: DoubleSide,
      uniforms: {
        uVolume: { value: null },
        uSize: { value: Float32Array.of(1, 1, 1) },
        uOrigin: { value: this.#origin },
        uAlongX: { value: this.alongX },
        uAlongY: { value: this.alongY },
        uGain: { value: 1 },
        uBias: { value: 0 },
        ...uniforms,
      },
    });
  }

  /** Takes a volume and its texture. */
  setVolume(v: Pick<AnyVolume, 'size' | 'frameFromIndex'>, uploaded: VolumeTexture): void {
    this.setGrid(v.frameFromIndex);
    uniform<unknown>(this.material, 'uVolume').value = uploaded.texture;
    uniform<Float32Array>(this.material, 'uSize').value.set(v.size);
    setDefine(this.material, 'MANUAL_FILTER', uploaded.manualFilter);
  }

  /** Where the volume's grid lies: mm in the frame of {@link setPlane} from an index, 4×4 column-major, invertible. */
  setGrid(frameFromIndex: ArrayLike<number>): void {
    invert4(this.#indexFromFrame, frameFromIndex);
  }

  /** grey = texel · gain + bias: rescale, window and texel scale folded into two numbers, in doubles. */
  setWindow(v: AnyVolume, uploaded: VolumeTexture, window: WindowLevel): void {
    const { slope, intercept } = v.rescale;
    this.setGrey((slope * uploaded.storedPerTexel) / window.width, (intercept - window.level) / window.width + 0.5);
  }

  /** grey = texel · gain + bias, from 0 (black) to 1. */
  setGrey(gain: number, bias: number): void {
    uniform<number>(this.material, 'uGain').value = gain;
    uniform<number>(this.material, 'uBias').value = bias;
  }

  /**
   * Where the rectangle lies, mm in the frame of the grid.
   * @param origin its middle
   * @param alongX from the middle to the right edge
   * @param alongY from the middle to the upper edge
   */
  setPlane(origin: ArrayLike<number>, alongX: ArrayLike<number>, alongY: ArrayLike<number>): void {
    this.toIndex(this.#origin, origin, 1);
    this.toIndex(this.alongX, alongX, 0);
    this.toIndex(this.alongY, alongY, 0);
  }

  /** A place (`w` 1) or a direction (0) of the frame, mm, as index coordinates; into what a shader is given. */
  protected toIndex(out: Float32Array, v: ArrayLike<number>, w: 0 | 1): void {
    const m = this.#indexFromFrame;
    for (let k = 0; k < 3; k += 1) {
      out[k] =
        (m[k] as number) * (v[0] as number) +
        (m[4 + k] as number) * (v[1] as number) +
        (m[8 + k] as number) * (v[2] as number) +
        w * (m[12 + k] as number);
    }
  }
}
