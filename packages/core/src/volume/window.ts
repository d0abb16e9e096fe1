import type { AnyVolume } from './volume.js';

/** Which values are drawn from black to white: rescaled units, HU for CT. */
export interface WindowLevel {
  /** Width of the window: value at white minus value at black; above 0. */
  readonly width: number;
  /** Value at middle grey. */
  readonly level: number;
}

/** Common CT windows, HU. */
export const CT_WINDOWS: Readonly<Record<'brain' | 'softTissue' | 'bone' | 'lung', WindowLevel>> = {
  brain: { width: 80, level: 40 },
  softTissue: { width: 400, level: 40 },
  bone: { width: 1800, level: 400 },
  lung: { width: 1500, level: -600 },
};

/**
 * Grey of a value, 0 (black) … 1 (white): linear, `level` at one half. (DICOM PS3.3 C.11.2.1.3, LINEAR_EXACT.)
 */
export function greyOf(value: number, window: WindowLevel): number {
  return Math.min(1, Math.max(0, (value - window.level) / window.width + 0.5));
}

/**
 * A window to begin with: soft tissue for a CT, else from the 1st to the 99.5th percentile of the values.
 */
export function windowPreset(v: AnyVolume): WindowLevel {
  if (v.modality === 'CT') return CT_WINDOWS.softTissue;
  const [low, high] = percentiles(v, [0.01, 0.995]) as [number, number];
  const width = Math.max(high - low, Number.MIN_VALUE, Math.abs(high) * 1e-6);
  return { width, level: (low + high) / 2 };
}

/**
 * Percentiles of a volume's rescaled values, each fraction 0 … 1, from at most 100,000 voxels taken at a fixed stride.
 */
export function percentiles(v: AnyVolume, fractions: readonly number[]): number[] {
  // An odd stride that is no multiple of the row length does not walk down one column of the image.
  const stride = Math.max(1, Math.floor(v.voxels.length / 100_000)) | 1;
  const values = new Float64Array(Math.ceil(v.voxels.length / stride));
  let count = 0;
  for (let n = 0; n < v.voxels.length; n += stride) {
    const x = v.rescale.slope * (v.voxels[n] as number) + v.rescale.intercept;
    if (Number.isFinite(x)) values[count++] = x;
  }
  const sorted = values.subarray(0, count).sort();
  return fractions.map((f) => (count === 0 ? Number.NaN : (sorted[Math.min(count - 1, Math.floor(f * count))] as number)));
}
