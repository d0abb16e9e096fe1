/**
 * Run by tool.test.ts in a process of its own with a small nursery: hands poses to a tool and settles it, as every drawn
 * frame does, and prints how many garbage collections that took.
 */
import { PoseView } from '../frames/index.js';
import { countCollections } from '../test-support/collections.mjs';
import { Tool } from './tool.js';

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
const counted = await countCollections(
  () => poses(200_000),
  () => poses(1_000_000),
);
process.stdout.write(JSON.stringify({ ...counted, x: tool.matrix[12], status: tool.status }));
