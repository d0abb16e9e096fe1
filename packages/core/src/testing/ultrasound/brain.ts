import type { Frame } from '../../frames/index.js';
import type { Volume } from '../../volume/index.js';
import { brainAnatomy, TISSUES } from './anatomy.js';
import { mrImage } from './mr-image.js';

/** A brain of labels, and what MR makes of it. */
export interface SimulatedBrain {
  /** A tissue's number at a place of the body, mm: what {@link bModeProbe} images; the brain's surface is its top, at about z = 22. */
  tissueAt(x: number, y: number, z: number): number;
  /** Whether a place is on a sulcus or a vessel: what a surgeon knows again in MR and ultrasound. */
  isLandmark(x: number, y: number, z: number): boolean;
  /** Signed distance to the brain's surface, mm, negative inside. */
  surface(x: number, y: number, z: number): number;
  /**
   * An MR of it, with texture, receive field and noise of its own.
   * @param mrFromBody rigid, 16 doubles, column-major, mm
   */
  mr<F extends string>(frame: Frame<F>, contrast: 't1' | 'flair', mrFromBody: ArrayLike<number>, spacingMm?: number): Volume<F>;
}

/** The brain of {@link simulateUltrasound}, to be imaged by anything: the same seed gives the same brain. */
export function simulatedBrain(seed: number): SimulatedBrain {
  const anatomy = brainAnatomy(seed);
  const landmarks = TISSUES.map((t) => t === 'sulcus' || t === 'vessel');
  return {
    tissueAt: anatomy.tissueAt,
    surface: anatomy.surface,
    isLandmark: (x, y, z) => landmarks[anatomy.tissueAt(x, y, z)] === true,
    mr: (frame, contrast, mrFromBody, spacingMm = 1) =>
      mrImage(anatomy, frame, { contrast, seed: 3 * seed + (contrast === 't1' ? 1 : 2), spacingMm, mrFromBody }),
  };
}
