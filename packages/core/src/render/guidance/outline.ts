import { Group } from 'three';
import { type Dash, PALETTE } from '../palette.js';
import { SEGMENT, Stroke } from '../stroke.js';

/**
 * A line of many pieces that turns: colour over a dark line that is broader. A stroke's own rim would lie over the piece before
 * and make a seam at every corner.
 */
export class Outline {
  readonly object: Group = new Group();
  readonly #under: Stroke;
  readonly #over: Stroke;

  /** @param order three's renderOrder */
  constructor(capacity: number, order: number) {
    this.#under = new Stroke(capacity, { roundEnds: true, rimPx: 0, colour: PALETTE.background, opacity: 0.8 });
    this.#over = new Stroke(capacity, { roundEnds: true, rimPx: 0 });
    this.#under.object.renderOrder = order;
    this.#over.object.renderOrder = order + 0.5;
    this.object.add(this.#under.object, this.#over.object);
  }

  /** Piece `n`; `arc`: length before it, so that dashes go on over the corner. */
  segment(n: number, ax: number, ay: number, az: number, bx: number, by: number, bz: number, arc: number): void {
    this.#under.segment(n, ax, ay, az, bx, by, bz, arc);
    this.#over.segment(n, ax, ay, az, bx, by, bz, arc);
  }

  /** Lays a closed polygon of corners x, y on the plane z = 0, mm, from piece 0 on; how many pieces it took. */
  closed(corners: ArrayLike<number>, place: (out: Float64Array, x: number, y: number) => void = onPlane): number {
    const count = corners.length / 2;
    const [a, b] = [new Float64Array(3), new Float64Array(3)];
    let arc = 0;
    place(a, corners[0] as number, corners[1] as number);
    for (let n = 0; n < count; n += 1) {
      const m = (n + 1) % count;
      place(b, corners[2 * m] as number, corners[2 * m + 1] as number);
      const [x, y, z] = a as unknown as [number, number, number];
      const [u, v, w] = b as unknown as [number, number, number];
      this.segment(n, x, y, z, u, v, w, arc);
      arc += Math.hypot(u - x, v - y, w - z);
      a.set(b);
    }
    return count;
  }

  /**
   * Lays a closed polygon that changes with every frame: piece n from point n to the next. Allocates nothing, where a call for each
   * piece would put eight doubles into objects.
   * @param points x, y, z of each corner
   * @param count corners, and pieces
   */
  loop(points: Float64Array, count: number): void {
    loopInto(this.#under, points, count);
    loopInto(this.#over, points, count);
    this.show(count);
  }

  /**
   * Lays piece `n` in device pixels of a slice; seen after {@link show}. Allocates nothing.
   * @param ends x, y and length before it of each end, px: the piece runs the way the length rises
   */
  piece(n: number, ends: Float64Array): void {
    pieceInto(this.#under, n, ends);
    pieceInto(this.#over, n, ends);
  }

  /** Shows the first `n` pieces. */
  show(n: number): void {
    this.#under.show(n);
    this.#over.show(n);
  }

  /** Device pixels. */
  style(colour: string, widthPx: number, dash: Dash | undefined): void {
    this.#under.style({ widthPx: widthPx + 2.5, dash });
    this.#over.style({ colour, widthPx, dash });
  }

  /** Marks across the line, so far apart and so far to either side, device pixels where the pieces are. */
  barbs(every: number, halfPx: number): void {
    this.#under.style({ tickMm: every, tickHalfPx: halfPx + 1.25 });
    this.#over.style({ tickMm: every, tickHalfPx: halfPx });
  }

  /** The size of the viewport, device pixels. */
  viewport(width: number, height: number): void {
    this.#under.viewport(width, height);
    this.#over.viewport(width, height);
  }

  dispose(): void {
    this.object.removeFromParent();
    this.#under.dispose();
    this.#over.dispose();
  }
}

function loopInto({ segments }: Stroke, points: Float64Array, count: number): void {
  let arc = 0;
  for (let n = 0; n < count; n += 1) {
    const m = n + 1 < count ? n + 1 : 0;
    const at = SEGMENT * n;
    let square = 0;
    for (let k = 0; k < 3; k += 1) {
      const a = points[3 * n + k] as number;
      const b = points[3 * m + k] as number;
      segments[at + k] = a;
      segments[at + 3 + k] = b;
      square += (b - a) * (b - a);
    }
    segments[at + 6] = arc;
    arc += Math.sqrt(square);
  }
}

function pieceInto({ segments }: Stroke, n: number, ends: Float64Array): void {
  const first = (ends[2] as number) <= (ends[5] as number) ? 0 : 3;
  const at = SEGMENT * n;
  segments[at] = ends[first] as number;
  segments[at + 1] = ends[first + 1] as number;
  segments[at + 2] = 0;
  segments[at + 3] = ends[3 - first] as number;
  segments[at + 4] = ends[4 - first] as number;
  segments[at + 5] = 0;
  segments[at + 6] = ends[first + 2] as number;
}

/** A dash in device pixels. */
export function dashed(dash: Dash | undefined, dpr: number): Dash | undefined {
  return dash && [dash[0] * dpr, dash[1] * dpr];
}

function onPlane(out: Float64Array, x: number, y: number): void {
  out[0] = x;
  out[1] = y;
  out[2] = 0;
}
