import type { ContentReader } from './reader.js';
import { doesNotFit, type IgtlStorage } from './writer.js';

/**
 * POSITION, and QTRANS as it was called: a pose as position and quaternion. The protocol's shorter forms leave the
 * orientation out, or give it three numbers: the quaternion's vector part, its scalar being the positive root.
 */
export interface PositionContent {
  readonly kind: 'position';
  /** x y z in mm. */
  readonly position: Float64Array;
  /** Quaternion x y z w as sent, three of its numbers in the short form, or none. */
  readonly orientation: Float64Array;
}

export function decodePosition(r: ContentReader): PositionContent {
  if (r.left !== 12 && r.left !== 24 && r.left !== 28) throw r.wrongSize('12, 24 or 28');
  const position = r.f32s(3);
  return { kind: 'position', position, orientation: r.f32s(r.left / 4) };
}

/** @throws NavError `igtl/does-not-fit` where the orientation has not 4, 3 or 0 numbers */
export function encodePosition(w: IgtlStorage, content: PositionContent): void {
  const n = content.orientation.length;
  if (n !== 0 && n !== 3 && n !== 4) throw doesNotFit(`an orientation of ${n} numbers; it has 4, 3 or 0.`);
  w.f32s(content.position, 3);
  w.f32s(content.orientation, n);
}
