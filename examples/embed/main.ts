import { FrameGraph, frame, PoseView, systemClock, transform } from '@trocar/core';
import { readVolume, setAssetsBase } from '@trocar/core/io';
import { identity4 } from '@trocar/core/math';
import { createStage } from '@trocar/core/render';
import { connectBridge } from '@trocar/device-bridge/browser';

setAssetsBase('/trocar'); // put there by: npx trocar-volume assets public/trocar
const query = new URLSearchParams(location.search);
const name = query.get('volume') ?? 'volume.nii';
const ct = frame('ct');
const tracker = frame('tracker');
const stylus = frame('stylus');
const stage = createStage(document.body, { frame: ct });
const bytes = new Uint8Array(await (await fetch(`/${name}`)).arrayBuffer());
stage.setVolume(await readVolume([{ name, bytes }], { frame: ct }));

const graph = new FrameGraph();
graph.set(transform(ct, tracker, identity4())); // in its place: the registration that a person accepted
const bridge = connectBridge({ url: query.get('bridge') ?? 'ws://127.0.0.1:8800', clock: systemClock() });
bridge.attach('stylus', graph.stream(tracker, stylus));

const tool = stage.addTool({ name: 'stylus', geometry: { kind: 'stylus', lengthMm: 120, radiusMm: 2 } });
const path = graph.path(ct, stylus);
const pose = new PoseView();
stage.start((at) => {
  graph.tick(at);
  path.read(pose);
  tool.update(pose);
  document.title = `${pose.status} ${pose.matrix.slice(12, 15).map(Math.round).join(' ')}`;
});
