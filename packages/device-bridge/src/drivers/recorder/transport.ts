import type { Clock, NavError } from '@trocar/core';
import type { DeviceRecorder } from '@trocar/core/recording';
import type { DatagramHandler, DatagramSource, DatagramTransport, SerialLine, Transport } from '../../transport.js';

const NOTHING = new Uint8Array(0);

/** What a transport that records has beside its transport. */
export interface Recorded {
  /**
   * The clock to give to the driver. While bytes are delivered it stands at their arrival, so that the driver and the
   * recording have one and the same time for them; a raw replay then gives the same poses bit by bit.
   */
  readonly clock: Clock;
}

/** A clock that can be held while something is delivered. */
class Tap {
  readonly device: DeviceRecorder;
  readonly at: Float64Array = new Float64Array(1);
  readonly clock: Clock;
  #held = false;

  constructor(device: DeviceRecorder) {
    this.device = device;
    const { clock } = device;
    const { at } = this;
    this.clock = {
      now: () => (this.#held ? (at[0] as ReturnType<Clock['now']>) : clock.now()),
      plus: (from, offsetMs) => clock.plus(from, offsetMs),
      utc: (when) => clock.utc(when),
    };
  }

  /** Time stands still from now until {@link release}, and is in {@link at}. */
  hold(): void {
    this.at[0] = this.device.clock.now();
    this.#held = true;
  }

  release(): void {
    this.#held = false;
  }

  /** Records what happened, at this moment. */
  note(kind: 'opened' | 'closed' | 'line', text: string): void {
    this.at[0] = this.device.clock.now();
    this.device.raw(kind, this.at, NOTHING, text);
  }

  /** Noted first: the first bytes may come before the opener knows that it is open. */
  async opening(label: string, open: () => Promise<void>): Promise<void> {
    this.note('opened', label);
    try {
      await open();
    } catch (error) {
      this.note('closed', error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  sent(bytes: Uint8Array): void {
    const now = this.#held ? this.at : own;
    if (!this.#held) own[0] = this.device.clock.now();
    this.device.raw('sent', now, bytes);
  }

  /** Records that the connection is gone, and tells whoever has it. */
  closed(reason: NavError, tell: (reason: NavError) => void): void {
    this.hold();
    try {
      this.device.raw('closed', this.at, NOTHING, reason.message);
      tell(reason);
    } finally {
      this.release();
    }
  }
}

const own = new Float64Array(1);

/**
 * A transport that records every byte both ways with its time, and what happens to the line. Give its
 * {@link Recorded.clock} to the driver.
 */
export function recordingTransport(transport: Transport, device: DeviceRecorder): Transport & Recorded {
  const tap = new Tap(device);
  return {
    label: transport.label,
    clock: tap.clock,
    ...(transport.line !== undefined && { line: recordedLine(transport.line, tap) }),
    open: async (handler) => {
      const data = (bytes: Uint8Array): void => {
        tap.hold();
        try {
          device.raw('received', tap.at, bytes);
          handler.data(bytes);
        } finally {
          tap.release();
        }
      };
      const closed = (reason: NavError): void => tap.closed(reason, (why) => handler.closed(why));
      const label = transport.line === undefined ? transport.label : `serial: ${transport.label}`;
      await tap.opening(label, () => transport.open({ data, closed }));
    },
    write: (bytes) => {
      tap.sent(bytes);
      transport.write(bytes);
    },
    close: async () => {
      tap.note('line', 'closed by the host');
      await transport.close();
    },
  };
}

function recordedLine(line: SerialLine, tap: Tap): SerialLine {
  return {
    sendBreak: (ms) => {
      tap.note('line', `break ${ms} ms`);
      return line.sendBreak(ms);
    },
    setBaudRate: (baudRate, hardwareHandshake) => {
      tap.note('line', `baud ${baudRate}${hardwareHandshake === true ? ' with hardware handshake' : ''}`);
      return line.setBaudRate(baudRate, hardwareHandshake);
    },
  };
}

/** The same for datagrams: one is recorded as one, and who sent it where that changes. */
export function recordingDatagrams(transport: DatagramTransport, device: DeviceRecorder): DatagramTransport & Recorded {
  const tap = new Tap(device);
  let last: DatagramSource | undefined;
  const handlerFor = (handler: DatagramHandler): DatagramHandler => ({
    datagram: (bytes, from) => {
      tap.hold();
      try {
        if (from !== undefined && (from.port !== last?.port || from.address !== last.address)) {
          last = { address: from.address, port: from.port };
          device.raw('line', tap.at, NOTHING, `from ${from.address} ${from.port}`);
        }
        device.raw('received', tap.at, bytes);
        handler.datagram(bytes, from);
      } finally {
        tap.release();
      }
    },
    closed: (reason) => tap.closed(reason, (why) => handler.closed(why)),
  });
  return {
    label: transport.label,
    clock: tap.clock,
    open: async (handler) => {
      last = undefined;
      await tap.opening(transport.label, () => transport.open(handlerFor(handler)));
    },
    send: (bytes) => {
      tap.sent(bytes);
      transport.send(bytes);
    },
    close: async () => {
      tap.note('line', 'closed by the host');
      await transport.close();
    },
  };
}
