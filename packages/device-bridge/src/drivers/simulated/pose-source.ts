import type { Instant } from '@trocar/core';

/** A pose that a simulated tracker is to measure: tool frame to tracker frame. */
export interface SimulatedPose {
  /** mm in the tracker's frame. */
  readonly position: ArrayLike<number>;
  /** Unit quaternion, x y z w. */
  readonly rotation: ArrayLike<number>;
  /** The device's error figure, mm. Default 0.1. */
  readonly errorMm?: number;
  /** Measured, but outside the characterised volume. */
  readonly outOfVolume?: boolean;
}

/**
 * Where simulated tools are: hidden truth plus whatever noise the caller wants. Asked once per tool and frame, for the
 * time of that frame; undefined where the tracker does not see the tool.
 */
export type PoseSource = (tool: string, at: Instant) => SimulatedPose | undefined;
