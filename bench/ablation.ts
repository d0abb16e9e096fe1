import { frame, transform } from '@trocar/core';
import { ablationTarget, coverageProbability, ellipsoidZone, marginMap, placeProbe } from '@trocar/core/guidance';
import { fromQuaternion, Random } from '@trocar/core/math';
import { ellipsoidMesh } from '../packages/core/src/testing/ablation/ellipsoid-mesh.js';
import { monteCarloCoverage } from '../packages/core/src/testing/ablation/monte-carlo-coverage.js';
import { type Row, report, row } from './_report.js';

/** Margin maps (processor time) and the probability of coverage beside plain Monte Carlo. `--cases N`, `--samples N`. */

function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}
const CASES = option('--cases', 12);
const SAMPLES = option('--samples', 20_000);
const CT = frame('ct');
const TIP = frame('tip');
const random = new Random(4711);
const surface = ellipsoidMesh(CT, [0, 0, 0], [12, 12, 12], 20);
const target = ablationTarget(surface);
target.cells();
const points = Array.from({ length: surface.positions.length / 3 }, (_, n) =>
  Array.from(surface.positions.subarray(3 * n, 3 * n + 3)),
);
const mapMs: number[] = [];
const off: number[] = [];
for (let n = 0; n < CASES; n += 1) {
  const count = 1 + (n % 3);
  const probes = Array.from({ length: count }, () => {
    const covariance = new Float64Array(36);
    for (let k = 0; k < 3; k += 1) {
      covariance[7 * k] = random.between(0.3, 1.5) ** 2;
      covariance[7 * (k + 3)] = random.between(0, 0.02) ** 2;
    }
    const at = [0, 1, 2].map(() => random.between(-1, 1) * (count === 1 ? 1.2 : 4));
    const m = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), at);
    const radiiMm = [random.between(14, 18), random.between(14, 18), random.between(14, 18)] as const;
    return placeProbe(transform(CT, TIP, m, { covariance }), { radiiMm, centreMm: 0 });
  });
  const zone = ellipsoidZone(probes);
  marginMap(target, zone);
  const from = process.cpuUsage().user;
  marginMap(target, zone);
  mapMs.push((process.cpuUsage().user - from) / 1000);
  const truth = monteCarloCoverage(points, probes, undefined, random, SAMPLES);
  off.push(100 * Math.abs(coverageProbability(target, zone).probability - truth));
}
const rows: Row[] = [
  row('margin map, once fields are there', 'ms', mapMs, { text: 'at most 100 ms', met: Math.max(...mapMs) <= 100 }),
  row('probability of coverage off Monte Carlo', 'points', off, { text: 'at most 2 points', met: Math.max(...off) <= 2 }),
];
report(rows);
