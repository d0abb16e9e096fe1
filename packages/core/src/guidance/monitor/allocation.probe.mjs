/**
 * Run by allocation.test.ts in a process of its own with a small nursery: looks at everything again and again while nothing changes, and
 * prints how many garbage collections that took. Plain JavaScript, so that nothing but tsx's loader stands between engine and code.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { PoseView } from '../../frames/index.js';
import { LinkWatch, Monitor, ReferenceWatch, watched, watchedImage, watchedTool } from './index.js';

const WARM_UP = 20_000;
const ROUNDS = 40;
const TICKS = 100_000;

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

const state = watched([watchedTool('stylus', 10), watchedTool('reference', 10)], [watchedImage('us')]);
Object.assign(state.registration, { scale: 1.0001, scaleSd: 0.001, verified: true });
state.planDifferences = [];
state.navigating = true;
const links = state.tools.map(() => new LinkWatch({ periodMs: 10 }));
const reference = new ReferenceWatch({
  points: [
    [0, 0, 0],
    [10, 20, 30],
  ],
});
const view = new PoseView();
view.status = 'ok';
view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
const monitor = new Monitor();
const packet = new Float64Array(2);

function ticks(count) {
  for (let i = 0; i < count; i += 1) {
    packet[0] += 1;
    packet[1] += 10;
    view.times[1] = packet[1];
    view.matrix[12] = 0.01 * Math.sin(packet[0]);
    reference.push(view);
    reference.fill(state.reference);
    state.atMs = packet[1];
    for (let k = 0; k < links.length; k += 1) {
      links[k].push(packet);
      links[k].fill(state.tools[k]);
      state.tools[k].status = 'ok';
      state.tools[k].ageMs = 5;
    }
    monitor.tick(state);
  }
}

// Observers report in a later turn; code is warm when a whole round went by without a collection.
for (let round = 0, before = -1; round < ROUNDS && before !== collections; round += 1) {
  before = collections;
  ticks(WARM_UP);
  await setImmediate();
  await setImmediate();
}
collections = 0;
ticks(TICKS);
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
  `${JSON.stringify({ ticks: TICKS, collections: counted, control: collections - counted, alarms: monitor.alarms.length })}\n`,
);
