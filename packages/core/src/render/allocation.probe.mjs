/**
 * Run by tool.test.ts in a process of its own with a small nursery: hands poses to a tool and settles it, as every drawn
 * frame does, and prints how many garbage collections that took.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { PoseView } from '../frames/index.js';
import { Tool } from './tool.js';

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

const tool = new Tool('needle', { kind: 'needle', lengthMm: 150, radiusMm: 1 }, { remove() {} });
const view = new PoseView();
view.status = 'ok';
view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
const error = Float64Array.of(1.5);

function poses(count) {
  for (let i = 0; i < count; i += 1) {
    view.times[0] += 16;
    view.matrix[12] = i * 0.001;
    tool.update(view, error[0]);
    tool.settle(view.times, 250);
  }
}

view.times[0] = 0;
poses(200_000);
// What loading and warming up left behind must not fill the nursery later, and be counted as the poses'.
globalThis.gc({ type: 'minor' });
await setImmediate();
await setImmediate();
collections = 0;
poses(1_000_000);
await setImmediate();
await setImmediate();
const counted = collections;
// The counter must be able to count: this allocates for certain.
let kept = [];
for (let i = 0; i < 200_000; i += 1) {
  kept.push(new Float64Array(4));
  if (kept.length > 100) kept = [];
}
await setImmediate();
await setImmediate();
process.stdout.write(
  JSON.stringify({ collections: counted, control: collections - counted, x: tool.matrix[12], status: tool.status }),
);
