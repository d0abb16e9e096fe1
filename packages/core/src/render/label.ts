import { CanvasTexture, LinearFilter, Mesh, NoColorSpace, PlaneGeometry, type ShaderMaterial } from 'three';
import { LAYER } from './hud.js';
import { overlayMaterial } from './overlay-material.js';
import { onGlass } from './uniform.js';

const VERTEX = /* glsl */ `
uniform vec4 uBox; // middle, width and height, px
out vec2 vUv;
void main() {
  vUv = uv;
  gl_Position = projectionMatrix * viewMatrix * vec4(uBox.xy + position.xy * uBox.zw, 0.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform sampler2D uMap;
uniform vec2 uLook; // opacity
in vec2 vUv;
out vec4 colour;
void main() {
  colour = texture(uMap, vUv);
  colour.a *= uLook.x;
}`;

/**
 * Fonts every system has; nothing is downloaded. What the first ones lack of Devanagari, Bengali and Gujarati comes from those that a system
 * has for them.
 */
export const FONT: string =
  'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Gujarati", "Nirmala UI", ' +
  '"Kohinoor Devanagari", "Kohinoor Bangla", "Kohinoor Gujarati", sans-serif';

/** Where a label's text lies about its position. */
export type Anchor = 'centre' | 'left' | 'right';

/** How a label is set. */
export interface LabelStyle {
  /** Height of the font, device pixels. */
  readonly sizePx: number;
  readonly colour: string;
  readonly anchor?: Anchor;
  readonly weight?: 400 | 600 | 700;
  /** No wider than this, device pixels: smaller where it would be. */
  readonly mostPx?: number;
}

/** A line of text in pixel coordinates, from the upper left corner of its view; redrawn only when it changes. */
export class Label {
  readonly object: Mesh<PlaneGeometry, ShaderMaterial>;
  readonly #canvas: HTMLCanvasElement | OffscreenCanvas;
  readonly #texture: CanvasTexture;
  readonly #box = new Float32Array(4);
  readonly #look = Float32Array.of(1, 0);
  /** Where it was put, as it was said. */
  readonly #at = new Float64Array(2);
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
    const uniforms = { uMap: { value: this.#texture }, uBox: { value: this.#box }, uLook: { value: this.#look } };
    this.object = onGlass(new Mesh(new PlaneGeometry(1, 1), overlayMaterial(VERTEX, FRAGMENT, uniforms)));
    this.object.renderOrder = LAYER.text;
    this.object.visible = false;
  }

  /** Sets the text; an empty one hides the label. The same text in the same style object costs nothing. */
  set(text: string, style: LabelStyle): void {
    this.object.visible = text !== '';
    this.#anchor = style.anchor ?? 'centre';
    if (text === '') return;
    const before = this.#style;
    if (text === this.#drawn && (style === before || (before !== undefined && alike(style, before)))) return;
    this.#drawn = text;
    this.#style = style;
    this.#draw(text, style);
  }

  /** Puts the label at a screen position: its middle, left or right edge as anchored, at half the text's height. */
  at(x: number, y: number, opacity = 1): void {
    this.#at[0] = x;
    this.#at[1] = y;
    this.#look[0] = opacity;
    this.#place();
  }

  /** {@link at} a position and so far from it, both in arrays: what moves with every frame allocates nothing. */
  beside(at: ArrayLike<number>, offset: ArrayLike<number>): void {
    this.#at[0] = (at[0] as number) + (offset[0] as number);
    this.#at[1] = (at[1] as number) + (offset[1] as number);
    this.#place();
  }

  /** Changes its opacity alone, 0 … 1. */
  fade(opacity: number): void {
    this.#look[0] = opacity;
  }

  #place(): void {
    const x = this.#at[0] as number;
    const left = this.#anchor === 'centre' ? x - this.#width / 2 : this.#anchor === 'left' ? x : x - this.#width;
    // On whole pixels, or the letters blur.
    this.#box[0] = Math.floor(left + 0.5) + this.#width / 2;
    this.#box[1] = Math.floor((this.#at[1] as number) - this.#height / 2 + 0.5) + this.#height / 2;
  }

  /** Width of the text as it is drawn, device pixels. */
  get width(): number {
    return this.#width;
  }

  /** Height of the text as it is drawn, device pixels. */
  get height(): number {
    return this.#height;
  }

  /** Whether the text is shown and lies partly in a box of the screen: left, top, width and height, device pixels. */
  touches(box: ArrayLike<number>): boolean {
    const width = box[2] as number;
    const height = box[3] as number;
    const dx = Math.abs((this.#box[0] as number) - (box[0] as number) - width / 2);
    const dy = Math.abs((this.#box[1] as number) - (box[1] as number) - height / 2);
    return this.object.visible && 2 * dx < this.#width + width && 2 * dy < this.#height + height;
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
    this.#texture.dispose();
  }

  #draw(text: string, { sizePx: wanted, colour, weight = 600, mostPx = Number.POSITIVE_INFINITY }: LabelStyle): void {
    const c = this.#canvas.getContext('2d') as CanvasRenderingContext2D | null;
    if (c === null) return;
    c.font = `${weight} ${wanted}px ${FONT}`;
    const widest = c.measureText(text).width;
    const room = mostPx - 2 * Math.max(2, wanted / 7);
    const sizePx = widest > room ? Math.max(1, Math.floor((wanted * room) / widest)) : wanted;
    const font = `${weight} ${sizePx}px ${FONT}`;
    const rim = Math.max(2, sizePx / 7);
    c.font = font;
    this.#width = Math.ceil(c.measureText(text).width + 2 * rim);
    c.textBaseline = 'middle';
    // Letters of other scripts reach higher and lower than Latin ones.
    const { actualBoundingBoxAscent: above, actualBoundingBoxDescent: below } = c.measureText(text);
    this.#height = Math.ceil(Math.max(sizePx * 1.3, 2 * above, 2 * below) + 2 * rim);
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
    this.#box[2] = this.#width;
    this.#box[3] = this.#height;
    this.#place();
  }
}

function alike(a: LabelStyle, b: LabelStyle): boolean {
  return a.sizePx === b.sizePx && a.colour === b.colour && a.weight === b.weight && a.mostPx === b.mostPx;
}
