/** A picture of any values, row by row. */
export interface Picture2 {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}

/** Coarser pictures are no longer pictures, pixels. */
const SMALLEST = 16;
const STEPS = 12;
/** A step shorter than this has arrived, pixels. */
const ARRIVED = 0.005;
/** The smaller eigenvalue of the structure tensor over the larger: below this the picture is a stripe. */
const LEAST_RATIO = 0.01;
/** What the shift must explain of the difference, where there is any: below, the slices do not match at all. */
const LEAST_CORRELATION = 0.3;

/**
 * The shift (x, y), in pixels, for which b(p + shift) ≈ a(p): Gauss–Newton on the sum of squares, coarse to fine (Lucas &
 * Kanade 1981). Undefined where the pictures lack structure in some direction, or do not match.
 */
export function alignSlices(a: Picture2, b: Picture2): readonly [number, number] | undefined {
  const levels: [Picture2, Picture2][] = [[blurred(a), blurred(b)]];
  for (;;) {
    const [x, y] = levels[levels.length - 1] as [Picture2, Picture2];
    if (Math.min(x.width, x.height) < 2 * SMALLEST) break;
    levels.push([halved(x), halved(y)]);
  }
  let shift: readonly [number, number] = [0, 0];
  for (const [x, y] of levels.reverse()) {
    const found = refine(x, y, [2 * shift[0], 2 * shift[1]]);
    if (found === undefined) return undefined;
    shift = found;
  }
  const [x, y] = levels[levels.length - 1] as [Picture2, Picture2];
  return correlation(x, y, shift) >= LEAST_CORRELATION ? shift : undefined;
}

/** The tensor and the right side of the normal equations at one shift. */
interface Sums {
  xx: number;
  xy: number;
  yy: number;
  xd: number;
  yd: number;
}

function refine(a: Picture2, b: Picture2, from: readonly [number, number]): readonly [number, number] | undefined {
  let [x, y] = from;
  for (let step = 0; step < STEPS; step += 1) {
    const s = sumsAt(a, b, x, y);
    const determinant = s.xx * s.yy - s.xy * s.xy;
    const trace = s.xx + s.yy;
    if (!(determinant > LEAST_RATIO * trace * trace * 0.25)) return undefined;
    const [dx, dy] = [(s.yy * s.xd - s.xy * s.yd) / determinant, (s.xx * s.yd - s.xy * s.xd) / determinant];
    x += dx;
    y += dy;
    if (Math.abs(x) > a.width / 3 || Math.abs(y) > a.height / 3) return undefined;
    if (Math.hypot(dx, dy) < ARRIVED) break;
  }
  return [x, y];
}

function sumsAt(a: Picture2, b: Picture2, x: number, y: number): Sums {
  const s: Sums = { xx: 0, xy: 0, yy: 0, xd: 0, yd: 0 };
  for (let j = 1; j + 1 < a.height; j += 1) {
    for (let i = 1; i + 1 < a.width; i += 1) {
      const value = at(b, i + x, j + y);
      if (Number.isNaN(value)) continue;
      const n = j * a.width + i;
      const gx = ((a.pixels[n + 1] as number) - (a.pixels[n - 1] as number)) / 2;
      const gy = ((a.pixels[n + a.width] as number) - (a.pixels[n - a.width] as number)) / 2;
      const d = (a.pixels[n] as number) - value;
      s.xx += gx * gx;
      s.xy += gx * gy;
      s.yy += gy * gy;
      s.xd += gx * d;
      s.yd += gy * d;
    }
  }
  return s;
}

/** Bilinear; NaN outside. */
function at({ width, height, pixels }: Picture2, x: number, y: number): number {
  const [i, j] = [Math.floor(x), Math.floor(y)];
  if (i < 0 || j < 0 || i + 1 >= width || j + 1 >= height) return Number.NaN;
  const [u, v] = [x - i, y - j];
  const n = j * width + i;
  const top = (1 - u) * (pixels[n] as number) + u * (pixels[n + 1] as number);
  const bottom = (1 - u) * (pixels[n + width] as number) + u * (pixels[n + width + 1] as number);
  return (1 - v) * top + v * bottom;
}

function correlation(a: Picture2, b: Picture2, [x, y]: readonly [number, number]): number {
  let [n, sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0, 0];
  for (let j = 0; j < a.height; j += 1) {
    for (let i = 0; i < a.width; i += 1) {
      const q = at(b, i + x, j + y);
      if (Number.isNaN(q)) continue;
      const p = a.pixels[j * a.width + i] as number;
      n += 1;
      sa += p;
      sb += q;
      saa += p * p;
      sbb += q * q;
      sab += p * q;
    }
  }
  return (n * sab - sa * sb) / Math.sqrt((n * saa - sa * sa) * (n * sbb - sb * sb));
}

/** A binomial blur, 1 2 1 twice in each direction: gradients of noise would pull the shift towards 0. */
function blurred(p: Picture2): Picture2 {
  let pixels = p.pixels;
  for (const stride of [1, p.width, 1, p.width]) {
    const out = pixels.slice();
    for (let j = 1; j + 1 < p.height; j += 1) {
      for (let i = 1; i + 1 < p.width; i += 1) {
        const n = j * p.width + i;
        out[n] = 0.25 * (pixels[n - stride] as number) + 0.5 * (pixels[n] as number) + 0.25 * (pixels[n + stride] as number);
      }
    }
    pixels = out;
  }
  return { ...p, pixels };
}

function halved(p: Picture2): Picture2 {
  const [width, height] = [p.width >> 1, p.height >> 1];
  const pixels = new Float32Array(width * height);
  for (let j = 0; j < height; j += 1) {
    for (let i = 0; i < width; i += 1) {
      const n = 2 * j * p.width + 2 * i;
      const sum =
        (p.pixels[n] as number) +
        (p.pixels[n + 1] as number) +
        (p.pixels[n + p.width] as number) +
        (p.pixels[n + p.width + 1] as number);
      pixels[j * width + i] = sum / 4;
    }
  }
  return { width, height, pixels };
}
