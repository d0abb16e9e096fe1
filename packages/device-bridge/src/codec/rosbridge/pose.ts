import { NavError } from '@trocar/core';

/** The message types that hold poses. */
export type RosPoseType = 'geometry_msgs/PoseStamped' | 'geometry_msgs/TransformStamped' | 'tf2_msgs/TFMessage';

/** Metres of ROS to millimetres of this library (REP 103): the one place where that is done. */
const MM_PER_M = 1000;
/** Transforms of one message, at most. */
const MOST_TRANSFORMS = 1024;

/** One pose of a message. */
export interface RosPose {
  /** What the pose is relative to: the frame id of its header. */
  readonly frame: string;
  /** What it is the pose of; empty in PoseStamped. */
  readonly child: string;
  /** The header's stamp, ms; NaN where it is 0, or where the header has no frame, because then rosbridge made the stamp up. */
  readonly stampMs: number;
  /** x y z (mm), qx qy qz qw; NaN where JSON had null, which is how rosbridge sends NaN. */
  readonly values: Float64Array;
}

type Json = Readonly<Record<string, unknown>>;

const bad = (what: string): never => {
  throw new NavError('rosbridge/bad-message', `A pose message ${what}.`);
};

function objectIn(of: Json, name: string): Json {
  const value = of[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : bad(`has no object "${name}"`);
}

function numberIn(of: Json, name: string): number {
  const value = of[name];
  if (value === null) return Number.NaN;
  return typeof value === 'number' ? value : bad(`has no number "${name}"`);
}

function textIn(of: Json, name: string): string {
  const value = of[name];
  return typeof value === 'string' ? value : bad(`has no text "${name}"`);
}

/** The poses of one message of a type. @throws NavError `rosbridge/bad-message` */
export function readRosPoses(type: RosPoseType, message: Json): RosPose[] {
  if (type === 'geometry_msgs/PoseStamped') return [readPose(message)];
  if (type === 'geometry_msgs/TransformStamped') return [readTransform(message)];
  const { transforms } = message;
  if (!Array.isArray(transforms) || transforms.length > MOST_TRANSFORMS)
    return bad('has no list of transforms, or too long a one');
  return transforms.map((transform) => readTransform(objectIn({ transform: transform as unknown }, 'transform')));
}

function readPose(message: Json): RosPose {
  const pose = objectIn(message, 'pose');
  const values = readValues(objectIn(pose, 'position'), objectIn(pose, 'orientation'));
  return { ...readHeader(objectIn(message, 'header')), child: '', values };
}

function readTransform(message: Json): RosPose {
  const transform = objectIn(message, 'transform');
  const values = readValues(objectIn(transform, 'translation'), objectIn(transform, 'rotation'));
  return { ...readHeader(objectIn(message, 'header')), child: plainFrame(textIn(message, 'child_frame_id')), values };
}

function readValues(position: Json, rotation: Json): Float64Array {
  const [x, y, z] = ['x', 'y', 'z'].map((axis) => numberIn(position, axis) * MM_PER_M) as [number, number, number];
  const [qx, qy, qz, qw] = ['x', 'y', 'z', 'w'].map((part) => numberIn(rotation, part)) as [number, number, number, number];
  return Float64Array.of(x, y, z, qx, qy, qz, qw);
}

/** ROS 1 writes secs and nsecs, ROS 2 sec and nanosec. */
function readHeader(header: Json): { frame: string; stampMs: number } {
  const frame = plainFrame(textIn(header, 'frame_id'));
  const stamp = objectIn(header, 'stamp');
  const second = 'secs' in stamp ? 'secs' : 'sec';
  const nanosecond = 'nsecs' in stamp ? 'nsecs' : 'nanosec';
  const ms = numberIn(stamp, second) * 1000 + numberIn(stamp, nanosecond) / 1e6;
  return { frame, stampMs: frame !== '' && ms > 0 ? ms : Number.NaN };
}

/** ROS 1 of old wrote frames with a slash before them. */
const plainFrame = (name: string): string => (name.startsWith('/') ? name.slice(1) : name);
