import type { PerspectiveCamera } from 'three';
import type { GuidanceGraphic } from './graphic.js';

/** More labels than this in one view are not looked after: nobody reads them. */
const MOST = 64;
/** Between two labels, device pixels. */
const GAP_PX = 2;

/**
 * Keeps the labels of all graphics in one 3D view from lying over each other: a number under another one is not read, or read wrong.
 * Those of the graphic that was added first stay where they are; a later one that would cover one of them moves up or down, by as
 * little as clears it.
 */
export class LabelShelf {
  /** Left, top, right and bottom of each label that has its place, device pixels. */
  readonly #boxes = new Float64Array(4 * MOST);
  readonly #box = new Float64Array(4);
  #count = 0;

  /** Finds a place for every label that is shown. Call it after the graphics were told of the view. */
  arrange(graphics: readonly GuidanceGraphic[], camera: PerspectiveCamera, width: number, height: number): void {
    this.#count = 0;
    for (let n = 0; n < graphics.length; n += 1) {
      const { labels, object } = graphics[n] as GuidanceGraphic;
      if (labels === undefined || object === undefined || !object.visible) continue;
      for (let k = 0; k < labels.length && this.#count < MOST; k += 1) {
        const label = labels[k];
        if (label?.boxInto(this.#box, camera, width, height)) label.shift(this.#place(height));
      }
    }
  }

  /** Takes the box in; by how many pixels it had to go down, or up where that is negative. */
  #place(height: number): number {
    const box = this.#box;
    const first = box[1] as number;
    const down = this.#cleared(1);
    const up = this.#cleared(-1);
    const tall = (box[3] as number) - first;
    const upFits = first + up >= 0;
    const downFits = first + down + tall <= height;
    const by = upFits && (-up < down || !downFits) ? up : down;
    this.#boxes.set(box, 4 * this.#count);
    this.#boxes[4 * this.#count + 1] = first + by;
    this.#boxes[4 * this.#count + 3] = first + by + tall;
    this.#count += 1;
    return by;
  }

  /** How far the box must go in a direction until it lies on no other. */
  #cleared(direction: 1 | -1): number {
    const left = this.#box[0] as number;
    const top = this.#box[1] as number;
    const right = this.#box[2] as number;
    const bottom = this.#box[3] as number;
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
