/**
 * Run by allocation.test.ts in a process of its own with a small nursery: looks at everything again and again while nothing changes, and
 * prints how many garbage collections that took. Plain JavaScript, so that nothing but tsx's loader stands between engine and code.
 */
import { PoseView } from '../../frames/index.js';
import { countCollections } from '../../test-support/collections.mjs';
import { LinkWatch, Monitor, ReferenceWatch, watched, watchedImage, watchedTool } from './index.js';

const WARM_UP = 20_000;
const TICKS = 100_000;

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

const counted = await countCollections(
  () => ticks(WARM_UP),
  () => ticks(TICKS),
);
process.stdout.write(`${JSON.stringify({ ticks: TICKS, ...counted, alarms: monitor.alarms.length })}\n`);
