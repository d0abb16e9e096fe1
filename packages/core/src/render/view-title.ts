import type { Hud } from './hud.js';
import { Label, type LabelStyle } from './label.js';
import { PALETTE } from './palette.js';

/** From the view's left edge, and its middle from the upper one, CSS pixels. */
const LEFT_PX = 8;
const DOWN_PX = 16;

/** A view's name in its upper left corner: smaller where it would not fit, so that none of it is ever cut. */
export class ViewTitle {
  readonly #label = new Label();
  #style: LabelStyle = { sizePx: 1, colour: PALETTE.quietText };
  #width = 0;
  #dpr = 0;

  constructor(hud: Hud) {
    hud.scene.add(this.#label.object);
  }

  /**
   * Writes it, where it has changed.
   * @param text empty: none
   * @param width of the view, device pixels
   * @param letterPx height of the letter in the middle of the view's upper edge, device pixels: a name that would reach it stands below. 0: none
   */
  update(text: string, width: number, dpr: number, letterPx: number): void {
    if (width !== this.#width || dpr !== this.#dpr) {
      this.#width = width;
      this.#dpr = dpr;
      const mostPx = width - 2 * LEFT_PX * dpr;
      this.#style = { sizePx: Math.round(14 * dpr), colour: PALETTE.quietText, anchor: 'left', weight: 700, mostPx };
    }
    this.#label.set(text, this.#style);
    const reaches = LEFT_PX * dpr + this.#label.width > (width - letterPx) / 2;
    this.#label.at(LEFT_PX * dpr, DOWN_PX * dpr + (letterPx > 0 && reaches ? letterPx : 0));
  }

  dispose(): void {
    this.#label.dispose();
  }
}
