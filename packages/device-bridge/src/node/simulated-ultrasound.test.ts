import { FrameGraph, frame, isNavError, type PoseSample } from '@trocar/core';
import { multiply4 } from '@trocar/core/math';
import type { ImageFrame } from '@trocar/core/recording';
import { manualClock } from '@trocar/core/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { type EchoScene, type SimulatedUltrasound, simulatedUltrasound, usualScene } from '../drivers/simulated/index.js';
import { bridgeOf, Closing, clientOf, clock, until } from './test-support/bridges.js';

const closing = new Closing();
afterEach(() => closing.all());

/** A probe that stands still with its image in the tracker's plane x–y. */
const still = () => ({ position: [0, 0, 0], rotation: [0, 0, 0, 1] });

/** One image of a machine, taken as soon as it comes. */
async function imageOf(us: SimulatedUltrasound): Promise<ImageFrame> {
  closing.add(() => us.stop());
  return new Promise((resolve) => {
    const nothing = (): void => undefined;
    void us.start({
      tools: nothing,
      pose: nothing,
      flush: nothing,
      connection: nothing,
      fault: nothing,
      image: (_, image) => resolve({ ...image, pixels: image.pixels.slice() }),
    });
  });
}

/** The mean grey around a place of the tracker, within `mm`. */
function greyAt(us: SimulatedUltrasound, image: ImageFrame, [x, y, z]: readonly number[], mm: number): number {
  const m = us.truth.probeFromImage;
  let sum = 0;
  let count = 0;
  for (let row = 0; row < image.height; row += 1) {
    for (let column = 0; column < image.width; column += 1) {
      const p = [0, 1, 2].map((r) => (m[r] as number) * column + (m[4 + r] as number) * row + (m[12 + r] as number));
      if (Math.hypot((p[0] as number) - (x as number), (p[1] as number) - (y as number), (p[2] as number) - (z as number)) > mm)
        continue;
      sum += image.pixels[row * image.width + column] as number;
      count += 1;
    }
  }
  expect(count).toBeGreaterThan(5);
  return sum / count;
}

describe('a simulated ultrasound machine', () => {
  it.each([120, 80])('shows bodies where they are, %s mm deep', async (depthMm) => {
    const at = [10, 50, 40] as const;
    const side = [-20, 50, 40] as const;
    const scene: EchoScene = { bodies: [{ kind: 'sphere', centre: at, radiusMm: 5, echoDb: 5 }] };
    const us = simulatedUltrasound({ clock, poseOf: still, scene, depthMm, size: [320, 240] });
    const image = await imageOf(us);
    expect(image).toMatchObject({
      width: 320,
      height: 240,
      number: 'u8',
      components: 1,
      depthMm,
      spacingMm: [depthMm / 239, depthMm / 239],
    });
    expect(greyAt(us, image, side, 4) - greyAt(us, image, at, 4)).toBeGreaterThan(60);
    // Just outside the ball it is grey again: on both sides, so it is neither moved nor scaled.
    for (const [dx, dy] of [
      [8, 0],
      [-8, 0],
      [0, 8],
      [0, -8],
    ] as const) {
      expect(greyAt(us, image, [at[0] + dx, at[1] + dy, at[2]], 2) - greyAt(us, image, at, 4)).toBeGreaterThan(50);
    }
    expect(image.pixels[0]).toBe(0);
  });

  it('a tube is as long as it is, and what is hard casts a shadow', async () => {
    const scene: EchoScene = {
      bodies: [
        { kind: 'tube', from: [12, 20, 10], to: [12, 20, 60], radiusMm: 3, echoDb: 60 },
        { kind: 'tube', from: [40, 40, 10], to: [40, 40, 30], radiusMm: 3, echoDb: 0 },
      ],
    };
    const us = simulatedUltrasound({ clock, poseOf: still, scene, size: [320, 240] });
    const image = await imageOf(us);
    // Its own front weakens what is in it.
    expect(greyAt(us, image, [12, 20, 40], 1.5) - greyAt(us, image, [40, 60, 40], 3)).toBeGreaterThan(40);
    // The second ends before the image's plane at z = 40.
    expect(greyAt(us, image, [40, 40, 40], 2)).toBeGreaterThan(90);
    const behind = greyAt(us, image, [12 - 30 * Math.sin(0.3), 20 + 45 * Math.cos(0.3), 40], 3);
    expect(greyAt(us, image, [40, 60, 40], 3) - behind).toBeGreaterThan(20);
  });

  it('the same place is the same image, another one another, and its images come in their time', async () => {
    const time = manualClock();
    const images: ImageFrame[] = [];
    const poses: number[] = [];
    const us = simulatedUltrasound({
      clock: time,
      scene: usualScene([0, 0, 40]),
      poseOf: still,
      size: [64, 48],
      lagMs: 30,
      imageHz: 25,
      poseHz: 100,
    });
    const nothing = (): void => undefined;
    closing.add(() => us.stop());
    await us.start({
      tools: nothing,
      pose: (_, sample: PoseSample) => poses.push(sample.measuredAt),
      flush: nothing,
      connection: nothing,
      fault: nothing,
      image: (_, image) => images.push({ ...image, pixels: image.pixels.slice() }),
    });
    for (const at of [69, 71, 111, 400]) {
      time.set(at);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(images.map(({ measuredAt, frameNumber }) => [measuredAt, frameNumber])).toEqual([
      [70, 1],
      [110, 2],
      [390, 9],
    ]);
    expect(images.every(({ arrivedAt, measuredAt }) => arrivedAt >= measuredAt)).toBe(true);
    expect(poses).toEqual([60, 70, 110, 400]);
    expect(images[1]?.pixels).toEqual(images[0]?.pixels);
    const before = us.truth.probeFromImage;
    us.setDepth(60);
    expect(us.truth.probeFromImage).not.toEqual(before);
    expect(() => us.setDepth(5)).toThrow(expect.toSatisfy((e) => isNavError(e, 'bridge/bad-option')));
  });

  it('makes an image of 640 × 480 in less than a 25th of a second of processor time', async () => {
    const us = simulatedUltrasound({ clock, imageHz: 1000 });
    let images = 0;
    let from = process.cpuUsage();
    const nothing = (): void => undefined;
    closing.add(() => us.stop());
    await us.start({
      tools: nothing,
      pose: nothing,
      flush: nothing,
      connection: nothing,
      fault: nothing,
      image: () => {
        images += 1;
        // The first few are compiled.
        if (images === 20) from = process.cpuUsage();
      },
    });
    await until(() => images >= 60, 20_000);
    const { user, system } = process.cpuUsage(from);
    expect((user + system) / 1000 / (images - 20)).toBeLessThan(40);
  });

  it.each([{ imageHz: 0 }, { size: [8, 8] as const }, { lagMs: -1 }, { probe: 'a b' }, { depthMm: 1 }])('refuses %j', (wrong) => {
    expect(() => simulatedUltrasound({ clock, ...wrong })).toThrow(expect.toSatisfy((e) => isNavError(e, 'bridge/bad-option')));
  });
});

it('through a bridge: the image that came shows the scene where the pose of its moment says it is', async () => {
  const us = simulatedUltrasound({ clock, size: [160, 120], lagMs: 40, imageHz: 30 });
  const bridge = await bridgeOf(closing, { driver: us });
  const client = clientOf(closing, bridge.url);
  const graph = new FrameGraph();
  const time = new Float64Array(1);
  client.attach('probe', graph.stream(frame('tracker'), frame('probe')));
  const frames: ImageFrame[] = [];
  client.images('ultrasound').frames.subscribe((image) => frames.push(image));
  await client.ready;
  await until(() => frames.length >= 12, 10_000);
  const buffer = new Float64Array(16);
  const path = graph.path(frame('tracker'), frame('probe'), time);
  const { PoseView } = await import('@trocar/core');
  const view = new PoseView();
  let matched = 0;
  for (const image of frames) {
    time[0] = image.measuredAt - 40;
    if (path.read(view) !== 'ok' || view.ageMs > 2) continue;
    matched += 1;
    // Where the wire that runs along the tracker's y at x = −40, z = 30 crosses the image's plane it is bright.
    multiply4(buffer, view.matrix, us.truth.probeFromImage);
    expect(brightest(image, buffer)).toBeLessThan(1.5);
  }
  expect(matched).toBeGreaterThan(6);
});

/** How far the brightest pixel near the usual scene's wires lies from the nearest of them, mm. */
function brightest(image: ImageFrame, trackerFromImage: Float64Array): number {
  let best = -1;
  for (let n = 0; n < image.pixels.length; n += 1)
    if (best < 0 || (image.pixels[n] as number) > (image.pixels[best] as number)) best = n;
  const [column, row] = [best % image.width, Math.floor(best / image.width)];
  const m = trackerFromImage;
  const [x, y, z] = [0, 1, 2].map((r) => (m[r] as number) * column + (m[4 + r] as number) * row + (m[12 + r] as number)) as [
    number,
    number,
    number,
  ];
  const slanted = -40 + (40 * (y + 60)) / 120;
  return Math.min(...[-40, slanted, 0].map((wire) => Math.hypot(x - wire, z - (-1500 + 30))));
}
