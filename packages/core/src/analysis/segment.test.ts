import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { frame } from '../frames/index.js';
import { fromRotationVector, identity4, multiply4, Random } from '../math/index.js';
import { codeOfAsync as errorCode } from '../test-support/error-code.js';
import { type Volume, volume } from '../volume/index.js';
import { acceptProposal, requireAccepted, segment, webSha256 } from './index.js';
import type { ModelDescription } from './model.js';
import { brighter, describedAs, ruleModel, towardsLeft } from './test-support/models.js';

const CT = frame('ct');
const seed = inject('seed');
const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** Soft blobs of up to 300 in -100, on a grid of its own spacing, turned and shifted. */
function blobs(random: Random, size: readonly [number, number, number], turn: readonly [number, number, number]): Volume<'ct'> {
  const spacing = [1.4, 1.7, 2.3];
  const m = identity4();
  spacing.forEach((s, r) => {
    m[5 * r] = s;
  });
  multiply4(m, fromRotationVector(identity4(), turn), m);
  m.set([13, -40, 77], 12);
  const centres = Array.from({ length: 5 }, () => size.map((n, r) => random.between(0.2, 0.8) * n * (spacing[r] as number)));
  const voxels = new Int16Array(size[0] * size[1] * size[2]);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        const near = Math.min(
          ...centres.map((c) => [i, j, k].reduce((sum, x, r) => sum + (x * (spacing[r] as number) - (c[r] as number)) ** 2, 0)),
        );
        voxels[n] = Math.round(-100 + 400 * Math.exp(-near / 90) + 3 * random.normal());
      }
    }
  }
  return volume({ frame: CT, voxels, size, frameFromIndex: m, rescale: { slope: 1, intercept: 0, unit: 'HU' }, modality: 'CT' });
}

/** The same picture of the same patient, its voxels in another order; and where each of its voxels was. */
function reordered(v: Volume<'ct'>, order: readonly number[], flips: readonly boolean[]): { v: Volume<'ct'>; from: Int32Array } {
  const size = order.map((a) => v.size[a] as number) as [number, number, number];
  const m = Float64Array.from(v.frameFromIndex);
  order.forEach((a, c) => {
    for (let r = 0; r < 3; r += 1) {
      const step = v.frameFromIndex[4 * a + r] as number;
      m[4 * c + r] = flips[c] ? -step : step;
      if (flips[c]) m[12 + r] = (m[12 + r] as number) + step * ((size[c] as number) - 1);
    }
  });
  const voxels = new Int16Array(v.voxels.length);
  const from = new Int32Array(v.voxels.length);
  for (let n = 0; n < voxels.length; n += 1) {
    const at = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / size[0] / size[1])];
    const old = [0, 0, 0];
    order.forEach((a, c) => {
      old[a] = flips[c] ? (size[c] as number) - 1 - (at[c] as number) : (at[c] as number);
    });
    from[n] = (old[0] as number) + v.size[0] * ((old[1] as number) + v.size[1] * (old[2] as number));
    voxels[n] = v.voxels[from[n] as number] as number;
  }
  return { v: { ...v, voxels, size, frameFromIndex: m }, from };
}

const countOf = (labels: Volume<'ct'>): number => Array.from(labels.voxels).reduce((sum, x) => sum + (x === 0 ? 0 : 1), 0);

describe('the order of a volume’s voxels', () => {
  it('does not change an answer: 48 orders of one oblique picture, label for label, by a model that tells left from right', async () => {
    const v = blobs(new Random(seed), [22, 19, 15], [0.2, -0.1, 0.3]);
    const model = ruleModel(describedAs(), towardsLeft);
    const { labels } = (await segment(v, model)).content;
    expect(countOf(labels)).toBeGreaterThan(100);
    let worst = 0;
    for (const order of ORDERS) {
      for (let bits = 0; bits < 8; bits += inject('effort') > 1 ? 1 : 3) {
        const other = reordered(v, order, [(bits & 1) > 0, (bits & 2) > 0, (bits & 4) > 0]);
        const found = (await segment(other.v, model)).content.labels;
        expect(found.frameFromIndex).toEqual(other.v.frameFromIndex);
        let unlike = 0;
        found.voxels.forEach((label, n) => {
          if (label !== labels.voxels[other.from[n] as number]) unlike += 1;
        });
        worst = Math.max(worst, unlike / labels.voxels.length);
      }
    }
    // Sums in another order may round a probability of one half to the other side.
    expect(worst).toBeLessThan(2e-3);
  });

  it('a mirrored patient gets the mirrored answer of a model that does not know left from right, and not of one that does', async () => {
    const v = blobs(new Random(seed + 1), [20, 18, 16], [0, 0, 0]);
    const flipped = { ...v, voxels: reordered(v, [0, 1, 2], [true, false, false]).v.voxels };
    const mirrorOf = (labels: Volume<'ct'>): ArrayLike<number> => reordered(labels, [0, 1, 2], [true, false, false]).v.voxels;
    const unlike = async (rule: Parameters<typeof ruleModel>[1]): Promise<number> => {
      const model = ruleModel(describedAs({ spacingMm: [1.4, 1.7, 2.3] }), rule);
      const there = (await segment(v, model)).content.labels;
      const mirrored = mirrorOf((await segment(flipped, model)).content.labels);
      return Array.from(there.voxels).reduce((sum, x, n) => sum + (x === mirrored[n] ? 0 : 1), 0) / countOf(there);
    };
    expect(await unlike(brighter(40))).toBeLessThan(0.01);
    expect(await unlike(towardsLeft)).toBeGreaterThan(0.5);
  });
});

describe('the way there and back', () => {
  it('on its own grid a rule for each voxel gives what the rule gives, whatever the tiles', async () => {
    const v = blobs(new Random(seed + 2), [31, 26, 18], [0, 0, 0]);
    for (const [patch, overlap] of [
      [[12, 12, 12], 0.5],
      [[7, 9, 5], 0.3],
      [[31, 26, 18], 0],
      [[40, 40, 40], 0],
    ] as const) {
      const model = ruleModel(describedAs({ spacingMm: [1.4, 1.7, 2.3], patch }), brighter(40));
      const { labels, probability } = (await segment(v, model, { overlap })).content;
      const odd = patch.some((p, r) => (Math.max(p, v.size[r] as number) - (v.size[r] as number)) % 2 === 1);
      // A patch that is larger than the image by an odd number of voxels lies half a voxel off.
      if (odd) continue;
      const likely = probability(1);
      let [wrong, worst] = [0, 0];
      v.voxels.forEach((x, n) => {
        if (x !== 40 && labels.voxels[n] !== (x > 40 ? 1 : 0)) wrong += 1;
        worst = Math.max(worst, Math.abs((likely.voxels[n] as number) / 255 - 1 / (1 + Math.exp(40 - x))));
      });
      expect(wrong).toBe(0);
      expect(worst).toBeLessThan(0.004);
    }
  });

  it('finds a ball where it is in any oblique grid: centre to 0.3 mm, volume to 3 %', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true })),
        async ([a, b]) => {
          const size = [34, 30, 26] as const;
          const m = identity4();
          [1.2, 1.5, 2].forEach((s, r) => {
            m[5 * r] = s;
          });
          multiply4(m, fromRotationVector(identity4(), [a, b, a - b]), m);
          const centre = [17, 14.3, 13].map((x, r) => x * ([1.2, 1.5, 2][r] as number));
          const voxels = new Int16Array(34 * 30 * 26);
          for (let n = 0; n < voxels.length; n += 1) {
            const at = [n % 34, Math.floor(n / 34) % 30, Math.floor(n / 34 / 30)];
            const d = Math.hypot(...at.map((x, r) => x * ([1.2, 1.5, 2][r] as number) - (centre[r] as number)));
            voxels[n] = Math.round(200 * Math.min(1, Math.max(0, (13 - d) / 2 + 0.5)));
          }
          const v = volume({
            frame: CT,
            voxels,
            size,
            frameFromIndex: m,
            rescale: { slope: 1, intercept: 0, unit: 'HU' },
            modality: 'CT',
          });
          const { labels } = (await segment(v, ruleModel(describedAs(), brighter(100, 20)))).content;
          const sum = [0, 0, 0, 0];
          labels.voxels.forEach((x, n) => {
            if (x === 0) return;
            [n % 34, Math.floor(n / 34) % 30, Math.floor(n / 34 / 30), 1].forEach((y, r) => {
              sum[r] = (sum[r] as number) + y;
            });
          });
          const count = sum[3] as number;
          const off = Math.hypot(
            ...[0, 1, 2].map((r) => ((sum[r] as number) / count) * ([1.2, 1.5, 2][r] as number) - (centre[r] as number)),
          );
          expect(off).toBeLessThan(0.3);
          expect(Math.abs((count * 3.6) / ((4 / 3) * Math.PI * 13 ** 3) - 1)).toBeLessThan(0.03);
        },
      ),
      { numRuns: 6 * inject('effort') },
    );
  });

  it('takes several images, labels for themselves, logits and numbers without a unit', async () => {
    const v = { ...blobs(new Random(seed + 3), [20, 18, 16], [0, 0, 0]), modality: 'MR', rescale: { slope: 3, intercept: 900 } };
    const second = { ...v, voxels: v.voxels.map((x) => -x) as Int16Array };
    const { unit: _, ...rest } = describedAs({
      spacingMm: [1.4, 1.7, 2.3],
      modalities: ['MR'],
      channels: 2,
      normalisation: { kind: 'z-score' },
      output: {
        kind: 'sigmoid',
        gives: 'logit',
        labels: [
          { value: 3, name: 'high' },
          { value: 7, name: 'low in the other' },
        ],
      },
    });
    // Both see the same places: the greater logit names the voxel.
    const model = ruleModel(rest, (at) => [20 * (at(0, 0, 0, 0) - 1), 10 * (-1 - at(0, 0, 0, 1))]);
    const { content } = await segment([v, second], model);
    const [mean, sd] = [0, 1].map((power) => {
      const m = Array.from(v.voxels).reduce((sum, x) => sum + x, 0) / v.voxels.length;
      return power === 0 ? m : Math.sqrt(Array.from(v.voxels).reduce((sum, x) => sum + (x - m) ** 2, 0) / v.voxels.length);
    }) as [number, number];
    let unlike = 0;
    v.voxels.forEach((x, n) => {
      const z = (x - mean) / sd;
      if (Math.abs(z - 1) > 0.02 && (content.labels.voxels[n] === 3) !== z > 1) unlike += 1;
    });
    expect(unlike).toBe(0);
    expect(content.labelNames.map((l) => l.value)).toEqual([3, 7]);
    expect(await errorCode(() => segment(v, model))).toBe('analysis/bad-option');
    expect(await errorCode(async () => content.probability(1))).toBe('analysis/bad-option');
  });

  it('tells which voxels are uncertain: those near the step of a soft model', async () => {
    const v = blobs(new Random(seed + 4), [20, 18, 16], [0, 0, 0]);
    const { content } = await segment(v, ruleModel(describedAs({ spacingMm: [1.4, 1.7, 2.3] }), brighter(40, 20)));
    let [uncertain, worst] = [0, 0];
    v.voxels.forEach((x, n) => {
      const p = 1 / (1 + Math.exp(-(x - 40) / 20));
      const h = -(p * Math.log2(p) + (1 - p) * Math.log2(1 - p)) || 0;
      if (h > 0.5) uncertain += 1;
      worst = Math.max(worst, Math.abs(h - (content.uncertainty.voxels[n] as number) / 255));
    });
    expect(worst).toBeLessThan(0.01);
    expect(Math.abs(content.uncertain.voxels - uncertain)).toBeLessThan(3);
    expect(content.uncertain.ml).toBeCloseTo((content.uncertain.voxels * 1.4 * 1.7 * 2.3) / 1000, 6);
  });
});

describe('what is refused, and what is told', () => {
  const v = blobs(new Random(7), [14, 14, 14], [0, 0, 0]);
  const model = (change: Partial<ModelDescription> = {}) => ruleModel(describedAs(change), brighter(40));

  it('refuses another modality, unit, a sheared grid, too much memory, wrong options, and says what', async () => {
    const sheared = Float64Array.from(v.frameFromIndex);
    sheared[9] = 0.6;
    const cases: [string, () => Promise<unknown>][] = [
      ['analysis/wrong-modality', () => segment({ ...v, modality: 'MR' }, model())],
      ['analysis/wrong-unit', () => segment({ ...v, rescale: { slope: 1, intercept: 0, unit: 'GML' } }, model())],
      ['volume/sheared', () => segment({ ...v, frameFromIndex: sheared }, model())],
      ['analysis/too-large', () => segment(v, model(), { maxBytes: 1000 })],
      ['analysis/bad-option', () => segment(v, model(), { overlap: 1 })],
      ['analysis/bad-option', () => segment(v, model(), { uncertainAbove: Number.NaN })],
      ['volume/bad-voxels', () => segment({ ...v, voxels: new Float32Array(v.voxels.length).fill(Number.NaN) }, model())],
      ['analysis/bad-output', () => segment(v, { ...model(), run: async () => new Float32Array(5) })],
      ['analysis/bad-output', () => segment(v, { ...model(), run: async () => new Float32Array(2 * 12 ** 3).fill(Number.NaN) })],
      ['analysis/bad-output', () => segment(v, { ...model(), run: async () => new Float32Array(2 * 12 ** 3).fill(3) })],
    ];
    for (const [code, run] of cases) expect(await errorCode(run)).toBe(code);
  });

  it('warns of a missing unit, far spacing, values that are no CT numbers, a small field, numbers that are none', async () => {
    const codes = async (change: Partial<Volume<'ct'>>, more: Partial<ModelDescription> = {}): Promise<string[]> =>
      (
        await segment(
          { ...v, ...change },
          model({ errors: { boundarySdMm: 0, diameterSdMm: 0, centroidSdMm: 0, on: 'x' }, ...more }),
        )
      ).warnings.map((w) => w.code);
    expect(await codes({})).toEqual([]);
    expect(await codes({ rescale: { slope: 1, intercept: 0 } })).toEqual(['unit-unknown']);
    expect(await codes({}, { trainedSpacingMm: [0.5, 2] })).toEqual(['spacing-outside-training']);
    expect(await codes({ rescale: { slope: 1, intercept: 5000, unit: 'HU' } })).toEqual(['values-implausible']);
    expect(await codes({}, { patch: [30, 30, 30] })).toEqual(['small-field']);
    const holed = Float32Array.from(v.voxels);
    holed[5] = Number.NaN;
    expect(await codes({ voxels: holed })).toEqual(['not-finite']);
    expect((await segment(v, model())).warnings.map((w) => w.code)).toEqual(['errors-unknown']);
    const unsure = ruleModel(describedAs(), () => [0.51, 0.49]);
    expect((await segment(v, unsure)).warnings.map((w) => w.code)).toContain('much-uncertain');
  });

  it('stops when told to, at once and within a tile', async () => {
    expect(await errorCode(() => segment(v, model(), { signal: AbortSignal.abort() }))).toBe('analysis/aborted');
    const stop = new AbortController();
    const asked = model();
    const large = blobs(new Random(8), [40, 40, 20], [0, 0, 0]);
    const progress = (done: number): void => {
      if (done > 0) stop.abort();
    };
    expect(await errorCode(() => segment(large, asked, { signal: stop.signal, progress }))).toBe('analysis/aborted');
    expect(asked.calls).toBe(1);
  });

  it('records what made it, and is no result before somebody accepts it', async () => {
    const at = new Date('2026-05-04T03:02:01Z');
    const found = await segment({ ...v, series: { seriesUid: '1.2.3' }, patient: { name: 'Doe^Jane' } }, model(), {
      createdAt: at,
    });
    const again = await segment(v, model());
    const changed = await segment({ ...v, voxels: v.voxels.map((x, n) => (n === 77 ? x + 1 : x)) as Int16Array }, model());
    expect(found.provenance).toMatchObject({
      model: { name: 'made for a test', version: '1', sha256: 'f'.repeat(64) },
      runtime: { backend: 'javascript' },
      createdAt: '2026-05-04T03:02:01.000Z',
      options: { overlap: 0.5 },
      grid: { orientation: 'LPS' },
    });
    expect(found.provenance.inputs[0]?.seriesUid).toBe('1.2.3');
    expect(again.provenance.createdAt).toBeUndefined();
    expect(again.provenance.inputs[0]?.sha256).toBe(found.provenance.inputs[0]?.sha256);
    expect(changed.provenance.inputs[0]?.sha256).not.toBe(found.provenance.inputs[0]?.sha256);
    expect(JSON.stringify(found.provenance)).not.toContain('Doe');
    expect(await errorCode(async () => requireAccepted(found, 'Planning'))).toBe('analysis/not-accepted');
    expect(await errorCode(async () => acceptProposal(found, { by: ' ', at }))).toBe('analysis/bad-option');
    const accepted = acceptProposal(found, { by: 'reader 1', at });
    expect(requireAccepted(accepted, 'Planning')).toBe(found.content);
    expect(found.status).toBe('proposed');
    // FIPS 180-4's example.
    expect(await webSha256(new TextEncoder().encode('abc'))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
