import { FrameGraph, frame, PoseView, systemClock, transform } from '@trocar/core';
import { readVolume, setAssetsBase } from '@trocar/core/io';
import { identity4 } from '@trocar/core/math';
import { createStage } from '@trocar/core/render';
import { connectBridge } from '@trocar/device-bridge/browser';

setAssetsBase('/trocar'); // put there by: npx trocar-volume assets public/trocar
const [ct, tracker, stylus] = [frame('ct'), frame('tracker'), frame('stylus')];
const stage = createStage(document.body, { frame: ct });
const bytes = new Uint8Array(await (await fetch('/volume.nii')).arrayBuffer());
stage.setVolume(await readVolume([{ name: 'volume.nii', bytes }], { frame: ct }));

const graph = new FrameGraph();
graph.set(transform(ct, tracker, identity4())); // in its place: the registration that a person accepted
const url = new URLSearchParams(location.search).get('bridge') ?? 'ws://127.0.0.1:8800';
connectBridge({ url, clock: systemClock() }).attach('stylus', graph.stream(tracker, stylus));

const tool = stage.addTool({ name: 'stylus', geometry: { kind: 'stylus', lengthMm: 120, radiusMm: 2 } });
const path = graph.path(ct, stylus);
const pose = new PoseView();
stage.start((at) => {
  graph.tick(at); // one query time for everything drawn in this frame
  path.read(pose);
  tool.update(pose); // drawn as its status allows: live, stale, or not at all
  document.title = `${pose.status} ${pose.matrix.slice(12, 15).map(Math.round).join(' ')}`;
});
