import { frame } from '../../frames/index.js';
import { fromRotationVector, identity4, Random } from '../../math/index.js';
import { makeSweep, type Sweep, type SweepFrame } from '../index.js';

/** The frame of made-up sweeps. */
export const SCENE = frame('scene');

/** What a made-up sweep is drawn from. */
export interface SceneOptions {
  readonly seed?: number;
  readonly size?: readonly [number, number];
  readonly frames?: number;
  /** Edge of a pixel, mm. */
  readonly pixelMm?: number;
  /** From one image to the next, mm. */
  readonly stepMm?: number;
  /** How far images tilt out of parallel, rad. */
  readonly tilt?: number;
  /** Grey value at a place, mm; default random. */
  readonly grey?: (x: number, y: number, z: number) => number;
  /** Standard deviation of the noise on every pixel. */
  readonly noise?: number;
}

/** A sweep over a made-up body, in general position. */
export function sceneSweep(options: SceneOptions = {}): Sweep<'scene'> {
  const { seed = 1, size = [40, 30], frames = 12, pixelMm = 0.2, stepMm = 0.4, tilt = 0.15, noise = 0 } = options;
  const random = new Random(seed);
  const facing = fromRotationVector(identity4(), [
    random.between(-0.5, 0.5),
    random.between(-0.5, 0.5),
    random.between(-0.5, 0.5),
  ]);
  const images: SweepFrame[] = [];
  for (let n = 0; n < frames; n += 1) {
    const turn = fromRotationVector(identity4(), [tilt * random.between(-1, 1), tilt * random.between(-1, 1), 0]);
    const m = identity4();
    for (let c = 0; c < 2; c += 1) {
      for (let r = 0; r < 3; r += 1) {
        let sum = 0;
        for (let k = 0; k < 3; k += 1) sum += (facing[4 * k + r] as number) * (turn[4 * c + k] as number);
        m[4 * c + r] = pixelMm * sum;
      }
    }
    for (let r = 0; r < 3; r += 1) m[12 + r] = 50 + (facing[8 + r] as number) * stepMm * n;
    images.push({ pixels: pixelsOf(m, size, random, options.grey, noise), frameFromImage: m, timeMs: 40 * n });
  }
  return makeSweep({ frame: SCENE, size, frames: images });
}

function pixelsOf(
  m: Float64Array,
  size: readonly [number, number],
  random: Random,
  grey: SceneOptions['grey'],
  noise: number,
): Uint8Array {
  const at = (r: number, u: number, v: number): number => (m[r] as number) * u + (m[4 + r] as number) * v + (m[12 + r] as number);
  return Uint8Array.from({ length: size[0] * size[1] }, (_, n) => {
    const [u, v] = [n % size[0], Math.floor(n / size[0])];
    const value = grey === undefined ? random.between(0, 256) : grey(at(0, u, v), at(1, u, v), at(2, u, v));
    return Math.max(0, Math.min(255, Math.round(value + (noise > 0 ? noise * random.normal() : 0))));
  });
}

/** The same sweep with its frames in another order, their times as they were. */
export function shuffled(sweep: Sweep<'scene'>, seed: number): SweepFrame[] {
  const random = new Random(seed);
  const frames = [...sweep.frames];
  for (let n = frames.length - 1; n > 0; n -= 1) {
    const other = random.below(n + 1);
    [frames[n], frames[other]] = [frames[other] as SweepFrame, frames[n] as SweepFrame];
  }
  return frames;
}
