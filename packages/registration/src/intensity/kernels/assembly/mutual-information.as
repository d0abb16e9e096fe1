// AssemblyScript with SIMD128 (plain, not relaxed). Built by scripts/build-kernels.mjs into ../generated.ts; the same
// arithmetic, operation for operation in single precision, is in ../twin.ts: the two agree to the last bit.
//
// Memory belongs to the caller, who hands in addresses. Sample positions are three arrays of f32 whose length is a
// multiple of 4; an image is bytes, i fastest. Bins of either side are even in number, fine steps a multiple of 4.

/** Exchanges every byte of an image, of a multiple of 8 bytes, for what the table of 256 has in its place. */
export function exchange(image: usize, bytes: i32, table: usize): void {
  for (let at = image, end = image + <usize>bytes; at < end; at += 8) {
    const b = load<u64>(at);
    store<u64>(at,
      <u64>load<u8>(table + <usize>(b & 0xff)) |
      (<u64>load<u8>(table + <usize>((b >> 8) & 0xff)) << 8) |
      (<u64>load<u8>(table + <usize>((b >> 16) & 0xff)) << 16) |
      (<u64>load<u8>(table + <usize>((b >> 24) & 0xff)) << 24) |
      (<u64>load<u8>(table + <usize>((b >> 32) & 0xff)) << 32) |
      (<u64>load<u8>(table + <usize>((b >> 40) & 0xff)) << 40) |
      (<u64>load<u8>(table + <usize>((b >> 48) & 0xff)) << 48) |
      (<u64>load<u8>(table + <usize>(b >> 56)) << 56),
    );
  }
}

/**
 * Puts every sample into its cell of the joint histogram and returns how many lay inside the image.
 * `m` holds 12 f32, row-major 3×4: continuous index in the image from sample position. A cell is row + fine intensity;
 * samples outside go to cell `trash`. Where `gradients` is not 0 it takes the three derivatives of the interpolated value
 * by index, each as an array of n f32.
 */
export function scatter(
  n: i32, px: usize, py: usize, pz: usize, rows: usize,
  image: usize, ni: i32, nj: i32, nk: i32, holes: i32,
  m: usize, scale: f32, trash: i32,
  histogram: usize, cells: usize, gradients: usize,
): i32 {
  memory.fill(histogram, 0, (<usize>trash + 1) << 2);
  const a0 = v128.load32_splat(m), a1 = v128.load32_splat(m, 4), a2 = v128.load32_splat(m, 8), a3 = v128.load32_splat(m, 12);
  const b0 = v128.load32_splat(m, 16), b1 = v128.load32_splat(m, 20), b2 = v128.load32_splat(m, 24), b3 = v128.load32_splat(m, 28);
  const c0 = v128.load32_splat(m, 32), c1 = v128.load32_splat(m, 36), c2 = v128.load32_splat(m, 40), c3 = v128.load32_splat(m, 44);
  const zero = f32x4.splat(0);
  const lastI = f32x4.splat(<f32>(ni - 1)), lastJ = f32x4.splat(<f32>(nj - 1)), lastK = f32x4.splat(<f32>(nk - 1));
  const stepJ = i32x4.splat(ni), stepK = i32x4.splat(ni * nj);
  const low = i32x4.splat(0xff), scales = f32x4.splat(scale), half = f32x4.splat(0.5), trashes = i32x4.splat(trash);
  const image10 = image + <usize>ni, image01 = image + <usize>(ni * nj), image11 = image01 + <usize>ni;
  const bytes = <usize>n << 2;
  for (let s: usize = 0; s < bytes; s += 16) {
    const x = v128.load(px + s), y = v128.load(py + s), z = v128.load(pz + s);
    let u = f32x4.add(f32x4.add(f32x4.add(f32x4.mul(a0, x), f32x4.mul(a1, y)), f32x4.mul(a2, z)), a3);
    let v = f32x4.add(f32x4.add(f32x4.add(f32x4.mul(b0, x), f32x4.mul(b1, y)), f32x4.mul(b2, z)), b3);
    let w = f32x4.add(f32x4.add(f32x4.add(f32x4.mul(c0, x), f32x4.mul(c1, y)), f32x4.mul(c2, z)), c3);
    let inside = v128.and(
      v128.and(v128.and(f32x4.ge(u, zero), f32x4.lt(u, lastI)), v128.and(f32x4.ge(v, zero), f32x4.lt(v, lastJ))),
      v128.and(f32x4.ge(w, zero), f32x4.lt(w, lastK)),
    );
    u = v128.and(u, inside);
    v = v128.and(v, inside);
    w = v128.and(w, inside);
    const i = i32x4.trunc_sat_f32x4_s(u), j = i32x4.trunc_sat_f32x4_s(v), k = i32x4.trunc_sat_f32x4_s(w);
    u = f32x4.sub(u, f32x4.convert_i32x4_s(i));
    v = f32x4.sub(v, f32x4.convert_i32x4_s(j));
    w = f32x4.sub(w, f32x4.convert_i32x4_s(k));
    const o = i32x4.add(i, i32x4.add(i32x4.mul(j, stepJ), i32x4.mul(k, stepK)));
    const o0 = <usize>i32x4.extract_lane(o, 0), o1 = <usize>i32x4.extract_lane(o, 1);
    const o2 = <usize>i32x4.extract_lane(o, 2), o3 = <usize>i32x4.extract_lane(o, 3);
    let p00 = zero, p10 = zero, p01 = zero, p11 = zero;
    p00 = v128.load16_lane(image + o0, p00, 0);
    p10 = v128.load16_lane(image10 + o0, p10, 0);
    p01 = v128.load16_lane(image01 + o0, p01, 0);
    p11 = v128.load16_lane(image11 + o0, p11, 0);
    p00 = v128.load16_lane(image + o1, p00, 2);
    p10 = v128.load16_lane(image10 + o1, p10, 2);
    p01 = v128.load16_lane(image01 + o1, p01, 2);
    p11 = v128.load16_lane(image11 + o1, p11, 2);
    p00 = v128.load16_lane(image + o2, p00, 4);
    p10 = v128.load16_lane(image10 + o2, p10, 4);
    p01 = v128.load16_lane(image01 + o2, p01, 4);
    p11 = v128.load16_lane(image11 + o2, p11, 4);
    p00 = v128.load16_lane(image + o3, p00, 6);
    p10 = v128.load16_lane(image10 + o3, p10, 6);
    p01 = v128.load16_lane(image01 + o3, p01, 6);
    p11 = v128.load16_lane(image11 + o3, p11, 6);
    const l00 = v128.and(p00, low), h00 = i32x4.shr_u(p00, 8);
    const l10 = v128.and(p10, low), h10 = i32x4.shr_u(p10, 8);
    const l01 = v128.and(p01, low), h01 = i32x4.shr_u(p01, 8);
    const l11 = v128.and(p11, low), h11 = i32x4.shr_u(p11, 8);
    if (holes != 0) {
      const most = i32x4.max_s(
        i32x4.max_s(i32x4.max_s(l00, h00), i32x4.max_s(l10, h10)),
        i32x4.max_s(i32x4.max_s(l01, h01), i32x4.max_s(l11, h11)),
      );
      inside = v128.andnot(inside, i32x4.eq(most, low));
    }
    const f00 = f32x4.convert_i32x4_s(l00), f10 = f32x4.convert_i32x4_s(l10);
    const f01 = f32x4.convert_i32x4_s(l01), f11 = f32x4.convert_i32x4_s(l11);
    const d00 = f32x4.sub(f32x4.convert_i32x4_s(h00), f00), d10 = f32x4.sub(f32x4.convert_i32x4_s(h10), f10);
    const d01 = f32x4.sub(f32x4.convert_i32x4_s(h01), f01), d11 = f32x4.sub(f32x4.convert_i32x4_s(h11), f11);
    const q00 = f32x4.add(f00, f32x4.mul(u, d00)), q10 = f32x4.add(f10, f32x4.mul(u, d10));
    const q01 = f32x4.add(f01, f32x4.mul(u, d01)), q11 = f32x4.add(f11, f32x4.mul(u, d11));
    const e0 = f32x4.sub(q10, q00), e1 = f32x4.sub(q11, q01);
    const r0 = f32x4.add(q00, f32x4.mul(v, e0)), r1 = f32x4.add(q01, f32x4.mul(v, e1));
    const gz = f32x4.sub(r1, r0);
    const value = f32x4.add(r0, f32x4.mul(w, gz));
    const fine = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(value, scales), half));
    const cell = v128.bitselect(i32x4.add(v128.load(rows + s), fine), trashes, inside);
    if (gradients != 0) {
      const d0 = f32x4.add(d00, f32x4.mul(v, f32x4.sub(d10, d00))), d1 = f32x4.add(d01, f32x4.mul(v, f32x4.sub(d11, d01)));
      v128.store(gradients + s, f32x4.add(d0, f32x4.mul(w, f32x4.sub(d1, d0))));
      v128.store(gradients + bytes + s, f32x4.add(e0, f32x4.mul(w, f32x4.sub(e1, e0))));
      v128.store(gradients + bytes + bytes + s, gz);
      v128.store(cells + s, cell);
    }
    const h0 = histogram + (<usize>i32x4.extract_lane(cell, 0) << 2);
    store<u32>(h0, load<u32>(h0) + 1);
    const h1 = histogram + (<usize>i32x4.extract_lane(cell, 1) << 2);
    store<u32>(h1, load<u32>(h1) + 1);
    const h2 = histogram + (<usize>i32x4.extract_lane(cell, 2) << 2);
    store<u32>(h2, load<u32>(h2) + 1);
    const h3 = histogram + (<usize>i32x4.extract_lane(cell, 3) << 2);
    store<u32>(h3, load<u32>(h3) + 1);
  }
  return n - load<i32>(histogram + (<usize>trash << 2));
}

function total(v: v128): f64 {
  return (
    <f64>f32x4.extract_lane(v, 0) + <f64>f32x4.extract_lane(v, 1) +
    (<f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3))
  );
}

function add(out: usize, v: f64): void {
  store<f64>(out, load<f64>(out) + v);
}

/**
 * out = Σ table[cell] · gradient ⊗ (x, y, z, 1) over the samples of the last scatter: 12 f64, row-major 3×4. Sums in four
 * single-precision lanes over 1024 samples, then in double precision.
 */
export function gather(
  n: i32, px: usize, py: usize, pz: usize, cells: usize, gradients: usize, table: usize, out: usize,
): void {
  memory.fill(out, 0, 96);
  const bytes = <usize>n << 2;
  for (let from: usize = 0; from < bytes; from += 4096) {
    const to = min(from + 4096, bytes);
    let ax = f32x4.splat(0), ay = ax, az = ax, a1 = ax, bx = ax, by = ax, bz = ax, b1 = ax, cx = ax, cy = ax, cz = ax, c1 = ax;
    for (let s = from; s < to; s += 16) {
      let w = f32x4.splat(0);
      w = v128.load32_lane(table + (<usize>load<u32>(cells + s) << 2), w, 0);
      w = v128.load32_lane(table + (<usize>load<u32>(cells + s, 4) << 2), w, 1);
      w = v128.load32_lane(table + (<usize>load<u32>(cells + s, 8) << 2), w, 2);
      w = v128.load32_lane(table + (<usize>load<u32>(cells + s, 12) << 2), w, 3);
      const x = v128.load(px + s), y = v128.load(py + s), z = v128.load(pz + s);
      const a = f32x4.mul(w, v128.load(gradients + s));
      const b = f32x4.mul(w, v128.load(gradients + bytes + s));
      const c = f32x4.mul(w, v128.load(gradients + bytes + bytes + s));
      ax = f32x4.add(ax, f32x4.mul(a, x));
      ay = f32x4.add(ay, f32x4.mul(a, y));
      az = f32x4.add(az, f32x4.mul(a, z));
      a1 = f32x4.add(a1, a);
      bx = f32x4.add(bx, f32x4.mul(b, x));
      by = f32x4.add(by, f32x4.mul(b, y));
      bz = f32x4.add(bz, f32x4.mul(b, z));
      b1 = f32x4.add(b1, b);
      cx = f32x4.add(cx, f32x4.mul(c, x));
      cy = f32x4.add(cy, f32x4.mul(c, y));
      cz = f32x4.add(cz, f32x4.mul(c, z));
      c1 = f32x4.add(c1, c);
    }
    add(out, total(ax));
    add(out + 8, total(ay));
    add(out + 16, total(az));
    add(out + 24, total(a1));
    add(out + 32, total(bx));
    add(out + 40, total(by));
    add(out + 48, total(bz));
    add(out + 56, total(b1));
    add(out + 64, total(cx));
    add(out + 72, total(cy));
    add(out + 80, total(cz));
    add(out + 88, total(c1));
  }
}

/**
 * out = Σ a ⊗ a over every `stride`-th sample of the last scatter, a = table[cell] · gradient ⊗ (x, y, z, 1): 60 f64. Six
 * blocks, one for each pair of gradient components (00, 01, 02, 11, 12, 22), of ten: xx, xy, xz, x, yy, yz, y, zz, z, 1.
 */
export function information(
  n: i32, stride: i32, px: usize, py: usize, pz: usize, cells: usize, gradients: usize, table: usize, out: usize,
): void {
  memory.fill(out, 0, 480);
  const bytes = <usize>n << 2;
  for (let s: usize = 0; s < bytes; s += <usize>stride << 2) {
    const w = <f64>load<f32>(table + (<usize>load<u32>(cells + s) << 2));
    if (w == 0) continue;
    const x = <f64>load<f32>(px + s), y = <f64>load<f32>(py + s), z = <f64>load<f32>(pz + s);
    const a = w * <f64>load<f32>(gradients + s);
    const b = w * <f64>load<f32>(gradients + bytes + s);
    const c = w * <f64>load<f32>(gradients + bytes + bytes + s);
    block(out, a * a, x, y, z);
    block(out + 80, a * b, x, y, z);
    block(out + 160, a * c, x, y, z);
    block(out + 240, b * b, x, y, z);
    block(out + 320, b * c, x, y, z);
    block(out + 400, c * c, x, y, z);
  }
}

function block(out: usize, q: f64, x: f64, y: f64, z: f64): void {
  const qx = q * x, qy = q * y, qz = q * z;
  add(out, qx * x);
  add(out + 8, qx * y);
  add(out + 16, qx * z);
  add(out + 24, qx);
  add(out + 32, qy * y);
  add(out + 40, qy * z);
  add(out + 48, qy);
  add(out + 56, qz * z);
  add(out + 64, qz);
  add(out + 72, q);
}

/**
 * Natural logarithms of two positive, normal doubles; of 0 about −709, so that 0 · log 0 = 0. With p = 2ᵏ m and m between
 * √½ and √2, log m = 2 artanh((m − 1) / (m + 1)) by its series: eleven terms leave less than half a unit in the last place.
 * An engine's own logarithm rounds as it likes.
 */
function logs(p: v128): v128 {
  const k = i64x2.shr_s(i64x2.sub(p, i64x2.splat(0x3fe6a09e00000000)), 52);
  const m = i64x2.sub(p, i64x2.shl(k, 52));
  // The exponent as a double: its whole number added to the last digits of 1.5 · 2⁵².
  const exponent = f64x2.sub(i64x2.add(k, i64x2.splat(0x4338000000000000)), f64x2.splat(6755399441055744.0));
  const one = f64x2.splat(1);
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one));
  const z = f64x2.mul(s, s);
  let r = f64x2.splat(1.0 / 21.0);
  r = f64x2.add(f64x2.mul(r, z), f64x2.splat(1.0 / 19.0));
  r = f64x2.add(f64x2.mul(r, z), f64x2.splat(1.0 / 17.0));
  r = f64x2.add(f64x2.mul(r, z), f64x2.splat(1.0 / 15.0));
  r = f64x2.add(f64x2.mul(r, z), f64x2.splat(1.0 / 13.0));
  r = f64x2.add(f64x2.mul(r, z), f64x2.splat(1.0 / 11.0));
  r = f64x2.add(f64x2.mul(r, z), f64x2.splat(1.0 / 9.0));
  r = f64x2.add(f64x2.mul(r, z), f64x2.splat(1.0 / 7.0));
  r = f64x2.add(f64x2.mul(r, z), f64x2.splat(1.0 / 5.0));
  r = f64x2.add(f64x2.mul(r, z), f64x2.splat(1.0 / 3.0));
  const twice = f64x2.add(s, s);
  const tail = f64x2.mul(f64x2.mul(twice, z), r);
  return f64x2.add(f64x2.mul(exponent, f64x2.splat(0.6931471805599453)), f64x2.add(twice, tail));
}

/** −Σ p log p over `n` doubles, the logarithms stored. */
function entropy(n: i32, p: usize, to: usize): f64 {
  let sum = f64x2.splat(0);
  for (let s: usize = 0; s < <usize>n << 3; s += 16) {
    const shares = v128.load(p + s);
    const log = logs(shares);
    v128.store(to + s, log);
    sum = f64x2.sub(sum, f64x2.mul(shares, log));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** Adds count times a window's four values to four bins. */
function lay(at: usize, window: usize, share: f64): void {
  const q = f64x2.splat(share);
  v128.store(at, f64x2.add(v128.load(at), f64x2.mul(q, v128.load(window))));
  v128.store(at, f64x2.add(v128.load(at, 16), f64x2.mul(q, v128.load(window, 16))), 16);
}

/**
 * Lays a Parzen window over the counts of a joint histogram, rows × fine, and writes three entropies in nats to `out`: of the
 * fixed side, of the moving one, joint. `first` holds the first bin of the window at each fine step, `values` its four values.
 * `work` takes f64: joint and its logarithms, rows × bins each; place for the weights; then of the fixed side the shares and
 * their logarithms, and of the moving side.
 */
export function entropies(
  rows: i32, bins: i32, fine: i32, share: f64, counts: usize, first: usize, values: usize, work: usize, out: usize,
): void {
  const cells = <usize>(rows * bins) << 3;
  const fixed = work + 3 * cells, moving = fixed + (<usize>rows << 4), width = <usize>bins << 3;
  memory.fill(work, 0, cells);
  memory.fill(moving, 0, width);
  let at = counts, row = work;
  for (let a = 0; a < rows; a += 1, row += width) {
    let sum = 0;
    for (let v: usize = 0; v < <usize>fine; v += 4, at += 16) {
      const four = v128.load(at);
      if (!v128.any_true(four)) continue;
      sum += i32x4.extract_lane(four, 0) + i32x4.extract_lane(four, 1) + i32x4.extract_lane(four, 2) + i32x4.extract_lane(four, 3);
      for (let w: usize = 0; w < 4; w += 1) {
        const count = load<i32>(at + (w << 2));
        if (count == 0) continue;
        lay(row + (<usize>load<i32>(first + ((v + w) << 2)) << 3), values + ((v + w) << 5), <f64>count * share);
      }
    }
    store<f64>(fixed + (<usize>a << 3), <f64>sum * share);
    for (let b: usize = 0; b < width; b += 16) v128.store(moving + b, f64x2.add(v128.load(moving + b), v128.load(row + b)));
  }
  store<f64>(out, entropy(rows, fixed, fixed + (<usize>rows << 3)));
  store<f64>(out + 8, entropy(bins, moving, moving + width));
  store<f64>(out + 16, entropy(rows * bins, work, work + cells));
}

/**
 * How the measure grows with a sample's moving intensity, for every cell with samples in it: `table`, f32, rows × fine and one 0 for
 * the samples outside. The measure's slope by a joint share is `joint` times its logarithm less `margin` times that of its moving share.
 */
export function weigh(
  rows: i32, bins: i32, fine: i32, joint: f64, margin: f64,
  counts: usize, first: usize, slopes: usize, work: usize, table: usize,
): void {
  const cells = <usize>(rows * bins) << 3, width = <usize>bins << 3;
  const logarithms = work + cells, weights = logarithms + cells, moving = work + 3 * cells + (<usize>rows << 4) + width;
  const ofJoint = f64x2.splat(joint), ofMargin = f64x2.splat(margin);
  for (let row: usize = 0; row < cells; row += width) {
    for (let b: usize = 0; b < width; b += 16) {
      const less = f64x2.mul(ofMargin, v128.load(moving + b));
      v128.store(weights + row + b, f64x2.sub(f64x2.mul(ofJoint, v128.load(logarithms + row + b)), less));
    }
  }
  let at = counts, to = table, row = weights;
  for (let a = 0; a < rows; a += 1, row += width) {
    for (let v: usize = 0; v < <usize>fine; v += 1, at += 4, to += 4) {
      if (load<i32>(at) == 0) continue;
      const w = row + (<usize>load<i32>(first + (v << 2)) << 3), s = slopes + (v << 5);
      const two = f64x2.add(f64x2.mul(v128.load(w), v128.load(s)), f64x2.mul(v128.load(w, 16), v128.load(s, 16)));
      store<f32>(to, <f32>(f64x2.extract_lane(two, 0) + f64x2.extract_lane(two, 1)));
    }
  }
  store<f32>(to, 0);
}
