import { type Clock, NavError } from '@trocar/core';
import { type DatagramTransport, type Driver, makeDriver } from '../../index.js';

/** The codec: one datagram, 'A' + tool + counter + seven float64, little-endian: x y z in metres, then w x y z. */
export function decodeCaliper(bytes: Uint8Array): { tool: number; counter: number; seen: boolean; numbers: Float64Array } {
  if (bytes.length !== 62 || bytes[0] !== 0x41) {
    throw new NavError('codec/malformed', `A caliper datagram has 62 bytes and begins with "A"; this one has ${bytes.length}.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const numbers = Float64Array.from({ length: 7 }, (_, k) => view.getFloat64(6 + 8 * k, true));
  return { tool: view.getUint8(1) & 0x7f, seen: view.getUint8(1) < 0x80, counter: view.getUint32(2, true), numbers };
}

/** The driver: the codec, a transport, and what is known of the device. */
export function caliperDriver(options: { transport: DatagramTransport; clock: Clock; silenceMs?: number }): Driver {
  const { transport, clock, silenceMs = 400 } = options;
  const tools = [{ name: 'tip' }, { name: 'base' }];
  const newest = new Float64Array(tools.length);
  return makeDriver({
    name: `caliper on ${transport.label}`,
    clock,
    tools,
    timeouts: { connectMs: 1000, silenceMs, reconnectMs: 50 },
    close: () => transport.close(),
    open: async (session) => {
      newest.fill(-1);
      await transport.open({
        closed: (reason) => session.lost(reason),
        datagram: (bytes) => {
          if (!session.arrived()) return;
          try {
            const { tool, counter, seen, numbers } = decodeCaliper(bytes);
            // Late and repeated datagrams are not told; a tool that nobody named is none.
            if (tool >= tools.length || counter <= (newest[tool] as number)) return;
            newest[tool] = counter;
            session.alive();
            const { poses } = session;
            const [x = 0, y = 0, z = 0, qw = 0, qx = 0, qy = 0, qz = 0] = numbers;
            // Metres to mm and the scalar last: conversions live here, each with a test that fails when it is flipped.
            poses.sample.errorMm = Number.NaN;
            poses.sample.setPose(1000 * x, 1000 * y, 1000 * z, qx, qy, qz, qw);
            // The device has no clock: measured when it arrived.
            poses.measuredAt[0] = Number.NaN;
            poses.tell(tool, seen ? 'ok' : 'missing', counter);
            poses.flush();
          } catch (error) {
            if (error instanceof NavError) session.fault(error.code, error.message);
          }
        },
      });
    },
  });
}
