import { apply, type Frame, frame, invert, type Point, point, type Transform, transform } from '@trocar/core';
import { type Lesion, type MeasuredErrors, measureLesions } from '@trocar/core/analysis';
import { cholesky, fromRotationVector, identity4, multiply4, Random } from '@trocar/core/math';
import {
  drawLiverAnatomy,
  type LiverAnatomy,
  liverTumourPhantom,
  type TumourShape,
  type TumourTruth,
} from '@trocar/core/testing';
import { type Volume, volume } from '@trocar/core/volume';
import type { Study } from './study.js';

export const EARLIER: Frame<'earlier'> = frame('earlier');
export const LATER: Frame<'later'> = frame('later');

/** A simulated reader: its hand draws each tumour too wide or too narrow all around, and a little beside. */
export const READER: MeasuredErrors = {
  boundarySdMm: 0.4,
  diameterSdMm: 0.8,
  centroidSdMm: 0.3,
  on: 'itself: it draws its errors from these numbers',
};

/** What really became of the tumours: indices into the studies' truths. */
export interface FollowUpTruth {
  readonly laterFromEarlier: Transform<'later', 'earlier'>;
  readonly same: readonly (readonly [before: number, after: number])[];
  readonly gone: readonly number[];
  readonly fresh: readonly number[];
  readonly before: readonly TumourTruth<'earlier'>[];
  readonly after: readonly TumourTruth<'later'>[];
}

/** Two studies of one simulated patient. */
export interface SimulatedCase {
  readonly earlier: Study<'earlier'>;
  readonly later: Study<'later'>;
  readonly earlierLabels: Volume<'earlier'>;
  readonly laterLabels: Volume<'later'>;
  readonly truth: FollowUpTruth;
}

/** How it is simulated. */
export interface SimulationOptions {
  readonly seed: number;
  /** Voxel edges of both images, mm. Default 2 and 2.4. */
  readonly spacingMm?: readonly [number, number];
  /** How far each tumour moves beside the patient, mm, standard deviation along each axis. Default 1.5. */
  readonly motionSdMm?: number;
  /** Whether the images show the tissue; without, they are empty, and the truth and the labels are the same. Default true. */
  readonly images?: boolean;
}

/**
 * A patient with three or four tumours in the liver, imaged twice: some grow, some shrink, one may go, one may come; the patient lies
 * otherwise, and a reader with errors draws what is there.
 */
export function simulateFollowUp({
  seed,
  spacingMm = [2, 2.4],
  motionSdMm = 1.5,
  images = true,
}: SimulationOptions): SimulatedCase {
  const random = new Random(seed);
  const drawn = drawLiverAnatomy(seed, 'training');
  const liverHu = drawn.hu.liver;
  const all = spread(random, drawn.bodyScale, liverHu);
  const [goes, comes] = [random.uniform() < 0.5, random.uniform() < 0.5];
  const befores = comes ? all.slice(0, -1) : all;
  const stays = befores.map((_, n) => !(goes && n === 0));
  const afters = all.flatMap((t, n) => (n >= befores.length ? [t] : stays[n] ? [grown(random, t, motionSdMm)] : []));
  const moved = fromRotationVector(
    identity4(),
    [1, 2, 3].map(() => random.between(-0.1, 0.1)),
  );
  for (let r = 0; r < 3; r += 1) moved[12 + r] = random.between(-15, 15);
  const kept = stays.flatMap((s, n) => (s ? [n] : []));
  const earlier = study(EARLIER, { ...drawn, tumours: befores }, identity4(), { seed, spacing: spacingMm[0], random, images });
  const later = study(LATER, { ...drawn, tumours: afters }, moved, { seed: seed + 7, spacing: spacingMm[1], random, images });
  return {
    earlier: { ...earlier.study, takenAt: new Date('2026-01-05T09:00:00Z') },
    later: { ...later.study, takenAt: new Date('2026-04-07T09:00:00Z') },
    earlierLabels: earlier.labels,
    laterLabels: later.labels,
    truth: {
      laterFromEarlier: transform(LATER, EARLIER, moved),
      same: kept.map((before, after) => [before, after] as const),
      gone: stays.flatMap((s, n) => (s ? [] : [n])),
      fresh: comes ? [afters.length - 1] : [],
      before: earlier.tumours,
      after: later.tumours,
    },
  };
}

/** Places well apart in the liver of `abdomenPhantom`, body coordinates. */
const PLACES = [
  [-104, -6, 58],
  [-66, -36, 22],
  [-58, 24, 74],
  [-10, -40, 48],
] as const;

function spread(random: Random, scale: number, liverHu: number): TumourShape[] {
  const count = 3 + random.below(2);
  return PLACES.slice(0, count).map((place) => {
    const radius = random.between(5.5, 10);
    return {
      centre: place.map((x) => x * scale * 0.92 + random.between(-4, 4)) as [number, number, number],
      radii: [radius, radius * random.between(0.75, 1), radius * random.between(0.75, 1)],
      hu: liverHu - random.between(35, 55),
    };
  });
}

/** Between two thirds and twice the volume, and a little elsewhere. */
function grown(random: Random, t: TumourShape, motionSdMm: number): TumourShape {
  const factor = random.uniform() < 0.25 ? 1 : Math.cbrt(random.between(0.65, 2));
  return {
    ...t,
    centre: t.centre.map((x) => x + motionSdMm * random.normal()) as [number, number, number],
    radii: t.radii.map((r) => r * factor) as [number, number, number],
  };
}

function study<F extends string>(
  inFrame: Frame<F>,
  anatomy: LiverAnatomy,
  frameFromBody: Float64Array,
  { seed, spacing, random, images }: { seed: number; spacing: number; random: Random; images: boolean },
): { study: Study<F>; labels: Volume<F>; tumours: readonly TumourTruth<F>[] } {
  // Without images a coarse one tells where everything lies.
  const phantom = liverTumourPhantom<F>({
    anatomy,
    frame: inFrame,
    frameFromBody,
    seed,
    spacingMm: images ? spacing : 12,
    noise: 14,
  });
  const labels = readBy(phantom.volume, anatomy, frameFromBody, spacing, random);
  return { study: { volume: phantom.volume, lesions: lesionsOf(labels) }, labels, tumours: phantom.tumours };
}

/** Labels as the reader draws them: the grid along the frame's axes, around all tumours. */
function readBy<F extends string>(
  of: Volume<F>,
  anatomy: LiverAnatomy,
  frameFromBody: Float64Array,
  spacing: number,
  random: Random,
): Volume<F> {
  const read = anatomy.tumours.map(({ centre, radii }) => {
    const wider = READER.boundarySdMm * random.normal();
    return {
      centre: centre.map((x) => x + READER.centroidSdMm * random.normal()),
      radii: radii.map((r) => r + wider),
    };
  });
  const low = [0, 1, 2].map((r) => Math.min(...read.map((t) => (t.centre[r] as number) - (t.radii[r] as number))) - 3 * spacing);
  const size = [0, 1, 2].map((r) =>
    Math.ceil(
      (Math.max(...read.map((t) => (t.centre[r] as number) + (t.radii[r] as number))) + 3 * spacing - (low[r] as number)) /
        spacing,
    ),
  ) as [number, number, number];
  const bodyFromIndex = identity4();
  for (let r = 0; r < 3; r += 1) {
    bodyFromIndex[5 * r] = spacing;
    bodyFromIndex[12 + r] = low[r] as number;
  }
  const voxels = new Uint8Array(size[0] * size[1] * size[2]);
  for (const { centre, radii } of read) {
    const range = (r: 0 | 1 | 2): [number, number] => [
      Math.max(0, Math.floor(((centre[r] as number) - (radii[r] as number) - (low[r] as number)) / spacing)),
      Math.min(size[r] - 1, Math.ceil(((centre[r] as number) + (radii[r] as number) - (low[r] as number)) / spacing)),
    ];
    const [[i0, i1], [j0, j1], [k0, k1]] = [range(0), range(1), range(2)];
    const part = (n: number, r: number): number =>
      (((low[r] as number) + n * spacing - (centre[r] as number)) / (radii[r] as number)) ** 2;
    for (let k = k0; k <= k1; k += 1) {
      for (let j = j0; j <= j1; j += 1) {
        for (let i = i0; i <= i1; i += 1) {
          if (part(i, 0) + part(j, 1) + part(k, 2) <= 1) voxels[i + size[0] * (j + size[1] * k)] = 1;
        }
      }
    }
  }
  return volume({
    frame: of.frame,
    size,
    voxels,
    frameFromIndex: multiply4(new Float64Array(16), frameFromBody, bodyFromIndex),
    modality: 'SEG',
  });
}

function lesionsOf<F extends string>(labels: Volume<F>): Lesion<F>[] {
  return measureLesions(labels, { errors: READER, leastMl: 0.05 });
}

/** A registration with an error drawn from its covariance, in place of a computed one: for many cases in little time. */
export function drawnRegistration(
  truth: Transform<'later', 'earlier'>,
  centre: Point<'later'>,
  seed: number,
): Transform<'later', 'earlier'> {
  const random = new Random(seed);
  // Independent at the patient's middle: 0.7 mm and 0.5° along and about each axis; carried to the frame's origin.
  const [p2, r2] = [0.7 ** 2, 0.0087 ** 2];
  const [x, y, z] = Array.from(centre.xyz) as [number, number, number];
  const lever = [
    [0, z, -y],
    [-z, 0, x],
    [y, -x, 0],
  ];
  const c = new Float64Array(36);
  for (let a = 0; a < 3; a += 1) {
    c[7 * a] = p2;
    c[7 * (a + 3)] = r2;
    for (let b = 0; b < 3; b += 1) {
      for (let n = 0; n < 3; n += 1) {
        const w = lever as number[][];
        c[6 * a + b] = (c[6 * a + b] as number) + r2 * ((w[a] as number[])[n] as number) * ((w[b] as number[])[n] as number);
      }
      // ρ = shift − φ × centre: what a turn about the centre does to the origin.
      c[6 * a + b + 3] = c[6 * (b + 3) + a] = -r2 * ((lever[a] as number[])[b] as number);
    }
  }
  const root = new Float64Array(36);
  cholesky(root, c, 6);
  const normal = Array.from({ length: 6 }, () => random.normal());
  const xi = [0, 1, 2, 3, 4, 5].map((r) => normal.reduce((sum, v, n) => sum + (n <= r ? (root[6 * r + n] as number) * v : 0), 0));
  const by = fromRotationVector(identity4(), xi.slice(3));
  by.set(xi.slice(0, 3), 12);
  return transform(LATER, EARLIER, multiply4(new Float64Array(16), by, truth.matrix), { covariance: c });
}

/** The middle of the earlier image, in the later frame. */
export function middleOf({ earlier, truth }: SimulatedCase): Point<'later'> {
  const { size, frameFromIndex: m } = earlier.volume;
  const at = [0, 1, 2].map((r) =>
    [0, 1, 2].reduce((sum, c) => sum + ((m[4 * c + r] as number) * (size[c] as number)) / 2, m[12 + r] as number),
  );
  return apply(truth.laterFromEarlier, point(EARLIER, at));
}

/** Earlier from later. */
export const backwards = (t: Transform<'later', 'earlier'>): Transform<'earlier', 'later'> => invert(t);
