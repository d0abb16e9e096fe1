import { NavError } from '../../base/index.js';
import { LINK_WINDOW_MS, type ToolWatched } from './watched.js';

/** How a stream is watched. */
export interface LinkWatchOptions {
  /** The device's nominal period, ms per frame number. */
  readonly periodMs: number;
}

/** Packets kept: 8.5 s at 60 Hz, so that a rate is known to some 0.01 %. */
const KEPT = 512;
/** The rate is said from so many packets on, over at least this long. */
const RATE_LEAST = 60;
const RATE_MS = 3000;
/** What is usual is learnt from packets at least and at most this old, ms: a step is not usual before it was alarmed. */
const USUAL_FROM_MS = 1200;
const USUAL_TO_MS = 3200;
const USUAL_LEAST = 10;
/** How often it is learnt anew, packets. */
const USUAL_EVERY = 20;
/** A gap in frame numbers longer than this began a new stream. */
const NEW_STREAM_FRAMES = 600;

/**
 * Watches how the packets of one tool arrive: how late, against a few seconds before, and at what rate.
 *
 * A device measures at even steps of its own clock, and tells the number of the frame; a packet can be late, never early. So over the
 * frame numbers the arrivals lie on and above a line. Lateness is how much higher the last packets lie than those of some seconds
 * before; it is seen also where the time stamps that a driver makes follow the new delay. The slope of the lowest is the device's
 * clock against the host's. Nothing is allocated after construction.
 */
export class LinkWatch {
  readonly #periodMs: number;
  /** Frame number and arrival, a ring; the height of each above the nominal line through the first, ms. */
  readonly #frames = new Float64Array(KEPT);
  readonly #arrivals = new Float64Array(KEPT);
  readonly #heights = new Float64Array(KEPT);
  readonly #sorted = new Float64Array(KEPT);
  /** Frame and arrival that heights are counted from; the usual height; the lateness and drift now; a middle: a double that is returned may be boxed. */
  readonly #origin = new Float64Array(2).fill(Number.NaN);
  readonly #figures = new Float64Array(4).fill(Number.NaN);
  #size = 0;
  #head = 0;
  #sinceUsual = 0;

  /** @throws NavError `guidance/bad-option` */
  constructor(options: LinkWatchOptions) {
    this.#periodMs = options.periodMs;
    if (!(this.#periodMs > 0 && this.#periodMs < 1000)) {
      throw new NavError(
        'guidance/bad-option',
        `A link is watched at a period above 0 and below 1000 ms, got ${this.#periodMs}.`,
      );
    }
  }

  /** Forgets: tracking began anew. */
  reset(): void {
    this.#size = 0;
    this.#head = 0;
    this.#sinceUsual = 0;
    this.#figures.fill(Number.NaN);
  }

  /**
   * Learns one packet; one whose frame number is not new is passed over.
   * @param packet `[frame number, arrival in host ms]`
   */
  push(packet: Float64Array): void {
    const frame = packet[0] as number;
    const arrival = packet[1] as number;
    if (!(frame > 0 && Number.isFinite(arrival))) return;
    if (this.#size > 0) {
      const before = this.#frames[this.#at(0)] as number;
      if (frame === before) return;
      if (frame < before || frame - before > NEW_STREAM_FRAMES) this.reset();
    }
    if (this.#size === 0) {
      this.#origin[0] = frame;
      this.#origin[1] = arrival;
    }
    const i = this.#head;
    this.#frames[i] = frame;
    this.#arrivals[i] = arrival;
    this.#heights[i] = arrival - (this.#origin[1] as number) - this.#periodMs * (frame - (this.#origin[0] as number));
    this.#head = (i + 1) % KEPT;
    this.#size = Math.min(KEPT, this.#size + 1);
    this.#measure();
  }

  /** Into a tool's figures. */
  fill(tool: ToolWatched): void {
    tool.latenessMs = this.#figures[1] as number;
    tool.clockDrift = this.#figures[2] as number;
  }

  #at(back: number): number {
    return (this.#head + KEPT - 1 - back) % KEPT;
  }

  #measure(): void {
    this.#sinceUsual += 1;
    if (this.#sinceUsual >= USUAL_EVERY) {
      this.#sinceUsual = 0;
      this.#measureUsual();
      this.#measureDrift();
    }
    this.#findMiddle(0, LINK_WINDOW_MS, MIDDLE_LEAST);
    this.#figures[1] = (this.#figures[3] as number) - (this.#figures[0] as number);
  }

  /** Where there were no packets in that stretch, what was usual before stays so. */
  #measureUsual(): void {
    this.#findMiddle(USUAL_FROM_MS, USUAL_TO_MS, USUAL_LEAST);
    if (!Number.isNaN(this.#figures[3] as number)) this.#figures[0] = this.#figures[3] as number;
  }

  /** The middle height of the packets that arrived between two ages before the newest, ms, into the last figure; NaN where there are too few. */
  #findMiddle(fromMs: number, toMs: number, least: number): void {
    const newest = this.#arrivals[this.#at(0)] as number;
    const sorted = this.#sorted;
    let n = 0;
    for (let back = 0; back < this.#size; back += 1) {
      const i = this.#at(back);
      const age = newest - (this.#arrivals[i] as number);
      // A slow link has few packets: the newest are taken although they are older.
      if (age > toMs && (n >= least || fromMs > 0)) break;
      if (age < fromMs) continue;
      const height = this.#heights[i] as number;
      let k = n;
      for (; k > 0 && (sorted[k - 1] as number) > height; k -= 1) sorted[k] = sorted[k - 1] as number;
      sorted[k] = height;
      n += 1;
    }
    this.#figures[3] = n < least ? Number.NaN : (sorted[n >> 1] as number);
  }

  /** Slope between the lowest arrivals of the older and of the newer third: the lowest, because a delay only ever adds. */
  #measureDrift(): void {
    const n = this.#size;
    const span = (this.#arrivals[this.#at(0)] as number) - (this.#arrivals[this.#at(n - 1)] as number);
    if (n < RATE_LEAST || span < RATE_MS) return;
    const third = Math.floor(n / 3);
    const a = this.#lowest(n - third, n);
    const b = this.#lowest(0, third);
    const frames = (this.#frames[b] as number) - (this.#frames[a] as number);
    const nominal = frames * this.#periodMs;
    this.#figures[2] = nominal / (nominal + (this.#heights[b] as number) - (this.#heights[a] as number)) - 1;
  }

  #lowest(from: number, to: number): number {
    let found = this.#at(from);
    for (let k = from; k < to; k += 1) {
      const i = this.#at(k);
      if ((this.#heights[i] as number) < (this.#heights[found] as number)) found = i;
    }
    return found;
  }
}

const MIDDLE_LEAST = 5;
