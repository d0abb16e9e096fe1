import type { VoxelBox } from '@trocar/core/ultrasound';

/** Voxels of swept ultrasound: 0 where nothing was seen, i fastest. */
export interface SweptVoxels {
  readonly voxels: ArrayLike<number>;
  readonly size: readonly [number, number, number];
  readonly spacingMm: readonly [number, number, number];
  /** The part that images may have reached. */
  readonly reached: VoxelBox;
}

/** Axes of a volume's grid by their numbers: columns of a slice run along the first, its rows up the second. */
export interface SliceAxes {
  readonly across: 0 | 1 | 2;
  readonly right: 0 | 1 | 2;
  readonly up: 0 | 1 | 2;
}

/**
 * The slice through the middle of what was reached of a swept volume, along its grid, as RGBA row by row from the upper left; what was not seen
 * is transparent: no grey says "unknown".
 */
export function middleSlice(
  { voxels, size, reached: { low, high } }: SweptVoxels,
  { across, right, up }: SliceAxes,
): {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
} {
  const strides = [1, size[0], size[0] * size[1]] as const;
  const [width, height] = [high[right] - low[right], high[up] - low[up]];
  const rgba = new Uint8ClampedArray(4 * width * height);
  const from = strides[across] * Math.floor((low[across] + high[across]) / 2) + strides[right] * low[right];
  for (let row = 0, n = 0; row < height; row += 1) {
    const start = from + strides[up] * (high[up] - 1 - row);
    for (let column = 0; column < width; column += 1, n += 4) {
      const grey = voxels[start + strides[right] * column] as number;
      rgba[n] = rgba[n + 1] = rgba[n + 2] = grey;
      rgba[n + 3] = grey > 0 ? 255 : 0;
    }
  }
  return { width, height, rgba };
}

/** How much of a swept volume was seen, ml. */
export function seenMl({ voxels, spacingMm: [x, y, z] }: SweptVoxels): number {
  let seen = 0;
  for (let n = 0; n < voxels.length; n += 1) if ((voxels[n] as number) > 0) seen += 1;
  return (seen * x * y * z) / 1000;
}
