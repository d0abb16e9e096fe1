/**
 * The numbers of PLUS's reconstructor (PlusLib and IGSIO, VolumeReconstruction): coordinates rounded to 2⁻¹⁴ in its FULL
 * optimisation and to 2⁻¹⁶ where it rounds doubles, an accumulator of 16 bits with 256 for one whole pixel, voxels of 8 bits.
 */

/** One, in numbers of 14 binary digits after the point. */
export const Q14 = 16384;
/** What one whole pixel adds to a voxel's accumulator. */
export const WHOLE = 256;
/** The accumulator stays at this. */
export const FULL = 65535;
/** Above this, nearest means turn into a running one. */
export const NEARLY_FULL: number = FULL - WHOLE;

/** The nearest multiple of 2⁻¹⁴, ties to even, times 2¹⁴: by adding 1.5·2³⁸, whose last digit is 2⁻¹⁴. */
export function toQ14(x: number): number {
  return (x + 412316860416 - 412316860416) * Q14;
}

/** The nearest multiple of 2⁻¹⁶, ties to even: by adding 1.5·2³⁶. */
function snapped(x: number): number {
  return x + 103079215104 - 103079215104;
}

/** PLUS's floor of a double: up where it is less than 2⁻¹⁷ short of an integer. */
export function plusFloor(x: number): number {
  return Math.floor(snapped(x));
}

/** PLUS's ceiling of a double, from the same floor. */
export function plusCeil(x: number): number {
  return -plusFloor(-x);
}

/** PLUS's rounding of a double, halves up. */
export function plusRound(x: number): number {
  return Math.floor(snapped(x + 0.5));
}

/** What the reconstruction writes. */
export interface PlusVolume {
  readonly voxels: Uint8Array;
  readonly accumulator: Uint16Array;
  readonly size: readonly [number, number, number];
}
