import type { GlyphLine } from './glyph-line.js';
import { crossInto, dot, lettersAlong, type PlaneView } from './planes.js';

const normal = new Float64Array(3);

/** Where a slice lies: the distance from the frame's origin along the slice's normal, with its letters: `S 32.5 mm`. */
export class SlicePosition {
  #letters = '';
  #tenths = -1;

  /** Takes over where a plane lies. Whether it reads otherwise than before. */
  read(plane: Pick<PlaneView, 'axes' | 'centre'>): boolean {
    crossInto(normal, plane.axes.right, plane.axes.up);
    const mm = dot(normal, plane.centre);
    const letters = lettersAlong(normal, mm < 0 ? -1 : 1);
    const tenths = (10 * Math.abs(mm) + 0.5) | 0;
    if (letters === this.#letters && tenths === this.#tenths) return false;
    this.#letters = letters;
    this.#tenths = tenths;
    return true;
  }

  /** Writes it on the screen. */
  write(line: GlyphLine): void {
    line.begin();
    line.word(this.#letters);
    line.word(' ');
    line.tenths(this.#tenths);
    line.word(' mm');
    line.end();
  }

  /** As it reads. */
  toString(): string {
    return `${this.#letters} ${(this.#tenths / 10).toFixed(1)} mm`;
  }
}
