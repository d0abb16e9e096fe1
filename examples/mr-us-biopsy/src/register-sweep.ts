import type { Transform } from '@trocar/core';
import { apply, point } from '@trocar/core';
import type { Volume } from '@trocar/core/volume';
import { registerDeformable } from '@trocar/registration/deformable';
import { registerToUltrasound } from '@trocar/registration/intensity';
import type { BiopsyCase } from './case.js';
import { MR } from './frames.js';
import { type DeformableComparison, type RegisterSweep, SEARCH } from './register-step.js';

/** Registers the MR to the sweep by LC2 in `threads` workers; 0: in the caller's own thread, with pauses. */
export function registerBy(threads: number, createWorker?: () => Worker): RegisterSweep {
  return async (us, mr, { initial, signal, progress }) => {
    const started = performance.now();
    const found = await registerToUltrasound(us, [mr], {
      initial,
      searchMm: SEARCH.mm,
      searchDeg: SEARCH.deg,
      modality: 'mr',
      threads,
      signal,
      progress,
      ...(createWorker && { createWorker }),
    });
    return {
      outcome: found.outcome,
      confidence: found.confidence,
      findings: found.findings.map((f) => f.message),
      referenceFromMr: found.usFromMoving.matrix,
      covariance: found.usFromMoving.covariance,
      method: found.usFromMoving.provenance?.method ?? 'lc2-rigid',
      seconds: (performance.now() - started) / 1000,
    };
  };
}

/**
 * What a deformable registration makes of the lesions' places beside the rigid one. It folds nowhere by construction (its least volume
 * ratio says so), and is compared only: cores are recorded by the rigid edge, whose error is known.
 */
export async function compareDeformable(
  us: Volume<'reference'>,
  given: BiopsyCase,
  mrFromReference: Transform<'mr', 'reference'>,
  signal?: AbortSignal,
): Promise<DeformableComparison> {
  const found = await registerDeformable(us, given.mr, {
    initial: mrFromReference,
    maxDisplacementMm: 10,
    ...(signal && { signal }),
  });
  const differsMm = given.lesions.map(({ centre }) => {
    const there = found.fixedFromMoving.apply(point(MR, centre.xyz));
    const back = apply(mrFromReference, there);
    return Math.hypot(...[0, 1, 2].map((k) => (back.xyz[k] as number) - (centre.xyz[k] as number)));
  });
  const { outcome, deformed, shape, seconds } = found;
  return { outcome, deformed, leastVolumeRatio: shape.leastVolumeRatio, differsMm, seconds };
}
