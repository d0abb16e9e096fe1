import { NavError } from '../base/index.js';

/** How values become what a network takes. `outside` of a {@link ModelDescription} goes the same way. */
export type Normalisation =
  | {
      /** (min(max(value, low), high) − subtract) / divide, in the model's unit. */
      readonly kind: 'window';
      readonly low: number;
      readonly high: number;
      readonly subtract: number;
      readonly divide: number;
    }
  /** (value − mean) / standard deviation, both of all finite values of the volume: for MR, whose numbers have no unit. */
  | { readonly kind: 'z-score' };

/** One output of a network. */
export interface ModelLabel {
  /** What its voxels are in a label volume: 1 … 255; 0 for the background, which only `softmax` has. */
  readonly value: number;
  readonly name: string;
}

/** What is known of a network's errors, measured on images that it was not trained with. Standard deviations, mm. */
export interface MeasuredErrors {
  /** How far the boundary of one lesion lies off in the mean over its surface. */
  readonly boundarySdMm: number;
  /** Of the largest diameter. */
  readonly diameterSdMm: number;
  /** Of the centroid, along each axis. */
  readonly centroidSdMm: number;
  /** On what they were measured. */
  readonly on: string;
}

/**
 * What a network takes and gives: all that a pipeline must know, and nothing of the runtime. Kept as JSON beside the weights.
 *
 * Its input is always in patient axes, whatever the order of a volume's voxels: i grows to the left (L), j to the back (P), k to
 * the head (S), i fastest; the array is channels × k × j × i.
 */
export interface ModelDescription {
  readonly name: string;
  readonly version: string;
  /** What it is for, and what not, in a sentence that a person reads. */
  readonly purpose: string;
  /** DICOM modalities it was trained with; any other is refused. */
  readonly modalities: readonly string[];
  /** Unit of the values, `HU` say; absent where they have none. */
  readonly unit?: string;
  /** Edges of a voxel of its input along L, P, S, mm. */
  readonly spacingMm: readonly [number, number, number];
  /** Voxels of its input along L, P, S. */
  readonly patch: readonly [number, number, number];
  /** How many images it takes at once, on one grid. */
  readonly channels: number;
  readonly normalisation: Normalisation;
  /** The value that stands where there is no image, in the model's unit. */
  readonly outside: number;
  /** Least and greatest voxel edge of the images that it was trained for, mm: beyond, a warning. */
  readonly trainedSpacingMm: readonly [number, number];
  readonly output: {
    /** `softmax`: one label a voxel, the first is the background. `sigmoid`: each label for itself. */
    readonly kind: 'softmax' | 'sigmoid';
    /** Whether the network gives probabilities, or what `kind` makes them of. */
    readonly gives: 'probability' | 'logit';
    readonly labels: readonly ModelLabel[];
  };
  /** SHA-256 of the weights' bytes, hexadecimal: other weights are refused. */
  readonly sha256?: string;
  readonly errors?: MeasuredErrors;
}

/** What computes: for the record of a result. */
export interface ModelRuntime {
  readonly name: string;
  readonly version: string;
  /** `wasm`, `webgpu`, or what a runtime of your own calls it. */
  readonly backend: string;
  /** Why a better backend was not taken. */
  readonly fallback?: string;
}

/** A network that can be asked: of any runtime. {@link onnxModel} makes one of an ONNX file. */
export interface SegmentationModel {
  readonly description: ModelDescription;
  /** SHA-256 of the weights' bytes, hexadecimal. */
  readonly sha256: string;
  readonly runtime: ModelRuntime;
  /**
   * One patch, normalised: channels × k × j × i (i fastest), LPS axes. Gives as many numbers for each label of the output, in
   * the same order. The array given is written to again once the promise has settled.
   */
  run(patch: Float32Array): Promise<Float32Array>;
  /** Gives memory back. */
  release?(): Promise<void>;
}

const positive = (x: unknown): boolean => typeof x === 'number' && x > 0 && Number.isFinite(x);
const whole = (x: unknown): boolean => Number.isInteger(x) && (x as number) > 0;
const finite = (x: unknown): boolean => typeof x === 'number' && Number.isFinite(x);
const text = (x: unknown): boolean => typeof x === 'string' && x.length > 0;
const three = (x: unknown, test: (y: unknown) => boolean): boolean => Array.isArray(x) && x.length === 3 && x.every(test);

/**
 * A description, checked: of a model's JSON file, or of an object of your own.
 * @throws NavError `analysis/bad-model` naming the field
 */
export function modelDescription(given: unknown): ModelDescription {
  if (typeof given !== 'object' || given === null) bad('the whole', 'an object');
  const d = given as ModelDescription;
  const checks: ReadonlyArray<readonly [string, boolean, string]> = [
    ['name', text(d.name), 'a text'],
    ['version', text(d.version), 'a text'],
    ['purpose', text(d.purpose), 'a text'],
    ['modalities', Array.isArray(d.modalities) && d.modalities.length > 0 && d.modalities.every(text), 'a list of modalities'],
    ['unit', d.unit === undefined || text(d.unit), 'a text or absent'],
    ['spacingMm', three(d.spacingMm, positive), 'three lengths above 0'],
    ['patch', three(d.patch, whole), 'three whole numbers above 0'],
    ['channels', whole(d.channels), 'a whole number above 0'],
    ['normalisation', isNormalisation(d.normalisation), 'a window (low < high, divide not 0) or z-score'],
    ['outside', finite(d.outside), 'a number'],
    ['trainedSpacingMm', isRange(d.trainedSpacingMm), 'two lengths, the lesser first'],
    ['output', isOutput(d.output), 'a kind, what it gives, and labels of different values (softmax: 0 first, then others)'],
    ['sha256', d.sha256 === undefined || /^[0-9a-f]{64}$/.test(d.sha256), '64 small hexadecimal digits or absent'],
    ['errors', d.errors === undefined || isErrors(d.errors), 'three lengths of at least 0, and on what they were measured'],
  ];
  for (const [field, fits, wanted] of checks) if (!fits) bad(field, wanted);
  return d;
}

function isNormalisation(n: Normalisation | undefined): boolean {
  if (n?.kind === 'z-score') return true;
  return n?.kind === 'window' && finite(n.low) && n.high > n.low && finite(n.high) && finite(n.subtract) && finite(1 / n.divide);
}

function isRange(r: readonly [number, number] | undefined): boolean {
  return Array.isArray(r) && r.length === 2 && positive(r[0]) && positive(r[1]) && (r[0] as number) <= (r[1] as number);
}

function isOutput(o: ModelDescription['output'] | undefined): boolean {
  if (typeof o !== 'object' || o === null || !Array.isArray(o.labels) || !['probability', 'logit'].includes(o.gives))
    return false;
  const values = o.labels.map((l: ModelLabel) => l.value);
  const named = o.labels.every((l: ModelLabel) => text(l.name) && Number.isInteger(l.value) && l.value >= 0 && l.value <= 255);
  if (!named || new Set(values).size !== values.length) return false;
  if (o.kind === 'softmax') return values.length >= 2 && values[0] === 0;
  return o.kind === 'sigmoid' && values.length >= 1 && !values.includes(0);
}

function isErrors(e: MeasuredErrors): boolean {
  return [e.boundarySdMm, e.diameterSdMm, e.centroidSdMm].every((x) => finite(x) && x >= 0) && text(e.on);
}

function bad(field: string, wanted: string): never {
  throw new NavError('analysis/bad-model', `The description of a segmentation model needs ${wanted} as ${field}.`, {
    detail: { field },
  });
}
