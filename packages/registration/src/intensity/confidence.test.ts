import { describe, expect, it } from 'vitest';
import { confidenceOf, unmirroredChance } from './confidence.js';
import type { SearchEvidence } from './evidence.js';

/** What a plain pair of abdomens gives. */
const GOOD: SearchEvidence = {
  overlap: 0.8,
  mutualInformation: 0.8,
  runnerUpGap: 0.3,
  runnerUpSigmas: 30,
  agreement: 0.2,
  reversalMm: 0.3,
  affineGapMm: 0.5,
  finishMm: 0.3,
  edges: 0.8,
  edgePeak: 9,
  samplingMm: 0.2,
  judgedSpacingMm: 6,
  radiusMm: 140,
};

describe('the confidence', () => {
  it('falls as the mirror image comes nearer: half at a tie, nothing where the mirror image fits', () => {
    const at = (gap: number, sigmas: number): number => unmirroredChance({ mirrorGap: gap, mirrorSigmas: sigmas });
    expect(at(0, 0)).toBe(0.5);
    expect(at(0.1, 20)).toBeCloseTo(1, 6);
    expect(at(-0.1, -20)).toBeCloseTo(0, 6);
    // One standard error, and as much by share alone: 84 % of a normal distribution lies below.
    expect(at(0.1, 1)).toBeCloseTo(0.8413, 4);
    expect(at(0.008, 50)).toBeCloseTo(0.8413, 4);
    // Where nothing need be said, the number hardly falls.
    expect(at(0.02, 2.5)).toBeGreaterThan(0.99);
    for (let z = -4; z < 4; z += 0.25) expect(at(1, z + 0.25)).toBeGreaterThan(at(1, z));
  });

  it('is no longer enough where another way to the pose ends more than 2 mm off, however coarse the level', () => {
    expect(confidenceOf(GOOD)).toBeGreaterThan(0.98);
    // Poor in other ways too, as noise makes them.
    const noisy = { ...GOOD, mutualInformation: 0.4, edges: 0.43, edgePeak: 4, runnerUpGap: 0.114, runnerUpSigmas: 10 };
    expect(confidenceOf({ ...noisy, reversalMm: 1 })).toBeGreaterThan(0.9);
    expect(confidenceOf({ ...noisy, reversalMm: 1, finishMm: 1 })).toBeGreaterThan(0.9);
    expect(confidenceOf({ ...noisy, reversalMm: 1, finishMm: 2.5 })).toBeLessThan(0.9);
    for (const judgedSpacingMm of [4, 6, 9]) expect(confidenceOf({ ...noisy, judgedSpacingMm, reversalMm: 5 })).toBeLessThan(0.9);
  });
});
