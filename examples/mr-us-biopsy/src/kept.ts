import { type ExactValue, type ReportPicture, type ReportTable, reportHtml, type Session } from '@trocar/core/session';
import type { PatientIdentity } from '@trocar/core/volume';
import { AT_LEAST_MM, ENOUGH, type TakenCore } from './fire-step.js';
import { GUIDE, PLANE, PROBE } from './frames.js';
import { GUN } from './probe.js';
import type { Procedure } from './procedure.js';
import { MAX_TRE95_MM, TISSUE_SD_MM, VERIFY_LIMIT_MM } from './register-step.js';

/** The kind of the records that cores are kept as. */
const CORE = 'core';

/** Keeps what a person accepted in a session, and makes its report. Draw as accepted what has resolved. */
export class KeptBiopsy {
  readonly #procedure: Procedure;
  readonly #by: string;
  readonly session: Session<'mr'>;

  /** @param by who accepts, as the log names them */
  constructor(procedure: Procedure, session: Session<'mr'>, by: string) {
    this.#procedure = procedure;
    this.session = session;
    this.#by = by;
  }

  /** Probe and guide as they were accepted, with what the checks found. */
  async calibrations(): Promise<void> {
    const { graph, equipment } = this.#procedure;
    for (const [to, from] of [[PROBE, PLANE] as const, [PLANE, GUIDE] as const]) {
      const edge = graph.get(to, from);
      if (edge !== undefined) await this.session.acceptCalibration(edge as never, this.#by);
    }
    const { beadsMm, needleMm } = equipment.checks;
    const worst = Math.max(...beadsMm.map((mm) => mm ?? Number.NaN));
    const message = `Marked side right; beads within ${worst.toFixed(1)} mm, needle ${(needleMm ?? Number.NaN).toFixed(1)} mm beside its guide's line.`;
    await this.session.note('note', 'equipment/checked', message, this.#by);
  }

  async registration(): Promise<void> {
    const { proposal, registration } = this.#procedure;
    if (proposal === undefined || registration === undefined) return;
    const accuracy = {
      tre95Mm: Math.max(...proposal.tre95Mm),
      freMm: Number.NaN,
      fleMm: Number.NaN,
      residuals: [],
      findings: proposal.result.findings,
      acknowledged: false,
    };
    await this.session.acceptRegistration(registration, accuracy, this.#by);
  }

  async verification(): Promise<void> {
    const check = this.#procedure.verification;
    if (check === undefined) return;
    const { rmsMm, upperMm, accepted, landmarks } = check;
    const value: ExactValue = { rmsMm, upperMm, limitMm: VERIFY_LIMIT_MM, landmarks: landmarks.length, accepted };
    await this.session.acceptRecord('verification', String(this.session.state.records.length + 1), value, this.#by);
  }

  async core(taken: TakenCore): Promise<void> {
    const { core, side, aimedAt, insertedMm } = taken;
    const value = JSON.parse(
      JSON.stringify({ ...core, degreesOfFreedom: String(core.degreesOfFreedom), side, aimedAt, insertedMm }),
    );
    await this.session.acceptRecord(CORE, core.id, value as ExactValue, this.#by);
  }

  async event(level: 'note' | 'warning' | 'alarm', name: string, message: string): Promise<void> {
    await this.session.note(level, name, message, this.#by);
  }

  /** The report as one HTML file. */
  async html(made: Date, pictures: readonly ReportPicture[] = []): Promise<string> {
    const { mr } = this.#procedure.case;
    const { patient, modality, series, frameOfReferenceUid: uid } = mr;
    return reportHtml({
      state: this.session.state,
      audit: await this.session.audit(),
      patient: patient as PatientIdentity,
      images: {
        ...(modality && { modality }),
        ...(series.description && { description: series.description }),
        ...(uid && { frameOfReferenceUid: uid }),
      },
      pictures,
      tables: tablesOf(this.#procedure),
      made,
    });
  }
}

/** What was taken, from which side, how sure that is; and what was sampled with what probability. */
function tablesOf(procedure: Procedure): ReportTable[] {
  const { map } = procedure;
  const cores: ReportTable = {
    title: `Cores (${GUN.name}: throw ${GUN.throwMm} mm, notch ${GUN.notchMm} mm)`,
    kind: CORE,
    columns: [
      { label: 'Core' },
      { label: "Patient's side" },
      { label: 'Fired (UTC)' },
      { label: 'By' },
      { label: 'Pose' },
      { label: 'Age', unit: 'ms', decimals: 0 },
      { label: 'Depth stop', unit: 'mm', decimals: 0 },
      { label: 'Middle, 95 %', unit: 'mm' },
    ],
    rows: procedure.fire.cores.map(({ core, side, insertedMm }) => [
      core.id,
      side,
      core.at,
      core.by,
      core.status,
      core.ageMs,
      insertedMm,
      1.96 * Math.sqrt([0, 4, 8].reduce((sum, k) => sum + (core.covarianceAlong.middle[k] as number), 0)),
    ]),
  };
  const targets: ReportTable = {
    title: `What was sampled: the probability that ${AT_LEAST_MM} mm or more of any core lay within`,
    columns: [
      { label: 'Target' },
      { label: "Patient's side" },
      { label: 'Sampled', unit: '%', decimals: 0 },
      { label: 'Cores', decimals: 0 },
      { label: '' },
    ],
    rows: procedure.case.lesions.map(({ name, side }) => {
      const sampled = map.targets.find((t) => t.target === name)?.probability ?? 0;
      const own = procedure.fire.cores.filter((c) => c.aimedAt === name).length;
      return [name, side, 100 * sampled, own, sampled >= ENOUGH ? 'enough' : 'not enough'];
    }),
  };
  return [cores, targets, basisOf(procedure)];
}

function basisOf({ proposal, verification, case: given }: Procedure): ReportTable {
  const rows: [string, number][] = given.lesions.map((l, n) => [
    `Registration at "${l.name}", 95 %, with ${TISSUE_SD_MM} mm per axis for tissue; limit ${MAX_TRE95_MM} mm`,
    proposal?.tre95Mm[n] ?? Number.NaN,
  ]);
  rows.push([`Landmarks that it was not made from, rms; limit ${VERIFY_LIMIT_MM} mm`, verification?.rmsMm ?? Number.NaN]);
  return { title: 'What the places rest on', columns: [{ label: 'Figure' }, { label: 'Value', unit: 'mm' }], rows };
}
