import type { SlabPlan } from '../compounding/slab.js';

/** What a worker of reconstruction is told. */
export type ToReconstructionWorker =
  | { readonly kind: 'begin'; readonly job: number; readonly plan: SlabPlan }
  | {
      readonly kind: 'image';
      readonly job: number;
      readonly pixels: Uint8Array;
      readonly frameFromImage: Float64Array;
      readonly stamp: number;
    }
  | { readonly kind: 'end'; readonly job: number; readonly float: boolean };

/** What it answers: that an image is done (its pixels come back, so that their memory is used again), or its planes. */
export type FromReconstructionWorker =
  | { readonly kind: 'taken'; readonly job: number; readonly pixels: Uint8Array }
  | { readonly kind: 'planes'; readonly job: number; readonly voxels: Uint8Array | Float32Array; readonly seen: Uint8Array }
  | { readonly kind: 'failed'; readonly job: number; readonly reason: string };

/** A worker's end of the line. */
export interface ReconstructionPort {
  post(message: FromReconstructionWorker, transfer: ArrayBufferLike[]): void;
  listen(heard: (message: ToReconstructionWorker) => void): void;
}

/** A worker, in Node and in browsers alike: what `createWorker` gives. */
export interface ReconstructionWorker {
  /** @param transfer memory that may be given away, not copied; it is right to copy it all the same */
  postMessage(message: ToReconstructionWorker, transfer?: ArrayBuffer[]): void;
  /** Called with each answer, and with the reason where the worker ends by itself. */
  listen(heard: (message: FromReconstructionWorker) => void, died: (reason: string) => void): void;
  terminate(): void;
}
