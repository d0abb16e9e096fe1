import type { CubeImage } from './cube-image.js';
import { blurred, locallyNormalised } from './cube-image.js';
import { type Blocks, type Box, cubesFrom } from './cubes-of.js';
import { type Descent, type DescentOptions, descend } from './descend.js';
import { withoutBlind, withoutHoles } from './fan.js';
import { lc2Over } from './kernels/wasm-lc2.js';
import type { PatchCorrelation } from './lc2.js';
import { MindCost, type MindData, someOf } from './mind-cost.js';
import type { MovingFields } from './moving-fields.js';
import { chosen, type Patches } from './patches.js';

/** What is compared at one resolution, by either metric. */
export type UltrasoundData = Lc2Data | MindData;

/** What LC2 compares at one resolution: every worker holds it. */
export interface Lc2Data {
  readonly patches: Patches;
  readonly fields: MovingFields;
}

/** Which patches count: the first `most`, of the strongest contrast, or those whose number has this bit as given. */
export type Selection = { readonly most: number } | { readonly bit: number; readonly value: 0 | 1 };

/** An image to be put on cubes, blurred and normalised. */
export interface ImageRequest {
  readonly blocks: Blocks;
  readonly spacingMm: number;
  readonly box: Box;
  /** Of ultrasound: what its fan is filled with around, and where the beams come from, mm. */
  readonly fan?: { readonly filling: number; readonly probe: Float64Array | undefined };
}

/** A piece of work: a pure function of the levels and its own numbers, so that it matters not who does it. */
export type Lc2Task =
  | { readonly kind: 'image'; readonly image: ImageRequest }
  | { readonly kind: 'costs'; readonly level: number; readonly some: Selection; readonly matrices: readonly Float64Array[] }
  | {
      readonly kind: 'descent';
      readonly level: number;
      readonly some: Selection;
      readonly from: Float64Array;
      readonly how: DescentOptions;
    };

/** What a task comes to. */
export type Lc2Answer<T extends Lc2Task = Lc2Task> = T extends { readonly kind: 'image' }
  ? CubeImage
  : T extends { readonly kind: 'costs' }
    ? readonly number[]
    : Descent;

/** A patch off the moving images counts as this alike. */
export const CHANCE = 0.1;
/** All patches. */
export const ALL: Selection = { most: Number.POSITIVE_INFINITY };

/**
 * Echoes are thin: structures wider than this are taken out on both sides, mm. Gain, attenuation, shadows and receive
 * fields are wider, and so is most of what looks alike where it does not belong.
 */
const WIDEST_MM = 2.5;
/** Blur before all else, in cubes. */
const BLUR = 0.7;
const FLOOR = 0.1;

/** Does tasks, with the compiled kernel or, where that is undefined, typed arrays. */
export class Lc2Workshop {
  readonly #module: WebAssembly.Module | undefined;
  readonly #levels: UltrasoundData[] = [];
  readonly #made = new Map<string, PatchCorrelation>();

  constructor(module: WebAssembly.Module | undefined) {
    this.#module = module;
  }

  supply(level: number, data: UltrasoundData): void {
    this.#levels[level] = data;
  }

  do(task: Lc2Task): Lc2Answer {
    if (task.kind === 'image') return prepared(task.image);
    const lc2 = this.#over(task.level, task.some);
    return task.kind === 'costs' ? task.matrices.map((m) => lc2.evaluate(m)) : descend(lc2, task.from, task.how);
  }

  /** Made when first needed, and kept. */
  #over(level: number, some: Selection): PatchCorrelation {
    const key = JSON.stringify([level, some]);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = comparedBy(this.#levels[level] as UltrasoundData, some, this.#module);
    this.#made.set(key, made);
    return made;
  }
}

/** The metric of the data over some of their patches, by the compiled kernel where there is one. */
export function comparedBy(data: UltrasoundData, some: Selection, module?: WebAssembly.Module): PatchCorrelation {
  const { patches } = data;
  const choose = (p: number): boolean => ('most' in some ? p < some.most : ((p >> some.bit) & 1) === some.value);
  const all = 'most' in some && some.most >= patches.weights.length;
  if ('moving' in data) return new MindCost(all ? data : someOf(data, choose));
  return lc2Over(all ? patches : chosen(patches, choose).patches, data.fields, { chance: CHANCE }, module);
}

function prepared({ blocks, spacingMm, box, fan }: ImageRequest): CubeImage {
  const raw = cubesFrom(blocks, spacingMm, box);
  const closed = fan === undefined ? raw : withoutHoles(raw, fan.filling);
  const image = fan?.probe === undefined ? closed : withoutBlind(closed, fan.probe);
  return locallyNormalised(blurred(image, BLUR), WIDEST_MM / spacingMm, FLOOR);
}
