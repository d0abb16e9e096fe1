import {
  BufferAttribute,
  CanvasTexture,
  DynamicDrawUsage,
  InstancedBufferGeometry,
  InstancedInterleavedBuffer,
  InterleavedBufferAttribute,
  LinearFilter,
  Mesh,
  NoColorSpace,
  type ShaderMaterial,
} from 'three';
import { LAYER } from './hud.js';
import { FONT, type LabelStyle } from './label.js';
import { overlayMaterial } from './overlay-material.js';
import { onGlass } from './uniform.js';

const VERTEX = /* glsl */ `
in vec4 aGlyph; // left edge on the line and in the atlas, width, 1 for the letter and 0 for its rim: px
uniform vec2 uAt, uAtlas; // left end of the line and its middle's height; the atlas's size: px
uniform float uHeight;
out vec2 vUv;
void main() {
  vec2 px = position.xy * vec2(aGlyph.z, uHeight);
  vUv = (vec2(aGlyph.y, aGlyph.w * uHeight) + px) / uAtlas;
  gl_Position = projectionMatrix * viewMatrix * vec4(uAt + vec2(aGlyph.x, 0.0) + px, 0.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
uniform sampler2D uMap;
in vec2 vUv;
out vec4 colour;
void main() { colour = texture(uMap, vUv); }`;

/** The characters that a line may hold. */
const CHARACTERS = 'LRPASI0123456789.-m ';
const CODES = Uint8Array.from({ length: 128 }, (_, c) => Math.max(0, CHARACTERS.indexOf(String.fromCharCode(c))));
const ZERO = CHARACTERS.indexOf('0');
const POINT = CHARACTERS.indexOf('.');
/** The most characters of a line. */
const CAPACITY = 20;
/** Numbers of a glyph, as the shader takes it. */
const NUMBERS = 4;

/**
 * A line of few characters that changes with every frame, as a position does: put together of glyphs that were drawn once, so that
 * neither a string nor a picture is made. Figures are equally wide. Its left end stands still.
 */
export class GlyphLine {
  readonly object: Mesh<InstancedBufferGeometry, ShaderMaterial>;
  readonly #canvas: HTMLCanvasElement | OffscreenCanvas;
  readonly #texture: CanvasTexture;
  readonly #glyphs: InstancedInterleavedBuffer;
  readonly #at = new Float32Array(2);
  readonly #atlas = new Float32Array(2);
  readonly #height = { value: 1 };
  readonly #codes = new Uint8Array(CAPACITY);
  /** Left edge of each character in the atlas, and how far it moves the next one on, px. */
  readonly #left = new Float32Array(CHARACTERS.length);
  readonly #advance = new Float32Array(CHARACTERS.length);
  #rimPx = 0;
  #length = 0;
  #style: LabelStyle | undefined;

  constructor() {
    this.#canvas = typeof OffscreenCanvas === 'undefined' ? document.createElement('canvas') : new OffscreenCanvas(1, 1);
    this.#texture = new CanvasTexture(this.#canvas as HTMLCanvasElement);
    this.#texture.colorSpace = NoColorSpace;
    this.#texture.flipY = false;
    this.#texture.generateMipmaps = false;
    this.#texture.minFilter = LinearFilter;
    const numbers = new Float32Array(2 * CAPACITY * NUMBERS);
    this.#glyphs = new InstancedInterleavedBuffer(numbers, NUMBERS).setUsage(DynamicDrawUsage);
    const geometry = new InstancedBufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0), 3));
    geometry.setIndex([0, 1, 2, 2, 1, 3]);
    geometry.setAttribute('aGlyph', new InterleavedBufferAttribute(this.#glyphs, NUMBERS, 0));
    geometry.instanceCount = 0;
    const uniforms = {
      uMap: { value: this.#texture },
      uAt: { value: this.#at },
      uAtlas: { value: this.#atlas },
      uHeight: this.#height,
    };
    this.object = onGlass(new Mesh(geometry, overlayMaterial(VERTEX, FRAGMENT, uniforms)));
    this.object.renderOrder = LAYER.text;
  }

  /** Settles how it looks; `anchor` is not looked at. Whether it looks otherwise now: then it is to be written again. */
  style(style: LabelStyle): boolean {
    if (style === this.#style) return false;
    this.#style = style;
    this.#drawAtlas(style);
    return true;
  }

  /** Begins anew: what is written next stands first. */
  begin(): void {
    this.#length = 0;
  }

  /** Writes a word of the characters there are. */
  word(text: string): void {
    for (let n = 0; n < text.length; n += 1) this.#put(CODES[text.charCodeAt(n) & 127] as number);
  }

  /** Writes tenths, a whole number of them from 0, as `32.5`. */
  tenths(count: number): void {
    let divisor = 10;
    while (divisor * 10 <= count) divisor *= 10;
    // 32-bit whole numbers throughout: a fraction would be allocated.
    for (; divisor >= 1; divisor = (divisor / 10) | 0) {
      if (divisor === 1) this.#put(POINT);
      this.#put(ZERO + (((count / divisor) | 0) % 10));
    }
  }

  /** Shows what was written since {@link begin}. */
  end(): void {
    const numbers = this.#glyphs.array as Float32Array;
    let x = 0;
    for (let n = 0; n < this.#length; n += 1) {
      const code = this.#codes[n] as number;
      // All rims first: none lies over a neighbour.
      for (let letter = 0; letter < 2; letter += 1) {
        const at = NUMBERS * (letter * this.#length + n);
        numbers[at] = x;
        numbers[at + 1] = this.#left[code] as number;
        numbers[at + 2] = (this.#advance[code] as number) + 2 * this.#rimPx;
        numbers[at + 3] = letter;
      }
      x += this.#advance[code] as number;
    }
    this.object.geometry.instanceCount = 2 * this.#length;
    this.#glyphs.needsUpdate = true;
  }

  /** Puts its left end and the middle of its height on the screen, device pixels. */
  at(x: number, y: number): void {
    // On whole pixels, or the letters blur.
    this.#at[0] = Math.round(x);
    this.#at[1] = Math.round(y - this.#height.value / 2);
  }

  dispose(): void {
    this.object.removeFromParent();
    this.object.geometry.dispose();
    this.object.material.dispose();
    this.#texture.dispose();
  }

  #put(code: number): void {
    if (this.#length === CAPACITY) return;
    this.#codes[this.#length] = code;
    this.#length += 1;
  }

  /** Two rows: the rims, and the letters without them. */
  #drawAtlas({ sizePx, colour, weight = 600 }: LabelStyle): void {
    const c = this.#canvas.getContext('2d') as CanvasRenderingContext2D | null;
    if (c === null) return;
    const font = `${weight} ${sizePx}px ${FONT}`;
    const rim = Math.max(2, Math.ceil(sizePx / 7));
    this.#rimPx = rim;
    c.font = font;
    let width = 0;
    for (let code = 0; code < CHARACTERS.length; code += 1) {
      const character = CHARACTERS[code] as string;
      this.#left[code] = width;
      // Whole pixels, so that every figure is as sharp as the first; figures as wide as a nought.
      this.#advance[code] = Math.ceil(c.measureText(/\d/.test(character) ? '0' : character).width);
      width += (this.#advance[code] as number) + 2 * rim;
    }
    const height = Math.ceil(sizePx * 1.3 + 2 * rim);
    this.#canvas.width = width;
    this.#canvas.height = 2 * height;
    c.font = font;
    c.textBaseline = 'middle';
    c.lineJoin = 'round';
    c.lineWidth = Math.max(2, sizePx / 7);
    c.strokeStyle = 'rgba(4, 6, 9, 0.85)';
    c.fillStyle = colour;
    for (let code = 0; code < CHARACTERS.length; code += 1) {
      const x = (this.#left[code] as number) + rim;
      c.strokeText(CHARACTERS[code] as string, x, height / 2);
      c.fillText(CHARACTERS[code] as string, x, height * 1.5);
    }
    this.#height.value = height;
    this.#atlas[0] = width;
    this.#atlas[1] = 2 * height;
    this.#texture.dispose();
    this.#texture.needsUpdate = true;
  }
}
