import { invert, invertAffine } from '@trocar/core';
import { registerDeformable } from '../deformable/index.js';
import { asElastix } from '../itk/index.js';
import type { ImageInputs } from './image-command-input.js';
import type { ImageResult } from './image-command-result.js';
import type { Watch } from './image-command-watch.js';

/** What is said where nothing was deformed. */
export function notDeformed(message: string): { readonly code: 'not-deformed'; readonly message: string } {
  return { code: 'not-deformed', message };
}

/**
 * Deforms from a rigid result, by `registerDeformable`. Where the rigid result is not ok, or the deformation does not stand its
 * checks, the answer is the rigid one, with what was found.
 */
export async function deformedFrom(
  rigid: ImageResult,
  metric: 'mind' | 'lc2',
  { fixed, moving, fixedMask, movingMask }: ImageInputs,
  { signal, progress }: Watch,
): Promise<ImageResult> {
  if (rigid.outcome !== 'ok' || rigid.rigid === undefined) {
    const message = 'The rigid registration that a deformation begins with is not ok: nothing was deformed.';
    return { ...rigid, warnings: [...rigid.warnings, notDeformed(message)] };
  }
  const found = await registerDeformable(
    fixed.straight,
    moving.map(({ straight }) => straight),
    {
      initial: invert(rigid.rigid),
      metric,
      signal,
      progress: (fraction) => progress(fraction, 'deforming'),
      ...(fixedMask && { fixedMask }),
      ...(movingMask && { movingMask }),
    },
  );
  const findings = found.findings.map(({ code, message }) => ({ code, message }));
  const { shape, evidence, confidence } = found;
  const start = {
    metric: rigid.metric,
    outcome: rigid.outcome,
    confidence: rigid.confidence,
    starts: rigid.starts,
    ...rigid.facts,
  };
  const facts = { shape, deformation: evidence, start };
  if (found.outcome === 'ok' && found.deformed) {
    const { rigid: _, ...common } = rigid;
    const edge = invertAffine(found.rigid);
    return { ...common, confidence, findings, metric, edge, deformation: asElastix(found.movingFromFixed), facts };
  }
  const message = 'No deformation was found that stands its checks: fixedFromMoving is the rigid result.';
  return { ...rigid, outcome: found.outcome, confidence, findings, warnings: [...rigid.warnings, notDeformed(message)], facts };
}
