import type { Matrix4, WebGLRenderer } from 'three';
import { vec3 } from '../../math/index.js';
import { Hud } from '../hud.js';
import type { StatusStyle } from '../palette.js';
import { crossInto, type PlaneView } from '../planes.js';
import { type FanShape, fanFrame, fanOutline } from './fan.js';
import { dashed, Outline } from './outline.js';

/** A fan all of whose corners are nearer to the slice than this lies in it, mm: as for a tool's shaft. */
const IN_PLANE_MM = 1;
/** A slice crosses the border of a sector at most four times. */
const MOST_CROSSINGS = 4;

/**
 * A probe's fan on a slice: the line in which the image plane cuts it, as far as the fan reaches; the fan's whole outline where it
 * lies in the slice; nothing where it does not touch it. In colour and dash of the status.
 */
export class FanOnSlice {
  readonly #overlay = new Hud();
  readonly #outline: Outline;
  /** Corners in the instrument's frame, and in the stage's: x, y, z, mm. */
  readonly #own: Float64Array;
  readonly #corners: Float64Array;
  readonly #away: Float64Array;
  /** Px of the corners, and of the crossings: x, y and place along the line. */
  readonly #loop: Float64Array;
  readonly #crossings = new Float64Array(3 * MOST_CROSSINGS);
  readonly #ends = new Float64Array(6);
  readonly #normal = vec3(0, 0, 0);
  readonly #point = vec3(0, 0, 0);
  readonly #px = vec3(0, 0, 0);
  #style: StatusStyle | undefined;
  #dpr = 0;

  /** @param shaft from the probe's foot towards its handle, unit, in the instrument's frame */
  constructor(fan: FanShape, shaft: readonly [number, number, number]) {
    const flat = fanOutline(fan);
    const count = flat.length / 2;
    const place = fanFrame(shaft);
    this.#own = new Float64Array(3 * count);
    for (let n = 0; n < count; n += 1) {
      place(this.#own.subarray(3 * n, 3 * n + 3), flat[2 * n] as number, flat[2 * n + 1] as number);
    }
    this.#corners = new Float64Array(3 * count);
    this.#loop = new Float64Array(3 * count);
    this.#away = new Float64Array(count);
    this.#outline = new Outline(count, 1);
    this.#overlay.scene.add(this.#outline.object);
  }

  /** Draws over the slice, into the viewport that is set. @param stageFromTip rigid, mm */
  draw(renderer: WebGLRenderer, plane: PlaneView, dpr: number, stageFromTip: Matrix4, style: StatusStyle): void {
    const within = this.#place(stageFromTip.elements, plane);
    if (within) this.#whole(plane);
    else if (!this.#line(plane)) return;
    if (style !== this.#style || dpr !== this.#dpr) this.#outline.style(style.colour, 2.5 * dpr, dashed(style.dash, dpr));
    this.#style = style;
    this.#dpr = dpr;
    this.#outline.viewport(plane.width, plane.height);
    this.#overlay.resize(plane.width, plane.height);
    this.#overlay.render(renderer);
  }

  dispose(): void {
    this.#outline.dispose();
  }

  /** Moves the corners to the stage; whether all lie in the slice. */
  #place(m: ArrayLike<number>, plane: PlaneView): boolean {
    const normal = crossInto(this.#normal, plane.axes.right, plane.axes.up);
    const { centre } = plane;
    let within = true;
    for (let n = 0; n < this.#away.length; n += 1) {
      let d = 0;
      for (let i = 0; i < 3; i += 1) {
        let v = m[12 + i] as number;
        for (let j = 0; j < 3; j += 1) v += (m[4 * j + i] as number) * (this.#own[3 * n + j] as number);
        this.#corners[3 * n + i] = v;
        d += (v - (centre[i] as number)) * (normal[i] as number);
      }
      this.#away[n] = d;
      if (Math.abs(d) > IN_PLANE_MM) within = false;
    }
    return within;
  }

  #whole(plane: PlaneView): void {
    for (let n = 0; n < this.#away.length; n += 1) {
      for (let k = 0; k < 3; k += 1) this.#point[k] = this.#corners[3 * n + k] as number;
      plane.project(this.#px, this.#point);
      this.#loop[3 * n] = this.#px[0] as number;
      this.#loop[3 * n + 1] = this.#px[1] as number;
    }
    this.#outline.loop(this.#loop, this.#away.length);
  }

  /** Lays the pieces of the line between crossings of the border, in and out again; whether there are any. */
  #line(plane: PlaneView): boolean {
    const found = this.#cross(plane);
    const c = this.#crossings;
    if (found < 2) return false;
    // The line is straight: along whichever of its directions on the screen is the longer, all crossings are in order.
    const dx = (c[3] as number) - (c[0] as number);
    const dy = (c[4] as number) - (c[1] as number);
    const length = Math.sqrt(dx * dx + dy * dy) || 1;
    for (let n = 0; n < found; n += 1) {
      c[3 * n + 2] = ((c[3 * n] as number) * dx + (c[3 * n + 1] as number) * dy) / length;
    }
    this.#sort(found);
    for (let n = 0; n + 1 < found; n += 2) {
      for (let k = 0; k < 6; k += 1) this.#ends[k] = c[3 * n + k] as number;
      this.#outline.piece(n / 2, this.#ends);
    }
    this.#outline.show(found >> 1);
    return true;
  }

  #cross(plane: PlaneView): number {
    const count = this.#away.length;
    let found = 0;
    for (let n = 0; n < count && found < MOST_CROSSINGS; n += 1) {
      const m = n + 1 < count ? n + 1 : 0;
      const a = this.#away[n] as number;
      const b = this.#away[m] as number;
      if (a < 0 === b < 0) continue;
      const f = a / (a - b);
      for (let k = 0; k < 3; k += 1) {
        const p = this.#corners[3 * n + k] as number;
        this.#point[k] = p + f * ((this.#corners[3 * m + k] as number) - p);
      }
      plane.project(this.#px, this.#point);
      this.#crossings[3 * found] = this.#px[0] as number;
      this.#crossings[3 * found + 1] = this.#px[1] as number;
      found += 1;
    }
    return found;
  }

  /** Sorts the crossings by their place along the line, in place: there are four at most. */
  #sort(found: number): void {
    const c = this.#crossings;
    for (let n = 1; n < found; n += 1) {
      for (let m = n; m > 0 && (c[3 * m + 2] as number) < (c[3 * m - 1] as number); m -= 1) {
        for (let k = 0; k < 3; k += 1) {
          const kept = c[3 * m + k] as number;
          c[3 * m + k] = c[3 * m - 3 + k] as number;
          c[3 * m - 3 + k] = kept;
        }
      }
    }
  }
}
