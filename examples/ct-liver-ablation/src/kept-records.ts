import { point, transform } from '@trocar/core';
import { applicatorOf, ILLUSTRATIVE_APPLICATORS, type ProbeSetting, plannedProbe, zoneShapeOf } from '@trocar/core/guidance';
import type { AcceptedRecord, ExactValue } from '@trocar/core/session';
import type { Burn, SharedError } from './burn-step.js';
import { APPLICATOR_TIP, CT } from './frames.js';
import type { PlannedAblation } from './plan-step.js';

/**
 * How probes and burns are kept in a session: as the numbers that they were made of, never as what follows from those. Read again, they go
 * through the same constructors.
 */

/** Kinds of records: probes of the accepted plan, probes that were added after burns, what the plan was worth, burns. */
export const PROBE = 'planned probe';
export const ADDED = 'added probe';
export const WORTH = 'planned ablation';
export const BURN = 'burn';

const OUTCOMES: readonly Burn['outcome'][] = ['done', 'moved', 'stopped', 'unknown'];

/** The values of one kind, in the order in which they were kept first; those that were taken back are left out. */
export function valuesOf(records: readonly AcceptedRecord[], kind: string): ExactValue[] {
  const own = records.filter((r) => r.kind === kind && r.value !== null);
  return own.sort((a, b) => Number(a.id) - Number(b.id)).map((r) => r.value);
}

/** A probe as it is kept: entry and tip in the CT, LPS mm. */
export function keptProbe({ name, entry, tip, setting }: PlannedAblation): ExactValue {
  return { probe: name, ...keptSetting(setting), entryMm: Float64Array.from(entry.xyz), tipMm: Float64Array.from(tip.xyz) };
}

/** @throws NavError `ablation/unknown-applicator`, `ablation/outside-table`, `pose/not-finite` */
export function probeFrom(value: ExactValue): PlannedAblation {
  const { probe: name, entryMm, tipMm } = value as unknown as { probe: string; entryMm: number[]; tipMm: number[] };
  const setting = settingFrom(value);
  const [entry, tip] = [point(CT, entryMm ?? []), point(CT, tipMm ?? [])];
  const shape = zoneShapeOf(setting.applicator, setting.powerW, setting.minutes);
  return { name, entry, tip, setting, probe: plannedProbe({ frame: CT, matrix: { entry, tip }, shape }) };
}

/** A burn that begins: until it has ended nobody knows what it does. */
export function keptBeginning(name: string, setting: ProbeSetting): ExactValue {
  return { probe: name, ...keptSetting(setting), outcome: 'unknown', movedMm: Number.NaN };
}

/** A burn as it is kept: ct from tip, its own error and that of the registration, which all burns share, mm² and rad². */
export function keptBurn({ name, setting, probe, movedMm, outcome }: Burn, shared: SharedError | undefined): ExactValue {
  const burn = { probe: name, ...keptSetting(setting), outcome, movedMm };
  if (probe?.covariance === undefined || shared?.covariance === undefined) return burn;
  return {
    ...burn,
    ctFromTip: Float64Array.from(probe.matrix),
    covariance: Float64Array.from(probe.covariance),
    registrationCovariance: Float64Array.from(shared.covariance),
    degreesOfFreedom: shared.degreesOfFreedom,
  };
}

/**
 * A burn again. One whose end was not kept has an outcome that nobody knows, and no zone.
 * @throws NavError `ablation/unknown-applicator`, `ablation/outside-table`, `frame/not-rigid`, `frame/bad-covariance`
 */
export function burnFrom(value: ExactValue): { readonly burn: Burn; readonly shared: SharedError | undefined } {
  const kept = value as unknown as {
    readonly probe: string;
    readonly outcome: Burn['outcome'];
    readonly movedMm: number;
    readonly ctFromTip?: number[];
    readonly covariance?: number[];
    readonly registrationCovariance?: number[];
    readonly degreesOfFreedom?: number;
  };
  const setting = settingFrom(value);
  const outcome = OUTCOMES.includes(kept.outcome) ? kept.outcome : 'unknown';
  const burn = { name: kept.probe, setting, movedMm: kept.movedMm, outcome };
  const { ctFromTip, covariance, registrationCovariance, degreesOfFreedom } = kept;
  if (outcome !== 'done' || !ctFromTip || !covariance || !registrationCovariance) {
    return { burn: { ...burn, probe: undefined }, shared: undefined };
  }
  const { matrix } = transform(CT, APPLICATOR_TIP, ctFromTip, { covariance: registrationCovariance });
  const shape = zoneShapeOf(setting.applicator, setting.powerW, setting.minutes);
  const probe = { frame: CT, shape, matrix, covariance: Float64Array.from(covariance) };
  const freedom = degreesOfFreedom !== undefined && { degreesOfFreedom };
  return { burn: { ...burn, probe }, shared: { covariance: Float64Array.from(registrationCovariance), ...freedom } };
}

function keptSetting({ applicator, powerW, minutes }: ProbeSetting): {
  readonly applicator: string;
  readonly powerW: number;
  readonly minutes: number;
} {
  return { applicator: applicator.id, powerW, minutes };
}

/** @throws NavError `ablation/unknown-applicator` */
function settingFrom(value: ExactValue): ProbeSetting {
  const { applicator, powerW, minutes } = value as unknown as { applicator: string; powerW: number; minutes: number };
  return { applicator: applicatorOf(ILLUSTRATIVE_APPLICATORS, applicator), powerW, minutes };
}
