import { expect, it } from 'vitest';
import { FrameGraph, frame, PoseSample } from '../../frames/index.js';
import type { ImageFrame } from '../../recording/index.js';
import { UltrasoundImage, UltrasoundPlane, UltrasoundView } from '../../render/index.js';
import type { Instant } from '../../time/index.js';
import { displayPixels, imagePlaneOf, LiveUltrasound } from './index.js';

const CALIBRATION = { probeFromImage: [0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], size: [8, 6], depthMm: 50 } as const;

it('a plane and a flat view show a live image with the pose of its moment, and what is old, unplaced or of another depth is not live in them', () => {
  const graph = new FrameGraph();
  const buffer = graph.stream(frame('tracker'), frame('probe'));
  const live = new LiveUltrasound({ graph, frame: frame('tracker'), probe: frame('probe'), calibrations: [CALIBRATION] });
  const picture = new UltrasoundImage(8, 6);
  const plane = new UltrasoundPlane({ image: picture, ...imagePlaneOf(CALIBRATION) });
  const host = document.createElement('div');
  host.style.cssText = 'width: 300px; height: 200px';
  document.body.append(host);
  const view = new UltrasoundView(host, { image: picture, ...imagePlaneOf(CALIBRATION), pixelRatio: 1 });
  const sample = new PoseSample();
  const pose = (at: number, x: number): void => {
    sample.measuredAt = sample.arrivedAt = at as Instant;
    sample.status = 'ok';
    sample.setPose(x, 0, 0, 0, 0, 0, 1);
    buffer.push(sample);
  };
  const image = (measuredAt: number, grey: number, depthMm = 50): ImageFrame => ({
    ...{ width: 8, height: 6, components: 1, number: 'u8', boundMs: 0, frameNumber: 0, spacingMm: [0.5, 0.5] },
    ...{ measuredAt, arrivedAt: measuredAt, depthMm, pixels: new Uint8Array(48).fill(grey) },
  });
  const draw = (now: number): void => {
    live.update(now);
    if (live.image !== undefined) picture.update(displayPixels(live.image, new Uint8Array(0)), [live.image.measuredAt]);
    for (const graphic of [plane, view]) {
      graphic.update(live.view);
      graphic.settle(Float64Array.of(now), 150);
    }
  };
  draw(0);
  expect([plane.status, view.status]).toEqual(['missing', 'missing']);
  for (let t = 0; t <= 100; t += 20) pose(t, t / 10);
  live.push(image(50, 77));
  draw(60);
  expect([plane.status, view.status]).toEqual(['ok', 'ok']);
  expect(plane.matrix[12]).toBeCloseTo(5, 9);
  expect(picture.pixels[0]).toBe(77);
  // The knob was turned: the image is there, its place is not.
  live.push(image(90, 99, 80));
  draw(95);
  expect(plane.status).toBe('missing');
  expect(plane.object.visible).toBe(false);
  expect(view.status).toBe('missing');
  expect(picture.pixels[0]).toBe(99);
  live.push(image(98, 55));
  draw(99);
  expect(plane.status).toBe('ok');
  draw(260);
  expect([plane.status, view.status]).toEqual(['stale', 'stale']);
  view.dispose();
  plane.dispose();
  picture.dispose();
  host.remove();
});
