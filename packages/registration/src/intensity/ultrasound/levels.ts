import { NavError } from '@trocar/core';
import type { AnyVolume } from '@trocar/core/volume';
import {
  type Box,
  blurred,
  boxOf,
  type CubeImage,
  commonBox,
  cubesOf,
  locallyNormalised,
  type Reading,
  sameValue,
} from './cube-image.js';
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

/** Both sides at all resolutions; the moving images where the ultrasound can come to lie. */
export function levelsOf(
  us: AnyVolume,
  moving: readonly AnyVolume[],
  around: (box: Box) => Box,
  probe?: ArrayLike<number>,
): Levels {
  const box = boxOf(us);
  const wanted = around(box);
  const filling = fillingOf(us);
  const fan = (h: number): CubeImage => {
    const whole = withoutHoles(cubesOf(us, h, boxOf(us), readingOfUltrasound(filling)), filling);
    return probe === undefined ? whole : withoutBlind(whole, probe);
  };
  const coarse = imagesAt(fan(SEARCH_MM), moving, wanted);
  const search = levelOf(coarse, { radius: 2, stride: 3, most: SEARCH_PATCHES });
  const fine = levelOf(imagesAt(fan(FINE_MM), moving, wanted), { radius: 3, stride: 5, most: FINE_PATCHES });
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

function imagesAt(fan: CubeImage, moving: readonly AnyVolume[], wanted: Box): Images {
  const h = fan.spacingMm;
  const normalised = (image: CubeImage): CubeImage => locallyNormalised(blurred(image, BLUR), WIDEST_MM / h, FLOOR);
  // Off the ultrasound's grid: where both coincide, interpolation would blur one pose less than all others.
  const common = moving.reduce((box, v) => commonBox(box, boxOf(v)), wanted);
  const shifted = { low: common.low.map((x) => x + 0.37 * h) as [number, number, number], high: common.high };
  return {
    fixed: normalised(fan),
    moving: moving.map((v) => normalised(cubesOf(v, h, shifted, readingOf(v)))),
  };
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
