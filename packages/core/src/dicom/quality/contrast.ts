/** The phase of a contrast-enhanced CT of the abdomen. */
export type ContrastPhase = 'none' | 'arterial' | 'portal-venous' | 'late' | 'unknown';

/** What is known of the contrast; leave out what is not. */
export interface ContrastInput {
  /** Mean of the aorta and of the liver's parenchyma, HU, where labels are at hand. */
  readonly aortaHu?: number;
  readonly liverHu?: number;
  /** From the start of the bolus to the acquisition, s. */
  readonly delayS?: number;
  /** The agent as the file says: an empty string is "none given". */
  readonly agent?: string;
}

/** Blood without contrast is 30 to 60 HU; above this it holds some. */
const ENHANCED_BLOOD_HU = 90;
/** In the arterial phase the aorta stands this far above the liver, HU. */
const ARTERIAL_EXCESS_HU = 120;
/** In the portal-venous phase the liver has at least this, HU. */
const VENOUS_LIVER_HU = 85;

/**
 * The phase from the enhancement of aorta and liver, which show it, else from the delay after the bolus, which suggests it.
 * Where both are known and contradict each other the phase is unknown, and the reason says so. Limits follow common practice
 * of abdominal CT at 120 kV; they are no substitute for looking.
 */
export function contrastPhase(input: ContrastInput): { readonly phase: ContrastPhase; readonly reason: string } {
  const seen = bySight(input);
  const timed = byTime(input);
  if (seen !== undefined && timed !== undefined && seen.phase !== timed.phase) {
    return { phase: 'unknown', reason: `${seen.reason} (${seen.phase}), but ${timed.reason} (${timed.phase})` };
  }
  return seen ?? timed ?? { phase: 'unknown', reason: 'neither the enhancement nor the time since the bolus is known' };
}

function bySight({ aortaHu, liverHu }: ContrastInput): { phase: ContrastPhase; reason: string } | undefined {
  if (aortaHu === undefined || liverHu === undefined) return undefined;
  const reason = `the aorta has ${aortaHu.toFixed(0)} HU and the liver ${liverHu.toFixed(0)} HU`;
  if (aortaHu < ENHANCED_BLOOD_HU && liverHu < VENOUS_LIVER_HU) return { phase: 'none', reason };
  if (aortaHu - liverHu >= ARTERIAL_EXCESS_HU) return { phase: 'arterial', reason };
  if (liverHu >= VENOUS_LIVER_HU && aortaHu >= ENHANCED_BLOOD_HU + 20) return { phase: 'portal-venous', reason };
  return { phase: 'late', reason };
}

function byTime({ delayS, agent }: ContrastInput): { phase: ContrastPhase; reason: string } | undefined {
  if (agent === '') return { phase: 'none', reason: 'the file says that no contrast agent was given' };
  if (delayS === undefined) return undefined;
  const reason = `the scan began ${delayS.toFixed(0)} s after the bolus`;
  if (delayS < 10) return undefined;
  if (delayS < 50) return { phase: 'arterial', reason };
  return { phase: delayS <= 110 ? 'portal-venous' : 'late', reason };
}
