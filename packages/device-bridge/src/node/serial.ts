import { NavError } from '@trocar/core';
import type { SerialPort } from 'serialport';
import type { Transport, TransportHandler } from '../transport.js';

/** A serial port as the system lists it. */
export interface SerialPortFacts {
  readonly path: string;
  readonly manufacturer?: string;
  readonly serialNumber?: string;
  readonly vendorId?: string;
  readonly productId?: string;
}

type SerialPortModule = { readonly SerialPort: typeof SerialPort };

/** serialport is an optional peer: only those who use it need its native part. */
async function loadSerialPort(): Promise<SerialPortModule> {
  try {
    return await import('serialport');
  } catch (cause) {
    throw new NavError(
      'device/not-supported',
      'Serial ports need the package "serialport". Install it beside @trocar/device-bridge.',
      { cause },
    );
  }
}

/**
 * The serial ports of this machine; empty where the system cannot list them (Linux without udevadm): a path may still
 * be opened by name.
 * @throws NavError `device/not-supported` where the package "serialport" is not installed
 */
export async function listSerialPorts(): Promise<readonly SerialPortFacts[]> {
  const { SerialPort } = await loadSerialPort();
  try {
    const ports = await SerialPort.list();
    return ports.map(({ path, manufacturer, serialNumber, vendorId, productId }) => ({
      path,
      ...(manufacturer !== undefined && { manufacturer }),
      ...(serialNumber !== undefined && { serialNumber }),
      ...(vendorId !== undefined && { vendorId }),
      ...(productId !== undefined && { productId }),
    }));
  } catch {
    return [];
  }
}

/**
 * A serial port as a transport: 8 data bits, no parity, one stop bit, 9600 baud whenever it is opened.
 * @param path `/dev/ttyUSB0`, `COM3`
 */
export function serialTransport(path: string): Transport {
  let port: SerialPort | undefined;
  let opened: { handler: TransportHandler } | undefined;
  let handshake = false;
  const reopen = async (handler: TransportHandler, baudRate: number, rtscts: boolean): Promise<void> => {
    const { SerialPort } = await loadSerialPort();
    const next = new SerialPort({ path, baudRate, rtscts, autoOpen: false });
    await openPort(next, path);
    port = next;
    opened = { handler };
    handshake = rtscts;
    follow(next, path, handler, () => port === next);
  };
  const shut = async (): Promise<void> => {
    const closing = port;
    port = undefined;
    if (closing?.isOpen !== true) return;
    await new Promise<void>((resolve) => closing.close(() => resolve()));
  };
  return {
    label: `serial ${path}`,
    line: {
      sendBreak: async (ms) => {
        await setBreak(port, path, true);
        await new Promise((resolve) => setTimeout(resolve, ms));
        await setBreak(port, path, false);
      },
      setBaudRate: async (baudRate, hardwareHandshake = false) => {
        if (hardwareHandshake === handshake) return setBaudRate(port, path, baudRate);
        // The handshake of an open port cannot be changed: it is closed and opened with the other one.
        const { handler } = requireOpen(port, path, opened);
        await shut();
        await reopen(handler, baudRate, hardwareHandshake);
      },
    },
    open: (handler) => reopen(handler, 9600, false),
    write: (bytes) => {
      // A copy: the port writes later, and the caller may use its bytes again.
      if (port?.isOpen === true) port.write(Buffer.from(bytes));
    },
    close: shut,
  };
}

function requireOpen<T>(port: SerialPort | undefined, path: string, opened: T | undefined): T {
  if (port !== undefined && opened !== undefined) return opened;
  throw new NavError('device/disconnected', `The serial port ${path} is not open.`);
}

function openPort(port: SerialPort, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    port.open((cause) => {
      if (!cause) return resolve();
      const help = 'Check that it is plugged in, not in use, and that you may open it (on Linux: group dialout).';
      reject(
        new NavError('device/connect-failed', `The serial port ${path} cannot be opened: ${cause.message}. ${help}`, { cause }),
      );
    });
  });
}

function follow(port: SerialPort, path: string, handler: TransportHandler, isCurrent: () => boolean): void {
  port.on('data', (bytes: Buffer) => {
    if (isCurrent()) handler.data(bytes);
  });
  port.on('close', (cause: unknown) => {
    if (isCurrent()) handler.closed(new NavError('device/disconnected', `The serial port ${path} is gone.`, { cause }));
  });
  // Always followed by 'close'; without a listener it would end the process.
  port.on('error', () => undefined);
}

function setBreak(port: SerialPort | undefined, path: string, brk: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    if (port === undefined) return reject(new NavError('device/disconnected', `The serial port ${path} is not open.`));
    port.set({ brk }, (cause) => {
      if (!cause) return resolve();
      reject(new NavError('device/not-supported', `The port ${path} cannot send a break: ${cause.message}.`, { cause }));
    });
  });
}

function setBaudRate(port: SerialPort | undefined, path: string, baudRate: number): Promise<void> {
  return new Promise((resolve, reject) => {
    if (port === undefined) return reject(new NavError('device/disconnected', `The serial port ${path} is not open.`));
    port.update({ baudRate }, (cause) => {
      if (!cause) return resolve();
      reject(
        new NavError('device/not-supported', `The port ${path} cannot run at ${baudRate} baud: ${cause.message}.`, { cause }),
      );
    });
  });
}
