import { invert, transform } from '@trocar/core';
import { registerVolumes } from '@trocar/registration/intensity';
import { CT, SECOND } from './frames.js';
import type { RegisterImages } from './image-step.js';

/** Registers the second image to the first, rigidly and from anywhere, in the caller's own thread, with pauses. */
export const registerImages: RegisterImages = (first, second, { signal, progress, preview }) =>
  registerVolumes(first, second, {
    signal,
    progress,
    preview: (secondFromCt) => preview(invert(transform(SECOND, CT, secondFromCt))),
  });
