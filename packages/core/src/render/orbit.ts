import { type Vec3, vec3 } from '../math/index.js';
import type { SliceAxes } from './planes.js';

const TOP = (85 * Math.PI) / 180;

/**
 * A camera that circles a point of a patient frame (LPS) with the patient's head always up.
 *
 * Azimuth 0 looks from the front; it grows towards the patient's left. Elevation grows towards the head.
 */
export class Orbit {
  readonly target: Vec3 = vec3(0, 0, 0);
  azimuth = 0;
  elevation = 0;
  /** mm from the target. */
  distance = 600;
  readonly #eye = vec3(0, 0, 0);
  readonly #axes = { right: vec3(0, 0, 0), up: vec3(0, 0, 0) };

  constructor() {
    this.reset(200);
  }

  /**
   * Looks from the front, the left and a little above.
   * @param radiusMm of the sphere that must be seen whole
   */
  reset(radiusMm: number): void {
    this.azimuth = (35 * Math.PI) / 180;
    this.elevation = (20 * Math.PI) / 180;
    this.distance = radiusMm / Math.sin((FIELD_OF_VIEW_DEGREES * Math.PI) / 360);
  }

  /** Where the camera is, mm. Reused: copy it to keep it. */
  eye(): Vec3 {
    const out = this.#eye;
    const flat = Math.cos(this.elevation) * this.distance;
    out[0] = (this.target[0] as number) + Math.sin(this.azimuth) * flat;
    out[1] = (this.target[1] as number) - Math.cos(this.azimuth) * flat;
    out[2] = (this.target[2] as number) + Math.sin(this.elevation) * this.distance;
    return out;
  }

  /** The frame's directions to the right and to the top of the screen. Reused: copy them to keep them. */
  axes(): SliceAxes {
    const { right, up } = this.#axes;
    const sa = Math.sin(this.azimuth);
    const ca = Math.cos(this.azimuth);
    const se = Math.sin(this.elevation);
    right[0] = ca;
    right[1] = sa;
    up[0] = -sa * se;
    up[1] = ca * se;
    up[2] = Math.cos(this.elevation);
    return this.#axes;
  }

  /** Turns with a drag, in fractions of the view's height: what is under the pointer follows it. */
  turn(dx: number, dy: number): void {
    this.azimuth -= dx * Math.PI;
    this.elevation = Math.min(TOP, Math.max(-TOP, this.elevation + dy * Math.PI));
  }

  /** Comes nearer (above 1) or goes further. */
  dolly(factor: number): void {
    this.distance = Math.min(5000, Math.max(20, this.distance / factor));
  }

  /** Moves the picture with a drag, in fractions of the view's height. */
  pan(dx: number, dy: number): void {
    const { right, up } = this.axes();
    const mm = 2 * this.distance * Math.tan((FIELD_OF_VIEW_DEGREES * Math.PI) / 360);
    for (let k = 0; k < 3; k += 1) {
      this.target[k] = (this.target[k] as number) - mm * (dx * (right[k] as number) - dy * (up[k] as number));
    }
  }
}

/** Vertical field of view of the 3D camera, degrees: narrow, so that lengths compare. */
export const FIELD_OF_VIEW_DEGREES = 26;
