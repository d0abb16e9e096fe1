/** Lines done at once where they run across memory: two cache lines of floats, which are fetched together. */
const TILE = 32;

/** What one line needs, reused from line to line: `sites` are places, `heights` the squared distances there, in voxels². */
interface Envelope {
  readonly sites: Int32Array;
  readonly heights: Float64Array;
  /** The first place at which each site is the best. */
  readonly firsts: Int32Array;
}

/**
 * The square (mm²) of the distance of every voxel's centre to the boundary of the union of the marked voxels' boxes, with its sign:
 * positive outside, negative inside, never 0; ±Infinity where there is no voxel of the other kind. Exact but for the rounding of
 * single precision (relative 1e-7).
 *
 * Separable lower envelopes (Felzenszwalb & Huttenlocher 2012, Theory of Computing 8:415), with two changes. The parabola
 * d² is max(0, |d| − ½)², the distance to a voxel's box in place of that to its centre: convex too, so two translates
 * of it cross once. And of a line only the run of voxels of one kind needs an envelope, between the two voxels of the other kind that
 * end it (what lies behind those is further): inside and outside are found in one pass, not in two transforms.
 *
 * @param inside 1 where the structure is, 0 elsewhere; i fastest
 * @param spacing mm along i, j, k, at right angles to each other
 */
export function signedSquares(
  inside: Uint8Array,
  size: readonly [number, number, number],
  spacing: readonly [number, number, number],
): Float32Array {
  const [ni, nj, nk] = size;
  const out = new Float32Array(inside.length);
  alongRows(out, inside, ni, spacing[0]);
  for (let k = 0; k < nk; k += 1) alongColumns(out, ni * nj * k, ni, ni, nj, spacing[1]);
  for (let j = 0; j < nj; j += 1) alongColumns(out, ni * j, ni, ni * nj, nk, spacing[2]);
  return out;
}

/** Signed squares (mm²) of the distances within each row: only the nearer end of a run counts. */
function alongRows(out: Float32Array, inside: Uint8Array, n: number, spacing: number): void {
  for (let row = 0; row < inside.length; row += n) {
    for (let a = 0; a < n; ) {
      const kind = inside[row + a] as number;
      let end = a + 1;
      while (end < n && inside[row + end] === kind) end += 1;
      const before = a > 0 ? a - 1 : Number.NEGATIVE_INFINITY;
      const after = end < n ? end : Number.POSITIVE_INFINITY;
      for (let x = a; x < end; x += 1) {
        const d = (Math.min(x - before, after - x) - 0.5) * spacing;
        out[row + x] = kind === 1 ? -d * d : d * d;
      }
      a = end;
    }
  }
}

/** One pass over `width` neighbouring lines that begin at `base` and run with `stride`, a tile of them at a time. */
function alongColumns(values: Float32Array, base: number, width: number, stride: number, n: number, spacing: number): void {
  if (n === 1) return;
  const lines = new Float32Array(TILE * n);
  const envelope = { sites: new Int32Array(n + 2), heights: new Float64Array(n + 2), firsts: new Int32Array(n + 2) };
  for (let from = 0; from < width; from += TILE) {
    const count = Math.min(TILE, width - from);
    for (let x = 0, o = base + from; x < n; x += 1, o += stride) {
      for (let c = 0; c < count; c += 1) lines[c * n + x] = values[o + c] as number;
    }
    for (let c = 0; c < count; c += 1) alongLine(lines, c * n, n, spacing, envelope);
    for (let x = 0, o = base + from; x < n; x += 1, o += stride) {
      for (let c = 0; c < count; c += 1) values[o + c] = lines[c * n + x] as number;
    }
  }
}

/** Runs of one sign, each by its own envelope. */
function alongLine(line: Float32Array, base: number, n: number, spacing: number, envelope: Envelope): void {
  for (let a = 0; a < n; ) {
    const positive = (line[base + a] as number) > 0;
    let end = a + 1;
    while (end < n && (line[base + end] as number) > 0 === positive) end += 1;
    alongRun(line, base, a, end, n, positive ? 1 : -1, spacing * spacing, envelope);
    a = end;
  }
}

function alongRun(
  line: Float32Array,
  base: number,
  from: number,
  to: number,
  n: number,
  sign: number,
  spacing2: number,
  envelope: Envelope,
): void {
  const { sites, heights, firsts } = envelope;
  const perSpacing2 = 1 / spacing2;
  const first = from > 0 ? from - 1 : 0;
  const last = to < n ? to : n - 1;
  let top = -1;
  for (let site = first; site <= last; site += 1) {
    const height = site < from || site >= to ? 0 : sign * (line[base + site] as number) * perSpacing2;
    if (height === Number.POSITIVE_INFINITY) continue;
    let wins = from;
    while (top >= 0) {
      wins = takeover(sites[top] as number, site, height - (heights[top] as number));
      if (wins > (firsts[top] as number)) break;
      top -= 1;
      wins = from;
    }
    if (wins >= to) continue;
    top += 1;
    sites[top] = site;
    heights[top] = height;
    firsts[top] = wins;
  }
  if (top < 0) return;
  for (let k = 0; k <= top; k += 1) {
    const site = sites[k] as number;
    const height = heights[k] as number;
    const stop = k < top ? (firsts[k + 1] as number) : to;
    for (let x = firsts[k] as number; x < stop; x += 1) {
      const m = x < site ? site - x : x - site;
      const d = m === 0 ? 0 : m - 0.5;
      line[base + x] = sign * spacing2 * (d * d + height);
    }
  }
}

/**
 * The first whole x at which site b is no worse than site a < b, where b is higher by `rise` (voxels²): the first where
 * g(x − a) − g(x − b) ≥ rise, with g(d) = max(0, |d| − ½)². The difference never falls, and is a straight line before, between and
 * behind the sites.
 */
function takeover(a: number, b: number, rise: number): number {
  const apart = b - a;
  // Neighbours, the most frequent: without a division.
  if (apart === 1) return rise > 0.25 ? b + Math.ceil(rise / 2) : rise > -0.25 ? b : rise > -2 ? a : a + Math.ceil(rise / 2);
  const edge = (apart - 0.5) * (apart - 0.5);
  if (rise > edge) return Math.ceil((rise / apart + a + b + 1) / 2);
  if (rise > -edge) {
    if (rise > (apart - 1) * (apart - 2)) return b;
    return Math.max(a + 1, Math.ceil((rise / (apart - 1) + a + b) / 2));
  }
  if (rise > -apart * (apart + 1)) return a;
  return Math.ceil((rise / apart + a + b - 1) / 2);
}
