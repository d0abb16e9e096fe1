import { encodeVolume, readVolume } from '@trocar/core/io';
import type { Volume } from '@trocar/core/volume';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AblationCase, phantomCase } from './case.js';
import { filesCase } from './files-case.js';
import { CT } from './frames.js';
import { apart } from './plan-geometry.js';
import { PlanStep } from './plan-step.js';

/** Through the format that segmentations mostly come in, which holds neither patient nor frame of reference. */
async function throughFile(volume: Volume<'ct'>): Promise<Volume<'ct'>> {
  const name = 'file.nii.gz';
  return readVolume([{ name, bytes: await encodeVolume(volume, name) }], { frame: CT });
}

let phantom: AblationCase;
let images: Volume<'ct'>;
let labels: Volume<'ct'>;

beforeAll(async () => {
  phantom = phantomCase(3, 8);
  images = await throughFile(phantom.volume);
  labels = await throughFile(phantom.labels);
}, 120_000);

describe('a case of two files', () => {
  it('has the tumour where it was drawn, on its side, with marks on the skin about it, and can be planned', async () => {
    const given = filesCase(images, labels, phantom.roles, 3);
    const [made, original] = [new PlanStep(given), new PlanStep(phantom)];
    expect(made.target.volumeMm3 / original.target.volumeMm3).toBeCloseTo(1, 5);
    expect(apart(made.centre.xyz, original.centre.xyz)).toBeLessThan(0.01);
    expect(given.side).toBe(phantom.side);
    expect(given.warnings.join(' ')).toMatch(/names of its own.*nobody touched them/);
    const marks = [...given.fiducials, ...given.landmarks];
    expect(marks).toHaveLength(10);
    marks.forEach(({ at }, n) => {
      for (const other of marks.slice(n + 1)) {
        expect(apart(at.xyz, other.at.xyz)).toBeGreaterThanOrEqual(45);
      }
    });
    expect(await made.findEntries()).toBeUndefined();
    expect(made.search?.ranked.length).toBeGreaterThan(10);
  });

  it('is refused where the label map lies on another grid, or has no tumour', () => {
    const frameFromIndex = Float64Array.from(labels.frameFromIndex);
    frameFromIndex[14] = (frameFromIndex[14] as number) + 8;
    const code = (of: Volume<'ct'>, tumour: number): unknown => {
      try {
        filesCase(images, of, { ...phantom.roles, tumour }, 3);
        return undefined;
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    expect(code({ ...labels, frameFromIndex }, phantom.roles.tumour)).toBe('guidance/wrong-frame-of-reference');
    expect(code(labels, 99)).toBe('guidance/bad-plan');
  });
});
