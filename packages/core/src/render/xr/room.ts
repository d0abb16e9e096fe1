import { type Frame, frame, type Transform, transform } from '../../frames/index.js';
import { fromQuaternion, type Mat4, transformPoint, type Vec3, vec3 } from '../../math/index.js';

/**
 * The room as a headset knows it, mm: x to the right, y up, z towards whoever looked when the session began (WebXR Device API, "spaces").
 * Every time the headset begins its coordinates anew the room has another name, so that what was found in the old ones is
 * refused.
 */
export type XrRoom = `xr-room-${number}`;

/** A WebXR length is in metres, everything else here in millimetres. This is the one place that knows it. */
const METRES_PER_MM = 1e-3;

let rooms = 0;

/** Coordinates that nothing was found in yet. */
export function newRoom(): Frame<XrRoom> {
  rooms += 1;
  return frame(`xr-room-${rooms}`) as unknown as Frame<XrRoom>;
}

/** The part of an XRRigidTransform that is read: position in metres, unit quaternion. */
export interface RigidPose {
  readonly position: { readonly x: number; readonly y: number; readonly z: number };
  readonly orientation: { readonly x: number; readonly y: number; readonly z: number; readonly w: number };
}

/**
 * A pose that WebXR gave, as a transform in mm.
 * @param from what it is the pose of
 * @throws NavError `frame/not-rigid` where it is not finite
 */
export function transformOfPose<R extends string, T extends string>(
  room: Frame<R>,
  from: Frame<T>,
  { position: p, orientation: q }: RigidPose,
): Transform<R, T> {
  const length = Math.hypot(q.x, q.y, q.z, q.w);
  const unit = [q.x / length, q.y / length, q.z / length, q.w / length];
  const mm = [p.x / METRES_PER_MM, p.y / METRES_PER_MM, p.z / METRES_PER_MM];
  return transform(room, from, fromQuaternion(new Float64Array(16), unit, mm));
}

/**
 * The node that carries the patient: room in metres from patient in mm.
 * @param roomFromPatient rigid 4×4, column-major, mm
 * @param scale how large the patient is drawn; 1 is true size
 */
export function metresFromPatient(out: Mat4, roomFromPatient: ArrayLike<number>, scale = 1): Mat4 {
  for (let n = 0; n < 16; n += 1) out[n] = (roomFromPatient[n] as number) * METRES_PER_MM * (n < 12 ? scale : 1);
  for (let row = 3; row < 15; row += 4) out[row] = 0;
  out[15] = 1;
  return out;
}

/** How far in front of the eyes a model stands, and how far below them, mm. */
const IN_FRONT_MM = 700;
const BELOW_MM = 150;

/**
 * Where a model stands: upright in front of whoever looks, its middle a bit below the eyes, its face towards them. The patient's
 * left is then on the right of whoever looks, as with anybody met face to face.
 * @param viewer where the eyes are, metres
 * @param middle the patient's point to put there, mm
 */
export function inFrontOf(out: Mat4, viewer: RigidPose, middle: ArrayLike<number>, scale: number): Mat4 {
  const forward = levelForward(viewer);
  const [x, z] = [forward[0] as number, forward[2] as number];
  out.fill(0);
  out[15] = 1;
  // Patient axes (LPS) as columns: left to the viewer's right, posterior away from the viewer, superior up.
  out.set([-z, 0, x], 0);
  out.set([x, 0, z], 4);
  out.set([0, 1, 0], 8);
  const moved = transformPoint(vec3(0, 0, 0), out, middle);
  const { position: p } = viewer;
  const at = [p.x / METRES_PER_MM + IN_FRONT_MM * x, p.y / METRES_PER_MM - BELOW_MM, p.z / METRES_PER_MM + IN_FRONT_MM * z];
  for (let k = 0; k < 3; k += 1) out[12 + k] = (at[k] as number) - scale * (moved[k] as number);
  return out;
}

/** Where the eyes look, without up and down; straight ahead of the room where they look straight up or down. */
function levelForward({ orientation: q }: RigidPose): Vec3 {
  const turned = fromQuaternion(new Float64Array(16), [q.x, q.y, q.z, q.w], [0, 0, 0]);
  // Eyes look along −z.
  const [x, z] = [-(turned[8] as number), -(turned[10] as number)];
  const length = Math.hypot(x, z);
  return length > 0.05 ? vec3(x / length, 0, z / length) : vec3(0, 0, -1);
}
