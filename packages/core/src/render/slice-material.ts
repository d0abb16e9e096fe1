import { Vector2 } from 'three';
import type { AnyVolume } from '../volume/index.js';
import type { Slab } from './slab.js';
import { setDefine, uniform } from './uniform.js';
import { STORED_GLSL, VolumeMaterial } from './volume-material.js';
import type { VolumeTexture } from './volume-texture.js';

const VERTEX = /* glsl */ `
uniform vec3 uOrigin, uAlongX, uAlongY;
uniform bool uFillView;
out vec3 vIndex;
void main() {
  vIndex = uOrigin + position.x * uAlongX + position.y * uAlongY;
  gl_Position = uFillView ? vec4(position.xy, 1.0, 1.0) : projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`;

/**
 * What a slice does not need is left out before it is compiled: a GPU that runs both sides of a branch for a group of pixels, as one made
 * of software does, would sample the neighbours for the air seven times over in every slice that keeps it.
 */
const FRAGMENT = /* glsl */ `
${STORED_GLSL}
in vec3 vIndex;
out vec4 colour;
#ifdef SLAB
uniform vec3 uAcross; // from one sample to the next, index
uniform int uSamples;
uniform int uSlabMode; // 0 max, 1 min, 2 mean
// False where there is no image: told by a flag, for not every GPU keeps a NaN that a shader made.
bool sampled(out float value) {
  value = 0.0;
  float count = 0.0;
  for (int n = 0; n < uSamples; n += 1) {
    vec3 at = vIndex + float(n - uSamples / 2) * uAcross;
    if (outside(at)) continue;
    float one = stored(at);
    if (isnan(one)) continue;
    value = count == 0.0 ? one : uSlabMode == 0 ? max(value, one) : uSlabMode == 1 ? min(value, one) : value + one;
    count += 1.0;
  }
  if (uSlabMode == 2) value /= max(count, 1.0);
  return count > 0.0;
}
#else
bool sampled(out float value) {
  value = stored(vIndex);
  return !outside(vIndex) && !isnan(value);
}
#endif
#ifdef AIR
uniform vec2 uAir; // texel values: air below the first; below the second, too, where the window makes it black
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
#endif
void main() {
  float value;
  if (!sampled(value)) discard;
  float grey = clamp(value * uGain + uBias, 0.0, 1.0);
#ifdef AIR
  if (isAir(value, grey)) discard;
#endif
  colour = vec4(vec3(grey), 1.0);
}`;

/**
 * The shader of one slice: a rectangle in the frame, over the whole view or standing in the scene. Outside the image
 * nothing is drawn: a border is never smeared.
 */
export class SliceMaterial extends VolumeMaterial {
  readonly #across: Float32Array;

  constructor() {
    const across = new Float32Array(3);
    super(VERTEX, FRAGMENT, {
      uAir: { value: new Vector2() },
      uFillView: { value: false },
      uAcross: { value: across },
      uSamples: { value: 1 },
      uSlabMode: { value: 0 },
    });
    this.#across = across;
  }

  /** Whether the rectangle is stretched over the whole viewport (a slice view) or lies in the scene. */
  set fillView(fill: boolean) {
    uniform<unknown>(this.material, 'uFillView').value = fill;
    this.material.depthTest = !fill;
    this.material.depthWrite = !fill;
  }

  /**
   * Makes a slab of the slice, or one plane again.
   * @param falling a rescale slope below 0: the highest value is then the lowest stored one
   */
  setSlab(slab: Slab | undefined, samples: number, falling: boolean): void {
    setDefine(this.material, 'SLAB', slab !== undefined);
    uniform<number>(this.material, 'uSamples').value = samples;
    const lowest = slab?.mode === (falling ? 'max' : 'min');
    uniform<number>(this.material, 'uSlabMode').value = slab?.mode === 'mean' ? 2 : lowest ? 1 : 0;
  }

  /**
   * Which way a slab reaches.
   * @param normal of the slice, of length 1
   * @param apart mm from one sample to the next
   */
  setAcross(normal: ArrayLike<number>, apart: number): void {
    const across = this.#across;
    this.toIndex(across, normal, 0);
    for (let k = 0; k < 3; k += 1) across[k] = (across[k] as number) * apart;
  }

  /**
   * Leaves the air around a body out, as a slice in the 3D view needs; rescaled values.
   * @param surely air below this, however it is windowed
   * @param black air below this where the window makes it black
   */
  clearAir(v: AnyVolume, uploaded: VolumeTexture, surely: number, black: number): void {
    const texel = (value: number): number => (value - v.rescale.intercept) / (v.rescale.slope * uploaded.storedPerTexel);
    setDefine(this.material, 'AIR', true);
    uniform<Vector2>(this.material, 'uAir').value.set(texel(surely), texel(black));
  }
}
