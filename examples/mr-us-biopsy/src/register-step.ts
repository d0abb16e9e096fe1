import { invert, NavError, type Point, point, type Transform, transform } from '@trocar/core';
import { identity4, invertRigid, multiply4, transformPoint } from '@trocar/core/math';
import type { Volume } from '@trocar/core/volume';
import { expectedTreOf, type RegistrationVerification, registerPoints, verifyRegistration } from '@trocar/registration';
import { type Refusal, tried } from '../../suite/src/refusal.js';
import type { BiopsyCase } from './case.js';
import { MR, REFERENCE } from './frames.js';

/** A place that was marked in both images. */
export interface Marked {
  readonly name: string;
  readonly mr: Point<'mr'>;
  readonly reference: Point<'reference'>;
}

/** What a registration to ultrasound answers, as it can come out of a worker. */
export interface SweepRegistration {
  readonly outcome: 'ok' | 'ambiguous' | 'failed';
  readonly confidence: number;
  /** What speaks against it, in sentences. */
  readonly findings: readonly string[];
  /** Reference from MR, rigid, 16 doubles. */
  readonly referenceFromMr: ArrayLike<number>;
  /** 6×6; undefined where it is not known. */
  readonly covariance: ArrayLike<number> | undefined;
  readonly method: string;
  readonly seconds: number;
}

/** What a deformable registration says beside the rigid one: it is compared, never navigated by. */
export interface DeformableComparison {
  readonly outcome: 'ok' | 'ambiguous' | 'failed';
  /** Whether it found more than the rigid motion. */
  readonly deformed: boolean;
  /** Least local volume against the rigid one's: above 0 nothing folds. */
  readonly leastVolumeRatio: number;
  /** How far it takes each lesion's middle from where the rigid motion does, mm, in the lesions' order. */
  readonly differsMm: readonly number[];
  readonly seconds: number;
}

/** How the MR is registered to a swept volume: in a worker, or inline. */
export type RegisterSweep = (
  us: Volume<'reference'>,
  mr: Volume<'mr'>,
  how: {
    readonly initial: Transform<'reference', 'mr'>;
    readonly signal: AbortSignal;
    readonly progress: (share: number) => void;
  },
) => Promise<SweepRegistration>;

/** A registration that a person may accept. */
export interface Proposal {
  readonly result: SweepRegistration;
  /** MR from reference, with the covariance that navigation rests on; undefined where none is known. */
  readonly edge: Transform<'mr', 'reference'> | undefined;
  /** The 95 % bound of the error at each lesion's middle, mm; NaN where it is not known. */
  readonly tre95Mm: readonly number[];
}

/** What the first four marks are used for: where to begin. */
export const INITIAL_MARKS = ['bladder neck', 'apex', 'left edge', 'right edge'] as const;
/** What is never used for the registration: these verify it. */
export const HELD_OUT_MARKS = [
  'verumontanum',
  'calcification 1',
  'calcification 2',
  'calcification 3',
  'cyst',
  'nodule 1',
] as const;

/**
 * What a rigid motion cannot follow inside the gland (the probe's push, a full bladder), and the registration's own covariance does not
 * know: standard deviation per axis, mm. An assumption of this program, shown wherever a bound is; verified by landmarks each time.
 */
export const TISSUE_SD_MM = 0.7;
/** Largest 95 % bound at a lesion that may be navigated by, mm. */
export const MAX_TRE95_MM = 4;
/** What must be shown at landmarks: rms error below this, mm (2.5 mm: Karnik 2010, Med. Phys. 37:802). */
export const VERIFY_LIMIT_MM = 2.5;
/** How exactly a place is marked in both images together, rms length, mm. */
export const MARKING_RMS_MM = 0.9;
/** From the initial marks, within this of the truth, mm and degrees. */
export const SEARCH = { mm: 5, deg: 8 } as const;

/** From marks in both images to where a search begins: a rigid fit. */
export function initialFrom(marks: readonly Marked[]): Transform<'reference', 'mr'> | Refusal {
  const wanted = INITIAL_MARKS.map((name) => marks.find((m) => m.name === name));
  const missing = INITIAL_MARKS.filter((_, n) => wanted[n] === undefined);
  if (missing.length > 0) {
    return {
      code: 'marks-missing',
      message: `Mark ${missing.join(', ')} in the MR and in the sweep first: the search begins from there.`,
    };
  }
  const pairs = wanted as readonly Marked[];
  return tried(
    () =>
      registerPoints(
        REFERENCE,
        MR,
        pairs.map((m) => m.reference),
        pairs.map((m) => m.mr),
      ).edge,
  );
}

/** What a result is worth for navigation on this case. */
export function proposalOf(given: BiopsyCase, result: SweepRegistration): Proposal {
  const edge = navigable(result);
  const tre95Mm = given.lesions.map(({ centre }) => (edge === undefined ? Number.NaN : expectedTreOf(edge, centre).p95Mm));
  return { result, edge, tre95Mm };
}

/** MR from reference, with what tissue does beyond it. */
function navigable({ referenceFromMr, covariance, method }: SweepRegistration): Transform<'mr', 'reference'> | undefined {
  if (covariance === undefined) return undefined;
  const found = invert(transform(REFERENCE, MR, referenceFromMr, { covariance }));
  if (found.covariance === undefined) return undefined;
  const whole = Float64Array.from(found.covariance);
  for (const k of [0, 7, 14]) whole[k] = (whole[k] as number) + TISSUE_SD_MM ** 2;
  return transform(MR, REFERENCE, found.matrix, {
    covariance: whole,
    provenance: { method: `${method}, tissue ${TISSUE_SD_MM} mm` },
  });
}

/** Why a proposal is not accepted; undefined where it is. A registration that was not found is never accepted. */
export function whyNotNavigable({ result, edge, tre95Mm }: Proposal): Refusal | undefined {
  if (result.outcome !== 'ok') {
    return {
      code: 'registration-not-found',
      message: `The registration is "${result.outcome}" and cannot be used: ${result.findings.join(' ')} Mark more exactly, or sweep again.`,
    };
  }
  const worst = Math.max(...tre95Mm);
  if (edge === undefined || !(worst <= MAX_TRE95_MM)) {
    const what = Number.isNaN(worst) ? 'is not known' : `is ${worst.toFixed(1)} mm`;
    return {
      code: 'bound-too-large',
      message: `The error to expect at a lesion (95 %) ${what}; at most ${MAX_TRE95_MM} mm is allowed.`,
    };
  }
  return undefined;
}

/** Holds a registration against marks it was not made from. */
export function verified(edge: Transform<'mr', 'reference'>, marks: readonly Marked[]): RegistrationVerification | Refusal {
  const own = marks.filter((m) => HELD_OUT_MARKS.includes(m.name as (typeof HELD_OUT_MARKS)[number]));
  if (own.length < 4) {
    const message = `Only ${own.length} landmarks are marked in both images; verify with four or more of ${HELD_OUT_MARKS.join(', ')}.`;
    return { code: 'marks-missing', message };
  }
  return tried(() =>
    verifyRegistration(
      edge,
      own.map((m) => ({ known: m.mr, measured: m.reference, label: m.name })),
      { limitMm: VERIFY_LIMIT_MM, fleMm: MARKING_RMS_MM },
    ),
  );
}

/** Why a verification does not let the needle in; undefined where it does. */
export function whyNotVerified(check: RegistrationVerification): Refusal | undefined {
  if (check.accepted) return undefined;
  return { code: 'not-verified', message: check.findings.map((f) => f.message).join(' ') };
}

/**
 * Where the gland lies in the sweep, for cutting the volume to it: a cube around the marks, along the volume's own axes.
 * @throws NavError `registration/no-overlap` where the marks lie outside the sweep
 */
export function cutToGland(us: Volume<'reference'>, marks: readonly Marked[], halfMm = 33): Volume<'reference'> {
  const own = marks.filter((m) => INITIAL_MARKS.includes(m.name as (typeof INITIAL_MARKS)[number]));
  const middle = [0, 1, 2].map((k) => own.reduce((sum, m) => sum + (m.reference.xyz[k] as number) / own.length, 0));
  const h = Math.hypot(us.frameFromIndex[0] as number, us.frameFromIndex[1] as number, us.frameFromIndex[2] as number);
  const unscaled = Float64Array.from(us.frameFromIndex, (v, n) => (n < 12 ? v / h : v));
  const index = transformPoint(new Float64Array(3), invertRigid(identity4(), unscaled), middle).map((v) => v / h);
  const reach = Math.ceil(halfMm / h);
  const low = [0, 1, 2].map((k) => Math.max(0, Math.round(index[k] as number) - reach));
  const high = [0, 1, 2].map((k) => Math.min(us.size[k] as number, Math.round(index[k] as number) + reach + 1));
  const size = [0, 1, 2].map((k) => (high[k] as number) - (low[k] as number)) as [number, number, number];
  if (!size.every((n) => n * h > 15)) {
    throw new NavError(
      'registration/no-overlap',
      'The marks lie outside what was swept. Mark the gland in this sweep, or sweep again.',
    );
  }
  const voxels = new Uint8Array(size[0] * size[1] * size[2]);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      const row = (low[0] as number) + us.size[0] * ((low[1] as number) + j + us.size[1] * ((low[2] as number) + k));
      for (let i = 0; i < size[0]; i += 1, n += 1) voxels[n] = us.voxels[row + i] as number;
    }
  }
  const shift = identity4();
  shift.set(low, 12);
  return { ...us, voxels, size, frameFromIndex: multiply4(identity4(), us.frameFromIndex, shift) };
}

/** A pair of marks as frames know them. */
export function marked(name: string, mr: ArrayLike<number>, reference: ArrayLike<number>): Marked {
  return { name, mr: point(MR, mr), reference: point(REFERENCE, reference) };
}
