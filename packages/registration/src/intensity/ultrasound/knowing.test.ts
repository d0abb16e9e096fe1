import { describe, expect, it } from 'vitest';
import type { UltrasoundEvidence } from './evidence.js';
import { confidenceOf, judged } from './knowing.js';

const good: UltrasoundEvidence = {
  metric: 'lc2',
  similarity: 0.3,
  peak: 7,
  gain: 0.12,
  runnerUpGap: 0.4,
  runnerUpMm: 5,
  agreement: 0.2,
  halvesMm: 0.3,
  otherPeak: 1.8,
  overlap: 1,
  samplingMm: 0.1,
  movedMm: 6,
  movedDeg: 4,
  starts: 400,
};
const range = { searchMm: 10, searchDeg: 10, images: 2 };
const codes = (e: UltrasoundEvidence): string[] => judged(e, range).findings.map((f) => f.code);

describe('what is thought of a pose', () => {
  it('is ok where all evidence speaks for it', () => {
    expect(judged(good, range)).toMatchObject({ outcome: 'ok', findings: [] });
    expect(confidenceOf(good)).toBeGreaterThan(0.95);
  });

  it.each<[string, Partial<UltrasoundEvidence>, string]>([
    ['another pose is as good', { runnerUpGap: 0.02 }, 'ambiguous'],
    ['the halves disagree and MIND peaks elsewhere', { halvesMm: 1, otherPeak: 0.2 }, 'failed'],
    ['hardly anything overlaps', { overlap: 0.3 }, 'failed'],
    ['it lies far outside the search', { movedMm: 40 }, 'failed'],
    ['it is turned far outside the search', { movedDeg: 60 }, 'failed'],
    [
      'it gains no more than images that do not belong together',
      { gain: 0.055, halvesMm: 0, otherPeak: 4, runnerUpGap: 1 },
      'failed',
    ],
    ['MIND could not tell', { otherPeak: Number.NaN, halvesMm: 0.9 }, 'failed'],
  ])('is not ok where %s', (_, change, outcome) => {
    const judgement = judged({ ...good, ...change }, range);
    expect(judgement.outcome).toBe(outcome);
    expect(judgement.findings.length).toBeGreaterThan(0);
  });

  it.each<[string, Partial<UltrasoundEvidence>]>([
    ["another patient's MR, seed 3", { peak: 7.1, gain: 0.055, runnerUpGap: 0.282, halvesMm: 0.48, otherPeak: 1.35 }],
    ["another patient's MR, seed 8", { peak: 7.6, gain: 0.064, runnerUpGap: 0.532, halvesMm: 0.53, otherPeak: 0.62 }],
  ])('is not ok with the evidence that once passed for right: %s', (_, evidence) => {
    expect(confidenceOf({ ...good, ...evidence })).toBeLessThan(0.5);
    expect(judged({ ...good, ...evidence }, range).outcome).toBe('failed');
  });

  it.each([
    ['mirrored along x', { gain: 0.061, runnerUpGap: 0.35, halvesMm: 0.17, otherPeak: 1.16 }],
    ['mirrored along z', { gain: 0.042, runnerUpGap: 0.07, halvesMm: 0.38, otherPeak: 0.56 }],
  ])('is not ok with what MIND makes of RESECT case 24 %s, and is with what it makes of it as it is', (_, evidence) => {
    const right = { ...good, metric: 'mind', gain: 0.145, runnerUpGap: Number.NaN, halvesMm: 0.08, otherPeak: 1.85 } as const;
    expect(judged(right, range).outcome).toBe('ok');
    expect(confidenceOf({ ...right, ...evidence })).toBeLessThan(0.5);
  });

  it('asks more of one image alone than of two', () => {
    // Between the two thresholds.
    const middling = [0.4, 0.5, 0.6, 0.7].map((halvesMm) => ({ ...good, halvesMm, otherPeak: 1.2, runnerUpGap: 0.3 }));
    const between = middling.find((e) => confidenceOf(e) > 0.955 && confidenceOf(e) < 0.975);
    if (between === undefined) throw new Error(middling.map(confidenceOf).join());
    expect(judged(between, range).outcome).toBe('ok');
    expect(judged(between, { ...range, images: 1 }).outcome).toBe('failed');
    expect(judged(good, { ...range, images: 1 }).outcome).toBe('ok');
  });

  it('never grows surer with worse evidence', () => {
    const worse: Array<Partial<UltrasoundEvidence>> = [{ halvesMm: 0.8 }, { otherPeak: 1 }, { runnerUpGap: 0.2 }, { gain: 0.06 }];
    for (const change of worse) expect(confidenceOf({ ...good, ...change })).toBeLessThan(confidenceOf(good));
  });

  it('names each thing that is wrong', () => {
    expect(codes({ ...good, overlap: 0.2, movedMm: 60, runnerUpGap: 0, halvesMm: 3 })).toEqual([
      'little-overlap',
      'outside-search',
      'ambiguous',
      'unsure',
    ]);
  });
});
