import { Mesh, type PerspectiveCamera, PlaneGeometry, type ShaderMaterial, Vector2, Vector3 } from 'three';
import { Label, type LabelStyle } from '../label.js';
import { overlayMaterial } from '../overlay-material.js';
import { uniform } from '../uniform.js';

const VERTEX = /* glsl */ `
uniform vec2 uViewport, uSize, uOffset;
uniform float uShift;
uniform vec3 uAnchor;
out vec2 vUv;
void main() {
  vUv = uv;
  vec4 c = projectionMatrix * modelViewMatrix * vec4(uAnchor, 1.0);
  vec2 size = uSize * min(1.0, uViewport.x / uSize.x);
  vec2 middle = (c.xy / c.w * 0.5 + 0.5) * uViewport + uOffset * vec2(1.0, -1.0);
  // A word or number that is cut off is another: while its anchor is in the view, so is the text.
  middle = max(min(middle, uViewport - 0.5 * size), 0.5 * size);
  middle.y -= uShift;
  // On whole pixels, or the letters blur.
  middle = floor(middle - 0.5 * size + 0.5) + 0.5 * size;
  bool seen = c.w > 0.0 && all(lessThan(abs(c.xy), vec2(c.w)));
  vec2 at = (middle + position.xy * size * vec2(1.0, -1.0)) / uViewport * 2.0 - 1.0;
  gl_Position = seen ? vec4(at * c.w, c.z, c.w) : vec4(2.0, 2.0, 2.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform sampler2D uMap;
uniform float uOpacity;
in vec2 vUv;
out vec4 colour;
void main() {
  colour = texture(uMap, vUv);
  colour.a *= uOpacity;
  if (colour.a < 0.004) discard;
}`;

const scratch = new Vector3();

/** A line of text at a point of a 3D scene: of constant size on the screen, upright, and over everything. */
export class SceneLabel {
  readonly object: Mesh<PlaneGeometry, ShaderMaterial>;
  readonly #text = new Label();

  constructor() {
    const map = uniform(this.#text.object.material, 'uMap');
    this.object = new Mesh(
      new PlaneGeometry(1, 1),
      overlayMaterial(VERTEX, FRAGMENT, {
        uMap: map,
        uOpacity: { value: 1 },
        uViewport: { value: new Vector2(1, 1) },
        uSize: { value: new Vector2(1, 1) },
        uOffset: { value: new Vector2() },
        uAnchor: { value: new Vector3() },
        uShift: { value: 0 },
      }),
    );
    this.object.frustumCulled = false;
    this.object.renderOrder = 40;
  }

  /** Sets the text, its size in device pixels; an empty one hides the label. */
  set(text: string, style: LabelStyle): void {
    this.#text.set(text, style);
    this.object.visible = text !== '';
    uniform<Vector2>(this.object.material, 'uSize').value.set(this.#text.width, this.#text.height);
  }

  /**
   * Puts the middle of the text at a point, mm of the object it hangs on, and so many device pixels from it: right and down.
   * @param side 1: the text begins there instead of having its middle there
   */
  at(x: number, y: number, z: number, rightPx: number, downPx: number, side: 0 | 1 = 0): void {
    const m = this.object.material;
    uniform<Vector3>(m, 'uAnchor').value.set(x, y, z);
    uniform<Vector2>(m, 'uOffset').value.set(rightPx + (side * this.#text.width) / 2, downPx);
  }

  /**
   * Where the text lies on the screen if nothing is in its way: left, top, right, bottom, device pixels; whether it is seen at all. As
   * the shader has it.
   */
  boxInto(out: Float64Array, camera: PerspectiveCamera, width: number, height: number): boolean {
    const { object } = this;
    if (!object.visible) return false;
    const m = object.material;
    object.updateWorldMatrix(true, false);
    const at = scratch.copy(uniform<Vector3>(m, 'uAnchor').value).applyMatrix4(object.matrixWorld);
    at.applyMatrix4(camera.matrixWorldInverse);
    if (at.z >= 0) return false;
    at.applyMatrix4(camera.projectionMatrix);
    if (Math.abs(at.x) >= 1 || Math.abs(at.y) >= 1) return false;
    const size = uniform<Vector2>(m, 'uSize').value;
    const offset = uniform<Vector2>(m, 'uOffset').value;
    const scale = Math.min(1, width / size.x);
    const halfWidth = (size.x * scale) / 2;
    const halfHeight = (size.y * scale) / 2;
    const x = Math.max(Math.min(((at.x + 1) / 2) * width + offset.x, width - halfWidth), halfWidth);
    const y = Math.max(Math.min(((1 - at.y) / 2) * height + offset.y, height - halfHeight), halfHeight);
    out[0] = x - halfWidth;
    out[1] = y - halfHeight;
    out[2] = x + halfWidth;
    out[3] = y + halfHeight;
    return true;
  }

  /** Moves the text so many device pixels down from there; up where that is negative. */
  shift(px: number): void {
    uniform<number>(this.object.material, 'uShift').value = px;
  }

  /** The size of the viewport, device pixels. */
  viewport(width: number, height: number): void {
    uniform<Vector2>(this.object.material, 'uViewport').value.set(width, height);
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
    this.#text.dispose();
  }
}
