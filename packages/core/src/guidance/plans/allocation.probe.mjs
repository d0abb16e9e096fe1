/**
 * Run by allocation.test.ts in a process of its own with a small nursery: a needle of many poses against a plan and distance fields of
 * label maps, and how many garbage collections that took. Plain JavaScript, so that nothing but tsx's loader stands between the engine
 * and the code.
 */
import { frame, PoseView, point } from '../../frames/index.js';
import { countCollections } from '../../test-support/collections.mjs';
import { distanceToLabel, volume } from '../../volume/index.js';
import { needle, ShaftGuidance, straightPlan } from '../index.js';

const WARM_UP = 4_000;
const POSES = 40_000;
const SIDE = 48;

const ct = frame('ct');
const voxels = new Uint8Array(SIDE ** 3);
for (let n = 0; n < voxels.length; n += 1) {
  const [i, j, k] = [n % SIDE, Math.floor(n / SIDE) % SIDE, Math.floor(n / SIDE ** 2)];
  for (let ball = 0; ball < 6; ball += 1) if (Math.hypot(i - 8 - 6 * ball, j - 6, k - 6 - 7 * ball) < 4) voxels[n] = ball + 1;
}
const frameFromIndex = Float64Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, -48, -48, -48, 1);
const map = volume({ frame: ct, voxels, size: [SIDE, SIDE, SIDE], frameFromIndex });
const structures = Array.from({ length: 6 }, (_, n) => ({ name: `${n}`, field: distanceToLabel(map, n + 1), marginMm: 3 }));
const plan = straightPlan({ entry: point(ct, [0, 0, 100]), target: point(ct, [0, 0, 0]) });
const guide = new ShaftGuidance({ plan, needle: needle({ name: 'n', lengthMm: 150, gauge: 17 }), structures });
const view = new PoseView();
view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 100, 1]);
view.covariance.set(Float64Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? (i < 21 ? 0.01 : 1e-6) : 0)));
view.covarianceKnown = true;
view.degreesOfFreedom = 18;
view.times.fill(0);
/** The time and the sums in typed cells: a double that changes in a plain variable is boxed. */
const time = new Float64Array(1);
const sum = new Float64Array(2);
let breaches = 0;

function poses(count) {
  for (let i = 0; i < count; i += 1) {
    time[0] += 16;
    view.times[0] = time[0];
    view.times[1] = time[0];
    view.status = i % 97 === 0 ? 'missing' : 'ok';
    // Down along the plan and across it, through clear, near and breached.
    view.matrix[13] = -40 + (i % 80);
    view.matrix[14] = 100 - (i % 1000) * 0.11;
    if (guide.measure(view) === 'breach') breaches += 1;
    if (view.isLive) {
      sum[0] += guide.clearanceMm(i % 6);
      if (guide.timeToContactMs(i % 6) < 1e6) sum[1] += guide.timeToContactMs(i % 6);
    }
  }
}

const counted = await countCollections(
  () => poses(WARM_UP),
  () => {
    breaches = 0;
    poses(POSES);
  },
);
process.stdout.write(`${JSON.stringify({ poses: POSES, ...counted, breaches, clearance: sum[0], time: sum[1] })}\n`);
