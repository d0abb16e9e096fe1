import { Group } from 'three';
import { PALETTE } from '../palette.js';
import { Stroke } from '../stroke.js';
import { SceneLabel } from './scene-label.js';

const SHOWN = { opacity: 1 };
const HIDDEN = { opacity: 0 };

/**
 * A pin in a place of a surface, with a figure and words at its head. Where the surface hides its foot, the pin is broken: the place is then on
 * the far side.
 */
export class ScenePin {
  readonly object: Group = new Group();
  readonly figure: SceneLabel = new SceneLabel();
  readonly words: SceneLabel = new SceneLabel();
  readonly #behind = new Stroke(1, { colour: PALETTE.text, dash: [4, 4], rimPx: 1 });
  readonly #before = new Stroke(1, { colour: PALETTE.text, rimPx: 1, depthTest: true });
  readonly #foot = new Stroke(1, { colour: PALETTE.text, rimPx: 2, roundEnds: true, depthTest: true });
  readonly #head = new Float64Array(3);

  readonly #parts = [this.#behind, this.#before, this.#foot, this.figure, this.words];
  #front = true;
  readonly #lengthMm: number;

  /** @param lengthMm how far it stands out of the surface */
  constructor(lengthMm = 12) {
    this.#lengthMm = lengthMm;
    this.#behind.object.renderOrder = 27;
    this.#before.object.renderOrder = 28;
    this.#foot.object.renderOrder = 29;
    this.object.add(this.#behind.object, this.#before.object, this.#foot.object, this.figure.object, this.words.object);
  }

  /** @param at foot, mm. @param out unit, the way it stands; undefined: no pin, and the text lies at the place */
  place(at: ArrayLike<number>, out: ArrayLike<number> | undefined): void {
    const [x, y, z] = [0, 1, 2].map((k) => at[k] as number) as [number, number, number];
    const [u, v, w] = [0, 1, 2].map((k) => (out?.[k] as number | undefined) ?? 0) as [number, number, number];
    const l = this.#lengthMm;
    this.#head.set([x + l * u, y + l * v, z + l * w]);
    const [a, b, c] = this.#head as unknown as [number, number, number];
    for (const line of [this.#behind, this.#before]) line.segment(0, x, y, z, a, b, c);
    // A little out of the surface, or half of the foot would lie in it.
    this.#foot.segment(0, x + 0.6 * u, y + 0.6 * v, z + 0.6 * w, x + 0.9 * u, y + 0.9 * v, z + 0.9 * w);
    for (const line of [this.#behind, this.#before, this.#foot]) line.show(out === undefined ? 0 : 1);
  }

  /** The texts at the head, and their size by the pixel ratio. */
  write(figure: string, words: string, figureColour: string, wordsColour: string, dpr: number): void {
    this.figure.set(figure, { sizePx: Math.round(20 * dpr), colour: figureColour, weight: 700 });
    this.words.set(words, { sizePx: Math.round(12 * dpr), colour: wordsColour, weight: 700 });
    const [x, y, z] = this.#head as unknown as [number, number, number];
    this.figure.at(x, y, z, 0, -35 * dpr);
    this.words.at(x, y, z, 0, -14 * dpr);
    this.#behind.style({ widthPx: 1.5 * dpr, dash: [4 * dpr, 4 * dpr] });
    this.#before.style({ widthPx: 2.5 * dpr });
    this.#foot.style({ widthPx: 9 * dpr });
  }

  /** Whether the place is on the side that is looked at: where nothing else hides its foot, the pin is broken for one that is not. */
  facing(front: boolean): void {
    if (front === this.#front) return;
    this.#front = front;
    this.#before.style(front ? SHOWN : HIDDEN);
    this.#foot.style(front ? SHOWN : HIDDEN);
  }

  /** The size of the viewport, device pixels. */
  viewport(width: number, height: number): void {
    for (let n = 0; n < this.#parts.length; n += 1) this.#parts[n]?.viewport(width, height);
  }

  dispose(): void {
    this.object.removeFromParent();
    for (const part of this.#parts) part.dispose();
  }
}
