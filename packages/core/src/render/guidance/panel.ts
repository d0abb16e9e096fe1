import { NavError } from '../../base/index.js';
import { canvasSize, observeSize } from '../canvas-size.js';
import { FONT } from '../label.js';
import { PALETTE } from '../palette.js';

const NO_DASH: number[] = [];

/** A letter, and the width of its place. */
interface Letter {
  readonly text: string;
  readonly width: number;
}

/** A font at one size, and how wide its letters are. */
interface Face {
  readonly font: string;
  readonly sizePx: number;
  /** Of the widest digit. */
  readonly digit: number;
  /** By code unit. */
  readonly letters: Map<number, Letter>;
  /** Texts of other scripts in pieces that are drawn whole. */
  readonly shaped: Map<string, readonly Letter[]>;
}

/**
 * Whether a letter's form may depend on its neighbours, as in the scripts of India, or is made of more than one code unit: it is then drawn
 * together with them. Latin letters, Greek, digits, punctuation and symbols stand by themselves.
 */
function joins(code: number): boolean {
  return (
    (code >= 0x300 && code <= 0x36f) || (code >= 0x530 && code < 0x1e00) || code === 0x200c || code === 0x200d || code >= 0xd800
  );
}

/** More texts than this of a face are not remembered: those that hold numbers would be without end. */
const MOST_SHAPED = 64;

/** A canvas of a flat instrument, in CSS pixels, sharp on every screen, with figures that stand still while they change. */
export class Panel {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
  /** CSS pixels. */
  width = 1;
  height = 1;
  /** Whether what is drawn is out of date: its size or its words have changed since the last {@link begin}. */
  outdated = true;
  readonly #observer: ResizeObserver;
  readonly #pixelRatio: number | undefined;
  readonly #faces = new Map<number, Face>();

  /**
   * @param pixelRatio device pixels per CSS pixel. Default: the window's
   * @throws NavError `pose/bad-option` where the browser gives no 2D context
   */
  constructor(host: HTMLElement, name: string, pixelRatio?: number) {
    this.#pixelRatio = pixelRatio;
    this.canvas = document.createElement('canvas');
    this.canvas.style.cssText = 'display:block;width:100%;height:100%';
    this.canvas.setAttribute('role', 'img');
    this.canvas.setAttribute('aria-label', name);
    const context = this.canvas.getContext('2d', { alpha: false });
    if (context === null) throw new NavError('pose/bad-option', `The browser gives no 2D canvas for the ${name}.`);
    this.context = context;
    host.append(this.canvas);
    this.#observer = new ResizeObserver((entries) => this.#resize(entries[0]));
    observeSize(this.#observer, this.canvas);
    this.#resize();
  }

  /** Other words are drawn from now on, and a screen reader calls the panel so. */
  speak(name: string): void {
    this.canvas.setAttribute('aria-label', name);
    this.outdated = true;
  }

  /** Clears the canvas and sets its units to CSS pixels. */
  begin(): CanvasRenderingContext2D {
    const c = this.context;
    const scale = this.canvas.width / this.width;
    this.outdated = false;
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.globalAlpha = 1;
    c.fillStyle = PALETTE.background;
    c.fillRect(0, 0, this.width, this.height);
    return c;
  }

  /** Sets how the next line is drawn. */
  line(colour: string, width: number, dash?: readonly [number, number]): void {
    const c = this.context;
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.setLineDash((dash as [number, number] | undefined) ?? NO_DASH);
  }

  /**
   * Writes text with every digit in a place of the same width, so that a number does not dance while it changes. Smaller, where
   * it would not fit: a number that is cut off is another number.
   * @param x left edge, middle or right edge, as `align` says
   * @param y middle of the line
   * @param most the room there is, CSS pixels
   */
  text(
    text: string,
    x: number,
    y: number,
    sizePx: number,
    colour: string,
    align: 'left' | 'center' | 'right' = 'left',
    most: number = Number.POSITIVE_INFINITY,
    weight = 700,
  ): void {
    const c = this.context;
    c.textBaseline = 'middle';
    c.textAlign = 'center';
    c.fillStyle = colour;
    let face = this.#face(weight, Math.round(sizePx));
    let width = this.#widthOf(text, face);
    if (width > most) {
      face = this.#face(weight, Math.max(6, Math.floor((sizePx * most) / width)));
      width = this.#widthOf(text, face);
    }
    const shaped = this.#shaped(text, face);
    let at = align === 'left' ? x : align === 'right' ? x - width : x - width / 2;
    c.font = face.font;
    // A dark rim: letters are read over an image as over the ground.
    this.line(PALETTE.background, face.sizePx / 5);
    c.lineJoin = 'round';
    // By code units: iterating a string would make a new one of each letter, every time.
    for (let n = 0; n < (shaped ?? text).length; n += 1) {
      const letter = shaped?.[n] ?? this.#letter(text.charCodeAt(n), face);
      c.strokeText(letter.text, at + letter.width / 2, y);
      c.fillText(letter.text, at + letter.width / 2, y);
      at += letter.width;
    }
  }

  /** Stripes over a rectangle, or the circle in it, that is not of the present: seen without its colour, too. */
  hatch(x: number, y: number, width: number, height: number, colour: string, round = false): void {
    const c = this.context;
    c.save();
    c.beginPath();
    if (round) c.arc(x + width / 2, y + height / 2, width / 2, 0, 2 * Math.PI);
    else c.rect(x, y, width, height);
    c.clip();
    this.line(colour, 2);
    c.globalAlpha = 0.4;
    c.beginPath();
    for (let d = -height; d < width; d += 14) {
      c.moveTo(x + d, y + height);
      c.lineTo(x + d + height, y);
    }
    c.stroke();
    c.restore();
  }

  dispose(): void {
    this.#observer.disconnect();
    this.canvas.remove();
  }

  #face(weight: number, sizePx: number): Face {
    const key = 1000 * weight + sizePx;
    const known = this.#faces.get(key);
    if (known !== undefined) return known;
    const font = `${weight} ${sizePx}px ${FONT}`;
    this.context.font = font;
    const digit = Math.max(...[...'0123456789'].map((d) => this.context.measureText(d).width));
    const face = { font, sizePx, digit, letters: new Map(), shaped: new Map() };
    this.#faces.set(key, face);
    return face;
  }

  #widthOf(text: string, face: Face): number {
    let sum = 0;
    const shaped = this.#shaped(text, face);
    if (shaped !== undefined) {
      for (let n = 0; n < shaped.length; n += 1) sum += (shaped[n] as Letter).width;
      return sum;
    }
    for (let n = 0; n < text.length; n += 1) sum += this.#letter(text.charCodeAt(n), face).width;
    return sum;
  }

  /** A text in the pieces that it is drawn in, where it has letters that join; undefined where each stands by itself. */
  #shaped(text: string, face: Face): readonly Letter[] | undefined {
    let joined = false;
    for (let n = 0; n < text.length && !joined; n += 1) joined = joins(text.charCodeAt(n));
    if (!joined) return undefined;
    const known = face.shaped.get(text);
    if (known !== undefined) return known;
    const pieces: Letter[] = [];
    for (let n = 0, to = 1; n < text.length; n = to, to = n + 1) {
      const code = text.charCodeAt(n);
      if (!joins(code)) pieces.push(this.#letter(code, face));
      else {
        while (to < text.length && joins(text.charCodeAt(to))) to += 1;
        const piece = text.slice(n, to);
        this.context.font = face.font;
        pieces.push({ text: piece, width: this.context.measureText(piece).width });
      }
    }
    if (face.shaped.size >= MOST_SHAPED) face.shaped.clear();
    face.shaped.set(text, pieces);
    return pieces;
  }

  /** A letter and its place: for digits that of the widest one. */
  #letter(code: number, face: Face): Letter {
    const known = face.letters.get(code);
    if (known !== undefined) return known;
    const text = String.fromCharCode(code);
    this.context.font = face.font;
    const digit = text >= '0' && text <= '9';
    const letter = { text, width: digit ? face.digit : this.context.measureText(text).width };
    face.letters.set(code, letter);
    return letter;
  }

  /** Setting its size clears a canvas, and the next picture may be a while: until then the one before stands, as it would have. */
  #setSize(width: number, height: number): void {
    const before = document.createElement('canvas');
    before.width = Math.max(1, this.canvas.width);
    before.height = Math.max(1, this.canvas.height);
    before.getContext('2d')?.drawImage(this.canvas, 0, 0);
    this.canvas.width = width;
    this.canvas.height = height;
    this.context.drawImage(before, 0, 0);
  }

  #resize(entry?: ResizeObserverEntry): void {
    const { width, height, dpr } = canvasSize(this.canvas, this.#pixelRatio, entry);
    const changed = width !== this.canvas.width || height !== this.canvas.height;
    if (changed) this.#setSize(width, height);
    this.width = width / dpr;
    this.height = height / dpr;
    this.outdated = true;
  }
}
