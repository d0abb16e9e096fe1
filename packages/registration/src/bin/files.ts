import { readFile, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  type AffineTransform,
  type Frame,
  frame,
  invertAffine,
  NavError,
  type Point,
  point,
  type Transform,
  transform,
} from '@trocar/core';
import { type ListedPoint, type ReadPoints, readPoints, type Space } from '@trocar/core/io';
import { rigidityError } from '@trocar/core/math';
import { readTransformFile, type TransformFile, writeTransformFile } from '../itk/index.js';
import type { Arguments } from './arguments.js';
import type { Note } from './report.js';

/** A regular file's bytes. @throws NavError `io/not-found` */
export async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    const about = await stat(path);
    // A device such as /dev/zero has no end; a pipe has one.
    if (!about.isFile() && !about.isFIFO()) throw new Error(about.isDirectory() ? 'it is a folder' : 'it is no file');
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^[A-Z]+: /, '').replace(/,.*$/s, '') : String(cause);
    throw new NavError('io/not-found', `"${path}" could not be read: ${reason}.`, { detail: { path }, cause });
  }
}

/** One side of a registration as it was read. */
export interface SideOfPoints {
  readonly read: ReadPoints;
  readonly notes: readonly Note[];
}

/**
 * The points that `--NAME` names, with `--NAME-space` or `--space`, and `--NAME-list`.
 * @param list which list of the file, where no option says so
 * @throws NavError as readPoints
 */
export async function pointsOf(args: Arguments, name: string, list?: number): Promise<SideOfPoints> {
  const space: Space | undefined = args.choice(`${name}-space`, ['LPS', 'RAS']) ?? args.choice('space', ['LPS', 'RAS']);
  const wanted = args.text(`${name}-list`) ?? list;
  const read = await readPoints(args.required(name), {
    ...(space !== undefined && { space }),
    ...(wanted !== undefined && { list: wanted }),
  });
  args.notes.push(...read.warnings);
  return { read, notes: read.warnings };
}

/** Targets, and the notes about their file; none where `--targets` is not given. */
export async function targetsOf(
  args: Arguments,
): Promise<{ readonly points: readonly ListedPoint[]; readonly notes: readonly Note[] }> {
  if (args.text('targets') === undefined) return { points: [], notes: [] };
  const { read, notes } = await pointsOf(args, 'targets');
  return { points: read.points.filter((p) => p.defined), notes };
}

/** A listed point as a point of a frame. */
export function inFrame<F extends string>(where: Frame<F>, p: ListedPoint): Point<F> {
  return point(where, p.xyz);
}

export const FIXED: Frame<'fixed'> = frame('fixed');
export const MOVING: Frame<'moving'> = frame('moving');

/** Text of six digits leaves a rotation this far from orthogonal. */
const RIGID_WITHIN = 1e-4;

/**
 * A pose to start from: an ITK file (`.tfm`, `.txt`, `.h5`, `.mat`), which maps fixed to moving and is inverted here, or
 * this command's own JSON with `fixedFromMoving`.
 * @throws NavError `transform/…`, `frame/not-rigid`, `io/not-found`
 */
export async function initialOf(args: Arguments): Promise<Transform<'fixed', 'moving'> | undefined> {
  const path = args.text('initial');
  if (path === undefined) return undefined;
  const file: TransformFile = { name: basename(path), bytes: await bytesOf(path) };
  if (/\.json$/i.test(path)) return rigid(matrixInJson(file));
  const stored = await readTransformFile(file, { to: MOVING, from: FIXED });
  if (stored.kind === 'deformable') {
    throw new NavError(
      'transform/unsupported',
      `"${path}" holds a deformation; a registration can only start from a rigid pose.`,
    );
  }
  return rigid(invertAffine(stored.edge).matrix);
}

function rigid(matrix: ArrayLike<number>): Transform<'fixed', 'moving'> {
  // A start need not be exact: what its file has rounded is made orthogonal again; scale and shear are refused.
  const off = rigidityError(matrix);
  return transform(FIXED, MOVING, off > 1e-6 && off < RIGID_WITHIN ? orthogonal(matrix) : matrix);
}

/** One step of Newton's iteration towards the nearest rotation, R(3 − RᵀR)/2: exact to the square of the error. */
function orthogonal(m: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(m);
  const at = (r: number, c: number): number => m[4 * c + r] as number;
  for (let r = 0; r < 3; r += 1) {
    for (let c = 0; c < 3; c += 1) {
      let sum = 1.5 * at(r, c);
      for (let k = 0; k < 3; k += 1) {
        let gram = 0;
        for (let i = 0; i < 3; i += 1) gram += at(i, k) * at(i, c);
        sum -= 0.5 * at(r, k) * gram;
      }
      out[4 * c + r] = sum;
    }
  }
  return out;
}

function matrixInJson({ name, bytes }: TransformFile): Float64Array {
  let rows: unknown;
  try {
    rows = (JSON.parse(new TextDecoder().decode(bytes)) as { fixedFromMoving?: unknown } | null)?.fixedFromMoving;
  } catch (cause) {
    throw new NavError('transform/corrupt', `"${name}" is no JSON.`, { cause });
  }
  const flat: unknown[] = Array.isArray(rows) && rows.length === 4 ? rows.flat() : [];
  if (flat.length !== 16 || !flat.every((x) => typeof x === 'number' && Number.isFinite(x))) {
    throw new NavError('transform/corrupt', `"${name}" has no "fixedFromMoving" of four rows of four numbers.`);
  }
  return Float64Array.from({ length: 16 }, (_, i) => flat[4 * (i % 4) + (i >> 2)] as number);
}

/** What was written, for the report. */
export interface Written {
  readonly path: string;
  readonly holds: 'movingFromFixed';
}

/**
 * Writes the result to `--out` as ITK and 3D Slicer read it: the map from fixed to moving, the inverse of
 * `fixedFromMoving`. A result that its own checks do not trust is only written with `--force`: whoever loads the file sees
 * nothing of its outcome.
 * @throws NavError `io/not-writable`, `transform/unsupported`
 */
export async function writeOut(
  args: Arguments,
  edge: AffineTransform<'fixed', 'moving'>,
  trusted: boolean,
): Promise<{ readonly written: Written | null; readonly notes: readonly Note[] }> {
  const path = args.text('out');
  if (path === undefined) return { written: null, notes: [] };
  if (!trusted && !args.flag('force')) {
    const message = `"${path}" was not written, and is as it was: the result is not to be used without a look at its findings. --force writes it.`;
    return { written: null, notes: [{ code: 'not-written', message }] };
  }
  const file = await writeTransformFile(invertAffine(edge), basename(path));
  try {
    await writeFile(path, commented(file));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^[A-Z]+: /, '').replace(/,.*$/s, '') : String(cause);
    throw new NavError('io/not-writable', `"${path}" could not be written: ${reason}.`, { detail: { path }, cause });
  }
  return { written: { path, holds: 'movingFromFixed' }, notes: [] };
}

/** In the text form there is room to say what the numbers are. */
function commented({ name, bytes }: TransformFile): Uint8Array {
  if (!/\.(tfm|txt)$/i.test(name)) return bytes;
  const [first, ...rest] = new TextDecoder().decode(bytes).split('\n');
  const comment = '#Maps points of the fixed space to the moving one (LPS, mm): the inverse of fixedFromMoving';
  return new TextEncoder().encode([first, comment, ...rest].join('\n'));
}

/** `--out`'s format is wrong before anything is computed. @throws NavError `transform/unsupported` */
export function requireOutFormat(args: Arguments): void {
  const path = args.text('out');
  if (path === undefined || /\.(tfm|txt|h5|hdf5|mat)$/i.test(path)) return;
  throw new NavError(
    'transform/unsupported',
    `"${path}" is not a transform file that is known: use .tfm, .txt, .h5, .hdf5 or .mat.`,
  );
}
