import { hasPose, isLive, type PoseView, type Status, worstStatus } from '../frames/index.js';
import { type StatusStyle, statusStyle } from './palette.js';

/**
 * What status may be drawn: the one that was given while it is fresh, `stale` once it was not renewed in time. The one place that
 * decides this, for tools and for every guidance graphic. Allocates nothing.
 */
export class DrawnStatus {
  #given: Status = 'missing';
  #drawn: Status = 'missing';
  readonly #at = Float64Array.of(Number.NaN);

  /** Takes over a pose's status and query time. A pose with a number that is not finite is none. */
  give(view: PoseView): void {
    const { status } = view;
    this.#given = hasPose(status) && !allFinite(view.matrix) ? 'missing' : status;
    this.#at[0] = view.times[0] as number;
  }

  /** Takes over a status that comes with no pose. @param at one number: when it was true, ms of the poses' clock */
  giveStatus(status: Status, at: ArrayLike<number>): void {
    this.#given = status;
    this.#at[0] = at[0] as number;
  }

  /** Decides for this frame; whether what is drawn changed. A status of no known time is stale. */
  settle(now: Float64Array, staleAfterMs: number): boolean {
    const renewed = (now[0] as number) - (this.#at[0] as number) <= staleAfterMs;
    const status = hasPose(this.#given) && !renewed ? worstStatus(this.#given, 'stale') : this.#given;
    const changed = status !== this.#drawn;
    this.#drawn = status;
    return changed;
  }

  /** Forgets what was given: nothing is drawn from now on. */
  clear(): void {
    this.#given = 'missing';
    this.#drawn = 'missing';
  }

  /** What is drawn. */
  get status(): Status {
    return this.#drawn;
  }

  /** Whether it is drawn as being of the present. */
  get live(): boolean {
    return isLive(this.#drawn);
  }

  /** Whether anything is drawn of it. */
  get shown(): boolean {
    return hasPose(this.#drawn);
  }

  /** How it is drawn. */
  get style(): StatusStyle {
    return statusStyle(this.#drawn);
  }
}

function allFinite(m: Float64Array): boolean {
  // One number that is not finite makes the sum not finite.
  let sum = 0;
  for (let k = 0; k < 16; k += 1) sum += m[k] as number;
  return Number.isFinite(sum);
}
