import { type PoseSample, systemClock } from '@trocar/core';
import { expect, it } from 'vitest';
import { makeToolFile } from '../codec/ndi/index.js';
import { ndiDriver } from '../drivers/ndi/index.js';
import { type PoseSource, simulateNdiTracker } from '../drivers/simulated/index.js';
import { pipe } from '../transports/pipe.js';
import { checkDriver } from './index.js';

const clock = systemClock();
const MARKERS = [
  [0, 0, 0],
  [50, 0, 0],
  [0, 80, 0],
] as const;
const NAMES = ['stylus', 'reference'];
const TIMEOUTS = { commandMs: 150, resetMs: 150, toolMs: 150, trackingMs: 120, settleMs: 1 };

/** Both tools on one line through the room: within what a float32 keeps, a test can recognise it. */
function isOnLine(_tool: number, sample: PoseSample): boolean {
  const [, , , x = 0, y = 0, z = 0] = sample.values;
  return Math.abs(y - 2 * x - 1) < 1e-2 && Math.abs(z + x) < 1e-2;
}

it.each(['counting', 'still'] as const)(
  'the NDI driver conforms on the simulated tracker (frozen: %s)',
  { timeout: 120_000 },
  async (how) => {
    const failures = await checkDriver({
      kind: 'stream',
      tools: 2,
      silenceMs: TIMEOUTS.trackingMs,
      connectMs: 4 * TIMEOUTS.commandMs,
      periodMs: 17,
      isPossible: isOnLine,
      create: async (wire) => {
        const poseOf: PoseSource = (tool, at) => {
          const x = 100 * NAMES.indexOf(tool) + (at % 5000) / 100;
          return { position: [x, 2 * x + 1, -x], rotation: [0, 0, 0, 1] };
        };
        const link = pipe();
        const simulator = await simulateNdiTracker(link.device, { tools: NAMES.map((name) => ({ name })), clock, poseOf });
        const driver = ndiDriver({
          transport: wire.stream(link.host),
          clock,
          tools: NAMES.map((name) => ({ name, toolFile: makeToolFile({ markers: MARKERS, partNumber: name }) })),
          timeouts: TIMEOUTS,
          reconnectMs: 20,
        });
        return {
          driver,
          freeze: () => simulator.freeze(how),
          spoil: () => simulator.disturb('nan', 20),
          heal: () => simulator.freeze(undefined),
          close: () => simulator.close(),
        };
      },
    });
    expect(failures).toEqual([]);
  },
);
