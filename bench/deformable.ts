import { affineTransform } from '@trocar/core';
import { fromRotationVector, identity4, multiply4, Random, transformPoint } from '@trocar/core/math';
import { type DenseMetric, registerDeformable } from '@trocar/registration/deformable';
import { bestRigidOf, type DeformedBrain, deformedBrain } from '../packages/registration/src/testing/deformed-brain.js';
import { median, report, row } from './_report.js';

/**
 * Deformable registration of brains whose deformation is known: a Kelvinlet shift of 3 to 10 mm with a resection hole; the fixed
 * image a non-monotonic remap with noise of its own, or simulated ultrasound. Errors at places in the brain, against the best
 * rigid motion that the truth allows, which no method could know; and at steady places, which a tracker's noise in single frames of
 * ultrasound does not touch, for no map of tissue can follow that. `--seeds N` per kind (default 6), `--first S`, `--kind`,
 * `--metric`, `--start MM`: error of the start, mm at the middle and as many degrees (default 3).
 */

function option(name: string, otherwise: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : (process.argv[at + 1] as string);
}

const SEEDS = Number(option('seeds', '6'));
const FIRST = Number(option('first', '1'));
const START = Number(option('start', '3'));
const METRIC = option('metric', 'lc2') as DenseMetric;
const KINDS = (['remap', 'ultrasound'] as const).filter((kind) => ['both', kind].includes(option('kind', 'both')));

const mean = (x: Float64Array): number => x.reduce((a, b) => a + b, 0) / x.length;
const p95 = (x: Float64Array): number => x.slice().sort()[Math.floor(0.95 * x.length)] as number;

/** The best rigid motion with an error of so many mm at the middle of the places, and as many degrees, in random directions. */
function startOf(brain: DeformedBrain, size: number, random: Random): DeformedBrain['bestRigid'] {
  const count = brain.fixedPlaces.length / 3;
  const middle = [0, 1, 2].map((r) => brain.fixedPlaces.reduce((s, x, n) => (n % 3 === r ? s + x : s), 0) / count);
  const direction = (length: number): number[] => {
    const v = [random.normal(), random.normal(), random.normal()];
    return v.map((x) => (length * x) / Math.hypot(...v));
  };
  const off = fromRotationVector(identity4(), direction((size * Math.PI) / 180));
  const moved = transformPoint(new Float64Array(3), off, middle);
  off.set(
    direction(size).map((d, r) => (middle[r] as number) + d - (moved[r] as number)),
    12,
  );
  const { to, from, matrix } = brain.bestRigid;
  return affineTransform(to, from, multiply4(identity4(), matrix, off));
}

for (const kind of KINDS) {
  const [ratios, errors, rigids, seconds, inverses, least, steady] = [0, 1, 2, 3, 4, 5, 6].map((): number[] => []) as [
    number[],
    number[],
    number[],
    number[],
    number[],
    number[],
    number[],
  ];
  let [worse, kept] = [0, 0];
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const random = new Random(1000 + seed);
    const shiftMm = random.between(3, 10);
    const brain = deformedBrain({ kind, seed, shiftMm, resected: true });
    const found = await registerDeformable(brain.fixed, brain.moving, {
      initial: startOf(brain, START, random),
      metric: METRIC,
    });
    const rigid = mean(brain.errorsOf((out, p) => transformPoint(out as Float64Array, brain.bestRigid.matrix, p)));
    const error = mean(brain.errorsOf(found.movingFromFixed.map as (out: Float64Array, p: ArrayLike<number>) => Float64Array));
    const q = new Float64Array(3);
    const back = Float64Array.from({ length: brain.fixedPlaces.length / 3 }, (_, n) => {
      const p = brain.fixedPlaces.subarray(3 * n, 3 * n + 3);
      found.fixedFromMoving.map(q, found.movingFromFixed.map(q, p));
      return Math.hypot(...[0, 1, 2].map((r) => (q[r] as number) - (p[r] as number)));
    });
    const { steadyPlaces, movingPlaces } = brain;
    const steadyFit = bestRigidOf(movingPlaces, steadyPlaces);
    const steadyRigid = mean(brain.errorsOf((out, p) => transformPoint(out as Float64Array, steadyFit, p), steadyPlaces));
    const steadyError = mean(
      brain.errorsOf(found.movingFromFixed.map as (out: Float64Array, p: ArrayLike<number>) => Float64Array, steadyPlaces),
    );
    steady.push(steadyError / steadyRigid);
    ratios.push(error / rigid);
    errors.push(error);
    rigids.push(rigid);
    seconds.push(found.seconds);
    inverses.push(p95(back));
    least.push(found.shape.leastVolumeRatio);
    if (found.outcome === 'ok' && found.deformed) kept += 1;
    if (found.outcome === 'ok' && found.deformed && error > rigid) worse += 1;
    const codes = found.findings.map((f) => f.code).join(', ');
    console.log(
      `${kind} ${seed}: shift ${shiftMm.toFixed(1)}, best rigid ${rigid.toFixed(2)}, deformed ${error.toFixed(2)} mm ` +
        `(× ${(error / rigid).toFixed(2)}, steady × ${(steadyError / steadyRigid).toFixed(2)}), ${found.outcome} ${codes}, held out z ${found.evidence.heldOut.z.toFixed(1)}, ` +
        `${found.seconds.toFixed(1)} s`,
    );
  }
  const name = `deformable ${METRIC}, ${kind}`;
  report([
    row(`${name}: TRE`, 'mm', errors),
    row(`${name}: TRE of the best rigid motion`, 'mm', rigids),
    row(`${name}: TRE against it`, '×', ratios, { text: 'median at most 0.5', met: median(ratios) <= 0.5 }),
    row(`${name}: TRE against it, at steady places`, '×', steady, {
      text: 'median at most 0.5',
      met: median(steady) <= 0.5,
    }),
    row(`${name}: inverse consistency p95`, 'mm', inverses, { text: 'at most 0.5', met: Math.max(...inverses) < 0.5 }),
    row(`${name}: least det J`, '', least, { text: 'above 0', met: Math.min(...least) > 0 }),
    row(`${name}: called ok with a deformation`, 'of all', [kept / SEEDS]),
    row(`${name}: deformed, called ok and worse than the best rigid motion`, '', [worse], { text: 'none', met: worse === 0 }),
    row(`${name}: time`, 's', seconds, { text: 'at most 15', met: Math.max(...seconds) <= 15 }),
  ]);
}
