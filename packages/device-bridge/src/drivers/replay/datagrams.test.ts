import { type Instant, NavError } from '@trocar/core';
import { bytesInput, memoryOutput, Recorder, Recording } from '@trocar/core/recording';
import { manualClock } from '@trocar/core/testing';
import { expect, it } from 'vitest';
import type { DatagramHandler, DatagramTransport } from '../../transport.js';
import { recordingDatagrams } from '../recorder/index.js';
import { replayDatagrams } from './index.js';

it('recorded datagrams come again whole, in their order, from whom they came and at the time at which they arrived', async () => {
  const clock = manualClock(100.5);
  const output = memoryOutput();
  const recorder = new Recorder({ output, clock });
  let device: DatagramHandler | undefined;
  const sent: number[] = [];
  const wire: DatagramTransport = {
    label: 'udp test',
    open: async (handler) => {
      device = handler;
    },
    send: (bytes) => void sent.push(...bytes),
    close: async () => undefined,
  };
  const recorded = recordingDatagrams(wire, recorder.device('dtrack'));
  const live: string[] = [];
  const listen = (heard: string[], now: () => Instant): DatagramHandler => ({
    datagram: (bytes, from) => void heard.push(`${now()} ${[...bytes]} ${from?.address} ${from?.port}`),
    closed: (reason) => void heard.push(`${now()} ${reason.message}`),
  });
  const slow = {
    now: (): Instant => {
      // The host's clock goes on while a datagram is dealt with; the driver's stands at the arrival.
      clock.advance(0.25);
      return recorded.clock.now();
    },
  };
  await recorded.open(listen(live, slow.now));
  recorded.send(Uint8Array.of(9));
  for (let n = 0; n < 40; n += 1) {
    clock.advance(7);
    device?.datagram(new Uint8Array(n % 5).fill(n), n < 5 ? undefined : { address: '192.0.2.1', port: n < 20 ? 5000 : 5001 });
  }
  device?.closed(new NavError('device/disconnected', 'The socket is gone.'));
  await recorder.close();
  expect(sent).toEqual([9]);
  expect(live[0]).toBe('107.5  undefined undefined');

  for (let round = 0; round < 2; round += 1) {
    const replay = replayDatagrams({ recording: new Recording(bytesInput(output.bytes())), clock: manualClock() });
    const again: string[] = [];
    await replay.open(listen(again, () => replay.clock.now()));
    replay.send(Uint8Array.of(9));
    for (let i = 0; i < 100 && again.length < live.length; i += 1) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(again).toEqual(live);
    expect(replay.counts).toEqual({ deliveries: 40, unasked: 0, different: 0 });
    await expect(replay.open(listen(again, () => replay.clock.now()))).rejects.toMatchObject({ code: 'device/connect-failed' });
    await replay.finished;
  }
});
