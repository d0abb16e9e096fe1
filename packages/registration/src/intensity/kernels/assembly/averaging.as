// AssemblyScript with SIMD128 (plain). Built by scripts/build-kernels.mjs into ../averaging.generated.ts; byte-image.ts has the
// same in typed arrays, to the last bit: sums and quotients of whole numbers.

/**
 * One plane of an image with fi × fj × fk voxels averaged to one, rounded to the nearest, halves up. `planes` holds fk planes of
 * ni × nj bytes and 16 bytes more; `sums` takes the u16 sums of ni voxels and 16 more, `out` 8 bytes more than the plane; fj · fk is at
 * most 256, and fi · fj · fk at most 2048.
 */
export function average(
  planes: usize, ni: i32, nj: i32, fi: i32, fj: i32, fk: i32, out: usize, oi: i32, oj: i32, sums: usize,
): void {
  const width = <usize>(oi * fi), row = <usize>ni, plane = <usize>(ni * nj);
  const count = <u32>(fi * fj * fk);
  // Of 2³² / (2 count), rounded up: its product is exact to the whole number up to 2048 voxels.
  const share: u64 = ((<u64>1 << 31) + count - 1) / count;
  let to = out;
  for (let j = 0; j < oj; j += 1) {
    const from = planes + <usize>j * <usize>fj * row;
    for (let i: usize = 0; i < width; i += 16) {
      let low = i16x8.splat(0), high = low;
      for (let c = 0; c < fk; c += 1) {
        let at = from + <usize>c * plane + i;
        for (let b = 0; b < fj; b += 1, at += row) {
          const bytes = v128.load(at);
          low = i16x8.add(low, i16x8.extend_low_i8x16_u(bytes));
          high = i16x8.add(high, i16x8.extend_high_i8x16_u(bytes));
        }
      }
      v128.store(sums + (i << 1), low);
      v128.store(sums + (i << 1), high, 16);
    }
    if (fi == 2 && popcnt(count) == 1) halve(sums, to, oi, count);
    else {
      let at = sums;
      for (let i = 0; i < oi; i += 1) {
        let sum: u32 = 0;
        for (let a = 0; a < fi; a += 1, at += 2) sum += load<u16>(at);
        store<u8>(to + <usize>i, <u32>((<u64>(2 * sum + count) * share) >> 32));
      }
    }
    to += <usize>oi;
  }
}

/** Pairs of sums become bytes, eight at a time and up to seven too many, where `count` is a power of two. */
function halve(sums: usize, to: usize, oi: i32, count: u32): void {
  const half = i32x4.splat(<i32>(count >> 1)), shift = ctz(<i32>count);
  for (let i: usize = 0; i < <usize>oi; i += 8) {
    const four = i32x4.extadd_pairwise_i16x8_u(v128.load(sums + (i << 2)));
    const more = i32x4.extadd_pairwise_i16x8_u(v128.load(sums + (i << 2), 16));
    const words = i16x8.narrow_i32x4_u(
      i32x4.shr_u(i32x4.add(four, half), shift),
      i32x4.shr_u(i32x4.add(more, half), shift),
    );
    v128.store64_lane(to + i, i8x16.narrow_i16x8_u(words, words), 0);
  }
}
