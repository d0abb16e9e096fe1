// AssemblyScript with SIMD128 (plain, not relaxed). Built by scripts/build-kernels.mjs into ../compound.generated.ts; the same
// arithmetic, operation for operation in doubles, is in ../../runs.ts, ../../nearest.ts and ../../linear.ts: the two agree to the last bit.
//
// Memory belongs to the caller, who hands in addresses once (`plan`). Pixels are bytes, with 8 bytes more behind the last one that
// may be read. A voxel's sums are two f64: of value × weight, and of weights; stamps are one f64 a voxel.

const STILL: f64 = 1e-12;
const TO_STEPS: f64 = 6442450944.0; // 1.5 · 2³²
const TO_WHOLE: f64 = 6755399441055744.0; // 1.5 · 2⁵²

const MEAN: i32 = 0;
const LATEST: i32 = 1;
const MAXIMUM: i32 = 2;

/** `mask` is 0 where all pixels count alike; else as many bytes as the image has, and readable as far beyond. */
let image: usize, mask: usize, columns: i32, rows: i32, spans: usize;
/** Where voxel (0, 0, 0) would be, wherever the slab begins; where the sums and the stamps of the slab's first voxel are. */
let sums: usize, room: usize, stamps: usize, strideJ: i32, strideK: i32;
/** Runs of a row (first pixel and cell, four i32 each, and the pixel after the last); powers of a run by its length, four f64 each. */
let list: usize, powers: usize;
/** Twelve f64: the step along a row, the step from row to row, the start, and the reciprocals of the step along a row. */
let place: usize;
/** Six f64: cells that pixels may lie in, from … before. Six i32 behind them: the least and the greatest cell that runs lie in. */
let bounds: usize;

/** Hands in addresses; planes of `strideK` voxels before `plane` are not there. */
export function plan(
  image_: usize, mask_: usize, columns_: i32, rows_: i32, spans_: usize, room_: usize, stamps_: usize, strideJ_: i32, strideK_: i32, plane_: i32,
  list_: usize, powers_: usize, place_: usize, bounds_: usize,
): void {
  image = image_; mask = mask_; columns = columns_; rows = rows_; spans = spans_; room = room_; stamps = stamps_;
  sums = room_ - (<usize>strideK_ * <usize>plane_ << 4);
  strideJ = strideJ_; strideK = strideK_; list = list_; powers = powers_; place = place_; bounds = bounds_;
  for (let n = 0; n <= columns_; n += 1) {
    const at = powers_ + (<usize>n << 5), length = <f64>n;
    const first = (length * (length - 1)) / 2;
    store<f64>(at, length);
    store<f64>(at, first, 8);
    store<f64>(at, (first * (2 * length - 1)) / 3, 16);
    store<f64>(at, first * first, 24);
  }
}

/** A whole number of doubles as an integer. */
@inline
function whole(x: f64): i32 {
  return <i32>reinterpret<i64>(x + TO_WHOLE);
}

@inline
function pair(a: f64, b: f64): v128 {
  return f64x2.replace_lane(f64x2.splat(a), 1, b);
}

/** The first pixel beyond a cell, in the direction of the row. */
@inline
function crossing(cell: f64, b: f64, inverse: f64): f64 {
  if (inverse > 0) return ceil<f64>((cell + 1 - b) * inverse);
  if (inverse < 0) return floor<f64>((cell - b) * inverse) + 1;
  return Infinity;
}

/** The cell that pixel u lies in along an axis, by the rule of its edges. */
function cellOf(u: f64, b: f64, step: f64, inverse: f64): f64 {
  if (inverse == 0) return floor<f64>(b);
  let cell = floor<f64>(b + u * step);
  const sign: f64 = inverse > 0 ? 1 : -1;
  while (crossing(cell, b, inverse) <= u) cell += sign;
  while (crossing(cell - sign, b, inverse) > u) cell -= sign;
  return cell;
}

/** Lists the runs of pixels first … last − 1, all of them inside the bounds, and returns how many there are. */
function walk(first: f64, last: f64, bx: f64, by: f64, bz: f64): i32 {
  const ix = load<f64>(place, 72), iy = load<f64>(place, 80), iz = load<f64>(place, 88);
  const sx: f64 = ix > 0 ? 1 : -1, sy: f64 = iy > 0 ? 1 : -1, sz: f64 = iz > 0 ? 1 : -1;
  let i = cellOf(first, bx, load<f64>(place), ix);
  let j = cellOf(first, by, load<f64>(place, 8), iy);
  let k = cellOf(first, bz, load<f64>(place, 16), iz);
  let x = crossing(i, bx, ix), y = crossing(j, by, iy), z = crossing(k, bz, iz);
  let at = list;
  let u = first;
  while (u < last) {
    const jj = whole(j), kk = whole(k);
    // The next edge across the row: until then only i changes.
    const across = min<f64>(min<f64>(y, z), last);
    do {
      store<i32>(at, whole(u));
      store<i32>(at, whole(i), 4);
      store<i32>(at, jj, 8);
      store<i32>(at, kk, 12);
      at += 16;
      if (x > across) break;
      u = x;
      do {
        i += sx;
        x = crossing(i, bx, ix);
      } while (x <= u);
    } while (u < across);
    if (u < across) u = across;
    while (x <= u) { i += sx; x = crossing(i, bx, ix); }
    while (y <= u) { j += sy; y = crossing(j, by, iy); }
    while (z <= u) { k += sz; z = crossing(k, bz, iz); }
  }
  store<i32>(at, whole(last));
  return <i32>((at - list) >> 4);
}

/** A row is straight: the cells of its first and last run bound the others. */
function note(at: usize): void {
  for (let a: usize = 0; a < 12; a += 4) {
    const cell = load<i32>(at + a, 4);
    if (cell < load<i32>(bounds + a, 48)) store<i32>(bounds + a, cell, 48);
    if (cell > load<i32>(bounds + a, 60)) store<i32>(bounds + a, cell, 60);
  }
}

/** Up to eight pixels from p; bytes beyond them are zero. */
@inline
function pixelsAt(p: usize, left: i32): u64 {
  const v = load<u64>(p);
  return left >= 8 ? v : v & (((<u64>1) << (<u64>left << 3)) - 1);
}

@inline
function sumOf(p: usize, length: i32): i32 {
  let sum = 0;
  for (; length > 0; p += 8, length -= 8) {
    const v = pixelsAt(p, length);
    const pairs = (v & 0x00ff00ff00ff00ff) + ((v >> 8) & 0x00ff00ff00ff00ff);
    sum += <i32>((pairs * 0x0001000100010001) >> 48);
  }
  return sum;
}

@inline
function largestOf(p: usize, length: i32): i32 {
  let most = i64x2.splat(0);
  for (; length > 0; p += 8, length -= 8) most = i8x16.max_u(most, i64x2.splat(<i64>pixelsAt(p, length)));
  most = i8x16.max_u(most, i64x2.shr_u(most, 32));
  most = i8x16.max_u(most, i64x2.shr_u(most, 16));
  most = i8x16.max_u(most, i64x2.shr_u(most, 8));
  return i8x16.extract_lane_u(most, 0);
}

/** Adds to a voxel; for `latest`, to what the latest image gave it. */
@inline
function put(mode: i32, at: usize, part: v128, stamp: f64): void {
  const steps = f64x2.splat(TO_STEPS);
  const rounded = f64x2.sub(f64x2.add(part, steps), steps);
  if (mode == MEAN) {
    v128.store(at, f64x2.add(v128.load(at), rounded));
    return;
  }
  const stampAt = stamps + ((at - room) >> 1);
  const known = load<f64>(stampAt);
  if (known > stamp) return;
  const old = known == stamp ? v128.load(at) : f64x2.splat(0);
  store<f64>(stampAt, stamp);
  v128.store(at, f64x2.add(old, rounded));
}

@inline
function largest(at: usize, most: i32): void {
  store<f64>(at, max<f64>(load<f64>(at), <f64>most));
  store<f64>(at, 1, 8);
}

/** What {@link weigh} finds: Σ m v sⁿ and Σ m sⁿ, and the largest value of weight. */
let value0: f64, value1: f64, value2: f64, value3: f64, weight0: f64, weight1: f64, weight2: f64, weight3: f64, weighedMost: i32;

/** Sums over a run whose pixels have weights of their own, m = mask / 255. */
function weigh(p: usize, length: i32): void {
  let v0: f64 = 0, v1: f64 = 0, v2: f64 = 0, v3: f64 = 0, w0: f64 = 0, w1: f64 = 0, w2: f64 = 0, w3: f64 = 0;
  let most = 0;
  const q = p - image + mask;
  for (let n = 0; n < length; n += 1) {
    const value = load<u8>(p + <usize>n), v = <f64>value, s = <f64>n;
    let w = <f64>load<u8>(q + <usize>n) / 255;
    if (w > 0) most = max<i32>(most, value);
    v0 += w * v; w0 += w; w *= s;
    v1 += w * v; w1 += w; w *= s;
    v2 += w * v; w2 += w; w *= s;
    v3 += w * v; w3 += w;
  }
  value0 = v0; value1 = v1; value2 = v2; value3 = v3;
  weight0 = w0; weight1 = w1; weight2 = w2; weight3 = w3;
  weighedMost = most;
}

@inline
function nearest(mode: i32, count: i32, row: usize, stamp: f64): void {
  const end = list + (<usize>count << 4);
  for (let at = list; at < end; at += 16) {
    const u = load<i32>(at), length = load<i32>(at, 16) - u;
    const to = sums + (<usize>(load<i32>(at, 4) + strideJ * load<i32>(at, 8) + strideK * load<i32>(at, 12)) << 4);
    const p = row + <usize>u;
    if (mask != 0) {
      weigh(p, length);
      if (weight0 == 0) continue;
      if (mode == MAXIMUM) largest(to, weighedMost);
      else put(mode, to, pair(value0, weight0), stamp);
    } else if (mode == MAXIMUM) largest(to, largestOf(p, length));
    else put(mode, to, f64x2.convert_low_i32x4_s(i32x4.replace_lane(i32x4.splat(sumOf(p, length)), 1, length)), stamp);
  }
}

/** What a corner gets; for `latest` and `maximum` only where it has on average an eighth of the pixels. */
@inline
function corner(mode: i32, at: usize, part: v128, least: f64, most: i32, stamp: f64): void {
  if (mode == MEAN) put(MEAN, at, part, stamp);
  else if (f64x2.extract_lane(part, 1) >= least) {
    if (mode == LATEST) put(LATEST, at, part, stamp);
    else largest(at, most);
  }
}

/** Moments of up to eight pixels, Σ v sⁿ with n = 0 … 3, as four i32. */
@inline
function moments(p: usize, left: i32): v128 {
  const v = i16x8.extend_low_i8x16_u(i64x2.splat(<i64>pixelsAt(p, left)));
  const a = i32x4.dot_i16x8_s(v, i16x8.splat(1)), b = i32x4.dot_i16x8_s(v, i16x8(0, 1, 2, 3, 4, 5, 6, 7));
  const c = i32x4.dot_i16x8_s(v, i16x8(0, 1, 4, 9, 16, 25, 36, 49)), d = i32x4.dot_i16x8_s(v, i16x8(0, 1, 8, 27, 64, 125, 216, 343));
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

@inline
function linear(mode: i32, count: i32, row: usize, bx: f64, by: f64, bz: f64, stamp: f64): void {
  const dx = load<f64>(place), dy = load<f64>(place, 8), dz = load<f64>(place, 16);
  const DX = f64x2.splat(dx), DY = f64x2.splat(dy), DZ = f64x2.splat(dz);
  const DXY = f64x2.splat(dx * dy), DXZ = f64x2.splat(dx * dz), DYZ = f64x2.splat(dy * dz);
  const nextJ = <usize>strideJ << 4, nextK = <usize>strideK << 4;
  const end = list + (<usize>count << 4);
  for (let at = list; at < end; at += 16) {
    const u = load<i32>(at), i = load<i32>(at, 4), j = load<i32>(at, 8), k = load<i32>(at, 12);
    const length = load<i32>(at, 16) - u;
    const p = row + <usize>u;
    let most: i32 = 0;
    let m0: v128, m1: v128, m2: v128, m3: v128;
    // Grey values in the low lane, weights in the high one.
    if (mask != 0) {
      weigh(p, length);
      if (weight0 == 0) continue;
      most = weighedMost;
      m0 = pair(value0, weight0);
      m1 = pair(value1, weight1);
      m2 = pair(value2, weight2);
      m3 = pair(value3, weight3);
    } else {
      if (mode == MAXIMUM) most = largestOf(p, length);
      const m = moments(p, length);
      let low = f64x2.convert_low_i32x4_s(m), high = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(m, m, 2, 3, 2, 3));
      for (let c = 8; c < length; c += 8) {
        // Moments about a later pixel, moved: Σ v (s + c)ⁿ. All of it whole numbers, and exact.
        const more = moments(p + <usize>c, length - c), s = <f64>c;
        const l = f64x2.convert_low_i32x4_s(more), h = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(more, more, 2, 3, 2, 3));
        const l0 = f64x2.extract_lane(l, 0), l1 = f64x2.extract_lane(l, 1), h0 = f64x2.extract_lane(h, 0), h1 = f64x2.extract_lane(h, 1);
        low = f64x2.add(low, pair(l0, l1 + s * l0));
        high = f64x2.add(high, pair(h0 + 2 * s * l1 + s * s * l0, h1 + 3 * s * h0 + 3 * s * s * l1 + s * s * s * l0));
      }
      // Sums of powers of s alone are the weights.
      const n = powers + (<usize>length << 5);
      const n01 = v128.load(n), n23 = v128.load(n, 16);
      m0 = v128.shuffle<f64>(low, n01, 0, 2);
      m1 = v128.shuffle<f64>(low, n01, 1, 3);
      m2 = v128.shuffle<f64>(high, n23, 0, 2);
      m3 = v128.shuffle<f64>(high, n23, 1, 3);
    }
    const x = bx + <f64>u * dx - <f64>i, y = by + <f64>u * dy - <f64>j, z = bz + <f64>u * dz - <f64>k;
    const X = f64x2.splat(x), Y = f64x2.splat(y), Z = f64x2.splat(z);
    const XY = f64x2.splat(x * y), XY1 = f64x2.splat(x * dy + y * dx);
    const sx = f64x2.add(f64x2.mul(X, m0), f64x2.mul(DX, m1));
    const sy = f64x2.add(f64x2.mul(Y, m0), f64x2.mul(DY, m1));
    const sz = f64x2.add(f64x2.mul(Z, m0), f64x2.mul(DZ, m1));
    const sxy = f64x2.add(f64x2.add(f64x2.mul(XY, m0), f64x2.mul(XY1, m1)), f64x2.mul(DXY, m2));
    const sxz = f64x2.add(f64x2.add(f64x2.mul(f64x2.splat(x * z), m0), f64x2.mul(f64x2.splat(x * dz + z * dx), m1)), f64x2.mul(DXZ, m2));
    const syz = f64x2.add(f64x2.add(f64x2.mul(f64x2.splat(y * z), m0), f64x2.mul(f64x2.splat(y * dz + z * dy), m1)), f64x2.mul(DYZ, m2));
    const sxyz = f64x2.add(f64x2.mul(Z, sxy), f64x2.mul(DZ, f64x2.add(f64x2.add(f64x2.mul(XY, m1), f64x2.mul(XY1, m2)), f64x2.mul(DXY, m3))));
    const b = f64x2.add(f64x2.sub(f64x2.sub(sz, sxz), syz), sxyz);
    const a = f64x2.add(f64x2.sub(f64x2.sub(m0, sx), sy), sxy);
    const least = f64x2.extract_lane(m0, 1) / 8;
    const o = sums + (<usize>(i + strideJ * j + strideK * k) << 4);
    corner(mode, o, f64x2.sub(a, b), least, most, stamp);
    corner(mode, o + 16, f64x2.add(f64x2.sub(f64x2.sub(sx, sxy), sxz), sxyz), least, most, stamp);
    corner(mode, o + nextJ, f64x2.add(f64x2.sub(f64x2.sub(sy, sxy), syz), sxyz), least, most, stamp);
    corner(mode, o + nextJ + 16, f64x2.sub(sxy, sxyz), least, most, stamp);
    corner(mode, o + nextK, b, least, most, stamp);
    corner(mode, o + nextK + 16, f64x2.sub(sxz, sxyz), least, most, stamp);
    corner(mode, o + nextK + nextJ, f64x2.sub(syz, sxyz), least, most, stamp);
    corner(mode, o + nextK + nextJ + 16, sxyz, least, most, stamp);
  }
}

/** Where one stretch of a row, pixels from … to − 1, lies inside the bounds along an axis: the first and the last of them narrowed. */
let begin: f64, stop: f64;

@inline
function narrow(axis: usize, b: f64): void {
  const inverse = load<f64>(place + (axis << 3), 72);
  const low = load<f64>(bounds + (axis << 3)), high = load<f64>(bounds + (axis << 3), 24);
  if (inverse == 0) {
    if (!(b >= low && b < high)) stop = begin;
    return;
  }
  begin = max<f64>(begin, inverse > 0 ? ceil<f64>((low - b) * inverse) : floor<f64>((high - b) * inverse) + 1);
  stop = min<f64>(stop, inverse > 0 ? ceil<f64>((high - b) * inverse) : floor<f64>((low - b) * inverse) + 1);
}

/** Adds the image: kinds 0 … 2 are nearest, 4 … 6 linear: mean, latest, maximum. `place` must be filled but for its reciprocals. */
export function add(kind: i32, stamp: f64): void {
  for (let a: usize = 0; a < 24; a += 8) {
    const step = load<f64>(place + a);
    store<f64>(place + a, abs<f64>(step) < STILL ? 0 : 1 / step, 72);
  }
  for (let a: usize = 0; a < 12; a += 4) {
    store<i32>(bounds + a, i32.MAX_VALUE, 48);
    store<i32>(bounds + a, -1, 60);
  }
  for (let row = 0; row < rows; row += 1) {
    const bx = load<f64>(place, 48) + load<f64>(place, 24) * <f64>row;
    const by = load<f64>(place, 56) + load<f64>(place, 32) * <f64>row;
    const bz = load<f64>(place, 64) + load<f64>(place, 40) * <f64>row;
    for (let part: usize = 0; part < 16; part += 8) {
      const span = spans + (<usize>row << 4) + part;
      begin = <f64>load<i32>(span);
      stop = <f64>load<i32>(span, 4);
      narrow(0, bx);
      narrow(1, by);
      narrow(2, bz);
      if (!(begin < stop)) continue;
      const count = walk(begin, stop, bx, by, bz);
      note(list);
      note(list + (<usize>(count - 1) << 4));
      const pixels = image + <usize>(row * columns);
      if (kind == 0) nearest(MEAN, count, pixels, stamp);
      else if (kind == 1) nearest(LATEST, count, pixels, stamp);
      else if (kind == 2) nearest(MAXIMUM, count, pixels, stamp);
      else if (kind == 4) linear(MEAN, count, pixels, bx, by, bz, stamp);
      else if (kind == 5) linear(LATEST, count, pixels, bx, by, bz, stamp);
      else linear(MAXIMUM, count, pixels, bx, by, bz, stamp);
    }
  }
}

/** Voxels of whole numbers and marks of those that pixels were in, four at a time: `count` of them, rounded up to a multiple of four. */
export function read(from: usize, count: i32, values: usize, seen: usize): void {
  const half = f64x2.splat(0.5), zero = f64x2.splat(0), one = i32x4.splat(1);
  for (let n: usize = 0; n < <usize>count; n += 4) {
    const at = from + (n << 4);
    const a = v128.load(at), b = v128.load(at, 16), c = v128.load(at, 32), d = v128.load(at, 48);
    const wab = v128.shuffle<f64>(a, b, 1, 3), wcd = v128.shuffle<f64>(c, d, 1, 3);
    // Nothing by nothing is no number, which becomes 0.
    const ab = i32x4.trunc_sat_f64x2_u_zero(f64x2.add(f64x2.div(v128.shuffle<f64>(a, b, 0, 2), wab), half));
    const cd = i32x4.trunc_sat_f64x2_u_zero(f64x2.add(f64x2.div(v128.shuffle<f64>(c, d, 0, 2), wcd), half));
    const there = v128.shuffle<i32>(f64x2.gt(wab, zero), f64x2.gt(wcd, zero), 0, 2, 4, 6);
    const whole = v128.and(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), there);
    const marks = v128.and(there, one);
    const packed = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(whole, marks), i16x8.splat(0));
    v128.store32_lane(values + n, packed, 0);
    v128.store32_lane(seen + n, packed, 1);
  }
}
