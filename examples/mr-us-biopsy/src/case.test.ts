import { volume } from '@trocar/core/volume';
import { describe, expect, inject, it } from 'vitest';
import { importCase, onAnotherFrame, sideOf } from './case.js';
import { phantomCase } from './phantom-case.js';

const seed = inject('seed');
const { given, body } = phantomCase(seed, 1);
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'nothing';
};

describe('the import of a case', () => {
  it('finds the gland and the lesions with their sides, sizes and weights', () => {
    expect(given.gland.volumeMl).toBeGreaterThan(20);
    expect(given.lesions.map((l) => l.name)).toEqual(body.lesions.map((l) => l.name));
    given.lesions.forEach((l, n) => {
      const truth = body.lesions[n];
      expect(l.side).toBe(truth?.side);
      expect(Math.abs(l.radiusMm - (truth?.radiusMm ?? 0))).toBeLessThan(1);
      expect(l.weight).toBeCloseTo((truth?.suspicion ?? 0) / 5, 12);
    });
  });

  it('refuses a segmentation on another frame of reference, or none beside one', () => {
    expect(codeOf(() => importCase(body.t2, onAnotherFrame(body.labels)))).toBe('guidance/wrong-frame-of-reference');
    const { frameOfReferenceUid: _, ...unnamed } = body.labels;
    expect(codeOf(() => importCase(body.t2, volume(unnamed)))).toBe('guidance/wrong-frame-of-reference');
  });

  it('takes two unnamed images only where they lie on one grid, and names the frame by their content', () => {
    const { frameOfReferenceUid: _a, ...mr } = body.t2;
    const { frameOfReferenceUid: _b, ...labels } = body.labels;
    const made = importCase(volume(mr), volume(labels));
    expect(made.mr.frameOfReferenceUid).toMatch(/^2\.25\.[1-9]\d{10,}$/);
    expect(importCase(volume(mr), volume(labels)).mr.frameOfReferenceUid).toBe(made.mr.frameOfReferenceUid);
    const moved = Float64Array.from(labels.frameFromIndex);
    moved[12] = (moved[12] as number) + 1;
    expect(codeOf(() => importCase(volume(mr), volume({ ...labels, frameFromIndex: moved })))).toBe(
      'guidance/wrong-frame-of-reference',
    );
  });

  it('refuses a map without a gland, and one without a lesion', () => {
    const only = (keep: (label: number) => boolean) =>
      volume({
        ...body.labels,
        frameOfReferenceUid: body.labels.frameOfReferenceUid ?? '',
        voxels: (body.labels.voxels as Uint8Array).map((v) => (keep(v) ? v : 0)),
      });
    expect(
      codeOf(() =>
        importCase(
          body.t2,
          only((v) => v > 1),
        ),
      ),
    ).toBe('guidance/bad-plan');
    expect(
      codeOf(() =>
        importCase(
          body.t2,
          only((v) => v === 1),
        ),
      ),
    ).toBe('guidance/bad-plan');
  });

  it('says a side only beyond the midline', () => {
    expect(sideOf([3, 0, 0], [0, 0, 0])).toBe('left');
    expect(sideOf([-3, 0, 0], [0, 0, 0])).toBe('right');
    expect(sideOf([1.9, 9, 9], [0, 0, 0])).toBe('midline');
  });
});
