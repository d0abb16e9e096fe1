import { multiply4, Random, transformPoint } from '@trocar/core/math';
import { registerVolumes } from '@trocar/registration/intensity';
import { median, type Row, report, row } from './_report.js';
import { Elastix, type ElastixRun } from './intensity/elastix.js';
import {
  brightPlaces,
  errorBetween,
  type Pair,
  phantomPair,
  poseOf,
  realVolume,
  regridded,
  remappedPair,
} from './intensity/pairs.js';

/**
 * Rigid registration of volumes by mutual information against elastix (Debian's, its default rigid parameters), in one run on
 * one machine, two threads each. Ours starts from volumes in memory, searches everywhere and checks itself; elastix's time is
 * its wall-clock time less what its log gives to reading and writing. `--runs N` is how often each is timed (default 3),
 * `--starts N` from how many starts elastix's median error is taken (default 3).
 */

function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}

const RUNS = option('runs', 3);
const STARTS = option('starts', 3);
const THREADS = 2;

/** The pairs that are here; real data only where TROCAR_DATA has them. */
async function pairs(): Promise<Pair[]> {
  const pose = poseOf([0.1, -0.08, 0.15], [9, -12, 8]);
  const found: Pair[] = [
    { ...phantomPair({ body: 'head', seed: 1, size: [128, 128, 128], pose }), name: 'CT–MR head phantom 128³' },
    { ...phantomPair({ body: 'abdomen', seed: 1, spacingMm: 2.5, pose }), name: 'CT–MR abdomen phantom 2.5 mm' },
  ];
  const ct = await realVolume('phantom-ct-mr/pork_CT_0p78x0p78x1p25.nii.gz', 'fixed');
  const mr = await realVolume('phantom-ct-mr/pork_MR_T2_1x1x2p5.nii.gz', 'moving');
  const t1 = await realVolume('head-mr/head_T1.nii.gz', 'fixed');
  const pd = await realVolume('head-mr/head_PD.nii.gz', 'moving');
  if (ct !== undefined) found.push(remappedPair('CT 128³, remapped', regridded(ct, [128, 128, 128]), 3, pose));
  const unknown = { truth: undefined, toleranceMm: 2 };
  if (t1 !== undefined && pd !== undefined) {
    found.push({ ...unknown, name: 'T1–PD head, real', fixed: t1, moving: pd, places: brightPlaces(t1, 40) });
  }
  if (ct !== undefined && mr !== undefined) {
    found.push({ ...unknown, name: 'CT–MR meat phantom, real', fixed: ct, moving: mr, places: brightPlaces(ct, 300) });
  }
  if (ct === undefined) console.log('Real images are not here (TROCAR_DATA): measured on phantoms alone.');
  return found;
}

/** Starts near a pose, for a peer that searches nothing: up to 6° and 10 mm along each axis, about the body's middle. */
function startsNear(pose: Float64Array, middle: ArrayLike<number>): Float64Array[] {
  const random = new Random(11);
  const c = transformPoint(new Float64Array(3), pose, middle);
  return Array.from({ length: STARTS }, () => {
    const turn = poseOf(
      [0, 1, 2].map(() => random.between(-0.1, 0.1)),
      [0, 0, 0],
    );
    const at = transformPoint(new Float64Array(3), turn, c);
    for (let r = 0; r < 3; r += 1) turn[12 + r] = (c[r] as number) - (at[r] as number) + random.between(-10, 10);
    return multiply4(new Float64Array(16), turn, pose);
  });
}

/** What elastix is compared by where nobody knows the truth: the run whose result lies nearest to all others. */
function consensus(runs: readonly ElastixRun[], pair: Pair): ArrayLike<number> {
  const spread = (run: ElastixRun): number =>
    median(runs.map((other) => errorBetween(run.matrix, other.matrix, pair.places).mean));
  return runs.reduce((best, run) => (spread(run) < spread(best) ? run : best)).matrix;
}

const rows: Row[] = [];
const elastix = Elastix.open();
if (elastix === undefined) console.log('elastix is not installed (Debian: elastix): measured without the peer.');
try {
  for (const pair of await pairs()) {
    const ours: number[] = [];
    const results: ArrayLike<number>[] = [];
    const words: string[] = [];
    for (let run = 0; run < RUNS + 1; run += 1) {
      const started = performance.now();
      const found = await registerVolumes(pair.fixed, pair.moving, { threads: THREADS, seed: run + 1 });
      // The first run starts the workers and compiles: it is what a cold start costs, and no part of the median.
      if (run > 0) ours.push((performance.now() - started) / 1000);
      results.push(found.movingFromFixed.matrix);
      words.push(`${found.outcome} ${found.confidence.toFixed(2)}`);
    }
    const centre = pair.places[pair.places.length >> 1] as Float64Array;
    const known = pair.truth ?? (results[0] as Float64Array);
    const theirs: ElastixRun[] = [];
    if (elastix !== undefined) {
      await elastix.put(pair);
      for (const start of startsNear(Float64Array.from(known), centre)) {
        const run = await elastix.run(start);
        if (run !== undefined) theirs.push(run);
      }
    }
    const reference = pair.truth ?? (theirs.length > 0 ? consensus(theirs, pair) : known);
    const errors = results.map((m) => errorBetween(m, reference, pair.places).mean);
    const peer = theirs.map(({ net }) => net);
    const ratio = median(peer) / median(ours);
    rows.push(row(`${pair.name}: ours, ${THREADS} workers`, 's', ours));
    if (theirs.length > 0) {
      rows.push(row('… elastix, less reading and writing', 's', peer));
      rows.push(row('… elastix / ours', '×', [ratio], { text: 'at least 10', met: ratio >= 10 }));
      const peerErrors = theirs.map(({ matrix }) => errorBetween(matrix, reference, pair.places).mean);
      rows.push(row(`… elastix, error${pair.truth ? '' : ' against its own consensus'}`, 'mm', peerErrors));
      const limit = pair.truth ? median(peerErrors) + 0.05 : 0.3;
      rows.push(
        row(`… ours, error${pair.truth ? '' : ' against elastix'} (${[...new Set(words)].join(', ')})`, 'mm', errors, {
          text: `at most ${limit.toFixed(2)}`,
          met: median(errors) <= limit,
        }),
      );
    } else rows.push(row(`… ours, error (${[...new Set(words)].join(', ')})`, 'mm', errors));
  }
} finally {
  elastix?.close();
}
report(rows);
