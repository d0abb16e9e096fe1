import { type AffineTransform, affineTransform, type Frame, NavError } from '@trocar/core';
import { determinant3 } from '@trocar/core/math';
import { openEngine } from '#itk/engine';
import { deformation, type ElastixDeformation } from './deformation.js';
import { earlierName, elastixTransform, isElastixText } from './elastix-file.js';
import { affineParameterMap, chainedMatrix, isLinear, linearMatrix } from './elastix-transform.js';
import type { ItkTransform, PipelineAnswer, PipelineCall } from './engine.js';
import { parameterMapsOf, type StoredTransform, storedTransforms } from './itk-transform.js';
import type { ParameterMap } from './parameters.js';
import { parseTransformText, writeTransformText } from './transform-text.js';

/** A transform file in memory. */
export interface TransformFile {
  /** Its extension says its format: .tfm, .txt, .h5, .hdf5, .mat. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a transform file holds: a matrix where all its parts are linear, else a deformation. */
export type StoredRegistration<To extends string, From extends string> =
  | { readonly kind: 'linear'; readonly edge: AffineTransform<To, From> }
  | { readonly kind: 'deformable'; readonly deformation: ElastixDeformation<To, From> };

/**
 * Reads a transform file of ITK or of elastix: LPS, mm, mapping points of `from` to `to`.
 *
 * The file does not name its frames. In both programs a registration's transform maps FIXED points to MOVING points, so
 * `from` is usually the fixed image's frame. Text files (.tfm, .txt) are read here; .h5 and .mat through ITK in a worker.
 * A .txt file that begins as elastix' TransformParameters files do is read as one. Such a file may name another that is
 * applied before it: hand that over in `others`.
 * @param others files that may be named, found by name without folder
 * @throws NavError `transform/corrupt`, `transform/unsupported`, `assets/not-configured` (browser, .h5 and .mat)
 */
export async function readTransformFile<To extends string, From extends string>(
  file: TransformFile,
  frames: { readonly to: Frame<To>; readonly from: Frame<From> },
  others: readonly TransformFile[] = [],
): Promise<StoredRegistration<To, From>> {
  const maps = await mapsIn(file, others);
  if (maps.every(isLinear)) {
    const matrix = chainedMatrix(maps);
    if (!matrix.every((x) => Number.isFinite(x)) || determinant3(matrix) === 0)
      throw new NavError('transform/corrupt', `"${file.name}" holds no finite matrix that can be inverted.`);
    return { kind: 'linear', edge: affineTransform(frames.to, frames.from, matrix, { method: 'transform-file' }) };
  }
  return { kind: 'deformable', deformation: deformation(frames.to, frames.from, maps) };
}

/** What a file holds in elastix's terms, in order of application, with what it says comes before it. */
async function mapsIn(file: TransformFile, others: readonly TransformFile[]): Promise<ParameterMap[]> {
  const format = formatOf(file.name);
  if (format !== 'txt') return parameterMapsOf(await readThroughItk(file, format));
  const text = new TextDecoder().decode(file.bytes);
  if (!isElastixText(text)) return parameterMapsOf(parseTransformText(text));
  const map = elastixTransform(text, file.name);
  const earlier = earlierName(map);
  if (earlier === undefined) return [map];
  const found = others.find((other) => baseName(other.name) === baseName(earlier));
  if (found === undefined) {
    throw new NavError(
      'transform/unsupported',
      `"${file.name}" is applied after "${earlier}", which was not given. Hand that file over in \`others\` as well.`,
      { detail: { name: file.name, earlier } },
    );
  }
  // Each file is used once, so files that name each other come to an end.
  return [
    ...(await mapsIn(
      found,
      others.filter((other) => other !== found),
    )),
    map,
  ];
}

function baseName(path: string): string {
  return path.replace(/^.*[/\\]/, '');
}

/**
 * Writes an ITK transform file that maps points of `from` to points of `to`, as {@link readTransformFile} reads it and as
 * ITK, elastix's converters and 3D Slicer do. Linear transforms are written as AffineTransform, in full precision.
 * @param name its extension chooses the format: .tfm or .txt (text), .h5 or .hdf5, .mat
 * @throws NavError `transform/unsupported` for a deformation in another format than text
 */
export async function writeTransformFile<To extends string, From extends string>(
  what: AffineTransform<To, From> | ElastixDeformation<To, From>,
  name: string,
): Promise<TransformFile> {
  const format = formatOf(name);
  const maps = 'parameterMaps' in what ? what.parameterMaps : [affineParameterMap(what.matrix)];
  const stored = storedTransforms(maps, (map) => (isLinear(map) ? linearMatrix(map) : undefined));
  if (format === 'txt') return { name, bytes: new TextEncoder().encode(writeTransformText(stored)) };
  if (stored.some((t) => t.kind !== 'AffineTransform')) {
    // transform-io 0.1.1 cannot write a B-spline, and drops the entry that says that several parts are one.
    throw new NavError('transform/unsupported', `Only a linear transform can be written as "${name}": name the file .tfm.`);
  }
  return writeThroughItk(stored, name, format);
}

type Format = 'txt' | 'hdf5' | 'mat';

function formatOf(name: string): Format {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase();
  if (extension === 'tfm' || extension === 'txt') return 'txt';
  if (extension === 'h5' || extension === 'hdf5') return 'hdf5';
  if (extension === 'mat') return 'mat';
  throw new NavError(
    'transform/unsupported',
    `"${name}" is not a transform file that is known: use .tfm, .txt, .h5, .hdf5 or .mat.`,
  );
}

/** ITK's own name for each parameterization of itk-wasm. */
const KINDS: Readonly<Record<string, string>> = {
  Affine: 'AffineTransform',
  BSpline: 'BSplineTransform',
  Composite: 'CompositeTransform',
};

async function readThroughItk(file: TransformFile, format: Format): Promise<StoredTransform[]> {
  const path = `transform.${format === 'mat' ? 'mat' : 'h5'}`;
  const answer = await once({
    package: '@itk-wasm/transform-io',
    pipeline: `${format}-read-transform`,
    args: [path, '0', '1', '--memory-io'],
    inputs: [{ type: 'BinaryFile', data: { path, data: file.bytes.slice() } }],
    outputs: [{ type: 'JsonCompatible' }, { type: 'TransformList' }],
  });
  if (!answer.ok || answer.outputs[0] !== true) {
    throw new NavError(
      'transform/corrupt',
      `ITK could not read "${file.name}" as a transform${answer.ok ? '' : ` (${answer.reason})`}.`,
    );
  }
  return (answer.outputs[1] as readonly ItkTransform[]).map((t) => {
    const name = t.transformType.transformParameterization;
    const composite = name === 'Composite';
    return {
      kind: KINDS[name] ?? `${name}Transform`,
      parameters: composite ? [] : t.parameters,
      fixedParameters: composite || t.numberOfFixedParameters === 0 ? [] : t.fixedParameters,
    };
  });
}

async function writeThroughItk(stored: readonly StoredTransform[], name: string, format: Format): Promise<TransformFile> {
  const path = `transform.${format === 'mat' ? 'mat' : 'h5'}`;
  const answer = await once({
    package: '@itk-wasm/transform-io',
    pipeline: `${format}-write-transform`,
    args: ['0', '0', path, '--memory-io'],
    inputs: [{ type: 'TransformList', data: stored.map(itkForm) }],
    outputs: [{ type: 'JsonCompatible' }, { type: 'BinaryFile', data: { path, data: new Uint8Array() } }],
  });
  const written = answer.ok ? (answer.outputs[1] as { readonly data?: Uint8Array } | undefined)?.data : undefined;
  if (!answer.ok || answer.outputs[0] !== true || written === undefined) {
    throw new NavError('transform/unsupported', `ITK could not write "${name}"${answer.ok ? '' : ` (${answer.reason})`}.`);
  }
  return { name, bytes: written.slice() };
}

function itkForm(t: StoredTransform): ItkTransform {
  return {
    transformType: {
      transformParameterization: t.kind.replace(/Transform$/, ''),
      parametersValueType: 'float64',
      inputDimension: 3,
      outputDimension: 3,
    },
    numberOfFixedParameters: t.fixedParameters.length,
    numberOfParameters: t.parameters.length,
    name: t.kind,
    inputSpaceName: '',
    outputSpaceName: '',
    parameters: Float64Array.from(t.parameters),
    fixedParameters: Float64Array.from(t.fixedParameters),
  };
}

async function once(call: PipelineCall): Promise<PipelineAnswer> {
  const engine = openEngine();
  try {
    return await engine.run(call, undefined);
  } finally {
    engine.close();
  }
}
