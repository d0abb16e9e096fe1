import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-web/wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, codeOfAsync } from '../test-support/error-code.js';
import { drawLiverAnatomy, liverTumourPhantom } from '../testing/index.js';
import { measureLesions, modelDescription, onnxModel, type SegmentationModel, segment } from './index.js';

const file = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`../../../../test/models/liver-tumour/${name}`, import.meta.url)));
const weights = new Uint8Array(file('liver-tumour.onnx'));
const description = modelDescription(JSON.parse(file('liver-tumour.json').toString()));

ort.env.wasm.numThreads = 1;

/** The patch of test/models/liver-tumour/check.py, made of the same formula: liver with a slow wave, a darker ball, no image beyond one side. */
function checkPatch(): Float32Array {
  return Float32Array.from({ length: 48 ** 3 }, (_, n) => {
    const [i, j, k] = [n % 48, Math.floor(n / 48) % 48, Math.floor(n / 48 ** 2)];
    if (i >= 44) return -2;
    const inBall = (i - 24) ** 2 + (j - 22) ** 2 + (k - 23) ** 2 <= 25;
    return 0.55 + 0.05 * Math.sin(0.7 * i + 0.3 * j + 0.5 * k) - (inBall ? 0.45 : 0);
  });
}

describe('the demonstration network', () => {
  let model: SegmentationModel;
  beforeAll(async () => {
    model = await onnxModel(ort, weights, description, { backend: 'wasm' });
  });
  afterAll(() => model.release?.());

  it('finds the tumours of a phantom whose anatomy was held out, in an oblique mirrored grid, and proposes them', async () => {
    const anatomy = drawLiverAnatomy(2003, 'held-out');
    // No more than what is around the tumours: for time alone.
    const around = (r: number, side: 1 | -1): number =>
      side * Math.max(...anatomy.tumours.map((t) => side * (t.centre[r] as number))) + side * 48;
    const phantom = liverTumourPhantom({
      anatomy,
      field: [around(0, -1), around(1, -1), around(2, -1), around(0, 1), around(1, 1), around(2, 1)],
      seed: 5,
      axes: 'SRA',
      spacingMm: [3, 2.2, 2.2],
      obliqueRad: [0.1, -0.05, 0.08],
      noise: 14,
      faults: { textureHu: 3, streakHu: 3, biasHu: 4 },
    });
    const { content, provenance, status } = await segment(phantom.volume, model, { overlap: 0.25 });
    expect(status).toBe('proposed');
    expect(provenance.runtime).toMatchObject({ name: 'onnxruntime-web', backend: 'wasm', version: ort.env.versions.web });
    expect(provenance.model.sha256).toBe(description.sha256);
    let [both, sum] = [0, 0];
    content.labels.voxels.forEach((label, n) => {
      const real = (phantom.tumourLabels.voxels[n] as number) > 0;
      if (real && label === 1) both += 1;
      sum += (real ? 1 : 0) + label;
    });
    expect((2 * both) / sum).toBeGreaterThan(0.8);
    const lesions = measureLesions(content.labels, { leastMl: 0.3, errors: content.errors });
    for (const truth of phantom.tumours) {
      const off = lesions.map((l) =>
        Math.hypot(...[0, 1, 2].map((r) => (l.centroid.xyz[r] as number) - (truth.centroid.xyz[r] as number))),
      );
      expect(Math.min(...off)).toBeLessThan(4);
    }
  });

  it('says for one patch what torch says of the same weights', async () => {
    const check = JSON.parse(file('liver-tumour.check.json').toString()) as {
      readonly sha256: string;
      readonly row: { readonly k: number; readonly j: number };
      readonly sum: number;
      readonly probability: string;
    };
    expect(check.sha256).toBe(description.sha256);
    const tumour = (await model.run(checkPatch())).subarray(48 ** 3);
    const from = 48 * (check.row.j + 48 * check.row.k);
    const row = tumour.subarray(from, from + 48);
    // Single precision through a dozen layers of sums: a millionth of the full scale, times ten.
    expect(Math.max(...check.probability.split(' ').map((p, i) => Math.abs(Number(p) - (row[i] as number))))).toBeLessThan(1e-5);
    expect(Math.abs(tumour.reduce((a, b) => a + b, 0) / check.sum - 1)).toBeLessThan(1e-5);
    expect(Math.max(...row)).toBeGreaterThan(0.9);
  });

  it('is refused for MR', async () => {
    const mr = { ...liverTumourPhantom({ anatomy: drawLiverAnatomy(1, 'training'), spacingMm: 12 }).volume, modality: 'MR' };
    expect(await codeOfAsync(() => segment(mr, model))).toBe('analysis/wrong-modality');
  });
});

describe('an ONNX file', () => {
  it('whose weights are others, that is none, or that gives another shape is refused', async () => {
    const changed = weights.slice();
    changed[100_000] = (changed[100_000] as number) ^ 1;
    expect(await codeOfAsync(() => onnxModel(ort, changed, description))).toBe('analysis/wrong-weights');
    const { sha256: _, ...unhashed } = description;
    expect(await codeOfAsync(() => onnxModel(ort, new Uint8Array(500), unhashed))).toBe('analysis/runtime-failed');
    const larger = await onnxModel(ort, weights, { ...description, patch: [32, 32, 32] });
    expect(await codeOfAsync(() => larger.run(new Float32Array(32 ** 3)))).toBe('analysis/runtime-failed');
    await larger.release?.();
    const third = { value: 2, name: 'more' };
    const more = { ...description, output: { ...description.output, labels: [...description.output.labels, third] } };
    const wider = await onnxModel(ort, weights, more);
    expect(await codeOfAsync(() => wider.run(new Float32Array(48 ** 3)))).toBe('analysis/bad-output');
    await wider.release?.();
  });

  it('is taken by its address, and an address without one is told', async () => {
    const get = async (url: string): Promise<Response> =>
      new Response(url === 'here' ? weights : null, { status: url === 'here' ? 200 : 404 });
    const model = await onnxModel(ort, 'here', description, { fetch: get });
    expect(model.sha256).toBe(description.sha256);
    await model.release?.();
    expect(await codeOfAsync(() => onnxModel(ort, 'there', description, { fetch: get }))).toBe('analysis/runtime-failed');
  });

  it('without WebGPU `auto` takes WASM and says why; `webgpu` refuses', async () => {
    const model = await onnxModel(ort, weights, description, { backend: 'auto' });
    expect(model.runtime.backend).toBe('wasm');
    expect(model.runtime.fallback).toContain('WebGPU');
    await model.release?.();
    expect(await codeOfAsync(() => onnxModel(ort, weights, description, { backend: 'webgpu' }))).toBe('analysis/runtime-failed');
  });
});

describe('a description', () => {
  it('is refused where a field is missing or makes no sense, by the field’s name', () => {
    const output = description.output;
    const broken: [string, unknown][] = [
      ['the whole', null],
      ['name', { ...description, name: '' }],
      ['modalities', { ...description, modalities: [] }],
      ['spacingMm', { ...description, spacingMm: [3, 3] }],
      ['patch', { ...description, patch: [48, 48, 0] }],
      ['channels', { ...description, channels: 1.5 }],
      ['normalisation', { ...description, normalisation: { ...description.normalisation, divide: 0 } }],
      ['normalisation', { ...description, normalisation: { kind: 'window', low: 5, high: 1, subtract: 0, divide: 1 } }],
      ['outside', { ...description, outside: Number.NaN }],
      ['trainedSpacingMm', { ...description, trainedSpacingMm: [5, 1] }],
      ['output', { ...description, output: { ...output, kind: 'argmax' } }],
      ['output', { ...description, output: { ...output, labels: [output.labels[1], output.labels[1]] } }],
      ['output', { ...description, output: { ...output, kind: 'sigmoid' } }],
      ['sha256', { ...description, sha256: 'ABC' }],
      ['errors', { ...description, errors: { boundarySdMm: -1, diameterSdMm: 0, centroidSdMm: 0, on: 'x' } }],
    ];
    for (const [field, given] of broken) {
      expect(codeOf(() => modelDescription(given))).toBe('analysis/bad-model');
      expect(() => modelDescription(given)).toThrow(field);
    }
    expect(modelDescription(description)).toBe(description);
  });
});
