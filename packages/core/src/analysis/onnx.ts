import { NavError } from '../base/index.js';
import { type Sha256, webSha256 } from './hash.js';
import { type ModelDescription, type ModelRuntime, modelDescription, type SegmentationModel } from './model.js';

/** What is used of onnxruntime-web: the module is handed in, so that whoever needs no network does not carry one. */
export interface OrtModule {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: { readonly executionProviders: readonly string[] }): Promise<OrtSession>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OrtTensor;
  readonly env: { readonly versions: { readonly web?: string; readonly common: string } };
}

/** A network of onnxruntime's. */
export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

/** An array of onnxruntime's. */
export interface OrtTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
  dispose?(): void;
}

/** How a network is opened. */
export interface OnnxOptions {
  /** `auto`, the default: WebGPU where the page has it and the module can, else WASM, and the result says why. */
  readonly backend?: 'wasm' | 'webgpu' | 'auto';
  /** In place of WebCrypto's, which a page over plain HTTP lacks. */
  readonly sha256?: Sha256;
  /** In place of the global one, where the weights are given by their address. */
  readonly fetch?: (url: string) => Promise<Response>;
}

/**
 * A network in an ONNX file, run by onnxruntime-web. One input, one output: float32, 1 × channels × k × j × i.
 *
 * Where the runtime's own .wasm files lie is the application's affair: set `ort.env.wasm.wasmPaths` to a folder of your own and
 * `ort.env.wasm.numThreads` before; nothing is loaded from elsewhere. The module decides what it can: `onnxruntime-web/wasm` has WASM
 * alone, `onnxruntime-web/webgpu` both.
 * @param weights the file's bytes, or their address
 * @param description see {@link modelDescription}; its `sha256`, where given, must be that of the weights
 * @throws NavError `analysis/bad-model` (the description, or a file that is no such network), `analysis/wrong-weights`,
 * `analysis/runtime-failed` (no weights at the address, or a backend that does not start), `analysis/no-hash`
 */
export async function onnxModel(
  ort: OrtModule,
  weights: Uint8Array | string,
  description: ModelDescription,
  options: OnnxOptions = {},
): Promise<SegmentationModel> {
  const d = modelDescription(description);
  const bytes = typeof weights === 'string' ? await fetched(weights, options.fetch ?? ((url) => fetch(url))) : weights;
  const sha256 = await (options.sha256 ?? webSha256)(bytes);
  if (d.sha256 !== undefined && d.sha256 !== sha256) {
    throw new NavError(
      'analysis/wrong-weights',
      `These are not the weights of "${d.name}" ${d.version}: their SHA-256 is another.`,
      {
        detail: { expected: d.sha256, found: sha256 },
      },
    );
  }
  const { session, runtime } = await opened(ort, bytes, d, options.backend ?? 'auto');
  const [input, output] = [session.inputNames[0], session.outputNames[0]];
  if (session.inputNames.length !== 1 || session.outputNames.length !== 1 || input === undefined || output === undefined) {
    await session.release();
    throw new NavError('analysis/bad-model', `The network of "${d.name}" must have one input and one output.`, {
      detail: { inputs: session.inputNames, outputs: session.outputNames },
    });
  }
  return {
    description: d,
    sha256,
    runtime,
    run: (patch) => answered(ort, session, d, { input, output }, patch),
    release: () => session.release(),
  };
}

async function answered(
  ort: OrtModule,
  session: OrtSession,
  d: ModelDescription,
  { input, output }: { readonly input: string; readonly output: string },
  patch: Float32Array,
): Promise<Float32Array> {
  const [ni, nj, nk] = d.patch;
  const wanted = [1, d.output.labels.length, nk, nj, ni];
  let answer: OrtTensor | undefined;
  try {
    answer = (await session.run({ [input]: new ort.Tensor('float32', patch, [1, d.channels, nk, nj, ni]) }))[output];
  } catch (cause) {
    throw new NavError('analysis/runtime-failed', `The network of "${d.name}" could not be computed: ${wordsOf(cause)}`, {
      cause,
    });
  }
  if (!(answer?.data instanceof Float32Array) || answer.dims.join() !== wanted.join()) {
    throw new NavError(
      'analysis/bad-output',
      `The network of "${d.name}" gives ${answer?.dims.join(' × ')}, not float32 ${wanted.join(' × ')}.`,
    );
  }
  const numbers = answer.data;
  answer.dispose?.();
  return numbers;
}

/** The session, and what runs it: `auto` takes WASM where WebGPU is not there or cannot run the network. */
async function opened(
  ort: OrtModule,
  bytes: Uint8Array,
  d: ModelDescription,
  backend: 'wasm' | 'webgpu' | 'auto',
): Promise<{ readonly session: OrtSession; readonly runtime: ModelRuntime }> {
  const runtime = { name: 'onnxruntime-web', version: ort.env.versions.web ?? ort.env.versions.common };
  const start = (name: string): Promise<OrtSession> => ort.InferenceSession.create(bytes, { executionProviders: [name] });
  let fallback: string | undefined;
  if (backend !== 'wasm') {
    try {
      if (!(await hasGpu())) throw new Error('this machine or browser offers no WebGPU');
      const session = await start('webgpu');
      // Some operators are only missed when they are asked for: one empty patch, before anything depends on it.
      await proved(ort, session, d);
      return { session, runtime: { ...runtime, backend: 'webgpu' } };
    } catch (cause) {
      if (backend === 'webgpu') failed(d, cause);
      fallback = `WebGPU was not taken: ${wordsOf(cause)}`;
    }
  }
  const session = await start('wasm').catch((cause: unknown) => failed(d, cause));
  return { session, runtime: { ...runtime, backend: 'wasm', ...(fallback !== undefined && { fallback }) } };
}

async function hasGpu(): Promise<boolean> {
  const gpu = (globalThis.navigator as { gpu?: { requestAdapter(): Promise<unknown> } } | undefined)?.gpu;
  return gpu !== undefined && (await gpu.requestAdapter()) !== null;
}

async function proved(ort: OrtModule, session: OrtSession, d: ModelDescription): Promise<void> {
  const [ni, nj, nk] = d.patch;
  const zeros = new ort.Tensor('float32', new Float32Array(d.channels * ni * nj * nk), [1, d.channels, nk, nj, ni]);
  try {
    await session.run({ [session.inputNames[0] as string]: zeros });
  } catch (error) {
    await session.release();
    throw error;
  }
}

function failed(d: ModelDescription, cause: unknown): never {
  throw new NavError('analysis/runtime-failed', `onnxruntime-web could not open "${d.name}": ${wordsOf(cause)}`, { cause });
}

function wordsOf(cause: unknown): string {
  const words = cause instanceof Error ? cause.message : String(cause);
  return words.length > 200 ? `${words.slice(0, 200)}…` : words;
}

async function fetched(url: string, get: (url: string) => Promise<Response>): Promise<Uint8Array> {
  try {
    const response = await get(url);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw new NavError('analysis/runtime-failed', `The weights could not be fetched: ${wordsOf(cause)}`, { cause });
  }
}
