import type { ContentReader } from './reader.js';
import type { IgtlStorage } from './writer.js';

const ELEMENT = 136;

/** One point: a fiducial, say. */
export interface IgtlPoint {
  readonly name: string;
  /** `Labeled Point`, `Landmark`, `Fiducial`, … */
  readonly group: string;
  readonly rgba: readonly [number, number, number, number];
  /** x y z in mm, in the sender's axes: the protocol has no flag for them, and Slicer sends RAS. */
  readonly position: Float64Array;
  /** mm; 0 for a point. */
  readonly diameter: number;
  /** The id of the image that the point belongs to. */
  readonly owner: string;
}

/** POINT: a list of points. */
export interface PointContent {
  readonly kind: 'point';
  readonly points: readonly IgtlPoint[];
}

export function decodePoint(r: ContentReader): PointContent {
  const points = Array.from({ length: r.elements(ELEMENT) }, () => ({
    name: r.name(64),
    group: r.name(32),
    rgba: r.rgba(),
    position: r.f32s(3),
    diameter: r.f32(),
    owner: r.name(20),
  }));
  return { kind: 'point', points };
}

export function encodePoint(w: IgtlStorage, content: PointContent): void {
  for (const one of content.points) {
    w.name(one.name, 64);
    w.name(one.group, 32);
    w.rgba(one.rgba);
    w.f32s(one.position, 3);
    w.f32(one.diameter);
    w.name(one.owner, 20);
  }
}
