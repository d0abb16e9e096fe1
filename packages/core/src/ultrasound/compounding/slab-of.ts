import { SlabCompounder } from './compounder.js';
import { ElevationalSlab } from './elevational.js';
import type { SlabPlan } from './slab.js';

/** Planes of a volume that images are taken into. */
export interface Slab {
  /** @param stamp the image's time or number */
  add(pixels: Uint8Array, frameFromImage: ArrayLike<number>, stamp: number): void;
  /** Writes the slab's voxels and which were seen, i fastest. */
  read(out: Uint8Array | Float32Array, seen: Uint8Array): void;
}

/** A slab for a plan: forward, or backward where it names an elevational width. */
export function slabOf(plan: SlabPlan): Slab {
  return plan.elevationMm === undefined ? new SlabCompounder(plan) : new ElevationalSlab(plan, plan.elevationMm);
}
