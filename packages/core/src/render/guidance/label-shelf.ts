import type { PerspectiveCamera } from 'three';
import type { GuidanceGraphic } from './graphic.js';

/** More labels than this in one view are not looked after: nobody reads them. */
const MOST = 64;
/** Between two labels, device pixels. */
const GAP_PX = 2;

/** Places of texts in one view: what comes later moves up or down, by as little as clears what came before. Nothing is allocated. */
export class Shelf {
  /** Left, top, right and bottom of what has its place, device pixels. */
  readonly #boxes = new Float64Array(4 * MOST);
  /** The box that looks for a place: left, top, right and bottom, device pixels. Fill it, then {@link stay} or {@link place}. */
  readonly box: Float64Array = new Float64Array(4);
  #count = 0;

  /** Takes all away. */
  clear(): void {
    this.#count = 0;
  }

  /** Whether there is no room for another box. */
  get full(): boolean {
    return this.#count >= MOST;
  }

  /** Takes the box in as it is. */
  stay(): void {
    if (this.full) return;
    this.#boxes.set(this.box, 4 * this.#count);
    this.#count += 1;
  }

  /** Takes the box in; by how many pixels it had to go down, or up where that is negative. @param height of the view, device pixels */
  place(height: number): number {
    const { box } = this;
    const first = box[1] as number;
    const down = this.#cleared(1);
    const up = this.#cleared(-1);
    const tall = (box[3] as number) - first;
    const upFits = first + up >= 0;
    const downFits = first + down + tall <= height;
    const by = upFits && (-up < down || !downFits) ? up : down;
    box[1] = first + by;
    box[3] = first + by + tall;
    this.stay();
    return by;
  }

  /** How far the box must go in a direction until it lies on no other. */
  #cleared(direction: 1 | -1): number {
    const left = this.box[0] as number;
    const top = this.box[1] as number;
    const right = this.box[2] as number;
    const bottom = this.box[3] as number;
    const o = this.#boxes;
    let by = 0;
    // Every step clears one box for good, so as many steps as there are boxes are enough.
    for (let step = 0; step < this.#count; step += 1) {
      let moved = false;
      for (let n = 0; n < this.#count; n += 1) {
        if (right <= (o[4 * n] as number) || left >= (o[4 * n + 2] as number)) continue;
        if (bottom + by <= (o[4 * n + 1] as number) || top + by >= (o[4 * n + 3] as number)) continue;
        by = direction > 0 ? (o[4 * n + 3] as number) - top + GAP_PX : (o[4 * n + 1] as number) - bottom - GAP_PX;
        moved = true;
      }
      if (!moved) break;
    }
    return by;
  }
}

/**
 * Keeps the labels of all graphics in one 3D view from lying over each other: a number under another one is not read, or read wrong.
 * Those of the graphic that was added first stay where they are; a later one that would cover one of them moves.
 */
export class LabelShelf {
  readonly #shelf = new Shelf();

  /** Finds a place for every label that is shown. Call it after the graphics were told of the view. */
  arrange(graphics: readonly GuidanceGraphic[], camera: PerspectiveCamera, width: number, height: number): void {
    const shelf = this.#shelf;
    shelf.clear();
    for (let n = 0; n < graphics.length; n += 1) {
      const { labels, object } = graphics[n] as GuidanceGraphic;
      if (labels === undefined || object === undefined || !object.visible) continue;
      for (let k = 0; k < labels.length && !shelf.full; k += 1) {
        const label = labels[k];
        if (label?.boxInto(shelf.box, camera, width, height)) label.shift(shelf.place(height));
      }
    }
  }
}
