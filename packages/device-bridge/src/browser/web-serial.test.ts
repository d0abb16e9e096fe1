import { isNavError, type NavError, systemClock } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { poseBufferSink } from '../driver.js';
import { ndiDriver } from '../drivers/ndi/index.js';
import { simulateNdiTracker } from '../drivers/simulated/index.js';
import type { TransportHandler } from '../transport.js';
import { pipe } from '../transports/pipe.js';
import { type WebSerialPort, webSerialTransport } from './web-serial.js';

type OpenOptions = Parameters<WebSerialPort['open']>[0];

/** A port as a browser makes it: streams while it is open, a new one after an error of the line. */
class MockPort implements WebSerialPort {
  readonly openings: OpenOptions[] = [];
  readonly signals: boolean[] = [];
  readonly written: number[] = [];
  readable: ReadableStream<Uint8Array> | null = null;
  writable: WritableStream<Uint8Array> | null = null;
  onWrite: (bytes: Uint8Array) => void | Promise<void> = () => undefined;
  breaks = true;
  refuseOpen: string | undefined;
  #source: ReadableStreamDefaultController<Uint8Array> | undefined;
  #listeners = new Set<() => void>();

  async open(options: OpenOptions): Promise<void> {
    if (this.readable !== null) throw new Error('The port is already open.');
    if (this.refuseOpen !== undefined) throw new Error(this.refuseOpen);
    this.openings.push(options);
    this.#renew();
    this.writable = new WritableStream({
      write: (bytes) => {
        this.written.push(...bytes);
        return this.onWrite(bytes);
      },
    });
  }

  #renew(): void {
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#source = controller;
      },
    });
  }

  async close(): Promise<void> {
    if (this.readable?.locked === true || this.writable?.locked === true) throw new Error('A stream is locked.');
    this.readable = null;
    this.writable = null;
  }

  async setSignals({ break: on }: { readonly break: boolean }): Promise<void> {
    if (!this.breaks) throw new Error('Failed to set control signals.');
    this.signals.push(on);
  }

  addEventListener(_: 'disconnect', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: 'disconnect', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  getInfo(): { usbVendorId: number; usbProductId: number } {
    return { usbVendorId: 0x0403, usbProductId: 0x6001 };
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  receive(bytes: Uint8Array): void {
    this.#source?.enqueue(bytes.slice());
  }

  /** Framing, parity, break, overrun: the stream fails, and the port has a new one. */
  failLine(name: string): void {
    const source = this.#source;
    this.#renew();
    source?.error(new DOMException('Failed.', name));
  }

  pull(): void {
    const source = this.#source;
    this.readable = null;
    source?.error(new DOMException('The device has been lost.', 'NetworkError'));
    for (const listener of [...this.#listeners]) listener();
  }
}

function heard(): TransportHandler & { readonly bytes: number[]; readonly chunks: number[]; readonly gone: NavError[] } {
  const bytes: number[] = [];
  const chunks: number[] = [];
  const gone: NavError[] = [];
  return {
    bytes,
    chunks,
    gone,
    data: (b) => {
      bytes.push(...b);
      chunks.push(b.length);
    },
    closed: (reason) => gone.push(reason),
  };
}

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe('a Web Serial port', () => {
  it('is opened at 9600 8N1, read in bounded parts, written in order, and closed with its streams let go', async () => {
    const port = new MockPort();
    const transport = webSerialTransport(port);
    expect(transport.label).toBe('web serial 0403:6001');
    const to = heard();
    await transport.open(to);
    expect(port.openings[0]).toEqual({
      baudRate: 9600,
      dataBits: 8,
      stopBits: 1,
      parity: 'none',
      bufferSize: 16_384,
      flowControl: 'none',
    });
    port.receive(new Uint8Array(10_000).fill(7));
    await expect.poll(() => to.bytes.length).toBe(10_000);
    expect(Math.max(...to.chunks)).toBeLessThanOrEqual(4096);
    const bytes = Uint8Array.of(1, 2, 3);
    transport.write(bytes);
    bytes.fill(9);
    transport.write(Uint8Array.of(4));
    await expect.poll(() => port.written).toEqual([1, 2, 3, 4]);
    await transport.close();
    await transport.close();
    expect(port.readable).toBe(null);
    expect(port.listeners).toBe(0);
    expect(to.gone).toEqual([]);
  });

  it('is closed and opened again for another rate or handshake, without being lost', async () => {
    const port = new MockPort();
    const transport = webSerialTransport(port, { bufferSize: 65_536 });
    const to = heard();
    await transport.open(to);
    await transport.line?.setBaudRate(921_600, true);
    expect(port.openings[1]).toMatchObject({ baudRate: 921_600, flowControl: 'hardware', bufferSize: 65_536 });
    port.receive(Uint8Array.of(5));
    await expect.poll(() => to.bytes).toEqual([5]);
    transport.write(Uint8Array.of(6));
    await expect.poll(() => port.written).toEqual([6]);
    expect(to.gone).toEqual([]);
    await transport.close();
  });

  it('holds a break, and says where the port cannot', async () => {
    const port = new MockPort();
    const transport = webSerialTransport(port);
    await expect(transport.line?.sendBreak(1)).rejects.toSatisfy((e) => isNavError(e, 'device/disconnected'));
    await transport.open(heard());
    await transport.line?.sendBreak(1);
    expect(port.signals).toEqual([true, false]);
    port.breaks = false;
    await expect(transport.line?.sendBreak(1)).rejects.toSatisfy((e) => isNavError(e, 'device/not-supported'));
    await transport.close();
  });

  it('goes on after an error of the line, and tells it', async () => {
    const port = new MockPort();
    const errors: string[] = [];
    const transport = webSerialTransport(port, { onLineError: (e) => errors.push(e.code) });
    const to = heard();
    await transport.open(to);
    port.receive(Uint8Array.of(1));
    await expect.poll(() => to.bytes).toEqual([1]);
    port.failLine('FramingError');
    await expect.poll(() => errors).toEqual(['codec/malformed']);
    port.receive(Uint8Array.of(2));
    await expect.poll(() => to.bytes).toEqual([1, 2]);
    expect(to.gone).toEqual([]);
    await transport.close();
  });

  it('is lost once when it is pulled, and can be opened again', async () => {
    const port = new MockPort();
    const transport = webSerialTransport(port);
    const to = heard();
    await transport.open(to);
    port.pull();
    await expect.poll(() => to.gone.length).toBe(1);
    expect(isNavError(to.gone[0], 'device/disconnected')).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(to.gone).toHaveLength(1);
    transport.write(Uint8Array.of(1));
    await transport.open(to);
    port.receive(Uint8Array.of(3));
    await expect.poll(() => to.bytes).toEqual([3]);
    await transport.close();
  });

  it('is lost where the device takes no bytes', async () => {
    const port = new MockPort();
    port.onWrite = () => new Promise(() => undefined);
    const transport = webSerialTransport(port);
    const to = heard();
    await transport.open(to);
    for (let n = 0; n < 20; n += 1) transport.write(new Uint8Array(4096));
    expect(to.gone).toHaveLength(1);
    expect(to.gone[0]?.message).toMatch(/takes no bytes/);
  });

  it('is refused with a reason where it does not open, or is open', async () => {
    const port = new MockPort();
    port.refuseOpen = 'Failed to open serial port.';
    const transport = webSerialTransport(port, { label: 'tracker' });
    await expect(transport.open(heard())).rejects.toThrowError(/^tracker cannot be opened at 9600 baud: Failed to open/);
    port.refuseOpen = undefined;
    await transport.open(heard());
    await expect(transport.open(heard())).rejects.toSatisfy((e) => isNavError(e, 'device/connect-failed'));
    await transport.close();
  });

  it('carries a whole NDI session: break, raised rate, poses, pulled out', async () => {
    const clock = systemClock();
    const port = new MockPort();
    const ends = pipe();
    await ends.host.open({ data: (bytes) => port.receive(bytes), closed: () => undefined });
    port.onWrite = (bytes) => ends.host.write(bytes);
    const simulator = await simulateNdiTracker(ends.device, {
      clock,
      tools: [{ name: 'stylus', kind: 'wired', serial: 'WEB00001' }],
      poseOf: () => ({ position: [1, 2, 3], rotation: [0, 0, 0, 1] }),
    });
    closing.push(() => simulator.close());
    const setSignals = port.setSignals.bind(port);
    port.setSignals = async (signals) => {
      await setSignals(signals);
      if (!signals.break) simulator.restart();
    };
    const driver = ndiDriver({
      transport: webSerialTransport(port),
      clock,
      tools: [{ name: 'stylus', serial: 'WEB00001' }],
      baudRate: 921_600,
      timeouts: { settleMs: 1, commandMs: 500, resetMs: 1000 },
    });
    closing.push(() => driver.stop());
    const seen = new Set<string>();
    const sink = poseBufferSink({});
    await driver.start({ ...sink, pose: (_, sample) => seen.add(`${sample.status} ${sample.values[3]}`) });
    expect(port.openings.map((o) => o.baudRate)).toEqual([9600, 921_600]);
    await expect.poll(() => [...seen]).toContain('ok 1');
    port.refuseOpen = 'gone';
    port.pull();
    await expect.poll(() => [...seen]).toContain('disconnected NaN');
  });
});
