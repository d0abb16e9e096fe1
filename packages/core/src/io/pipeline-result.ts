import { NavError } from '../base/index.js';
import type { PipelineCall, PipelineImage } from './platform.js';

/** What itk-wasm's runners hand back, as far as it is used here. */
interface PipelineResult {
  readonly returnValue: number;
  readonly stderr: string;
  readonly outputs: ReadonlyArray<{ readonly data?: unknown }>;
}

interface ItkImage {
  readonly imageType: { readonly componentType: string; readonly components: number };
  readonly size: readonly number[];
  readonly data: ArrayBufferView | null;
}

/**
 * The image among a pipeline's outputs, with its bytes in a tight array of our own: itk-wasm hands out views on
 * SharedArrayBuffers, which cannot be transferred and are refused by some browser APIs.
 * @throws NavError `io/corrupt`
 */
export function imageFrom(call: PipelineCall, result: PipelineResult): PipelineImage {
  const image = result.outputs[call.imageOutput]?.data as ItkImage | undefined;
  if (result.returnValue !== 0 || !image?.data || image.data.byteLength === 0) throw pipelineFailed(call, result.stderr);
  const { buffer, byteOffset, byteLength } = image.data;
  const bytes = new Uint8Array(byteLength);
  bytes.set(new Uint8Array(buffer, byteOffset, byteLength));
  return {
    size: image.size.map(Number),
    components: image.imageType.components,
    componentType: image.imageType.componentType,
    bytes,
  };
}

/** C++ exceptions arrive as bare numbers, others as text: either becomes one clear error. */
export function pipelineFailed(call: PipelineCall, cause: unknown): NavError<'io/corrupt'> {
  const names = call.files.map((f) => `"${f.name}"`).slice(0, 3);
  const text = typeof cause === 'string' ? cause.trim() : cause instanceof Error ? cause.message : `code ${String(cause)}`;
  return new NavError(
    'io/corrupt',
    `The decoder "${call.pipeline}" could not decode ${names.join(', ')}: ${text.slice(0, 300) || 'no reason given'}.`,
    { detail: { pipeline: call.pipeline }, cause },
  );
}
