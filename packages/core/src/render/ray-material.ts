import {
  Data3DTexture,
  DataTexture,
  FloatType,
  GLSL3,
  Matrix3,
  Matrix4,
  type PerspectiveCamera,
  RedFormat,
  RGBAFormat,
  ShaderMaterial,
  type Texture,
  UnsignedByteType,
  Vector2,
  Vector3,
  Vector4,
} from 'three';
import { invert4, type Mat4 } from '../math/index.js';
import type { AnyVolume } from '../volume/index.js';
import { TABLE_SIZE, type TransferFunction, transferTable } from './transfer-function.js';
import { setDefine, uniform } from './uniform.js';
import { BLOCK_EDGE, blockCounts, emptyDistances, type VolumeBlocks } from './volume-blocks.js';
import { STORED_GLSL } from './volume-material.js';
import type { VolumeTexture } from './volume-texture.js';

const VERTEX = /* glsl */ `
uniform vec3 uForward, uRight, uUp; // mm; right and up reach the edges of a picture 1 mm from the eye
out vec3 vRay;
out vec2 vUv;
void main() {
  vRay = uForward + position.x * uRight + position.y * uUp;
  vUv = 0.5 * position.xy + 0.5;
  gl_Position = vec4(position.xy, 1.0, 1.0);
}`;

/**
 * Steps grow where little of them is seen (Danskin and Hanrahan 1992, β-acceleration): twice as long where a tenth is left to be seen, four times
 * where three hundredths are. With a hundredth left the ray ends, and that is taken to look as what lies before it.
 */
const SEEN = { twice: 0.1, fourfold: 0.03, end: 0.01 } as const;
const hidden = (seen: number): string => (1 - seen).toFixed(2);

/**
 * Emission and absorption, front to back, at the middles of steps counted from where the ray enters (Max 1995, eq. 8–10;
 * Levoy 1988 for the shading). What is passed over in empty blocks is a whole number of steps: the picture stays as it was, bit for bit but for
 * rounding, while the steps have one length; where they have grown it changes by less than a grey level.
 */
const FRAGMENT = /* glsl */ `
${STORED_GLSL}
precision highp sampler2D;
uniform sampler2D uTable, uDepth;
uniform sampler3D uBlocks;
uniform vec3 uBlockCount;
uniform mat3 uIndexFromFrame; // directions
uniform vec3 uEye; // index
uniform vec3 uForward;
uniform vec4 uClip; // n · index + d > 0 is cut away, mm
uniform vec2 uNearFar;
uniform vec2 uTableRange; // value at the table's beginning, tables a unit of value
uniform vec2 uRescale; // value = texel · x + y
uniform float uStepMm, uEdge, uJitter;
in vec3 vRay;
in vec2 vUv;
out vec4 colour;
#ifdef MANUAL_FILTER
#define value(at) (stored((at) * uSize - 0.5) * uRescale.x + uRescale.y)
#else
#define value(at) (texture(uVolume, at).r * uRescale.x + uRescale.y)
#endif
// The table's nearest entry, the first and the last beyond its ends: there are more of them than grey levels between any two.
vec4 transfer(float v) { return texture(uTable, vec2((v - uTableRange.x) * uTableRange.y, 0.5)); }
vec3 gradient(vec3 at) {
  vec3 e = 1.0 / uSize;
  vec3 g = vec3(
    value(at + vec3(e.x, 0.0, 0.0)) - value(at - vec3(e.x, 0.0, 0.0)),
    value(at + vec3(0.0, e.y, 0.0)) - value(at - vec3(0.0, e.y, 0.0)),
    value(at + vec3(0.0, 0.0, e.z)) - value(at - vec3(0.0, 0.0, e.z)));
  return 0.5 * g * uIndexFromFrame; // transposed: per mm in the frame
}
vec3 shaded(vec3 tint, vec3 at, vec3 ray) {
  vec3 g = gradient(at);
  float size = length(g);
  if (!(size > 0.0)) return tint;
  float facing = abs(dot(g, ray)) / size;
  float shine = 0.2 * pow(facing, 20.0);
  return mix(tint, tint * (0.25 + 0.75 * facing) + shine, smoothstep(0.0, uEdge, size));
}
// Where the ray leaves the cube of blocks about p, in its own length: those 'clear' blocks away and nearer, 1 for p's own.
float leaves(vec3 p, vec3 way, float from, vec3 block, int clear) {
  vec3 low = (block - float(clear - 1)) * ${BLOCK_EDGE.toFixed(1)} - 0.5;
  vec3 high = (block + float(clear)) * ${BLOCK_EDGE.toFixed(1)} - 0.5;
  vec3 t = (mix(low, high, step(0.0, way)) - p) / way;
  return from + min(t.x, min(t.y, t.z));
}
void main() {
  float perForward = length(vRay); // mm along the ray a mm of depth
  vec3 ray = vRay / perForward;
  vec3 way = uIndexFromFrame * ray; // index a mm
  way = mix(way, vec3(1e-7), lessThan(abs(way), vec3(1e-7)));
  vec3 a = (vec3(-0.5) - uEye) / way, b = (uSize - 0.5 - uEye) / way;
  vec3 near = min(a, b), far = max(a, b);
  float enter = max(max(near.x, near.y), max(near.z, 0.0));
  float leave = min(far.x, min(far.y, far.z));
  float depth = texture(uDepth, vUv).r;
  if (depth < 1.0) leave = min(leave, perForward * uNearFar.x * uNearFar.y / (uNearFar.y - depth * (uNearFar.y - uNearFar.x)));
  float height = dot(uClip.xyz, uEye) + uClip.w, rise = dot(uClip.xyz, way);
  if (rise > 0.0) leave = min(leave, -height / rise);
  else if (rise < 0.0) enter = max(enter, -height / rise);
  else if (height > 0.0) discard;
  if (!(enter < leave)) discard;
  float offset = uJitter == 0.0 ? 0.0 : -uJitter * fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715))));
  int steps = int(ceil((leave - enter) / uStepMm - offset));
  // Voxel centres are integers in an index and halves in a texture, which reaches from 0 to 1.
  vec3 eyeAt = (uEye + 0.5) / uSize, wayAt = way / uSize;
  vec4 sum = vec4(0.0);
  int n = 0, asked = 0; // the blocks are asked again from this step on
  while (n < steps) {
    int stride = sum.a > ${hidden(SEEN.fourfold)} ? 4 : sum.a > ${hidden(SEEN.twice)} ? 2 : 1;
    float from = enter + max(0.0, float(n) + offset) * uStepMm;
    float to = min(leave, enter + (float(n + stride) + offset) * uStepMm);
    float t = 0.5 * (from + to);
    if (n >= asked) {
      vec3 p = uEye + t * way;
      vec3 block = clamp(floor((p + 0.5) / ${BLOCK_EDGE.toFixed(1)}), vec3(0.0), uBlockCount - 1.0);
      int clear = int(texelFetch(uBlocks, ivec3(block), 0).r * 255.0 + 0.5);
      // The first step whose middle lies beyond; the next at least, or rounding at a face would stand still.
      asked = max(n + stride, int(ceil((leaves(p, way, t, block, max(clear, 1)) - enter) / uStepMm - offset - 0.5 * float(stride))));
      if (clear > 0) {
        n = asked;
        continue;
      }
    }
    n += stride;
    vec3 at = eyeAt + t * wayAt;
    float v = value(at);
    vec4 drawn = isnan(v) ? vec4(0.0) : transfer(v);
    if (drawn.a > 0.0) {
      float opacity = 1.0 - exp(-drawn.a * (to - from));
      #ifdef SHADING
      vec3 tint = shaded(drawn.rgb, at, ray);
#else
      vec3 tint = drawn.rgb;
#endif
      sum += (1.0 - sum.a) * opacity * vec4(min(tint, 1.0), 1.0);
      if (sum.a > ${hidden(SEEN.end)}) {
        sum /= sum.a;
        break;
      }
    }
  }
  colour = sum;
}`;

/** A gradient of so many of a transfer function's ranges a mm is shaded fully; flat noise below it hardly at all. */
export const EDGE_RANGES_PER_MM = 0.05;

/** The shader of the rays: one picture of a volume, red, green and blue times opacity, to be laid over what is there. */
export class RayMaterial {
  readonly material: ShaderMaterial;
  readonly #indexFromFrame: Mat4 = new Float64Array(16);
  readonly #toIndex = new Matrix4();
  readonly #directions = new Matrix3();
  #table: DataTexture | undefined;
  #blocks: Data3DTexture | undefined;

  constructor() {
    const uniforms: Record<string, { value: unknown }> = {
      uVolume: { value: null },
      uSize: { value: new Vector3(1, 1, 1) },
      uGain: { value: 1 },
      uBias: { value: 0 },
      uTable: { value: null },
      uDepth: { value: null },
      uBlocks: { value: null },
      uBlockCount: { value: new Vector3(1, 1, 1) },
      uIndexFromFrame: { value: null },
      uEye: { value: new Vector3() },
      uForward: { value: new Vector3() },
      uRight: { value: new Vector3() },
      uUp: { value: new Vector3() },
      uClip: { value: new Vector4() },
      uNearFar: { value: new Vector2(1, 2) },
      uTableRange: { value: new Vector2() },
      uRescale: { value: new Vector2() },
      uStepMm: { value: 1 },
      uEdge: { value: 1 },
      uJitter: { value: 0 },
    };
    this.material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms,
      depthTest: false,
      depthWrite: false,
    });
    uniform<Matrix3>(this.material, 'uIndexFromFrame').value = this.#directions;
  }

  /** Takes a volume, its texture, and how its values are drawn; no block is passed over until {@link setBlocks}. */
  setVolume(v: AnyVolume, uploaded: VolumeTexture, transfer: TransferFunction): void {
    const { material } = this;
    invert4(this.#indexFromFrame, v.frameFromIndex);
    this.#toIndex.fromArray(this.#indexFromFrame);
    this.#directions.setFromMatrix4(this.#toIndex);
    uniform<unknown>(material, 'uVolume').value = uploaded.texture;
    uniform<Vector3>(material, 'uSize').value.set(...v.size);
    uniform<Vector2>(material, 'uRescale').value.set(v.rescale.slope * uploaded.storedPerTexel, v.rescale.intercept);
    setDefine(material, 'MANUAL_FILTER', !uploaded.smooth);
    const first = (transfer[0] as TransferFunction[number]).value;
    const range = (transfer[transfer.length - 1] as TransferFunction[number]).value - first;
    // The middles of the first and last texel are the ends of the range.
    const half = range / (2 * (TABLE_SIZE - 1));
    uniform<Vector2>(material, 'uTableRange').value.set(first - half, 1 / (range + 2 * half));
    uniform<number>(material, 'uEdge').value = EDGE_RANGES_PER_MM * range;
    this.freeTextures();
    this.#table = new DataTexture(transferTable(transfer), TABLE_SIZE, 1, RGBAFormat, FloatType);
    this.#table.needsUpdate = true;
    uniform<unknown>(material, 'uTable').value = this.#table;
    const counts = blockCounts(v);
    this.#putBlocks(new Uint8Array(counts[0] * counts[1] * counts[2]), counts);
  }

  /** Passes over what is clear from now on: the same picture, sooner. */
  setBlocks(blocks: VolumeBlocks, v: AnyVolume, transfer: TransferFunction): void {
    this.#putBlocks(emptyDistances(blocks, transfer, v.rescale), blocks.size);
  }

  #putBlocks(distances: Uint8Array<ArrayBuffer>, size: readonly [number, number, number]): void {
    this.#blocks?.dispose();
    const texture = new Data3DTexture(distances, ...size);
    texture.format = RedFormat;
    texture.type = UnsignedByteType;
    texture.unpackAlignment = 1;
    texture.needsUpdate = true;
    this.#blocks = texture;
    uniform<unknown>(this.material, 'uBlocks').value = texture;
    uniform<Vector3>(this.material, 'uBlockCount').value.set(...size);
  }

  set shading(on: boolean) {
    setDefine(this.material, 'SHADING', on);
  }

  /**
   * The length of a step, mm, and how far the first of a pixel may lie off, in steps: 0, or 1 to turn the rings of a coarse step
   * into grain.
   */
  setStep(mm: number, jitter: 0 | 1): void {
    uniform<number>(this.material, 'uStepMm').value = mm;
    uniform<number>(this.material, 'uJitter').value = jitter;
  }

  /**
   * Where it is seen from, and the depths of what stands in the way.
   * @param camera rigid, mm of the frame. Its picture need not lie about its axis: an eye's in a headset does not
   * @param reach the depths that a picture of depths begins and ends with, mm
   */
  setCamera(camera: PerspectiveCamera, depth: Texture | null, reach: Float64Array): void {
    const { material } = this;
    const p = camera.projectionMatrix.elements;
    const right = uniform<Vector3>(material, 'uRight')
      .value.setFromMatrixColumn(camera.matrixWorld, 0)
      .multiplyScalar(1 / p[0]);
    const up = uniform<Vector3>(material, 'uUp')
      .value.setFromMatrixColumn(camera.matrixWorld, 1)
      .multiplyScalar(1 / p[5]);
    uniform<Vector3>(material, 'uForward')
      .value.setFromMatrixColumn(camera.matrixWorld, 2)
      .negate()
      .addScaledVector(right, p[8])
      .addScaledVector(up, p[9]);
    uniform<Vector2>(material, 'uNearFar').value.fromArray(reach);
    uniform<unknown>(material, 'uDepth').value = depth;
    uniform<Vector3>(material, 'uEye').value.setFromMatrixPosition(camera.matrixWorld).applyMatrix4(this.#toIndex);
  }

  /**
   * Cuts away what lies where n · p > offset, p in mm of the frame; n of any length. `undefined` cuts nothing.
   * @param frameFromIndex of the volume
   */
  setClip(n: ArrayLike<number> | undefined, offset: number, frameFromIndex: ArrayLike<number>): void {
    const clip = uniform<Vector4>(this.material, 'uClip').value;
    if (n === undefined) {
      clip.set(0, 0, 0, 0);
      return;
    }
    clip.set(along(n, frameFromIndex, 0), along(n, frameFromIndex, 4), along(n, frameFromIndex, 8), along(n, frameFromIndex, 12));
    clip.w -= offset;
  }

  dispose(): void {
    this.freeTextures();
    this.material.dispose();
  }

  /** Gives the table's and the blocks' memory on the GPU back. */
  freeTextures(): void {
    this.#table?.dispose();
    this.#blocks?.dispose();
  }
}

/** n · a column of a matrix. */
function along(n: ArrayLike<number>, m: ArrayLike<number>, c: 0 | 4 | 8 | 12): number {
  return (n[0] as number) * (m[c] as number) + (n[1] as number) * (m[c + 1] as number) + (n[2] as number) * (m[c + 2] as number);
}
