import type { NavError } from '@trocar/core';

/** Who gets what a transport receives. */
export interface TransportHandler {
  /** @param bytes valid only until the handler returns */
  data(bytes: Uint8Array): void;
  /** The connection is gone, once per opening; not called for one's own {@link Transport.close}. */
  closed(reason: NavError): void;
}

/** What only a serial line can do. */
export interface SerialLine {
  /**
   * Holds the line in break.
   * @throws NavError `device/not-supported` where the port cannot (a pseudo-terminal)
   */
  sendBreak(ms: number): Promise<void>;
  /** Changes the host's side of the line; the device's side is changed by command first. */
  setBaudRate(baudRate: number, hardwareHandshake?: boolean): Promise<void>;
}

/**
 * A stream of bytes to and from a device: a value handed in, so that a driver runs over serial, TCP, Web Serial or a
 * pipe in the same process. It can be opened again after it closed.
 */
export interface Transport {
  /** For people: `serial /dev/ttyUSB0`. */
  readonly label: string;
  /** Present where the transport is a serial line. It begins at 9600 baud whenever it is opened. */
  readonly line?: SerialLine;
  /** @throws NavError `device/connect-failed` */
  open(handler: TransportHandler): Promise<void>;
  /** Sends bytes in order; they may be reused once it returns. Nothing happens where it is not open. */
  write(bytes: Uint8Array): void;
  /** Closes; closing twice does nothing more. */
  close(): Promise<void>;
}

/** Who sent a datagram. */
export interface DatagramSource {
  readonly address: string;
  readonly port: number;
}

/** Who gets what a datagram transport receives. */
export interface DatagramHandler {
  /**
   * One whole datagram: never a part of one, never two; it may be lost, repeated or come out of order.
   * @param bytes valid only until the handler returns
   * @param from who sent it, where the transport knows
   */
  datagram(bytes: Uint8Array, from?: DatagramSource): void;
  /** The transport is gone, once per opening; not called for one's own {@link DatagramTransport.close}. */
  closed(reason: NavError): void;
}

/**
 * Datagrams to and from a device: UDP, or a value in the same process that behaves alike. That it is open says nothing
 * about a device being there: only datagrams do. It can be opened again after it closed.
 */
export interface DatagramTransport {
  /** For people: `udp 127.0.0.1:5000`. */
  readonly label: string;
  /** @throws NavError `device/connect-failed` */
  open(handler: DatagramHandler): Promise<void>;
  /**
   * Sends one datagram; the bytes may be reused once it returns. Nothing happens where it is not open, and nobody says
   * whether it arrived.
   * @throws NavError `device/not-supported` where there is nobody to send to
   */
  send(bytes: Uint8Array): void;
  /** Closes; closing twice does nothing more. */
  close(): Promise<void>;
}
