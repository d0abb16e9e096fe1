import { affineTransform, type Point, point, transform } from '@trocar/core';
import { Random, transformPoint } from '@trocar/core/math';
import type { Volume } from '@trocar/core/volume';
import { type DeformableRegistration, type DenseMetric, registerDeformable } from '@trocar/registration/deformable';
import { registerToUltrasound, registerVolumes } from '@trocar/registration/intensity';
import { bestRigidOf, type DeformedBrain, deformedBrain } from '../packages/registration/src/testing/deformed-brain.js';
import { median, report, row } from './_report.js';
import { casesOf, startOf, turnedRound } from './deformable/cases.js';
import { fitted, type Judged, reliability } from './deformable/confidence.js';

/**
 * Deformable registration of brains whose deformation is known: a Kelvinlet shift of 3 to 10 mm with a resection hole; the fixed
 * image a non-monotonic remap with noise of its own, or simulated ultrasound. Errors at places in the brain, against two yardsticks:
 * the rigid registration that a user would have (`registerVolumes` or `registerToUltrasound` from the same start), and the best rigid
 * motion that the truth allows, which no method could know; and at steady places, which a tracker's noise in single frames of
 * ultrasound does not touch, for no map of tissue can follow that.
 *
 *   npm run bench -- deformable     six seeds of each kind
 *   … --seeds N --first S           N per kind, from seed S on
 *   … --kind remap|ultrasound       one kind
 *   … --metric lc2|mind
 *   … --start MM                    error of the start, mm at the middle and as many degrees (default 3)
 *   … --only accuracy|confidence    one part
 *   … --fit                         weights of the confidence from these results
 */

function option(name: string, otherwise: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : (process.argv[at + 1] as string);
}

const SEEDS = Number(option('seeds', '6'));
const FIRST = Number(option('first', '1'));
const START = Number(option('start', '3'));
const METRIC = option('metric', 'lc2') as DenseMetric;
const ONLY = option('only', 'both');
const KINDS = (['remap', 'ultrasound'] as const).filter((kind) => ['both', kind].includes(option('kind', 'both')));

type Found = DeformableRegistration<'us', 'mr'>;

const mean = (x: ArrayLike<number>): number => Array.from(x).reduce((a, b) => a + b, 0) / x.length;
const p95 = (x: Float64Array): number => x.slice().sort()[Math.floor(0.95 * x.length)] as number;

/** Mean error of a matrix, moving from fixed. */
function rigidError(brain: DeformedBrain, matrix: ArrayLike<number>, places?: Float64Array): number {
  return mean(brain.errorsOf((out, p) => transformPoint(out as Float64Array, matrix, p), places));
}

/** The rigid registration that a user would have: moving from fixed. */
async function usersRigid(
  kind: 'remap' | 'ultrasound',
  { fixed, moving }: { readonly fixed: Volume<'us'>; readonly moving: readonly Volume<'mr'>[] },
  start: ReturnType<typeof startOf>,
): Promise<ReturnType<typeof startOf>> {
  if (kind === 'remap') return (await registerVolumes(fixed, moving[0] as Volume<'mr'>, { initial: start })).movingFromFixed;
  const initial = transform(fixed.frame, start.to, turnedRound(start));
  const { usFromMoving } = await registerToUltrasound(fixed, moving, { initial });
  return affineTransform(start.to, fixed.frame, turnedRound(usFromMoving as never));
}

/** Errors of fixed places taken there and back. */
function thereAndBack({ fixedPlaces }: DeformedBrain, found: Found): Float64Array {
  const q = new Float64Array(3);
  return Float64Array.from({ length: fixedPlaces.length / 3 }, (_, n) => {
    const p = fixedPlaces.subarray(3 * n, 3 * n + 3);
    found.fixedFromMoving.map(q, found.movingFromFixed.map(q, p));
    return Math.hypot(...[0, 1, 2].map((r) => (q[r] as number) - (p[r] as number)));
  });
}

/** Errors at places over the error expected there, where one is. */
function unitsOff(brain: DeformedBrain, errors: Float64Array, found: Found): number[] {
  const at = (n: number): Point<'us'> => point(brain.fixed.frame, brain.fixedPlaces.slice(3 * n, 3 * n + 3));
  return Array.from(errors, (e, n) => e / found.expectedError(at(n))).filter((x) => !Number.isNaN(x));
}

/** Share of numbers that are at most so much. */
const within = (units: readonly number[], most: number): number => units.filter((u) => u <= most).length / units.length;

/** One seed in numbers. */
interface Outcome {
  readonly error: number;
  readonly best: number;
  readonly users: number;
  readonly steady: number;
  readonly inverse: number;
  readonly units: readonly number[];
  readonly found: Found;
}

async function outcomeOf(kind: 'remap' | 'ultrasound', seed: number): Promise<Outcome> {
  const random = new Random(1000 + seed);
  const shiftMm = random.between(3, 10);
  const brain = deformedBrain({ kind, seed, shiftMm, resected: true });
  const start = startOf(brain, START, random);
  const found = await registerDeformable(brain.fixed, brain.moving, { initial: start, metric: METRIC });
  const users = rigidError(brain, (await usersRigid(kind, brain, start)).matrix);
  const best = rigidError(brain, brain.bestRigid.matrix);
  const errors = brain.errorsOf(found.movingFromFixed.map as never);
  const error = mean(errors);
  const { steadyPlaces, movingPlaces } = brain;
  const steadyBest = rigidError(brain, bestRigidOf(movingPlaces, steadyPlaces), steadyPlaces);
  const steady = mean(brain.errorsOf(found.movingFromFixed.map as never, steadyPlaces)) / steadyBest;
  const units = unitsOff(brain, errors, found);
  console.log(
    `${kind} ${seed}: shift ${shiftMm.toFixed(1)}, best rigid ${best.toFixed(2)}, user's rigid ${users.toFixed(2)}, deformed ` +
      `${error.toFixed(2)} mm (× ${(error / best).toFixed(2)}, steady × ${steady.toFixed(2)}, × ${(error / users).toFixed(2)} of the user's), ` +
      `${found.outcome} ${found.findings.map((f) => f.code).join(', ')}, confidence ${found.confidence.toFixed(3)}, ` +
      `within the error expected ${within(units, 1).toFixed(2)}, within twice ${within(units, 2).toFixed(2)}, ${found.seconds.toFixed(1)} s`,
  );
  return { error, best, users, steady, inverse: p95(thereAndBack(brain, found)), units, found };
}

async function accuracy(kind: 'remap' | 'ultrasound'): Promise<void> {
  const all: Outcome[] = [];
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) all.push(await outcomeOf(kind, seed));
  const of = (pick: (o: Outcome) => number): number[] => all.map(pick);
  const [ratios, users, steady] = [of((o) => o.error / o.best), of((o) => o.error / o.users), of((o) => o.steady)];
  const half = (x: readonly number[]): { text: string; met: boolean } => ({ text: 'median at most 0.5', met: median(x) <= 0.5 });
  const told = all.filter(({ found }) => found.outcome === 'ok' && found.deformed);
  const worse = told.filter((o) => o.error > o.best).length;
  const units = all.flatMap((o) => o.units);
  const least = of((o) => o.found.shape.leastVolumeRatio);
  const inverses = of((o) => o.inverse);
  const seconds = of((o) => o.found.seconds);
  const name = `deformable ${METRIC}, ${kind}`;
  report([
    row(
      `${name}: TRE`,
      'mm',
      of((o) => o.error),
    ),
    row(
      `${name}: TRE of the user's rigid registration`,
      'mm',
      of((o) => o.users),
    ),
    row(
      `${name}: TRE of the best rigid motion`,
      'mm',
      of((o) => o.best),
    ),
    row(`${name}: TRE against the user's rigid registration`, '×', users, half(users)),
    row(`${name}: TRE against the best rigid motion`, '×', ratios, half(ratios)),
    row(`${name}: TRE against the best rigid motion, at steady places`, '×', steady, half(steady)),
    row(`${name}: errors within the one expected there`, 'of all', [within(units, 1)]),
    row(`${name}: errors within twice the one expected there`, 'of all', [within(units, 2)]),
    row(`${name}: inverse consistency p95`, 'mm', inverses, { text: 'at most 0.5', met: Math.max(...inverses) < 0.5 }),
    row(`${name}: least det J`, '', least, { text: 'above 0', met: Math.min(...least) > 0 }),
    row(`${name}: called ok with a deformation`, 'of all', [told.length / SEEDS]),
    row(`${name}: deformed, called ok and worse than the best rigid motion`, '', [worse], { text: 'none', met: worse === 0 }),
    row(`${name}: time`, 's', seconds, { text: 'at most 15', met: Math.max(...seconds) <= 15 }),
  ]);
}

/** Right: at most this error in the mean over the brain, and no more than the rigid part leaves. */
const RIGHT_MM = 1;

async function confidence(): Promise<void> {
  const all: Judged[] = [];
  for (const kind of KINDS) {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
      for (const { name, brain, fixed, moving, start, same } of casesOf(kind, seed)) {
        const found = await registerDeformable(fixed, moving, { initial: start });
        const error = mean(brain.errorsOf(found.movingFromFixed.map as never));
        const right = same && error <= RIGHT_MM && (!found.deformed || error <= rigidError(brain, found.rigid.matrix));
        all.push({ name, error: same ? error : Number.NaN, right, found });
        console.log(
          `${name}: ${same ? `${error.toFixed(2)} mm` : 'no truth'}, ${right ? 'right' : 'wrong'}, ` +
            `${found.outcome} ${found.findings.map((f) => f.code).join(', ')}, confidence ${found.confidence.toFixed(3)}`,
        );
      }
    }
  }
  reliability(all);
  if (process.argv.includes('--fit'))
    console.log(
      'weights',
      fitted(all)
        .map((w) => w.toFixed(2))
        .join(', '),
    );
}

if (ONLY !== 'confidence') for (const kind of KINDS) await accuracy(kind);
if (ONLY !== 'accuracy') await confidence();
