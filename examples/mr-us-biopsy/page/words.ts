import type { GlandSide } from '../src/case.js';
import type { BiopsyText } from './texts/en.js';
import { t, tell } from './texts/index.js';

/** A target with the side that it is on: which one it is decides where the needle goes, so each is a message of its own. */
const SIDED = {
  left: '{name} (left)',
  right: '{name} (right)',
  midline: '{name} (midline)',
} as const satisfies Readonly<Record<GlandSide, BiopsyText>>;

/** A target by the name that its images give it, and the side. */
export function sidedName(name: string, side: GlandSide): string {
  return t(SIDED[side], { name });
}

/** The landmarks that are held out, some of them with a number. */
const LANDMARK = /^(verumontanum|calcification|cyst|nodule)( \d+)?$/;

/** What a landmark is called on the screen; one that is not known here is called as it was named. */
export function landmarkName(name: string): string {
  const [, known, number = ''] = LANDMARK.exec(name) ?? [];
  return known === undefined ? name : tell(known as BiopsyText) + number;
}
