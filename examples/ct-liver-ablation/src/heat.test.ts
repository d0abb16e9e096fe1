import { point } from '@trocar/core';
import { applicatorOf, ILLUSTRATIVE_APPLICATORS, plannedProbe, zoneShapeOf } from '@trocar/core/guidance';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AblationCase, phantomCase } from './case.js';
import { CT } from './frames.js';
import { type HeatPreview, heatProblem, previewHeat } from './heat.js';
import { fieldOf } from './label-fields.js';
import type { PlannedAblation } from './plan-step.js';

/** A probe of the least setting that burns a tumour, with its zone's middle at a place, its shaft from the front. */
function probeAt(middle: readonly [number, number, number]): PlannedAblation {
  const setting = { applicator: applicatorOf(ILLUSTRATIVE_APPLICATORS, 'example-microwave'), powerW: 60, minutes: 5 };
  const shape = zoneShapeOf(setting.applicator, setting.powerW, setting.minutes);
  const [x, y, z] = middle;
  const [entry, tip] = [point(CT, [x, y - 90, z]), point(CT, [x, y + shape.centreMm, z])];
  return { name: 'A', entry, tip, setting, probe: plannedProbe({ frame: CT, matrix: { entry, tip }, shape }) };
}

/** A place by the tumour that is 7 mm from the vein. */
function besideTheVein({ labels, roles }: AblationCase): readonly [number, number, number] {
  const vein = fieldOf(labels, roles.vessels[0] as number);
  const out = new Float64Array(3);
  const steps = Array.from({ length: 21 }, (_, n) => 2 * n - 20);
  const places = steps.flatMap((x) => steps.flatMap((y) => steps.map((z) => [-84 + x, -28 + y, 64 + z] as const)));
  const off = (p: readonly number[]): number => {
    vein.sampleInto(out, Float64Array.from(p));
    return Math.abs((out[0] as number) - 7);
  };
  return places.reduce((best, p) => (off(p) < off(best) ? p : best));
}

let given: AblationCase;

beforeAll(() => {
  given = phantomCase(1, 4);
}, 120_000);

describe('a heat preview', () => {
  it('burns about what the table says far from vessels, and leaves alive what a vein cools', async () => {
    const problem = heatProblem(given, [probeAt(besideTheVein(given))]);
    const near = await previewHeat(problem);
    const as = (tissue: (label: number) => number): Promise<HeatPreview> => {
      const voxels = Uint8Array.from(problem.labels.voxels, tissue);
      return previewHeat({ ...problem, labels: { ...problem.labels, voxels } });
    };
    const liver = await as(() => 1);
    const far = await as((label) => (label === 2 ? 1 : label));
    // 4/3 π · 15 · 15 · 19.5 mm³ by the table; the assumed antenna is held to it within a third.
    const tableMl = ((4 / 3) * Math.PI * 15 * 15 * 19.5) / 1000;
    expect(liver.ml / tableMl).toBeGreaterThan(0.67);
    expect(liver.ml / tableMl).toBeLessThan(1.33);
    expect(near.ml).toBeLessThan(far.ml);
    // What is destroyed without the vein, and lives beside it, lies about the vein.
    const { mask } = far;
    const vein = fieldOf(given.labels, given.roles.vessels[0] as number);
    const [p, out] = [new Float64Array(3), new Float64Array(3)];
    let [spared, beside] = [0, 0];
    for (let n = 0; n < mask.voxels.length; n += 1) {
      if (mask.voxels[n] !== 1 || near.mask.voxels[n] === 1) continue;
      const at = [n % mask.size[0], Math.floor(n / mask.size[0]) % mask.size[1], Math.floor(n / (mask.size[0] * mask.size[1]))];
      p.set(at.map((v, k) => (mask.frameFromIndex[5 * k] as number) * v + (mask.frameFromIndex[12 + k] as number)));
      vein.sampleInto(out, p);
      spared += 1;
      // Within three cells of its wall.
      if ((out[0] as number) < 7.5) beside += 1;
    }
    expect(spared).toBeGreaterThan(30);
    expect(beside / spared).toBeGreaterThan(0.8);
  });

  it('ends when it is asked to', async () => {
    const problem = heatProblem(given, [probeAt([-84, -28, 64])]);
    const signal = AbortSignal.abort();
    await expect(previewHeat(problem, { signal })).rejects.toMatchObject({ code: 'thermal/aborted' });
  });
});
