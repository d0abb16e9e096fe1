import type { Clock } from '@trocar/core';
import type { Random } from '@trocar/core/math';
import type { Transport } from '@trocar/device-bridge';

/**
 * A line that holds bytes back on their way to the host: a little and unevenly, as operating systems do, and by as much as a fault asks
 * for. They stay in order.
 */
export function heldBack(inner: Transport, clock: Clock, random: Random, delayMs: () => number): Transport {
  let free = 0;
  return {
    label: inner.label,
    write: (bytes) => inner.write(bytes),
    close: () => inner.close(),
    open: (handler) =>
      inner.open({
        closed: (reason) => handler.closed(reason),
        data: (bytes) => {
          const copy = bytes.slice();
          const spike = random.uniform() < 0.002 ? 25 * random.uniform() : 0;
          const at = Math.max(free, clock.now() + delayMs() + 3 * random.uniform() + spike);
          free = at;
          setTimeout(() => handler.data(copy), at - clock.now());
        },
      }),
  };
}
