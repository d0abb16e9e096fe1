import { NavError } from '@trocar/core';
import type { AnyVolume } from '@trocar/core/volume';
import type { Lc2Crew } from './crew.js';
import type { CubeImage } from './cube-image.js';
import { type Box, blocksOf, boxOf, commonBox, type Reading, sameValue } from './cubes-of.js';
import { fillingOf, readingOfUltrasound } from './fan.js';
import { type MindPair, mindPair } from './mind-profile.js';
import { movingFields } from './moving-fields.js';
import { layPatches, type Patches, type PatchLayout } from './patches.js';
import type { ImageRequest, Lc2Data, Selection } from './workshop.js';

/** One resolution of both sides. */
export interface Level extends Lc2Data {
  readonly spacingMm: number;
}

/** The levels by the numbers that a crew has them under. */
export const SEARCH = 0;
export const FINE = 1;

/** The resolutions a registration works at. */
export interface Levels {
  readonly search: Level;
  readonly fine: Level;
  /** Another metric's view of the search's resolution. */
  readonly mind: MindPair;
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
  /** In the ultrasound's frame, where they are thought to lie. */
  readonly moving: readonly AnyVolume[];
  /** How far the ultrasound may come to reach beyond its own box, mm. */
  readonly marginMm: number;
  readonly probe: ArrayLike<number> | undefined;
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
  const search = levelOf(coarse, { radius: 2, stride: 3, most: SEARCH_PATCHES });
  await sources.breathe();
  const fine = levelOf(finer, { radius: 3, stride: 5, most: FINE_PATCHES });
  await sources.breathe();
  if (search.patches.weights.length < 10 || fine.patches.weights.length < 10) {
    throw new NavError(
      'registration/no-overlap',
      `The ultrasound shows too little to register by: only ${search.patches.weights.length} places with contrast in its fan. ` +
        'Check that it is a volume of echoes, and its spacing.',
      { detail: { patches: search.patches.weights.length } },
    );
  }
  for (const [number, { patches, fields }] of [search, fine].entries()) crew.supply(number, { patches, fields });
  return { search, fine, mind: mindPair(coarse.fixed, coarse.moving), ...middleOf(fine.patches) };
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

function levelOf({ fixed, moving }: Images, layout: PatchLayout): Level {
  return { spacingMm: fixed.spacingMm, patches: layPatches(fixed, layout), fields: movingFields(moving, 0) };
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
