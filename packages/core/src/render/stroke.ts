import {
  BufferAttribute,
  DynamicDrawUsage,
  InstancedBufferAttribute,
  InstancedBufferGeometry,
  Mesh,
  type ShaderMaterial,
  Vector2,
  Vector3,
  Vector4,
} from 'three';
import { overlayMaterial } from './overlay-material.js';
import { type Dash, rgb } from './palette.js';
import { uniform } from './uniform.js';

/**
 * Lines of constant width on the screen, in device pixels, with a dark rim so that they read on bone as on air.
 *
 * The shader works on distances in pixels, so edges, dashes, hollow outlines and depth marks stay crisp at any zoom
 * and need no multisampling. GL's own lines are one pixel wide on most machines.
 */
const VERTEX = /* glsl */ `
in vec3 aStart, aEnd;
in float aArc;
uniform vec2 uViewport;
uniform float uReach;
out vec4 vPx; // along · w, across · w, length · w, w: pixels, interpolated linearly on the screen
out float vArc;
out vec3 vWorld;
flat out float vArcPx;
void main() {
  vec4 a = modelViewMatrix * vec4(aStart, 1.0);
  vec4 b = modelViewMatrix * vec4(aEnd, 1.0);
  float from = 0.0, to = 1.0;
  if (projectionMatrix[3][3] == 0.0) {
    // Perspective: what lies behind the near plane is cut off, for it would project upside down.
    float near = -1.001 * projectionMatrix[3][2] / (projectionMatrix[2][2] - 1.0);
    if (a.z > near && b.z > near) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
    if (a.z > near) from = (near - a.z) / (b.z - a.z);
    if (b.z > near) to = (near - a.z) / (b.z - a.z);
  }
  vec4 ca = projectionMatrix * mix(a, b, from);
  vec4 cb = projectionMatrix * mix(a, b, to);
  vec2 pa = ca.xy / ca.w * uViewport * 0.5;
  vec2 pb = cb.xy / cb.w * uViewport * 0.5;
  float len = distance(pa, pb);
  vec2 dir = len > 1e-4 ? (pb - pa) / len : vec2(1.0, 0.0);
  vec2 side = vec2(-dir.y, dir.x);
  bool end = position.x > 0.5;
  vec4 c = end ? cb : ca;
  float past = uReach * (position.x * 2.0 - 1.0);
  c.xy += (dir * past + side * position.y * uReach) / (uViewport * 0.5) * c.w;
  gl_Position = c;
  float along = (end ? len : 0.0) + past;
  vPx = vec4(along, position.y * uReach, len, 1.0) * c.w;
  float mm = distance(aStart, aEnd);
  float t = mix(from, to, len > 1e-4 ? along / len : 0.0);
  vArc = aArc + t * mm;
  vArcPx = mm > 0.0 ? aArc * len / (mm * (to - from)) : 0.0;
  vWorld = (modelMatrix * vec4(mix(aStart, aEnd, t), 1.0)).xyz;
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform vec3 uColour;
uniform float uHalf, uRim, uOpacity, uCap, uHollow;
uniform vec2 uDash, uBeyondDash;
uniform vec4 uPlane;
uniform float uSlab, uBeyondOpacity;
uniform vec3 uTick; // mm between marks, half their length and half their width in pixels
in vec4 vPx;
in float vArc;
in vec3 vWorld;
flat in float vArcPx;
out vec4 colour;
float dashed(float d, float s, vec2 dash) {
  if (dash.x <= 0.0) return d;
  float phase = abs(mod(s, dash.x + dash.y) - dash.x * 0.5) - dash.x * 0.5;
  return max(d, phase);
}
void main() {
  float along = vPx.x / vPx.w, across = abs(vPx.y / vPx.w), len = vPx.z / vPx.w;
  float over = max(max(-along, along - len), 0.0);
  float d = uCap > 0.5 ? length(vec2(over, across)) - uHalf : max(across - uHalf, max(-along, along - len));
  if (uHollow > 0.0) d = abs(d + uHollow * 0.5) - uHollow * 0.5;
  bool beyond = uSlab > 0.0 && abs(dot(uPlane, vec4(vWorld, 1.0))) > uSlab;
  float whole = d;
  d = dashed(d, vArcPx + along, beyond ? uBeyondDash : uDash);
  float mmPerPx = max(fwidth(vArc), 1e-6);
  if (uTick.x > 0.0 && uTick.x > 5.0 * mmPerPx && vArc > 0.5 * uTick.x && over == 0.0) {
    float n = floor(vArc / uTick.x + 0.5);
    bool major = mod(n, 5.0) < 0.5;
    float off = abs(vArc - n * uTick.x) / mmPerPx;
    d = min(d, max(off - (major ? 1.6 : 1.0) * uTick.z, across - (major ? uTick.y * 1.6 : uTick.y)));
  }
  float core = clamp(0.5 - d, 0.0, 1.0);
  // Beyond the plane the rim runs on under the gaps, or a line beneath would show as dashes of its own.
  float rim = clamp(0.5 - ((beyond ? min(d, whole) : d) - uRim), 0.0, 1.0) * 0.7;
  float alpha = max(core, rim) * uOpacity * (beyond ? uBeyondOpacity : 1.0);
  if (alpha < 0.004) discard;
  colour = vec4(uColour * core / max(core, rim), alpha);
}`;

/** What a stroke looks like, in device pixels. All have defaults: a solid 2 px line. */
export interface StrokeStyle {
  readonly colour?: string;
  readonly widthPx?: number;
  readonly opacity?: number;
  readonly dash?: Dash | undefined;
  /** Outline thickness of a hollow stroke; 0 fills it. */
  readonly hollowPx?: number;
  /** Round ends; else butt, so that the pieces of a polyline do not overlap. */
  readonly roundEnds?: boolean;
  /** Width of the dark rim. */
  readonly rimPx?: number;
  /** Marks across the line every so many mm from its start. 0: none. */
  readonly tickMm?: number;
  /** Half the length of a mark; a quarter of that is its width. */
  readonly tickHalfPx?: number;
  readonly depthTest?: boolean;
}

/** Line segments drawn with one call. */
export class Stroke {
  readonly object: Mesh<InstancedBufferGeometry, ShaderMaterial>;
  readonly #start: InstancedBufferAttribute;
  readonly #end: InstancedBufferAttribute;
  readonly #arc: InstancedBufferAttribute;
  #colour = '';

  /** @param capacity the most segments it will hold */
  constructor(capacity: number, style: StrokeStyle = {}) {
    const geometry = new InstancedBufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(Float32Array.of(0, -1, 0, 1, -1, 0, 0, 1, 0, 1, 1, 0), 3));
    geometry.setIndex([0, 1, 2, 2, 1, 3]);
    this.#start = new InstancedBufferAttribute(new Float32Array(3 * capacity), 3).setUsage(DynamicDrawUsage);
    this.#end = new InstancedBufferAttribute(new Float32Array(3 * capacity), 3).setUsage(DynamicDrawUsage);
    this.#arc = new InstancedBufferAttribute(new Float32Array(capacity), 1).setUsage(DynamicDrawUsage);
    geometry.setAttribute('aStart', this.#start);
    geometry.setAttribute('aEnd', this.#end);
    geometry.setAttribute('aArc', this.#arc);
    geometry.instanceCount = 0;
    this.object = new Mesh(geometry, strokeMaterial());
    this.object.frustumCulled = false;
    this.style(style);
  }

  /** Changes what is given and leaves the rest. `dash: undefined` makes it solid again. */
  style(s: StrokeStyle): void {
    const m = this.object.material;
    if (s.colour !== undefined && s.colour !== this.#colour) {
      this.#colour = s.colour;
      uniform<Vector3>(m, 'uColour').value.set(...rgb(s.colour));
    }
    if (s.widthPx !== undefined) uniform<number>(m, 'uHalf').value = s.widthPx / 2;
    if (s.opacity !== undefined) uniform<number>(m, 'uOpacity').value = s.opacity;
    if ('dash' in s) uniform<Vector2>(m, 'uDash').value.set(s.dash?.[0] ?? 0, s.dash?.[1] ?? 0);
    if (s.hollowPx !== undefined) uniform<number>(m, 'uHollow').value = s.hollowPx;
    if (s.roundEnds !== undefined) uniform<number>(m, 'uCap').value = s.roundEnds ? 1 : 0;
    if (s.rimPx !== undefined) uniform<number>(m, 'uRim').value = s.rimPx;
    if (s.tickMm !== undefined) uniform<Vector3>(m, 'uTick').value.x = s.tickMm;
    if (s.tickHalfPx !== undefined) uniform<Vector3>(m, 'uTick').value.y = s.tickHalfPx;
    if (s.tickHalfPx !== undefined) uniform<Vector3>(m, 'uTick').value.z = s.tickHalfPx / 8;
    if (s.depthTest !== undefined) m.depthTest = s.depthTest;
    const tick = uniform<Vector3>(m, 'uTick').value;
    uniform<number>(m, 'uReach').value =
      Math.max(uniform<number>(m, 'uHalf').value, tick.x > 0 ? tick.y * 1.6 : 0) + uniform<number>(m, 'uRim').value + 1;
  }

  /** The size of the viewport it is drawn in, device pixels. */
  viewport(width: number, height: number): void {
    uniform<Vector2>(this.object.material, 'uViewport').value.set(width, height);
  }

  /**
   * Draws what lies further than `slabMm` from a plane as dashes.
   * @param normal unit, and `offset` such that normal · p + offset = 0 on the plane
   */
  slab(normal: ArrayLike<number>, offset: number, slabMm: number, beyondDash: Dash, beyondOpacity = 0.75): void {
    const m = this.object.material;
    uniform<Vector4>(m, 'uPlane').value.set(normal[0] as number, normal[1] as number, normal[2] as number, offset);
    uniform<number>(m, 'uSlab').value = slabMm;
    uniform<Vector2>(m, 'uBeyondDash').value.set(beyondDash[0], beyondDash[1]);
    uniform<number>(m, 'uBeyondOpacity').value = beyondOpacity;
  }

  /** Segment `n` from (ax, ay, az) to (bx, by, bz), mm; `arc`: length before it, mm, where dashes must go on. */
  segment(n: number, ax: number, ay: number, az: number, bx: number, by: number, bz: number, arc = 0): void {
    this.#start.setXYZ(n, ax, ay, az);
    this.#end.setXYZ(n, bx, by, bz);
    this.#arc.setX(n, arc);
  }

  /** Shows the first `n` segments, as last set. */
  show(n: number): void {
    this.object.geometry.instanceCount = n;
    this.object.visible = n > 0;
    this.#start.needsUpdate = true;
    this.#end.needsUpdate = true;
    this.#arc.needsUpdate = true;
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}

function strokeMaterial(): ShaderMaterial {
  return overlayMaterial(VERTEX, FRAGMENT, {
    uViewport: { value: new Vector2(1, 1) },
    uColour: { value: new Vector3(1, 1, 1) },
    uHalf: { value: 1 },
    uReach: { value: 3 },
    uRim: { value: 1.25 },
    uOpacity: { value: 1 },
    uCap: { value: 1 },
    uHollow: { value: 0 },
    uDash: { value: new Vector2() },
    uBeyondDash: { value: new Vector2() },
    uPlane: { value: new Vector4() },
    uSlab: { value: 0 },
    uBeyondOpacity: { value: 1 },
    uTick: { value: new Vector3() },
  });
}
