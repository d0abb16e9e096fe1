import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Random } from '@trocar/core/math';
import type { LinkOptions } from '../link.js';

/** A proxy that makes a real connection as poor as a {@link LinkOptions} says. */
export interface PoorProxy {
  readonly port: number;
  /** Breaks all connections, and refuses new ones until it is mended. */
  cut: boolean;
  /** Bytes from the relay to observers, and back, with what TCP and IP add to each piece. */
  readonly bytes: { down: number; up: number };
  close(): Promise<void>;
}

const HEADERS = 52;
/** What a lost packet costs beyond its way: a round trip and a half until three later packets are acknowledged and it comes again, ms. */
const LOSS_WAYS = 3;

/**
 * Starts a proxy before a relay's port. Each piece waits for the narrow place, then for the way; a lost one arrives after its repetition,
 * and what was sent behind it waits for it: a proxy cannot lose bytes of a TCP connection, so it does what losing them does.
 */
export async function poorProxy(to: number, options: LinkOptions): Promise<PoorProxy> {
  const random = new Random(options.seed);
  const sockets = new Set<Socket>();
  const bytes = { down: 0, up: 0 };
  let cut = false;
  const server = createServer({ noDelay: true }, (near) => {
    if (cut) {
      near.destroy();
      return;
    }
    const far = connect({ port: to, host: '127.0.0.1', noDelay: true });
    for (const [from, into, way] of [
      [near, far, 'up'],
      [far, near, 'down'],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        setTimeout(() => into.destroy(), options.oneWayMs);
      });
      carry(from, into, options, random, (n) => {
        bytes[way] += n;
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    bytes,
    get cut() {
      return cut;
    },
    set cut(is: boolean) {
      cut = is;
      if (is) for (const socket of sockets) socket.destroy();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function carry(from: Socket, into: Socket, options: LinkOptions, random: Random, count: (bytes: number) => void): void {
  let freeAt = 0;
  let arrivedAt = 0;
  from.on('data', (piece: Buffer) => {
    const now = performance.now();
    const size = piece.length + HEADERS * Math.ceil(piece.length / 1400);
    count(size);
    freeAt = Math.max(freeAt, now) + (size * 8000) / options.bitsPerSecond;
    const lost = random.uniform() < options.loss;
    arrivedAt = Math.max(arrivedAt, freeAt + options.oneWayMs * (lost ? 1 + LOSS_WAYS : 1));
    setTimeout(() => {
      if (!into.destroyed) into.write(piece);
    }, arrivedAt - now);
  });
}
