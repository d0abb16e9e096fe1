import { type Frame, frame, type Point, point, type Transform, transform } from '../../frames/index.js';
import { fromRotationVector, identity4, invertRigid, multiply4, Random, transformPoint } from '../../math/index.js';
import { type Volume, volume } from '../../volume/index.js';
import { brainAnatomy, TISSUES } from './anatomy.js';
import { kelvinlet, type Movement } from './deformation.js';
import { drawAcoustics, type Fan, fanImage, movedTissue } from './fan-image.js';
import { mrImage } from './mr-image.js';

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

const US: Frame<'us'> = frame('us');
const MR: Frame<'mr'> = frame('mr');

const FAN: Fan = { lines: 80, samples: 120, stepMm: 0.45, startMm: 12, halfAngle: 0.62 };
const FRAMES = 60;

interface Frame2 {
  /** Where the probe was, and where the tracker and the calibration say it was. */
  readonly truth: Float64Array;
  readonly recorded: Float64Array;
}

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
  const frames = sweep(random, errors);
  const speed = 1 + errors * random.between(-0.03, 0.03);
  const acoustics = drawAcoustics(random, FAN);
  const images = frames.map((f, n) => fanImage(tissueAt, FAN, acoustics, f.truth, n));
  const us = compound(frames, images, speed, usFromBody, options.ultrasoundSpacingMm ?? 0.6);
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

function drawPose(random: Random, mm: number): Float64Array {
  const m = fromRotationVector(identity4(), [random.between(-0.4, 0.4), random.between(-0.4, 0.4), random.between(-0.4, 0.4)]);
  for (let r = 0; r < 3; r += 1) m[12 + r] = random.between(-mm, mm);
  return m;
}

/** A small motion: `mm` and `rad` are standard deviations along each axis. */
function jitter(random: Random, mm: number, rad: number): Float64Array {
  const m = fromRotationVector(identity4(), [rad * random.normal(), rad * random.normal(), rad * random.normal()]);
  for (let r = 0; r < 3; r += 1) m[12 + r] = mm * random.normal();
  return m;
}

/** The probe tilts and slides across the craniotomy. */
function sweep(random: Random, errors: number): Frame2[] {
  const facing = random.between(-0.5, 0.5);
  const side = [random.between(-5, 5), random.between(-5, 5)];
  const tilt = random.between(0.25, 0.45);
  const slide = random.between(4, 10);
  const calibration = jitter(random, (errors * 0.5) / Math.sqrt(3), (errors * Math.PI) / 180 / Math.sqrt(3));
  const late = errors * random.between(0, 1.5);
  const poseAt = (n: number): Float64Array => {
    const t = (2 * n) / (FRAMES - 1) - 1;
    const turn = fromRotationVector(identity4(), [0, 0, facing]);
    const down = fromRotationVector(identity4(), [Math.PI + t * tilt, 0, 0]);
    const m = multiply4(identity4(), turn, down);
    // The first sample lies on the brain's surface.
    m[12] = (side[0] as number) - slide * t * Math.sin(facing);
    m[13] = (side[1] as number) + slide * t * Math.cos(facing);
    m[14] = 20 + FAN.startMm;
    return m;
  };
  return Array.from({ length: FRAMES }, (_, n) => {
    const noise = jitter(random, (errors * 0.25) / Math.sqrt(3), (errors * 0.3 * Math.PI) / 180 / Math.sqrt(3));
    const recorded = multiply4(identity4(), multiply4(identity4(), poseAt(n - late), noise), calibration);
    return { truth: poseAt(n), recorded };
  });
}

/** A place in the probe's plane as recorded: along the beam by the wrong speed of sound. */
function recordedPlace(out: Float64Array, f: Frame2, x: number, y: number, z: number, speed: number): void {
  const r = Math.hypot(x, z);
  const scaled = (FAN.startMm + (r - FAN.startMm) * speed) / r;
  out[0] = x * scaled;
  out[1] = y;
  out[2] = z * scaled;
  transformPoint(out, f.recorded, out);
}

/** All frames' pixels into voxels, averaged; small gaps take their neighbours' mean. */
function compound(
  frames: readonly Frame2[],
  images: readonly Uint8Array[],
  speed: number,
  usFromBody: Float64Array,
  h: number,
): Volume<'us'> {
  const low = [-36, -36, -40];
  const size: [number, number, number] = [Math.ceil(72 / h), Math.ceil(72 / h), Math.ceil(66 / h)];
  const sum = new Float32Array(size[0] * size[1] * size[2]);
  const count = new Float32Array(sum.length);
  const p = new Float64Array(3);
  frames.forEach((f, n) => {
    const image = images[n] as Uint8Array;
    // Twice as fine as lines and samples, so that deep voxels between two lines are hit as well.
    for (let line = 0; line < 2 * FAN.lines - 1; line += 1) {
      const angle = FAN.halfAngle * (line / (FAN.lines - 1) - 1);
      const [l0, l1] = [line >> 1, (line + 1) >> 1];
      for (let s = 0; s < FAN.samples; s += 1) {
        const r = FAN.startMm + FAN.stepMm * s;
        recordedPlace(p, f, r * Math.sin(angle), 0, r * Math.cos(angle), speed);
        const [i, j, k] = [0, 1, 2].map((a) => Math.round(((p[a] as number) - (low[a] as number)) / h)) as [
          number,
          number,
          number,
        ];
        if (i < 0 || j < 0 || k < 0 || i >= size[0] || j >= size[1] || k >= size[2]) continue;
        const v = i + size[0] * (j + size[1] * k);
        sum[v] = (sum[v] as number) + ((image[l0 * FAN.samples + s] as number) + (image[l1 * FAN.samples + s] as number)) / 2;
        count[v] = (count[v] as number) + 1;
      }
    }
  });
  const voxels = filled(sum, count, size);
  const frameFromIndex = Float64Array.of(
    h,
    0,
    0,
    0,
    0,
    h,
    0,
    0,
    0,
    0,
    h,
    0,
    low[0] as number,
    low[1] as number,
    low[2] as number,
    1,
  );
  multiply4(frameFromIndex, usFromBody, frameFromIndex);
  return volume({ frame: US, voxels, size, frameFromIndex, modality: 'US', series: { description: 'simulated sweep' } });
}

function filled(sum: Float32Array, count: Float32Array, size: readonly [number, number, number]): Uint8Array {
  const out = new Uint8Array(sum.length);
  const reach = 1;
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        if ((count[n] as number) > 0) {
          out[n] = Math.round((sum[n] as number) / (count[n] as number));
          continue;
        }
        let s = 0;
        let c = 0;
        for (let z = Math.max(0, k - reach); z <= Math.min(size[2] - 1, k + reach); z += 1) {
          for (let y = Math.max(0, j - reach); y <= Math.min(size[1] - 1, j + reach); y += 1) {
            for (let x = Math.max(0, i - reach); x <= Math.min(size[0] - 1, i + reach); x += 1) {
              const v = x + size[0] * (y + size[1] * z);
              s += sum[v] as number;
              c += count[v] as number;
            }
          }
        }
        if (c >= 3) out[n] = Math.round(s / c);
      }
    }
  }
  return out;
}

/** Sulci and vessels that a frame showed, and where it was recorded. */
function targetsOf(
  random: Random,
  tissueAt: (x: number, y: number, z: number) => number,
  movement: Movement,
  frames: readonly Frame2[],
  speed: number,
  usFromBody: Float64Array,
  mrFromBody: Float64Array,
): UltrasoundSimulation['targets'] {
  const mr: Point<'mr'>[] = [];
  const us: Point<'us'>[] = [];
  const inverses = frames.map((f) => invertRigid(identity4(), f.truth));
  const p = new Float64Array(3);
  const q = new Float64Array(3);
  for (let tries = 0; tries < 200_000 && mr.length < 40; tries += 1) {
    const [x, y, z] = [random.between(-34, 34), random.between(-34, 34), random.between(-35, 20)] as [number, number, number];
    const tissue = TISSUES[tissueAt(x, y, z)];
    if (tissue !== 'sulcus' && tissue !== 'vessel') continue;
    movement.forward(p, x, y, z);
    let best = -1;
    let nearest = 0.7;
    inverses.forEach((m, n) => {
      transformPoint(q, m, p);
      const r = Math.hypot(q[0] as number, q[2] as number) - FAN.startMm;
      const angle = Math.abs(Math.atan2(q[0] as number, q[2] as number));
      const inFan = r > 5 && r < FAN.stepMm * (FAN.samples - 4) && angle < 0.95 * FAN.halfAngle;
      if (!inFan || Math.abs(q[1] as number) >= nearest) return;
      nearest = Math.abs(q[1] as number);
      best = n;
    });
    if (best < 0) continue;
    transformPoint(q, inverses[best] as Float64Array, p);
    recordedPlace(q, frames[best] as Frame2, q[0] as number, q[1] as number, q[2] as number, speed);
    us.push(point(US, transformPoint(new Float64Array(3), usFromBody, q)));
    mr.push(point(MR, transformPoint(new Float64Array(3), mrFromBody, [x, y, z])));
  }
  return { mr, us };
}
