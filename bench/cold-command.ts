import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTransformFile } from '@trocar/registration/itk';
import { median, type Row, report, row } from './_report.js';
import { Elastix } from './intensity/elastix.js';
import {
  brightPlaces,
  errorBetween,
  fixedFrame,
  movingFrame,
  type Pair,
  phantomPair,
  poseOf,
  realVolume,
} from './intensity/pairs.js';

/**
 * The command from nothing to its files, against elastix' whole wall time: starting, reading two images, registering (ours from
 * anywhere, elastix from the headers), writing a transform. The built command: `npm run build` first. `--runs N` (default 5).
 */

const RUNS = Number(process.argv[process.argv.indexOf('--runs') + 1]) || 5;
const COMMAND = join(import.meta.dirname, '../packages/registration/dist/bin/trocar-register.js');

async function pairs(): Promise<Pair[]> {
  const pose = poseOf([0.05, -0.04, 0.06], [5, -6, 4]);
  const found = [{ ...phantomPair({ body: 'head', seed: 1, size: [128, 128, 128], pose }), name: 'CT–MR head phantom 128³' }];
  const t1 = await realVolume('head-mr/head_T1.nii.gz', 'fixed');
  const pd = await realVolume('head-mr/head_PD.nii.gz', 'moving');
  if (t1 === undefined || pd === undefined) return found;
  return [
    ...found,
    { name: 'T1–PD head, real', fixed: t1, moving: pd, places: brightPlaces(t1, 40), truth: undefined, toleranceMm: 2 },
  ];
}

const elastix = Elastix.open();
const folder = mkdtempSync(join(tmpdir(), 'trocar-bench-'));
const rows: Row[] = [];
try {
  if (elastix === undefined || !existsSync(COMMAND)) {
    console.log(elastix === undefined ? 'elastix is not installed (Debian: elastix).' : 'Not built: npm run build.');
  } else {
    for (const pair of await pairs()) {
      await elastix.put(pair);
      const out = join(folder, 'found.tfm');
      const images = ['--fixed', elastix.file('fixed'), '--moving', elastix.file('moving')];
      const ours: number[] = [];
      const theirs: number[] = [];
      let apart = Number.NaN;
      for (let n = 0; n < RUNS; n += 1) {
        const started = performance.now();
        execFileSync(process.execPath, [COMMAND, 'image', ...images, '--threads', '2', '--out', out, '--json'], {
          stdio: 'ignore',
        });
        ours.push((performance.now() - started) / 1000);
        const peer = await elastix.run();
        if (peer === undefined) throw new Error('elastix found nothing.');
        theirs.push(peer.wall);
        const bytes = readFileSync(out);
        const found = await readTransformFile({ name: 'found.tfm', bytes }, { to: movingFrame, from: fixedFrame });
        if (found.kind !== 'linear') throw new Error('No matrix was written.');
        apart = errorBetween(found.edge.matrix, pair.truth ?? peer.matrix, pair.places).mean;
      }
      const ratio = median(theirs) / median(ours);
      rows.push(
        row(`${pair.name}: the command, cold`, 's', ours),
        row('… elastix, cold', 's', theirs),
        row('… elastix / ours', '×', [ratio], { text: 'at least 3', met: ratio >= 3 }),
        row(pair.truth === undefined ? '… apart from elastix' : '… error', 'mm', [apart]),
      );
    }
  }
} finally {
  elastix?.close();
  rmSync(folder, { recursive: true });
}
report(rows);
