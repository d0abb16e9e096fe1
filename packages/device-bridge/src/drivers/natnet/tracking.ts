import { RoundTrip } from '@trocar/core';
import { BODY_VALUES, type NatNetFrame } from '../../codec/natnet/index.js';
import { FrameOrder, isToBeTold, type PoseTeller } from '../kit/index.js';

/** A server that takes longer from exposure to arrival than this has another clock than the one compared, ms. */
const LONGEST_DELAY_MS = 1000;
/** Two echoes of one moment: the clock's own step, ms. */
const RESOLUTION_MS = 0.01;
const UNWANTED = -2;
const MID_EXPOSURE = 0;
const TRANSMIT = 2;

/** Decoded frames to poses, with the server's ticks mapped to host time. The hot path of the driver: it allocates nothing. */
export class NatNetTracking {
  /** The server's clock against the host's, from echoes. */
  readonly clock: RoundTrip = new RoundTrip({ resolutionMs: RESOLUTION_MS });
  readonly order: FrameOrder = new FrameOrder();
  /** Frames whose mid-exposure does not fit the compared clocks: their time is the arrival less the server's own delay. */
  clockDoubts = 0;
  readonly #poses: PoseTeller;
  readonly #toolOf = new Map<number, number>();
  readonly #nameOther: ((id: number) => number) | undefined;
  readonly #msPerTick = new Float64Array(1);

  /** @param nameOther makes a tool of a rigid body that nobody named, and returns its number; −1 where it cannot */
  constructor(poses: PoseTeller, nameOther?: (id: number) => number) {
    this.#poses = poses;
    this.#nameOther = nameOther;
  }

  /** Says which tool a rigid body is. */
  assign(id: number, tool: number): void {
    this.#toolOf.set(id, tool);
  }

  /** Which tool a rigid body is; undefined where nothing has been said. */
  toolOf(id: number): number | undefined {
    return this.#toolOf.get(id);
  }

  /** A new connection: another clock, perhaps another server. @param ticksPerSecond NaN where the version has none */
  restart(ticksPerSecond: number): void {
    this.clock.reset();
    this.order.reset();
    this.#msPerTick[0] = 1000 / ticksPerSecond;
  }

  /**
   * Takes an echo.
   * @param sentAt when it was sent, host ms
   * @param arrivedAt when the answer came, host ms
   */
  echo(sentAt: number, serverTicks: number, arrivedAt: number): void {
    const server = serverTicks * (this.#msPerTick[0] as number);
    this.clock.push([sentAt, server, server, arrivedAt]);
  }

  /** Tells what a frame says of every tool; false for a frame that was told before or is older than one told. */
  push(frame: NatNetFrame): boolean {
    const order = this.order.judge(frame.number);
    if (!isToBeTold(order)) return false;
    this.#mapTime(frame);
    const poses = this.#poses;
    const number = frame.number[0] as number;
    poses.begin();
    for (let i = 0; i < frame.bodyCount; i += 1) {
      const id = frame.bodyId[i] as number;
      let tool = this.#toolOf.get(id);
      if (tool === undefined) tool = this.#name(id);
      if (tool < 0) continue;
      if (frame.tracked[i] === 0) poses.tellMissing(tool, number);
      else this.#tellBody(frame, i, tool, number);
    }
    poses.tellUnseen(number);
    poses.flush();
    return true;
  }

  #tellBody(frame: NatNetFrame, i: number, tool: number, number: number): void {
    const to = this.#poses.sample.values;
    const from = frame.values;
    const base = i * BODY_VALUES;
    to[2] = from[base + 7] as number;
    for (let k = 0; k < 7; k += 1) to[3 + k] = from[base + k] as number;
    // Before 2.6 nobody says whether a body was seen; of 2.x no layout is certain enough to call a pose good.
    this.#poses.tell(tool, frame.certain && frame.tracked[i] === 1 ? 'ok' : 'unknown', number);
  }

  #name(id: number): number {
    const tool = this.#nameOther?.(id) ?? -1;
    this.#toolOf.set(id, tool < 0 ? UNWANTED : tool);
    return tool;
  }

  /**
   * When the cameras exposed: by the compared clocks, or, before the first echo and where it does not fit, the arrival
   * less the time that the server says it took.
   */
  #mapTime(frame: NatNetFrame): void {
    const measured = this.#poses.measuredAt;
    const arrived = this.#poses.arrivedAt[0] as number;
    const msPerTick = this.#msPerTick[0] as number;
    const mid = frame.ticks[MID_EXPOSURE] as number;
    measured[0] = mid * msPerTick - this.clock.offsetMs;
    const delay = arrived - (measured[0] as number);
    if (delay > -this.clock.boundMs && delay < LONGEST_DELAY_MS) return;
    if (this.clock.size > 0) this.clockDoubts += 1;
    const own = ((frame.ticks[TRANSMIT] as number) - mid) * msPerTick;
    measured[0] = own >= 0 && own < LONGEST_DELAY_MS ? arrived - own : arrived;
  }
}
