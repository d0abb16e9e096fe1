/** What `trocar-register points` is tried on: a quarter turn about z and a shift, exact. */
const FIXED = [
  [10, 0, 0],
  [10, 50, 0],
  [-30, 0, 20],
  [-50, 60, 10],
  [0, 20, 70],
] as const;

const lines = (points: ReadonlyArray<readonly number[]>): string =>
  ['label,x,y,z', ...points.map((p, k) => `F${k + 1},${p.join(',')}`)].join('\n');

/** Points of the fixed side, as CSV. */
export const FIXED_POINTS = lines(FIXED);
/** The same seen from a frame that is turned and shifted: x_fixed = 10 − y, y_fixed = x, z_fixed = z. */
export const MOVING_POINTS = lines(FIXED.map(([x, y, z]) => [y, 10 - x, z]));
/** `fixedFromMoving` of these, by rows. */
export const FIXED_FROM_MOVING = [
  [0, -1, 0, 10],
  [1, 0, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
] as const;
