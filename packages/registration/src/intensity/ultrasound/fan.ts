import type { AnyVolume } from '@trocar/core/volume';
import type { CubeImage } from './cube-image.js';
import type { Reading } from './cubes-of.js';

/** How ultrasound voxels are read: the value that surrounds the fan is no image. */
export function readingOfUltrasound(filling: number): Reading {
  return { value: (x) => (x === filling ? Number.NaN : x) };
}

/**
 * The value outside the fan, rescaled; NaN where there is none. A volume put together from a sweep is filled with one value
 * where nothing was seen, almost always 0: it is taken for filling where a fifth of the volume's faces hold it.
 */
export function fillingOf(us: AnyVolume): number {
  const counts = new Map<number, number>();
  const [ni, nj, nk] = us.size;
  let total = 0;
  for (let k = 0; k < nk; k += 1) {
    const face = k === 0 || k === nk - 1;
    for (let j = 0; j < nj; j += 1) {
      const edge = face || j === 0 || j === nj - 1;
      for (let i = 0; i < ni; i += edge ? 1 : Math.max(1, ni - 1)) {
        const x = us.voxels[i + ni * (j + nj * k)] as number;
        counts.set(x, (counts.get(x) ?? 0) + 1);
        total += 1;
      }
    }
  }
  let best = Number.NaN;
  let most = total / 5;
  for (const [x, count] of counts) {
    if (count >= most) {
      best = x;
      most = count;
    }
  }
  return best * us.rescale.slope + us.rescale.intercept;
}

/** Gaps of a sweep up to twice this wide are closed, mm. */
const GAP_MM = 2;
/** Beside the probe its own ringing hides the tissue, mm. */
const NEAR_MM = 6;
/** Over so many mm further along the beam a shadow shows next to nothing: under this share of the usual echo. */
const SHADOW_MM = 12;
const SHADOW_SHARE = 0.15;

/**
 * The fan without holes: what is enclosed by echoes is without echo and takes the filling's value, narrow gaps of the sweep
 * take the mean of what lies around them.
 */
export function withoutHoles(image: CubeImage, filling: number): CubeImage {
  const { size, spacingMm } = image;
  const there = Uint8Array.from(image.values, (x) => (Number.isNaN(x) ? 0 : 1));
  const reach = Math.max(1, Math.round(GAP_MM / spacingMm));
  const closed = eroded(dilated(there, size, reach), size, reach);
  const outside = reachedFromBorder(closed, size);
  const surroundings = meansAround(image, closed, reach);
  const values = image.values.map((x, n) => {
    if (!Number.isNaN(x)) return x;
    if (closed[n] === 1) return surroundings[n] as number;
    return outside[n] === 1 ? Number.NaN : filling;
  });
  return { ...image, values };
}

/** The image without what lies beside the probe and in shadows. @param probe where the beams come from, mm in the image's frame */
export function withoutBlind(image: CubeImage, probe: ArrayLike<number>): CubeImage {
  const { size, values, origin, spacingMm: h } = image;
  const [px, py, pz] = [probe[0] as number, probe[1] as number, probe[2] as number];
  const place = (n: number): [number, number, number] => [
    origin[0] + h * (n % size[0]) - px,
    origin[1] + h * (Math.floor(n / size[0]) % size[1]) - py,
    origin[2] + h * Math.floor(n / (size[0] * size[1])) - pz,
  ];
  let nearest = Number.POSITIVE_INFINITY;
  const seen: number[] = [];
  values.forEach((x, n) => {
    if (Number.isNaN(x)) return;
    nearest = Math.min(nearest, Math.hypot(...place(n)));
    seen.push(x);
  });
  const usual = seen.sort((a, b) => a - b)[seen.length >> 1] ?? 0;
  const dim = (x: number, y: number, z: number, length: number): boolean => {
    let sum = 0;
    let count = 0;
    for (let t = 0; t <= SHADOW_MM; t += 2) {
      const scale = 1 + t / length;
      const i = Math.round((px + scale * x - origin[0]) / h);
      const j = Math.round((py + scale * y - origin[1]) / h);
      const k = Math.round((pz + scale * z - origin[2]) / h);
      if (i < 0 || j < 0 || k < 0 || i >= size[0] || j >= size[1] || k >= size[2]) continue;
      const echo = values[i + size[0] * (j + size[1] * k)] as number;
      if (Number.isNaN(echo)) continue;
      sum += echo;
      count += 1;
    }
    return count > 0 && sum < SHADOW_SHARE * usual * count;
  };
  const kept = values.map((echo, n) => {
    if (Number.isNaN(echo)) return echo;
    const [x, y, z] = place(n);
    const length = Math.hypot(x, y, z);
    return length < nearest + NEAR_MM || dim(x, y, z, length) ? Number.NaN : echo;
  });
  return { ...image, values: kept };
}

/** Cells within `reach` of a cell that is set, along each axis in turn. */
function dilated(cells: Uint8Array, size: CubeImage['size'], reach: number): Uint8Array {
  let current = cells;
  for (let axis = 0; axis < 3; axis += 1) {
    const step = axis === 0 ? 1 : axis === 1 ? size[0] : size[0] * size[1];
    const length = size[axis] as number;
    const out = new Uint8Array(cells.length);
    for (let n = 0; n < cells.length; n += 1) {
      if (current[n] !== 1) continue;
      const at = Math.floor(n / step) % length;
      for (let d = -Math.min(reach, at); d <= Math.min(reach, length - 1 - at); d += 1) out[n + d * step] = 1;
    }
    current = out;
  }
  return current;
}

/** The opposite; beyond the border counts as set, so that closing takes nothing away there. */
function eroded(cells: Uint8Array, size: CubeImage['size'], reach: number): Uint8Array {
  return dilated(
    cells.map((x) => 1 - x),
    size,
    reach,
  ).map((x) => 1 - x);
}

/** Unset cells that are joined to the border through unset cells. */
function reachedFromBorder(cells: Uint8Array, [ni, nj, nk]: CubeImage['size']): Uint8Array {
  const reached = new Uint8Array(cells.length);
  const stack: number[] = [];
  const visit = (i: number, j: number, k: number): void => {
    if (i < 0 || j < 0 || k < 0 || i >= ni || j >= nj || k >= nk) return;
    const n = i + ni * (j + nj * k);
    if (cells[n] === 1 || reached[n] === 1) return;
    reached[n] = 1;
    stack.push(n);
  };
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1) {
        if (i === 0 || j === 0 || k === 0 || i === ni - 1 || j === nj - 1 || k === nk - 1) visit(i, j, k);
      }
    }
  }
  for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
    const [i, j, k] = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
    visit(i - 1, j, k);
    visit(i + 1, j, k);
    visit(i, j - 1, k);
    visit(i, j + 1, k);
    visit(i, j, k - 1);
    visit(i, j, k + 1);
  }
  return reached;
}

/** In the gaps that were closed: the mean of what image lies within `reach`; NaN where there is none. */
function meansAround({ size, values }: CubeImage, closed: Uint8Array, reach: number): Float32Array {
  const [ni, nj, nk] = size;
  return values.map((own, n) => {
    if (!Number.isNaN(own) || closed[n] !== 1) return own;
    const [i, j, k] = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
    let sum = 0;
    let count = 0;
    for (let c = Math.max(0, k - reach); c <= Math.min(nk - 1, k + reach); c += 1) {
      for (let b = Math.max(0, j - reach); b <= Math.min(nj - 1, j + reach); b += 1) {
        for (let a = Math.max(0, i - reach); a <= Math.min(ni - 1, i + reach); a += 1) {
          const x = values[a + ni * (b + nj * c)] as number;
          if (Number.isNaN(x)) continue;
          sum += x;
          count += 1;
        }
      }
    }
    return count > 0 ? sum / count : Number.NaN;
  });
}
