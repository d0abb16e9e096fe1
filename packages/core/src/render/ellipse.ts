import { Mesh, PlaneGeometry, type ShaderMaterial } from 'three';
import type { EllipseOnScreen } from './error-ellipsoid.js';
import { overlayMaterial } from './overlay-material.js';
import { rgb } from './palette.js';
import { onGlass } from './uniform.js';

const VERTEX = /* glsl */ `
uniform vec4 uPlace; // middle, and how far it reaches each way
out vec2 vPx;
void main() {
  vPx = position.xy * uPlace.zw;
  gl_Position = projectionMatrix * viewMatrix * vec4(uPlace.xy + vPx, 0.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform vec3 uColour, uShape;
uniform vec4 uLook; // half the line's width, width of the rim, opacity, fill
in vec2 vPx;
out vec4 colour;
void main() {
  vec2 half_ = vec2(uShape.x * vPx.x + uShape.y * vPx.y, uShape.y * vPx.x + uShape.z * vPx.y);
  float g = dot(vPx, half_);
  // Pixels from the line, to first order: sqrt(g) grows evenly outwards, so thin ellipses keep their width.
  float root = sqrt(max(g, 1e-12));
  float off = (root - 1.0) * root / max(length(half_), 1e-9);
  float d = abs(off) - uLook.x;
  float core = clamp(0.5 - d, 0.0, 1.0);
  float rim = clamp(0.5 - (d - uLook.y), 0.0, 1.0) * 0.7;
  float inside = clamp(0.5 - off, 0.0, 1.0) * uLook.w;
  float alpha = max(max(core, rim), inside);
  if (alpha * uLook.z < 0.004) discard;
  colour = vec4(uColour * max(core, inside) / alpha, alpha * uLook.z);
}`;

/** What an ellipse looks like, in device pixels. */
export interface EllipseStyle {
  readonly colour: string;
  readonly widthPx: number;
  /** Opacity of what is inside. */
  readonly fill: number;
  readonly opacity: number;
}

/** An ellipse in pixel coordinates, from the upper left corner of its view, with a dark rim. {@link place} allocates nothing. */
export class Ellipse {
  readonly object: Mesh<PlaneGeometry, ShaderMaterial>;
  readonly #colour = Float32Array.of(1, 1, 1);
  readonly #shape = Float32Array.of(1, 0, 1);
  readonly #place = new Float32Array(4);
  readonly #look = Float32Array.of(1, 1.25, 1, 0);

  constructor() {
    this.object = onGlass(
      new Mesh(
        new PlaneGeometry(2, 2),
        overlayMaterial(VERTEX, FRAGMENT, {
          uColour: { value: this.#colour },
          uShape: { value: this.#shape },
          uPlace: { value: this.#place },
          uLook: { value: this.#look },
        }),
      ),
    );
  }

  /** Draws this ellipse, so. */
  show(e: EllipseOnScreen, { colour, widthPx, fill, opacity }: EllipseStyle): void {
    this.#colour.set(rgb(colour));
    this.#look[0] = widthPx / 2;
    this.#look[2] = opacity;
    this.#look[3] = fill;
    this.place(e);
  }

  /** Draws this ellipse as the one before looked. */
  place(e: EllipseOnScreen): void {
    const beyond = (this.#look[0] as number) + (this.#look[1] as number) + 1;
    this.#shape[0] = e.a;
    this.#shape[1] = e.b;
    this.#shape[2] = e.c;
    this.#place[0] = e.x;
    this.#place[1] = e.y;
    this.#place[2] = e.halfWidth + beyond;
    this.#place[3] = e.halfHeight + beyond;
  }

  /** Changes its opacity and the opacity of what is inside, 0 … 1. */
  fade(opacity: number, fill: number): void {
    this.#look[2] = opacity;
    this.#look[3] = fill;
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}
