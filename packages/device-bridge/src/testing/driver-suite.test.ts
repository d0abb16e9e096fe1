import { PoseSample, systemClock } from '@trocar/core';
import { describe, expect, it } from 'vitest';
import type { Driver, PoseSink } from '../driver.js';
import { checkDriver, type DriverSuite, datagramLink, type TestWire } from './index.js';
import { caliperDriver } from './test-support/caliper-driver.js';

const clock = systemClock();

function datagram(tool: number, counter: number, x: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(62));
  view.setUint8(0, 0x41);
  view.setUint8(1, tool);
  view.setUint32(2, counter, true);
  [x, 2 * x, -x, 1, 0, 0, 0].forEach((v, k) => {
    view.setFloat64(6 + 8 * k, v, true);
  });
  return new Uint8Array(view.buffer);
}

const isPossible = (_: number, { values: [, , , x = 0, y = 0, z = 0] }: PoseSample): boolean =>
  Math.abs(y - 2 * x) < 1e-6 && Math.abs(z + x) < 1e-6;

/** The example driver with something done to it. */
function suite(spoil: (driver: Driver) => Driver): DriverSuite {
  return {
    kind: 'datagram',
    tools: 2,
    silenceMs: 100,
    connectMs: 1000,
    periodMs: 5,
    slackMs: 300,
    isPossible,
    create: (wire: TestWire) => {
      const link = datagramLink();
      const device = { frozen: false, spoilt: false };
      let counter = 0;
      let x = 0;
      const timer = setInterval(() => {
        counter += 1;
        if (!device.frozen) x = (counter % 500) / 1000;
        for (const tool of [0, 1]) link.device.send(datagram(tool, counter, device.spoilt ? Number.NaN : x + tool));
      }, 5);
      return {
        driver: spoil(caliperDriver({ transport: wire.datagrams(link.host), clock, silenceMs: 100 })),
        freeze: () => Object.assign(device, { frozen: true }),
        spoil: () => Object.assign(device, { spoilt: true }),
        heal: () => Object.assign(device, { frozen: false, spoilt: false }),
        close: () => clearInterval(timer),
      };
    },
  };
}

/** A driver whose sink is another than the one it was given. */
const through =
  (change: (sink: PoseSink) => Partial<PoseSink>) =>
  (driver: Driver): Driver => ({
    ...driver,
    start: (sink) => {
      const own: PoseSink = {
        tools: (list) => sink.tools(list),
        pose: (...args) => sink.pose(...args),
        flush: () => sink.flush(),
        connection: (...args) => sink.connection(...args),
        fault: (fault) => sink.fault(fault),
      };
      return driver.start({ ...own, ...change(sink) });
    },
  });

/** Drivers with one fault each, and what must be said of them. */
const BROKEN: ReadonlyArray<readonly [string, (driver: Driver) => Driver, RegExp]> = [
  [
    'swallows that the device went',
    through((sink) => ({
      connection: (state, reason) => {
        if (state !== 'disconnected') sink.connection(state, reason);
      },
    })),
    /silence: it did not tell that a silent device is gone/,
  ],
  [
    'leaves a tool connected when the device goes',
    through((sink) => ({
      pose: (tool, sample, frame) => {
        if (tool === 0 || sample.status !== 'disconnected') sink.pose(tool, sample, frame);
      },
    })),
    /tool 1 was left (ok|stale)/,
  ],
  [
    'makes poses up',
    through((sink) => ({
      pose: (tool, sample, frame) => {
        sample.values[4] = (sample.values[4] as number) + 1;
        sink.pose(tool, sample, frame);
      },
    })),
    /which the device never sent/,
  ],
  [
    'calls a frozen pose ok',
    through((sink) => ({
      pose: (tool, sample, frame) => {
        if (sample.status === 'stale') sample.status = 'ok';
        sink.pose(tool, sample, frame);
      },
    })),
    /frozen: it did not tell that a frozen device measures no more/,
  ],
  [
    'calls numbers that are none ok',
    through((sink) => ({
      pose: (tool, sample, frame) => {
        if (sample.status === 'missing') sample.status = 'ok';
        sink.pose(tool, sample, frame);
      },
    })),
    /no numbers: tool \d: ok with numbers that are none/,
  ],
  [
    'throws into the transport',
    through((sink) => ({
      fault: (fault) => {
        sink.fault(fault);
        if (fault.code === 'codec/malformed') throw new Error('broken');
      },
    })),
    /garbage: it threw Error: broken/,
  ],
  [
    'tells something after it was stopped',
    (driver) => {
      let kept: PoseSink | undefined;
      return {
        ...driver,
        start: (sink) => {
          kept = sink;
          return driver.start(sink);
        },
        stop: async () => {
          await driver.stop();
          setTimeout(() => kept?.flush(), 5);
        },
      };
    },
    /stop: it called flush\(\) after stop\(\)/,
  ],
  [
    'counts times backwards',
    through((sink) => ({
      pose: (tool, sample, frame) => {
        sample.values[0] = -(sample.values[0] as number);
        sink.pose(tool, sample, frame);
      },
    })),
    /ms before the last one/,
  ],
  [
    'forgets what it told, and tells late datagrams',
    through((sink) => {
      let held: Parameters<PoseSink['pose']> | undefined;
      return {
        pose: (tool, sample, frame) => {
          const copy = new PoseSample();
          copy.values.set(sample.values);
          copy.status = sample.status;
          if (tool === 0 && held === undefined && frame % 4 === 0 && sample.status === 'ok') held = [tool, copy, frame];
          else sink.pose(tool, sample, frame);
          if (held !== undefined && frame > held[2] + 2) {
            sink.pose(...held);
            held = undefined;
          }
        },
      };
    }),
    /frame \d+ after frame \d+/,
  ],
  [
    'says that it starts where there is no device',
    (driver) => ({ ...driver, start: (sink) => driver.start(sink).catch(() => undefined) }),
    /no device: start\(\) resolved without a device/,
  ],
];

describe('the conformance suite', () => {
  it.each(BROKEN)('finds a driver that %s', { timeout: 60_000 }, async (_, spoil, sentence) => {
    expect((await checkDriver(suite(spoil))).join('\n')).toMatch(sentence);
  });
});
