/**
 * A scalar image on cubes along the axes of its frame: what registration works on, whatever grid the volume came on.
 * p_frame = origin + spacingMm · (i, j, k) at a cube's centre, mm; i fastest. NaN where there is no image.
 */
export interface CubeImage {
  readonly size: readonly [number, number, number];
  readonly spacingMm: number;
  readonly origin: readonly [number, number, number];
  readonly values: Float32Array;
}

/** The image blurred by a Gaussian of `sigma` cubes; NaN stays NaN and does not count (normalised convolution). */
export function blurred(image: CubeImage, sigma: number): CubeImage {
  if (!(sigma > 0)) return image;
  const { size, values } = image;
  const kernel = gaussian(sigma);
  return { ...image, values: blurredValues(values, size, kernel, blurredWeights(values, size, kernel)) };
}

/** How much of the kernel around each cube lies on image. */
function blurredWeights(values: Float32Array, size: CubeImage['size'], kernel: Float64Array): Float32Array {
  const weights = new Float32Array(values.length);
  for (let n = 0; n < values.length; n += 1) weights[n] = Number.isNaN(values[n] as number) ? 0 : 1;
  return convolved(weights, size, kernel);
}

function blurredValues(
  values: Float32Array,
  size: CubeImage['size'],
  kernel: Float64Array,
  weights: Float32Array,
): Float32Array<ArrayBuffer> {
  const known = new Float32Array(values.length);
  for (let n = 0; n < values.length; n += 1) {
    const x = values[n] as number;
    known[n] = Number.isNaN(x) ? 0 : x;
  }
  const out = convolved(known, size, kernel);
  for (let n = 0; n < out.length; n += 1) {
    out[n] = Number.isNaN(values[n] as number) ? Number.NaN : (out[n] as number) / (weights[n] as number);
  }
  return out;
}

function gaussian(sigma: number): Float64Array {
  const reach = Math.max(1, Math.ceil(2.5 * sigma));
  const kernel = new Float64Array(reach + 1);
  let sum = 0;
  for (let i = 0; i <= reach; i += 1) {
    kernel[i] = Math.exp((-0.5 * i * i) / (sigma * sigma));
    sum += (i === 0 ? 1 : 2) * (kernel[i] as number);
  }
  return kernel.map((x) => x / sum);
}

/** A symmetric separable filter along all axes; nothing lies beyond the border. */
function convolved(source: Float32Array, size: CubeImage['size'], kernel: Float64Array): Float32Array<ArrayBuffer> {
  const x = convolvedAlong(source, size, 0, kernel);
  return convolvedAlong(convolvedAlong(x, size, 1, kernel), size, 2, kernel);
}

function convolvedAlong(
  source: Float32Array,
  size: CubeImage['size'],
  axis: number,
  kernel: Float64Array,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(source.length);
  const step = axis === 0 ? 1 : axis === 1 ? size[0] : size[0] * size[1];
  const length = size[axis] as number;
  const centre = kernel[0] as number;
  for (let n = 0; n < source.length; n += 1) out[n] = centre * (source[n] as number);
  for (let d = 1; d < Math.min(kernel.length, length); d += 1) {
    const w = kernel[d] as number;
    const shift = d * step;
    for (let line = 0; line < source.length; line += step * length) {
      const end = line + step * length;
      const middle = Math.max(line + shift, end - shift);
      for (let n = line; n < Math.min(line + shift, end - shift); n += 1) {
        out[n] = (out[n] as number) + w * (source[n + shift] as number);
      }
      for (let n = line + shift; n < end - shift; n += 1) {
        out[n] = (out[n] as number) + w * ((source[n - shift] as number) + (source[n + shift] as number));
      }
      for (let n = middle; n < end; n += 1) out[n] = (out[n] as number) + w * (source[n - shift] as number);
    }
  }
  return out;
}

/** |∇| per mm by central differences, one-sided beside NaN. */
export function gradientMagnitude(image: CubeImage): CubeImage {
  const { size, values } = image;
  const out = new Float32Array(values.length);
  const g = new Float64Array(3);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        gradient(g, image, i, j, k, n);
        const [x, y, z] = g as unknown as [number, number, number];
        out[n] = Math.sqrt(x * x + y * y + z * z);
      }
    }
  }
  return { ...image, values: out };
}

/** ∇ per mm at cube n = (i, j, k), into `out`: central differences, one-sided beside NaN; NaN where the cube is. */
export function gradient(
  out: Float64Array,
  { size, values, spacingMm }: CubeImage,
  i: number,
  j: number,
  k: number,
  n: number,
): void {
  const here = values[n] as number;
  for (let axis = 0, s = 1; axis < 3; axis += 1) {
    const at = axis === 0 ? i : axis === 1 ? j : k;
    const length = size[axis] as number;
    const before = at > 0 ? (values[n - s] as number) : Number.NaN;
    const after = at < length - 1 ? (values[n + s] as number) : Number.NaN;
    out[axis] = difference(before, here, after) / spacingMm + (here - here);
    s *= length;
  }
}

function difference(before: number, here: number, after: number): number {
  const left = !Number.isNaN(before);
  const right = !Number.isNaN(after);
  if (left && right) return (after - before) / 2;
  if (right) return after - here;
  return left ? here - before : 0;
}

/**
 * What stands out from its surroundings: (x − G∗x) / √(G∗(x − G∗x)² + floor · its mean), G a Gaussian of `sigma` cubes. Takes
 * out gain along the beam, attenuation and receive fields; remaps of the intensities change little.
 */
export function locallyNormalised(image: CubeImage, sigma: number, floor: number): CubeImage {
  const { size, values } = image;
  const kernel = gaussian(sigma);
  const weights = blurredWeights(values, size, kernel);
  const surroundings = blurredValues(values, size, kernel, weights);
  const difference = new Float32Array(values.length);
  const squared = new Float32Array(values.length);
  for (let n = 0; n < values.length; n += 1) {
    const d = (values[n] as number) - (surroundings[n] as number);
    difference[n] = d;
    squared[n] = d * d;
  }
  const squares = blurredValues(squared, size, kernel, weights);
  let sum = 0;
  let count = 0;
  for (let n = 0; n < squares.length; n += 1) {
    const x = squares[n] as number;
    if (Number.isNaN(x)) continue;
    sum += x;
    count += 1;
  }
  const added = count > 0 && sum > 0 ? (floor * sum) / count : 1;
  for (let n = 0; n < difference.length; n += 1) {
    difference[n] = (difference[n] as number) / Math.sqrt((squares[n] as number) + added);
  }
  return { ...image, values: difference };
}
