import { transformDirection, type Vec3, vec3 } from '../math/index.js';
import { cross, type PlaneView, type SliceAxes, unit } from './planes.js';
import type { Tool } from './tool.js';

/**
 * Which plane of a tool a view shows. `inPlane0`: along the shaft, the handle up, the tool's x to the right; `inPlane90`: along the
 * shaft, turned by 90° about it; `probesEye`: across the shaft at the tip, as seen from the handle.
 */
export type SliceDriveMode = 'inPlane0' | 'inPlane90' | 'probesEye';

/** A tool that turns and moves a slice view. */
export interface SliceDrive {
  readonly tool: Tool;
  readonly mode: SliceDriveMode;
}

/**
 * Keeps a view's plane on a tool: through its tip, which stays in the middle, and turned with it. The plane stands where it was
 * while the tool is not live. Allocates nothing.
 */
export class SliceDriver {
  readonly drive: SliceDrive;
  /** The plane's axes; written by {@link aim}. */
  readonly axes: SliceAxes;
  readonly #right = vec3(0, 0, 0);
  readonly #up = vec3(0, 0, 0);
  /** The shaft and two more directions of the tool, its own frame. */
  readonly #s: Vec3;
  readonly #u: Vec3;
  readonly #w: Vec3;

  constructor(drive: SliceDrive) {
    this.drive = drive;
    this.axes = { right: this.#right, up: this.#up };
    this.#s = unit(Float64Array.from({ length: 3 }, (_, k) => drive.tool.geometry.shaft[k] as number));
    this.#u = across(this.#s);
    this.#w = cross(this.#s, this.#u);
  }

  /** Puts the plane where the tool is, where it is live. */
  aim(plane: PlaneView): void {
    const { tool, mode } = this.drive;
    if (!tool.live) return;
    transformDirection(this.#right, tool.matrix, mode === 'inPlane90' ? this.#w : this.#u);
    transformDirection(this.#up, tool.matrix, mode === 'probesEye' ? this.#w : this.#s);
    plane.axes = this.axes;
    for (let k = 0; k < 3; k += 1) plane.centre[k] = tool.matrix[12 + k] as number;
  }
}

/** A direction across the shaft: the tool's x, made perpendicular; its y where x runs along the shaft. */
function across(s: Vec3): Vec3 {
  const axis = Math.abs(s[0] as number) < 0.9 ? 0 : 1;
  const out = vec3(0, 0, 0);
  for (let k = 0; k < 3; k += 1) out[k] = (k === axis ? 1 : 0) - (s[axis] as number) * (s[k] as number);
  return unit(out);
}
