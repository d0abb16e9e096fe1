import { type Frame, frame, type Point, point, type Transform, transform } from '../../frames/index.js';
import { identity4, invertRigid, multiply4, Random, transformPoint } from '../../math/index.js';
import type { Volume } from '../../volume/index.js';
import { brainAnatomy, TISSUES } from './anatomy.js';
import { kelvinlet, type Movement } from './deformation.js';
import { drawAcoustics, type Fan, fanImage, movedTissue } from './fan-image.js';
import { mrImage } from './mr-image.js';
import { compound, drawPose, drawSweep, drawTargets, type SweepFrame, type SweepPath, US } from './sweep.js';

/** How an operation is simulated. The same options give the same bytes on every machine. */
export interface UltrasoundSimulationOptions {
  /** Seed of everything: anatomy, images, errors. Default 1. */
  readonly seed?: number;
  /** How far the brain's surface has sunk or swollen at the craniotomy, mm. Default 0. */
  readonly shiftMm?: number;
  /** Whether the tumour has been cut out and the hole filled with fluid. Default false. */
  readonly resected?: boolean;
  /** Voxel edge of the ultrasound volume, mm. Default 0.6. */
  readonly ultrasoundSpacingMm?: number;
  /** Voxel edge of the MR, mm. Default 1. */
  readonly mrSpacingMm?: number;
  /** Scale of tracker noise, latency, calibration and speed-of-sound errors; 0 for none. Default 1. */
  readonly errors?: number;
}

/** A simulated operation: MR from before, ultrasound from during, and where everything really is. */
export interface UltrasoundSimulation {
  /** Ultrasound compounded from a sweep; 0 outside the fan. */
  readonly us: Volume<'us'>;
  readonly t1: Volume<'mr'>;
  readonly flair: Volume<'mr'>;
  /** Places on sulci and vessels in the MR, and where the ultrasound volume shows them: moved, and with the volume's errors. */
  readonly targets: { readonly mr: readonly Point<'mr'>[]; readonly us: readonly Point<'us'>[] };
  /** Where the body lies, without the deformation and the errors of tracking: ultrasound from MR. */
  readonly usFromMr: Transform<'us', 'mr'>;
}

const MR: Frame<'mr'> = frame('mr');

const FAN: Fan = { lines: 80, samples: 120, stepMm: 0.45, startMm: 12, halfAngle: 0.62, focusMm: 25 };
const PATH: SweepPath = { frames: 60, skinMm: 20, tilt: [0.25, 0.45], slide: [4, 10] };

/**
 * Simulates MR and intraoperative ultrasound of one brain.
 *
 * The two share nothing but labels: the MR has a texture of its own, the ultrasound comes from scatterers fixed in the moved
 * tissue, imaged by a beam of finite width with shadows, wrong gain, electronic noise and borders that echo; it is recorded
 * with tracker noise (0.25 mm, 0.3°), latency, a calibration bias (0.5 mm, 1°) and a wrong speed of sound (0.97 … 1.03),
 * then compounded. After Bürger 2013 (Med. Image Anal. 17:1235) and the layered renderers, with its own physics kept simple.
 */
export function simulateUltrasound(options: UltrasoundSimulationOptions = {}): UltrasoundSimulation {
  const { seed = 1, shiftMm = 0, errors = 1 } = options;
  const random = new Random(seed);
  const anatomy = brainAnatomy(random.below(1e6));
  const usFromBody = drawPose(random, 30);
  const mrFromBody = drawPose(random, 30);
  const lean = [random.between(-8, 8), random.between(-8, 8), 22];
  const movement = kelvinlet(lean, [random.between(-0.3, 0.3) * shiftMm, random.between(-0.3, 0.3) * shiftMm, -shiftMm], 28);
  const cavity = options.resected === true ? { centre: anatomy.tumour, radiusMm: random.between(6, 9) } : undefined;
  const tissueAt = movedTissue(anatomy, movement, cavity);
  const frames = drawSweep(random, FAN, PATH, errors);
  const speed = 1 + errors * random.between(-0.03, 0.03);
  const acoustics = drawAcoustics(random, FAN);
  const images = frames.map((f, n) => fanImage(tissueAt, FAN, acoustics, f.truth, n));
  const box = { low: [-36, -36, -40], extent: [72, 72, 66], spacingMm: options.ultrasoundSpacingMm ?? 0.6 } as const;
  const us = compound(frames, images, FAN, speed, usFromBody, box);
  const mr = { spacingMm: options.mrSpacingMm ?? 1, mrFromBody };
  const bodyFromMr = invertRigid(identity4(), mrFromBody);
  return {
    us,
    t1: mrImage(anatomy, MR, { contrast: 't1', seed: random.below(1e6), ...mr }),
    flair: mrImage(anatomy, MR, { contrast: 'flair', seed: random.below(1e6), ...mr }),
    targets: targetsOf(random, anatomy.tissueAt, movement, frames, speed, usFromBody, mrFromBody),
    usFromMr: transform(US, MR, multiply4(identity4(), usFromBody, bodyFromMr)),
  };
}

/** Sulci and vessels that a frame showed, and where it was recorded. */
function targetsOf(
  random: Random,
  tissueAt: (x: number, y: number, z: number) => number,
  movement: Movement,
  frames: readonly SweepFrame[],
  speed: number,
  usFromBody: Float64Array,
  mrFromBody: Float64Array,
): UltrasoundSimulation['targets'] {
  const isTarget = (x: number, y: number, z: number): boolean => {
    const tissue = TISSUES[tissueAt(x, y, z)];
    return tissue === 'sulcus' || tissue === 'vessel';
  };
  const found = drawTargets(random, frames, FAN, { isTarget, low: [-34, -34, -35], high: [34, 34, 20], movement, speed });
  return {
    us: found.map(({ recorded }) => point(US, transformPoint(new Float64Array(3), usFromBody, recorded))),
    mr: found.map(({ before }) => point(MR, transformPoint(new Float64Array(3), mrFromBody, before))),
  };
}
