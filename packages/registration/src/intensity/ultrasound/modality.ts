import type { AnyVolume } from '@trocar/core/volume';

/** So many voxels are looked at. */
const LOOKED = 40_000;
/** Shares of voxels that are air and that are soft tissue, from which values are CT numbers. */
const LEAST_AIR = 0.02;
const LEAST_SOFT = 0.05;

/**
 * Whether a volume is CT: as it says, by its unit, or, where it says nothing (NIfTI, NRRD), because it has air at −1000 and soft
 * tissue around 0. A CT cut out of the body's inside shows no air and is not recognised.
 */
export function isCt(v: AnyVolume): boolean {
  if (v.modality !== 'OT') return v.modality === 'CT';
  if (v.rescale.unit === 'HU') return true;
  const { slope, intercept } = v.rescale;
  const step = Math.max(1, Math.floor(v.voxels.length / LOOKED));
  let [air, soft, all] = [0, 0, 0];
  for (let n = 0; n < v.voxels.length; n += step, all += 1) {
    const x = slope * (v.voxels[n] as number) + intercept;
    if (x >= -1100 && x <= -900) air += 1;
    else if (x >= -150 && x <= 250) soft += 1;
  }
  return air >= LEAST_AIR * all && soft >= LEAST_SOFT * all;
}
