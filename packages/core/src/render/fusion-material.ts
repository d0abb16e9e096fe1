import { Color } from 'three';
import { determinant3 } from '../math/index.js';
import type { FusionMode, WholeLook } from './fusion.js';
import { PALETTE, rgb } from './palette.js';
import { dot, type PlaneView } from './planes.js';
import { setDefine, uniform } from './uniform.js';
import { STORED_GLSL, VolumeMaterial } from './volume-material.js';

const VERTEX = /* glsl */ `
uniform vec3 uOrigin, uAlongX, uAlongY;
uniform vec4 uView; // half the view each way, length of a step, and from pixel to pixel: mm
out vec3 vIndex;
out vec2 vMm; // on the plane, right and up of the view's middle
void main() {
  vIndex = uOrigin + position.x * uAlongX + position.y * uAlongY;
  vMm = position.xy * uView.xy;
  gl_Position = vec4(position.xy, 1.0, 1.0);
}`;

/**
 * Outlines: the size of the gradient within the plane where it is largest along its own direction (Canny 1986, without
 * the tracing), from central differences of one voxel or one pixel, whichever is more. They take twelve samples, and are
 * compiled only where they are drawn.
 */
const FRAGMENT = /* glsl */ `
${STORED_GLSL}
uniform int uMode;
uniform float uFraction, uSquareMm, uEdge;
uniform vec4 uView;
uniform vec2 uSquaresFrom;
uniform vec3 uSpy; // right and up of the view's middle, radius: mm
uniform vec3 uRight, uUp; // a step on the plane, as index coordinates
uniform vec3 uTint, uEdgeColour, uAbsent;
in vec3 vIndex;
in vec2 vMm;
out vec4 colour;
#ifdef OUTLINES
vec2 slope(vec3 at) {
  return vec2(stored(at + uRight) - stored(at - uRight), stored(at + uUp) - stored(at - uUp)) *
    (uGain / (2.0 * uView.z));
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
void main() {
  float a = outline();
  if (!(a > 0.0)) discard;
  colour = vec4(uEdgeColour, a);
}
#else
float share() {
  if (uMode == 0) return uFraction;
  if (uMode == 1) {
    vec2 square = floor((vMm + uSquaresFrom) / uSquareMm);
    return mod(square.x + square.y, 2.0);
  }
  return step(distance(vMm, uSpy.xy), uSpy.z);
}
float rim() { return uMode == 3 ? clamp(1.25 - abs(distance(vMm, uSpy.xy) - uSpy.z) / uView.w, 0.0, 1.0) : 0.0; }
void main() {
  float a = share();
  float edge = rim();
  if (a == 0.0 && edge == 0.0) discard;
  vec3 second = uAbsent;
  if (!outside(vIndex)) {
    float value = stored(vIndex);
    if (!isnan(value)) second = uTint * clamp(value * uGain + uBias, 0.0, 1.0);
  }
  colour = vec4(mix(second, uEdgeColour, edge), max(a, edge));
}
#endif`;

const MODE_NUMBER: Readonly<Record<FusionMode, number>> = { blend: 0, checkerboard: 1, edges: 2, spyglass: 3 };

/** The shader of a second volume, drawn over a slice of the first: how much of it, by the mode, is its opacity. */
export class FusionMaterial extends VolumeMaterial {
  readonly #moving: MovingUniforms;
  #voxelMm = 1;
  #squareMm = 20;

  constructor() {
    const moving = movingUniforms();
    super(VERTEX, FRAGMENT, {
      uMode: { value: 0 },
      uFraction: { value: 0.5 },
      uSquareMm: { value: 20 },
      uEdge: { value: 1 },
      uTint: { value: new Color() },
      uEdgeColour: { value: new Color() },
      uAbsent: { value: new Color().fromArray(rgb(PALETTE.background)) },
      uView: { value: moving.view },
      uSquaresFrom: { value: moving.squaresFrom },
      uSpy: { value: moving.spy },
      uRight: { value: moving.right },
      uUp: { value: moving.up },
    });
    this.#moving = moving;
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
    setDefine(material, 'OUTLINES', look.mode === 'edges');
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
    const { view, squaresFrom, right: stepRight, up: stepUp } = this.#moving;
    const stepMm = Math.max(plane.mmPerPx, this.#voxelMm);
    view[0] = (plane.mmPerPx * plane.width) / 2;
    view[1] = (plane.mmPerPx * plane.height) / 2;
    view[2] = stepMm;
    view[3] = plane.mmPerPx;
    const period = 2 * this.#squareMm;
    squaresFrom[0] = dot(right, plane.centre);
    squaresFrom[1] = dot(up, plane.centre);
    for (let k = 0; k < 2; k += 1) {
      const mm = squaresFrom[k] as number;
      squaresFrom[k] = mm - period * Math.floor(mm / period);
    }
    this.toIndex(stepRight, right, 0);
    this.toIndex(stepUp, up, 0);
    for (let k = 0; k < 3; k += 1) {
      stepRight[k] = (stepRight[k] as number) * stepMm;
      stepUp[k] = (stepUp[k] as number) * stepMm;
    }
  }

  /** Where the spyglass lies: px from the view's upper left corner, and its radius in px. */
  setSpyglass(plane: PlaneView, x: number, y: number, radiusPx: number): void {
    const mm = plane.mmPerPx;
    const { spy } = this.#moving;
    spy[0] = (x - plane.width / 2) * mm;
    spy[1] = (plane.height / 2 - y) * mm;
    spy[2] = radiusPx * mm;
  }
}

/** What the shader is given with every frame: in arrays, so that nothing is allocated. */
interface MovingUniforms {
  readonly view: Float32Array;
  readonly squaresFrom: Float32Array;
  readonly spy: Float32Array;
  readonly right: Float32Array;
  readonly up: Float32Array;
}

function movingUniforms(): MovingUniforms {
  return {
    view: new Float32Array(4),
    squaresFrom: new Float32Array(2),
    spy: new Float32Array(3),
    right: new Float32Array(3),
    up: new Float32Array(3),
  };
}
