import { NavError } from '@trocar/core';
import type { AnyVolume } from '@trocar/core/volume';
import { blurred, type CubeImage, locallyNormalised } from './cube-image.js';
import { type Box, boxOf, commonBox, cubesOf, type Reading, sameValue } from './cubes-of.js';
import { fillingOf, readingOfUltrasound, withoutBlind, withoutHoles } from './fan.js';
import { type MindPair, mindPair } from './mind-profile.js';
import { type MovingFields, movingFields } from './moving-fields.js';
import { layPatches, type Patches, type PatchLayout, strongest } from './patches.js';

/** One resolution of both sides. */
export interface Level {
  readonly spacingMm: number;
  readonly patches: Patches;
  readonly fields: MovingFields;
}

/** The resolutions a registration works at. */
export interface Levels {
  /** Few patches at the search's resolution: for many starts. */
  readonly quick: Level;
  /** All patches at the search's resolution. */
  readonly search: Level;
  readonly fine: Level;
  /** Another metric's view of the search's resolution. */
  readonly mind: MindPair;
  /** The middle of what is looked at, mm in the ultrasound's frame, and how far around it that reaches (rms). */
  readonly centre: Float64Array;
  readonly reachMm: number;
}

/**
 * Echoes are thin: structures wider than this are taken out on both sides, mm. Gain, attenuation, shadows and receive
 * fields are wider, and so is most of what looks alike where it does not belong.
 */
const WIDEST_MM = 2.5;
/** Blur before all else, in cubes. */
const BLUR = 0.7;
const FLOOR = 0.1;

/** Cubes' edges at the search's and at the final resolution, mm. */
const SEARCH_MM = 1.5;
const FINE_MM = 1;
const QUICK_PATCHES = 160;
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

/** Both sides at all resolutions; the moving images where the ultrasound can come to lie. */
export async function levelsOf(sources: Sources): Promise<Levels> {
  const coarse = await imagesAt(sources, SEARCH_MM);
  const search = levelOf(coarse, { radius: 2, stride: 3, most: SEARCH_PATCHES });
  await sources.breathe();
  const fine = levelOf(await imagesAt(sources, FINE_MM), { radius: 3, stride: 5, most: FINE_PATCHES });
  await sources.breathe();
  if (search.patches.weights.length < 10 || fine.patches.weights.length < 10) {
    throw new NavError(
      'registration/no-overlap',
      `The ultrasound shows too little to register by: only ${search.patches.weights.length} places with contrast in its fan. ` +
        'Check that it is a volume of echoes, and its spacing.',
      { detail: { patches: search.patches.weights.length } },
    );
  }
  const quick = { ...search, patches: strongest(search.patches, QUICK_PATCHES) };
  return { quick, search, fine, mind: mindPair(coarse.fixed, coarse.moving), ...middleOf(fine.patches) };
}

interface Images {
  readonly fixed: CubeImage;
  readonly moving: readonly CubeImage[];
}

async function imagesAt({ us, moving, marginMm, probe, breathe }: Sources, h: number): Promise<Images> {
  const normalised = (image: CubeImage): CubeImage => locallyNormalised(blurred(image, BLUR), WIDEST_MM / h, FLOOR);
  const filling = fillingOf(us);
  const own = boxOf(us);
  const fan = withoutHoles(cubesOf(us, h, own, readingOfUltrasound(filling)), filling);
  await breathe();
  const fixed = normalised(probe === undefined ? fan : withoutBlind(fan, probe));
  const box = moving.reduce((both, v) => commonBox(both, boxOf(v)), grown(own, marginMm));
  requireReach(box);
  // Off the ultrasound's grid: where both coincide, interpolation would blur one pose less than all others.
  const shifted = { low: box.low.map((x) => x + 0.37 * h) as [number, number, number], high: box.high };
  const images: CubeImage[] = [];
  for (const v of moving) {
    await breathe();
    images.push(normalised(cubesOf(v, h, shifted, readingOf(v))));
  }
  await breathe();
  return { fixed, moving: images };
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
