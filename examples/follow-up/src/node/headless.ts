import { isNavError, transform } from '@trocar/core';
import { identity4 } from '@trocar/core/math';
import { registerDeformable } from '@trocar/registration/deformable';
import { registerVolumes } from '@trocar/registration/intensity';
import { type Change, lesionChange } from '../change.js';
import { type Coverage, countTracks, nothingCounted } from '../coverage.js';
import { type FollowUp, followUp } from '../follow-up.js';
import { EARLIER, LATER, type SimulatedCase, simulateFollowUp } from '../simulated.js';

/** How a headless run goes. */
export interface HeadlessOptions {
  readonly seed: number;
  readonly spacingMm?: readonly [number, number];
  /** Also looks for what bends, and follows the lesions through that. */
  readonly deformable?: boolean;
}

const figure = (x: number, digits: number): string => (Number.isFinite(x) ? x.toFixed(digits) : '–');

function told({ before, after, low, high, beyondError }: Change, unit: string, digits: number): string {
  const range = `${figure(low, digits)} … ${figure(high, digits)}`;
  const change = `${after >= before ? '+' : ''}${figure(after - before, digits)} ${unit} (95 %: ${range})`;
  return `${figure(before, digits)} → ${figure(after, digits)}: ${change}${beyondError ? '' : ', within its error'}`;
}

/** A simulated patient imaged twice, both images registered, and every lesion followed. A script says yes to the registration where it is `ok`. */
export function runFollowUp({ seed, spacingMm, deformable = false }: HeadlessOptions): Promise<FollowUp<'earlier', 'later'>> {
  return runOn(simulateFollowUp({ seed, ...(spacingMm && { spacingMm }) }), deformable);
}

function runOn({ earlier, later }: SimulatedCase, deformable: boolean): Promise<FollowUp<'earlier', 'later'>> {
  return followUp(earlier, later, {
    register: (a, b) => registerVolumes(a, b, { initial: transform(LATER, EARLIER, identity4()), searchMm: 40, searchDeg: 15 }),
    accept: ({ outcome }) => outcome === 'ok',
    ...(deformable && {
      deform: async (a, b, initial) => {
        const found = await registerDeformable(a, b, { initial });
        if (found.outcome !== 'ok' || !found.deformed) return undefined;
        return { laterFromEarlier: (p) => found.movingFromFixed.apply(p), expectedError: (p) => found.expectedError(p) };
      },
    }),
  });
}

/** The same of many patients, held against the truth; those whose registration was not `ok` are counted, and not compared. */
export async function coverageRegistered(patients: number, seed: number): Promise<Coverage & { refused: number }> {
  const counted = { ...nothingCounted(), refused: 0 };
  for (let n = 0; n < patients; n += 1) {
    const given = simulateFollowUp({ seed: seed + n, spacingMm: [2.5, 3] });
    try {
      countTracks(counted, given, (await runOn(given, false)).tracks);
    } catch (error) {
      if (!isNavError(error, 'follow-up/unregistered')) throw error;
      counted.refused += 1;
    }
  }
  return counted;
}

/** What was found, a line for each lesion. */
export function followUpTable(found: FollowUp<'earlier', 'later'>): string[] {
  const { subtraction: s, days, tracks } = found;
  const lines = [
    `${days === undefined ? 'Unknown time' : `${days} days`} between the studies. Both saw ${figure(100 * s.shared, 0)} % of the earlier image; ` +
      `what did not change differs by ${figure(s.noiseSd, 1)} HU (one standard deviation).`,
  ];
  tracks.forEach((track, n) => {
    const name = `Lesion ${n + 1}`;
    if (track.kind === 'matched') {
      const { volumeMl, diameterMm, bounds } = lesionChange(track.before, track.after);
      lines.push(`${name}, ${figure(track.apartMm, 1)} mm from where it is expected (bounds: ${bounds})`);
      lines.push(`  volume    ${told(volumeMl, 'ml', 2)}`, `  diameter  ${told(diameterMm, 'mm', 1)}`);
    } else if (track.kind === 'ambiguous') {
      lines.push(`${name}: ${track.before.length} before and ${track.after.length} after may belong together; a person must say`);
    } else {
      const lesion = 'after' in track ? track.after : track.before;
      lines.push(`${name}: ${track.kind}, ${figure(lesion.volumeMl, 2)} ml`);
    }
  });
  if (found.sumOfDiametersMm) lines.push(`Sum of diameters  ${told(found.sumOfDiametersMm, 'mm', 1)}`);
  return lines;
}
