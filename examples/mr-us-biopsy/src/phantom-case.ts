import { fromRotationVector, identity4, Random } from '@trocar/core/math';
import { type ProstatePhantom, prostatePhantom } from '@trocar/core/testing';
import { type BiopsyCase, importCase } from './case.js';
import { MR } from './frames.js';

/** A phantom's case with the body it was imaged from. */
export interface PhantomCase {
  readonly given: BiopsyCase;
  readonly body: ProstatePhantom<'mr'>;
}

/** The patient of a phantom: invented. */
const PATIENT = { id: 'PHANTOM-PROSTATE', name: 'Phantom^Prostate', sex: 'M' } as const;

/**
 * A simulated patient: MR, lesions, and the body that only the simulated ultrasound knows. The same seed gives the same.
 * @param spacingMm edge of the MR's voxels, mm
 */
export function phantomCase(seed: number, spacingMm = 0.8): PhantomCase {
  const random = new Random(seed * 97 + 3);
  const frameFromBody = fromRotationVector(identity4(), [
    random.between(-0.08, 0.08),
    random.between(-0.08, 0.08),
    random.between(-0.08, 0.08),
  ]);
  frameFromBody.set([random.between(-12, 12), random.between(-12, 12), random.between(-30, 30)], 12);
  const body = prostatePhantom({ frame: MR, seed, frameFromBody, spacingMm });
  const lesions = Object.fromEntries(body.lesions.map(({ name, suspicion }, n) => [n + 2, { name, suspicion }]));
  const identity = { patient: PATIENT, series: { ...body.t2.series, seriesUid: `${body.t2.frameOfReferenceUid}.1` } };
  return { given: importCase({ ...body.t2, ...identity }, body.labels, { lesions }), body };
}
