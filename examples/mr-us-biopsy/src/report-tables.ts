import type { ReportTable, SessionState } from '@trocar/core/session';
import { AT_LEAST_MM, ENOUGH, radius95 } from './fire-step.js';
import { GUN } from './probe.js';
import type { Procedure } from './procedure.js';
import { KINDS } from './record-kinds.js';
import { MAX_TRE95_MM, TISSUE_SD_MM, VERIFY_LIMIT_MM } from './register-step.js';

/** What was taken, from which side, how sure that is; what was sampled with what probability; and what all of it rests on. */
export function tablesOf(procedure: Procedure, { records }: Pick<SessionState<'mr'>, 'records'>): ReportTable[] {
  const { map } = procedure;
  const cores: ReportTable = {
    title: `Cores (${GUN.name}: throw ${GUN.throwMm} mm, notch ${GUN.notchMm} mm)`,
    kind: KINDS.core,
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
      radius95(core.covarianceAlong.middle),
    ]),
  };
  const targets: ReportTable = {
    kind: KINDS.targets,
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
  return [cores, targets, basisOf(procedure), equipmentOf(procedure), sweepOf(records), matchOf(procedure)];
}

function basisOf({ proposal, verification, case: given }: Procedure): ReportTable {
  const rows: [string, number][] = given.lesions.map((l, n) => [
    `Registration at "${l.name}", 95 %, with ${TISSUE_SD_MM} mm per axis for tissue; limit ${MAX_TRE95_MM} mm`,
    proposal?.tre95Mm[n] ?? Number.NaN,
  ]);
  rows.push([`Landmarks that it was not made from, rms; limit ${VERIFY_LIMIT_MM} mm`, verification?.rmsMm ?? Number.NaN]);
  return {
    title: 'What the places rest on',
    kind: KINDS.verification,
    columns: [{ label: 'Figure' }, { label: 'Value', unit: 'mm' }],
    rows,
  };
}

const figures = (title: string, kind: string, rows: ReportTable['rows']): ReportTable => {
  return { title, kind, columns: [{ label: 'Figure' }, { label: 'Value', unit: 'mm' }], rows };
};

function equipmentOf({ equipment: { checks } }: Procedure): ReportTable {
  const beads = checks.beadsMm.map((mm, n) => [`Bead ${n + 1}, off its known place`, mm ?? Number.NaN] as const);
  const needle = ['Needle, beside the line of its guide', checks.needleMm ?? Number.NaN] as const;
  return figures('Probe and guide, checked before use', KINDS.equipment, [...beads, needle]);
}

/** Of what was kept: a procedure that was taken up again has the volume, and its frames no more. */
function sweepOf(records: SessionState<'mr'>['records']): ReportTable {
  const kept = records.find(({ kind }) => kind === KINDS.sweep)?.value as Partial<Record<string, unknown>> | null | undefined;
  const of = (key: string): number => (typeof kept?.[key] === 'number' ? kept[key] : Number.NaN);
  const rows = [
    [`Length, of ${of('frames')} frames`, of('lengthMm')],
    ['Widest gap', of('widestGapMm')],
  ] as const;
  return figures('The sweep', KINDS.sweep, rows);
}

function matchOf({ proposal }: Procedure): ReportTable {
  const { outcome = 'none', confidence = Number.NaN, method = '–' } = proposal?.result ?? {};
  return {
    title: 'MR to ultrasound',
    kind: KINDS.match,
    columns: [{ label: 'Method' }, { label: 'Outcome' }, { label: 'Chance to be right', unit: '%', decimals: 1 }],
    rows: [[method, outcome, 100 * confidence]],
  };
}
