import { FrameGraph, frame, PoseView, systemClock } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, it } from 'vitest';
import { connectBridge } from '../browser/index.js';
import { makeToolFile } from '../codec/ndi/index.js';
import { ndiDriver } from '../drivers/ndi/index.js';
import { type Disturbance, simulateNdiTracker } from '../drivers/simulated/index.js';
import { pipe } from '../transports/pipe.js';
import { nodeSocket, startBridge } from './index.js';

const SECONDS = Number(process.env['TROCAR_SOAK_S'] ?? 8);

/**
 * A procedure in short: eight tools at 250 Hz through simulator, NDI driver, bridge and client, while bytes are
 * damaged, lost and made up. `TROCAR_SOAK_S=600` runs ten minutes.
 */
it(
  `${SECONDS} s of eight tools and a bad cable: no false pose, no growth, no loss`,
  async () => {
    const clock = systemClock();
    const ends = pipe({ chunkBytes: 61 });
    const names = Array.from({ length: 8 }, (_, i) => `tool${i}`);
    const simulator = await simulateNdiTracker(ends.device, {
      clock,
      rateHz: 250,
      tools: names.map((name) => ({ name })),
      // The place of a tool is a function of its own rotation: a mixture of two poses would show.
      poseOf: (tool, at) => {
        const angle = at / 500 + Number(tool.slice(4));
        return {
          position: [100 * Math.cos(angle), 100 * Math.sin(angle), -1500],
          rotation: [0, 0, Math.sin(angle / 2), Math.cos(angle / 2)],
        };
      },
    });
    const markers = [
      [0, 0, 0],
      [50, 0, 0],
      [0, 80, 0],
    ] as const;
    const driver = ndiDriver({
      transport: ends.host,
      clock,
      pollIntervalMs: 2,
      timeouts: { settleMs: 1 },
      tools: names.map((name) => ({ name, toolFile: makeToolFile({ markers, partNumber: name }) })),
    });
    const bridge = await startBridge({ driver, clock });
    const client = connectBridge({ url: bridge.url, clock, createSocket: nodeSocket });
    const graph = new FrameGraph();
    const paths = names.map((name) => {
      client.attach(name, graph.stream(frame('tracker'), frame(name)));
      return graph.path(frame('tracker'), frame(name));
    });
    await client.ready;
    const random = new Random(9);
    const kinds: readonly Disturbance[] = ['crc', 'noise', 'cut', 'silence'];
    const view = new PoseView();
    const seen: Record<string, number> = {};
    let worstMm = 0;
    let heap = 0;
    const from = clock.now();
    for (let round = 0; clock.now() - from < 1000 * SECONDS; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 16));
      if (round % 40 === 39) simulator.disturb(kinds[random.below(kinds.length)] as Disturbance);
      if (round === 60) heap = process.memoryUsage().heapUsed;
      graph.tick(clock.now());
      for (const path of paths) {
        const status = path.read(view);
        if (round > 10) seen[status] = (seen[status] ?? 0) + 1;
        if (status !== 'ok') continue;
        const m = view.matrix;
        worstMm = Math.max(
          worstMm,
          Math.hypot((m[12] as number) - 100 * (m[0] as number), (m[13] as number) - 100 * (m[1] as number)),
        );
      }
    }
    const readings = Object.values(seen).reduce((a, b) => a + b, 0);
    expect(worstMm).toBeLessThan(1e-3);
    expect(seen['disconnected'] ?? 0).toBe(0);
    expect(seen['missing'] ?? 0).toBe(0);
    // A lost reply costs up to 200 ms and 40 ms of silence; a busy machine adds to that.
    expect((seen['ok'] ?? 0) / readings).toBeGreaterThan(0.8);
    expect(client.counts.connections).toBe(1);
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(80e6);
    client.close();
    await bridge.close();
    await simulator.close();
  },
  1000 * SECONDS + 30_000,
);
