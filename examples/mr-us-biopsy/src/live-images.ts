/** One picture of the probe. */
export interface LiveFrame {
  /** Echoes 1 … 255 per line and sample, samples fastest. */
  readonly echoes: Uint8Array;
  /** When it was taken, on this program's clock, ms. */
  readonly atMs: number;
  /** Counted by the scanner: a number left out is a picture that was lost. */
  readonly number: number;
}

/**
 * Where live pictures come from. Here a simulated scanner: the same process in the headless run, the page's own server in a browser. A
 * real one comes behind this interface.
 */
export interface LiveImages {
  /** Calls `take` with every picture that comes, until the returned function is called. */
  subscribe(take: (frame: LiveFrame) => void): () => void;
}
