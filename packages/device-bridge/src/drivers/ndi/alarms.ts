import { ALERT_TYPE, alertMeaning, type Bx2Reply, SYSTEM_STATUS } from '../../codec/ndi/index.js';
import type { PoseSink } from '../../driver.js';

const ALARMS: ReadonlyArray<readonly [number, string]> = [
  [SYSTEM_STATUS.commSyncError, 'lost synchronisation with its sensor'],
  [SYSTEM_STATUS.tooMuchInfrared, 'sees too much environmental infrared light'],
  [SYSTEM_STATUS.crcError, 'got a command with a wrong CRC'],
  [SYSTEM_STATUS.processingException, 'met a processing exception'],
  [SYSTEM_STATUS.hardwareFailure, 'reports a hardware failure'],
  [SYSTEM_STATUS.hardwareChange, 'reports a change of hardware'],
  [SYSTEM_STATUS.diagnosticPending, 'has a diagnostic message waiting'],
  [SYSTEM_STATUS.temperature, 'is outside its temperature range'],
];
/** An alert that the device repeats in every reply is told again after this long, ms. */
const TELL_AGAIN_MS = 10_000;
/** Events after which tools have come or gone: tool in, tool out, interface unit in, out, hardware changed. */
const CHANGES = new Set([1, 2, 3, 4, 5]);

/** Tells people what the tracker itself complains of: system status bits when they rise, BX2 alerts when they come. */
export class NdiAlarms {
  readonly #sink: PoseSink;
  readonly #told = new Map<number, number>();
  #systemStatus = 0;

  constructor(sink: PoseSink) {
    this.#sink = sink;
  }

  /** The system status of the last TX, BX or GX reply. */
  get systemStatus(): number {
    return this.#systemStatus;
  }

  /** @returns whether a tool came or went */
  system(status: number): boolean {
    if (status !== this.#systemStatus) {
      const raised = status & ~this.#systemStatus;
      this.#systemStatus = status;
      for (const [bit, what] of ALARMS) {
        if (raised & bit) this.#sink.fault({ code: 'device/alarm', message: `The tracker ${what}.` });
      }
    }
    return (status & (SYSTEM_STATUS.portOccupied | SYSTEM_STATUS.portUnoccupied)) !== 0;
  }

  /** @returns whether a tool came or went */
  alerts(reply: Bx2Reply, now: number): boolean {
    let changed = false;
    for (let i = 0; i < reply.alertCount; i += 1) {
      const type = reply.alertType[i] as number;
      const code = reply.alertCode[i] as number;
      if (type === ALERT_TYPE.event && CHANGES.has(code)) changed = true;
      // Tools that come and go are told as such.
      if (type !== ALERT_TYPE.event || code > 4) this.#tell(type, code, now);
    }
    return changed;
  }

  #tell(type: number, code: number, now: number): void {
    const key = type * 65_536 + code;
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN_MS) return;
    // As many as a device has kinds of; a device that makes them up is not followed.
    if (this.#told.size < 256) this.#told.set(key, now);
    this.#sink.fault({ code: 'device/alarm', message: `The tracker reports: ${alertMeaning(type, code)}.` });
  }
}
