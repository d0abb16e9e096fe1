import { expect, it } from 'vitest';
import { drawLiverAnatomy, liverTumourPhantom, type TumourShape } from '../testing/index.js';
import { modelDescription, type OrtModule, onnxModel, segment } from './index.js';

/** Where an application would put the runtime's files: a folder of its own server. Nothing is loaded from elsewhere. */
const RUNTIME = '/node_modules/onnxruntime-web/dist/';
const MODEL = '/test/models/liver-tumour/liver-tumour';

it('the demonstration network finds a tumour in a page, with weights and runtime from the page’s own server', async () => {
  const ort = (await import(/* @vite-ignore */ `${RUNTIME}ort.wasm.min.mjs`)) as OrtModule & {
    env: { wasm: { numThreads: number; wasmPaths: string } };
  };
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = RUNTIME;
  const description = modelDescription(await (await fetch(`${MODEL}.json`)).json());
  const model = await onnxModel(ort, `${MODEL}.onnx`, description);
  // Chromium without a GPU: WASM, and the reason is told.
  expect(model.runtime.backend).toBe('wasm');
  const anatomy = drawLiverAnatomy(2003, 'held-out');
  const [x, y, z] = (anatomy.tumours[0] as TumourShape).centre;
  const phantom = liverTumourPhantom({
    anatomy,
    spacingMm: 3,
    noise: 10,
    field: [x - 70, y - 70, z - 70, x + 70, y + 70, z + 70],
  });
  const { content, warnings } = await segment(phantom.volume, model, { overlap: 0 });
  let [both, sum] = [0, 0];
  content.labels.voxels.forEach((label, n) => {
    const real = (phantom.tumourLabels.voxels[n] as number) > 0;
    if (real && label === 1) both += 1;
    sum += (real ? 1 : 0) + label;
  });
  expect((2 * both) / sum).toBeGreaterThan(0.7);
  expect(warnings.map((w) => w.code)).toContain('backend-fallback');
  await model.release?.();
});
