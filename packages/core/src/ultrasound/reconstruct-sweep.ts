import { NavError } from '../base/index.js';
import { spacingOf, type Volume, volume } from '../volume/index.js';
import type { SlabPlan } from './compounding/slab.js';
import { slabOf } from './compounding/slab-of.js';
import { fillHoles } from './fill-holes.js';
import { elevationOf, gridFor, planOf, type SweepReconstructionOptions } from './options.js';
import type { Sweep } from './sweep.js';
import { type CrewOptions, compoundByWorkers } from './worker/crew.js';
import type { ReconstructionWorker } from './worker/messages.js';

/** How a reconstruction is run. */
export interface ReconstructionRunOptions {
  /** Workers to share the work; by default it is done here, image by image, with a breath for the page between them. */
  readonly workers?: readonly ReconstructionWorker[];
  readonly signal?: AbortSignal;
  /** From 0 to 1. */
  readonly progress?: (fraction: number) => void;
}

/** A sweep as a volume. */
export interface SweepReconstruction<F extends string> {
  readonly volume: Volume<F>;
  /** For each voxel: 0 nothing is known, 1 pixels were there, 2 filled between neighbours. */
  readonly coverage: Uint8Array;
  /** How many voxels of each kind. */
  readonly seen: number;
  readonly filled: number;
  /** Images that had no pose, by their numbers in the recording: they are not in the volume. */
  readonly withoutPose: readonly number[];
  /** Images that a gate left out, likewise. */
  readonly outsideGate: readonly number[];
}

/**
 * Reconstructs a tracked sweep into a volume: every clipped pixel goes, by its own place, into the voxels around it (forward
 * compounding; linear weights as in Rohling 1999 and Fenster's pixel-based methods, Solberg 2007, Ultrasound Med. Biol. 33:991).
 *
 * With `mode: 'backward'` each voxel asks the images around it instead, within the width of the beam across the image: for the
 * final volume of sweeps whose images lie farther apart than voxels.
 *
 * Sums are exact: the result is the same, to the last bit, for every order of the images and for any number of workers, and no voxel
 * saturates. Voxels that no pixel met are 0 (NaN in float32) and `coverage` says so.
 * @throws NavError `ultrasound/bad-option`, `ultrasound/bad-clip`, `ultrasound/too-large`, `ultrasound/aborted`, `ultrasound/failed`
 */
export async function reconstructSweep<F extends string>(
  sweep: Sweep<F>,
  options: SweepReconstructionOptions & ReconstructionRunOptions = {},
): Promise<SweepReconstruction<F>> {
  const grid = gridFor(sweep, options);
  const plan = { ...planOf(sweep.size, grid, options), elevationMm: elevationOf(options) };
  const count = grid.size[0] * grid.size[1] * grid.size[2];
  const float = options.voxels === 'float32';
  const { voxels, coverage } = roomFor(count, float);
  const { workers = [] } = options;
  if (workers.length === 0) await compoundHere(sweep, plan, voxels, coverage, options);
  else {
    const crew: CrewOptions = { ...options, workers };
    for (const part of await compoundByWorkers(sweep, plan, float, crew)) {
      const from = grid.size[0] * grid.size[1] * part.planes[0];
      voxels.set(part.voxels, from);
      coverage.set(part.seen, from);
    }
  }
  const seen = countOf(coverage);
  const { fillGapsMm = 0 } = options;
  const spacingMm = spacingOf(grid);
  const filled = fillGapsMm > 0 ? fillHoles(voxels, coverage, { size: grid.size, spacingMm, maxGapMm: fillGapsMm }) : 0;
  const series = { description: 'reconstructed sweep' };
  const made = volume({ frame: sweep.frame, voxels, ...grid, modality: 'US', series });
  const { withoutPose, outsideGate = [] } = sweep;
  return { volume: made, coverage, seen, filled, withoutPose, outsideGate };
}

function roomFor(count: number, float: boolean): { voxels: Uint8Array | Float32Array; coverage: Uint8Array } {
  try {
    return { voxels: float ? new Float32Array(count) : new Uint8Array(count), coverage: new Uint8Array(count) };
  } catch (cause) {
    throw new NavError('ultrasound/too-large', `There is no memory for ${count} voxels. Choose larger voxels or clip.`, {
      cause,
    });
  }
}

/** How many marks are 1, where all are 0 or 1. */
function countOf(marks: Uint8Array): number {
  const fours = new Uint32Array(marks.buffer, marks.byteOffset, marks.length >> 2);
  let count = 0;
  for (let n = 4 * fours.length; n < marks.length; n += 1) count += marks[n] as number;
  for (let n = 0; n < fours.length; ) {
    // Each byte of this sum counts to 255 at most.
    let sum = 0;
    for (const end = Math.min(n + 255, fours.length); n < end; n += 1) sum = (sum + (fours[n] as number)) | 0;
    count += (sum & 255) + ((sum >>> 8) & 255) + ((sum >>> 16) & 255) + (sum >>> 24);
  }
  return count;
}

/** A page is let draw so often, ms. */
const BREATH_MS = 30;

async function compoundHere<F extends string>(
  sweep: Sweep<F>,
  plan: SlabPlan,
  voxels: Uint8Array | Float32Array,
  coverage: Uint8Array,
  { signal, progress }: ReconstructionRunOptions,
): Promise<void> {
  const slab = slabOf(plan);
  let breathed = performance.now();
  for (const [n, frame] of sweep.frames.entries()) {
    if (signal?.aborted) throw new NavError('ultrasound/aborted', 'The reconstruction was aborted.', { cause: signal.reason });
    slab.add(frame.pixels, frame.frameFromImage, frame.timeMs ?? n);
    progress?.((n + 1) / sweep.frames.length);
    if (performance.now() - breathed < BREATH_MS) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    breathed = performance.now();
  }
  slab.read(voxels, coverage);
}
