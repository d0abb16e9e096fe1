/**
 * A grey opening with a disc, where it is asked for: the brightest level at which a whole disc around some pixel nearby fits into the
 * image. Takes away what is smaller than the disc, and leaves the rest as it is. Values are computed for single pixels, because few
 * pixels of an image of wires are bright.
 */
export class Opening {
  readonly #pixels: Uint8Array;
  readonly #columns: number;
  readonly #rows: number;
  /** The disc: columns and rows from its centre. */
  readonly #disc: Int32Array;
  /** Least value of the disc around a pixel, and 1 more: 0 where it is not known yet. */
  readonly #eroded: Uint16Array;

  /** @param radius of the disc, pixels */
  constructor(pixels: Uint8Array, size: readonly [number, number], radius: number) {
    this.#pixels = pixels;
    [this.#columns, this.#rows] = size;
    this.#eroded = new Uint16Array(pixels.length);
    const reach = Math.floor(radius);
    const disc: number[] = [];
    for (let y = -reach; y <= reach; y += 1) {
      for (let x = -reach; x <= reach; x += 1) if (x * x + y * y <= radius * radius) disc.push(x, y);
    }
    this.#disc = Int32Array.from(disc);
  }

  /** The opened value of a pixel. */
  at(column: number, row: number): number {
    const disc = this.#disc;
    const limit = this.#pixels[row * this.#columns + column] as number;
    let most = 0;
    for (let n = 0; n < disc.length && most < limit; n += 2) {
      const value = this.#erode(column - (disc[n] as number), row - (disc[n + 1] as number));
      if (value > most) most = value;
    }
    return most;
  }

  #erode(column: number, row: number): number {
    if (column < 0 || row < 0 || column >= this.#columns || row >= this.#rows) return 0;
    const index = row * this.#columns + column;
    const known = this.#eroded[index] as number;
    if (known > 0) return known - 1;
    const disc = this.#disc;
    let least = 255;
    for (let n = 0; n < disc.length && least > 0; n += 2) {
      const x = column + (disc[n] as number);
      const y = row + (disc[n + 1] as number);
      const inside = x >= 0 && y >= 0 && x < this.#columns && y < this.#rows;
      least = Math.min(least, inside ? (this.#pixels[y * this.#columns + x] as number) : 0);
    }
    this.#eroded[index] = least + 1;
    return least;
  }
}
