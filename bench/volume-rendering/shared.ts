import type { TransferFunction } from '@trocar/core/render';
import type { Volume } from '@trocar/core/volume';
import { boxOf } from '../render/shared.js';

/** What is drawn: the same for all who can be told. */
export interface Look {
  readonly transfer: TransferFunction;
  readonly shaded: boolean;
}

/** Where the camera stands, and the needle's tip; LPS mm. */
export interface View {
  /** About the patient's long axis from the front, to the patient's left, radians. */
  readonly azimuth: number;
  /** To the head, radians. */
  readonly elevation: number;
  readonly tip: readonly number[];
}

/** A volume on the canvas, ready to draw. */
export interface Shown {
  readonly gl: WebGL2RenderingContext;
  /** The length of a step along a ray, in the shortest edge of a voxel; undefined where the library lets nobody choose. */
  readonly setStep: ((voxels: number) => void) | undefined;
  draw(view: View): void;
}

/** A library, as a page of this benchmark uses it. */
export interface Contender {
  open(view: HTMLElement, scan: Volume<'scan'>, file: ArrayBuffer, look: Look): Promise<Shown>;
}

/** Vertical field of view, degrees, and the camera's distance from the volume's middle: all of it is in the picture. */
export function cameraOf(scan: Volume<'scan'>): {
  readonly middle: readonly number[];
  readonly distance: number;
  readonly degrees: number;
} {
  const { low, high } = boxOf(scan);
  const middle = low.map((l, k) => (l + (high[k] as number)) / 2);
  const radius = Math.hypot(...low.map((l, k) => (high[k] as number) - l)) / 2;
  const degrees = 26;
  return { middle, distance: radius / Math.sin((degrees * Math.PI) / 360), degrees };
}

/** A needle, upright in the frame: its length and radius, mm. */
export const NEEDLE = { lengthMm: 150, radiusMm: 1.5 } as const;
/** Red, as all draw it. */
export const NEEDLE_COLOUR = '#ff4040';
