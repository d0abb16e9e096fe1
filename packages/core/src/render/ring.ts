import { Mesh, PlaneGeometry, type ShaderMaterial } from 'three';
import { overlayMaterial } from './overlay-material.js';
import { type Dash, rgb } from './palette.js';
import { onGlass } from './uniform.js';

const VERTEX = /* glsl */ `
uniform vec4 uShape; // radius, half the line's width, width of the rim, reach
uniform vec2 uAt;
out vec2 vPx;
void main() {
  vPx = position.xy * uShape.w;
  gl_Position = projectionMatrix * viewMatrix * vec4(uAt + vPx, 0.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform vec3 uColour, uLook; // uLook: opacity, fill, half the length of the cross
uniform vec4 uShape;
uniform vec2 uDash;
in vec2 vPx;
out vec4 colour;
void main() {
  float radius = uShape.x, halfWidth = uShape.y, opacity = uLook.x, fill = uLook.y, arms = uLook.z;
  float r = length(vPx);
  float d = abs(r - radius) - halfWidth;
  if (uDash.x > 0.0) {
    // A whole number of dashes around the ring, so that no seam shows.
    float around = 6.2831853 * radius;
    float period = around / max(4.0, floor(around / (uDash.x + uDash.y) + 0.5));
    float on = period * uDash.x / (uDash.x + uDash.y);
    float s = (atan(vPx.y, vPx.x) + 3.14159265) * radius;
    d = max(d, abs(mod(s, period) - on * 0.5) - on * 0.5);
  }
  if (arms > 0.0) {
    vec2 p = abs(vPx);
    float arm = min(max(p.x - halfWidth, p.y - arms), max(p.y - halfWidth, p.x - arms));
    d = min(d, arm);
  }
  float core = clamp(0.5 - d, 0.0, 1.0);
  float rim = clamp(0.5 - (d - uShape.z), 0.0, 1.0) * 0.7;
  float inside = clamp(radius - r + 0.5, 0.0, 1.0) * fill;
  float alpha = max(max(core, rim), inside);
  if (alpha * opacity < 0.004) discard;
  colour = vec4(uColour * max(core, inside) / alpha, alpha * opacity);
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

/** A circle in pixel coordinates, from the upper left corner of its view. Only {@link style} allocates. */
export class Ring {
  readonly object: Mesh<PlaneGeometry, ShaderMaterial>;
  readonly #shape = Float32Array.of(8, 1, 1.25, 12);
  readonly #look = Float32Array.of(1, 0, 0);
  readonly #colour = Float32Array.of(1, 1, 1);
  #coloured = '';
  readonly #dash = new Float32Array(2);
  readonly #at = new Float32Array(2);

  constructor(style: RingStyle = {}) {
    this.object = onGlass(
      new Mesh(
        new PlaneGeometry(2, 2),
        overlayMaterial(VERTEX, FRAGMENT, {
          uShape: { value: this.#shape },
          uLook: { value: this.#look },
          uColour: { value: this.#colour },
          uDash: { value: this.#dash },
          uAt: { value: this.#at },
        }),
      ),
    );
    this.style(style);
  }

  /** Changes what is given and leaves the rest. */
  style(s: RingStyle): void {
    const shape = this.#shape;
    if (s.colour !== undefined && s.colour !== this.#coloured) {
      this.#coloured = s.colour;
      this.#colour.set(rgb(s.colour));
    }
    if ('dash' in s) this.#dash.set(s.dash ?? [0, 0]);
    if (s.widthPx !== undefined) shape[1] = s.widthPx / 2;
    if (s.opacity !== undefined) this.#look[0] = s.opacity;
    if (s.fill !== undefined) this.#look[1] = s.fill;
    if (s.crossPx !== undefined) this.#look[2] = s.crossPx;
    this.resize(s.radiusPx ?? (shape[0] as number));
  }

  /** Changes its radius alone, device pixels. */
  resize(radiusPx: number): void {
    const shape = this.#shape;
    shape[0] = radiusPx;
    shape[3] = Math.max(radiusPx + (shape[1] as number), this.#look[2] as number) + (shape[2] as number) + 1;
  }

  /** Changes its opacity alone, 0 … 1. */
  fade(opacity: number): void {
    this.#look[0] = opacity;
  }

  /** Puts its middle at a screen position, device pixels from the upper left corner. */
  at(x: number, y: number): void {
    this.#at[0] = x;
    this.#at[1] = y;
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}
