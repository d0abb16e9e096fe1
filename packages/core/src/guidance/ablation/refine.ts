import type { Mesh } from '../../volume/index.js';

/**
 * The same surface with no side longer than `limitMm`: sides are halved, those of two neighbours at the same place, so that a closed surface
 * stays closed. The first vertices are the given ones.
 * @param limitMm above 0, mm
 */
export function refined(
  surface: Pick<Mesh<string>, 'positions' | 'triangles'>,
  limitMm: number,
): Pick<Mesh<string>, 'positions' | 'triangles'> {
  const positions = Array.from(surface.positions);
  let triangles = Array.from(surface.triangles);
  for (;;) {
    const split = splitOnce(positions, triangles, limitMm);
    if (split.length === triangles.length) break;
    triangles = split;
  }
  return { positions: Float64Array.from(positions), triangles: Uint32Array.from(triangles) };
}

/** Halves every side that is too long, once. New vertices are added to `positions`. */
function splitOnce(positions: number[], triangles: readonly number[], limitMm: number): number[] {
  const out: number[] = [];
  const middles = new Map<number, number>();
  const count = positions.length / 3;
  const middle = (a: number, b: number): number => {
    const [ax, ay, az] = [positions[3 * a] as number, positions[3 * a + 1] as number, positions[3 * a + 2] as number];
    const [bx, by, bz] = [positions[3 * b] as number, positions[3 * b + 1] as number, positions[3 * b + 2] as number];
    if (Math.hypot(ax - bx, ay - by, az - bz) <= limitMm) return -1;
    const key = Math.min(a, b) * count + Math.max(a, b);
    const known = middles.get(key);
    if (known !== undefined) return known;
    const made = positions.length / 3;
    positions.push((ax + bx) / 2, (ay + by) / 2, (az + bz) / 2);
    middles.set(key, made);
    return made;
  };
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t], triangles[t + 1], triangles[t + 2]] as [number, number, number];
    addPieces(out, [a, b, c], [middle(a, b), middle(b, c), middle(c, a)]);
  }
  return out;
}

type Three = readonly [number, number, number];

/** The pieces of a triangle whose sides ab, bc, ca have these middles; −1: a side that is not halved. */
function addPieces(out: number[], [a, b, c]: Three, [ab, bc, ca]: Three): void {
  const halved = Number(ab >= 0) + Number(bc >= 0) + Number(ca >= 0);
  if (halved === 0) out.push(a, b, c);
  else if (halved === 3) out.push(a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca);
  // Turned until the halved side, or the one that is not, is ab.
  else if ((halved === 1) !== ab >= 0) addPieces(out, [b, c, a], [bc, ca, ab]);
  else if (halved === 1) out.push(a, ab, c, ab, b, c);
  else out.push(a, b, bc, a, bc, ca, ca, bc, c);
}
