import { NavError } from '../base/index.js';
import type { Frame } from '../frames/index.js';

/** A file in memory: its name (a path is cut to its last part) and its bytes. */
export interface VolumeFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * What a volume can be read from: in Node a path (a folder of DICOM files, with all folders below it, or one file of any
 * format); everywhere
 * files in memory, or the `File`s a browser hands out.
 */
export type VolumeSource = string | ReadonlyArray<VolumeFile | File>;

/** All {@link SuvKind}s. */
export const SUV_KINDS: readonly ['body-weight', 'lean-body-mass-james', 'lean-body-mass-janmahasatian', 'body-surface'] = [
  'body-weight',
  'lean-body-mass-james',
  'lean-body-mass-janmahasatian',
  'body-surface',
];

/**
 * What an uptake is divided by: body weight, lean body mass by James (Suv Type LBMJAMES128) or by Janmahasatian (LBMJANMA),
 * or body surface by Du Bois (PS3.3, C.8.9.1).
 */
export type SuvKind = (typeof SUV_KINDS)[number];

/** How to read. */
export interface ReadVolumeOptions<F extends string> {
  /** The frame the volume spans: patient coordinates, LPS, mm. */
  readonly frame: Frame<F>;
  /** Which series to take where the source holds several. */
  readonly seriesUid?: string;
  /**
   * What to do with a DICOM series whose slices are unevenly spaced or missing. `refuse` (the default) throws;
   * `interpolate` lays an even grid through the slices, fills it linearly and says so in a `gaps-filled` warning.
   * Meant for a person who has seen the refusal and decided.
   */
  readonly gaps?: 'refuse' | 'interpolate';
  /**
   * Which volume to take where a DICOM series holds several of one place (time points, cardiac phases, echoes, b-values): a
   * key among the choices that the error `dicom/several-volumes` lists, such as `Echo Time=4.6`.
   */
  readonly pick?: string;
  /** Turns a PET series into SUV by this measure of the body; the volume's `suv` warning says what it rests on. */
  readonly suv?: SuvKind;
  /** Ends the reading early with `io/aborted`. */
  readonly signal?: AbortSignal;
  /** Called now and then with the fraction done, 0 to 1. */
  readonly progress?: (fraction: number) => void;
}

/** Stops where the caller has asked for it. @throws NavError `io/aborted` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new NavError('io/aborted', 'Reading was stopped by the caller.', { cause: signal.reason });
  }
}

/** Lets other work run between two pieces of a long one, then stops where asked. @throws NavError `io/aborted` */
export async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  throwIfAborted(signal);
}

/** The last part of a path with either separator. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

/** Files in memory, from what a caller handed over. @throws NavError `io/not-found`, `io/aborted` */
export async function filesInMemory(
  source: ReadonlyArray<VolumeFile | File>,
  signal: AbortSignal | undefined,
): Promise<readonly VolumeFile[]> {
  if (source.length === 0) throw new NavError('io/not-found', 'No files were given. Choose at least one.');
  const files: VolumeFile[] = [];
  for (const file of source) {
    throwIfAborted(signal);
    files.push(isFile(file) ? { name: file.name, bytes: await bytesOf(file) } : file);
  }
  return files;
}

/** By its method, not by `instanceof`: a File may come from another window. */
function isFile(file: VolumeFile | File): file is File {
  return typeof (file as File).arrayBuffer === 'function';
}

async function bytesOf(file: File): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (cause) {
    throw new NavError('io/not-found', `"${file.name}" could not be read by the browser. Was it moved?`, { cause });
  }
}
