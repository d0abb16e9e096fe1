/**
 * The signed distance to closed contours of one plane, mm, positive inside by the even-odd rule.
 * @param loops i, j of each contour's points, in index coordinates
 * @param size columns, rows
 * @param spacing mm between columns, between rows
 * @param band distances beyond it are cut to it, mm
 * @returns row by row
 */
export function planeField(
  loops: readonly Float64Array[],
  size: readonly [number, number],
  spacing: readonly [number, number],
  band: number,
): Float32Array {
  const [ni, nj] = size;
  const field = new Float32Array(ni * nj).fill(band);
  for (const loop of loops) {
    for (let n = 0; n < loop.length; n += 2) {
      const m = (n + 2) % loop.length;
      nearSegment(field, size, spacing, band, [loop[n], loop[n + 1], loop[m], loop[m + 1]] as [number, number, number, number]);
    }
  }
  for (let j = 0; j < nj; j += 1) signRow(field.subarray(j * ni, (j + 1) * ni), loops, j);
  return field;
}

/** Lowers the distance of all pixels within the band of one segment. */
function nearSegment(
  field: Float32Array,
  [ni, nj]: readonly [number, number],
  [si, sj]: readonly [number, number],
  band: number,
  [i0, j0, i1, j1]: readonly [number, number, number, number],
): void {
  const low = (a: number, b: number, s: number): number => Math.max(0, Math.ceil(Math.min(a, b) - band / s));
  const high = (a: number, b: number, s: number, n: number): number => Math.min(n - 1, Math.floor(Math.max(a, b) + band / s));
  const [dx, dy] = [(i1 - i0) * si, (j1 - j0) * sj];
  const square = dx * dx + dy * dy;
  const [left, right] = [low(i0, i1, si), high(i0, i1, si, ni)];
  for (let j = low(j0, j1, sj); j <= high(j0, j1, sj, nj); j += 1) {
    const y = (j - j0) * sj;
    for (let i = left; i <= right; i += 1) {
      const x = (i - i0) * si;
      const t = square > 0 ? Math.max(0, Math.min(1, (x * dx + y * dy) / square)) : 0;
      const d = Math.hypot(x - t * dx, y - t * dy);
      const n = j * ni + i;
      if (d < (field[n] as number)) field[n] = d;
    }
  }
}

/** Makes a row's distances negative where an even number of edges lies to the left. Edges own their lower end only. */
function signRow(row: Float32Array, loops: readonly Float64Array[], j: number): void {
  const crossings: number[] = [];
  for (const loop of loops) {
    for (let n = 0; n < loop.length; n += 2) {
      const m = (n + 2) % loop.length;
      const [i0, j0, i1, j1] = [loop[n], loop[n + 1], loop[m], loop[m + 1]] as [number, number, number, number];
      if (j0 <= j !== j1 <= j) crossings.push(i0 + ((j - j0) / (j1 - j0)) * (i1 - i0));
    }
  }
  crossings.sort((a, b) => a - b);
  let passed = 0;
  for (let i = 0; i < row.length; i += 1) {
    while (passed < crossings.length && (crossings[passed] as number) <= i) passed += 1;
    if (passed % 2 === 0) row[i] = -(row[i] as number);
  }
}
