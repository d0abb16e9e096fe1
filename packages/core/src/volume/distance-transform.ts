/** Lines done at once where they run across memory: two cache lines of floats, which are fetched together. */
const TILE = 32;

/** Which voxels a structure has, slice by slice, so that nobody needs them all at once. */
export interface Marked {
  readonly size: readonly [number, number, number];
  /** mm along i, j, k, at right angles to each other. */
  readonly spacing: readonly [number, number, number];
  /** First and last j and k between which all marked voxels lie. */
  readonly j: readonly [number, number];
  readonly k: readonly [number, number];
  /** Writes 1 where the structure is and 0 elsewhere, for all of slice k; i fastest. */
  mark(inside: Uint8Array, k: number): void;
}

/** Takes `count` finished lines of `length` values each: value x of line c belongs to place `at + c + x * stride`. */
export type StoreLines = (lines: Float32Array, length: number, count: number, at: number, stride: number) => void;

/** Lines of one direction, and what is known of all of them: only between `first` and `last` may anything be marked. */
interface Lines {
  readonly length: number;
  readonly first: number;
  readonly last: number;
  readonly spacing2: number;
  readonly values: Float32Array;
  /**
   * The lower envelope of one run, three numbers a site: its place, the squared distance there in voxels², and the first place at which
   * it is the best. In one array: the processor holds few at a time.
   */
  readonly sites: Float64Array;
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
 * @param store gets every voxel's value once, in lines along k
 */
export function signedSquares({ size, spacing, j, k, mark }: Marked, store: StoreLines): void {
  const [ni, nj, nk] = size;
  const area = ni * nj;
  const inside = new Uint8Array(area);
  const slice = new Float32Array(area);
  // Slices without a marked voxel are infinitely far within themselves: they have no part in the envelopes, and no memory.
  const between = new Float32Array(area * (k[1] - k[0] + 1));
  const alongJ = linesOf(nj, j, spacing[1]);
  const keep: StoreLines = (lines, length, count, at, stride) => {
    for (let x = 0, o = at; x < length; x += 1, o += stride) {
      for (let c = 0; c < count; c += 1) between[o + c] = lines[c * length + x] as number;
    }
  };
  for (let n = k[0]; n <= k[1]; n += 1) {
    mark(inside, n);
    for (let row = ni * j[0]; row <= ni * j[1]; row += ni) alongRow(slice, inside, row, row + ni, spacing[0]);
    across(alongJ, slice, ni * j[0], ni, ni, (n - k[0]) * area, keep);
  }
  const alongK = linesOf(nk, k, spacing[2]);
  for (let n = 0; n < nj; n += 1) across(alongK, between, ni * n, ni, area, ni * n, store);
}

function linesOf(length: number, [first, last]: readonly [number, number], spacing: number): Lines {
  return {
    length,
    first,
    last,
    spacing2: spacing * spacing,
    values: new Float32Array(TILE * length),
    sites: new Float64Array(3 * length + 6),
  };
}

/** Signed squares (mm²) of the distances within one row: only the nearer end of a run counts. */
function alongRow(out: Float32Array, inside: Uint8Array, from: number, to: number, spacing: number): void {
  for (let a = from; a < to; ) {
    const kind = inside[a] as number;
    let end = a + 1;
    while (end < to && inside[end] === kind) end += 1;
    const sign = kind === 1 ? -1 : 1;
    if (a === from && end === to) out.fill(sign * Number.POSITIVE_INFINITY, a, end);
    else {
      const middle = a === from ? a : end === to ? end : (a + end) >> 1;
      const square = sign * spacing * spacing;
      for (let x = a, d = 0.5; x < middle; x += 1, d += 1) out[x] = square * d * d;
      for (let x = end - 1, d = 0.5; x >= middle; x -= 1, d += 1) out[x] = square * d * d;
    }
    a = end;
  }
}

/**
 * One pass over `width` neighbouring lines, a tile of them at a time.
 * @param start where the first line's place `lines.first` is in `values`; the next line's stands beside it, its next place `stride` on
 * @param at where the first line's first place goes, for `store`
 */
function across(
  lines: Lines,
  values: Float32Array,
  start: number,
  width: number,
  stride: number,
  at: number,
  store: StoreLines,
): void {
  const { length, first, last, values: tile } = lines;
  for (let from = 0; from < width; from += TILE) {
    const count = Math.min(TILE, width - from);
    for (let x = first, o = start + from; x <= last; x += 1, o += stride) {
      for (let c = 0; c < count; c += 1) tile[c * length + x] = values[o + c] as number;
    }
    for (let c = 0; c < count; c += 1) alongLine(lines, c * length);
    store(tile, length, count, at + from, stride);
  }
}

/** Runs of one sign, each by its own envelope. Before the first marked place and behind the last all is outside. */
function alongLine(lines: Lines, base: number): void {
  const { values, length, first, last } = lines;
  let positive = first > 0 || (values[base + first] as number) > 0;
  for (let from = 0, x = first; from < length; positive = !positive) {
    while (x <= last && (values[base + x] as number) > 0 === positive) x += 1;
    const to = x > last && positive ? length : x;
    alongRun(lines, base, from, to, positive ? 1 : -1);
    from = to;
  }
}

/** A run from `from` up to `to`: its envelope, and then its values from that. */
function alongRun(lines: Lines, base: number, from: number, to: number, sign: number): void {
  const { values: line, length, last, spacing2, sites } = lines;
  const perSquare = sign / spacing2;
  // Sites: the voxels of the run, and the two of the other kind that end it.
  const begin = Math.max(from, lines.first);
  const end = Math.min(to, last + 1);
  const stop = to < length ? end + 1 : end;
  // What is on top, in variables: the memory is read again only where it is taken off.
  let top = -3;
  let topSite = from - 1;
  let topHeight = 0;
  let topFirst = from;
  let atEnd = Number.POSITIVE_INFINITY;
  if (from > 0) {
    atEnd = squareOf(to - from);
    top = 0;
    sites[0] = topSite;
    sites[1] = 0;
    sites[2] = from;
  }
  for (let n = begin; n < stop; n += 1) {
    const site = n < end ? n : to;
    const height = n < end ? (line[base + n] as number) * perSquare : 0;
    // A later site is better from some place on: where it is not at the end of the run, it is nowhere.
    const ending = squareOf(to - 1 - site) + height;
    if (!(ending < atEnd)) continue;
    atEnd = ending;
    let wins = from;
    while (top >= 0) {
      wins = takeover(topSite, site, height - topHeight);
      if (wins > topFirst) break;
      wins = from;
      top -= 3;
      if (top < 0) break;
      topSite = sites[top] as number;
      topHeight = sites[top + 1] as number;
      topFirst = sites[top + 2] as number;
    }
    top += 3;
    topSite = site;
    topHeight = height;
    topFirst = wins;
    sites[top] = site;
    sites[top + 1] = height;
    sites[top + 2] = wins;
  }
  sites[top + 5] = to;
  if (top < 0) line.fill(sign * Number.POSITIVE_INFINITY, base + from, base + to);
  else fill(lines, base, from, to, sign * spacing2);
}

/** The square of the distance to a voxel's box, in voxels², over so many voxels to either side. */
function squareOf(voxels: number): number {
  const d = Math.max(0, Math.abs(voxels) - 0.5);
  return d * d;
}

/** The values of a run, from the sites that are the best in it. */
function fill({ values, sites }: Lines, base: number, from: number, to: number, scale: number): void {
  let k = -3;
  let site = 0;
  let height = 0;
  let next = from;
  for (let x = from; x < to; x += 1) {
    if (x >= next) {
      k += 3;
      site = sites[k] as number;
      height = sites[k + 1] as number;
      next = sites[k + 5] as number;
    }
    values[base + x] = scale * (squareOf(x - site) + height);
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
