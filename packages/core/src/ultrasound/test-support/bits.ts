import { type ReconstructionWorker, reconstructSweep, type SweepReconstructionOptions } from '../index.js';
import { sceneSweep } from './scenes.js';

const OPTIONS: readonly SweepReconstructionOptions[] = [
  { interpolation: 'linear', compounding: 'mean' },
  { interpolation: 'nearest', compounding: 'latest', fillGapsMm: 1.3 },
  { interpolation: 'linear', compounding: 'maximum', voxels: 'float32' },
  { mode: 'backward', elevationMm: 2, voxels: 'float32' },
];

/** What {@link bitsOfScene} is on every machine, with workers and without, with WebAssembly and without. */
export const SCENE_BITS: string = '73471e28 93a7fdba';

/** Every bit of a made-up sweep's reconstructions, as two hashes (FNV-1a, forwards and backwards). */
export async function bitsOfScene(workers: readonly ReconstructionWorker[] = []): Promise<string> {
  let [there, back] = [0x811c9dc5, 0x811c9dc5];
  for (const options of OPTIONS) {
    const { volume, coverage } = await reconstructSweep(sceneSweep({ seed: 21 }), { spacingMm: 0.45, ...options, workers });
    const { buffer, byteOffset, byteLength } = volume.voxels;
    for (const bytes of [new Uint8Array(buffer, byteOffset, byteLength), coverage]) {
      for (let n = 0; n < bytes.length; n += 1) {
        there = Math.imul(there ^ (bytes[n] as number), 0x01000193);
        back = Math.imul(back ^ (bytes[bytes.length - 1 - n] as number), 0x01000193);
      }
    }
  }
  return `${(there >>> 0).toString(16)} ${(back >>> 0).toString(16)}`;
}
