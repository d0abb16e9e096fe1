import { NavError } from '@trocar/core';
import type { AnyVolume } from '@trocar/core/volume';
import { fanApex, reflections } from './beams.js';
import type { Lc2Crew } from './crew.js';
import { type CubeImage, gradientMagnitude } from './cube-image.js';
import { type Box, blocksOf, boxOf, commonBox, type Reading, sameValue } from './cubes-of.js';
import { fillingOf, readingOfUltrasound } from './fan.js';
import { type Descriptors, mindDescriptors } from './mind.js';
import { mindData } from './mind-cost.js';
import { type MindPair, mindDifference, mindPair } from './mind-profile.js';
import { movingFields } from './moving-fields.js';
import { layPatches, type Patches } from './patches.js';
import { ALL, comparedBy, type ImageRequest, type Lc2Data, type Selection, type UltrasoundData } from './workshop.js';

/** By what ultrasound and moving images are compared. */
export type UltrasoundMetric = 'lc2' | 'mind';

/** One resolution of both sides. */
export interface Level {
  readonly spacingMm: number;
  readonly data: UltrasoundData;
}

/** The levels by the numbers that a crew has them under. */
export const SEARCH = 0;
export const FINE = 1;

/** The resolutions a registration works at. */
export interface Levels {
  readonly search: Level;
  readonly fine: Level;
  readonly metric: UltrasoundMetric;
  /** MIND's view of the search's resolution. */
  readonly mind: MindPair;
  /** The cost of a pose (moving from ultrasound) by the other metric, at the search's resolution. */
  readonly otherCost: (matrix: ArrayLike<number>) => number;
  /** The middle of what is looked at, mm in the ultrasound's frame, and how far around it that reaches (rms). */
  readonly centre: Float64Array;
  readonly reachMm: number;
}

/** Cubes' edges at the search's and at the final resolution, mm. */
const SEARCH_MM = 1.5;
const FINE_MM = 1;
/** An ultrasound that reaches over more than this, mm³, gets larger cubes: time and memory stay what they are for this one. */
const MOST_MM3 = 4e6;
/** Few patches: for many starts. */
export const QUICK: Selection = { most: 160 };
const SEARCH_PATCHES = 500;
const FINE_PATCHES = 400;

/** What {@link levelsOf} is made from. */
export interface Sources {
  readonly us: AnyVolume;
  /** In the ultrasound's frame, where they are thought to lie; those of modality CT are CT. */
  readonly moving: readonly AnyVolume[];
  /** How far the ultrasound may come to reach beyond its own box, mm. */
  readonly marginMm: number;
  readonly probe: ArrayLike<number> | undefined;
  readonly metric: UltrasoundMetric;
  /** Called between parts of the work; may wait, may throw to end it. */
  readonly breathe: () => Promise<void>;
}

/** Both sides at all resolutions; the moving images where the ultrasound can come to lie. The crew has them, too. */
export async function levelsOf(sources: Sources, crew: Lc2Crew): Promise<Levels> {
  const { low, high } = boxOf(sources.us);
  const wider = Math.max(
    1,
    Math.cbrt([0, 1, 2].reduce((mm3, r) => mm3 * ((high[r] as number) - (low[r] as number)), 1) / MOST_MM3),
  );
  const [coarse, finer] = await Promise.all([
    imagesAt(sources, wider * SEARCH_MM, crew),
    imagesAt(sources, wider * FINE_MM, crew),
  ]);
  const quick = layPatches(coarse.fixed, { radius: 2, stride: 3, most: SEARCH_PATCHES });
  const fine = layPatches(finer.fixed, { radius: 3, stride: 5, most: FINE_PATCHES });
  requirePatches(quick.weights.length, fine.weights.length);
  await sources.breathe();
  const mind = mindPair(coarse.fixed, coarse.moving);
  await sources.breathe();
  const edges = edgesOf(sources, coarse.fixed);
  const lc2: Lc2Data = { patches: quick, fields: movingFields(coarse.moving, 0, edges) };
  await sources.breathe();
  const { metric } = sources;
  const data: [UltrasoundData, UltrasoundData] =
    metric === 'lc2'
      ? [lc2, { patches: fine, fields: movingFields(finer.moving, 0, edges) }]
      : [mindData(coarse.fixed, quick, mind.fixed, mind.moving), fineMind(finer, fine)];
  await sources.breathe();
  data.forEach((one, number) => void crew.supply(number, one));
  const other = comparedBy(lc2, ALL);
  return {
    search: { spacingMm: coarse.fixed.spacingMm, data: data[0] },
    fine: { spacingMm: finer.fixed.spacingMm, data: data[1] },
    metric,
    mind,
    otherCost: (pose) => (metric === 'lc2' ? mindDifference(mind, pose) : other.evaluate(pose)),
    ...middleOf(fine),
  };
}

/** Borders; of CT also what they send back along the beam, where the beams are known or their fan tells. */
function edgesOf({ moving, probe }: Sources, fixed: CubeImage): (image: CubeImage, m: number) => readonly CubeImage[] {
  const from = moving.some(({ modality }) => modality === 'CT') ? (probe ?? fanApex(fixed)?.place) : undefined;
  return (image, m) => {
    const borders = gradientMagnitude(image);
    return from !== undefined && (moving[m] as AnyVolume).modality === 'CT' ? [borders, reflections(image, from)] : [borders];
  };
}

function fineMind({ fixed, moving }: Images, patches: Patches): UltrasoundData {
  const describe = (image: CubeImage): Descriptors => mindDescriptors(image, 1, 2);
  return mindData(fixed, patches, describe(fixed), moving.map(describe));
}

/** @throws NavError `registration/no-overlap` */
function requirePatches(coarse: number, fine: number): void {
  if (coarse >= 10 && fine >= 10) return;
  throw new NavError(
    'registration/no-overlap',
    `The ultrasound shows too little to register by: only ${coarse} places with contrast in its fan. ` +
      'Check that it is a volume of echoes, and its spacing.',
    { detail: { patches: coarse } },
  );
}

interface Images {
  readonly fixed: CubeImage;
  readonly moving: readonly CubeImage[];
}

async function imagesAt({ us, moving, marginMm, probe, breathe }: Sources, h: number, crew: Lc2Crew): Promise<Images> {
  const own = boxOf(us);
  const box = moving.reduce((both, v) => commonBox(both, boxOf(v)), grown(own, marginMm));
  requireReach(box);
  const filling = fillingOf(us);
  const fan = { filling, probe: probe === undefined ? undefined : Float64Array.from(probe) };
  const requests: ImageRequest[] = [{ blocks: blocksOf(us, h, own, readingOfUltrasound(filling)), spacingMm: h, box: own, fan }];
  // Off the ultrasound's grid: where both coincide, interpolation would blur one pose less than all others.
  const shifted = { low: box.low.map((x) => x + 0.37 * h) as [number, number, number], high: box.high };
  for (const v of moving) {
    await breathe();
    requests.push({ blocks: blocksOf(v, h, shifted, readingOf(v)), spacingMm: h, box: shifted });
  }
  const [fixed, ...images] = await crew.run(requests.map((image) => ({ kind: 'image' as const, image })));
  return { fixed: fixed as CubeImage, moving: images };
}

function grown(box: Box, mm: number): Box {
  return {
    low: [box.low[0] - mm, box.low[1] - mm, box.low[2] - mm],
    high: [box.high[0] + mm, box.high[1] + mm, box.high[2] + mm],
  };
}

function requireReach(common: Box): void {
  if ([0, 1, 2].every((r) => (common.high[r] as number) - (common.low[r] as number) >= 10)) return;
  throw new NavError(
    'registration/no-overlap',
    'The moving images do not reach the ultrasound at the initial pose, nor do they within the range searched. ' +
      'Correct the initial pose, or give images that cover the ultrasound.',
  );
}

/** CT is windowed to what ultrasound can tell apart, so that bone does not drown soft tissue. */
function readingOf(v: AnyVolume): Reading {
  if (v.modality !== 'CT') return { value: sameValue };
  return { value: (hu) => Math.max(-200, Math.min(400, hu)) };
}

function middleOf({ places }: Patches): { readonly centre: Float64Array; readonly reachMm: number } {
  const n = places.length / 3;
  const centre = new Float64Array(3);
  for (let i = 0; i < places.length; i += 1) centre[i % 3] = (centre[i % 3] as number) + (places[i] as number) / n;
  let squares = 0;
  for (let i = 0; i < places.length; i += 1) squares += ((places[i] as number) - (centre[i % 3] as number)) ** 2;
  return { centre, reachMm: Math.sqrt(squares / n) };
}
