import { identity4 } from '@trocar/core/math';
import type { CubeImage } from '../../intensity/ultrasound/cube-image.js';
import { mindPair } from '../../intensity/ultrasound/mind-profile.js';
import { mindStart } from '../../intensity/ultrasound/mind-start.js';
import { disagreement } from './error-map.js';
import { type Displacements, faded, type LocalVolume, localVolume } from './finish.js';
import { blockDifferences, type Gain, gainOf, halvesOf, joined } from './halves.js';
import { informationOf } from './information.js';
import { type Level, look, meanDifference } from './level.js';
import { CUBES_PER_NODE, displacementsOf, nodesFor, optimise, type Smoothness } from './optimise.js';
import { refineRigid } from './rigid-step.js';
import { type Images, levelOf, type Scene } from './scene.js';
import { refinedCoefficients } from './spline-lattice.js';

/** How far the rigid motion is looked for, by descriptors, mm. */
const SEARCH_MM = 12;
/** So far, in cubes of the coarser level, the map is moved to see whether the images would notice. */
const ELSEWHERE = 2;
/** Local volume that no brain reaches: below it a result is made stiffer. */
const LEAST_VOLUME = 0.15;
const STIFFER = 1.5;

/** Steps of the rigid motion on the fine level. */
const RIGID_FINE = 4;

/** Brain shift strains by a tenth or two where it is most, and over centimetres alike. */
const COARSE: Smoothness = { strain: 0.2, alikeMm: 20, bulk: 1, iterations: 15 };
const FINE: Smoothness = { ...COARSE, iterations: 12 };

/** What was found, in the fixed image's frame; the moving images stand where the caller's start put them. */
export interface Deformed {
  /** The rigid motion beyond the start: 16 doubles, column-major, mm. */
  readonly rigid: Float64Array;
  /** Displacements before it. */
  readonly displacements: Displacements;
  readonly volume: LocalVolume;
  /** Fall of the difference by the deformation in blocks that had no say in it: each half of the blocks by the other's. */
  readonly heldOut: Gain;
  /** How much the same blocks notice when that map is moved aside, in the direction they notice least. */
  readonly distinct: Gain;
  /** Root mean square distance between the two halves' displacements where the images show something, mm. */
  readonly halvesApartMm: number;
  /** Half of that distance around each place, squared, mm². */
  readonly disagreement: CubeImage;
  /** Share of the fixed image that the moving ones explain with the deformation: 1 less the mean difference. */
  readonly explained: number;
  /**
   * Mutual information, a measure that the registration does not look at, under the rigid motion and with the deformation; absent
   * for ultrasound, of which it says little.
   */
  readonly information: { readonly rigid: number; readonly deformed: number } | undefined;
  /** How often the result had to be made stiffer to keep it from folding. */
  readonly stiffened: number;
}

/** Told how far the work is, 0 … 1; may wait, may throw to end it. */
export type Breathe = (share: number) => Promise<void>;

/** Registers without limits on what it costs: rigidly, then coarse to fine. */
export async function deform(scene: Scene, breathe: Breathe): Promise<Deformed> {
  const { metric } = scene.input;
  const h = scene.finestMm;
  await breathe(0);
  const coarseImages = scene.images(2 * h);
  await breathe(0.05);
  const coarse = levelOf(coarseImages, metric);
  const rough = rigidOf(coarse, mindStart(mindPair(coarseImages.fixed, coarseImages.moving), SEARCH_MM));
  await breathe(0.15);
  const evidence = await evidenceOf(coarse, rough, (s) => breathe(0.15 + 0.2 * s));
  const fineImages = scene.images(h);
  const fine = levelOf(fineImages, metric);
  await breathe(0.4);
  const told = scene.input.fixed.modality !== 'US';
  const refined = refineRigid(fine, rough, RIGID_FINE);
  const rigid = told ? better(fineImages, refined) : refined;
  const start = await optimise(coarse, rigid, coefficientsOf(coarse), COARSE, (s) => breathe(0.45 + 0.05 * s));
  const begun = refinedCoefficients(start, nodesFor(coarse.size), nodesFor(fine.size));
  const finished = await unfolded(fine, rigid, begun, (s) => breathe(0.5 + 0.48 * s));
  const { coefficients, ...rest } = finished;
  const u = displacementsOf(fine.size, coefficients);
  look(fine, rigid, u);
  const explained = 1 - meanDifference(fine);
  const information = told
    ? {
        rigid: informationOf(fineImages, rigid),
        deformed: informationOf(fineImages, rigid, u),
      }
    : undefined;
  return { rigid, ...rest, ...evidence, explained, information };
}

/** The rigid motion found, or none where the images tell less of each other under it than as the caller put them. */
function better(images: Images, found: Float64Array): Float64Array {
  return informationOf(images, found) >= informationOf(images, identity4()) ? found : identity4();
}

function coefficientsOf({ size }: Level): Float32Array {
  return new Float32Array(3 * nodesFor(size).reduce((a, b) => a * b, 1));
}

/** The better of the rigid motions reached from the caller's start and from where descriptors find the blocks. */
function rigidOf(coarse: Level, found: Float64Array | undefined): Float64Array {
  let best: { readonly matrix: Float64Array; readonly difference: number } | undefined;
  for (const start of [identity4(), found]) {
    if (start === undefined) continue;
    const matrix = refineRigid(coarse, start, 20);
    look(coarse, matrix);
    const difference = meanDifference(coarse);
    if (best === undefined || difference < best.difference) best = { matrix, difference };
  }
  return best?.matrix as Float64Array;
}

async function evidenceOf(
  coarse: Level,
  rigid: Float64Array,
  breathe: Breathe,
): Promise<Pick<Deformed, 'heldOut' | 'distinct' | 'halvesApartMm' | 'disagreement'>> {
  const halves = halvesOf(coarse);
  const fields: Float32Array[] = [];
  for (const [n, half] of halves.entries()) {
    const c = await optimise(half, rigid, coefficientsOf(half), COARSE, (s) => breathe((n + s) / 2));
    fields.push(displacementsOf(half.size, c));
  }
  const [a, b] = fields as [Float32Array, Float32Array];
  // Each half judges what the other found.
  const judges = [
    [halves[0], b],
    [halves[1], a],
  ] as const;
  const gains = judges.map(([half, u]) => gainOf(blockDifferences(half, rigid), blockDifferences(half, rigid, u)));
  const distinct = judges.map(([half, u]) => noticed(half, rigid, u));
  return {
    heldOut: joined(gains[0] as Gain, gains[1] as Gain),
    distinct: joined(distinct[0] as Gain, distinct[1] as Gain),
    halvesApartMm: apart(coarse, a, b),
    disagreement: disagreement(coarse, a, b),
  };
}

/** How much blocks lose when the map is moved aside along ±x, ±y or ±z, where they lose least. */
function noticed(half: Level, rigid: Float64Array, u: Float32Array): Gain {
  const here = blockDifferences(half, rigid, u);
  let least: Gain | undefined;
  for (let axis = 0; axis < 3; axis += 1) {
    for (const sign of [-1, 1]) {
      const moved = rigid.slice();
      moved[12 + axis] = (moved[12 + axis] as number) + sign * ELSEWHERE * half.spacingMm;
      const gain = gainOf(blockDifferences(half, moved, u), here);
      if (least === undefined || gain.z < least.z) least = gain;
    }
  }
  return least as Gain;
}

function apart({ weights }: Level, a: Float32Array, b: Float32Array): number {
  let [sum, count] = [0, 0];
  weights.forEach((w, n) => {
    if (w === 0) return;
    for (let r = 3 * n; r < 3 * n + 3; r += 1) sum += ((a[r] as number) - (b[r] as number)) ** 2;
    count += 1;
  });
  return count > 0 ? Math.sqrt(sum / count) : 0;
}

/** The fine result, made stiffer from the same start until it keeps tissue from vanishing, and shortened if even that fails. */
async function unfolded(
  fine: Level,
  rigid: Float64Array,
  start: Float32Array,
  breathe: Breathe,
): Promise<Pick<Deformed, 'displacements' | 'volume' | 'stiffened'> & { readonly coefficients: Float32Array }> {
  const grid = (c: Float32Array): Displacements => faded(c, nodesFor(fine.size), fine.origin, CUBES_PER_NODE * fine.spacingMm);
  let smoothness = FINE;
  let coefficients = start;
  for (let stiffened = 0; stiffened < 3; stiffened += 1) {
    coefficients = await optimise(fine, rigid, start, smoothness, (s) => breathe((stiffened + s) / 3));
    const displacements = grid(coefficients);
    const volume = localVolume(displacements);
    if (volume.least >= LEAST_VOLUME) return { displacements, volume, stiffened, coefficients };
    smoothness = { ...smoothness, strain: smoothness.strain / STIFFER };
  }
  for (let share = 0.8; ; share *= 0.8) {
    const shortened = coefficients.map((x) => share * x);
    const displacements = grid(shortened);
    const volume = localVolume(displacements);
    if (volume.least >= LEAST_VOLUME) return { displacements, volume, stiffened: 3, coefficients: shortened };
  }
}
