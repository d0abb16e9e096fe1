import type { Dot, WireDots } from './dots.js';
import { type NWirePhantom, patternsOf } from './phantom.js';
import { type Triple, WireLayout } from './wire-layout.js';

/** How {@link findWires} joins dots. */
export interface WireOptions {
  /** About how large a pixel is, mm. */
  readonly pixelMm: number;
  /** How much longer or shorter than the phantom's a pattern may look. Default 0.1, more for a probe held obliquely. */
  readonly lengthError?: number;
  /** How far a middle dot may lie beside the line of the outer two, mm. Default 0.6. */
  readonly offLineMm?: number;
  /** Rows of dots may be tilted this much from an image row, degrees. Default 70. */
  readonly tiltDeg?: number;
  /** Rows of dots are parallel to within this, degrees. Default 10. */
  readonly parallelDeg?: number;
}

/**
 * Which dots are the wires of a phantom: for each N-wire three in a line with the sides' distance, the lines parallel and
 * in order and as far from each other as the phantom's; the dots of all sides lie as a plane cuts parallel wires, which is an affine picture of the phantom's
 * cross-section. Of several sets the strongest. Which side is which wire is not decided here: a mirrored image shows the same.
 * @returns undefined where there is no such set
 * @throws NavError `calibration/bad-option` where the phantom has no N-wires, or as patternsOf()
 */
export function findWires(dots: readonly Dot[], phantom: NWirePhantom, options: WireOptions): WireDots | undefined {
  const patterns = patternsOf(phantom);
  const triples = patterns.map(({ widthMm }) => triplesOf(dots, widthMm / options.pixelMm, options));
  let best: Rows | undefined;
  // An image that is stored upside down shows the phantom's last N-wire first, a mirrored one each from its other end.
  for (const upsideDown of patterns.length > 1 ? [false, true] : [false]) {
    for (const mirrored of [false, true]) {
      const own = upsideDown ? [...triples].reverse() : triples;
      const found = strongestOf(own, new WireLayout(patterns, { mirrored, upsideDown }, options.pixelMm), options);
      if (found !== undefined && found.strength > (best?.strength ?? 0)) best = found;
    }
  }
  return (
    best &&
    Float64Array.from(best.rows.flatMap(({ left, middle, right }) => [left, middle, right].flatMap((d) => [d.column, d.row])))
  );
}

interface Rows {
  readonly rows: readonly Triple[];
  readonly strength: number;
}

/** One triple for each pattern from top to bottom: of all that fit together the strongest. */
function strongestOf(triples: ReadonlyArray<readonly Triple[]>, layout: WireLayout, options: WireOptions): Rows | undefined {
  const parallel = ((options.parallelDeg ?? 10) * Math.PI) / 180;
  const most = (options.offLineMm ?? 0.6) / options.pixelMm;
  // What the rest could add at most: sets that cannot become the strongest are not followed.
  const rest = triples.map(() => 0);
  for (let n = triples.length - 1; n > 0; n -= 1)
    rest[n - 1] = (rest[n] as number) + Math.max(0, ...(triples[n] as readonly Triple[]).map(({ strength }) => strength));
  let best: Rows | undefined;
  let steps = 0;
  const extend = (rows: readonly Triple[], strength: number): void => {
    steps += 1;
    if (steps > MOST_STEPS) return;
    if (rows.length > 0 && strength + (rest[rows.length - 1] as number) <= (best?.strength ?? 0)) return;
    if (rows.length === triples.length) {
      if (layout.misfit(rows) <= most) best = { rows, strength };
      return;
    }
    const last = rows.at(-1);
    for (const next of triples[rows.length] as readonly Triple[]) {
      if (last !== undefined && !(Math.abs(next.angle - last.angle) <= parallel && isBelow(next, last))) continue;
      if (rows.some((row) => sharesDot(row, next))) continue;
      if (rows.length > 0 && !layout.allows(rows[0] as Triple, next, rows.length)) continue;
      extend([...rows, next], strength + next.strength);
    }
  };
  extend([], 0);
  return best;
}

/** Bands across an image break into spots that make thousands of lines; the wires are among the strongest, or cannot be told. */
const MOST_TRIPLES = 150;
/** Sets that are looked at in one image: what is not found among so many of the strongest is in no image to go by. */
const MOST_STEPS = 3000;

function triplesOf(dots: readonly Dot[], width: number, options: WireOptions): Triple[] {
  const { pixelMm, lengthError = 0.1, offLineMm = 0.6, tiltDeg = 70 } = options;
  const found: Triple[] = [];
  for (const left of dots) {
    for (const right of dots) {
      const [x, y] = [right.column - left.column, right.row - left.row];
      const length = Math.hypot(x, y);
      const angle = Math.atan2(y, x);
      // Held obliquely to the wires, sides look farther apart, and never nearer.
      if (!(Math.abs(length - width) <= lengthError * width) || Math.abs(angle) > (tiltDeg * Math.PI) / 180) continue;
      for (const middle of dots) {
        const [u, v] = [middle.column - left.column, middle.row - left.row];
        const along = (u * x + v * y) / length;
        const off = Math.abs(u * y - v * x) / length;
        if (middle === left || middle === right || along <= 0 || along >= length || off * pixelMm > offLineMm) continue;
        found.push({ left, middle, right, angle, strength: left.strength + middle.strength + right.strength });
      }
    }
  }
  // The strongest first: with them a set is found early that the others cannot surpass.
  return found.sort((a, b) => b.strength - a.strength).slice(0, MOST_TRIPLES);
}

/** Both ends of a line lie on the lower side of another. */
function isBelow(line: Triple, other: Triple): boolean {
  const [x, y] = [other.right.column - other.left.column, other.right.row - other.left.row];
  return [line.left, line.right].every((d) => x * (d.row - other.left.row) - y * (d.column - other.left.column) > 0);
}

const sharesDot = (a: Triple, b: Triple): boolean =>
  [a.left, a.middle, a.right].some((d) => d === b.left || d === b.middle || d === b.right);
