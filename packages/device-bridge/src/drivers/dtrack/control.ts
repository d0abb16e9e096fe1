import { NavError } from '@trocar/core';
import { type DTrackAnswer, DTrackAnswerFramer, dtrackCommand } from '../../codec/dtrack/index.js';
import type { Transport } from '../../transport.js';

/** DTrack may take this long to start its cameras, ms. */
const ANSWER_MS = 10_000;
const STOP_MS = 1000;

/** DTrack's command connection: one command at a time, each with its deadline. */
export class DTrackControl {
  readonly #transport: Transport;
  readonly #onLost: (reason: NavError) => void;
  #open = false;
  #waiting: ((outcome: DTrackAnswer | NavError) => void) | undefined;

  constructor(transport: Transport, onLost: (reason: NavError) => void) {
    this.#transport = transport;
    this.#onLost = onLost;
  }

  /** Connects and starts the measurement. @throws NavError `device/connect-failed`, `device/timeout`, `device/refused`, `device/bad-reply` */
  async start(): Promise<void> {
    const framer = new DTrackAnswerFramer(
      (answer) => this.#settle(answer),
      () => this.#settle(new NavError('device/bad-reply', `${this.#transport.label}: an answer without end.`)),
    );
    await this.#transport.open({
      data: (bytes) => framer.feed(bytes),
      closed: (reason) => {
        this.#open = false;
        this.#settle(reason);
        this.#onLost(reason);
      },
    });
    this.#open = true;
    await this.#ask('dtrack2 tracking start', ANSWER_MS);
  }

  /** Stops the measurement, where that can still be said, and closes. */
  async stop(): Promise<void> {
    try {
      if (this.#open) await this.#ask('dtrack2 tracking stop', STOP_MS);
    } catch {
      // The device is let go either way.
    }
    await this.#transport.close();
  }

  async #ask(command: string, timeoutMs: number): Promise<void> {
    const label = this.#transport.label;
    const outcome = await new Promise<DTrackAnswer | NavError>((resolve) => {
      const deadline = setTimeout(() => {
        this.#settle(new NavError('device/timeout', `${label}: no answer to "${command}" within ${timeoutMs} ms.`));
      }, timeoutMs);
      this.#waiting = (answer) => {
        clearTimeout(deadline);
        resolve(answer);
      };
      this.#transport.write(dtrackCommand(command));
    });
    if (outcome instanceof NavError) throw outcome;
    if (outcome.kind === 'ok') return;
    if (outcome.kind === 'error') {
      const detail = { command, code: outcome.code };
      throw new NavError('device/refused', `${label} refused "${command}": error ${outcome.code} ${outcome.text}.`, { detail });
    }
    throw new NavError('device/bad-reply', `${label} answered "${command}" with something else.`, { detail: { command } });
  }

  #settle(outcome: DTrackAnswer | NavError): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(outcome);
  }
}
