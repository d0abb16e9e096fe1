import { registerVolumes } from '@trocar/registration/intensity';
import type { RegisterPost } from '../src/confirm-step.js';

/** Registers the CT after to the CT before in the page's own thread, with pauses: poses are drawn meanwhile. */
export const registerHere: RegisterPost = (before, after, { signal, progress }) =>
  registerVolumes(before, after, { signal, progress, threads: 0 });
