import { FrameGraph, frame, systemClock } from '@trocar/core';
import { LiveUltrasound } from '@trocar/core/ultrasound';
import { type BridgeClient, type BridgeImages, connectBridge } from '@trocar/device-bridge/browser';
import { HEIGHT, LAG_MS, type LiveBench, SENT_AT, SPEED, WIDTH } from './shared.js';

declare global {
  var liveBench: LiveBench;
}

const clock = systemClock();
const graph = new FrameGraph();
let client: BridgeClient;
let images: BridgeImages;
let bridge: number[] = [];
let bare: number[] = [];

const nextFrame = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000 / 60));

async function connect(bridgeUrl: string, bareUrl: string): Promise<void> {
  client = connectBridge({ url: bridgeUrl, clock });
  client.attach('probe', graph.stream(frame('tracker'), frame('probe')));
  images = client.images('ultrasound');
  images.frames.subscribe(({ measuredAt, pixels }) => {
    // The last pixel is there too.
    if (pixels[pixels.length - 1] !== undefined) bridge.push(clock.now() - measuredAt);
  });
  await client.ready;
  const socket = new WebSocket(bareUrl);
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
    const pixels = new Uint8Array(data);
    const sent = new DataView(data).getFloat64(SENT_AT, true);
    if (pixels[pixels.length - 1] !== undefined) bare.push(clock.now() + client.clock.offsetMs - sent);
  };
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
}

async function mismatch(wanted: number) {
  const live = new LiveUltrasound({
    graph,
    frame: frame('tracker'),
    probe: frame('probe'),
    calibrations: [
      {
        probeFromImage: [0.1, 0, 0, 0, 0, 0.1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
        size: [WIDTH, HEIGHT],
        depthMm: 76,
        lagMs: -LAG_MS,
      },
    ],
  });
  const stop = images.frames.subscribe((image) => live.push(image));
  const ms: number[] = [];
  let last = -1;
  const until = clock.now() + 60_000;
  while (live.counts.matched + live.counts.withoutPose < wanted && clock.now() < until) {
    await nextFrame();
    live.update(clock.now());
    const number = live.image?.frameNumber ?? -1;
    if (number === last || live.status !== 'ok') continue;
    last = number;
    // The pose says when it was by where it is; the image by its number, µs.
    ms.push(Math.abs((live.view.matrix[12] as number) / SPEED - number / 1000));
  }
  stop();
  const { matched, withoutPose } = live.counts;
  return { ms, matched, withoutPose };
}

async function stall(ms: number) {
  const { dropped } = images.counts;
  const until = clock.now() + ms;
  while (clock.now() < until);
  bridge = [];
  while (bridge.length < 4) await nextFrame();
  // Two were on their way when it began; what comes then is of now.
  return { bridgeMs: bridge[3] as number, dropped: images.counts.dropped - dropped };
}

globalThis.liveBench = {
  connect,
  take: () => {
    const taken = { bridge, bare };
    bridge = [];
    bare = [];
    return taken;
  },
  mismatch,
  stall,
};
