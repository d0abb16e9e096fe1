import { hasPose } from '@trocar/core';
import { ALARM_RULES, type AlarmDeadline } from '@trocar/core/guidance';
import type { CalibrationPose } from '@trocar/registration';
import type { AccuracyPhantom } from '../phantom.js';
import { promptsFor, type Recordings } from '../prompts.js';
import { FAULTS, type Fault, tryFault } from './faults.js';
import { procedure } from './procedure.js';
import type { Doing, RecordedHand } from './world.js';

/** What became of one fault. */
export interface FaultResult {
  readonly fault: string;
  /** The alarm that it must raise, and until when; `none` for the procedure without a fault, which must raise nothing and be accepted. */
  readonly alarm: string;
  readonly deadline: string;
  readonly inTime: boolean;
  /** From the fault to the alarm, ms; null where the fault has no moment, or no alarm came. */
  readonly afterMs: number | null;
  /** Everything that was raised, in order. */
  readonly raised: readonly string[];
}

/** Touched after the registration divots, at no lean: with fewer a scale of 1 % is not known from noise. */
const CHECKS = 6;

/**
 * The faults by their names.
 * @param list `all`, `none`, or names with commas between
 * @throws Error that names those there are
 */
export function faultsOf(list: string): readonly Fault[] {
  if (list === 'none') return [];
  if (list === 'all') return FAULTS;
  return list.split(',').map((name) => {
    const found = FAULTS.find((f) => f.name === name.trim());
    if (found === undefined)
      throw new Error(`No fault is called "${name.trim()}". There are: ${FAULTS.map((f) => f.name).join(', ')}.`);
    return found;
  });
}

/**
 * Injects faults into a whole station that is fed with the recorded poses of the pointer: real driver, calibration, registration and
 * monitor, in virtual time. Reference, second body, table, the tracker's clock and the scanner are simulated about the recorded poses.
 * @throws NavError of the station where the recordings cannot be calibrated or registered from
 */
export async function injectFaults(
  faults: readonly Fault[],
  phantom: AccuracyPhantom,
  record: Recordings,
  seed: number,
): Promise<readonly FaultResult[]> {
  if (faults.length === 0) return [];
  const hand = recordedHand(phantom, record);
  const clean = await procedure(seed, {}, undefined, hand);
  const raised = clean.raised.map((r) => r.rule);
  const nothing = { fault: 'no fault', alarm: 'none', deadline: '', afterMs: null, raised };
  const results: FaultResult[] = [{ ...nothing, inTime: clean.accepted && raised.length === 0 }];
  for (const fault of faults) {
    const { inTime, afterMs, early, raised } = await tryFault(fault, seed, hand);
    const deadline = ALARM_RULES.find((r) => r.id === fault.rule)?.deadline;
    results.push({
      fault: fault.name,
      alarm: fault.rule,
      deadline: deadline === undefined ? '' : deadlineText(deadline),
      // An alarm before there was any fault is none for it.
      inTime: inTime && early.length === 0,
      afterMs: Number.isNaN(afterMs) ? null : afterMs,
      raised,
    });
  }
  return results;
}

function deadlineText(deadline: AlarmDeadline): string {
  switch (deadline.kind) {
    case 'after':
      return `${deadline.ms} ms`;
    case 'period-and':
      return `one period + ${deadline.ms} ms`;
    case 'before-acceptance':
      return 'before acceptance';
    default:
      return 'at the first look';
  }
}

/** What the hand did by the protocol's prompts: `pivot`, `static` in the same divot, registration divots, test divots at no lean. */
function recordedHand(phantom: AccuracyPhantom, record: Recordings): RecordedHand {
  const prompts = promptsFor(phantom);
  const seen = (name: string): readonly CalibrationPose[] => {
    const prompt = prompts.find((p) => p.name === name);
    const poses = prompt === undefined ? [] : record(prompt).filter((p) => p.status === undefined || hasPose(p.status));
    if (poses.length < 2) throw new Error(`Of "${name}" the pointer was seen in ${poses.length} poses. Record it again.`);
    return poses;
  };
  const touched = [...phantom.registration, ...phantom.test.slice(0, CHECKS)];
  const names = touched.map((d, k) =>
    k < phantom.registration.length ? `register ${d.name}` : `test ${d.name} at 0° towards 0°`,
  );
  const lists = new Map<Doing, readonly CalibrationPose[]>([
    ['calibrate', seen('pivot')],
    ['check', seen('static')],
    ...names.map((name, k): [Doing, readonly CalibrationPose[]] => [k, seen(name)]),
  ]);
  const matrices = new Map([...lists].map(([doing, poses]) => [doing, poses.map((p) => p.matrix)]));
  return {
    marked: touched.map((d) => d.at),
    fiducials: phantom.registration.length,
    poses: (doing) => matrices.get(doing) ?? [],
    periodMs: middleStep(lists.get('calibrate') ?? []),
  };
}

/** The middle of the steps in time between poses, ms. */
function middleStep(poses: readonly CalibrationPose[]): number {
  const times = poses.map((p) => p.timeMs ?? Number.NaN);
  const steps = times.slice(1).map((at, k) => at - (times[k] as number));
  const step = steps.sort((a, b) => a - b)[steps.length >> 1] as number;
  if (!(step > 0)) throw new Error('The times of the recorded poses of "pivot" do not rise.');
  return step;
}
