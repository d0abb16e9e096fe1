import type { PoseSample } from '@trocar/core';
import { expect, it } from 'vitest';
import { encodeIgtl, type IgtlMessageInit, plusMetadata, timestampOf } from '../../codec/igtl/index.js';
import { underTest } from '../../test-support/under-test.js';
import { checkDriver } from '../../testing/index.js';
import { pipe } from '../../transports/pipe.js';
import { igtlDriver } from './index.js';
import { clock } from './test-support/rig.js';

const NAMES = ['stylus', 'reference'];
const PERIOD_MS = 16;

/** Both tools on one line through the room: a pose that was not sent is not on it. */
function isOnLine(_tool: number, sample: PoseSample): boolean {
  const [, , , x = 0, y = 0, z = 0] = sample.values;
  return Math.abs(y - 2 * x - 1) < 1e-2 && Math.abs(z + x) < 1e-2;
}

/** A server that pushes both tools in one message each (TRANSFORM), or in one list (TDATA), and can stand still. */
class Pusher {
  readonly link = pipe();
  readonly #list: boolean;
  readonly #timer: ReturnType<typeof setInterval>;
  frozen = false;
  spoilt = false;
  #last: Uint8Array[] = [];

  constructor(list: boolean) {
    this.#list = list;
    void this.link.device.open({ data: () => undefined, closed: () => undefined });
    this.#timer = setInterval(() => this.#push(), PERIOD_MS);
  }

  #push(): void {
    if (!this.frozen) this.#last = this.#messages().map((message) => encodeIgtl(message).slice());
    for (const bytes of this.#last) this.link.device.write(bytes);
  }

  #messages(): IgtlMessageInit[] {
    const now = clock.now();
    const timestamp = timestampOf(clock.utc(now).getTime());
    const tools = NAMES.map((name, i) => {
      const x = this.spoilt ? Number.NaN : 100 * i + (now % 5000) / 100;
      return { name, toolType: 2, matrix: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, x, 2 * x + 1, -x, 1) };
    });
    if (this.#list) return [{ type: 'TDATA', device: 'Tracker', timestamp, content: { kind: 'trackingData', tools } }];
    return tools.map(({ name, matrix }) => ({
      type: 'TRANSFORM',
      device: name,
      headerVersion: 2,
      timestamp,
      metadata: plusMetadata('ok'),
      content: { kind: 'transform', matrix },
    }));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Between messages only something of a message's shape can be skipped: the protocol has no mark to begin again from. */
function damaged(): Uint8Array {
  const bytes = encodeIgtl({ type: 'STRING', device: '', content: { kind: 'string', encoding: 3, text: 'x' } }).slice();
  bytes[62] = 9;
  return bytes;
}

it.each([
  ['TRANSFORM with the metadata of PLUS', false, 'ok'],
  ['TDATA', true, 'unknown'],
] as const)('the driver conforms: %s', { timeout: 120_000 }, async (_, list, liveStatus) => {
  const failures = await checkDriver({
    kind: 'stream',
    tools: 2,
    liveStatus,
    silenceMs: 120,
    connectMs: 400,
    periodMs: PERIOD_MS + 4,
    isPossible: isOnLine,
    garbage: damaged,
    create: (wire) => {
      const pusher = new Pusher(list);
      const driver = igtlDriver({
        transport: wire.stream(pusher.link.host),
        clock,
        tools: NAMES.map((name) => ({ device: name })),
        silentMs: 120,
        firstMessageMs: 400,
        reconnectMs: 20,
      });
      return underTest(driver, pusher);
    },
  });
  expect(failures).toEqual([]);
});
