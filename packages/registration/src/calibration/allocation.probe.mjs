/**
 * Run by allocation.test.ts in a process of its own with a small nursery: collects many poses of a pivot recording, and
 * prints how many garbage collections that took. Plain JavaScript, so that nothing but tsx's loader stands between.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { frame } from '@trocar/core';
import { PivotCollector } from './coverage.js';

const POSES = 50_000;
const WARM_UP = 20_000;
const ROUNDS = 40;

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

const collector = new PivotCollector({ to: frame('tracker'), from: frame('stylus'), tip: frame('tip') }, { capacity: 200 });
const matrix = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
const angles = new Float64Array(2);

function poses(count) {
  for (let i = 0; i < count; i += 1) {
    angles[0] += 0.013;
    angles[1] += 0.0071;
    const a = Math.cos(angles[0]);
    const b = Math.sin(angles[0]);
    const c = Math.cos(angles[1]);
    const d = Math.sin(angles[1]);
    matrix[0] = a;
    matrix[1] = b;
    matrix[4] = -b * c;
    matrix[5] = a * c;
    matrix[6] = d;
    matrix[8] = b * d;
    matrix[9] = -a * d;
    matrix[10] = c;
    matrix[12] = 100 - 150 * matrix[8];
    matrix[13] = 50 - 150 * matrix[9];
    matrix[14] = -900 - 150 * matrix[10];
    collector.add(matrix, i % 50 === 0 ? 'missing' : 'ok', i);
  }
}

/** Observers report in a later turn. */
async function later() {
  await setImmediate();
  await setImmediate();
}

// Code that is not yet compiled boxes its doubles: it is warm when a whole round went by without a collection.
for (let round = 0, before = -1; round < ROUNDS && before !== collections; round += 1) {
  before = collections;
  poses(WARM_UP);
  await later();
}
poses(WARM_UP);
await later();
collections = 0;
poses(POSES);
await later();
const counted = collections;
// The counter must be able to count: this allocates for certain.
let kept = [];
for (let i = 0; i < 200_000; i += 1) {
  kept.push(new Float64Array(4));
  if (kept.length > 100) kept = [];
}
await later();
const result = { collections: counted, control: collections - counted, kept: collector.kept, tip: collector.gauge().tipMm[2] };
process.stdout.write(`${JSON.stringify(result)}\n`);
