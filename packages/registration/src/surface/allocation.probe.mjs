/**
 * Run by allocation.test.ts in a process of its own with a small nursery: offers many points to a surface collector, and
 * prints how many garbage collections that took. Plain JavaScript, so that nothing but tsx's loader stands between.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { frame } from '@trocar/core';
import { SurfaceCollector } from './collector.js';

const CAPACITY = 400;
const PLACES = 1_000;
const WARM_UP = 20_000;
const OFFERED = 50_000;
const ROUNDS = 40;

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

const collector = new SurfaceCollector(frame('tracker'), { capacity: CAPACITY, spacingMm: 3 });
const tip = new Float64Array(3);
const answers = { taken: 0, 'too-near': 0, 'not-ok': 0, full: 0 };

/** Places a millimetre apart along a line, some while the tool is hidden: every third is far enough from the others. */
function offer(count) {
  for (let n = 0; n < count; n += 1) {
    tip[0] = n % PLACES;
    answers[collector.add(tip, n % 50 === 49 ? 'missing' : 'ok')] += 1;
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
  offer(WARM_UP);
  await later();
}
collector.clear();
offer(WARM_UP);
await later();
for (const answer of Object.keys(answers)) answers[answer] = 0;
collections = 0;
collector.clear();
offer(OFFERED);
await later();
const counted = collections;
// The counter must be able to count: this allocates for certain.
let kept = [];
for (let i = 0; i < 200_000; i += 1) {
  kept.push(new Float64Array(4));
  if (kept.length > 100) kept = [];
}
await later();
const result = { collections: counted, control: collections - counted, kept: collector.count, ...answers };
process.stdout.write(`${JSON.stringify(result)}\n`);
