import { multiply4, Random, transformPoint } from '@trocar/core/math';
import { type Volume, volume } from '@trocar/core/volume';
import { registerVolumes, type VolumeRegistrationOptions } from '@trocar/registration/intensity';
import { median } from '../_report.js';
import { Elastix } from './elastix.js';
import { errorBetween, type MeatPair, meatPair, poseOf } from './pairs.js';

/**
 * `node --conditions=@trocar/source --import tsx bench/intensity/meat.ts [--runs 9]`
 *
 * The real meat phantom against both of its references, at places of bone: ours from so many seeds, by mutual information, normalised, as
 * an affine map, and from its rigid result with only the bones' surroundings looked at; elastix from as many starts near the whole body's reference.
 */
const at = process.argv.indexOf('--runs');
const RUNS = at < 0 ? 9 : Number(process.argv[at + 1]);

/** How far around bone, mm, the mask reaches: the bone's own marrow and the meat at its surface. */
const AROUND_MM = 6;
/** HU of bone. */
const BONE = 300;

/** Voxels within {@link AROUND_MM} of bone, by whole voxels along each axis. */
function aroundBone(v: Volume<'fixed'>): Volume<'fixed'> {
  let near = Uint8Array.from(v.voxels, (x) => (x > BONE ? 1 : 0));
  const [ni, nj] = v.size;
  const m = v.frameFromIndex;
  [1, ni, ni * nj].forEach((step, axis) => {
    const spacing = Math.hypot(m[4 * axis] as number, m[4 * axis + 1] as number, m[4 * axis + 2] as number);
    const reach = Math.round(AROUND_MM / spacing);
    const next = near.slice();
    for (let n = 0; n < near.length; n += 1) {
      if (near[n] === 0) continue;
      for (let d = -reach; d <= reach; d += 1) if (n + d * step >= 0 && n + d * step < near.length) next[n + d * step] = 1;
    }
    near = next;
  });
  return volume({ frame: v.frame, voxels: near, size: v.size, frameFromIndex: v.frameFromIndex });
}

function told(name: string, { places, truth, bones }: MeatPair, found: readonly ArrayLike<number>[], more = ''): void {
  const from = (reference: Float64Array): string => {
    const errors = found.map((matrix) => errorBetween(matrix, reference, places).mean);
    return `${median(errors).toFixed(2)} (${Math.min(...errors).toFixed(2)} \u2026 ${Math.max(...errors).toFixed(2)})`;
  };
  console.log(`${name.padEnd(28)} whole body ${from(truth)} mm, bones ${from(bones)} mm${more}`);
}

async function ours(
  name: string,
  pair: MeatPair,
  options: VolumeRegistrationOptions<'rigid' | 'affine', 'fixed', 'moving'>,
): Promise<void> {
  const found: ArrayLike<number>[] = [];
  const words: Record<string, number> = {};
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const { movingFromFixed, outcome } = await registerVolumes(pair.fixed, pair.moving, { ...options, seed });
    found.push(movingFromFixed.matrix);
    words[outcome] = (words[outcome] ?? 0) + 1;
  }
  told(name, pair, found, `; ${JSON.stringify(words)}`);
}

/** A start near the reference: up to 6\u00b0 and 10 mm along each axis, about the bones' middle. */
function startNear({ truth, places }: MeatPair, random: Random): Float64Array {
  const middle = [0, 1, 2].map((r) => places.reduce((sum, p) => sum + (p[r] as number), 0) / places.length);
  const three = (most: number): number[] => [0, 1, 2].map(() => random.between(-most, most));
  const c = transformPoint(new Float64Array(3), truth, middle);
  const turn = poseOf(three(0.1), [0, 0, 0]);
  const turned = transformPoint(new Float64Array(3), turn, c);
  three(10).forEach((shift, r) => {
    turn[12 + r] = (c[r] as number) - (turned[r] as number) + shift;
  });
  return multiply4(new Float64Array(16), turn, truth);
}

const pair = await meatPair();
if (pair === undefined) console.log('The meat phantom is not here (TROCAR_DATA).');
else {
  await ours('ours', pair, {});
  await ours('ours, normalised', pair, { metric: 'nmi' });
  await ours('ours, affine', pair, { transform: 'affine' });
  // The bones alone are too little to be found by; near the whole body's result they are enough.
  const { movingFromFixed: initial } = await registerVolumes(pair.fixed, pair.moving);
  const near = { initial, searchMm: 10, searchDeg: 10, fixedMask: aroundBone(pair.fixed) };
  await ours(`ours, then ${AROUND_MM} mm about bone`, pair, near);
  const elastix = Elastix.open();
  if (elastix !== undefined) {
    await elastix.put(pair);
    const random = new Random(11);
    const found: ArrayLike<number>[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const one = await elastix.run(startNear(pair, random));
      if (one !== undefined) found.push(one.matrix);
    }
    told('elastix', pair, found);
    elastix.close();
  }
}
