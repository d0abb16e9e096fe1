import { DoubleSide, GLSL3, ShaderMaterial, Vector2, Vector3 } from 'three';
import { invert4, type Mat4, vec3 } from '../math/index.js';
import type { AnyVolume, WindowLevel } from '../volume/index.js';
import { uniform } from './uniform.js';
import type { VolumeTexture } from './volume-texture.js';

const VERTEX = /* glsl */ `
uniform vec3 uOrigin, uAlongX, uAlongY;
uniform bool uFillView;
out vec3 vIndex;
void main() {
  vIndex = uOrigin + position.x * uAlongX + position.y * uAlongY;
  gl_Position = uFillView ? vec4(position.xy, 1.0, 1.0) : projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`;

/** Index to texel: voxel centres are integers in an index and halves in a texture. */
const FRAGMENT = /* glsl */ `
precision highp float;
precision highp sampler3D;
uniform sampler3D uVolume;
uniform vec3 uSize;
uniform float uGain, uBias;
uniform vec2 uAir; // texel values: air below the first; below the second, too, where the window makes it black
in vec3 vIndex;
out vec4 colour;
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
float stored(vec3 index) { return texture(uVolume, (index + 0.5) / uSize).r; }
#endif
bool isAir(float value, float grey) {
  if (value > uAir.y) return false;
  if (grey < 0.06) return true;
  // Noise would leave specks of air and punch holes in the body: the mean of the neighbours decides.
  float sum = value;
  for (int axis = 0; axis < 3; axis += 1) {
    vec3 step = vec3(0.0);
    step[axis] = 1.5;
    sum += stored(vIndex + step) + stored(vIndex - step);
  }
  return sum < 7.0 * uAir.x;
}
void main() {
  if (any(lessThan(vIndex, vec3(-0.5))) || any(greaterThan(vIndex, uSize - 0.5))) discard;
  float value = stored(vIndex);
  if (isnan(value)) discard;
  float grey = clamp(value * uGain + uBias, 0.0, 1.0);
  if (uAir.x > -1e38 && isAir(value, grey)) discard;
  colour = vec4(vec3(grey), 1.0);
}`;

/**
 * The shader of one slice: a rectangle in the frame whose fragments know their index in the volume.
 *
 * The affine map from the rectangle to the index is made in doubles; the GPU only interpolates it. Outside the image
 * nothing is drawn: a border is never smeared.
 */
export class SliceMaterial {
  readonly material: ShaderMaterial;
  readonly #indexFromFrame: Mat4 = new Float64Array(16);
  readonly #index = vec3(0, 0, 0);

  constructor() {
    this.material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      side: DoubleSide,
      uniforms: {
        uVolume: { value: null },
        uSize: { value: new Vector3(1, 1, 1) },
        uOrigin: { value: new Vector3() },
        uAlongX: { value: new Vector3() },
        uAlongY: { value: new Vector3() },
        uGain: { value: 1 },
        uBias: { value: 0 },
        uAir: { value: new Vector2(-3e38, -3e38) },
        uFillView: { value: false },
      },
    });
  }

  /** Whether the rectangle is stretched over the whole viewport (a slice view) or lies in the scene. */
  set fillView(fill: boolean) {
    uniform<unknown>(this.material, 'uFillView').value = fill;
    this.material.depthTest = !fill;
    this.material.depthWrite = !fill;
  }

  /**
   * Leaves the air around a body out, as a slice in the 3D view needs; rescaled values.
   * @param surely air below this, however it is windowed
   * @param black air below this where the window makes it black
   */
  clearAir(v: AnyVolume, uploaded: VolumeTexture, surely: number, black: number): void {
    const texel = (value: number): number => (value - v.rescale.intercept) / (v.rescale.slope * uploaded.storedPerTexel);
    uniform<Vector2>(this.material, 'uAir').value.set(texel(surely), texel(black));
  }

  /** Takes a volume and its texture. */
  setVolume(v: AnyVolume, uploaded: VolumeTexture): void {
    invert4(this.#indexFromFrame, v.frameFromIndex);
    uniform<unknown>(this.material, 'uVolume').value = uploaded.texture;
    uniform<Vector3>(this.material, 'uSize').value.set(...v.size);
    const manual = uploaded.manualFilter;
    if (manual !== 'MANUAL_FILTER' in this.material.defines) {
      if (manual) this.material.defines['MANUAL_FILTER'] = 1;
      else delete this.material.defines['MANUAL_FILTER'];
      this.material.needsUpdate = true;
    }
  }

  /** grey = texel · gain + bias: rescale, window and texel scale folded into two numbers, in doubles. */
  setWindow(v: AnyVolume, uploaded: VolumeTexture, window: WindowLevel): void {
    uniform<unknown>(this.material, 'uGain').value = (v.rescale.slope * uploaded.storedPerTexel) / window.width;
    uniform<unknown>(this.material, 'uBias').value = (v.rescale.intercept - window.level) / window.width + 0.5;
  }

  /**
   * Where the rectangle lies, mm in the volume's frame.
   * @param origin its middle
   * @param alongX from the middle to the right edge
   * @param alongY from the middle to the upper edge
   */
  setPlane(origin: ArrayLike<number>, alongX: ArrayLike<number>, alongY: ArrayLike<number>): void {
    this.#set('uOrigin', origin, 1);
    this.#set('uAlongX', alongX, 0);
    this.#set('uAlongY', alongY, 0);
  }

  #set(name: string, v: ArrayLike<number>, w: 0 | 1): void {
    const m = this.#indexFromFrame;
    const i = this.#index;
    for (let k = 0; k < 3; k += 1) {
      i[k] =
        (m[k] as number) * (v[0] as number) +
        (m[4 + k] as number) * (v[1] as number) +
        (m[8 + k] as number) * (v[2] as number) +
        w * (m[12 + k] as number);
    }
    uniform<Vector3>(this.material, name).value.set(i[0] as number, i[1] as number, i[2] as number);
  }
}
