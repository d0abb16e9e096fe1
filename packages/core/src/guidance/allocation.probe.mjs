/**
 * Run by allocation.test.ts in a process of its own with a small nursery: reads a chain of four edges and its deviation
 * from a plan for many poses, and prints how many garbage collections that took. Plain JavaScript, so that nothing but
 * tsx's loader stands between the engine and the code.
 */
import { FrameGraph, frame, PoseSample, PoseView, point, transform } from '../frames/index.js';
import { countCollections } from '../test-support/collections.mjs';
import { Deviation, guidanceState, straightPlan } from './index.js';

const WARM_UP = 50_000;
const POSES = 500_000;

const [ct, tracker, stylus, tip] = [frame('ct'), frame('tracker'), frame('stylus'), frame('tip')];
const identity = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
const covariance = Float64Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 1e-4 : 0));
const graph = new FrameGraph();
graph.set(transform(ct, tracker, identity, { covariance, degreesOfFreedom: 18 }));
graph.set(transform(stylus, tip, identity, { covariance }));
const buffer = graph.stream(tracker, stylus, { noise: { positionSdMm: 0.2, rotationSdRad: 0.002 } });
const plan = straightPlan({ entry: point(ct, [0, 0, 100]), target: point(ct, [0, 0, 0]), frameOfReferenceUid: '2.25.1' });
const deviation = new Deviation(plan);
const path = graph.path(ct, tip);
const view = new PoseView();
const sample = new PoseSample();
/** The time in a typed cell, as a driver keeps it: a double that changes in a plain variable is boxed. */
const time = new Float64Array(1);
const sum = new Float64Array(1);
let state = 'noPose';

function poses(count) {
  for (let i = 0; i < count; i += 1) {
    time[0] += 16;
    const z = 100 - (i % 1000) * 0.11;
    sample.values[0] = time[0];
    sample.values[1] = time[0];
    sample.status = i % 97 === 0 ? 'missing' : 'ok';
    sample.setPose(0.5, 0.25, z, 0, 0, 0, 1);
    buffer.push(sample);
    graph.tick(time[0]);
    deviation.read(path, view);
    state = guidanceState(deviation, state);
    if (deviation.isLive) sum[0] += deviation.depthRemainingMm + deviation.lateralMm + deviation.angleDeg;
  }
}

const counted = await countCollections(
  () => poses(WARM_UP),
  () => poses(POSES),
);
process.stdout.write(`${JSON.stringify({ poses: POSES, ...counted, sum: sum[0] })}\n`);
