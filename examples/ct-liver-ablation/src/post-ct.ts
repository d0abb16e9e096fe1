import { type Point, point } from '@trocar/core';
import { fromRotationVector, invertRigid, multiply4, Random, transformPoint } from '@trocar/core/math';
import { regrid, Sampler, spacingOf, type Volume, volume } from '@trocar/core/volume';
import type { AblationCase } from './case.js';
import { POST } from './frames.js';

/** The CT that is taken after the ablation, and what a person finds in it. In its own coordinates, LPS mm. */
export interface PostCt {
  readonly volume: Volume<'post'>;
  /** The necrosis as it is drawn on it: label {@link NECROSIS}. */
  readonly necrosis: Volume<'post'>;
  /** Where the anatomy of the case is found in it, in the case's order. */
  readonly anatomy: readonly Point<'post'>[];
}

/** The label of the necrosis. */
export const NECROSIS = 1;

/** Of the coarsest CT that is made, mm. */
const COARSEST_MM = 2;
/** Burnt tissue takes up no contrast agent, HU. */
const NECROSIS_HU = 45;
const NOISE_HU = 12;
/** How well a vessel's fork is found again, mm per axis. */
const MARKING_SD_MM = 0.6;
/** Where nothing was imaged before, there is air, HU. */
const AIR_HU = -1000;

/**
 * A CT after the ablation, by what truly was destroyed: the patient lies otherwise on the table, the noise is another one, burnt liver takes
 * up no contrast agent. Only a simulation has it; the application gets the images, the drawn necrosis and the marked anatomy.
 * @param destroyed whether the tissue at a place of the first CT was destroyed
 * @param moved post from ct, 16 doubles: default some degrees and centimetres by the seed
 */
export function simulatePostCt(
  given: AblationCase,
  destroyed: (x: number, y: number, z: number) => boolean,
  seed: number,
  moved: Float64Array = lyingOtherwise(seed),
): PostCt {
  const before = coarse(given.volume);
  const random = new Random(seed ^ 0x2545f491);
  const sampler = new Sampler(before);
  const count = before.voxels.length;
  const [voxels, drawn] = [new Int16Array(count), new Uint8Array(count)];
  const ctFromPost = invertRigid(new Float64Array(16), moved);
  const p = new Float64Array(3);
  let n = 0;
  for (let k = 0; k < before.size[2]; k += 1) {
    for (let j = 0; j < before.size[1]; j += 1) {
      for (let i = 0; i < before.size[0]; i += 1, n += 1) {
        const m = before.frameFromIndex;
        for (let r = 0; r < 3; r += 1) {
          p[r] = (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
        }
        transformPoint(p, ctFromPost, p);
        const [x, y, z] = p as unknown as [number, number, number];
        const seen = sampler.at(x, y, z);
        let hu = Number.isFinite(seen) ? seen : AIR_HU;
        if (hu > -200 && destroyed(x, y, z)) {
          hu = NECROSIS_HU;
          drawn[n] = NECROSIS;
        }
        voxels[n] = Math.round(hu + NOISE_HU * random.normal());
      }
    }
  }
  const { size, frameFromIndex } = before;
  const { patient } = given.volume;
  const series = { studyUid: `2.25.77203.${seed}`, seriesUid: `2.25.77204.${seed}`, description: 'after ablation' };
  const frameOfReferenceUid = `2.25.77205.${seed}`;
  const same = { frame: POST, size, frameFromIndex, patient, series, frameOfReferenceUid };
  const found = (at: Point<'ct'>): Point<'post'> => {
    const there = transformPoint(new Float64Array(3), moved, at.xyz);
    return point(
      POST,
      there.map((v) => v + MARKING_SD_MM * random.normal()),
    );
  };
  return {
    volume: volume({ ...same, voxels, modality: 'CT', rescale: { slope: 1, intercept: 0, unit: 'HU' } }),
    necrosis: volume({ ...same, voxels: drawn, modality: 'SEG' }),
    anatomy: given.anatomy.map(found),
  };
}

/** How a patient may lie who was moved in between: post from ct. */
export function lyingOtherwise(seed: number): Float64Array {
  const random = new Random(seed ^ 0x1b873593);
  const few = (most: number): number => random.between(-most, most);
  const m = fromRotationVector(new Float64Array(16), [few(0.05), few(0.05), few(0.07)]);
  const shift = new Float64Array(16);
  shift.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, few(15), few(12), few(15), 1]);
  return multiply4(new Float64Array(16), shift, m);
}

/** The images on a grid that is no finer than a CT after a procedure needs. */
function coarse(given: Volume<'ct'>): Volume<'ct'> {
  const step = spacingOf(given).map((s) => Math.max(1, COARSEST_MM / s));
  if (step.every((s) => s < 1.1)) return given;
  const frameFromIndex = Float64Array.from(given.frameFromIndex, (v, n) =>
    n < 12 ? v * (step[Math.floor(n / 4)] as number) : v,
  );
  const size = given.size.map((n, a) => Math.max(1, Math.floor((n - 1) / (step[a] as number)) + 1));
  return regrid(given, { size: size as [number, number, number], frameFromIndex });
}
