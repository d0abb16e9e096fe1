import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, inject, it } from 'vitest';
import { decodeIgtl } from '../../codec/igtl/index.js';
import { sampleBytes } from '../../codec/igtl/test-messages.js';
import { mutate } from '../../codec/igtl/test-support/mutate.js';
import { FUZZ_LIMIT, HangWatch, INPUTS, INPUTS_TEXT } from '../../test-support/fuzz.js';
import type { Transport } from '../../transport.js';
import { PendingCommands } from './commands.js';
import { resolveOptions } from './options.js';
import { IgtlSession } from './session.js';
import { clock, Recorder } from './test-support/rig.js';
import { IgtlTracking } from './tracking.js';

const MOST_TOOLS = 20;

const transport: Transport = {
  label: 'fuzz',
  open: async () => undefined,
  write: () => undefined,
  close: async () => undefined,
};

/** Keeps what matters of a pose, and forgets the rest, so that memory cannot grow here. */
class Checking extends Recorder {
  poses = 0;
  bad = 0;
  override pose: Recorder['pose'] = (tool, sample) => {
    this.poses += 1;
    const v = sample.values;
    const seen = sample.status !== 'missing' && sample.status !== 'disconnected';
    const numbers = v.subarray(3).every((x) => Number.isFinite(x));
    const unit = Math.abs(Math.hypot(v[6] as number, v[7] as number, v[8] as number, v[9] as number) - 1) < 0.02;
    const timed = (v[0] as number) <= (v[1] as number) + 1;
    if (tool >= MOST_TOOLS || !timed || (seen && !(numbers && unit))) this.bad += 1;
  };
}

it(`${INPUTS_TEXT} mutated inputs through the driver: no throw, no pose that is none, no growth`, FUZZ_LIMIT, async () => {
  const random = new Random(inject('seed'));
  const samples = sampleBytes();
  const sink = new Checking();
  let others = 0;
  const settings = resolveOptions({
    transport,
    clock,
    onSilence: 'stale',
    maxTools: MOST_TOOLS,
    maxBodyBytes: 2 ** 20,
    onMessage: (frame) => {
      others += 1;
      decodeIgtl(frame);
    },
  });
  const tracking = new IgtlTracking(settings, sink);
  const commands = new PendingCommands();
  let lost = 0;
  const watch = new HangWatch();
  let session = new IgtlSession(settings, tracking, commands, sink);
  await session.start();
  for (let i = 0; i < INPUTS; i += 1) {
    const input = mutate(random, samples);
    const cut = random.below(input.length + 1);
    session.data(input.subarray(0, cut));
    session.data(input.subarray(cut));
    watch.next();
    if (!session.open) {
      lost += 1;
      session = new IgtlSession(settings, tracking, commands, sink);
      await session.start();
    }
    sink.states.length = sink.faults.length = 0;
  }
  await session.stop();
  expect(sink.bad).toBe(0);
  // Or this tests less than it says.
  expect(Math.min(lost, others, sink.poses, tracking.refused) * 50).toBeGreaterThan(INPUTS);
  expect([...tracking.faults.counts.keys()]).not.toContain('igtl/handler-failed');
  expect(tracking.tools.length).toBeLessThanOrEqual(MOST_TOOLS);
  watch.check();
});

it('a command whose answer is damaged is still waited for, and then given up', async () => {
  const commands = new PendingCommands();
  const asked = commands.ask('command', 'x', 20, () => undefined);
  await expect(asked).rejects.toSatisfy((e) => isNavError(e, 'device/timeout'));
  expect(commands.size).toBe(0);
});
