import type { SlabPlan } from '../compounding/slab.js';
import { type Slab, slabOf } from '../compounding/slab-of.js';
import type { FromReconstructionWorker, ReconstructionPort, ToReconstructionWorker } from './messages.js';

/** Takes images into a slab as they come through a port, for as long as the worker lives. */
export function serveReconstruction(port: ReconstructionPort): void {
  let slab: Slab | undefined;
  let plan: SlabPlan | undefined;
  const hear = (message: ToReconstructionWorker): FromReconstructionWorker | undefined => {
    const { job } = message;
    if (message.kind === 'begin') {
      plan = message.plan;
      slab = slabOf(plan);
      return undefined;
    }
    if (slab === undefined || plan === undefined) return { kind: 'failed', job, reason: 'it was told of no slab' };
    if (message.kind === 'image') {
      slab.add(message.pixels, message.frameFromImage, message.stamp);
      return { kind: 'taken', job, pixels: message.pixels };
    }
    const count = plan.grid.size[0] * plan.grid.size[1] * (plan.end - plan.first);
    const voxels = message.float ? new Float32Array(count) : new Uint8Array(count);
    const seen = new Uint8Array(count);
    slab.read(voxels, seen);
    slab = undefined;
    return { kind: 'planes', job, voxels, seen };
  };
  port.listen((message) => {
    try {
      const answer = hear(message);
      if (answer !== undefined) port.post(answer, memoryOf(answer));
    } catch (error) {
      port.post({ kind: 'failed', job: message.job, reason: error instanceof Error ? error.message : String(error) }, []);
    }
  });
}

/** What an answer gives away. */
function memoryOf(answer: FromReconstructionWorker): ArrayBufferLike[] {
  if (answer.kind === 'planes') return [answer.voxels.buffer, answer.seen.buffer];
  return answer.kind === 'taken' ? [answer.pixels.buffer] : [];
}
