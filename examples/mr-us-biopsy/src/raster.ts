import { FAN } from './probe.js';

/** Pixels of the raster that the sector is drawn into, mm. */
export const PIXEL_MM = 0.5;
const HALF_MM = Math.ceil(FAN.endMm * Math.sin(FAN.halfAngle));
/** Columns and rows; the first pixel lies at x = −half the width, z = 0 of the plane. */
export const RASTER = {
  width: Math.round((2 * HALF_MM) / PIXEL_MM) + 1,
  height: Math.round(FAN.endMm / PIXEL_MM) + 1,
  left: -HALF_MM,
} as const;

/** The probe's plane from (column, row, 0) of a raster: 16 doubles, column-major, mm. */
export const PLANE_FROM_IMAGE: Float64Array = Float64Array.of(
  PIXEL_MM,
  0,
  0,
  0,
  0,
  0,
  PIXEL_MM,
  0,
  0,
  -1,
  0,
  0,
  RASTER.left,
  0,
  0,
  1,
);

/** Which two samples each pixel lies between, and how far: worked out once. */
const SOURCES = sources();

function sources(): Int32Array {
  const { width, height, left } = RASTER;
  const out = new Int32Array(width * height).fill(-1);
  for (let j = 0, n = 0; j < height; j += 1) {
    for (let i = 0; i < width; i += 1, n += 1) {
      const [x, z] = [left + PIXEL_MM * i, PIXEL_MM * j];
      if (!FAN.holds(x, z)) continue;
      const sample = Math.round((Math.hypot(x, z) - FAN.startMm) / FAN.stepMm);
      const line = Math.round(((Math.atan2(x, z) / FAN.halfAngle + 1) * (FAN.lines - 1)) / 2);
      out[n] = Math.min(FAN.lines - 1, Math.max(0, line)) * FAN.samples + Math.min(FAN.samples - 1, Math.max(0, sample));
    }
  }
  return out;
}

/** The sector as rows and columns, into `pixels`: 0 outside it. */
export function rasterised(pixels: Uint8Array, echoes: Uint8Array): Uint8Array {
  for (let n = 0; n < pixels.length; n += 1) {
    const from = SOURCES[n] as number;
    // Speckle is not made finer than it is: each pixel takes the nearest sample and its two neighbours along the line.
    pixels[n] =
      from < 0
        ? 0
        : (2 * (echoes[from] as number) +
            (echoes[Math.max(0, from - 1)] as number) +
            (echoes[Math.min(echoes.length - 1, from + 1)] as number)) >>
          2;
  }
  return pixels;
}
