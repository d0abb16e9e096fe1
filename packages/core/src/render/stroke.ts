import {
  BufferAttribute,
  DynamicDrawUsage,
  InstancedBufferGeometry,
  InstancedInterleavedBuffer,
  InterleavedBufferAttribute,
  Mesh,
  type ShaderMaterial,
} from 'three';
import { overlayMaterial } from './overlay-material.js';
import { type Dash, rgb } from './palette.js';
import { dot } from './planes.js';

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
uniform vec4 uLine; // half the width, width of the rim, opacity, reach
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
  float past = uLine.w * (position.x * 2.0 - 1.0);
  c.xy += (dir * past + side * position.y * uLine.w) / (uViewport * 0.5) * c.w;
  gl_Position = c;
  float along = (end ? len : 0.0) + past;
  vPx = vec4(along, position.y * uLine.w, len, 1.0) * c.w;
  float mm = distance(aStart, aEnd);
  float t = mix(from, to, len > 1e-4 ? along / len : 0.0);
  vArc = aArc + t * mm;
  vArcPx = mm > 0.0 ? aArc * len / (mm * (to - from)) : 0.0;
  vWorld = (modelMatrix * vec4(mix(aStart, aEnd, t), 1.0)).xyz;
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform vec3 uColour;
uniform vec4 uLine;
uniform vec2 uForm; // 1 with round ends, thickness of a hollow outline
uniform vec4 uDash; // in the plane and beyond it
uniform vec4 uPlane;
uniform vec2 uBeyond; // mm from the plane, and the opacity there
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
  float d = uForm.x > 0.5 ? length(vec2(over, across)) - uLine.x : max(across - uLine.x, max(-along, along - len));
  if (uForm.y > 0.0) d = abs(d + uForm.y * 0.5) - uForm.y * 0.5;
  bool beyond = uBeyond.x > 0.0 && abs(dot(uPlane, vec4(vWorld, 1.0))) > uBeyond.x;
  float whole = d;
  d = dashed(d, vArcPx + along, beyond ? uDash.zw : uDash.xy);
  float mmPerPx = max(fwidth(vArc), 1e-6);
  if (uTick.x > 0.0 && uTick.x > 5.0 * mmPerPx && vArc > 0.5 * uTick.x && over == 0.0) {
    float n = floor(vArc / uTick.x + 0.5);
    bool major = mod(n, 5.0) < 0.5;
    float off = abs(vArc - n * uTick.x) / mmPerPx;
    d = min(d, max(off - (major ? 1.6 : 1.0) * uTick.z, across - (major ? uTick.y * 1.6 : uTick.y)));
  }
  float core = clamp(0.5 - d, 0.0, 1.0);
  // Beyond the plane the rim runs on under the gaps, or a line beneath would show as dashes of its own.
  float rim = clamp(0.5 - ((beyond ? min(d, whole) : d) - uLine.y), 0.0, 1.0) * 0.7;
  float alpha = max(core, rim) * uLine.z * (beyond ? uBeyond.y : 1.0);
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

/** Numbers of a segment in {@link Stroke.segments}: its two ends and the length before it. */
export const SEGMENT = 7;

/** Line segments drawn with one call. Only {@link style} allocates. */
export class Stroke {
  readonly object: Mesh<InstancedBufferGeometry, ShaderMaterial>;
  /** ax, ay, az, bx, by, bz and the length before it, mm, of each segment; seen after {@link show}. */
  readonly segments: Float32Array;
  readonly #buffer: InstancedInterleavedBuffer;
  readonly #colour = Float32Array.of(1, 1, 1);
  #coloured = '';
  readonly #viewport = Float32Array.of(1, 1);
  readonly #line = Float32Array.of(1, 1.25, 1, 3.25);
  readonly #form = Float32Array.of(1, 0);
  readonly #dash = new Float32Array(4);
  readonly #plane = new Float32Array(4);
  readonly #beyond = Float32Array.of(0, 1);
  readonly #tick = new Float32Array(3);

  /** @param capacity the most segments it will hold */
  constructor(capacity: number, style: StrokeStyle = {}) {
    this.segments = new Float32Array(SEGMENT * capacity);
    this.#buffer = new InstancedInterleavedBuffer(this.segments, SEGMENT).setUsage(DynamicDrawUsage);
    const geometry = new InstancedBufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(Float32Array.of(0, -1, 0, 1, -1, 0, 0, 1, 0, 1, 1, 0), 3));
    geometry.setIndex([0, 1, 2, 2, 1, 3]);
    geometry.setAttribute('aStart', new InterleavedBufferAttribute(this.#buffer, 3, 0));
    geometry.setAttribute('aEnd', new InterleavedBufferAttribute(this.#buffer, 3, 3));
    geometry.setAttribute('aArc', new InterleavedBufferAttribute(this.#buffer, 1, 6));
    geometry.instanceCount = 0;
    const uniforms = {
      uColour: { value: this.#colour },
      uViewport: { value: this.#viewport },
      uLine: { value: this.#line },
      uForm: { value: this.#form },
      uDash: { value: this.#dash },
      uPlane: { value: this.#plane },
      uBeyond: { value: this.#beyond },
      uTick: { value: this.#tick },
    };
    this.object = new Mesh(geometry, overlayMaterial(VERTEX, FRAGMENT, uniforms));
    this.object.frustumCulled = false;
    this.style(style);
  }

  /** Changes what is given and leaves the rest. `dash: undefined` makes it solid again. */
  style(s: StrokeStyle): void {
    const line = this.#line;
    const tick = this.#tick;
    if (s.colour !== undefined && s.colour !== this.#coloured) {
      this.#coloured = s.colour;
      this.#colour.set(rgb(s.colour));
    }
    if (s.widthPx !== undefined) line[0] = s.widthPx / 2;
    if (s.rimPx !== undefined) line[1] = s.rimPx;
    if (s.opacity !== undefined) line[2] = s.opacity;
    if ('dash' in s) this.#dash.set(s.dash ?? [0, 0]);
    if (s.roundEnds !== undefined) this.#form[0] = s.roundEnds ? 1 : 0;
    if (s.hollowPx !== undefined) this.#form[1] = s.hollowPx;
    if (s.tickMm !== undefined) tick[0] = s.tickMm;
    if (s.tickHalfPx !== undefined) {
      tick[1] = s.tickHalfPx;
      tick[2] = s.tickHalfPx / 8;
    }
    if (s.depthTest !== undefined) this.object.material.depthTest = s.depthTest;
    const marks = (tick[0] as number) > 0 ? (tick[1] as number) * 1.6 : 0;
    line[3] = Math.max(line[0] as number, marks) + (line[1] as number) + 1;
  }

  /** The size of the viewport it is drawn in, device pixels. */
  viewport(width: number, height: number): void {
    this.#viewport[0] = width;
    this.#viewport[1] = height;
  }

  /** Draws what lies further than so many mm from {@link setPlane}'s as dashes, fainter. */
  setBeyond(mm: number, dash: Dash, opacity = 0.75): void {
    this.#beyond[0] = mm;
    this.#beyond[1] = opacity;
    this.#dash[2] = dash[0];
    this.#dash[3] = dash[1];
  }

  /** The plane that {@link setBeyond} counts from: its unit normal and a point of it, mm. */
  setPlane(normal: ArrayLike<number>, point: ArrayLike<number>): void {
    const plane = this.#plane;
    for (let k = 0; k < 3; k += 1) plane[k] = normal[k] as number;
    plane[3] = -dot(normal, point);
  }

  /** Segment `n` from (ax, ay, az) to (bx, by, bz), mm; `arc`: length before it, mm, where dashes must go on. */
  segment(n: number, ax: number, ay: number, az: number, bx: number, by: number, bz: number, arc = 0): void {
    const s = this.segments;
    const at = SEGMENT * n;
    s[at] = ax;
    s[at + 1] = ay;
    s[at + 2] = az;
    s[at + 3] = bx;
    s[at + 4] = by;
    s[at + 5] = bz;
    s[at + 6] = arc;
  }

  /** Shows the first `n` segments, as last set. */
  show(n: number): void {
    this.object.geometry.instanceCount = n;
    this.object.visible = n > 0;
    this.#buffer.needsUpdate = true;
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}
