import { type Frame, frame, type Point, point, type Transform, transform } from '../../frames/index.js';
import { identity4, invertRigid, multiply4, Random, transformPoint } from '../../math/index.js';
import { type Volume, volume } from '../../volume/index.js';
import { FLANK, FLANK_LANDMARKS, FLANK_MATTER, flankAnatomy } from './abdomen-anatomy.js';
import type { Anatomy } from './anatomy.js';
import { kelvinlet } from './deformation.js';
import { drawAcoustics, type Fan, fanImage, movedTissue } from './fan-image.js';
import { hash, normalOf } from './noise.js';
import { compound, drawPose, drawSweep, drawTargets, type SweepPath, US } from './sweep.js';

/** How an examination is simulated. The same options give the same bytes on every machine. */
export interface AbdominalSimulationOptions {
  /** Seed of everything: anatomy, images, errors. Default 1. */
  readonly seed?: number;
  /** How far breathing and the probe's pressure have moved the middle of the liver beyond a rigid motion, mm. Default 0. */
  readonly shiftMm?: number;
  /** Voxel edge of the ultrasound volume, mm. Default 1. */
  readonly ultrasoundSpacingMm?: number;
  /** Voxel edges of the CT within a slice and between slices, mm. Default 0.9 and 1.5. */
  readonly ctSpacingMm?: readonly [number, number];
  /** Standard deviation of the CT's noise, HU. Default 14. */
  readonly ctNoise?: number;
  /** Scale of tracker noise, latency, calibration and speed-of-sound errors; 0 for none. Default 1. */
  readonly errors?: number;
}

/** A simulated examination: CT from before, ultrasound of the same flank, and where everything really is. */
export interface AbdominalSimulation {
  /** Ultrasound compounded from a sweep between two ribs; 0 outside the fan. */
  readonly us: Volume<'us'>;
  readonly ct: Volume<'ct'>;
  /** Places on vessels, walls and the kidney's sinus in the CT, and where the ultrasound volume shows them. */
  readonly targets: { readonly ct: readonly Point<'ct'>[]; readonly us: readonly Point<'us'>[] };
  /** Where the body lies, without the deformation and the errors of tracking: ultrasound from CT. */
  readonly usFromCt: Transform<'us', 'ct'>;
  /** The apex of the middle frame's fan, in the ultrasound's frame. */
  readonly probe: Point<'us'>;
}

const CT: Frame<'ct'> = frame('ct');

/** A convex probe: its elements lie on an arc of 50 mm. */
const FAN: Fan = { lines: 96, samples: 180, stepMm: 0.6, startMm: 50, halfAngle: 0.5, focusMm: 60 };
const PATH: SweepPath = { frames: 80, skinMm: 0, tilt: [0.2, 0.3], slide: [6, 14] };

/**
 * Simulates a CT and a swept ultrasound of one flank, as {@link simulateUltrasound} does brains: nothing shared but labels, CT
 * numbers here and scatterers there, with ribs and lung that shadow what lies behind them.
 */
export function simulateAbdominalUltrasound(options: AbdominalSimulationOptions = {}): AbdominalSimulation {
  const { seed = 1, shiftMm = 0, errors = 1 } = options;
  const random = new Random(seed);
  const anatomy = flankAnatomy(random.below(1e6));
  const usFromBody = drawPose(random, 30);
  const ctFromBody = drawPose(random, 30);
  const pulled = [random.between(-20, 20), random.between(-20, 20), -60];
  const direction = [random.normal(), random.normal(), random.normal()];
  const movement = kelvinlet(
    pulled,
    direction.map((x) => (shiftMm * x) / Math.hypot(...direction)),
    50,
  );
  const tissueAt = movedTissue(anatomy, movement, undefined);
  const frames = drawSweep(random, FAN, PATH, errors);
  const speed = 1 + errors * random.between(-0.02, 0.02);
  const acoustics = drawAcoustics(random, FAN, FLANK_MATTER);
  const images = frames.map((f, n) => fanImage(tissueAt, FAN, acoustics, f.truth, n));
  const box = { low: [-78, -62, -116], extent: [156, 124, 120], spacingMm: options.ultrasoundSpacingMm ?? 1 } as const;
  const isTarget = (x: number, y: number, z: number): boolean => FLANK_LANDMARKS.includes(anatomy.tissueAt(x, y, z));
  const found = drawTargets(random, frames, FAN, { isTarget, low: [-60, -50, -105], high: [60, 50, -25], movement, speed });
  const bodyFromCt = invertRigid(identity4(), ctFromBody);
  const middle = (frames[frames.length >> 1] as (typeof frames)[0]).truth;
  const placed = (m: Float64Array, p: ArrayLike<number>): Float64Array => transformPoint(new Float64Array(3), m, p);
  return {
    us: compound(frames, images, FAN, speed, usFromBody, box),
    ct: ctImage(anatomy, ctFromBody, random.below(1e6), options),
    targets: {
      ct: found.map(({ before }) => point(CT, placed(ctFromBody, before))),
      us: found.map(({ recorded }) => point(US, placed(usFromBody, recorded))),
    },
    usFromCt: transform(US, CT, multiply4(identity4(), usFromBody, bodyFromCt)),
    probe: point(US, placed(usFromBody, middle.subarray(12, 15))),
  };
}

/** CT numbers with partial volume and noise that neighbours share, as a soft kernel leaves it. */
function ctImage(
  anatomy: Pick<Anatomy, 'tissueAt'>,
  ctFromBody: Float64Array,
  seed: number,
  { ctSpacingMm: [h, slice] = [0.9, 1.5], ctNoise = 14 }: AbdominalSimulationOptions,
): Volume<'ct'> {
  const step = [h, h, slice] as const;
  const size = FLANK.low.map((low, r) => Math.floor(((FLANK.high[r] as number) - low) / (step[r] as number))) as [
    number,
    number,
    number,
  ];
  const voxels = new Int16Array(size[0] * size[1] * size[2]);
  const origin = transformPoint(new Float64Array(3), ctFromBody, FLANK.low);
  const frameFromIndex = Float64Array.from(ctFromBody, (x, n) =>
    n < 12 ? (step[Math.floor(n / 4)] as number) * x : n < 15 ? (origin[n - 12] as number) : 1,
  );
  const noise = (i: number, j: number, k: number): number => normalOf(hash(i, j, k, seed));
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        let hu = 0;
        for (let c = 0; c < 8; c += 1) {
          const [x, y, z] = [i, j, k].map((at, r) => {
            const d = (((c >> r) & 1 ? 1 : -1) * (step[r] as number)) / 4;
            return (FLANK.low[r] as number) + (step[r] as number) * at + d;
          }) as [number, number, number];
          hu += (FLANK_MATTER[anatomy.tissueAt(x, y, z)]?.hu ?? 0) / 8;
        }
        // Four neighbours' noise in a plane: halved by the mean, so twice as much goes in.
        const grain = noise(i, j, k) + noise(i + 1, j, k) + noise(i, j + 1, k) + noise(i + 1, j + 1, k);
        voxels[n] = Math.round(hu + (ctNoise * grain) / 2);
      }
    }
  }
  return volume({
    frame: CT,
    voxels,
    size,
    frameFromIndex,
    modality: 'CT',
    rescale: { slope: 1, intercept: 0, unit: 'HU' },
    series: { description: 'simulated flank' },
  });
}
