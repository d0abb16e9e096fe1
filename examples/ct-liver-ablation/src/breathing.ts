/** How a simulated patient breathes. */
export interface BreathingOptions {
  /** From one inspiration to the next, ms. Default 4000. */
  readonly periodMs?: number;
  /** When the first inspiration is deepest, ms. Default 0. */
  readonly startMs?: number;
}

/** How much one breath is deeper or shallower than the next. */
const UNEVEN = 0.08;

/**
 * Breathing as a function of time alone: 0 at the end of expiration, about 1 in inspiration. The shape is cos⁶ (Lujan et al. 1999,
 * Med. Phys. 26:715, n = 3), which rests at the end of expiration. Breaths differ a little in depth; a breath may be held there.
 */
export class Breathing {
  readonly #period: number;
  readonly #start: number;
  readonly #holds: { readonly fromMs: number; readonly ms: number }[] = [];

  constructor({ periodMs = 4000, startMs = 0 }: BreathingOptions = {}) {
    this.#period = periodMs;
    this.#start = startMs;
  }

  /** How far in the patient is. */
  depth(atMs: number): number {
    const turns = this.#turns(atMs);
    const breath = Math.round(turns);
    return (1 + UNEVEN * Math.sin(2.4 * breath + 1)) * Math.cos(Math.PI * turns) ** 6;
  }

  /** Holds the breath at the next end of expiration for so long. Returns when it goes on. */
  hold(atMs: number, ms: number): number {
    const turns = this.#turns(atMs);
    const toEnd = Math.ceil(turns - 0.5) + 0.5 - turns;
    const held = this.#holds.at(-1);
    const now = held === undefined ? atMs : Math.max(atMs, held.fromMs + held.ms);
    const fromMs = now + toEnd * this.#period;
    this.#holds.push({ fromMs, ms });
    return fromMs + ms;
  }

  #turns(atMs: number): number {
    const held = this.#holds.reduce((sum, h) => sum + Math.min(h.ms, Math.max(0, atMs - h.fromMs)), 0);
    return (atMs - held - this.#start) / this.#period;
  }
}
