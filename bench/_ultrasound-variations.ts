import { fromRotationVector, identity4, Random, transformPoint } from '@trocar/core/math';
import { type AnyVolume, Sampler, type Volume, volume } from '@trocar/core/volume';

/** What other scanners, exports and operations might have made of a pair of images. */
export interface VariedImages {
  readonly us: Volume<'us'>;
  readonly moving: readonly Volume<'mr'>[];
}

type Triple = readonly [number, number, number];

/** Voxels one by one, of whatever type they come out as. */
function mapped<V extends AnyVolume>(v: V, value: (x: number, n: number) => number, bytes = false): V {
  const voxels = bytes ? new Uint8Array(v.voxels.length) : new Float32Array(v.voxels.length);
  for (let n = 0; n < voxels.length; n += 1) voxels[n] = value(v.voxels[n] as number, n);
  return { ...v, voxels };
}

/** Trilinear on another grid; 0 beyond. */
function onGrid<F extends string>(v: Volume<F>, size: Triple, frameFromIndex: ArrayLike<number>): Volume<F> {
  const sampler = new Sampler(v);
  const p = new Float64Array(3);
  const voxels = Float32Array.from({ length: size[0] * size[1] * size[2] }, (_, n) => {
    transformPoint(p, frameFromIndex, [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))]);
    const x = sampler.at(p[0] as number, p[1] as number, p[2] as number);
    return Number.isNaN(x) ? 0 : x;
  });
  return volume({ frame: v.frame, voxels, size, frameFromIndex: Array.from(frameFromIndex), modality: v.modality });
}

/** Means over boxes of 2 reach + 1 voxels. */
function boxMean<V extends AnyVolume>(v: V, reach: Triple): V {
  let values = Float32Array.from(v.voxels);
  for (let axis = 0; axis < 3; axis += 1) {
    const step = axis === 0 ? 1 : axis === 1 ? v.size[0] : v.size[0] * v.size[1];
    const length = v.size[axis] as number;
    const source = values;
    values = source.map((_, n) => {
      const at = Math.floor(n / step) % length;
      const [low, high] = [Math.max(-at, -(reach[axis] as number)), Math.min(length - 1 - at, reach[axis] as number)];
      let sum = 0;
      for (let d = low; d <= high; d += 1) sum += source[n + d * step] as number;
      return sum / (high - low + 1);
    });
  }
  return { ...v, voxels: values };
}

/** Voxels `factors` times as wide. */
function spaced<F extends string>(v: Volume<F>, factors: Triple): Volume<F> {
  const size = v.size.map((s, r) => Math.floor((s - 1) / (factors[r] as number)) + 1) as unknown as Triple;
  return onGrid(
    v,
    size,
    Float64Array.from(v.frameFromIndex, (x, n) => (n < 12 ? x * (factors[Math.floor(n / 4)] as number) : x)),
  );
}

/** The same image with some index axes reversed, its header following. */
function reversed<V extends AnyVolume>(v: V, axes: readonly number[]): V {
  const m = Float64Array.from(v.frameFromIndex);
  for (const a of axes) {
    for (let r = 0; r < 3; r += 1) {
      m[12 + r] = (m[12 + r] as number) + (m[4 * a + r] as number) * ((v.size[a] as number) - 1);
      m[4 * a + r] = -(m[4 * a + r] as number);
    }
  }
  const [ni, nj, nk] = v.size;
  const turned = (axis: number, at: number, length: number): number => (axes.includes(axis) ? length - 1 - at : at);
  const source = v.voxels;
  const flipped = mapped(v, (_, n) => {
    const i = turned(0, n % ni, ni);
    const j = turned(1, Math.floor(n / ni) % nj, nj);
    const k = turned(2, Math.floor(n / (ni * nj)), nk);
    return source[i + ni * (j + nj * k)] as number;
  });
  return { ...flipped, frameFromIndex: m };
}

/** Index axes k, i, j for i, j, k. */
function permuted<F extends string>(v: Volume<F>): Volume<F> {
  const m = v.frameFromIndex;
  const columns = [8, 0, 4, 12].flatMap((c) => [0, 1, 2, 3].map((r) => m[c + r] as number));
  return onGrid(v, [v.size[2], v.size[0], v.size[1]], columns);
}

/** On a turned grid of 150³ voxels of 0.5 mm around the middle. */
function oblique<F extends string>(v: Volume<F>): Volume<F> {
  const middle = transformPoint(
    new Float64Array(3),
    v.frameFromIndex,
    v.size.map((s) => (s - 1) / 2),
  );
  const m = fromRotationVector(identity4(), [0.5, -0.3, 0.4]).map((x, n) => (n < 12 ? 0.5 * x : x));
  const own = transformPoint(new Float64Array(3), m, [74.5, 74.5, 74.5]);
  for (let r = 0; r < 3; r += 1) m[12 + r] = (middle[r] as number) - (own[r] as number);
  return onGrid(v, [150, 150, 150], m);
}

/** Part of the voxels from index 30 on along all axes, 48 of them. */
function cropped<F extends string>(v: Volume<F>): Volume<F> {
  const m = Float64Array.from(v.frameFromIndex);
  transformPoint(m.subarray(12, 15), v.frameFromIndex, [30, 30, 30]);
  return onGrid(v, [48, 48, 48], m);
}

/** Variations of an ultrasound that is 0 outside its fan, on a grid that its two MR images share; by name, made when asked for. */
export function variationsOf({ us, moving }: VariedImages): Array<readonly [string, () => VariedImages]> {
  const random = new Random(99);
  const noise = Float32Array.from(us.voxels, () => random.normal());
  const [ni, nj, nk] = us.size;
  const place = (n: number): Triple => [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
  const grain = (n: number): number => noise[n] as number;
  const from = (n: number, c: Triple): number => Math.hypot(...place(n).map((x, r) => x - (c[r] as number)));
  let most = 0;
  for (let n = 0; n < us.voxels.length; n += 1) most = Math.max(most, us.voxels[n] as number);
  const heard = (value: (x: number, n: number) => number, bytes = false) => ({ us: mapped(us, value, bytes), moving });
  const seen = (make: (v: Volume<'mr'>, m: number) => Volume<'mr'>) => ({ us, moving: moving.map(make) });
  const beside = (n: number): boolean => (place(n)[0] as number) < 12 || (place(n)[1] as number) > nj - 14;
  const outside = (value: (n: number) => number) => heard((x, n) => (x === 0 ? value(n) : x));
  const second = (make: (v: Volume<'mr'>) => Volume<'mr'>) => seen((v, m) => (m === 1 ? make(v) : v));
  return [
    ['as it is', () => ({ us, moving })],
    ['gamma 0.5', () => heard((x) => 255 * Math.sqrt(x / most))],
    ['gamma 2', () => heard((x) => 255 * (x / most) ** 2)],
    ['whole numbers', () => heard((x) => Math.round((255 * x) / most), true)],
    ['saturated', () => heard((x) => Math.min(255, Math.round(6 * x)), true)],
    ['dim', () => heard((x) => (x === 0 ? 0 : Math.max(1, Math.round(x / 4))), true)],
    ['gain over depth', () => heard((x, n) => x * (0.3 + (1.5 * place(n)[2]) / nk))],
    ['noise', () => heard((x, n) => (x === 0 ? 0 : Math.max(0.1, x + 10 * grain(n))))],
    ['-1 outside', () => outside(() => -1)],
    ['NaN outside', () => outside(() => Number.NaN)],
    ['255 outside', () => outside(() => 255)],
    ['noise outside', () => outside((n) => Math.abs(0.05 * grain(n)))],
    ['0 to 3 outside', () => outside((n) => Math.round(Math.abs(0.9 * grain(n))))],
    ['blurred', () => ({ us: mapped(boxMean(us, [1, 1, 1]), (x, n) => x + 0.3 * grain(n)), moving })],
    ['voxels half as wide', () => ({ us: spaced(us, [0.5, 0.5, 0.5]), moving })],
    ['voxels of 1 mm', () => ({ us: spaced(boxMean(us, [1, 1, 1]), [2, 2, 2]), moving })],
    ['voxels of 1.5 mm', () => ({ us: spaced(boxMean(us, [1, 1, 1]), [3, 3, 3]), moving })],
    ['voxels twice as long', () => ({ us: spaced(us, [1, 1, 2]), moving })],
    ['axes reversed', () => ({ us: reversed(us, [0, 2]), moving: moving.map((v) => reversed(v, [1])) })],
    ['mirrored grids', () => ({ us: reversed(us, [0]), moving: moving.map((v, m) => (m === 0 ? reversed(v, [2]) : v)) })],
    ['axes permuted', () => ({ us: permuted(us), moving: moving.map((v, m) => (m === 1 ? permuted(v) : v)) })],
    ['oblique ultrasound', () => ({ us: oblique(us), moving })],
    ['oblique MR', () => seen(oblique)],
    ['FLAIR of 5 mm', () => second((v) => spaced(boxMean(v, [0, 0, 5]), [2, 2, 10]))],
    ['FLAIR of 3 mm', () => second((v) => spaced(boxMean(v, [0, 0, 3]), [2, 2, 6]))],
    [
      'both of 3 mm',
      () => seen((v, m) => (m === 0 ? spaced(boxMean(v, [0, 3, 0]), [2, 6, 2]) : spaced(boxMean(v, [0, 0, 3]), [2, 2, 6]))),
    ],
    ['MR of 1 mm', () => seen((v) => spaced(boxMean(v, [1, 1, 1]), [2, 2, 2]))],
    ['MR with noise', () => seen((v, m) => mapped(v, (x, n) => x + (m === 0 ? 40 : 15) * grain(n)))],
    ['MR as z scores', () => seen((v, m) => mapped(v, (x) => (m === 0 ? (x - 400) / 120 : (x - 130) / 40)))],
    ['MR in bytes', () => seen((v, m) => mapped(v, (x) => Math.min(255, m === 0 ? x / 4 : x), true))],
    ['0 beside the brain', () => seen((v) => mapped(v, (x, n) => (beside(n) ? 0 : x)))],
    [
      'scalp beside the brain',
      () => seen((v) => mapped(v, (x, n) => (beside(n) ? x * (4 + 1.5 * Math.sin(0.7 * place(n)[0]) + 0.3 * grain(n)) : x))),
    ],
    ['half of the fan', () => heard((x, n) => (place(n)[0] < 0.5 * ni ? 0 : x))],
    ['its deep half', () => heard((x, n) => (place(n)[2] < 0.45 * nk ? 0 : x))],
    ['a ball of it', () => heard((x, n) => (from(n, [55, 53, 54]) < 26 ? x : 0))],
    ['a box of it', () => ({ us: cropped(us), moving })],
    ['a hole without echo', () => heard((x, n) => (x !== 0 && from(n, [50, 50, 45]) < 20 ? 2 : x))],
  ];
}
