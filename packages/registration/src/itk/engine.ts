/** One call of an ITK pipeline, and what differs between Node and the browser in making it. */

/** Scalar image as itk-wasm takes and gives it. `direction` is row-major, axes in its columns, LPS. */
export interface ItkImage {
  imageType: { dimension: number; componentType: string; pixelType: string; components: number };
  name: string;
  origin: number[];
  spacing: number[];
  direction: Float64Array;
  size: number[];
  metadata: Map<string, unknown>;
  data: Float32Array;
}

/** One transform of itk-wasm's list form. */
export interface ItkTransform {
  transformType: {
    transformParameterization: string;
    parametersValueType: string;
    inputDimension: number;
    outputDimension: number;
  };
  numberOfFixedParameters: number;
  numberOfParameters: number;
  name: string;
  inputSpaceName: string;
  outputSpaceName: string;
  parameters: Float64Array | Float32Array;
  fixedParameters: Float64Array;
}

/** itk-wasm's interface types that are used here, by their own names. */
export type PipelineValue =
  | { readonly type: 'Image'; readonly data: ItkImage }
  | { readonly type: 'JsonCompatible'; readonly data: unknown }
  | { readonly type: 'TransformList'; readonly data: readonly ItkTransform[] }
  | { readonly type: 'BinaryFile'; readonly data: { readonly path: string; readonly data: Uint8Array } };

/** What a pipeline is asked for; a file is asked for by its path. */
export interface PipelineRequest {
  readonly type: PipelineValue['type'];
  readonly data?: { readonly path: string; readonly data: Uint8Array };
}

/** One run of a pipeline. */
export interface PipelineCall {
  readonly package: '@itk-wasm/elastix' | '@itk-wasm/transform-io';
  readonly pipeline: string;
  readonly args: readonly string[];
  /** Given away: do not use their arrays afterwards. */
  readonly inputs: readonly PipelineValue[];
  readonly outputs: readonly PipelineRequest[];
}

/** How a pipeline ended. `reason` is what it said where it failed: C++ exceptions say only a number. */
export type PipelineAnswer =
  | { readonly ok: true; readonly outputs: readonly unknown[] }
  | { readonly ok: false; readonly reason: string };

/** A worker that runs pipelines one after the other. */
export interface Engine {
  /**
   * Runs a pipeline. Ends the worker, and with it the engine, where `signal` aborts.
   * @throws NavError `registration/aborted`, `assets/not-configured`, `assets/missing`
   */
  run(call: PipelineCall, signal: AbortSignal | undefined): Promise<PipelineAnswer>;
  /** Ends the worker. */
  close(): void;
}
