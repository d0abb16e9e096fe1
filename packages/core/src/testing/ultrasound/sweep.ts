import { type Frame, frame } from '../../frames/index.js';
import { fromRotationVector, identity4, invertRigid, multiply4, type Random, transformPoint } from '../../math/index.js';
import { type Volume, volume } from '../../volume/index.js';
import type { Movement } from './deformation.js';
import type { Fan } from './fan-image.js';

/** The simulated ultrasound's frame. */
export const US: Frame<'us'> = frame('us');

/** One frame of a sweep: probe to body, 16 doubles, column-major, mm. */
export interface SweepFrame {
  /** Where the probe was, and where the tracker and the calibration say it was. */
  readonly truth: Float64Array;
  readonly recorded: Float64Array;
}

/** A pose anywhere: shifts up to `mm` and turns up to 0.4 rad along each axis. */
export function drawPose(random: Random, mm: number): Float64Array {
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

/** How a probe is moved over the skin. */
export interface SweepPath {
  readonly frames: number;
  /** Height of the skin under the probe, mm in the body. */
  readonly skinMm: number;
  /** How far it tilts to either side, rad, and slides, mm: least and greatest. */
  readonly tilt: readonly [number, number];
  readonly slide: readonly [number, number];
}

/** The probe tilts and slides over the skin. @param errors scale of the errors of tracking, latency and calibration */
export function drawSweep(random: Random, fan: Fan, path: SweepPath, errors: number): SweepFrame[] {
  const facing = random.between(-0.5, 0.5);
  const side = [random.between(-5, 5), random.between(-5, 5)];
  const tilt = random.between(...path.tilt);
  const slide = random.between(...path.slide);
  const calibration = jitter(random, (errors * 0.5) / Math.sqrt(3), (errors * Math.PI) / 180 / Math.sqrt(3));
  const late = errors * random.between(0, 1.5);
  const poseAt = (n: number): Float64Array => {
    const t = (2 * n) / (path.frames - 1) - 1;
    const turn = fromRotationVector(identity4(), [0, 0, facing]);
    const down = fromRotationVector(identity4(), [Math.PI + t * tilt, 0, 0]);
    const m = multiply4(identity4(), turn, down);
    m[12] = (side[0] as number) - slide * t * Math.sin(facing);
    m[13] = (side[1] as number) + slide * t * Math.cos(facing);
    // The first sample lies on the skin.
    m[14] = path.skinMm + fan.startMm;
    return m;
  };
  return Array.from({ length: path.frames }, (_, n) => {
    const noise = jitter(random, (errors * 0.25) / Math.sqrt(3), (errors * 0.3 * Math.PI) / 180 / Math.sqrt(3));
    const recorded = multiply4(identity4(), multiply4(identity4(), poseAt(n - late), noise), calibration);
    return { truth: poseAt(n), recorded };
  });
}

/** A place in the probe's plane as recorded: along the beam by the wrong speed of sound. */
export function recordedPlace(out: Float64Array, fan: Fan, f: SweepFrame, x: number, y: number, z: number, speed: number): void {
  const r = Math.hypot(x, z);
  const scaled = (fan.startMm + (r - fan.startMm) * speed) / r;
  out[0] = x * scaled;
  out[1] = y;
  out[2] = z * scaled;
  transformPoint(out, f.recorded, out);
}

/** What a sweep is compounded into, mm in the body. */
interface SweepBox {
  readonly low: readonly [number, number, number];
  readonly extent: readonly [number, number, number];
  readonly spacingMm: number;
}

/** All frames' pixels into voxels, averaged; small gaps take their neighbours' mean. */
export function compound(
  frames: readonly SweepFrame[],
  images: readonly Uint8Array[],
  fan: Fan,
  speed: number,
  usFromBody: Float64Array,
  box: SweepBox,
): Volume<'us'> {
  const { low, spacingMm: h } = box;
  const size = box.extent.map((mm) => Math.ceil(mm / h)) as [number, number, number];
  const sum = new Float32Array(size[0] * size[1] * size[2]);
  const count = new Float32Array(sum.length);
  const p = new Float64Array(3);
  frames.forEach((f, n) => {
    const image = images[n] as Uint8Array;
    // Twice as fine as lines and samples, so that deep voxels between two lines are hit as well.
    for (let line = 0; line < 2 * fan.lines - 1; line += 1) {
      const angle = fan.halfAngle * (line / (fan.lines - 1) - 1);
      const [l0, l1] = [line >> 1, (line + 1) >> 1];
      for (let s = 0; s < fan.samples; s += 1) {
        const r = fan.startMm + fan.stepMm * s;
        recordedPlace(p, fan, f, r * Math.sin(angle), 0, r * Math.cos(angle), speed);
        const [i, j, k] = [0, 1, 2].map((a) => Math.round(((p[a] as number) - (low[a] as number)) / h)) as [
          number,
          number,
          number,
        ];
        if (i < 0 || j < 0 || k < 0 || i >= size[0] || j >= size[1] || k >= size[2]) continue;
        const v = i + size[0] * (j + size[1] * k);
        sum[v] = (sum[v] as number) + ((image[l0 * fan.samples + s] as number) + (image[l1 * fan.samples + s] as number)) / 2;
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

/** What a sweep's targets are drawn from. */
interface TargetSource {
  /** Whether a place of the undeformed body, mm, is one. */
  readonly isTarget: (x: number, y: number, z: number) => boolean;
  readonly low: readonly [number, number, number];
  readonly high: readonly [number, number, number];
  readonly movement: Movement;
  readonly speed: number;
}

/** Places of the body that a frame showed, before and where they were recorded: mm in the body. */
export function drawTargets(
  random: Random,
  frames: readonly SweepFrame[],
  fan: Fan,
  { isTarget, low, high, movement, speed }: TargetSource,
): Array<{ readonly before: Float64Array; readonly recorded: Float64Array }> {
  const found: Array<{ readonly before: Float64Array; readonly recorded: Float64Array }> = [];
  const inverses = frames.map((f) => invertRigid(identity4(), f.truth));
  const p = new Float64Array(3);
  const q = new Float64Array(3);
  for (let tries = 0; tries < 200_000 && found.length < 40; tries += 1) {
    const [x, y, z] = [0, 1, 2].map((r) => random.between(low[r] as number, high[r] as number)) as [number, number, number];
    if (!isTarget(x, y, z)) continue;
    movement.forward(p, x, y, z);
    let best = -1;
    let nearest = 0.7;
    inverses.forEach((m, n) => {
      transformPoint(q, m, p);
      const r = Math.hypot(q[0] as number, q[2] as number) - fan.startMm;
      const angle = Math.abs(Math.atan2(q[0] as number, q[2] as number));
      const inFan = r > 5 && r < fan.stepMm * (fan.samples - 4) && angle < 0.95 * fan.halfAngle;
      if (!inFan || Math.abs(q[1] as number) >= nearest) return;
      nearest = Math.abs(q[1] as number);
      best = n;
    });
    if (best < 0) continue;
    transformPoint(q, inverses[best] as Float64Array, p);
    recordedPlace(q, fan, frames[best] as SweepFrame, q[0] as number, q[1] as number, q[2] as number, speed);
    found.push({ before: Float64Array.of(x, y, z), recorded: Float64Array.from(q) });
  }
  return found;
}
