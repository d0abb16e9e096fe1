import { Random } from '../../math/index.js';
import { type Acoustics, drawAcoustics, type Fan, fanImage } from './fan-image.js';
import { PROSTATE_MATTER } from './prostate-anatomy.js';

/** A probe's sector, in its own plane x–z: the apex behind the face, z along the middle beam, x along the lines, mm and rad. */
export type SimulatedFan = Fan;

/** An end-fire probe of the rectum: its elements lie on an arc of 11 mm and look 115° wide and 60 mm deep. */
export const END_FIRE_FAN: SimulatedFan = { lines: 112, samples: 124, stepMm: 0.48, startMm: 11, halfAngle: 1, focusMm: 28 };

/** A probe that images whatever a function says is there. */
export interface SimulatedProbe {
  readonly fan: SimulatedFan;
  /**
   * One frame: log-compressed echoes 1 … 255 per line and sample, samples fastest, the first line at −x.
   * @param tissueAt a tissue's number at a place of the body, LPS mm, as it lies now
   * @param bodyFromProbe where the probe truly is: rigid, 16 doubles, column-major, mm
   * @param number of the frame: no two have the same electronic noise
   */
  image(
    tissueAt: (x: number, y: number, z: number) => number,
    bodyFromProbe: ArrayLike<number>,
    number: number,
  ): Uint8Array<ArrayBufferLike>;
}

/** How a probe is simulated. */
export interface SimulatedProbeOptions {
  /** Seed of its gain, shadows, noise and of the tissue's scatterers. Default 1. */
  readonly seed?: number;
  /** Default {@link END_FIRE_FAN}. */
  readonly fan?: SimulatedFan;
}

/**
 * A B-mode probe over the tissues of {@link prostatePhantom}: scatterers fixed in space, a beam of finite width, borders that echo,
 * calcifications and bone that shadow, gain that does not quite make up for depth, electronic noise. Its scatterers stay where they are
 * when tissue moves over them: speckle tells nothing of a motion here.
 */
export function simulatedProbe({ seed = 1, fan = END_FIRE_FAN }: SimulatedProbeOptions = {}): SimulatedProbe {
  const acoustics: Acoustics = drawAcoustics(new Random(seed), fan, PROSTATE_MATTER);
  return { fan, image: (tissueAt, bodyFromProbe, number) => fanImage(tissueAt, fan, acoustics, bodyFromProbe, number) };
}
