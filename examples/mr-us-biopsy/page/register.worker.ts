import { isNavError, transform } from '@trocar/core';
import { type Volume, volume } from '@trocar/core/volume';
import { MR, REFERENCE } from '../src/frames.js';
import type { SweepRegistration } from '../src/register-step.js';
import { registerBy } from '../src/register-sweep.js';

/** What of an image is registered: no identity goes along. */
type SentVolume = Pick<Volume<'mr'>, 'voxels' | 'size' | 'frameFromIndex' | 'rescale'>;

/** What the worker is asked. */
export interface RegisterOrder {
  readonly us: SentVolume;
  readonly mr: SentVolume;
  /** Reference from MR, 16 doubles. */
  readonly initial: ArrayLike<number>;
}

/** What it says; `result` and `failure` end it. */
export type RegisterAnswer =
  | { readonly progress: number }
  | { readonly result: SweepRegistration }
  | { readonly failure: { readonly code: string; readonly message: string } };

const say = (answer: RegisterAnswer): void => postMessage(answer);

async function register({ us, mr, initial }: RegisterOrder): Promise<void> {
  const result = await registerBy(0)(
    volume({ ...us, frame: REFERENCE, modality: 'US' }),
    volume({ ...mr, frame: MR, modality: 'MR' }),
    {
      initial: transform(REFERENCE, MR, initial),
      // Ending this worker is what aborts it.
      signal: new AbortController().signal,
      progress: (progress) => say({ progress }),
    },
  );
  const { referenceFromMr, covariance, ...rest } = result;
  say({
    result: {
      ...rest,
      referenceFromMr: Float64Array.from(referenceFromMr),
      covariance: covariance && Float64Array.from(covariance),
    },
  });
}

addEventListener('message', ({ data }: MessageEvent<RegisterOrder>) => {
  register(data).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    say({ failure: { code: isNavError(error) ? error.code : 'registration/failed', message } });
  });
});
