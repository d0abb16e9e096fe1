import { expect, it } from 'vitest';
import type { WebSerialPort } from './web-serial.js';
import { webSerialTransport } from './web-serial.js';

/** In a real browser's streams: a port that answers each command with itself, and is pulled out. */
it('talks through the streams of a browser, and tells a port that is pulled', async () => {
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  let listener: () => void = () => undefined;
  const port = {
    readable: null as ReadableStream<Uint8Array> | null,
    writable: null as WritableStream<Uint8Array> | null,
    open: async () => {
      port.readable = new ReadableStream({
        start: (controller) => {
          source = controller;
        },
      });
      port.writable = new WritableStream({ write: (bytes) => source?.enqueue(bytes) });
    },
    close: async () => {
      port.readable = null;
    },
    setSignals: async () => undefined,
    addEventListener: (_: 'disconnect', to: () => void) => {
      listener = to;
    },
    removeEventListener: () => undefined,
  } satisfies WebSerialPort;
  const got: number[] = [];
  const transport = webSerialTransport(port, { label: 'loop' });
  const gone = new Promise<string>((resolve) => {
    void transport
      .open({ data: (bytes) => got.push(...bytes), closed: (reason) => resolve(reason.code) })
      .then(() => transport.write(Uint8Array.of(73, 78, 73, 84)));
  });
  await expect.poll(() => got).toEqual([73, 78, 73, 84]);
  await transport.line?.setBaudRate(115_200);
  transport.write(Uint8Array.of(13));
  await expect.poll(() => got.at(-1)).toBe(13);
  port.readable = null;
  source?.error(new DOMException('The device has been lost.', 'NetworkError'));
  listener();
  expect(await gone).toBe('device/disconnected');
});

/** Where the browser has the API, its own type is one that the transport takes. */
it('finds the API in a secure context of Chromium', () => {
  expect('serial' in navigator).toBe(window.isSecureContext);
});
