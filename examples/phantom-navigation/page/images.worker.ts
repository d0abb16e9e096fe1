import { isNavError } from '@trocar/core';
import { type Volume, volume } from '@trocar/core/volume';
import { CT, SECOND } from '../src/frames.js';
import type { ImageResult } from '../src/image-step.js';
import { registerImages } from '../src/register-images.js';

/** What of an image is registered: no identity goes along. */
export type ImageOrder = Pick<Volume<'ct'>, 'voxels' | 'size' | 'frameFromIndex' | 'rescale'>;
/** The two images. */
export interface ImagesOrder {
  readonly first: ImageOrder;
  readonly second: ImageOrder;
}

/** A rigid map ct from second, as it travels between threads. */
export interface SentEdge {
  readonly matrix: Float64Array;
  readonly covariance?: ArrayLike<number>;
}

/** What the worker says, as often as there is something to say; `result` and `failure` end it. */
export type ImagesAnswer =
  | { readonly progress: number }
  | { readonly preview: Float64Array }
  | { readonly result: Omit<ImageResult, 'fixedFromMoving'> & { readonly edge: SentEdge; readonly method: string } }
  | { readonly failure: { readonly code: string | undefined; readonly message: string } };

function say(answer: ImagesAnswer): void {
  postMessage(answer);
}

async function register({ first, second }: ImagesOrder): Promise<void> {
  const { fixedFromMoving, outcome, findings, confidence, seconds, starts } = await registerImages(
    volume({ ...first, frame: CT }),
    volume({ ...second, frame: SECOND }),
    {
      // Stopping this worker is what aborts it.
      signal: new AbortController().signal,
      progress: (progress) => say({ progress }),
      preview: (pose) => say({ preview: Float64Array.from(pose.matrix) }),
    },
  );
  const { covariance, provenance } = fixedFromMoving;
  const edge = { matrix: Float64Array.from(fixedFromMoving.matrix), ...(covariance && { covariance }) };
  say({ result: { outcome, findings, confidence, seconds, starts, edge, method: provenance?.method ?? 'registration' } });
}

addEventListener('message', ({ data }: MessageEvent<ImagesOrder>) => {
  register(data).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    say({ failure: { code: isNavError(error) ? error.code : undefined, message } });
  });
});
