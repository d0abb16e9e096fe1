import { registerVolumes } from '@trocar/registration/intensity';
import type { RegisterPost } from './confirm-step.js';

/** Registers the CT after to the CT before, rigidly and from anywhere, in the caller's own thread, with pauses. */
export const registerPost: RegisterPost = (before, after, { signal, progress }) =>
  registerVolumes(before, after, { signal, progress });
