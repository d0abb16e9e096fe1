import { at } from '../../points/rigid-fit.js';
import type { ProbeState } from './model.js';

/** The rigid motion with two scales nearest to a linear map from pixels: its columns, made orthogonal with equal say. */
export function startOf(probeFromImage: ArrayLike<number>, lagMs: number): ProbeState {
  const column = (c: number): number[] => [0, 1, 2].map((r) => at(probeFromImage, 4 * c + r));
  const [x, y] = [column(0), column(1)];
  const [columnMm, rowMm] = [Math.hypot(...x), Math.hypot(...y)];
  const a = x.map((v) => v / columnMm);
  const b = y.map((v) => v / rowMm);
  // The bisectors of two unit vectors are at right angles whatever their angle is.
  const sum = unit(a.map((v, r) => v + (b[r] as number)));
  const difference = unit(a.map((v, r) => v - (b[r] as number)));
  const e = sum.map((v, r) => (v + (difference[r] as number)) * Math.SQRT1_2);
  const f = sum.map((v, r) => (v - (difference[r] as number)) * Math.SQRT1_2);
  const g = [1, 2, 0].map((r) => {
    const s = (r + 1) % 3;
    return (e[r] as number) * (f[s] as number) - (e[s] as number) * (f[r] as number);
  });
  const pose = Float64Array.of(
    ...e,
    0,
    ...f,
    0,
    ...g,
    0,
    at(probeFromImage, 12),
    at(probeFromImage, 13),
    at(probeFromImage, 14),
    1,
  );
  return { pose, columnMm, rowMm, lagMs, logSize: 0 };
}

const unit = (v: readonly number[]): number[] => v.map((x) => x / Math.hypot(...v));
