import { NavError } from '@trocar/core';
import type { Transport, TransportHandler } from '../transport.js';

/** What is needed of a `SerialPort` of the Web Serial API; the platform's own is one. */
export interface WebSerialPort {
  open(options: {
    readonly baudRate: number;
    readonly dataBits: 8;
    readonly stopBits: 1;
    readonly parity: 'none';
    readonly bufferSize: number;
    readonly flowControl: 'none' | 'hardware';
  }): Promise<void>;
  close(): Promise<void>;
  readonly readable: ReadableStream<Uint8Array> | null;
  readonly writable: WritableStream<Uint8Array> | null;
  setSignals(signals: { readonly break: boolean }): Promise<void>;
  addEventListener(type: 'disconnect', listener: () => void): void;
  removeEventListener(type: 'disconnect', listener: () => void): void;
  getInfo?(): { readonly usbVendorId?: number; readonly usbProductId?: number };
}

/** How a Web Serial port is used. */
export interface WebSerialOptions {
  /** For people. Default made from the port's USB numbers. */
  readonly label?: string;
  /** Bytes that the browser may hold for the page. Default 16384: a tenth of a second at the highest rate. */
  readonly bufferSize?: number;
  /**
   * Gets what the line itself complains of while it goes on: framing, parity, break, and an overrun of the buffer. Bytes
   * are lost then; a codec finds its way again.
   */
  readonly onLineError?: (error: NavError) => void;
}

/** More bytes that wait to be sent mean that the device takes none. */
const MOST_WAITING = 65_536;
/** The most bytes that a handler gets at once. */
const LARGEST_CHUNK = 4096;
/** A broken line makes one error after the other: past so many without a byte between, it is given up. */
const MOST_ERRORS = 32;

/**
 * A port of the Web Serial API as a transport, so that a page or a worker talks to a tracker with no bridge: 8 data
 * bits, no parity, one stop bit, 9600 baud whenever it is opened. The page gets the port from `navigator.serial`, which
 * needs a secure context and, the first time, a click.
 *
 * A changed rate or handshake closes the port and opens it again: the API cannot change an open one.
 */
export function webSerialTransport(port: WebSerialPort, options: WebSerialOptions = {}): Transport {
  const line = new WebSerialLine(port, options);
  return {
    label: line.label,
    line: {
      sendBreak: (ms) => line.sendBreak(ms),
      setBaudRate: (baudRate, hardwareHandshake = false) => line.setBaudRate(baudRate, hardwareHandshake),
    },
    open: (handler) => line.open(handler),
    write: (bytes) => line.write(bytes),
    close: () => line.close(),
  };
}

/** One opening of the port, from open to close. */
interface Opening {
  readonly handler: TransportHandler;
  readonly reader: { current: ReadableStreamDefaultReader<Uint8Array> | undefined };
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  /** Ends when nothing is read any more. */
  reading: Promise<void>;
  waiting: number;
}

class WebSerialLine {
  readonly label: string;
  readonly #port: WebSerialPort;
  readonly #options: WebSerialOptions;
  #opening: Opening | undefined;
  readonly #onDisconnect = (): void => this.#lost('it was pulled out');

  constructor(port: WebSerialPort, options: WebSerialOptions) {
    this.#port = port;
    this.#options = options;
    const { usbVendorId, usbProductId } = port.getInfo?.() ?? {};
    const usb = [usbVendorId, usbProductId].map((id) => id?.toString(16).padStart(4, '0') ?? '');
    this.label = options.label ?? (usbVendorId === undefined ? 'web serial' : `web serial ${usb.join(':')}`);
  }

  /** @throws NavError `device/connect-failed` */
  async open(handler: TransportHandler): Promise<void> {
    if (this.#opening !== undefined) {
      throw new NavError('device/connect-failed', `${this.label} is open already. Close it first.`);
    }
    await this.#start(handler, 9600, false);
    this.#port.addEventListener('disconnect', this.#onDisconnect);
  }

  async #start(handler: TransportHandler, baudRate: number, hardware: boolean): Promise<void> {
    const port = this.#port;
    try {
      await port.open({
        baudRate,
        dataBits: 8,
        stopBits: 1,
        parity: 'none',
        bufferSize: this.#options.bufferSize ?? 16_384,
        flowControl: hardware ? 'hardware' : 'none',
      });
      if (port.writable === null || port.readable === null) throw new Error('it opened without its streams');
      const writer = port.writable.getWriter();
      // Failed writes are told where they are made.
      writer.closed.catch(() => undefined);
      const opening: Opening = { handler, reader: { current: undefined }, writer, reading: Promise.resolve(), waiting: 0 };
      this.#opening = opening;
      opening.reading = this.#read(opening);
    } catch (cause) {
      const why = `${messageOf(cause)}. Check that it is plugged in and not in use elsewhere`;
      throw new NavError('device/connect-failed', `${this.label} cannot be opened at ${baudRate} baud: ${why}.`, { cause });
    }
  }

  /** Reads until the port is closed or gone. After an error of the line the port makes a new stream. */
  async #read(opening: Opening): Promise<void> {
    let errors = 0;
    let last = 'its stream ended';
    while (this.#opening === opening && this.#port.readable !== null && errors < MOST_ERRORS) {
      const reader = this.#port.readable.getReader();
      opening.reader.current = reader;
      try {
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          if (this.#opening !== opening) break;
          if (part.value.length > 0) errors = 0;
          deliver(part.value, opening.handler);
        }
        errors += 1;
      } catch (cause) {
        errors += 1;
        last = messageOf(cause);
        if (this.#opening === opening && this.#port.readable !== null) this.#tellLine(cause);
      } finally {
        reader.releaseLock();
        opening.reader.current = undefined;
      }
    }
    if (this.#opening === opening) this.#lost(last);
  }

  #tellLine(cause: unknown): void {
    const message = `${this.label}: bytes were lost on the line: ${messageOf(cause)}.`;
    this.#options.onLineError?.(new NavError('codec/malformed', message, { cause }));
  }

  write(bytes: Uint8Array): void {
    const opening = this.#opening;
    if (opening === undefined) return;
    opening.waiting += bytes.length;
    if (opening.waiting > MOST_WAITING) {
      this.#lost(`it takes no bytes: ${opening.waiting} wait`);
      return;
    }
    // A copy: the stream writes later, and the caller may use its bytes again.
    opening.writer.write(bytes.slice()).then(
      () => {
        opening.waiting -= bytes.length;
      },
      (cause: unknown) => {
        if (this.#opening === opening) this.#lost(messageOf(cause));
      },
    );
  }

  /** @throws NavError `device/not-supported`, `device/disconnected` */
  async sendBreak(ms: number): Promise<void> {
    this.#requireOpen();
    try {
      await this.#port.setSignals({ break: true });
      await new Promise((resolve) => setTimeout(resolve, ms));
      await this.#port.setSignals({ break: false });
    } catch (cause) {
      const message = `${this.label} cannot send a break: ${messageOf(cause)}.`;
      throw new NavError('device/not-supported', message, { cause });
    }
  }

  /** @throws NavError `device/disconnected`, `device/connect-failed` */
  async setBaudRate(baudRate: number, hardware: boolean): Promise<void> {
    const { handler } = this.#requireOpen();
    await this.#end();
    await this.#start(handler, baudRate, hardware);
  }

  #requireOpen(): Opening {
    if (this.#opening !== undefined) return this.#opening;
    throw new NavError('device/disconnected', `${this.label} is not open.`);
  }

  async close(): Promise<void> {
    this.#port.removeEventListener('disconnect', this.#onDisconnect);
    await this.#end();
  }

  /** Lets the streams go and closes the port; closing twice does nothing more. */
  async #end(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    if (opening === undefined) return;
    await opening.reader.current?.cancel().catch(() => undefined);
    await opening.reading;
    opening.writer.abort().catch(() => undefined);
    opening.writer.releaseLock();
    await this.#port.close().catch(() => undefined);
  }

  /** The port is gone, or of no use: told once. */
  #lost(why: string): void {
    const opening = this.#opening;
    if (opening === undefined) return;
    this.#port.removeEventListener('disconnect', this.#onDisconnect);
    void this.#end();
    opening.handler.closed(new NavError('device/disconnected', `${this.label} is gone: ${why}.`));
  }
}

function deliver(bytes: Uint8Array, handler: TransportHandler): void {
  for (let at = 0; at < bytes.length; at += LARGEST_CHUNK) handler.data(bytes.subarray(at, at + LARGEST_CHUNK));
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');
