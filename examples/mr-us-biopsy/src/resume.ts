import { NavError, type Transform } from '@trocar/core';
import {
  type AcceptedRecord,
  type AnyEdge,
  type ExactValue,
  edgeBetween,
  type SessionState,
  toExactJson,
} from '@trocar/core/session';
import { type Volume, volume } from '@trocar/core/volume';
import { sameBits } from '../../suite/src/kept-registration.js';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import type { EquipmentChecks } from './equipment-step.js';
import type { TakenCore } from './fire-step.js';
import { GUIDE, MR, PLANE, PROBE, REFERENCE } from './frames.js';
import { targetsOf } from './kept.js';
import type { Procedure } from './procedure.js';
import { KINDS } from './record-kinds.js';
import { type Marked, marked, proposalOf, type SweepRegistration, verified } from './register-step.js';
import { voxelsOf } from './voxel-text.js';

/**
 * Takes a procedure up where its session left it: checked, swept, registered, verified, with its cores. What follows from what was kept is
 * worked out again and must be the accepted registration to the last bit; where it is not, cores and checks are taken up without it.
 * Landmarks must be held against a registration that was taken up before a core is taken.
 * @throws NavError `session/other-images` for a case with other targets, `session/bad-value` for a sweep that cannot be read,
 *   `frame/mismatch` for edges between other frames
 */
export async function resume(procedure: Procedure, state: SessionState<'mr'>): Promise<Refusal | undefined> {
  const one = (kind: string): AcceptedRecord | undefined => state.records.find((r) => r.kind === kind && r.id === '1');
  requireTargets(procedure, one(KINDS.targets)?.value ?? null);
  const equipment = one(KINDS.equipment);
  const [plane, guide] = [state.calibrations['probe from plane'], state.calibrations['plane from guide']];
  // A new calibration of the probe was accepted, and not yet checked.
  if (equipment === undefined && plane !== undefined) procedure.graph.set(edgeBetween(plane.edge, PROBE, PLANE));
  if (equipment === undefined || plane === undefined || guide === undefined) return undefined;
  const checked = {
    plane: edgeBetween(plane.edge, PROBE, PLANE),
    guide: edgeBetween(guide.edge, PLANE, GUIDE),
    checks: checksFrom(equipment.value),
    cores: state.records.filter(({ kind }) => kind === KINDS.core).map(({ value }) => coreFrom(value)),
  };
  const us = await sweepFrom(one(KINDS.sweep)?.value ?? null);
  const { registration } = state;
  if (registration === undefined) return procedure.restore({ ...checked, us });
  const proposal = proposalOf(procedure.case, one(KINDS.match)?.value as unknown as SweepRegistration);
  if (us === undefined || !isEdge(proposal.edge, registration.edge)) return procedure.restore(checked) ?? NOT_AS_ACCEPTED;
  const verification = one(KINDS.verification);
  // That of a registration before says nothing of this one.
  const current = verification !== undefined && verification.line > registration.line;
  const check = current ? verified(proposal.edge, marksFrom(verification.value)) : undefined;
  const refused = check !== undefined && isRefusal(check) ? check : undefined;
  return procedure.restore({ ...checked, us, proposal, ...(check && !isRefusal(check) && { verification: check }) }) ?? refused;
}

const NOT_AS_ACCEPTED: Refusal = {
  code: 'not-as-accepted',
  message: 'What was kept does not give the registration that was accepted. Sweep again.',
};

function isEdge(made: Transform<'mr', 'reference'> | undefined, kept: AnyEdge): made is Transform<'mr', 'reference'> {
  if (made?.covariance === undefined || kept.covariance === undefined) return false;
  return sameBits(made.matrix, kept.matrix) && sameBits(made.covariance, kept.covariance);
}

function requireTargets({ case: given }: Procedure, kept: ExactValue): void {
  if (inOrder(kept) === inOrder(targetsOf(given))) return;
  throw new NavError(
    'session/other-images',
    'These are not the targets of that procedure. Load the segmentation it was begun with, or begin anew.',
  );
}

/** A value as text, its keys by the alphabet, as the log has them. */
function inOrder(value: ExactValue): string {
  const sorted = (_: string, v: unknown): unknown =>
    typeof v === 'object' && v !== null && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v;
  return JSON.stringify(toExactJson(value), sorted);
}

function checksFrom(value: ExactValue): EquipmentChecks {
  const { beadsMm, needleMm } = value as unknown as { readonly beadsMm: readonly number[]; readonly needleMm: number };
  return { side: true, beadsMm: [...beadsMm], needleMm };
}

async function sweepFrom(value: ExactValue): Promise<Volume<'reference'> | undefined> {
  if (value === null) return undefined;
  const { size, frameFromIndex, frames, voxels } = value as unknown as {
    readonly size: readonly [number, number, number];
    readonly frameFromIndex: readonly number[];
    readonly frames: number;
    readonly voxels: string;
  };
  return volume({
    frame: REFERENCE,
    voxels: await voxelsOf(voxels, size[0] * size[1] * size[2]),
    size,
    frameFromIndex: Float64Array.from(frameFromIndex),
    modality: 'US',
    series: { description: `sweep of ${frames} frames` },
  });
}

function marksFrom(value: ExactValue): Marked[] {
  const { marks } = value as unknown as {
    readonly marks: readonly {
      readonly name: string;
      readonly mrMm: readonly number[];
      readonly referenceMm: readonly number[];
    }[];
  };
  return marks.map(({ name, mrMm, referenceMm }) => marked(name, mrMm, referenceMm));
}

/** A core as it was taken: what was kept of it are its own numbers, and which lines of the log hold. */
function coreFrom(value: ExactValue): TakenCore {
  const { side, aimedAt, insertedMm, ...core } = value as unknown as TakenCore & TakenCore['core'];
  return { core: Object.freeze({ ...core, frame: MR }), side, aimedAt, insertedMm };
}
