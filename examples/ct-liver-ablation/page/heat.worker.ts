import type { BioheatProblem } from '@trocar/core/guidance';
import { volume } from '@trocar/core/volume';
import { CT } from '../src/frames.js';
import { previewHeat } from '../src/heat.js';

/** A problem without the frame of its labels, which is the CT's. */
export type HeatOrder = Omit<BioheatProblem<'ct'>, 'labels'> & { readonly labels: SentLabels };
/** Labels as they are sent. */
type SentLabels = Pick<BioheatProblem<'ct'>['labels'], 'voxels' | 'size' | 'frameFromIndex'>;

/** How much of it is done; what was found; or why nothing was. */
export type HeatAnswer =
  | { readonly progress: number }
  | { readonly mask: Uint8Array; readonly ml: number; readonly boilingMl: number }
  | { readonly failure: string };

addEventListener('message', async ({ data }: MessageEvent<HeatOrder>) => {
  let answer: HeatAnswer;
  try {
    const labels = volume({ frame: CT, modality: 'SEG', ...data.labels });
    const progress = (fraction: number): void => postMessage({ progress: fraction } satisfies HeatAnswer);
    const { mask, ml, boilingMl } = await previewHeat({ ...data, labels }, { progress });
    answer = { mask: mask.voxels as Uint8Array, ml, boilingMl };
  } catch (error) {
    answer = { failure: error instanceof Error ? error.message : String(error) };
  }
  postMessage(answer);
});
