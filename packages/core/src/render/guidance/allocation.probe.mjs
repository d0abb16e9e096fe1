/**
 * Run by allocation.test.ts in a process of its own with a small nursery: takes a moving pose through what the graphics compute
 * with every frame, and prints how many garbage collections that took. What needs a canvas is not in it.
 */
import { SphereGeometry } from 'three';
import { frame, PoseView, point } from '../../frames/index.js';
import { straightPlan } from '../../guidance/index.js';
import { countCollections } from '../../test-support/collections.mjs';
import { SignedMeshDistance } from '../../volume/index.js';
import { DrawnStatus } from '../drawn-status.js';
import { AcrossPath } from './across-path.js';
import { EllipsoidCut } from './ellipsoid-cut.js';
import { UltrasoundImage } from './ultrasound-image.js';

const ct = frame('ct');
const across = new AcrossPath(straightPlan({ entry: point(ct, [20, 0, 80]), target: point(ct, [0, 0, 0]) }));
const drawn = new DrawnStatus();
const cut = new EllipsoidCut();
const axes = Float64Array.of(70, 0, 0, 0, 15, 0, 0, 0, 30);
const normal = Float64Array.of(0.6, 0, 0.8);
const ball = new SphereGeometry(30, 24, 16);
const distance = new SignedMeshDistance({
  positions: Float64Array.from(ball.getAttribute('position').array),
  triangles: Uint32Array.from(ball.index.array),
});
const image = new UltrasoundImage(64, 48);
const pixels = new Uint8Array(64 * 48);
const view = new PoseView();
view.status = 'ok';
view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
view.covarianceKnown = true;
view.covariance.fill(0);
for (let k = 0; k < 6; k += 1) view.covariance[7 * k] = k < 3 ? 0.2 : 1e-4;
const out = Float64Array.of(0, 0);

function frames(count) {
  for (let i = 0; i < count; i += 1) {
    view.times[0] += 16;
    view.matrix[12] = 40 + (i % 1000) * 0.01;
    drawn.give(view);
    drawn.settle(view.times, 250);
    across.measure(view);
    out[0] = distance.from(tip(view.matrix));
    out[1] += cut.cut(axes, at, normal, across.plan.target.xyz) ? 1 : 0;
    image.update(pixels, view.times);
  }
}

const at = new Float64Array(3);
function tip(m) {
  at[0] = m[12];
  at[1] = m[13];
  at[2] = m[14];
  return at;
}

view.times[0] = 0;
const counted = await countCollections(
  () => frames(60_000),
  () => {
    out[1] = 0;
    frames(300_000);
  },
);
process.stdout.write(JSON.stringify({ ...counted, distance: out[0], cuts: out[1], status: drawn.status }));
