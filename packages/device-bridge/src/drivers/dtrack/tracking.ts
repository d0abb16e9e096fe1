import { ClockMap } from '@trocar/core';
import {
  DTRACK_LIMITS,
  type DTrackFrame,
  type DTrackTargets,
  positionSd,
  TARGET_STATE,
  targetPose,
} from '../../codec/dtrack/index.js';
import { FRAME, FrameOrder, isToBeTold, type PoseTeller } from '../kit/index.js';
import type { DTrackKind } from './options.js';

const KINDS: readonly DTrackKind[] = ['body', 'flystick', 'measurementTool', 'reference'];
const IDS = DTRACK_LIMITS.id + 1;
const DAY_MS = 86_400_000;
/** Nobody measures for half a day without a frame: a step back of more is midnight. */
const HALF_DAY_MS = DAY_MS / 2;
const UNKNOWN = -1;
const UNWANTED = -2;

/** Decoded DTrack frames to poses, with device time mapped to host time. The hot path of the driver: it allocates nothing. */
export class DTrackTracking {
  readonly clockMap: ClockMap = new ClockMap();
  readonly order: FrameOrder = new FrameOrder();
  /** Tracked by its own account, with a rotation that is none: taken for missing. */
  badRotations = 0;
  readonly #poses: PoseTeller;
  /** Tool by kind and id. */
  readonly #toolOf = new Int16Array(KINDS.length * IDS).fill(UNKNOWN);
  readonly #nameOther: ((kind: DTrackKind, id: number) => number) | undefined;
  readonly #point = new Float64Array(2);
  /** Last time of day, and whole days passed since tracking began, ms. */
  readonly #day = new Float64Array([Number.NaN, 0]);
  #timeKind = -1;

  /** @param nameOther makes a tool of a target that nobody named, and returns its number; −1 where it cannot */
  constructor(poses: PoseTeller, nameOther?: (kind: DTrackKind, id: number) => number) {
    this.#poses = poses;
    this.#nameOther = nameOther;
  }

  /** Says which tool a target is. */
  assign(kind: DTrackKind, id: number, tool: number): void {
    this.#toolOf[KINDS.indexOf(kind) * IDS + id] = tool;
  }

  /** Tracking started anew: the counter and the clock may have too. */
  restart(): void {
    this.clockMap.reset();
    this.order.reset();
    this.#day[0] = Number.NaN;
    this.#day[1] = 0;
    this.#timeKind = -1;
  }

  /** Tells what a frame says of every tool; false for a frame that was told before or is older than one told. */
  push(frame: DTrackFrame): boolean {
    const order = this.order.judge(frame.number);
    if (!isToBeTold(order)) return false;
    if (order === FRAME.restart) this.clockMap.reset();
    this.#mapTime(frame);
    const poses = this.#poses;
    poses.begin();
    this.#tellTargets(frame, frame.bodies, 0);
    this.#tellTargets(frame, frame.flysticks, 1);
    this.#tellTargets(frame, frame.measurementTools, 2);
    this.#tellTargets(frame, frame.references, 3);
    poses.tellUnseen(frame.number[0] as number);
    poses.flush();
    return true;
  }

  #tellTargets(frame: DTrackFrame, targets: DTrackTargets, kind: number): void {
    const number = frame.number[0] as number;
    for (let i = 0; i < targets.count; i += 1) {
      const id = targets.id[i] as number;
      let tool = this.#toolOf[kind * IDS + id] as number;
      if (tool === UNKNOWN) tool = this.#name(kind, id);
      if (tool < 0) continue;
      const state = targets.state[i];
      if (state !== TARGET_STATE.tracked) {
        if (state === TARGET_STATE.badRotation) this.badRotations += 1;
        this.#poses.tellMissing(tool, number);
        continue;
      }
      const values = this.#poses.sample.values;
      if (kind === 0) positionSd(frame, id, values, 2);
      else values[2] = Number.NaN;
      targetPose(targets, i, values, 3);
      this.#poses.tell(tool, 'ok', number);
    }
  }

  #name(kind: number, id: number): number {
    const tool = this.#nameOther?.(KINDS[kind] as DTrackKind, id) ?? -1;
    this.#toolOf[kind * IDS + id] = tool < 0 ? UNWANTED : tool;
    return tool;
  }

  /**
   * When the frame was measured. With `ts2`: time stamp plus latency is when it could be sent, so that is fitted to the
   * arrivals, and the latency taken off again. Otherwise the frame counter is fitted.
   */
  #mapTime(frame: DTrackFrame): void {
    const stamped = frame.timeKind === 2;
    const kind = stamped ? 1 : 0;
    if (kind !== this.#timeKind) this.clockMap.reset();
    this.#timeKind = kind;
    const point = this.#point;
    const latencyMs = stamped ? (frame.time[1] as number) / 1000 : 0;
    if (stamped) this.#unwrapDay(frame, latencyMs);
    else point[0] = frame.number[0] as number;
    point[1] = this.#poses.arrivedAt[0] as number;
    this.clockMap.push(point);
    const measured = this.#poses.measuredAt;
    measured[0] = point[0] as number;
    this.clockMap.map(measured);
    // Also where the fit is not there yet: it was measured that long before it could be sent.
    measured[0] = Math.min(measured[0] as number, point[1] as number) - latencyMs;
  }

  /** Into the point: device ms that go on over midnight. */
  #unwrapDay(frame: DTrackFrame, latencyMs: number): void {
    const ms = (frame.time[0] as number) * 1000;
    const day = this.#day;
    if (ms < (day[0] as number) - HALF_DAY_MS) day[1] = (day[1] as number) + DAY_MS;
    day[0] = ms;
    this.#point[0] = ms + (day[1] as number) + latencyMs;
  }
}
