import { Mesh, PlaneGeometry, type ShaderMaterial, Vector2, Vector3 } from 'three';
import { overlayMaterial } from './overlay-material.js';
import { type Dash, rgb } from './palette.js';
import { uniform } from './uniform.js';

const VERTEX = /* glsl */ `
uniform float uReach;
out vec2 vPx;
void main() {
  vPx = position.xy * uReach;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(vPx, 0.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform vec3 uColour;
uniform float uRadius, uHalf, uRim, uOpacity, uFill, uCross;
uniform vec2 uDash;
in vec2 vPx;
out vec4 colour;
void main() {
  float r = length(vPx);
  float d = abs(r - uRadius) - uHalf;
  if (uDash.x > 0.0) {
    // A whole number of dashes around the ring, so that no seam shows.
    float around = 6.2831853 * uRadius;
    float period = around / max(4.0, floor(around / (uDash.x + uDash.y) + 0.5));
    float on = period * uDash.x / (uDash.x + uDash.y);
    float s = (atan(vPx.y, vPx.x) + 3.14159265) * uRadius;
    d = max(d, abs(mod(s, period) - on * 0.5) - on * 0.5);
  }
  if (uCross > 0.0) {
    vec2 p = abs(vPx);
    float arm = min(max(p.x - uHalf, p.y - uCross), max(p.y - uHalf, p.x - uCross));
    d = min(d, arm);
  }
  float core = clamp(0.5 - d, 0.0, 1.0);
  float rim = clamp(0.5 - (d - uRim), 0.0, 1.0) * 0.7;
  float inside = clamp(uRadius - r + 0.5, 0.0, 1.0) * uFill;
  float alpha = max(max(core, rim), inside);
  if (alpha * uOpacity < 0.004) discard;
  colour = vec4(uColour * max(core, inside) / alpha, alpha * uOpacity);
}`;

/** What a ring looks like, in device pixels. */
export interface RingStyle {
  readonly colour?: string;
  readonly radiusPx?: number;
  readonly widthPx?: number;
  readonly opacity?: number;
  readonly dash?: Dash | undefined;
  /** Opacity of the disc inside. */
  readonly fill?: number;
  /** Half the length of a cross through its middle; 0: none. */
  readonly crossPx?: number;
}

/** A circle in pixel coordinates, from the upper left corner of its view. */
export class Ring {
  readonly object: Mesh<PlaneGeometry, ShaderMaterial>;

  #colour = '';

  constructor(style: RingStyle = {}) {
    this.object = new Mesh(new PlaneGeometry(2, 2), ringMaterial());
    this.object.frustumCulled = false;
    this.style(style);
  }

  /** Changes what is given and leaves the rest. */
  style(s: RingStyle): void {
    const m = this.object.material;
    if (s.colour !== undefined && s.colour !== this.#colour) {
      this.#colour = s.colour;
      uniform<Vector3>(m, 'uColour').value.set(...rgb(s.colour));
    }
    if ('dash' in s) uniform<Vector2>(m, 'uDash').value.set(s.dash?.[0] ?? 0, s.dash?.[1] ?? 0);
    const radius = uniform<number>(m, 'uRadius');
    const half = uniform<number>(m, 'uHalf');
    const across = uniform<number>(m, 'uCross');
    if (s.radiusPx !== undefined) radius.value = s.radiusPx;
    if (s.widthPx !== undefined) half.value = s.widthPx / 2;
    if (s.crossPx !== undefined) across.value = s.crossPx;
    if (s.opacity !== undefined) uniform<number>(m, 'uOpacity').value = s.opacity;
    if (s.fill !== undefined) uniform<number>(m, 'uFill').value = s.fill;
    const reach = Math.max(radius.value + half.value, across.value) + uniform<number>(m, 'uRim').value + 1;
    uniform<number>(m, 'uReach').value = reach;
  }

  /** Puts its middle at a screen position, device pixels from the upper left corner. */
  at(x: number, y: number): void {
    this.object.position.set(x, y, 0);
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}

function ringMaterial(): ShaderMaterial {
  return overlayMaterial(VERTEX, FRAGMENT, {
    uColour: { value: new Vector3(1, 1, 1) },
    uRadius: { value: 8 },
    uHalf: { value: 1 },
    uRim: { value: 1.25 },
    uReach: { value: 12 },
    uOpacity: { value: 1 },
    uFill: { value: 0 },
    uCross: { value: 0 },
    uDash: { value: new Vector2() },
  });
}
