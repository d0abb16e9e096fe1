import type { ContentReader } from './reader.js';
import type { IgtlStorage } from './writer.js';

const ELEMENT = 150;

/** One trajectory. */
export interface IgtlTrajectory {
  readonly name: string;
  readonly group: string;
  /** 1 entry only, 2 target only, 3 both; others as sent. A point that is not meant holds what the sender left there. */
  readonly trajectoryType: number;
  /** The byte that the protocol reserves, where it is not 0: some senders leave there what their memory held. */
  readonly reserved?: number;
  readonly rgba: readonly [number, number, number, number];
  /** x y z in mm, in the sender's axes: the protocol has no flag for them, and Slicer sends RAS. */
  readonly entry: Float64Array;
  readonly target: Float64Array;
  /** mm. */
  readonly diameter: number;
  /** The id of the image that the trajectory belongs to. */
  readonly owner: string;
}

/** TRAJ: a list of trajectories. */
export interface TrajectoryContent {
  readonly kind: 'trajectory';
  readonly trajectories: readonly IgtlTrajectory[];
}

export function decodeTrajectory(r: ContentReader): TrajectoryContent {
  const trajectories = Array.from({ length: r.elements(ELEMENT) }, () => {
    const name = r.name(64);
    const group = r.name(32);
    const trajectoryType = r.u8();
    const reserved = r.reserved();
    return {
      name,
      group,
      trajectoryType,
      ...reserved,
      rgba: r.rgba(),
      entry: r.f32s(3),
      target: r.f32s(3),
      diameter: r.f32(),
      owner: r.name(20),
    };
  });
  return { kind: 'trajectory', trajectories };
}

export function encodeTrajectory(w: IgtlStorage, content: TrajectoryContent): void {
  for (const one of content.trajectories) {
    w.name(one.name, 64);
    w.name(one.group, 32);
    w.u8(one.trajectoryType);
    w.u8(one.reserved ?? 0);
    w.rgba(one.rgba);
    w.f32s(one.entry, 3);
    w.f32s(one.target, 3);
    w.f32(one.diameter);
    w.name(one.owner, 20);
  }
}
