import { Mesh, PlaneGeometry, type ShaderMaterial, Vector2, Vector3 } from 'three';
import type { EllipseOnScreen } from './error-ellipsoid.js';
import { overlayMaterial } from './overlay-material.js';
import { rgb } from './palette.js';
import { uniform } from './uniform.js';

const VERTEX = /* glsl */ `
uniform vec2 uReach;
out vec2 vPx;
void main() {
  vPx = position.xy * uReach;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(vPx, 0.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform vec3 uColour, uShape;
uniform float uHalf, uRim, uOpacity, uFill;
in vec2 vPx;
out vec4 colour;
void main() {
  vec2 half_ = vec2(uShape.x * vPx.x + uShape.y * vPx.y, uShape.y * vPx.x + uShape.z * vPx.y);
  float g = dot(vPx, half_);
  // Pixels from the line, to first order: sqrt(g) grows evenly outwards, so thin ellipses keep their width.
  float root = sqrt(max(g, 1e-12));
  float off = (root - 1.0) * root / max(length(half_), 1e-9);
  float d = abs(off) - uHalf;
  float core = clamp(0.5 - d, 0.0, 1.0);
  float rim = clamp(0.5 - (d - uRim), 0.0, 1.0) * 0.7;
  float inside = clamp(0.5 - off, 0.0, 1.0) * uFill;
  float alpha = max(max(core, rim), inside);
  if (alpha * uOpacity < 0.004) discard;
  colour = vec4(uColour * max(core, inside) / alpha, alpha * uOpacity);
}`;

/** What an ellipse looks like, in device pixels. */
export interface EllipseStyle {
  readonly colour: string;
  readonly widthPx: number;
  /** Opacity of what is inside. */
  readonly fill: number;
  readonly opacity: number;
}

/** An ellipse in pixel coordinates, from the upper left corner of its view, with a dark rim. */
export class Ellipse {
  readonly object: Mesh<PlaneGeometry, ShaderMaterial>;

  constructor() {
    this.object = new Mesh(
      new PlaneGeometry(2, 2),
      overlayMaterial(VERTEX, FRAGMENT, {
        uColour: { value: new Vector3(1, 1, 1) },
        uShape: { value: new Vector3(1, 0, 1) },
        uReach: { value: new Vector2(1, 1) },
        uHalf: { value: 1 },
        uRim: { value: 1.25 },
        uOpacity: { value: 1 },
        uFill: { value: 0 },
      }),
    );
    this.object.frustumCulled = false;
  }

  /** Draws this ellipse. */
  show(e: EllipseOnScreen, { colour, widthPx, fill, opacity }: EllipseStyle): void {
    const m = this.object.material;
    uniform<Vector3>(m, 'uColour').value.set(...rgb(colour));
    uniform<Vector3>(m, 'uShape').value.set(e.a, e.b, e.c);
    uniform<number>(m, 'uHalf').value = widthPx / 2;
    uniform<number>(m, 'uFill').value = fill;
    uniform<number>(m, 'uOpacity').value = opacity;
    const beyond = widthPx / 2 + uniform<number>(m, 'uRim').value + 1;
    uniform<Vector2>(m, 'uReach').value.set(e.halfWidth + beyond, e.halfHeight + beyond);
    this.object.position.set(e.x, e.y, 0);
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}
