import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { frame } from '@trocar/core';
import { fromQuaternion, invertRigid, multiply4, quaternionOf, transformPoint } from '@trocar/core/math';
import { readTrackedSequence } from '@trocar/core/recording';
import { describe, expect, it } from 'vitest';
import { fitRigid } from '../points/rigid-fit.js';
import { calibratePivot, type PivotCalibration } from './pivot.js';

const data = process.env['TROCAR_DATA'] ?? resolve(import.meta.dirname, '../../../../../shared/data');
const file = resolve(data, 'tracked-ultrasound/sequences/EightLandmarkPointsTrackedForPhantomRegistration.igs.mha');

const reference = frame('reference');
const stylus = frame('stylus');
const tip = frame('tip');

/** The landmarks of phantom fCal 2.0 as its file has them, mm. */
const LANDMARKS = [
  [104.3, 5, 20],
  [104.3, 45, 20],
  [104.3, 45, 0],
  [104.3, -5, 0],
  [-34.3, 45, 15],
  [-34.3, -5, 20],
  [-34.3, -5, 0],
  [-34.3, 45, 0],
];

/** Reference from stylus for every frame; the file's six digits are made a rotation again. */
function poses(): Float64Array[] {
  const sequence = readTrackedSequence(new Uint8Array(readFileSync(file)));
  return sequence.frames.map((f) => {
    const of = (name: string): Float64Array => f.transforms.find((t) => t.name === name)?.matrix as Float64Array;
    const m = multiply4(new Float64Array(16), invertRigid(new Float64Array(16), of('ReferenceToTracker')), of('StylusToTracker'));
    return fromQuaternion(new Float64Array(16), quaternionOf(new Float64Array(4), m), m.subarray(12, 15));
  });
}

type Pivot = PivotCalibration<'reference', 'stylus', 'tip'>;

/** The pivots that the recording holds by the way: 30 frames (2 s) on one landmark while the stylus is tilted a little. */
function pivots(all: readonly Float64Array[]): Pivot[] {
  const found: Pivot[] = [];
  for (let k = 0; k + 30 <= all.length; k += 10) {
    try {
      const list = { to: reference, from: stylus, poses: all.slice(k, k + 30).map((matrix) => ({ matrix })) };
      const result = calibratePivot(list, tip, { maxTip95Mm: 20 });
      if (result.rmsMm < 0.5 && result.inliers.length >= 25) found.push(result);
    } catch {
      // On the way from one landmark to the next there is no pivot.
    }
  }
  return found;
}

/** Where the tip stayed within 1 mm of its mean for 2.5 s or more: places and poses. */
function rests(
  all: readonly Float64Array[],
  tipMm: ArrayLike<number>,
): { readonly at: Float64Array; readonly poses: Float64Array[] }[] {
  const places = all.map((m) => transformPoint(new Float64Array(3), m, tipMm));
  const found: { at: Float64Array; poses: Float64Array[] }[] = [];
  for (let start = 0; start < places.length; start += 1) {
    let at = Float64Array.from(places[start] as Float64Array);
    let end = start + 1;
    for (; end < places.length; end += 1) {
      const away = (places[end] as Float64Array).map((x, i) => x - (at[i] as number));
      if (Math.hypot(...away) >= 1) break;
      at = at.map((x, i) => x + (away[i] as number) / (end - start + 1));
    }
    if (end - start < 38) continue;
    found.push({ at, poses: all.slice(start, end) });
    start = end;
  }
  return found;
}

const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

/** Mean pose matrices of the landmarks: mean R and mean t, so that a landmark is R̄ p + t̄ for any tip p. */
function meanMatrices(all: readonly Float64Array[], tipMm: ArrayLike<number>): Float64Array[] {
  // The rests before and after the landmarks are not on the phantom.
  const eight = rests(all, tipMm).slice(1, -1);
  return eight.map(({ poses: own }) => {
    const mean = new Float64Array(16);
    for (const m of own) for (let i = 0; i < 16; i += 1) mean[i] = (mean[i] as number) + (m[i] as number) / own.length;
    return mean;
  });
}

const phantomLandmarks = Float64Array.from(LANDMARKS.flat());

/** Root-mean-square misfit of the landmarks to the phantom for a tip. */
function freMm(landmarks: readonly Float64Array[], tipMm: ArrayLike<number>): number {
  const touched = Float64Array.from(landmarks.flatMap((m) => Array.from(transformPoint(new Float64Array(3), m, tipMm))));
  return Math.sqrt(fitRigid(phantomLandmarks, touched, new Float64Array(8).fill(1)).squares / 8);
}

/** The tip with which the landmarks fit the phantom best, by coordinate descent. */
function fittedTip(landmarks: readonly Float64Array[], start: readonly number[]): number[] {
  let best = [...start];
  let least = freMm(landmarks, best);
  for (let step = 1; step > 1e-3; step /= 2) {
    for (let turn = 0; turn < 12; turn += 1) {
      const tried = [0, 1, 2].flatMap((i) => [-step, step].map((d) => best.map((x, j) => (i === j ? x + d : x))));
      for (const tip of tried) {
        const fre = freMm(landmarks, tip);
        if (fre < least) [best, least] = [tip, fre];
      }
    }
  }
  return best;
}

describe.skipIf(!existsSync(file))('a real stylus on eight landmarks (TROCAR_DATA/tracked-ultrasound)', () => {
  it('finds its tip again and again from two seconds of slight tilting, within the bound it gives', () => {
    const found = pivots(poses());
    expect(found.length).toBeGreaterThanOrEqual(12);
    const common = [0, 1, 2].map((i) => middle(found.map((p) => p.tipMm[i] as number)));
    const within = found.filter((p) => Math.hypot(...p.tipMm.map((x, i) => x - (common[i] as number))) <= p.tip95Mm);
    expect(within.length / found.length).toBeGreaterThan(0.85);
    // 0.2 mm rms of misfit say nothing of the tip, which is only known to 2 mm along the shaft: the cone is 10°.
    expect(middle(found.map((p) => p.rmsMm))).toBeLessThan(0.3);
    expect(middle(found.map((p) => p.tip95Mm))).toBeGreaterThan(1);
  });

  it('lands on the phantom’s landmarks: FRE 0.21 mm (PLUS: 0.198 mm) once the tip is the landmarks’ own', () => {
    const all = poses();
    const found = pivots(all);
    const common = [0, 1, 2].map((i) => middle(found.map((p) => p.tipMm[i] as number)));
    const landmarks = meanMatrices(all, common);
    expect(landmarks).toHaveLength(8);
    const best = fittedTip(landmarks, common);
    expect(freMm(landmarks, best)).toBeLessThan(0.23);
    // The tip that PLUS reached 0.198 mm with is not in its files. Ours from slight tilting differs by 1.2 mm along the shaft:
    // within the bound it gives, of which its misfit of 0.2 mm tells nothing.
    expect(Math.hypot(...best.map((x, i) => x - (common[i] as number)))).toBeLessThan(middle(found.map((p) => p.tip95Mm)));
  });
});
