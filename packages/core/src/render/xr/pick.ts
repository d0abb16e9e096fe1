import { invert4, transformPoint, type Vec3, vec3 } from '../../math/index.js';
import { type AnyVolume, greyOf, Sampler, type WindowLevel } from '../../volume/index.js';
import type { AirLevels } from '../air.js';
import { dot, outOf, type PlaneView } from '../planes.js';

/** A half line in the stage's frame, mm. */
export interface Ray {
  readonly origin: ArrayLike<number>;
  /** Of any length. */
  readonly direction: ArrayLike<number>;
}

/** What is drawn of a slice in the 3D view. */
export interface Drawn {
  readonly volume: AnyVolume;
  readonly window: WindowLevel;
  readonly air: AirLevels | undefined;
}

/** A grey below this counts as black, as in the slices' shader. */
const BLACK = 0.06;

/**
 * Where a ray first meets one of the slices: within the volume, and not in the air that is left out of the picture.
 * @returns mm in the stage's frame; undefined where it meets none
 */
export function pickOnSlices(
  ray: Ray,
  planes: readonly Pick<PlaneView, 'axes' | 'centre'>[],
  { volume, window, air }: Drawn,
): Vec3 | undefined {
  const hits = planes
    .map((plane) => distanceTo(ray, plane))
    .filter((t) => t > 0 && Number.isFinite(t))
    .sort((a, b) => a - b);
  const sampler = new Sampler(volume);
  for (const t of hits) {
    const at = vec3(0, 0, 0);
    for (let k = 0; k < 3; k += 1) at[k] = (ray.origin[k] as number) + t * (ray.direction[k] as number);
    const value = sampler.at(at[0] as number, at[1] as number, at[2] as number);
    const leftOut = air !== undefined && (value < air.surely || (value <= air.black && greyOf(value, window) < BLACK));
    if (Number.isFinite(value) && !leftOut) return at;
  }
  return undefined;
}

/** How many times its direction a ray goes to meet a plane. */
function distanceTo({ origin, direction }: Ray, { axes, centre }: Pick<PlaneView, 'axes' | 'centre'>): number {
  const n = outOf(axes);
  return (dot(n, centre) - dot(n, origin)) / dot(n, direction);
}

/**
 * The ray of a WebXR input source, in the stage's frame.
 * @param roomFromPointer metres; it points along its −z
 * @param metresFromPatient the node that carries the patient
 */
export function rayInPatient(roomFromPointer: ArrayLike<number>, metresFromPatient: ArrayLike<number>): Ray {
  const back = new Float64Array(16);
  invert4(back, metresFromPatient);
  const m = roomFromPointer;
  const at = (w: number): Vec3 =>
    vec3(
      (m[12] as number) - w * (m[8] as number),
      (m[13] as number) - w * (m[9] as number),
      (m[14] as number) - w * (m[10] as number),
    );
  const origin = transformPoint(vec3(0, 0, 0), back, at(0));
  const ahead = transformPoint(vec3(0, 0, 0), back, at(1));
  return { origin, direction: ahead.map((x, k) => x - (origin[k] as number)) };
}
