import type { ModelDescription, SegmentationModel } from '../model.js';

/** A description of a model that is not a network; what matters to a test is given. */
export function describedAs(change: Partial<ModelDescription> = {}): ModelDescription {
  return {
    name: 'made for a test',
    version: '1',
    purpose: 'None.',
    modalities: ['CT'],
    unit: 'HU',
    spacingMm: [2, 2, 2],
    patch: [12, 12, 12],
    channels: 1,
    normalisation: { kind: 'window', low: -1000, high: 1000, subtract: 0, divide: 1 },
    outside: -1000,
    trainedSpacingMm: [0.5, 5],
    output: {
      kind: 'softmax',
      gives: 'probability',
      labels: [
        { value: 0, name: 'background' },
        { value: 1, name: 'bright' },
      ],
    },
    ...change,
  };
}

/** What a model says at one voxel: from a reader of its patch (offsets from that voxel), one number for each label. */
type Rule = (at: (di: number, dj: number, dk: number, channel?: number) => number) => readonly number[];

/** A model that asks a rule at every voxel; beyond the patch it sees its border's voxels. */
export function ruleModel(description: ModelDescription, rule: Rule): SegmentationModel & { calls: number } {
  const [ni, nj, nk] = description.patch;
  const voxels = ni * nj * nk;
  const within = (x: number, n: number): number => Math.min(n - 1, Math.max(0, x));
  const model = {
    description,
    sha256: 'f'.repeat(64),
    runtime: { name: 'a rule', version: '1', backend: 'javascript' },
    calls: 0,
    run: async (patch: Float32Array): Promise<Float32Array> => {
      model.calls += 1;
      const out = new Float32Array(description.output.labels.length * voxels);
      for (let n = 0; n < voxels; n += 1) {
        const [i, j, k] = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / ni / nj)];
        const answer = rule((di, dj, dk, channel = 0) => {
          const place = within(i + di, ni) + ni * (within(j + dj, nj) + nj * within(k + dk, nk));
          return patch[channel * voxels + place] as number;
        });
        answer.forEach((x, c) => {
          out[c * voxels + n] = x;
        });
      }
      return out;
    },
  };
  return model;
}

/** Bright where the value is above a limit, with a soft step `width` wide. */
export const brighter =
  (limit: number, width = 1): Rule =>
  (at) => {
    const p = 1 / (1 + Math.exp(-(at(0, 0, 0) - limit) / width));
    return [1 - p, p];
  };

/** Sees what the order of the axes is: a step up towards the left, and a smaller one towards the head. */
export const towardsLeft: Rule = (at) => {
  const p = 1 / (1 + Math.exp(-(at(1, 0, 0) - at(-1, 0, 0) + 0.3 * (at(0, 0, 1) - at(0, 0, -1)) + 0.1 * at(0, 1, 0)) / 40));
  return [1 - p, p];
};
