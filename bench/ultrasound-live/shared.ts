/** Images as both servers send them: 1024 × 768 grey values behind a header of the bridge's. */
export const WIDTH = 1024;
export const HEIGHT = 768;
/** Where the header holds the time of sending, ms of the servers' clock. */
export const SENT_AT = 24;
/** In the run against a known truth images are stamped so late, ms, and the probe moves so fast, mm/ms. */
export const LAG_MS = 40;
export const SPEED = 0.1;

/** What a page measured. */
export interface Latencies {
  readonly bridge: readonly number[];
  readonly bare: readonly number[];
}

/** Images held against the truth. */
export interface Mismatch {
  /** Between an image's moment and that of the pose it is shown with, ms. */
  readonly ms: readonly number[];
  readonly matched: number;
  readonly withoutPose: number;
}

/** What a page does for the benchmark. */
export interface LiveBench {
  connect(bridge: string, bare: string): Promise<void>;
  /** What came since the last call. */
  take(): Latencies;
  /** Matches images with poses until so many are shown, drawing 60 times a second. */
  mismatch(images: number): Promise<Mismatch>;
  /** Does nothing else for so long, ms. @returns how old the first image was that came after it, ms, of both */
  stall(ms: number): Promise<{ readonly bridgeMs: number; readonly dropped: number }>;
}
