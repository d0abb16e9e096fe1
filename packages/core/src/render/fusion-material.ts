import { Color, Vector2, Vector3 } from 'three';
import { determinant3 } from '../math/index.js';
import type { FusionMode, WholeLook } from './fusion.js';
import { PALETTE, rgb } from './palette.js';
import { dot, type PlaneView } from './planes.js';
import { uniform } from './uniform.js';
import { STORED_GLSL, VolumeMaterial } from './volume-material.js';

const VERTEX = /* glsl */ `
uniform vec3 uOrigin, uAlongX, uAlongY;
uniform vec2 uHalfMm;
out vec3 vIndex;
out vec2 vMm; // on the plane, right and up of the view's middle
void main() {
  vIndex = uOrigin + position.x * uAlongX + position.y * uAlongY;
  vMm = position.xy * uHalfMm;
  gl_Position = vec4(position.xy, 1.0, 1.0);
}`;

/**
 * Outlines: the size of the gradient within the plane where it is largest along its own direction (Canny 1986, without
 * the tracing), from central differences of one voxel or one pixel, whichever is more.
 */
const FRAGMENT = /* glsl */ `
${STORED_GLSL}
uniform int uMode;
uniform float uFraction, uSquareMm, uEdge, uStepMm, uMmPerPx;
uniform vec2 uSquaresFrom;
uniform vec3 uSpy; // right and up of the view's middle, radius: mm
uniform vec3 uRight, uUp; // uStepMm of the plane, as index coordinates
uniform vec3 uTint, uEdgeColour, uAbsent;
in vec3 vIndex;
in vec2 vMm;
out vec4 colour;
vec2 slope(vec3 at) {
  return vec2(stored(at + uRight) - stored(at - uRight), stored(at + uUp) - stored(at - uUp)) *
    (uGain / (2.0 * uStepMm));
}
float outline() {
  if (outside(vIndex)) return 0.0;
  vec2 g = slope(vIndex);
  float size = length(g);
  if (!(size > uEdge)) return 0.0;
  vec2 along = g / size;
  vec3 ahead = along.x * uRight + along.y * uUp;
  float beside = max(length(slope(vIndex + ahead)), length(slope(vIndex - ahead)));
  return smoothstep(uEdge, 2.0 * uEdge, size) * smoothstep(1.0, 1.2, size / beside);
}
float share() {
  if (uMode == 0) return uFraction;
  if (uMode == 1) {
    vec2 square = floor((vMm + uSquaresFrom) / uSquareMm);
    return mod(square.x + square.y, 2.0);
  }
  return step(distance(vMm, uSpy.xy), uSpy.z);
}
float rim() { return uMode == 3 ? clamp(1.25 - abs(distance(vMm, uSpy.xy) - uSpy.z) / uMmPerPx, 0.0, 1.0) : 0.0; }
void main() {
  if (uMode == 2) {
    float a = outline();
    if (!(a > 0.0)) discard;
    colour = vec4(uEdgeColour, a);
    return;
  }
  float a = share();
  float edge = rim();
  if (a == 0.0 && edge == 0.0) discard;
  vec3 second = uAbsent;
  if (!outside(vIndex)) {
    float value = stored(vIndex);
    if (!isnan(value)) second = uTint * clamp(value * uGain + uBias, 0.0, 1.0);
  }
  colour = vec4(mix(second, uEdgeColour, edge), max(a, edge));
}`;

const MODE_NUMBER: Readonly<Record<FusionMode, number>> = { blend: 0, checkerboard: 1, edges: 2, spyglass: 3 };

/** The shader of a second volume, drawn over a slice of the first: how much of it, by the mode, is its opacity. */
export class FusionMaterial extends VolumeMaterial {
  #stepMm = 1;
  #voxelMm = 1;
  #squareMm = 20;

  constructor() {
    super(VERTEX, FRAGMENT, {
      uMode: { value: 0 },
      uFraction: { value: 0.5 },
      uSquareMm: { value: 20 },
      uSquaresFrom: { value: new Vector2() },
      uEdge: { value: 1 },
      uStepMm: { value: 1 },
      uMmPerPx: { value: 1 },
      uHalfMm: { value: new Vector2() },
      uSpy: { value: new Vector3() },
      uRight: { value: new Vector3() },
      uUp: { value: new Vector3() },
      uTint: { value: new Color() },
      uEdgeColour: { value: new Color() },
      uAbsent: { value: new Color().fromArray(rgb(PALETTE.background)) },
    });
    this.material.transparent = true;
    this.material.depthTest = false;
    this.material.depthWrite = false;
  }

  override setGrid(frameFromIndex: ArrayLike<number>): void {
    super.setGrid(frameFromIndex);
    this.#voxelMm = Math.cbrt(Math.abs(determinant3(frameFromIndex)));
  }

  /** Takes over a look. */
  setLook(look: WholeLook): void {
    const { material } = this;
    uniform<number>(material, 'uMode').value = MODE_NUMBER[look.mode];
    uniform<number>(material, 'uFraction').value = look.fraction;
    uniform<number>(material, 'uSquareMm').value = look.squareMm;
    uniform<number>(material, 'uEdge').value = look.edgePerMm;
    uniform<Color>(material, 'uTint').value.fromArray(rgb(look.colour));
    uniform<Color>(material, 'uEdgeColour').value.fromArray(rgb(look.edgeColour));
    this.#squareMm = look.squareMm;
  }

  /** Takes over what a view shows: for squares that stand still in the patient, and for steps from pixel to pixel. */
  setView(plane: PlaneView): void {
    const { right, up } = plane.axes;
    const half = plane.mmPerPx / 2;
    uniform<Vector2>(this.material, 'uHalfMm').value.set(half * plane.width, half * plane.height);
    uniform<number>(this.material, 'uMmPerPx').value = plane.mmPerPx;
    const period = 2 * this.#squareMm;
    const from = (axis: ArrayLike<number>): number => {
      const mm = dot(axis, plane.centre);
      return mm - period * Math.floor(mm / period);
    };
    uniform<Vector2>(this.material, 'uSquaresFrom').value.set(from(right), from(up));
    this.#stepMm = Math.max(plane.mmPerPx, this.#voxelMm);
    uniform<number>(this.material, 'uStepMm').value = this.#stepMm;
    this.toIndex('uRight', right, 0);
    this.toIndex('uUp', up, 0);
    uniform<Vector3>(this.material, 'uRight').value.multiplyScalar(this.#stepMm);
    uniform<Vector3>(this.material, 'uUp').value.multiplyScalar(this.#stepMm);
  }

  /** Where the spyglass lies: px from the view's upper left corner, and its radius in px. */
  setSpyglass(plane: PlaneView, x: number, y: number, radiusPx: number): void {
    const mm = plane.mmPerPx;
    uniform<Vector3>(this.material, 'uSpy').value.set((x - plane.width / 2) * mm, (plane.height / 2 - y) * mm, radiusPx * mm);
  }
}
