import { rotationAngleBetween } from '@trocar/core/math';
import type { LiveState, LiveTool } from '@trocar/core/session';

/** Half a step of what is sent, and a little for rounding. */
const HALF_MM = 0.005 + 1e-9;
const DEGREES = 0.005;

/**
 * What an observer's state has wrong against the operator's, by comparing them; undefined where it is the same to what is stated of sending.
 * Independent of the messages and their digests.
 */
export function wrongWith(shown: LiveState, truth: LiveState): string | undefined {
  const same = (what: string, a: unknown, b: unknown): string | undefined =>
    JSON.stringify(a) === JSON.stringify(b) ? undefined : `${what} ${JSON.stringify(a)} where it is ${JSON.stringify(b)}`;
  return (
    same('pseudonym', shown.pseudonym, truth.pseudonym) ??
    same('guidance', shown.guidance, truth.guidance) ??
    same('images', shown.images, truth.images) ??
    same('plan', shown.plan, truth.plan) ??
    same('alarms', byRule(shown), byRule(truth)) ??
    same('annotations', shown.annotations, truth.annotations) ??
    same('verdicts', shown.verdicts, truth.verdicts) ??
    readingsWrong(shown, truth) ??
    toolsWrong(shown.tools, truth.tools)
  );
}

/** In one order, whatever order their parts were written in. */
const byRule = (state: LiveState): unknown =>
  [...state.alarms]
    .sort((a, b) => (a.rule + a.subject < b.rule + b.subject ? -1 : 1))
    .map((one) => Object.entries({ ...one, values: Object.entries(one.values).sort() }).sort());

const find = <T extends { readonly name: string }>(list: readonly T[], name: string): T | undefined =>
  list.find((one) => one.name === name);

function readingsWrong(shown: LiveState, truth: LiveState): string | undefined {
  if (shown.readings.length !== truth.readings.length) return 'other readings';
  for (const one of truth.readings) {
    const there = find(shown.readings, one.name);
    if (there === undefined || there.unit !== one.unit) return `no reading ${one.name}`;
    if (Number.isNaN(one.value) !== Number.isNaN(there.value)) return `${one.name} is known where it is not`;
    if (Math.abs(one.value - there.value) > HALF_MM) return `${one.name} is ${there.value} where it is ${one.value}`;
    if (!Number.isNaN(one.value) && !(there.bound95 >= one.bound95)) return `the bound of ${one.name} shrank`;
  }
  return undefined;
}

function toolsWrong(shown: readonly LiveTool[], truth: readonly LiveTool[]): string | undefined {
  if (shown.length !== truth.length) return 'other tools';
  for (const one of truth) {
    const there = find(shown, one.name);
    if (there === undefined || there.status !== one.status || there.frame !== one.frame)
      return `the status of ${one.name} is another`;
    if (one.matrix === undefined || there.matrix === undefined) {
      if (one.matrix !== there.matrix) return `${one.name} has a pose on one side`;
      continue;
    }
    for (let k = 12; k < 15; k += 1) {
      const off = Math.abs((one.matrix[k] as number) - (there.matrix[k] as number));
      if (!(off <= HALF_MM)) return `${one.name} is ${off} mm off`;
    }
    if (!((rotationAngleBetween(one.matrix, there.matrix) * 180) / Math.PI <= DEGREES)) return `${one.name} is turned`;
    if (!Number.isNaN(one.error95Mm) && !(there.error95Mm >= one.error95Mm)) return `the bound of ${one.name} shrank`;
  }
  return undefined;
}
