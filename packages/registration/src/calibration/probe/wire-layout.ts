import { cholesky, choleskySolve } from '@trocar/core/math';
import { at } from '../../points/rigid-fit.js';
import type { Dot } from './dots.js';
import type { Labelling } from './linear.js';
import type { WirePattern } from './phantom.js';

/** Three dots in a line. */
export interface Triple {
  readonly left: Dot;
  readonly middle: Dot;
  readonly right: Dot;
  readonly angle: number;
  readonly strength: number;
}

/** Rows of dots may look so much nearer to each other or farther apart, against their width, than N-wires are: pixels that are not square, a tilted image. */
const LEAST_STRETCH = 0.7;
const MOST_STRETCH = 1.7;
/** And be shifted along each other by so much of their distance: an image tilted and turned at once. */
const MOST_SHEAR = 0.45;

/**
 * Where the sides of N-wires lie in an image against each other. A plane cuts parallel wires in an affine picture of their cross-section; one held about across the wires in
 * nearly a similar one.
 */
export class WireLayout {
  /** Of each row from top to bottom, where its left and right dot lie in the cross-section, pixels; undefined where there is none. */
  readonly #rows: ReadonlyArray<readonly [readonly [number, number], readonly [number, number]]> | undefined;

  /** @param labelling which way round the image shows the phantom */
  constructor(patterns: readonly WirePattern[], { mirrored, upsideDown }: Labelling, pixelMm: number) {
    const ordered = upsideDown ? [...patterns].reverse() : patterns;
    if (ordered.some(({ cut }) => cut === undefined)) return;
    const cuts = ordered.map(({ cut }) => cut as NonNullable<WirePattern['cut']>);
    const [first, last] = [cuts[0], cuts.at(-1)] as [(typeof cuts)[0], (typeof cuts)[0]];
    // Rows go down the image, whichever way the phantom's do.
    const down = last[0][1] < first[0][1] ? -1 : 1;
    const place = ([x, y]: readonly [number, number]): readonly [number, number] => [
      ((mirrored ? -1 : 1) * x) / pixelMm,
      (down * y) / pixelMm,
    ];
    this.#rows = cuts.map(([a, b]) => (mirrored ? [place(b), place(a)] : [place(a), place(b)]));
  }

  /** Whether row `n` may lie as it does below the first one. */
  allows(first: Triple, row: Triple, n: number): boolean {
    const rows = this.#rows;
    if (rows === undefined) return true;
    const [from, to] = [rows[0], rows[n]] as [(typeof rows)[0], (typeof rows)[0]];
    const scale = apart(first) / (from[1][0] - from[0][0]);
    const [dx, dy] = [scale * (to[0][0] - from[0][0]), scale * (to[0][1] - from[0][1])];
    const [c, s] = [Math.cos(first.angle), Math.sin(first.angle)];
    const [u, v] = [row.left.column - first.left.column, row.left.row - first.left.row];
    const [along, down] = [c * u + s * v, c * v - s * u];
    return down > LEAST_STRETCH * dy && down < MOST_STRETCH * dy && Math.abs(along - dx) < MOST_SHEAR * dy + 0.1 * apart(first);
  }

  /** How far dots of sides are from the nearest affine picture of the cross-section, pixels (rms of a dot); 0 where it is not known, or of one row. */
  misfit(rows: readonly Triple[]): number {
    const known = this.#rows;
    if (known === undefined || rows.length < 2) return 0;
    const points = known.flat();
    const dots = rows.flatMap(({ left, right }) => [left, right]);
    const normal = new Float64Array(9);
    const basis = points.map(([x, y]) => [x / 100, y / 100, 1] as const);
    for (const b of basis)
      for (let i = 0; i < 3; i += 1)
        for (let j = 0; j < 3; j += 1) normal[3 * i + j] = at(normal, 3 * i + j) + (b[i] as number) * (b[j] as number);
    if (!cholesky(normal, normal, 3)) return 0;
    let squares = 0;
    for (const axis of ['column', 'row'] as const) {
      const right = Float64Array.from([0, 1, 2], (i) =>
        dots.reduce((sum, d, n) => sum + d[axis] * ((basis[n] as readonly number[])[i] as number), 0),
      );
      const x = choleskySolve(new Float64Array(3), normal, right, 3);
      dots.forEach((d, n) => {
        squares += (d[axis] - (basis[n] as readonly number[]).reduce((sum, b, i) => sum + b * at(x, i), 0)) ** 2;
      });
    }
    return Math.sqrt(squares / dots.length);
  }
}

const apart = ({ left, right }: Triple): number => Math.hypot(right.column - left.column, right.row - left.row);
