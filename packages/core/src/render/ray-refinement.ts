/** The longest a frame may take while a picture is refined, ms: what a person does is then seen without delay. */
const LONGEST_MS = 30;
/** A first band is to take so long at most, ms. */
const AIM_MS = 24;
/** The least part of a picture drawn in a frame. */
const LEAST = 1 / 200;

/**
 * In which parts a fine picture is drawn, so that no frame takes longer than {@link LONGEST_MS}: bands of rows, from the lowest, as
 * high as the frames before allowed. Where frames take longer without it already, they may take half as long again.
 * Times in ms, in typed cells: a changing double passed by itself would be allocated.
 */
export class RayRefinement {
  /** The last frame; the interval from frame to frame without rays; how long the whole picture may take, by coarser ones. */
  readonly #times = Float64Array.of(0, 0, 1000);
  /** Part of the picture that is drawn in one frame. */
  #part = LEAST;
  /** How many times the work of the coarse picture drawn last the finest is; 0: none was drawn in the last frame. */
  #finer = 0;
  #height = 0;
  #from = 0;
  #rows = 0;
  #begun = false;

  /** Whether a picture is being refined. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The first row of the band that is to be drawn now. */
  get from(): number {
    return this.#from;
  }

  /** How many rows it has. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * Notes a frame in which nothing of it is drawn.
   * @param finer how many times the work of the coarser picture drawn in it the finest is; 0 where none is drawn
   */
  other(now: Float64Array, finer: number): void {
    this.#measure(now);
    this.#finer = finer;
  }

  /** Begins a picture of so many rows: its first band by how long coarser pictures took. */
  begin(height: number, now: Float64Array): void {
    this.#measure(now);
    this.#begun = true;
    this.#finer = 0;
    this.#height = height;
    this.#from = 0;
    this.#rows = 0;
    this.#part = limited(AIM_MS / (this.#times[2] as number));
  }

  #measure(now: Float64Array): void {
    const t = this.#times;
    const frameMs = (now[0] as number) - (t[0] as number);
    if (!(frameMs > 0)) return;
    if (this.#finer > 0) t[2] = frameMs * this.#finer;
    else t[1] = frameMs;
    t[0] = now[0] as number;
  }

  /** Leaves it: what it was to show has changed. */
  abandon(): void {
    this.#begun = false;
  }

  /** Goes on to the next band, its size by how long the one before took. */
  next(now: Float64Array): void {
    const t = this.#times;
    const frameMs = (now[0] as number) - (t[0] as number);
    t[0] = now[0] as number;
    if (this.#rows > 0) {
      const longest = Math.max(LONGEST_MS, 1.5 * (t[1] as number));
      // Never by more than what would be just in time if nothing but this took time.
      const change = Math.min(1.5, Math.max(0.25, (0.9 * longest) / frameMs));
      if (change < 0.9 || change > 1.05) this.#part = limited(this.#part * change);
    }
    this.#from += this.#rows;
    this.#rows = Math.min(this.#height - this.#from, Math.max(1, Math.round(this.#part * this.#height)));
  }

  /** Whether the band that was drawn was the last; it has ended then. */
  ended(): boolean {
    if (this.#from + this.#rows < this.#height) return false;
    this.#begun = false;
    return true;
  }
}

function limited(part: number): number {
  return Math.min(1, Math.max(LEAST, part));
}
