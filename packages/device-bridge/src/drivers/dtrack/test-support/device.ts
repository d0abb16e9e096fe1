import type { PoseSample } from '@trocar/core';
import { ascii } from '../../../codec/dtrack/test-support/datagrams.js';
import type { DatagramDevice } from '../../../testing/index.js';

/** One pretended target at one frame; undefined: not tracked. */
export type TargetAt = (id: number, frame: number) => readonly [number, number, number] | undefined;

/** Every target on one line through the room, turning: what a test can recognise. */
export const onLine: TargetAt = (id, frame) => {
  const x = 10 * id + 0.01 * (frame % 500);
  return [x, 2 * x + 1, -x];
};

/** Whether a pose lies on that line, within the rounding of three digits. */
export function isOnLine(_tool: number, sample: PoseSample): boolean {
  const [, , , x = 0, y = 0, z = 0, qx = 0, qy = 0, qz = 0, qw = 0] = sample.values;
  const turned = Math.hypot(qx, qy) < 1e-3 && Math.abs(2 * Math.atan2(qz, qw) - x / 100) < 1e-3;
  return turned && Math.abs(y - 2 * x - 1) < 0.01 && Math.abs(z + x) < 0.01;
}

/** How the pretended ART system sends. */
export interface PretendOptions {
  readonly ids: readonly number[];
  readonly periodMs?: number;
  readonly stamped?: boolean;
  targetAt?: TargetAt;
}

/** A pretended ART system: sends a datagram every few milliseconds. */
export class PretendDTrack {
  frame = 0;
  frozen = false;
  spoilt = false;
  silent = false;
  /** Sends the same datagram again and again. */
  stuck = false;
  targetAt: TargetAt;
  readonly #options: PretendOptions;
  readonly #device: DatagramDevice;
  readonly #timer: ReturnType<typeof setInterval>;
  #frozenAt = 0;

  constructor(device: DatagramDevice, options: PretendOptions) {
    this.#device = device;
    this.#options = options;
    this.targetAt = options.targetAt ?? onLine;
    this.#timer = setInterval(() => this.send(), options.periodMs ?? 5);
  }

  send(): void {
    if (!this.stuck) this.frame += 1;
    if (!this.frozen) this.#frozenAt = this.frame;
    if (!this.silent) this.#device.send(this.datagram());
  }

  datagram(): Uint8Array {
    const bodies: string[] = [];
    for (const id of this.#options.ids) {
      const at = this.targetAt(id, this.#frozenAt);
      if (at === undefined) continue;
      const position = this.spoilt ? 'nan nan nan' : at.map((v) => v.toFixed(3)).join(' ');
      const [c, s] = [Math.cos(at[0] / 100), Math.sin(at[0] / 100)];
      const rotation = [c, s, 0, -s, c, 0, 0, 0, 1].map((v) => v.toFixed(6)).join(' ');
      bodies.push(`[${id} 1.000][${position}][${rotation}]`);
    }
    const us = Math.round(performance.now() * 1000) + 7_000_000;
    const stamp = this.#options.stamped === false ? [] : [`ts2 ${Math.floor(us / 1e6)} ${us % 1e6} 4000`];
    const lines = [`fr ${this.frame}`, ...stamp, `6dcal ${this.#options.ids.length}`, `6d ${bodies.length} ${bodies.join(' ')}`];
    return ascii(lines.map((line) => `${line}\r\n`).join(''));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
