import { type ExactValue, type ReportPicture, reportHtml, type Session } from '@trocar/core/session';
import { CHANGED } from '../../suite/src/kept-registration.js';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import type { BiopsyCase } from './case.js';
import type { TakenCore } from './fire-step.js';
import { GUIDE, PLANE, PROBE } from './frames.js';
import { whyNotCalibrated } from './probe-calibration.js';
import type { Procedure } from './procedure.js';
import { KINDS } from './record-kinds.js';
import { type Marked, VERIFY_LIMIT_MM, verified, whyNotNavigable, whyNotVerified } from './register-step.js';
import { tablesOf } from './report-tables.js';
import { voxelText } from './voxel-text.js';

/** The id of a record of which there is one. */
const ONE = '1';

/**
 * A procedure whose acceptances are kept in a session before they hold: what is drawn as accepted, a crash cannot take. A core is kept
 * right after it was fired: that has happened, whatever a disk says.
 */
export class KeptBiopsy {
  readonly procedure: Procedure;
  readonly session: Session<'mr'>;
  readonly #by: string;

  /** @param by who accepts, as the log names them */
  constructor(procedure: Procedure, session: Session<'mr'>, by: string) {
    this.procedure = procedure;
    this.session = session;
    this.#by = by;
  }

  /** The images' targets, as they were looked at and accepted. @throws NavError as the session's methods, here and below */
  async acceptCase(): Promise<void> {
    await this.#record(KINDS.targets, targetsOf(this.procedure.case));
  }

  /** Probe and guide with what their checks found. */
  async acceptEquipment(): Promise<Refusal | undefined> {
    const { procedure, session } = this;
    const { graph, equipment, stage } = procedure;
    // What the procedure would refuse is not kept: it says itself why.
    if (stage !== 'calibrate' || !equipment.done) return procedure.acceptEquipment();
    const { beadsMm, needleMm } = equipment.checks;
    for (const [to, from] of [[PROBE, PLANE] as const, [PLANE, GUIDE] as const]) {
      const edge = graph.get(to, from);
      if (edge !== undefined) await session.acceptCalibration(edge as never, this.#by);
    }
    await this.#record(KINDS.equipment, { beadsMm: beadsMm.map((mm) => mm ?? Number.NaN), needleMm });
    return procedure.acceptEquipment();
  }

  /** The probe's calibration under review, in place of the stored one. */
  async acceptProbeCalibration(): Promise<Refusal | undefined> {
    const { procedure, session } = this;
    const { found } = procedure.calibration;
    if (procedure.stage !== 'calibrate' || found === undefined || whyNotCalibrated(found) !== undefined)
      return procedure.acceptProbeCalibration();
    await session.acceptCalibration(found.edge, this.#by);
    const { pictures, heldOutMm, expectedMm, beadMm, scale } = found;
    await this.#record(KINDS.probe, { pictures, heldOutMm, expectedMm, beadMm, scale });
    return procedure.acceptProbeCalibration();
  }

  /** The swept volume, right after the sweep was found to be usable. */
  async keepSweep(): Promise<void> {
    const { us, sweep } = this.procedure;
    if (us === undefined) return;
    const { size, frameFromIndex, voxels } = us;
    const value: ExactValue = {
      frames: sweep.frames.length,
      lengthMm: sweep.lengthMm,
      widestGapMm: sweep.widestGap.mm,
      size: [...size],
      frameFromIndex: Float64Array.from(frameFromIndex),
      voxels: await voxelText(voxels as Uint8Array<ArrayBuffer>),
    };
    await this.#record(KINDS.sweep, value);
  }

  /** The registration under review. */
  async acceptRegistration(): Promise<Refusal | undefined> {
    const { procedure, session } = this;
    const { proposal, stage } = procedure;
    if (stage !== 'register' || proposal?.edge === undefined || whyNotNavigable(proposal)) return procedure.acceptRegistration();
    const { referenceFromMr, covariance, ...rest } = proposal.result;
    const result = { ...rest, referenceFromMr: doubles(referenceFromMr), covariance: covariance && doubles(covariance) };
    await this.#record(KINDS.match, result);
    const accuracy = {
      tre95Mm: Math.max(...proposal.tre95Mm),
      freMm: Number.NaN,
      fleMm: Number.NaN,
      residuals: [],
      findings: proposal.result.findings,
      acknowledged: false,
    };
    await session.acceptRegistration(proposal.edge, accuracy, this.#by);
    const refusal = procedure.proposal === proposal ? procedure.acceptRegistration() : CHANGED;
    if (refusal !== undefined) await session.withdrawRegistration(refusal.message, this.#by);
    return refusal;
  }

  /** The landmarks, held against the registration: they are kept where it holds, and noted where it does not. */
  async verify(): Promise<Refusal | undefined> {
    const { procedure } = this;
    const { registration: edge, marks } = procedure;
    const marked = [...marks.values()];
    const check = edge && verified(edge, marked);
    if (check === undefined || isRefusal(check)) return procedure.verify();
    const not = whyNotVerified(check);
    if (not !== undefined) {
      await this.event('warning', 'registration/not-verified', not.message);
      return procedure.verify();
    }
    const { rmsMm, upperMm } = check;
    await this.#record(KINDS.verification, { rmsMm, upperMm, limitMm: VERIFY_LIMIT_MM, marks: marked.map(keptMark) });
    return procedure.verify();
  }

  async core({ core, side, aimedAt, insertedMm }: TakenCore): Promise<void> {
    const value = { ...core, gun: { ...core.gun }, frame: core.frame.name, side, aimedAt, insertedMm };
    await this.session.acceptRecord(KINDS.core, core.id, value as unknown as ExactValue, this.#by);
  }

  /** Gives sweep and registration up. */
  async sweepAgain(): Promise<Refusal | undefined> {
    const registered = this.session.state.registration !== undefined;
    const refusal = this.procedure.sweepAgain();
    if (refusal !== undefined) return refusal;
    if (registered) await this.session.withdrawRegistration('Swept again on request.', this.#by);
    await this.#record(KINDS.sweep, null);
    return undefined;
  }

  async event(level: 'note' | 'warning' | 'alarm', name: string, message: string): Promise<void> {
    await this.session.note(level, name, message, this.#by);
  }

  /** The report as one HTML file. */
  async html(made: Date, pictures: readonly ReportPicture[] = []): Promise<string> {
    const { patient, modality, series, frameOfReferenceUid: uid } = this.procedure.case.mr;
    return reportHtml({
      state: this.session.state,
      audit: await this.session.audit(),
      ...(patient && { patient }),
      images: {
        ...(modality && { modality }),
        ...(series.description && { description: series.description }),
        ...(uid && { frameOfReferenceUid: uid }),
      },
      pictures,
      tables: tablesOf(this.procedure, this.session.state),
      made,
    });
  }

  #record(kind: string, value: ExactValue): Promise<unknown> {
    return this.session.acceptRecord(kind, ONE, value, this.#by);
  }
}

/** What is aimed at, to the last bit: another label map of the same MR has other targets. */
export function targetsOf({ lesions, gland }: BiopsyCase): ExactValue {
  return {
    lesions: lesions.map(({ name, label, centre, radiusMm, side }) => {
      return { name, label, centreMm: doubles(centre.xyz), radiusMm, side };
    }),
    gland: { label: gland.label, centreMm: doubles(gland.centre.xyz), volumeMl: gland.volumeMl },
  };
}

function keptMark({ name, mr, reference }: Marked): ExactValue {
  return { name, mrMm: doubles(mr.xyz), referenceMm: doubles(reference.xyz) };
}

function doubles(v: ArrayLike<number>): number[] {
  return Array.from(v);
}
