import { CanvasTexture, LinearFilter, Mesh, NoColorSpace, PlaneGeometry, type ShaderMaterial } from 'three';
import { LAYER } from './hud.js';
import { overlayMaterial } from './overlay-material.js';
import { uniform } from './uniform.js';

const VERTEX = /* glsl */ `
out vec2 vUv;
void main() {
  vUv = uv;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
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
}`;

/** Fonts every system has; nothing is downloaded. */
const FONT = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

/** Where a label's text lies about its position. */
export type Anchor = 'centre' | 'left' | 'right';

/** How a label is set. */
export interface LabelStyle {
  /** Height of the font, device pixels. */
  readonly sizePx: number;
  readonly colour: string;
  readonly anchor?: Anchor;
  readonly weight?: 400 | 600 | 700;
}

/** A line of text in pixel coordinates, from the upper left corner of its view; redrawn only when it changes. */
export class Label {
  readonly object: Mesh<PlaneGeometry, ShaderMaterial>;
  readonly #canvas: HTMLCanvasElement | OffscreenCanvas;
  readonly #texture: CanvasTexture;
  #drawn = '';
  #style: LabelStyle | undefined;
  #anchor: Anchor = 'centre';
  #width = 0;
  #height = 0;

  constructor() {
    this.#canvas = typeof OffscreenCanvas === 'undefined' ? document.createElement('canvas') : new OffscreenCanvas(1, 1);
    this.#texture = new CanvasTexture(this.#canvas as HTMLCanvasElement);
    this.#texture.colorSpace = NoColorSpace;
    // Rows run down, as y does on the screen.
    this.#texture.flipY = false;
    this.#texture.generateMipmaps = false;
    this.#texture.minFilter = LinearFilter;
    this.object = new Mesh(
      new PlaneGeometry(1, 1),
      overlayMaterial(VERTEX, FRAGMENT, { uMap: { value: this.#texture }, uOpacity: { value: 1 } }),
    );
    this.object.frustumCulled = false;
    this.object.renderOrder = LAYER.text;
    this.object.visible = false;
  }

  /** Sets the text; an empty one hides the label. */
  set(text: string, style: LabelStyle): void {
    this.object.visible = text !== '';
    this.#anchor = style.anchor ?? 'centre';
    if (text === '') return;
    const { sizePx, colour, weight } = style;
    const before = this.#style;
    if (text === this.#drawn && sizePx === before?.sizePx && colour === before.colour && weight === before.weight) return;
    this.#drawn = text;
    this.#style = style;
    this.#draw(text, style);
  }

  /** Puts the label at a screen position: its middle, left or right edge as anchored, at half the text's height. */
  at(x: number, y: number, opacity = 1): void {
    const left = this.#anchor === 'centre' ? x - this.#width / 2 : this.#anchor === 'left' ? x : x - this.#width;
    // On whole pixels, or the letters blur.
    this.object.position.set(Math.round(left) + this.#width / 2, Math.round(y - this.#height / 2) + this.#height / 2, 0);
    uniform<number>(this.object.material, 'uOpacity').value = opacity;
  }

  /** Width of the text as it is drawn, device pixels. */
  get width(): number {
    return this.#width;
  }

  /** Height of the text as it is drawn, device pixels. */
  get height(): number {
    return this.#height;
  }

  /** Whether the text is shown and lies partly in a box of the screen, device pixels. */
  touches(left: number, top: number, width: number, height: number): boolean {
    const { x, y } = this.object.position;
    const [dx, dy] = [Math.abs(x - left - width / 2), Math.abs(y - top - height / 2)];
    return this.object.visible && 2 * dx < this.#width + width && 2 * dy < this.#height + height;
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
    this.#texture.dispose();
  }

  #draw(text: string, { sizePx, colour, weight = 600 }: LabelStyle): void {
    const c = this.#canvas.getContext('2d') as CanvasRenderingContext2D | null;
    if (c === null) return;
    const font = `${weight} ${sizePx}px ${FONT}`;
    const rim = Math.max(2, sizePx / 7);
    c.font = font;
    this.#width = Math.ceil(c.measureText(text).width + 2 * rim);
    this.#height = Math.ceil(sizePx * 1.3 + 2 * rim);
    this.#canvas.width = this.#width;
    this.#canvas.height = this.#height;
    c.font = font;
    c.textBaseline = 'middle';
    c.lineJoin = 'round';
    c.lineWidth = rim;
    c.strokeStyle = 'rgba(4, 6, 9, 0.85)';
    c.fillStyle = colour;
    c.strokeText(text, rim, this.#height / 2);
    c.fillText(text, rim, this.#height / 2);
    // The GPU's copy has the old size: let go of it, and three makes one that fits.
    this.#texture.dispose();
    this.#texture.needsUpdate = true;
    this.object.scale.set(this.#width, this.#height, 1);
  }
}
