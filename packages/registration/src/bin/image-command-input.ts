import { existsSync } from 'node:fs';
import { type Frame, type Transform, transform } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { identity4, transformPoint } from '@trocar/core/math';
import {
  type AnyVolume,
  cornersOf,
  resampleStraight,
  Sampler,
  SHEAR_LIMIT_DEGREES,
  shearDegrees,
  spacingOf,
  type Volume,
} from '@trocar/core/volume';
import { type Arguments, UsageError } from './arguments.js';
import { FIXED, initialOf, MOVING } from './files.js';
import type { ImageAbout } from './image-command-choice.js';
import type { Note } from './report.js';

/** One image as its file has it, and as it is registered. */
export interface ReadImage<F extends string> {
  readonly about: ImageAbout;
  readonly volume: Volume<F>;
  /** The same without shear. */
  readonly straight: Volume<F>;
}

/** An image of either side. */
export type AnyReadImage = ReadImage<'fixed'> | ReadImage<'moving'>;

/** Everything that was read. */
export interface ImageInputs {
  readonly fixed: ReadImage<'fixed'>;
  readonly moving: readonly ReadImage<'moving'>[];
  readonly fixedMask: Volume<'fixed'> | undefined;
  readonly movingMask: Volume<'moving'> | undefined;
}

/** What is true of every NIfTI and NRRD, and does not bear on a registration. */
const COMMON: readonly string[] = ['no-frame-of-reference', 'no-patient'];

/** The moving images' paths: one, or several with commas between them. */
export function movingPaths(args: Arguments): readonly string[] {
  const given = args.required('moving');
  // A comma may also be part of a name.
  const paths = existsSync(given) ? [given] : given.split(',').map((part) => part.trim());
  if (paths.some((path) => path === '')) throw new UsageError(`--moving has an empty name: "${given}".`);
  return paths;
}

/** Reads the images and masks; what was found out about them goes to the notes. @throws NavError as readVolume */
export async function readImages(args: Arguments, paths: readonly string[], signal: AbortSignal): Promise<ImageInputs> {
  // All at once, for unpacking one does not keep the others from being read; told of, and complained of, in the order asked for.
  const ofFixed = started(readImage(args, 'fixed', args.required('fixed'), FIXED, signal));
  const ofMoving = paths.map((path) => started(readImage(args, 'moving', path, MOVING, signal)));
  const fixed = await taken(args, ofFixed);
  const moving: ReadImage<'moving'>[] = [];
  for (const reading of ofMoving) moving.push(await taken(args, reading));
  notePatients(args, [fixed, ...moving]);
  return {
    fixed,
    moving,
    fixedMask: await readMask(args, 'fixed-mask', FIXED, signal),
    movingMask: await readMask(args, 'moving-mask', MOVING, signal),
  };
}

type Reading<F extends string> = Promise<{ readonly image: ReadImage<F>; readonly notes: readonly Note[] }>;

/** Its failure is heard when it is waited for: where an image before it fails, nobody waits. */
function started<T>(reading: Promise<T>): Promise<T> {
  reading.catch(() => undefined);
  return reading;
}

async function taken<F extends string>(args: Arguments, reading: Reading<F>): Promise<ReadImage<F>> {
  const { image, notes } = await reading;
  args.notes.push(...notes);
  return image;
}

async function readImage<F extends string>(
  args: Arguments,
  side: 'fixed' | 'moving',
  path: string,
  frame: Frame<F>,
  signal: AbortSignal,
): Reading<F> {
  const seriesUid = args.text(`${side}-series`);
  const volume = await readVolume(path, { frame, signal, ...(seriesUid !== undefined && { seriesUid }) });
  const notes: Note[] = volume.warnings.filter(({ code }) => !COMMON.includes(code)).map((w) => named(w, path));
  const sheared = shearDegrees(volume) > SHEAR_LIMIT_DEGREES;
  if (sheared) {
    const message = `"${path}" is sheared, and was resampled onto right angles to be registered.`;
    notes.push({ code: 'resampled', message });
  }
  const about: ImageAbout = { path, modality: volume.modality, saidUltrasound: args.flag(`${side}-is-ultrasound`) };
  return { image: { about, volume, straight: sheared ? resampleStraight(volume) : volume }, notes };
}

/** Where to start: what `--initial` holds, or with `--initial centres` the images' centres on each other. */
export function startOf(args: Arguments, file: Start, { fixed, moving: [moving] }: ImageInputs): Start {
  if (!startsAtCentres(args)) return file;
  const [f, m] = [middleOf(fixed.volume), middleOf((moving as ReadImage<'moving'>).volume)];
  const matrix = identity4();
  for (let r = 0; r < 3; r += 1) matrix[12 + r] = (f[r] as number) - (m[r] as number);
  return transform(FIXED, MOVING, matrix);
}

type Start = Transform<'fixed', 'moving'> | undefined;

/** What is read of `--initial` before the images are. @throws NavError as initialOf */
export async function startInFile(args: Arguments): Promise<Start> {
  return startsAtCentres(args) ? undefined : initialOf(args);
}

function startsAtCentres(args: Arguments): boolean {
  return args.text('initial') === 'centres';
}

function middleOf(v: AnyVolume): number[] {
  return [0, 1, 2].map((r) => cornersOf(v).reduce((sum, c) => sum + (c[r] as number) / 8, 0));
}

async function readMask<F extends string>(
  args: Arguments,
  name: string,
  frame: Frame<F>,
  signal: AbortSignal,
): Promise<Volume<F> | undefined> {
  const path = args.text(name);
  return path === undefined ? undefined : readVolume(path, { frame, signal });
}

/** Two images may be warned of in the same words. */
function named({ code, message }: Note, path: string): Note {
  return { code, message: message.includes(path) ? message : `"${path}": ${message}` };
}

/** Images of two people do not belong together; the identities themselves are nobody's business here. */
function notePatients(args: Arguments, images: readonly AnyReadImage[]): void {
  const ids = new Set(images.map(({ volume }) => volume.patient.id).filter((id) => id !== undefined && id !== ''));
  if (ids.size > 1)
    args.notes.push({ code: 'patients-differ', message: 'The images name different patients. Are these the right files?' });
}

/** A copy whose voxels have no value where the mask, on any grid of the same frame, is not above 0. */
export function masked<F extends string>(v: Volume<F>, mask: Volume<F> | undefined): Volume<F> {
  if (mask === undefined) return v;
  const sampler = new Sampler(mask);
  const voxels = Float32Array.from(v.voxels);
  const [ni, nj, nk] = v.size;
  const p = new Float64Array(3);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        p[0] = i;
        p[1] = j;
        p[2] = k;
        transformPoint(p, v.frameFromIndex, p);
        if (!(sampler.at(p[0] as number, p[1] as number, p[2] as number) > 0)) voxels[n] = Number.NaN;
      }
    }
  }
  return { ...v, voxels };
}

/** What the report says of an image. */
export function imageFacts({ about, volume }: AnyReadImage): Record<string, unknown> {
  return { path: about.path, modality: volume.modality, size: volume.size, spacingMm: spacingOf(volume) };
}
