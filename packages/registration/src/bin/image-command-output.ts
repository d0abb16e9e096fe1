import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { invertAffine, NavError } from '@trocar/core';
import { writeVolume } from '@trocar/core/io';
import { resampleThrough, writeTransformFile } from '../itk/index.js';
import { type Arguments, UsageError } from './arguments.js';
import { requireOutFormat, type Written, writeOut } from './files.js';
import type { ImageTransform } from './image-command-choice.js';
import type { ImageInputs } from './image-command-input.js';
import type { ImageResult } from './image-command-result.js';
import type { Note } from './report.js';

/**
 * What the names of the files to write say is wrong, before anything is computed. The answer is the names for `--resampled`:
 * one, or one for each moving image.
 * @throws NavError `transform/unsupported`, `io/unsupported-format`; UsageError
 */
export function requireOutputs(args: Arguments, transform: ImageTransform, moving: readonly string[]): readonly string[] {
  requireOutFormat(args);
  const out = args.text('out');
  if (transform === 'bspline' && out !== undefined && !/\.(tfm|txt)$/i.test(out))
    throw new NavError('transform/unsupported', `A deformation is written as text: name "${out}" .tfm or .txt.`);
  const given = args.text('resampled');
  if (given === undefined) return [];
  const paths = moving.length > 1 ? given.split(',').map((part) => part.trim()) : [given];
  if (paths.length > moving.length)
    throw new UsageError(`--resampled names ${paths.length} files for ${moving.length} moving images.`);
  for (const path of paths) {
    if (/\.(nii|nii\.gz|nrrd|mha)$/i.test(path)) continue;
    throw new NavError('io/unsupported-format', `"${path}" cannot be written: choose .nii, .nii.gz, .nrrd or .mha.`, {
      detail: { path },
    });
  }
  return paths;
}

/** What was written. */
export interface WrittenImages {
  readonly out: Written | null;
  readonly resampled: readonly string[] | null;
  readonly notes: readonly Note[];
}

/**
 * Writes `--out`, and `--resampled`: the moving images on the fixed image's grid. Only what is ok, or with `--force`.
 * @throws NavError `io/not-writable`
 */
export async function writeImages(
  args: Arguments,
  paths: readonly string[],
  { fixed, moving }: ImageInputs,
  result: Pick<ImageResult, 'outcome' | 'edge' | 'deformation'>,
): Promise<WrittenImages> {
  const trusted = result.outcome === 'ok';
  const { written: out, notes } =
    result.deformation === undefined
      ? await writeOut(args, result.edge, trusted)
      : { written: await writeDeformation(args, result.deformation), notes: [] };
  if (paths.length === 0) return { out, resampled: null, notes };
  if (!trusted && !args.flag('force')) {
    const message = `"${paths.join('", "')}" was not written, and is as it was: the result is not to be used without a look at its findings. --force writes it.`;
    return { out, resampled: null, notes: [...notes, { code: 'not-written', message }] };
  }
  const through = result.deformation ?? invertAffine(result.edge);
  for (const [k, path] of paths.entries()) {
    const source = (moving[k] as ImageInputs['moving'][0]).volume;
    await writeVolume(resampleThrough(source, fixed.volume, through), path);
  }
  return { out, resampled: paths, notes };
}

async function writeDeformation(args: Arguments, what: NonNullable<ImageResult['deformation']>): Promise<Written | null> {
  const path = args.text('out');
  if (path === undefined) return null;
  const file = await writeTransformFile(what, basename(path));
  try {
    await writeFile(path, file.bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^[A-Z]+: /, '').replace(/,.*$/s, '') : String(cause);
    throw new NavError('io/not-writable', `"${path}" could not be written: ${reason}.`, { detail: { path }, cause });
  }
  return { path, holds: 'movingFromFixed' };
}
