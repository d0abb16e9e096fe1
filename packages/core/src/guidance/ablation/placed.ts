import { NavError } from '../../base/index.js';
import { invertRigid, type Mat4, transformPoint } from '../../math/index.js';

/**
 * An ellipsoid of destroyed tissue about an applicator, in the applicator's tip frame: the origin is the tip, and the shaft
 * runs back from it along +z (as a tool of NDI's points along −z).
 */
export interface ZoneShape {
  /** Radii along the tip frame's x, y and z (z: along the shaft), mm. */
  readonly radiiMm: readonly [number, number, number];
  /** From the tip back along the shaft to the ellipsoid's centre, mm; negative: ahead of the tip. */
  readonly centreMm: number;
}

/** An ellipsoid where it lies; its own frame has its axes along x, y, z and the origin at its centre. */
export interface Ellipsoid {
  readonly radii: Float64Array;
  /** frame-from-ellipsoid, rigid, column-major, and its inverse. */
  readonly matrix: Float64Array;
  readonly inverse: Float64Array;
}

/** The ellipsoid of a shape at the pose of its tip. */
export function ellipsoidOf({ shape, matrix }: { readonly shape: ZoneShape; readonly matrix: ArrayLike<number> }): Ellipsoid {
  const placed = Float64Array.from(matrix);
  const centre = transformPoint(new Float64Array(3), matrix, [0, 0, shape.centreMm]);
  for (let k = 0; k < 3; k += 1) placed[12 + k] = centre[k] as number;
  return { radii: Float64Array.from(shape.radiiMm), matrix: placed, inverse: invertRigid(new Float64Array(16), placed) };
}

/** Whether a point lies strictly inside an ellipsoid. @param local scratch */
export function within({ inverse, radii }: Ellipsoid, p: ArrayLike<number>, local: Float64Array): boolean {
  transformPoint(local, inverse, p);
  const x = (local[0] as number) / (radii[0] as number);
  const y = (local[1] as number) / (radii[1] as number);
  const z = (local[2] as number) / (radii[2] as number);
  return x * x + y * y + z * z < 1;
}

/**
 * The pose of a tip that was pushed along a straight way: the shaft lies on the line, z points back towards the entry. The roll about
 * the shaft is the one that takes z there from +z by the shortest turn; it matters only to a zone that is not round.
 * @param entry x, y, z, mm
 * @param tip x, y, z in the same frame, mm
 * @returns 16 doubles, column-major
 * @throws NavError `ablation/bad-zone` where the two are one place
 */
export function tipPose(entry: ArrayLike<number>, tip: ArrayLike<number>): Mat4 {
  const back = [0, 1, 2].map((k) => (entry[k] as number) - (tip[k] as number));
  const length = Math.hypot(...back);
  if (!(length > 0)) {
    throw new NavError('ablation/bad-zone', 'Entry and tip are one place, which gives the shaft no direction. Put them apart.');
  }
  const [x, y, z] = back.map((v) => v / length) as [number, number, number];
  const m = new Float64Array(16);
  // Exactly against +z every shortest turn is as short; about x is one of them.
  const f = 1 + z < 1e-12 ? 0 : 1 / (1 + z);
  m.set(
    f === 0
      ? [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0]
      : [1 - f * x * x, -f * x * y, -x, 0, -f * x * y, 1 - f * y * y, -y, 0, x, y, z, 0],
  );
  for (let k = 0; k < 3; k += 1) m[12 + k] = tip[k] as number;
  m[15] = 1;
  return m;
}
