/**
 * LC2 and its derivatives over patches: single precision in the sums over places, double beyond. The typed-array twin is
 * lc2.ts. Four fields a cube, those not used being zero.
 *
 * One place's sample: fields, ∂/∂x, ∂/∂y, ∂/∂z of each, then y − pivot and the ultrasound: 5 × 16 bytes.
 */

const SAMPLE: usize = 80;

// @ts-ignore: decorator
@inline
function splat(v: v128, lane: i32): v128 {
  if (lane == 0) return i32x4.shuffle(v, v, 0, 0, 0, 0);
  if (lane == 1) return i32x4.shuffle(v, v, 1, 1, 1, 1);
  if (lane == 2) return i32x4.shuffle(v, v, 2, 2, 2, 2);
  return i32x4.shuffle(v, v, 3, 3, 3, 3);
}

// @ts-ignore: decorator
@inline
function plus(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b));
}

// @ts-ignore: decorator
@inline
function mix(a: v128, b: v128, f: v128): v128 {
  return f32x4.add(a, f32x4.mul(f, f32x4.sub(b, a)));
}

/**
 * Samples all places.
 * @param params f64: row-major 3×4 of y − pivot from the place; (pivot − origin) / spacing; 1 / spacing
 * @param places f64 x, y, z
 * @param values f32 ultrasound
 * @param fields f32 × 4 a cube
 * @param inside u8, written
 */
export function sample(
  count: i32,
  params: usize,
  places: usize,
  values: usize,
  fields: usize,
  ni: i32,
  nj: i32,
  nk: i32,
  samples: usize,
  inside: usize,
  derivatives: i32,
): void {
  const m0 = load<f64>(params);
  const m1 = load<f64>(params + 8);
  const m2 = load<f64>(params + 16);
  const m3 = load<f64>(params + 24);
  const m4 = load<f64>(params + 32);
  const m5 = load<f64>(params + 40);
  const m6 = load<f64>(params + 48);
  const m7 = load<f64>(params + 56);
  const m8 = load<f64>(params + 64);
  const m9 = load<f64>(params + 72);
  const m10 = load<f64>(params + 80);
  const m11 = load<f64>(params + 88);
  const ox = load<f64>(params + 96);
  const oy = load<f64>(params + 104);
  const oz = load<f64>(params + 112);
  const perMm = load<f64>(params + 120);
  const scale = f32x4.splat(<f32>perMm);
  const bx = <f64>(ni - 1);
  const by = <f64>(nj - 1);
  const bz = <f64>(nk - 1);
  const row = (<usize>ni) << 4;
  const slab = row * <usize>nj;
  let o = samples;
  for (let s = 0; s < count; s++, places += 24, o += SAMPLE) {
    const a = load<f64>(places);
    const b = load<f64>(places, 8);
    const c = load<f64>(places, 16);
    const qx = m0 * a + m1 * b + m2 * c + m3;
    const qy = m4 * a + m5 * b + m6 * c + m7;
    const qz = m8 * a + m9 * b + m10 * c + m11;
    const x = qx * perMm + ox;
    const y = qy * perMm + oy;
    const z = qz * perMm + oz;
    if (!(x >= 0 && y >= 0 && z >= 0 && x < bx && y < by && z < bz)) {
      store<u8>(inside + <usize>s, 0);
      continue;
    }
    const x0 = <i32>x;
    const y0 = <i32>y;
    const z0 = <i32>z;
    const fx = f32x4.splat(<f32>(x - <f64>x0));
    const fy = f32x4.splat(<f32>(y - <f64>y0));
    const fz = f32x4.splat(<f32>(z - <f64>z0));
    const at = fields + ((<usize>x0) << 4) + <usize>y0 * row + <usize>z0 * slab;
    const v000 = v128.load(at);
    const v010 = v128.load(at + row);
    const v001 = v128.load(at + slab);
    const v011 = v128.load(at + slab + row);
    const e00 = f32x4.sub(v128.load(at, 16), v000);
    const e10 = f32x4.sub(v128.load(at + row, 16), v010);
    const e01 = f32x4.sub(v128.load(at + slab, 16), v001);
    const e11 = f32x4.sub(v128.load(at + slab + row, 16), v011);
    const a0 = plus(v000, fx, e00);
    const a1 = plus(v010, fx, e10);
    const b0 = plus(v001, fx, e01);
    const b1 = plus(v011, fx, e11);
    const p0 = mix(a0, a1, fy);
    const p1 = mix(b0, b1, fy);
    const value = mix(p0, p1, fz);
    if (v128.any_true(f32x4.ne(value, value))) {
      store<u8>(inside + <usize>s, 0);
      continue;
    }
    store<u8>(inside + <usize>s, 1);
    v128.store(o, value);
    const u = load<f32>(values + ((<usize>s) << 2));
    if (derivatives) {
      v128.store(o, f32x4.mul(scale, mix(mix(e00, e10, fy), mix(e01, e11, fy), fz)), 16);
      v128.store(o, f32x4.mul(scale, mix(f32x4.sub(a1, a0), f32x4.sub(b1, b0), fz)), 32);
      v128.store(o, f32x4.mul(scale, f32x4.sub(p1, p0)), 48);
      store<f32>(o, <f32>qx, 64);
      store<f32>(o, <f32>qy, 68);
      store<f32>(o, <f32>qz, 72);
    }
    store<f32>(o, u, 76);
  }
}

/** f32 × 4 as doubles. */
// @ts-ignore: decorator
@inline
function spread(to: usize, v: v128): void {
  store<f64>(to, <f64>f32x4.extract_lane(v, 0));
  store<f64>(to, <f64>f32x4.extract_lane(v, 1), 8);
  store<f64>(to, <f64>f32x4.extract_lane(v, 2), 16);
  store<f64>(to, <f64>f32x4.extract_lane(v, 3), 24);
}

/** Element (i, j) of doubles in rows of n. */
// @ts-ignore: decorator
@inline
function at(base: usize, n: i32, i: i32, j: i32): usize {
  return base + ((<usize>(i * n + j)) << 3);
}

/** L of a 4×4, row-major, lower triangle, in place. */
function factorise(a: usize): void {
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = load<f64>(at(a, 4, i, j));
      for (let k = 0; k < j; k++) sum -= load<f64>(at(a, 4, i, k)) * load<f64>(at(a, 4, j, k));
      store<f64>(at(a, 4, i, j), i == j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / load<f64>(at(a, 4, j, j)));
    }
  }
}

function solve(x: usize, l: usize, b: usize): void {
  for (let i = 0; i < 4; i++) {
    let sum = load<f64>(at(b, 4, 0, i));
    for (let k = 0; k < i; k++) sum -= load<f64>(at(l, 4, i, k)) * load<f64>(at(x, 4, 0, k));
    store<f64>(at(x, 4, 0, i), sum / load<f64>(at(l, 4, i, i)));
  }
  for (let i = 3; i >= 0; i--) {
    let sum = load<f64>(at(x, 4, 0, i));
    for (let k = i + 1; k < 4; k++) sum -= load<f64>(at(l, 4, k, i)) * load<f64>(at(x, 4, 0, k));
    store<f64>(at(x, 4, 0, i), sum / load<f64>(at(l, 4, i, i)));
  }
}

// Scratch, in doubles from `scratch`: A 16, b 4, c 4, D with D and r and 1 in rows of 8: 48, D with Z 24, lifted 24, own 6.
const B: usize = 128;
const C: usize = 160;
const W: usize = 192;
const Z: usize = 576;
const Y: usize = 768;
const OWN: usize = 960;

/**
 * S_P of all patches into `similarity` (f64, NaN where too little is seen), and with derivatives gradient 6, matrix 36 and
 * scatter 36 into `out` (f64, row-major, symmetric).
 * @param starts i32, one more than patches
 * @param members i32
 * @param shares f64: the patches' weights over their sum
 * @param seen i32, as many as the largest patch has places
 */
export function patches(
  count: i32,
  starts: usize,
  members: usize,
  shares: usize,
  samples: usize,
  inside: usize,
  ridge: f64,
  leastShare: f64,
  derivatives: i32,
  seen: usize,
  scratch: usize,
  similarity: usize,
  out: usize,
): void {
  memory.fill(out, 0, 78 * 8);
  for (let p = 0; p < count; p++) {
    const from = load<i32>(starts + ((<usize>p) << 2));
    const to = load<i32>(starts + ((<usize>p) << 2), 4);
    const result = similarity + ((<usize>p) << 3);
    store<f64>(result, NaN);
    let n = 0;
    let sumZ = f32x4.splat(0);
    let sumU: f32 = 0;
    for (let q = from; q < to; q++) {
      const s = <usize>load<i32>(members + ((<usize>q) << 2));
      if (load<u8>(inside + s) == 0) continue;
      const o = samples + s * SAMPLE;
      store<i32>(seen + ((<usize>n) << 2), <i32>o);
      n++;
      sumZ = f32x4.add(sumZ, v128.load(o));
      sumU += load<f32>(o, 76);
    }
    if (<f64>n < leastShare * <f64>(to - from) || n == 0) continue;
    const meanZ = f32x4.div(sumZ, f32x4.splat(<f32>n));
    const meanU = sumU / <f32>n;
    let a0 = f32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b = a0;
    let uu: f32 = 0;
    for (let q = 0; q < n; q++) {
      const o = <usize>load<i32>(seen + ((<usize>q) << 2));
      const z = f32x4.sub(v128.load(o), meanZ);
      const u = load<f32>(o, 76) - meanU;
      uu += u * u;
      b = plus(b, f32x4.splat(u), z);
      a0 = plus(a0, splat(z, 0), z);
      a1 = plus(a1, splat(z, 1), z);
      a2 = plus(a2, splat(z, 2), z);
      a3 = plus(a3, splat(z, 3), z);
    }
    if (!(<f64>uu > 1e-12 * <f64>n)) continue;
    spread(scratch, a0);
    spread(scratch + 32, a1);
    spread(scratch + 64, a2);
    spread(scratch + 96, a3);
    spread(scratch + B, b);
    for (let i = 0; i < 4; i++) store<f64>(at(scratch, 4, i, i), load<f64>(at(scratch, 4, i, i)) + ridge * <f64>n);
    factorise(scratch);
    solve(scratch + C, scratch, scratch + B);
    let explained: f64 = 0;
    for (let i = 0; i < 4; i++) explained += load<f64>(at(scratch + B, 4, 0, i)) * load<f64>(at(scratch + C, 4, 0, i));
    store<f64>(result, explained / <f64>uu);
    if (!derivatives) continue;
    slopes(n, seen, meanZ, meanU, scratch);
    add(n, load<f64>(shares + ((<usize>p) << 3)) / <f64>uu, scratch, out);
  }
}

/** Sums of D with itself, the residual, 1 and the fields. */
function slopes(n: i32, seen: usize, meanZ: v128, meanU: f32, scratch: usize): void {
  let c = f32x4.splat(<f32>load<f64>(scratch, C));
  c = f32x4.replace_lane(c, 1, <f32>load<f64>(scratch, C + 8));
  c = f32x4.replace_lane(c, 2, <f32>load<f64>(scratch, C + 16));
  c = f32x4.replace_lane(c, 3, <f32>load<f64>(scratch, C + 24));
  const none = f32x4.splat(0);
  const one = f32x4.splat(1);
  let p0 = none, p1 = none, p2 = none, p3 = none;
  let q0 = none, q1 = none, q2 = none, q3 = none;
  let r0 = none, r1 = none;
  let z0 = none, z1 = none, z2 = none, z3 = none, z4 = none, z5 = none;
  for (let k = 0; k < n; k++) {
    const o = <usize>load<i32>(seen + ((<usize>k) << 2));
    const z = f32x4.sub(v128.load(o), meanZ);
    const x0 = f32x4.mul(c, v128.load(o, 16));
    const x1 = f32x4.mul(c, v128.load(o, 32));
    const x2 = f32x4.mul(c, v128.load(o, 48));
    const x3 = f32x4.mul(c, z);
    const s01 = f32x4.add(i32x4.shuffle(x0, x1, 0, 4, 1, 5), i32x4.shuffle(x0, x1, 2, 6, 3, 7));
    const s23 = f32x4.add(i32x4.shuffle(x2, x3, 0, 4, 1, 5), i32x4.shuffle(x2, x3, 2, 6, 3, 7));
    // ∂/∂x, ∂/∂y, ∂/∂z of Z c, and Z c itself.
    const a = f32x4.add(i32x4.shuffle(s01, s23, 0, 1, 4, 5), i32x4.shuffle(s01, s23, 2, 3, 6, 7));
    const q = v128.load(o, 64);
    const cross = f32x4.sub(
      f32x4.mul(i32x4.shuffle(q, q, 1, 2, 0, 3), i32x4.shuffle(a, a, 2, 0, 1, 3)),
      f32x4.mul(i32x4.shuffle(q, q, 2, 0, 1, 3), i32x4.shuffle(a, a, 1, 2, 0, 3)),
    );
    const r = f32x4.extract_lane(q, 3) - meanU - f32x4.extract_lane(a, 3);
    const w0 = i32x4.shuffle(a, cross, 0, 1, 2, 4);
    const w1 = i32x4.shuffle(cross, f32x4.replace_lane(one, 0, r), 1, 2, 4, 5);
    const d0 = splat(w0, 0);
    const d1 = splat(w0, 1);
    const d2 = splat(w0, 2);
    const d3 = splat(w0, 3);
    const d4 = splat(w1, 0);
    const d5 = splat(w1, 1);
    p0 = plus(p0, d0, w0);
    p1 = plus(p1, d1, w0);
    p2 = plus(p2, d2, w0);
    p3 = plus(p3, d3, w0);
    q0 = plus(q0, d0, w1);
    q1 = plus(q1, d1, w1);
    q2 = plus(q2, d2, w1);
    q3 = plus(q3, d3, w1);
    r0 = plus(r0, d4, w1);
    r1 = plus(r1, d5, w1);
    z0 = plus(z0, d0, z);
    z1 = plus(z1, d1, z);
    z2 = plus(z2, d2, z);
    z3 = plus(z3, d3, z);
    z4 = plus(z4, d4, z);
    z5 = plus(z5, d5, z);
  }
  // Row i of W: D_i with D_0 … D_5, with the residual, with 1. Rows 4 and 5 hold their last four only.
  const w = scratch + W;
  spread(w, p0);
  spread(w + 64, p1);
  spread(w + 128, p2);
  spread(w + 192, p3);
  spread(w + 32, q0);
  spread(w + 96, q1);
  spread(w + 160, q2);
  spread(w + 224, q3);
  spread(w + 288, r0);
  spread(w + 352, r1);
  const d = scratch + Z;
  spread(d, z0);
  spread(d + 32, z1);
  spread(d + 64, z2);
  spread(d + 96, z3);
  spread(d + 128, z4);
  spread(d + 160, z5);
}

/** Adds −2k Σ r D and 2k D (1 − 11ᵀ/n − Z A⁻¹ Zᵀ) D. */
function add(n: i32, k: f64, scratch: usize, out: usize): void {
  const w = scratch + W;
  for (let i = 0; i < 6; i++) {
    const own = -2 * k * load<f64>(at(w, 8, i, 6));
    store<f64>(at(scratch + OWN, 6, 0, i), own);
    store<f64>(at(out, 6, 0, i), load<f64>(at(out, 6, 0, i)) + own);
    for (let q = 0; q < 4; q++) {
      let sum = load<f64>(at(scratch + Z, 4, i, q));
      for (let r = 0; r < q; r++) sum -= load<f64>(at(scratch, 4, q, r)) * load<f64>(at(scratch + Y, 4, i, r));
      store<f64>(at(scratch + Y, 4, i, q), sum / load<f64>(at(scratch, 4, q, q)));
    }
    for (let j = 0; j <= i; j++) {
      let sum = load<f64>(at(w, 8, j, i)) - (load<f64>(at(w, 8, i, 7)) * load<f64>(at(w, 8, j, 7))) / <f64>n;
      for (let q = 0; q < 4; q++) sum -= load<f64>(at(scratch + Y, 4, i, q)) * load<f64>(at(scratch + Y, 4, j, q));
      const both = own * load<f64>(at(scratch + OWN, 6, 0, j));
      const h = at(out + 48, 6, i, j);
      const s = at(out + 336, 6, i, j);
      store<f64>(h, load<f64>(h) + 2 * k * sum);
      store<f64>(s, load<f64>(s) + both);
    }
  }
}
