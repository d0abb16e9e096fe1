/**
 * Run by allocation.test.ts in a process of its own with a small nursery: counts and their arrivals through a clock map and
 * back, and how many garbage collections that took. Plain JavaScript, so that nothing but tsx's loader stands between
 * the engine and the code. Argument: frames (a counter that nothing is known of), stamps (ms) or polled (evenly spread
 * delays, by which the map goes by its filter).
 */
import { countCollections } from '../test-support/collections.mjs';
import { ClockMap } from './index.js';

const what = process.argv[2];
const WARM_UP = 100_000;
const COUNTS = 500_000;
const PERIOD_MS = 16;

const map = new ClockMap(what === 'stamps' ? { unitMs: 1, wrap: Number.POSITIVE_INFINITY } : {});
const point = new Float64Array(2);
const cell = new Float64Array(1);
const sum = new Float64Array(1);
/** Device time, the counter, and the state of a linear congruential generator. */
const state = Float64Array.of(1000, 0, 1);

function counts(n) {
  for (let i = 0; i < n; i += 1) {
    state[0] += PERIOD_MS;
    state[1] += 1;
    state[2] = (state[2] * 48_271) % 2_147_483_647;
    const chance = state[2] / 2_147_483_647;
    const delay = what === 'polled' ? 4 * chance : -0.5 * Math.log(chance);
    point[0] = what === 'stamps' ? state[0] : state[1];
    point[1] = 1.00002 * state[0] + delay;
    cell[0] = point[0];
    map.push(point);
    map.map(cell);
    sum[0] += cell[0] - state[0];
  }
}

const { collections, control } = await countCollections(
  () => counts(WARM_UP),
  () => counts(COUNTS),
);
const { restarts, method } = map;
const usesFilter = method === 'kalman' ? 1 : 0;
process.stdout.write(`${JSON.stringify({ counts: state[1], restarts, usesFilter, collections, control, sum: sum[0] })}\n`);
